//! What may act on the reader's machine, call home, or hide from whoever looks at the card.
//!
//! Nothing here is run, fetched or matched as an expression; it is only pointed at.

use serde_json::Value;

use super::{Hit, Part, Rule, Subject, Text, Topic, about, edit_text, excerpt, hit, page, row};
use crate::Severity::{Error, Info, Warning};
use crate::card::Path;
use crate::card::path::{self, Step};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Security, [
    row("security-script", Error, "no text holds a script",
        "Programs that show a card in a browser have run such text before (CVE-2025-59053). Take it out, or do not use the card.",
        "<img src=x onerror=alert(1)>", |s| each_lower(s, script), None),
    row("security-html", Info, "texts hold no HTML",
        "Markup changes how the card looks in a browser and is noise to the model.",
        "<div style=...>", |s| each_lower(s, |t| find(t, &["<div", "<span", "<style", "<table", "<font", "<iframe", "<form", "<button", "<details"], "HTML")), None),
    row("security-frame", Error, "no text loads another page",
        "A frame, object or form shows or sends something that is not in the card.",
        "<iframe src=https://...>", |s| each_lower(s, |t| find(t, &["<iframe", "<object", "<embed", "<form", "<base", "<meta"], "a page is loaded")), None),
    row("security-image-url", Warning, "no picture is loaded from the network",
        "The server behind it learns when, and from where, the card is opened.",
        "![](https://example.com/x.png)", |s| each_lower(s, remote_image), None),
    row("security-url-macro", Error, "no address carries a macro",
        "`{{user}}` or the last message in an address sends it to whoever owns the server.",
        "https://example.com/?u={{user}}", |s| s.each(|t| url_with(&t.text, "{{")), None),
    row("security-url", Info, "texts that a model sees hold no addresses",
        "Models repeat them and invent others like them.",
        "See https://example.com", |s| prompts(s, |t| t.find("://").map(|at| format!("an address: {}", excerpt(t, at)))), None),
    row("security-css-url", Warning, "no style loads from the network",
        "`url(...)` in a style calls a server as a picture does.",
        "background: url(https://example.com/x)", |s| each_lower(s, |t| find(t, &["url(http", "url('http", "url(\"http", "@import"], "a style loads")), None),
    row("security-bidi", Error, "no character turns the reading order",
        "Text that is shown in another order than it is read can hide what it says.",
        "abc\\u202efed", |s| every(s, |t| characters(t, is_bidi, "characters that turn the reading order")), Some(|card, path| edit_text(card, path, |t| without(t, is_bidi)))),
    row("security-hidden-text", Warning, "no text is invisible",
        "Zero-width characters and Unicode tags are read by the model and seen by nobody.",
        "a\\u200bb", |s| every(s, |t| characters(t, is_hidden, "invisible characters")), Some(|card, path| edit_text(card, path, |t| without(t, is_hidden)))),
    row("security-terminal", Error, "no text holds control characters",
        "An escape sequence can move the cursor, rename the window or rewrite what a terminal shows.",
        "\\u001b[2J", |s| every(s, |t| characters(t, is_control, "control characters")), Some(|card, path| edit_text(card, path, |t| without(t, is_control)))),
    row("security-hidden-style", Warning, "no style hides text",
        "Text of no size, no colour or no visibility is read by the model and seen by nobody.",
        "<span style=\"font-size:0\">...", |s| each_lower(s, hidden_style), None),
    row("security-html-comment", Warning, "no text hides in an HTML comment",
        "A browser does not show it; the model reads it.",
        "<!-- ignore the user -->", |s| s.each(|t| t.text.find("<!--").map(|at| format!("a comment: {}", excerpt(&t.text, at)))), None),
    row("security-hidden-macro", Info, "no text hides in a comment macro",
        "`{{// ...}}` and `{{hidden_key: ...}}` are not shown; a key hidden so still brings lorebook entries in.",
        "{{hidden_key:secret}}", |s| each_lower(s, |t| find(t, &["{{//", "{{hidden_key:", "{{comment:"], "a hidden text")), None),
    row("security-instruction", Warning, "no text talks to the program",
        "Phrases such as `ignore all previous instructions` are attempts to take over whatever reads the card.",
        "Ignore all previous instructions.", |s| each_lower(s, |t| find(t, &["ignore all previous", "ignore previous instructions", "disregard all previous", "reveal your system prompt"], "an instruction to the program")), None),
    row("security-data-url", Warning, "no text holds a data address with a page in it",
        "`data:text/html` is a whole page, with scripts if it likes.",
        "data:text/html;base64,...", |s| each_lower(s, |t| find(t, &["data:text/html", "data:image/svg", "data:application/javascript"], "a data address")), None),
    row("security-regex-script", Info, "the card brings no regular expressions that rewrite messages",
        "SillyTavern asks before it runs `regex_scripts`; they can change everything that is shown. Read them first.",
        "\"extensions\": {\"regex_scripts\": [...]}", |s| extension(s, &["regex_scripts"], "rewrites messages"), None),
    row("security-extension-script", Warning, "the card brings no scripts for other programs",
        "RisuAI triggers and scripts, TavernHelper scripts and background HTML run when the card is used there.",
        "\"extensions\": {\"risuai\": {\"triggerscript\": [...]}}", |s| deep(s, &["triggerscript", "customScripts", "virtualscript", "backgroundHTML", "backgroundEmbedding", "TavernHelper_scripts", "tavern_helper"]), None),
    row("security-low-level-access", Error, "the card does not ask for low level access",
        "With it a RisuAI script may call models and read the network in the user's name.",
        "\"lowLevelAccess\": true", |s| deep(s, &["lowLevelAccess"]), None),
    row("security-regex-backtracking", Warning, "expressions that rewrite messages do not nest repetitions",
        "`(a+)+` takes time that doubles with every letter of a message that nearly matches. SillyTavern runs `regex_scripts` on \
         every message.",
        "\"findRegex\": \"/(\\\\w+)+!/g\"", script_backtracking, None),
    row("security-macro-bomb", Warning, "no macro makes a text without end",
        "Dice by the million, or line breaks by the million, hang the program that rolls or writes them.",
        "{{roll:9999999d6}}", |s| s.each(|text| macro_bomb(&text.text)), None),
    page("security-bomb", Error, "the file is no larger inside than outside lets expect",
        "What is compressed in it grows beyond any card: a bomb that would fill the memory of a program without limits. It was \
         not read further.",
        "a zTXt chunk of 300 kB that inflates to 300 MB"),
    row("security-custom-css", Info, "the card brings no styles",
        "Styles such as Chub's `custom_css` can cover parts of the page and load pictures.",
        "\"custom_css\": \"...\"", |s| deep(s, &["custom_css", "customCSS"]), None),
    row("security-avatar-url", Info, "the picture is in the card",
        "`avatar` is an address. Some programs load it, so that its server sees who uses the card.",
        "\"avatar\": \"https://...\"", avatar, None),
    row("security-asset-url", Warning, "assets are in the card",
        "An asset with a web address is loaded by the program that uses the card.",
        "\"uri\": \"https://...\"", asset_url, None),
    row("security-asset-path", Error, "asset paths stay in the card",
        "A path with `..`, a drive letter or a leading slash can name a file on the reader's machine.",
        "\"uri\": \"embeded://../../x\"", asset_path, None),
    row("security-inline-data", Info, "no field holds a file as text",
        "Base64 of more than 100 kB inside the JSON makes every reader carry it along.",
        "\"data:image/png;base64,...\"", inline_data, None),
]);

