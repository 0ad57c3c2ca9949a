//! Macros such as `{{char}}`, `{{random::a::b}}` or `{{if persona}}…{{/if}}`, evaluated as SillyTavern 1.19 evaluates them.
//!
//! Card text is written by strangers, so a macro can only be looked up in a table: nothing in a card reaches a template
//! engine, a file or the network, and depth, steps and output size are bounded. The same text, [`Context`] and seed give
//! the same result everywhere, today and next year: chance comes from [`Context::seed`] and time from
//! [`Context::clock`].
//!
//! A macro that is unknown, badly called, or that only a running chat window could answer stays in the text as it was
//! written and is reported in [`Expansion::unresolved`].
//!
//! ```
//! use cardwright::prompt::macros::{Context, expand};
//!
//! let context = Context { char: "Carina".into(), user: "Anna".into(), ..Context::default() };
//! let expansion = expand("{{char}} smiled at <USER>. {{glance}}", &context);
//! assert_eq!(expansion.text, "Carina smiled at Anna. {{glance}}");
//! assert_eq!(expansion.unresolved[0].name, "glance");
//! ```

mod chance;
mod context;
mod control;
mod evaluate;
mod hash;
mod json;
mod lexer;
mod moment;
mod names;
mod number;
mod pair;
mod parser;
mod prepare;
mod table;
mod text;
mod time;
mod variables;
mod window;

use std::ops::Range;

pub use context::{Clock, Context, Variables};
pub(super) use hash::{Random, cyrb53};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expansion {
    /// The text with its macros replaced.
    pub text: String,
    /// The macros that were left as they were, in the order they stand in the text.
    pub unresolved: Vec<Unresolved>,
    /// The chat's variables afterwards.
    pub locals: Variables,
    /// The user's variables afterwards.
    pub globals: Variables,
}

/// A macro that was left in the text as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Where it stands in the text that was given to [`expand`]. A macro inside a card field, which came in through
    /// `{{description}}` and the like, has the range of the macro that brought it in.
    pub range: Range<usize>,
    /// Its name, as it was written.
    pub name: String,
    /// Why it was left.
    pub reason: Reason,
}

/// Why a macro was left in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No macro has this name.
    Unknown,
    /// Only a running chat window knows the answer.
    NeedsFrontEnd,
    /// It was called with the wrong number or kind of arguments.
    Arguments,
    /// It is a closing tag without its opening tag, or a pair around a macro that takes no content.
    Unpaired,
    /// A limit on depth, steps or output was reached.
    Limit,
}

/// Replaces the macros of `text`.
///
/// Text without `{{`, `<`, `\{` and `\}` is copied. The work is bounded whatever the text says; what lies beyond a bound is
/// left as it is and reported with [`Reason::Limit`].
#[must_use]
pub fn expand(text: &str, context: &Context) -> Expansion {
    let plain = !["{{", "<", "\\{", "\\}"]
        .iter()
        .any(|sign| text.contains(sign));
    if plain {
        return Expansion {
            text: text.to_owned(),
            locals: context.locals.clone(),
            globals: context.globals.clone(),
            ..Expansion::default()
        };
    }
    let mut evaluator = evaluate::Evaluator::new(context);
    let text = evaluator.run(text);
    Expansion {
        text,
        unresolved: evaluator.unresolved,
        locals: evaluator.locals,
        globals: evaluator.globals,
    }
}
