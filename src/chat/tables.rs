//! What takes how much of the context, and which lorebook entries join, as text for people.

use crate::prompt::{Fit, Part};

/// How the names of lorebook entries begin among the parts of a prompt.
const LORE: &str = "lore ";

/// A table of all parts of a prompt and their tokens.
pub(super) fn tokens(fit: &Fit, reply: usize) -> String {
    let mut text = table(
        fit.parts
            .iter()
            .filter(|part| !part.name.starts_with(LORE) || part.kept),
    );
    let dropped = match fit.dropped() {
        0 => String::new(),
        1 => "; 1 turn is left out".to_owned(),
        count => format!("; {count} turns are left out"),
    };
    text.push_str(&format!(
        "{:>7}  in all, of fewer than {}; {reply} are kept free for the reply{dropped}\n",
        fit.tokens, fit.limit
    ));
    text
}

/// A table of the lorebook entries and what became of them.
pub(super) fn lore(fit: &Fit) -> String {
    let entries: Vec<&Part> = fit
        .parts
        .iter()
        .filter(|part| part.name.starts_with(LORE))
        .collect();
    if entries.is_empty() {
        return "there is no lorebook\n".to_owned();
    }
    let joined = entries.iter().filter(|part| part.kept).count();
    let mut text = table(entries.iter().copied());
    text.push_str(&format!("{joined} of {} entries join\n", entries.len()));
    text
}

fn table<'p>(parts: impl Iterator<Item = &'p Part>) -> String {
    let mut text = String::new();
    for part in parts {
        let tokens = match part.tokens {
            0 if !part.kept => "-".to_owned(),
            tokens => tokens.to_string(),
        };
        let name = if part.within {
            format!("  {}", part.name)
        } else {
            part.name.clone()
        };
        let fate = match (part.kept, part.name.starts_with(LORE)) {
            (true, false) => String::new(),
            (true, true) => format!("joins: {}", part.reason),
            (false, _) => format!("left out: {}", part.reason),
        };
        text.push_str(format!("{tokens:>7}  {name:<32} {fate}").trim_end());
        text.push('\n');
    }
    text
}