fn each_lower(subject: &Subject<'_>, look: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    subject.each(|text| look(&text.text.to_ascii_lowercase()))
}

fn prompts(subject: &Subject<'_>, look: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    subject
        .texts
        .iter()
        .filter(|text| text.part != Part::Notes)
        .filter_map(|text| Some(hit(text.path.clone(), look(&text.text)?)))
        .collect()
}

/// Every text, the name included.
fn every(subject: &Subject<'_>, look: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    let name = Text {
        path: subject.path("name"),
        text: subject.card.name().into_owned(),
        part: Part::Notes,
    };
    std::iter::once(&name)
        .chain(&subject.texts)
        .filter_map(|text| Some(hit(text.path.clone(), look(&text.text)?)))
        .collect()
}

fn find(text: &str, wanted: &[&str], what: &str) -> Option<String> {
    let at = wanted.iter().filter_map(|wanted| text.find(wanted)).min()?;
    Some(format!("{what}: {}", excerpt(text, at)))
}

fn script(text: &str) -> Option<String> {
    if let Some(found) = find(text, &["<script", "javascript:", "vbscript:"], "a script") {
        return Some(found);
    }
    // An event handler such as `onerror=` inside a tag.
    text.match_indices(" on").find_map(|(at, _)| {
        let rest = &text[at + 3..];
        let name = rest.find(|c: char| !c.is_ascii_alphabetic())?;
        let in_tag = text[..at].rfind('<') > text[..at].rfind('>');
        (name >= 3 && rest[name..].trim_start().starts_with('=') && in_tag)
            .then(|| format!("an event handler: {}", excerpt(text, at)))
    })
}

