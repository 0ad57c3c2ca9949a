//! Names, greetings, examples, macros, tags: what makes a card work in a chat.

use super::{Hit, Part, Rule, Subject, Topic, about, edit_list, edit_text, excerpt, hit, row};
use crate::Severity::{Error, Info, Warning};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Structure, [
    row("name-spaces", Warning, "the name has no blanks around it",
        "`{{char}}` carries them into every line of the prompt, and two cards that look alike become different files.",
        "\"Carina \"", name_spaces, Some(|card, path| edit_text(card, path, |text| text.trim().to_owned()))),
    row("name-newline", Error, "the name is one line",
        "Every line of a chat begins with the name. A line break in it breaks the layout of each turn.",
        "\"Carina\\nthe android\"", |s| name_if(s, |n| n.trim().contains('\n'), "there is a line break in the name"), None),
    row("name-long", Warning, "the name is at most 60 characters long",
        "It is repeated before every message, and file systems end at 255 bytes. Put titles into the description.",
        "\"Carina, Third Keeper of the Lamp, Daughter of ...\"",
        |s| name_if(s, |n| n.chars().count() > 60, "the name is longer than 60 characters"), None),
    row("name-macro", Error, "the name is no macro",
        "`{{char}}` stands for the name; a name with a macro in it may refer to itself.",
        "\"{{char}}\"", |s| name_if(s, |n| n.contains("{{"), "there is a macro in the name"), None),
    row("name-file", Info, "the name can be a file name",
        "Programs name the file after the character. Characters such as `/` or `:` are replaced there, so that two cards \
         may end up under one name.",
        "\"A/B: Test\"",
        |s| name_if(s, |n| n.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']), "the name has characters that no file name may have"), None),
    row("description-empty", Warning, "the card says who the character is",
        "Without description and personality the model knows nothing but a name.",
        "\"description\": \"\"", description_empty, None),
    row("greeting-missing", Warning, "there is a greeting",
        "The first message sets tense, length and style of everything after it. Without one the chat begins with silence.",
        "\"first_mes\": \"\"", greeting_missing, None),
    row("greeting-empty", Warning, "no alternate greeting is empty",
        "An empty one shows up as a blank swipe.",
        "\"alternate_greetings\": [\"\"]", greeting_empty, Some(|card, path| edit_list(card, path, |_, text| !text.trim().is_empty()))),
    row("greeting-duplicate", Warning, "no greeting is there twice",
        "The same text as another swipe is probably a slip of the editor.",
        "\"first_mes\": \"Hi\", \"alternate_greetings\": [\"Hi\"]", greeting_duplicate,
        Some(|card, path| { let first = card.first_message().into_owned(); edit_list(card, path, |before, text| text != first && !before.iter().any(|b| b == text)) })),
    row("example-no-start", Warning, "example messages begin with `<START>`",
        "`<START>` separates the examples from one another and from the chat. Programs that look for it take text without \
         it as part of the description, or drop it.",
        "\"mes_example\": \"{{char}}: Hi\"", example_no_start,
        Some(|card, path| edit_text(card, path, |text| format!("<START>\n{}", text.trim_start())))),
    row("example-start-inline", Warning, "`<START>` stands on a line of its own",
        "SillyTavern splits at the marker; what stands before it on the same line ends up in the example before.",
        "\"Hi. <START> {{user}}: Hello\"", example_start_inline, None),
    row("example-start-case", Warning, "`<START>` is in capitals",
        "Some programs look for the exact spelling.",
        "\"<start>\\n{{char}}: Hi\"", example_start_case, Some(|card, path| edit_text(card, path, |text| replace_ignoring_case(text, "<START>", "<START>")))),
    row("example-no-char", Warning, "the character speaks in its examples",
        "Examples show the model how the character talks, on lines that begin with `{{char}}:`.",
        "\"<START>\\n{{user}}: Hello\"", example_no_char, None),
    row("example-empty-block", Info, "no example is empty",
        "Nothing stands between two `<START>` markers, or after the last.",
        "\"<START>\\n<START>\\n{{char}}: Hi\"", example_empty_block, None),
    row("macro-unbalanced", Warning, "every `{{` has its `}}`",
        "A macro that is not closed is printed as it is and may swallow the text up to the next `}}`.",
        "\"{{char} waves\"", macro_unbalanced, None),
    row("macro-unknown", Info, "macros are ones that programs know",
        "An unknown macro stays in the prompt as it is. The model then writes such things too.",
        "\"{{charname}} waves\"", macro_unknown, None),
    row("macro-single-brace", Warning, "macros have two braces",
        "`{char}` is no macro in SillyTavern and is printed as it is.",
        "\"{char} waves\"", |s| find_any(s, &["{char}", "{user}"], true), Some(|card, path| edit_text(card, path, double_braces))),
    row("macro-old-style", Info, "macros are written with braces",
        "`<USER>` and `<BOT>` are from TavernAI. Not every program replaces them today.",
        "\"<BOT> waves to <USER>\"", |s| find_any(s, &["<user>", "<bot>", "<char>"], false),
        Some(|card, path| edit_text(card, path, |text| {
            let text = replace_ignoring_case(text, "<user>", "{{user}}");
            replace_ignoring_case(&replace_ignoring_case(&text, "<bot>", "{{char}}"), "<char>", "{{char}}")
        }))),
    row("macro-name-typed", Info, "the name is written as `{{char}}`",
        "A card whose texts say the name cannot be renamed, and group chats cannot swap it. Prose that was written for \
         LimaRP may well use the name; then ignore this.",
        "\"Carina waves\" in a card of Carina", name_typed, None),
    row("macro-user-named", Info, "the user is `{{user}}`",
        "`you` or a fixed name for the user's part does not follow the persona of whoever plays.",
        "\"(user) waves back\"", |s| find_any(s, &["(user)", "[user]", "y/n", "[your name]"], false), None),
    row("tag-empty", Warning, "no tag is empty", "An empty tag shows up as a blank button.",
        "\"tags\": [\"\"]", |s| tags_if(s, |tags, i| tags[i].trim().is_empty(), "a tag is empty"),
        Some(|card, path| edit_list(card, path, |_, tag| !tag.trim().is_empty()))),
    row("tag-duplicate", Warning, "no tag is there twice", "Tags are compared without case.",
        "\"tags\": [\"Sea\", \"sea\"]",
        |s| tags_if(s, |tags, i| tags[..i].iter().any(|t| t.trim().eq_ignore_ascii_case(tags[i].trim())), "a tag is there twice"),
        Some(|card, path| edit_list(card, path, |before, tag| !before.iter().any(|b| b.trim().eq_ignore_ascii_case(tag.trim()))))),
    row("tag-long", Info, "tags are short", "More than 40 characters is a sentence, not a tag.",
        "\"tags\": [\"an android who lives on the moon and ...\"]", |s| tags_if(s, |tags, i| tags[i].chars().count() > 40, "a tag is longer than 40 characters"), None),
    row("placeholder-text", Warning, "no text of an editor's form is left",
        "What the form showed before it was filled in is now part of the card.",
        "\"creator_notes\": \"Creator's notes go here.\"",
        |s| find_any(s, &["creator's notes go here", "describe your character here", "[insert ", "lorem ipsum"], false), None),
    row("text-huge", Info, "no permanent text is longer than 12,000 characters",
        "Description, personality and scenario are in every prompt. At about four characters a token this alone fills a \
         context of 3,000 tokens. A lorebook brings things in when they are mentioned.",
        "a description of 20,000 characters", text_huge, None),
    row("text-carriage-return", Warning, "lines end in a line feed alone",
        "A carriage return is a token of its own that models rarely saw.",
        "\"one\\r\\ntwo\"", |s| s.each(|text| text.text.contains('\r').then(|| "there are carriage returns".into())),
        Some(|card, path| edit_text(card, path, |text| text.replace("\r\n", "\n").replace('\r', "\n")))),
    row("text-trailing-space", Info, "no text ends in blank lines",
        "They add tokens and move whatever follows.",
        "\"She waves.\\n\\n\\n\"", |s| s.each(|text| (text.text.trim_end_matches([' ', '\n']).len() + 1 < text.text.len()).then(|| "the text ends in blanks".into())),
        Some(|card, path| edit_text(card, path, |text| text.trim_end().to_owned()))),
]);

fn name_spaces(subject: &Subject<'_>) -> Vec<Hit> {
    name_if(
        subject,
        |name| name.trim() != name,
        "there are blanks around the name",
    )
}

fn name_if(subject: &Subject<'_>, wrong: fn(&str) -> bool, message: &str) -> Vec<Hit> {
    wrong(&subject.card.name())
        .then(|| hit(subject.path("name"), message))
        .into_iter()
        .collect()
}

fn description_empty(subject: &Subject<'_>) -> Vec<Hit> {
    let card = subject.card;
    let is_empty = card.description().trim().is_empty() && card.personality().trim().is_empty();
    is_empty
        .then(|| {
            hit(
                subject.path("description"),
                "nothing says who the character is",
            )
        })
        .into_iter()
        .collect()
}

fn greeting_missing(subject: &Subject<'_>) -> Vec<Hit> {
    let is_empty = subject.card.first_message().trim().is_empty();
    is_empty
        .then(|| hit(subject.path("first_mes"), "there is no greeting"))
        .into_iter()
        .collect()
}

/// Hits are on the list, where the repair is.
fn greeting_empty(subject: &Subject<'_>) -> Vec<Hit> {
    let empty = |key: &str| {
        let empty = subject
            .card
            .list(key)
            .iter()
            .filter(|g| g.trim().is_empty())
            .count();
        (empty > 0).then(|| hit(subject.path(key), format!("{empty} greetings are empty")))
    };
    ["alternate_greetings", "group_only_greetings"]
        .into_iter()
        .filter_map(empty)
        .collect()
}

fn greeting_duplicate(subject: &Subject<'_>) -> Vec<Hit> {
    let greetings = subject.card.alternate_greetings();
    let first = subject.card.first_message();
    let twice = greetings
        .iter()
        .enumerate()
        .filter(|(i, text)| {
            !text.trim().is_empty() && (**text == first || greetings[..*i].contains(text))
        })
        .count();
    (twice > 0)
        .then(|| {
            hit(
                subject.path("alternate_greetings"),
                format!("{twice} greetings say the same as another"),
            )
        })
        .into_iter()
        .collect()
}

fn examples(subject: &Subject<'_>, find: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    subject
        .part(Part::Example)
        .filter_map(|text| Some(hit(text.path.clone(), find(&text.text)?)))
        .collect()
}

fn example_no_start(subject: &Subject<'_>) -> Vec<Hit> {
    examples(subject, |text| {
        let text = text.trim_start();
        let starts = text
            .get(..7)
            .is_some_and(|head| head.eq_ignore_ascii_case("<START>"));
        (!text.is_empty() && !starts).then(|| "the examples do not begin with `<START>`".into())
    })
}

fn example_start_inline(subject: &Subject<'_>) -> Vec<Hit> {
    examples(subject, |text| {
        text.lines()
            .find(|line| line.contains("<START>") && line.trim() != "<START>")
            .map(|line| format!("`<START>` shares its line with text: {}", excerpt(line, 0)))
    })
}

fn example_start_case(subject: &Subject<'_>) -> Vec<Hit> {
    examples(subject, |text| {
        let right = text.matches("<START>").count();
        let all = text.to_ascii_uppercase().matches("<START>").count();
        (all > right).then(|| "`<START>` is not in capitals".into())
    })
}

fn example_no_char(subject: &Subject<'_>) -> Vec<Hit> {
    let name = subject.card.name().into_owned();
    examples(subject, |text| {
        let speaks = text.lines().any(|line| {
            let line = line.trim_start();
            ["{{char}}:", "<BOT>:"]
                .iter()
                .any(|head| line.starts_with(head))
                || (!name.is_empty()
                    && line.strip_prefix(&name).is_some_and(|l| l.starts_with(':')))
        });
        (!text.trim().is_empty() && !speaks)
            .then(|| "no line of the examples begins with `{{char}}:`".into())
    })
}

fn example_empty_block(subject: &Subject<'_>) -> Vec<Hit> {
    examples(subject, |text| {
        let mut blocks = text.split("<START>").skip(1).peekable();
        (blocks.peek().is_some() && blocks.any(|block| block.trim().is_empty()))
            .then(|| "an example is empty".into())
    })
}

fn macro_unbalanced(subject: &Subject<'_>) -> Vec<Hit> {
    subject.each(|text| {
        let mut open = Vec::new();
        let mut at = 0;
        while at < text.text.len() {
            let rest = &text.text.as_bytes()[at..];
            if rest.starts_with(b"{{") {
                open.push(at);
                at += 2;
            } else if rest.starts_with(b"}}") {
                if open.pop().is_none() {
                    return Some("there is a `}}` without its `{{`".into());
                }
                at += 2;
            } else {
                at += 1;
            }
        }
        let at = open.first()?;
        Some(format!(
            "a macro is not closed: {}",
            excerpt(&text.text, *at)
        ))
    })
}

/// The macros of SillyTavern and of the V3 specification, in small letters.
const MACROS: &[&str] = &[
    "addglobalvar",
    "addvar",
    "authorsnote",
    "banned",
    "bias",
    "char",
    "chardescription",
    "charfirstmessage",
    "charifnotgroup",
    "charjailbreak",
    "charpersonality",
    "charprompt",
    "charversion",
    "char_version",
    "comment",
    "date",
    "datetimeformat",
    "decglobalvar",
    "decvar",
    "defaultsystemprompt",
    "description",
    "firstincludedmessageid",
    "getglobalvar",
    "getvar",
    "group",
    "groupnotmuted",
    "hidden_key",
    "idle_duration",
    "idleduration",
    "if",
    "incglobalvar",
    "incvar",
    "input",
    "isodate",
    "isotime",
    "lastchatmessage",
    "lastcharmessage",
    "lastgenerationtype",
    "lastmessage",
    "lastmessageid",
    "lastusermessage",
    "mesexamples",
    "mesexamplesraw",
    "model",
    "newline",
    "noop",
    "original",
    "outlet",
    "persona",
    "personality",
    "pick",
    "pipe",
    "random",
    "reverse",
    "roll",
    "scenario",
    "setglobalvar",
    "setvar",
    "space",
    "system",
    "time",
    "timediff",
    "time_utc",
    "trim",
    "user",
    "weekday",
    "maxprompt",
    "else",
];

fn macro_unknown(subject: &Subject<'_>) -> Vec<Hit> {
    subject.each(|text| {
        let mut unknown: Vec<String> = Vec::new();
        for (at, _) in text.text.match_indices("{{") {
            let inner = text.text[at + 2..].trim_start();
            let end = inner
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(inner.len());
            let name = inner[..end].to_lowercase();
            if !name.is_empty() && !MACROS.contains(&name.as_str()) && !unknown.contains(&name) {
                unknown.push(name);
            }
        }
        let names: Vec<_> = unknown.iter().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("unknown macros: {}", names.join(", ")))
    })
}

