//! What stands in a prompt and what does not, as a table.

use serde_json::{Value, json};

use crate::cli::counting::Counting;
use crate::cli::output::{self, BOLD, DIM};
use crate::prompt::lore::Position;
use crate::prompt::{Fit, LoreEntry, Part, Voice};

/// The parts of a prompt, one line each, and a line that sums up.
pub(super) fn table(name: Option<&str>, fit: &Fit, counting: &Counting) -> String {
    let label = |part: &Part| {
        let indent = if part.within { "  " } else { "" };
        format!("{indent}{}", output::escape(&part.name))
    };
    let width = fit
        .parts
        .iter()
        .map(|part| unicode_width::UnicodeWidthStr::width(label(part).as_str()))
        .chain([4])
        .max()
        .unwrap_or(4);
    let mut text = String::new();
    if let Some(name) = name {
        text.push_str(&format!("{BOLD}{}{BOLD:#}\n", output::escape(name)));
    }
    let heading = format!("{:width$}  {:>7}  {:4}  why", "part", "tokens", "");
    text.push_str(&format!("{BOLD}{heading}{BOLD:#}\n"));
    for part in &fit.parts {
        let label = label(part);
        let gap = width - unicode_width::UnicodeWidthStr::width(label.as_str());
        let tokens = if part.tokens == 0 && !part.kept {
            String::new()
        } else {
            part.tokens.to_string()
        };
        let line = format!(
            "{label}{}  {tokens:>7}  {:4}  {}",
            " ".repeat(gap),
            if part.kept { "kept" } else { "cut" },
            output::escape(&part.reason)
        );
        if part.kept {
            text.push_str(&format!("{line}\n"));
        } else {
            text.push_str(&format!("{DIM}{line}{DIM:#}\n"));
        }
    }
    let room = if is_unlimited(fit) {
        "no limit was given".to_owned()
    } else {
        format!("there is room for fewer than {}", fit.limit)
    };
    text.push_str(&format!(
        "\n{} tokens, {room}; {} turns dropped; counted by {}\n",
        fit.tokens,
        fit.dropped(),
        output::escape(&counting.by())
    ));
    text
}

/// The same as JSON.
pub(super) fn json(fit: &Fit, counting: &Counting) -> Value {
    let parts = fit.parts.iter().map(|part| {
        json!({
            "part": part.name,
            "tokens": part.tokens,
            "kept": part.kept,
            "reason": part.reason,
            "within": part.within,
        })
    });
    json!({
        "tokens": fit.tokens,
        "limit": if is_unlimited(fit) { Value::Null } else { json!(fit.limit) },
        "dropped_turns": fit.dropped(),
        "counted_by": counting.by(),
        "estimate": counting.model().is_none(),
        "parts": parts.collect::<Vec<_>>(),
    })
}

/// What became of an entry of a lorebook, as JSON.
pub(super) fn lore(entry: &LoreEntry) -> Value {
    let voice = |voice: &Voice| match voice {
        Voice::System => "system",
        Voice::User => "user",
        Voice::Char => "assistant",
    };
    let place = match &entry.position {
        Position::Before => json!({"at": "before"}),
        Position::After => json!({"at": "after"}),
        Position::NoteTop => json!({"at": "note_top"}),
        Position::NoteBottom => json!({"at": "note_bottom"}),
        Position::ExamplesTop => json!({"at": "examples_top"}),
        Position::ExamplesBottom => json!({"at": "examples_bottom"}),
        Position::Personality => json!({"at": "personality"}),
        Position::Scenario => json!({"at": "scenario"}),
        Position::Outlet(name) => json!({"at": "outlet", "name": name}),
        Position::Depth(depth, of) => json!({"at": "depth", "depth": depth, "role": voice(of)}),
        Position::ReverseDepth(depth, of) => {
            json!({"at": "reverse_depth", "depth": depth, "role": voice(of)})
        }
    };
    json!({
        "id": entry.id,
        "title": entry.title,
        "joins": entry.joins,
        "reason": entry.reason,
        "tokens": entry.tokens,
        "place": place,
        "text": entry.text,
    })
}

/// Whether nobody said how much room there is.
fn is_unlimited(fit: &Fit) -> bool {
    fit.limit > usize::MAX / 2
}