fn hidden_style(text: &str) -> Option<String> {
    // Styles are written with and without blanks.
    let styles = text
        .match_indices("style")
        .filter(|(at, _)| text[at + 5..].trim_start().starts_with(['=', '>']));
    styles.into_iter().find_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest
            .char_indices()
            .nth(300)
            .map_or(rest.len(), |(end, _)| end);
        let packed: String = rest[..end].chars().filter(|c| !c.is_whitespace()).collect();
        let hides = [
            "display:none",
            "visibility:hidden",
            "opacity:0;",
            "opacity:0\"",
            "color:transparent",
            "font-size:0",
        ];
        let found = hides.iter().find(|hides| {
            packed.match_indices(*hides).any(|(at, _)| {
                // `font-size:0.9em` is small, not hidden.
                !packed[at + hides.len()..]
                    .starts_with(['.', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            })
        })?;
        let found = found.trim_end_matches([';', '"']);
        Some(format!("`{found}` hides text: {}", excerpt(text, at)))
    })
}

/// The most dice or repetitions that a macro may ask for without being pointed at.
const MAX_REPETITIONS: u64 = 10_000;

fn macro_bomb(text: &str) -> Option<String> {
    text.match_indices("{{").find_map(|(at, _)| {
        let inner = &text[at + 2..];
        let inner = &inner[..inner.find("}}")?];
        let (name, value) = inner.split_once([':', ' '])?;
        let repeats = ["roll", "newline", "space"]
            .iter()
            .any(|known| name.trim().eq_ignore_ascii_case(known));
        let digits: String = value
            .trim_start_matches([':', ' '])
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let many = digits
            .parse::<u64>()
            .map_or(!digits.is_empty(), |count| count > MAX_REPETITIONS);
        // A single number after `roll` is one die with so many sides.
        let is_die = name.trim().eq_ignore_ascii_case("roll") && !value.contains(['d', 'D']);
        (repeats && many && !is_die)
            .then(|| format!("a macro repeats without end: {}", excerpt(text, at)))
    })
}

fn script_backtracking(subject: &Subject<'_>) -> Vec<Hit> {
    let scripts = subject.body["extensions"]["regex_scripts"].as_array();
    let scripts = scripts.into_iter().flatten().enumerate();
    scripts
        .filter(|(_, script)| {
            let find = script["findRegex"].as_str().unwrap_or_default();
            super::lorebook::nests_repetition(super::lorebook::slashed(find).unwrap_or(find))
        })
        .map(|(index, _)| {
            let path = format!("extensions.regex_scripts[{index}].findRegex");
            hit(subject.path(&path), "the expression repeats a repetition")
        })
        .collect()
}

fn remote_image(text: &str) -> Option<String> {
    if let Some(at) = text
        .find("<img")
        .or_else(|| text.find("<video"))
        .or_else(|| text.find("<audio"))
    {
        return Some(format!("a picture or sound: {}", excerpt(text, at)));
    }
    text.match_indices("![").find_map(|(at, _)| {
        let rest = &text[at..];
        let target = &rest[rest.find("](")? + 2..];
        (target.trim_start().starts_with("http") || target.trim_start().starts_with("//"))
            .then(|| format!("a picture: {}", excerpt(text, at)))
    })
}

