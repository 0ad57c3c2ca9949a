//! Lorebooks: entries that can never join, keys that match too much, decorators that do nothing.

use super::{Hit, Rule, Subject, Topic, about, edit_list, hit, row};
use crate::Severity::{Error, Info, Warning};
use crate::card::Entry;

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Lorebook, [
    row("lore-empty", Info, "a lorebook has entries", "A lorebook without any does nothing; `edit --unset character_book` takes it out.",
        "\"entries\": []", book_empty, None),
    row("lore-no-keys", Warning, "an entry can be reached",
        "An entry that is on, not constant and without keys never joins the prompt.",
        "\"keys\": [], \"constant\": false", |s| entries(s, "", |e| (e.enabled && !e.constant && !has_key(e) && !e.content.starts_with("@@")).then(|| "nothing brings this entry in".into())), None),
    row("lore-empty-key", Warning, "no key is empty", "An empty key matches every message in some programs and none in others.",
        "\"keys\": [\"\"]", |s| entries(s, "keys", |e| e.keys.iter().any(|k| k.trim().is_empty()).then(|| "a key is empty".into())),
        Some(|card, path| edit_list(card, path, |_, key| !key.trim().is_empty()))),
    row("lore-duplicate-key", Info, "no key of an entry is there twice", "The second does nothing.",
        "\"keys\": [\"sea\", \"Sea\"]", |s| entries(s, "keys", |e| twice(&e.keys).then(|| "a key is there twice".into())),
        Some(|card, path| edit_list(card, path, |before, key| !before.iter().any(|b| b.eq_ignore_ascii_case(key))))),
    row("lore-key-spaces", Warning, "keys have no blanks around them", "\" sea\" does not match \"the sea\" at the start of a line.",
        "\"keys\": [\" sea\"]", |s| entries(s, "", |e| e.keys.iter().any(|k| k.trim() != k && !k.trim().is_empty()).then(|| "a key has blanks around it".into())), None),
    row("lore-key-comma", Warning, "a key is one word or phrase", "A list in one key is searched for as it stands, commas included.",
        "\"keys\": [\"sea, ship, sail\"]", |s| entries(s, "", |e| (!e.use_regex && e.keys.iter().any(|k| k.matches(',').count() > 1)).then(|| "a key looks like a list".into())), None),
    row("lore-short-key", Info, "keys have at least three letters", "`at` or `an` is in nearly every message, unless whole words are matched.",
        "\"keys\": [\"an\"]", |s| entries(s, "", |e| e.keys.iter().find(|k| k.is_ascii() && !k.trim().is_empty() && k.len() < 3).map(|k| format!("the key `{k}` matches nearly everything"))), None),
    row("lore-same-keys", Info, "no two entries have the same keys", "Both always join together; they may as well be one.",
        "two entries with the keys [\"sea\"]", same_keys, None),
    row("lore-empty-content", Warning, "an entry has something to say", "An empty entry costs its place in the order and adds nothing.",
        "\"content\": \"\"", |s| entries(s, "content", |e| e.content.trim().is_empty().then(|| "the entry is empty".into())), None),
    row("lore-selective", Warning, "a selective entry has secondary keys", "`selective` asks for one of `secondary_keys`; without any, programs disagree whether it joins.",
        "\"selective\": true, \"secondary_keys\": []", |s| entries(s, "", |e| (e.selective && !e.constant && e.secondary_keys.iter().all(|k| k.trim().is_empty())).then(|| "selective, but without secondary keys".into())), None),
    row("lore-constant-keys", Info, "a constant entry needs no keys", "It always joins, so its keys do nothing.",
        "\"constant\": true, \"keys\": [\"sea\"]", |s| entries(s, "", |e| (e.enabled && e.constant && has_key(e)).then(|| "the keys of a constant entry do nothing".into())), None),
    row("lore-all-off", Info, "at least one entry is on", "A lorebook whose entries are all off does nothing.",
        "\"enabled\": false in every entry", all_off, None),
    row("lore-regex-broken", Error, "regular expressions close their brackets", "A key that is no valid expression never matches, or stops the program.",
        "\"keys\": [\"/(sea/\"]", |s| regexes(s, |r| (!is_balanced(r)).then(|| format!("brackets do not match in `{r}`"))), None),
    row("lore-regex-backtracking", Warning, "regular expressions do not nest repetitions",
        "`(a+)+` takes time that doubles with every letter of a message that nearly matches. It can hang the program.",
        "\"keys\": [\"/(\\\\w+)+!/\"]", |s| regexes(s, |r| nests_repetition(r).then(|| format!("`{r}` repeats a repetition"))), None),
    row("lore-regex-unused", Info, "expressions are marked as such", "A key like `/sea|ship/i` is plain text to V3 programs unless `use_regex` is true. SillyTavern takes it as an expression.",
        "\"keys\": [\"/sea/i\"], \"use_regex\": false", |s| entries(s, "", |e| (!e.use_regex && e.keys.iter().any(|k| slashed(k).is_some())).then(|| "a key looks like a regular expression".into())), None),
    row("lore-regex-everything", Warning, "an expression does not match everything", "`.*` brings the entry in at every message; `constant` says so plainly.",
        "\"keys\": [\".*\"], \"use_regex\": true", |s| regexes(s, |r| matches!(r, ".*" | ".+" | "." | "").then(|| "the expression matches everything".into())), None),
    row("lore-decorator-unknown", Warning, "decorators are ones that programs know", "An unknown one is skipped, or printed into the prompt.",
        "@@dept 4", |s| decorators(s, |name, _| (!KNOWN.iter().any(|(known, _)| *known == name)).then(|| format!("`@@{name}` is no known decorator"))), None),
    row("lore-decorator-value", Error, "decorators have the value they need", "One with a missing or wrong value does nothing.",
        "@@depth four", |s| decorators(s, wrong_value), None),
    row("lore-decorator-late", Warning, "decorators stand at the top", "One after other text is part of the text and is printed.",
        "It is blue.\\n@@depth 4", |s| entries(s, "content", |e| crate::card::spec::without_decorators(&e.content).lines().any(|l| l.starts_with("@@")).then(|| "a decorator stands after text".into())), None),
    row("lore-secondary-unused", Info, "secondary keys count", "Without `selective` they are passed over; the entry joins for its first keys alone.",
        "\"selective\": false, \"secondary_keys\": [\"storm\"]", |s| entries(s, "secondary_keys", |e| (!e.selective && !e.constant && e.secondary_keys.iter().any(|k| !k.trim().is_empty())).then(|| "the secondary keys do nothing without `selective`".into())), None),
    row("lore-key-long", Info, "keys are what somebody may write", "A key is searched for word by word; a whole sentence is hardly ever written twice.",
        "a key of 90 characters", |s| entries(s, "keys", |e| (!e.use_regex && e.keys.iter().any(|k| k.chars().count() > 60 && slashed(k).is_none())).then(|| "a key is longer than 60 characters".into())), None),
    row("lore-key-line", Warning, "a key is one line", "Programs search line by line or by word; a key with a line break in it is never found by most.",
        "\"keys\": [\"the\\nsea\"]", |s| entries(s, "keys", |e| e.keys.iter().any(|k| k.trim().contains('\n')).then(|| "there is a line break in a key".into())), None),
    row("lore-key-macro", Info, "keys hold no macros", "SillyTavern replaces them before it searches; other programs look for the braces.",
        "\"keys\": [\"{{char}}\"]", |s| entries(s, "keys", |e| e.keys.iter().chain(&e.secondary_keys).any(|k| k.contains("{{")).then(|| "there is a macro in a key".into())), None),
    row("lore-never", Warning, "an entry has a chance to join", "A probability of 0 keeps an entry out for good, keys or not.",
        "\"extensions\": {\"probability\": 0}", |s| entries(s, "", |e| is_never(e).then(|| "the probability of this entry is 0".into())), None),
    row("lore-unreachable", Warning, "an entry that waits for others is mentioned by one", "With `delay_until_recursion` an entry joins only when the text of another brings it in, and no other text has one of its keys.",
        "\"extensions\": {\"delay_until_recursion\": true}", unreachable, None),
    row("lore-keys-hidden", Warning, "keys can be seen", "A key with an invisible character in it looks right and never matches.",
        "\"keys\": [\"se\\u200ba\"]", |s| entries(s, "keys", |e| e.keys.iter().any(|k| k.chars().any(super::security::is_hidden)).then(|| "there is an invisible character in a key".into())), None),
    row("lore-budget", Info, "an entry fits the book's budget", "One that is larger than `token_budget` never joins. Tokens are guessed at four characters each.",
        "\"token_budget\": 50 and an entry of 900 characters", over_budget, None),
    row("lore-scan-depth", Info, "`scan_depth` is at least 1", "At 0 no message is searched, so that no key ever matches.",
        "\"scan_depth\": 0", scan_depth, None),
]);

