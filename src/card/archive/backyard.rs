//! What Backyard writes otherwise than a card does: its macros, and lorebooks as pairs of keys and text.

use serde_json::{Value, json};

use crate::card::{Lorebook, by_commas};

/// Backyard's macros as everybody else's.
pub(in crate::card) fn to_macros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        let inside = [("{character}", "{{char}}"), ("{user}", "{{user}}")]
            .into_iter()
            .find(|(own, _)| {
                from.get(..own.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(own))
            });
        match inside {
            // Inside double braces it is another program's macro.
            Some((own, macro_))
                if !before.ends_with('{') && !from[own.len()..].starts_with('}') =>
            {
                let is_speaker = before.ends_with('#') && from[own.len()..].starts_with(':');
                out.push_str(if is_speaker {
                    &before[..before.len() - 1]
                } else {
                    before
                });
                out.push_str(macro_);
                rest = &from[own.len()..];
            }
            _ => {
                out.push_str(before);
                out.push('{');
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The other way; at the start of a line a name before a colon is a speaker.
pub(in crate::card) fn from_macros(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let speaks = ["{{char}}:", "{{user}}:"].iter().any(|name| {
            line.get(..name.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(name))
        });
        if speaks {
            out.push('#');
        }
        out.push_str(&replace(
            &replace(line, "{{char}}", "{character}"),
            "{{user}}",
            "{user}",
        ));
    }
    out
}

fn replace(text: &str, from: &str, to: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find(from) {
        out.push_str(&text[at..at + found]);
        out.push_str(to);
        at += found + from.len();
    }
    out.push_str(&text[at..]);
    out
}

/// Pairs of keys and text as a lorebook.
pub(in crate::card) fn book(items: &[Value]) -> Value {
    let entry = |(index, item): (usize, &Value)| {
        let text = |key: &str| to_macros(item.get(key).and_then(Value::as_str).unwrap_or_default());
        let keys = text("key");
        json!({
            "keys": by_commas(&keys).collect::<Vec<_>>(),
            "content": text("value"),
            "extensions": {},
            "enabled": true,
            "insertion_order": index,
        })
    };
    json!({ "entries": items.iter().enumerate().map(entry).collect::<Vec<_>>(), "extensions": {} })
}

/// A lorebook as pairs of keys and text; what else the old items held stays.
pub(super) fn lore(book: &Lorebook, kept: &[Value]) -> Value {
    book.entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let mut item = kept.get(index).cloned().unwrap_or_else(|| json!({}));
            item["key"] = from_macros(&entry.keys.join(", ")).into();
            item["value"] = from_macros(&entry.content).into();
            item
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_go_there_and_back() {
        for (own, others) in [
            ("{character} meets {user}.", "{{char}} meets {{user}}."),
            (
                "#{character}: Hi.\n#{user}: Ho.",
                "{{char}}: Hi.\n{{user}}: Ho.",
            ),
            ("{Character}", "{{char}}"),
            ("{{user}} {x} { {character", "{{user}} {x} { {character"),
        ] {
            assert_eq!(to_macros(own), others);
            assert_eq!(to_macros(&from_macros(others)), others);
        }
        assert_eq!(
            from_macros("{{CHAR}}: Hi, {{user}}."),
            "#{character}: Hi, {user}."
        );
    }
}