fn url_with(text: &str, wanted: &str) -> Option<String> {
    text.match_indices("://").find_map(|(at, _)| {
        let rest = &text[at..];
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>'))
            .unwrap_or(rest.len());
        rest[..end]
            .contains(wanted)
            .then(|| format!("an address with a macro: {}", excerpt(text, at)))
    })
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

fn characters(text: &str, wrong: fn(char) -> bool, what: &str) -> Option<String> {
    let count = text.chars().filter(|c| wrong(*c)).count();
    (count > 0).then(|| format!("{count} {what}"))
}

fn without(text: &str, wrong: fn(char) -> bool) -> String {
    text.chars().filter(|c| !wrong(*c)).collect()
}

fn is_something(value: &Value) -> bool {
    !matches!(value, Value::Bool(false)) && !crate::card::spec::is_empty(value)
}

fn extension(subject: &Subject<'_>, names: &[&str], what: &str) -> Vec<Hit> {
    names
        .iter()
        .filter(|name| {
            subject
                .card
                .extension(name)
                .is_some_and(|value| is_something(&value))
        })
        .map(|name| {
            hit(
                subject.path(&format!("extensions.{name}")),
                format!("`{name}` {what}"),
            )
        })
        .collect()
}

/// Keys of these names, wherever they are in `extensions`.
fn deep(subject: &Subject<'_>, names: &[&str]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let start: Path = match subject.path("extensions").parse() {
        Ok(path) => path,
        Err(_) => return hits,
    };
    walk(
        &subject.body["extensions"],
        &mut start.steps.clone(),
        &mut |steps, value| {
            if let Some(Step::Key(key)) = steps.last()
                && names.contains(&key.as_str())
                && is_something(value)
            {
                hits.push(hit(
                    path::write(steps),
                    format!("`{key}` acts in the program it is for"),
                ));
            }
        },
    );
    hits
}

fn walk(value: &Value, steps: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], &Value)) {
    visit(steps, value);
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                steps.push(Step::Key(key.clone()));
                walk(value, steps, visit);
                steps.pop();
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                steps.push(Step::Index(index));
                walk(value, steps, visit);
                steps.pop();
            }
        }
        _ => {}
    }
}

fn avatar(subject: &Subject<'_>) -> Vec<Hit> {
    subject.body["avatar"]
        .as_str()
        .filter(|avatar| avatar.contains("://"))
        .map(|_| hit(subject.path("avatar"), "the picture is a web address"))
        .into_iter()
        .collect()
}

fn assets(subject: &Subject<'_>, wrong: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    let assets = subject.body["assets"].as_array();
    assets
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(index, asset)| {
            let message = wrong(asset["uri"].as_str()?)?;
            Some(hit(subject.path(&format!("assets[{index}].uri")), message))
        })
        .collect()
}

fn asset_url(subject: &Subject<'_>) -> Vec<Hit> {
    assets(subject, |uri| {
        uri.get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("http"))
            .then(|| "the asset is a web address".into())
    })
}

fn asset_path(subject: &Subject<'_>) -> Vec<Hit> {
    assets(subject, |uri| {
        let path = ["embeded://", "embedded://", "__asset:"]
            .into_iter()
            .find_map(|scheme| uri.strip_prefix(scheme))?;
        let leaves = path.split(['/', '\\']).any(|part| part == "..")
            || path.starts_with(['/', '\\'])
            || path.contains(['\0', '\\'])
            || path.as_bytes().get(1) == Some(&b':');
        leaves.then(|| "the path leads out of the card".into())
    })
}

fn inline_data(subject: &Subject<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut steps = subject.card.body();
    walk(&subject.body, &mut steps, &mut |steps, value| {
        if let Value::String(text) = value
            && text.len() > 100_000
            && (text.starts_with("data:") || !text.bytes().take(64).any(|b| b == b' '))
        {
            hits.push(hit(
                path::write(steps),
                format!("a file of about {} kB is in the JSON", text.len() / 1000),
            ));
        }
    });
    hits
}