fn has_key(entry: &Entry) -> bool {
    entry.keys.iter().any(|key| !key.trim().is_empty())
}

fn twice(keys: &[String]) -> bool {
    (1..keys.len()).any(|i| {
        keys[..i]
            .iter()
            .any(|key| key.eq_ignore_ascii_case(&keys[i]))
    })
}

/// One hit for each entry that `find` says something about, at its field `key`.
fn entries(subject: &Subject<'_>, key: &str, find: impl Fn(&Entry) -> Option<String>) -> Vec<Hit> {
    subject
        .entries
        .iter()
        .filter_map(|(path, entry)| {
            let path = match key {
                "" => path.clone(),
                key => format!("{path}.{key}"),
            };
            Some(hit(path, find(entry)?))
        })
        .collect()
}

fn is_never(entry: &Entry) -> bool {
    let extension = |key: &str| entry.extensions.get(key);
    let used = extension("useProbability").and_then(serde_json::Value::as_bool) != Some(false);
    let zero = used && extension("probability").and_then(serde_json::Value::as_f64) == Some(0.0);
    let decorated = entry
        .content
        .lines()
        .take_while(|line| line.starts_with("@@"));
    let mut decorated =
        decorated.filter_map(|line| line.trim_start_matches('@').strip_prefix("probability "));
    entry.enabled && (zero || decorated.any(|value| value.trim().parse() == Ok(0.0)))
}