fn find_any(subject: &Subject<'_>, wanted: &[&str], bare: bool) -> Vec<Hit> {
    subject.each(|text| {
        let lower = text.text.to_ascii_lowercase();
        let found = wanted.iter().find_map(|wanted| {
            lower.match_indices(wanted).map(|(at, _)| at).find(|&at| {
                // `{{char}}` holds `{char}`.
                !bare
                    || (!lower[..at].ends_with('{') && !lower[at + wanted.len()..].starts_with('}'))
            })
        })?;
        Some(format!("found {}", excerpt(&text.text, found)))
    })
}

fn double_braces(text: &str) -> String {
    let mut fixed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, here) = rest.split_at(at);
        fixed.push_str(before);
        let inner = ["{char}", "{user}"].into_iter().find(|known| {
            here.get(..known.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(known))
                && !fixed.ends_with('{')
                && !here[known.len()..].starts_with('}')
        });
        match inner {
            Some(known) => {
                fixed.push_str(&format!("{{{known}}}"));
                rest = &here[known.len()..];
            }
            None => {
                fixed.push('{');
                rest = &here[1..];
            }
        }
    }
    fixed + rest
}

fn replace_ignoring_case(text: &str, from: &str, to: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let from = from.to_ascii_lowercase();
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in lower.match_indices(&from) {
        replaced.push_str(&text[done..at]);
        replaced.push_str(to);
        done = at + from.len();
    }
    replaced + &text[done..]
}

fn name_typed(subject: &Subject<'_>) -> Vec<Hit> {
    let name = subject.card.name().trim().to_owned();
    if name.chars().count() < 3 {
        return Vec::new();
    }
    subject
        .prompts()
        .filter(|text| text.part != Part::Lore)
        .filter_map(|text| {
            let times = text.text.matches(&name).count();
            (times > 0).then(|| {
                hit(
                    text.path.clone(),
                    format!("`{name}` is written out {times} times"),
                )
            })
        })
        .collect()
}

fn tags_if(subject: &Subject<'_>, wrong: fn(&[String], usize) -> bool, message: &str) -> Vec<Hit> {
    let tags = subject.card.list("tags");
    (0..tags.len())
        .any(|index| wrong(&tags, index))
        .then(|| hit(subject.path("tags"), message))
        .into_iter()
        .collect()
}

fn text_huge(subject: &Subject<'_>) -> Vec<Hit> {
    subject
        .part(Part::Persona)
        .filter_map(|text| {
            let length = text.text.chars().count();
            (length > 12_000).then(|| {
                hit(
                    text.path.clone(),
                    format!("{length} characters are in every prompt"),
                )
            })
        })
        .collect()
}
