//! `{{if}}` and `{{else}}`.

use super::evaluate::{Call, Evaluator};
use super::lexer::{is_space, variable_length};
use super::pair::branches;
use super::prepare::{ELSE, dedent};
use super::table::{self, Row};
use super::{Reason, variables};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["if"], 2..=2, choose).delayed(),
    Row::new(&["else"], 0..=0, |_, _| Ok(ELSE.to_owned())),
];

/// Whether text means "no" to `{{if}}`.
pub(super) fn is_false(text: &str) -> bool {
    let text = super::lexer::trim(text);
    ["off", "false", "0"]
        .iter()
        .any(|no| text.eq_ignore_ascii_case(no))
}

/// Expands the condition, then only the branch it chooses.
fn choose(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let mut condition = call.arguments[0].trim_start_matches(is_space);
    let inverted = condition.starts_with('!');
    if inverted {
        condition = condition[1..].trim_start_matches(is_space);
    } else {
        condition = &call.arguments[0];
    }
    let skipped = call.arguments[0].len() - condition.len();
    let origin = call.origins[0].plus(skipped);
    let mut condition = evaluator.evaluate(condition, origin, call.offset, call.text);
    let name = condition
        .strip_prefix(['.', '$'])
        .filter(|name| !name.is_empty() && variable_length(name) == name.len());
    if let Some(name) = name {
        let scope = if condition.starts_with('.') {
            variables::Scope::Local
        } else {
            variables::Scope::Global
        };
        condition = variables::get(evaluator, scope, name);
    } else if table::find(super::lexer::trim(&condition))
        .is_some_and(|row| row.list || *row.arity.start() == 0)
    {
        // The name of a macro stands for its value.
        let text = format!("{{{{{condition}}}}}");
        condition = evaluator.evaluate(&text, call.origins[0].clone(), call.offset, call.text);
    }
    let holds = (condition.is_empty() || is_false(&condition)) == inverted;
    let content = call.arguments[1].as_str();
    let (then, otherwise) = branches(content);
    let Some(branch) = (if holds { Some(then) } else { otherwise }) else {
        return Ok(String::new());
    };
    let origin = call.origins[1].plus(branch.start);
    let result = evaluator.evaluate(&content[branch], origin, call.offset, call.text);
    Ok(if call.keeps_space {
        result
    } else {
        dedent(&result)
    })
}