/// Entries that only another entry can bring in, where none does.
fn unreachable(subject: &Subject<'_>) -> Vec<Hit> {
    let waits = |entry: &Entry| match entry.extensions.get("delay_until_recursion") {
        Some(serde_json::Value::Bool(waits)) => *waits,
        Some(serde_json::Value::Number(level)) => level.as_f64() > Some(0.0),
        _ => false,
    };
    let recurses = |entry: &Entry| {
        entry
            .extensions
            .get("prevent_recursion")
            .and_then(serde_json::Value::as_bool)
            != Some(true)
    };
    let contents: Vec<(usize, String)> = (subject.entries.iter().enumerate())
        .filter(|(_, (_, entry))| entry.enabled && recurses(entry))
        .map(|(index, (_, entry))| (index, entry.content.to_lowercase()))
        .collect();
    let mut hits = Vec::new();
    for (index, (path, entry)) in subject.entries.iter().enumerate() {
        if !entry.enabled || entry.constant || entry.use_regex || !waits(entry) || !has_key(entry) {
            continue;
        }
        // Expressions are never run.
        let is_plain = entry.keys.iter().all(|key| slashed(key).is_none());
        let keys: Vec<String> = entry
            .keys
            .iter()
            .map(|key| key.trim().to_lowercase())
            .collect();
        let is_mentioned =
            (contents.iter().filter(|(other, _)| *other != index)).any(|(_, text)| {
                keys.iter()
                    .any(|key| !key.is_empty() && text.contains(key.as_str()))
            });
        if is_plain && !is_mentioned {
            hits.push(hit(
                path.clone(),
                "no other entry has one of its keys in its text",
            ));
        }
    }
    hits
}

fn book_empty(subject: &Subject<'_>) -> Vec<Hit> {
    let is_empty = subject
        .card
        .lorebook()
        .is_some_and(|book| book.entries.is_empty());
    is_empty
        .then(|| {
            hit(
                subject.path("character_book"),
                "the lorebook has no entries",
            )
        })
        .into_iter()
        .collect()
}

fn all_off(subject: &Subject<'_>) -> Vec<Hit> {
    let entries = &subject.entries;
    (!entries.is_empty() && entries.iter().all(|(_, entry)| !entry.enabled))
        .then(|| hit(subject.path("character_book"), "every entry is off"))
        .into_iter()
        .collect()
}

fn same_keys(subject: &Subject<'_>) -> Vec<Hit> {
    let mut seen: std::collections::HashMap<Vec<String>, &str> = std::collections::HashMap::new();
    let mut hits = Vec::new();
    for (path, entry) in &subject.entries {
        let mut keys: Vec<String> = entry
            .keys
            .iter()
            .map(|key| key.trim().to_lowercase())
            .collect();
        keys.retain(|key| !key.is_empty());
        keys.sort();
        if keys.is_empty() || !entry.secondary_keys.is_empty() {
            continue;
        }
        match seen.get(&keys) {
            Some(first) => hits.push(hit(
                path.clone(),
                format!("its keys are those of `{first}`"),
            )),
            None => {
                seen.insert(keys, path);
            }
        }
    }
    hits
}

fn over_budget(subject: &Subject<'_>) -> Vec<Hit> {
    let Some(budget) = subject.card.lorebook().and_then(|book| book.token_budget) else {
        return Vec::new();
    };
    entries(subject, "content", |entry| {
        let tokens = entry.content.chars().count() / 4;
        (budget > 0.0 && tokens as f64 > budget)
            .then(|| format!("about {tokens} tokens do not fit a budget of {budget}"))
    })
}

fn scan_depth(subject: &Subject<'_>) -> Vec<Hit> {
    let depth = subject.card.lorebook().and_then(|book| book.scan_depth);
    depth
        .filter(|depth| *depth < 1.0)
        .map(|_| {
            hit(
                format!("{}.scan_depth", subject.path("character_book")),
                "no message is searched",
            )
        })
        .into_iter()
        .collect()
}

