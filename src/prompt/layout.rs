//! The template of a format, and the layout that is found by rendering it once with marks for values, so that what is
//! rendered and what is read cannot drift apart.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::front::Front;
use super::pattern::{Hole, Part, Pattern};
use crate::{Error, Kind, Result};

/// Steps a template may take besides those its text costs: layouts take a few hundred.
pub(super) const FUEL: u64 = 100_000;

/// The name the one template has in its environment.
pub(super) const TEMPLATE: &str = "format";

/// Where things stand around the turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// Literal text before the system tag or, when there is none, before everything.
    pub(super) preamble: String,
    /// What stands between the system tag and the first line.
    pub(super) open: String,
    /// The lines of the system text.
    pub(super) lines: Vec<Pattern>,
    /// What stands between two of those lines.
    pub(super) line_break: String,
    /// What stands between the last of them and the first turn (or the end).
    pub(super) close: String,
    /// Whether the system text comes after the turns.
    pub(super) flipped: bool,
    /// Literal text between the turns and the system text, or after the turns.
    pub(super) tail: String,
}

impl Layout {
    /// The layout, found by rendering the template with a mark in place of each value.
    pub(super) fn of(environment: &Environment<'static>, front: &Front) -> Result<Self> {
        let marks = Hole::TEMPLATE
            .iter()
            .map(|hole| (hole.name(), hole.mark().to_string()));
        let text = environment
            .get_template(TEMPLATE)
            .and_then(|template| template.render(Value::from_pairs(marks)))
            .map_err(|e| template_error(&e))?;
        let turns = Hole::Turns.mark();
        let Some((before, after)) = text.split_once(turns) else {
            return Err(Error::new(Kind::Format, "template does not write `turns`"));
        };
        let has_holes = |text: &str| {
            Pattern::from_marked(text)
                .parts
                .iter()
                .any(|part| matches!(part, Part::Hole(_)))
        };
        let flipped = has_holes(after);
        if after.contains(turns) || (flipped && has_holes(before)) {
            return Err(Error::new(
                Kind::Format,
                "template must write `turns` once, with the system text all before or all after it",
            ));
        }
        let system = if flipped { after } else { before };
        let tag = front
            .system
            .tags
            .first()
            .and_then(|tag| Some((system.find(tag.as_str())?, tag.len())));
        let (preamble, system) = match tag {
            Some((at, length)) => (&system[..at], &system[at + length..]),
            None if has_holes(system) => ("", system),
            None => (system, ""),
        };
        let end = system
            .char_indices()
            .filter(|(_, c)| Hole::TEMPLATE.iter().any(|hole| hole.mark() == *c))
            .map(|(at, c)| at + c.len_utf8())
            .next_back()
            .unwrap_or(0);
        let (inside, close) = system.split_at(end);
        let lines = Pattern::from_marked(inside.trim_start()).lines();
        // Empty lines between paragraphs are the same everywhere, or the format is not line-based.
        let line_break = if inside.trim_start().contains("\n\n") {
            "\n\n"
        } else {
            "\n"
        };
        Ok(Self {
            preamble: if flipped { before } else { preamble }.to_owned(),
            lines,
            open: inside[..inside.len() - inside.trim_start().len()].to_owned(),
            line_break: line_break.to_owned(),
            close: close.to_owned(),
            flipped,
            tail: if flipped { preamble } else { after }.to_owned(),
        })
    }
}

/// An environment with `body` as its one template.
pub(super) fn environment(body: &str) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment
        .add_template_owned(TEMPLATE, body.to_owned())
        .map_err(|e| template_error(&e))?;
    Ok(environment)
}

/// What a template did wrong, with its line.
pub(super) fn template_error(error: &minijinja::Error) -> Error {
    let what = error.detail().map_or_else(
        || error.kind().to_string(),
        |detail| format!("{}: {detail}", error.kind()),
    );
    let line = error
        .line()
        .map_or_else(String::new, |line| format!("template line {line}: "));
    Error::new(Kind::Format, format!("{line}{what}"))
}
