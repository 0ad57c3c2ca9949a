//! Opening and closing tags: which macros have content, and where an `{{if}}` divides.

use std::ops::Range;

use super::parser::{Macro, parse};
use super::table;

/// How many comparisons may go into finding the pairs of a text and the texts inside it.
pub(super) const MAX_PAIRING: u32 = 1_000_000;

/// The content between a pair of tags, and where the closing tag ends.
pub(super) struct Content {
    pub(super) range: Range<usize>,
    pub(super) end: usize,
}

/// The macros of a text in order; of one that is not closed, the ones inside it.
pub(super) fn flatten(macros: Vec<Macro>, items: &mut Vec<Macro>) {
    for node in macros {
        if node.closed {
            items.push(node);
        } else {
            flatten(node.nested, items);
        }
    }
}

/// What becomes of a macro.
pub(super) enum Role {
    /// Evaluated as it is.
    Alone,
    /// Evaluated with what stands between it and its closing tag.
    Around(Content),
    /// Left in the text.
    Text,
}

/// Finds each macro's closing tag, as long as the budget lasts. Only the outermost pairs count: what is inside is a text of its own.
pub(super) fn pair(text: &str, items: &[Macro], budget: &mut u32) -> Vec<Role> {
    let name = |item: &Macro| text[item.name.clone()].to_ascii_lowercase();
    let names: Vec<String> = items.iter().map(name).collect();
    let closes: Vec<bool> = items.iter().map(|item| closes(text, item)).collect();
    let mut roles: Vec<Role> = closes
        .iter()
        .map(|closes| if *closes { Role::Text } else { Role::Alone })
        .collect();
    if !closes.contains(&true) {
        return roles;
    }
    let takes: Vec<bool> = items.iter().map(|item| takes_content(text, item)).collect();
    let mut matched = vec![false; items.len()];
    let mut open = 0;
    while open < items.len() {
        let index = open;
        open += 1;
        if closes[index] || matched[index] || names[index].is_empty() {
            continue;
        }
        let mut depth = 1_u32;
        let close = (index + 1..items.len()).find(|other| {
            *budget = budget.saturating_sub(1);
            if *budget == 0 || names[*other] != names[index] || matched[*other] {
                return false;
            }
            if closes[*other] {
                depth -= 1;
            } else if takes[*other] {
                depth += 1;
            }
            depth == 0
        });
        let Some(close) = close else { continue };
        matched[index] = true;
        matched[close] = true;
        if takes[index] {
            roles[index] = Role::Around(Content {
                range: items[index].range.end..items[close].range.start,
                end: items[close].range.end,
            });
            open = close + 1;
        } else {
            roles[index] = Role::Text;
        }
    }
    roles
}

/// Whether this is a closing tag: `{{/name}}`, or `{{///}}` for a comment.
fn closes(text: &str, item: &Macro) -> bool {
    if item.name.is_empty() {
        return false;
    }
    let slash = |at| text[at..].starts_with('/');
    let first = item.arguments.first().and_then(|argument| argument.plain);
    item.flags.contains(&b'/') || (&text[item.name.clone()] == "//" && first.is_some_and(slash))
}

/// Whether one more argument would be right for this macro. Unknown ones take anything.
fn takes_content(text: &str, item: &Macro) -> bool {
    match table::find(&text[item.name.clone()]) {
        Some(row) => !row.list && row.arity.contains(&(item.arguments.len() + 1)),
        None => true,
    }
}

/// The parts of the content of `{{if}}` before and after its own `{{else}}`, as ranges of `content`.
pub(super) fn branches(content: &str) -> (Range<usize>, Option<Range<usize>>) {
    let mut depth = 0_i32;
    for item in parse(content).unwrap_or_default() {
        if !item.closed {
            continue;
        }
        let name = &content[item.name.clone()];
        match name {
            "if" if closes(content, &item) => depth -= 1,
            "if" if item.arguments.len() == 1 => depth += 1,
            "else" if depth == 0 => {
                return (0..item.range.start, Some(item.range.end..content.len()));
            }
            _ => {}
        }
    }
    (0..content.len(), None)
}