/// The expression between slashes, with flags or without.
pub(super) fn slashed(key: &str) -> Option<&str> {
    let (inner, flags) = key.strip_prefix('/')?.rsplit_once('/')?;
    (!inner.is_empty() && flags.chars().all(|c| "dgimsuvy".contains(c))).then_some(inner)
}

/// The keys that are regular expressions.
fn regexes(subject: &Subject<'_>, find: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    entries(subject, "", |entry| {
        entry.keys.iter().find_map(|key| match slashed(key) {
            Some(inner) => find(inner),
            None if entry.use_regex => find(key),
            None => None,
        })
    })
}

/// Whether brackets outside classes and escapes match.
fn is_balanced(regex: &str) -> bool {
    let mut depth = 0_i32;
    let mut in_class = false;
    let mut chars = regex.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            '\\' => {}
            '[' if !in_class => in_class = true,
            ']' if in_class => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !in_class
}

/// Whether a group that holds an open repetition is itself repeated.
pub(super) fn nests_repetition(regex: &str) -> bool {
    let mut open = Vec::new();
    let mut in_class = false;
    let mut chars = regex.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' if !in_class => in_class = true,
            ']' if in_class => in_class = false,
            _ if in_class => {}
            '(' => {
                open.push(false);
                // The `?` of `(?:` is no repetition.
                if chars.peek() == Some(&'?') {
                    chars.next();
                }
            }
            ')' => {
                let repeats = open.pop().unwrap_or(false);
                if repeats && matches!(chars.peek(), Some('+' | '*' | '{')) {
                    return true;
                }
                if let Some(outer) = open.last_mut() {
                    *outer |= repeats;
                }
            }
            '+' | '*' | '{' => {
                if let Some(inner) = open.last_mut() {
                    *inner = true;
                }
            }
            _ => {}
        }
    }
    false
}

/// What the value of a decorator is.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Number,
    Text,
    OneOf(&'static [&'static str]),
}

/// The decorators of the V3 specification and of RisuAI.
#[rustfmt::skip]
const KNOWN: &[(&str, Takes)] = &[
    ("activate_only_after", Takes::Number), ("activate_only_every", Takes::Number), ("depth", Takes::Number),
    ("instruct_depth", Takes::Number), ("reverse_depth", Takes::Number), ("reverse_instruct_depth", Takes::Number),
    ("scan_depth", Takes::Number), ("instruct_scan_depth", Takes::Number), ("is_greeting", Takes::Number),
    ("keep_activate_after_match", Takes::Nothing), ("dont_activate_after_match", Takes::Nothing),
    ("ignore_on_max_context", Takes::Nothing), ("activate", Takes::Nothing), ("dont_activate", Takes::Nothing),
    ("role", Takes::OneOf(&["assistant", "system", "user"])),
    ("position", Takes::OneOf(&["after_desc", "before_desc", "personality", "scenario"])),
    ("disable_ui_prompt", Takes::OneOf(&["post_history_instructions", "system_prompt"])),
    ("additional_keys", Takes::Text), ("exclude_keys", Takes::Text), ("is_user_icon", Takes::Text),
    ("exclude_keys_all", Takes::Text), ("match_full_word", Takes::Nothing), ("match_partial_word", Takes::Nothing),
    ("inject_lore", Takes::Text), ("inject_at", Takes::Text), ("inject_replace", Takes::Text), ("inject_prepend", Takes::Text),
    ("probability", Takes::Number), ("priority", Takes::Number), ("recursive", Takes::Nothing),
    ("unrecursive", Takes::Nothing), ("no_recursive_search", Takes::Nothing), ("end", Takes::Nothing),
];

fn decorators(subject: &Subject<'_>, find: impl Fn(&str, &str) -> Option<String>) -> Vec<Hit> {
    entries(subject, "content", |entry| {
        entry
            .content
            .lines()
            .take_while(|line| line.starts_with("@@"))
            // A fallback may name what only another program knows.
            .filter(|line| !line.starts_with("@@@"))
            .find_map(|line| {
                let line = line.trim_start_matches('@');
                let (name, value) = line.split_once(' ').unwrap_or((line, ""));
                find(name.trim(), value.trim())
            })
    })
}

fn wrong_value(name: &str, value: &str) -> Option<String> {
    let (_, takes) = KNOWN.iter().find(|(known, _)| *known == name)?;
    match takes {
        Takes::Nothing => None,
        Takes::Number => value
            .parse::<f64>()
            .is_err()
            .then(|| format!("`@@{name}` needs a number")),
        Takes::Text => value
            .is_empty()
            .then(|| format!("`@@{name}` needs a value")),
        Takes::OneOf(allowed) => (!allowed.contains(&value))
            .then(|| format!("`@@{name}` is one of {}", allowed.join(", "))),
    }
}
