//! Macros that make or shape text: `{{newline}}`, `{{reverse::…}}`, comments, outlets.

use super::evaluate::{Call, Evaluator};
use super::table::Row;
use super::{Reason, number};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["space"], 0..=1, |e, call| repeat(e, call, " ")).whole(),
    Row::new(&["newline"], 0..=1, |e, call| repeat(e, call, "\n")).whole(),
    Row::new(&["noop"], 0..=0, |_, _| Ok(String::new())),
    Row::new(&["trim"], 0..=1, trim),
    Row::new(&["reverse"], 1..=1, |_, call| {
        Ok(call.arguments[0].chars().rev().collect())
    }),
    Row::new(&["//", "comment"], 1..=1, |_, _| Ok(String::new())),
    // A front-end keeps the word from being generated; the text is empty in any case.
    Row::new(&["banned"], 1..=1, |_, _| Ok(String::new())),
    Row::new(&["outlet"], 1..=1, |e, call| {
        Ok(e.context
            .outlets
            .get(&call.arguments[0])
            .cloned()
            .unwrap_or_default())
    }),
];

fn repeat(evaluator: &mut Evaluator<'_>, call: &Call<'_>, text: &str) -> Result<String, Reason> {
    let count = call
        .arguments
        .first()
        .map_or(1.0, |count| number::parse(count));
    if count < 0.0 {
        return Err(Reason::Arguments);
    }
    // Accounted for before it is made.
    let count = count as usize;
    evaluator.spend(0, count.saturating_mul(text.len()))?;
    Ok(text.repeat(count))
}

/// Between tags, its content; alone, a mark that takes the newlines around it along when the text is finished.
fn trim(_: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    Ok(match call.arguments.first() {
        Some(content) if call.scoped => content.clone(),
        _ => "{{trim}}".to_owned(),
    })
}
