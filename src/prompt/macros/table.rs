//! The table of macros: one row each, with its names, its arguments and the function that answers it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use super::evaluate::{Call, Evaluator};
use super::{Reason, chance, control, names, text, time, variables, window};

/// Answers a call, or says why it cannot.
pub(super) type Evaluate = fn(&mut Evaluator<'_>, &Call<'_>) -> Result<String, Reason>;

/// A macro.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name and its other names, in lower case: names are looked up in any case.
    pub(super) names: &'static [&'static str],
    /// How many arguments it takes.
    pub(super) arity: RangeInclusive<usize>,
    /// Whether any number of arguments is right, and content between tags is not.
    pub(super) list: bool,
    /// Whether its first argument has to be a whole number.
    pub(super) whole: bool,
    /// Whether it gets its arguments before the macros in them are replaced.
    pub(super) delayed: bool,
    /// Whether only a running chat window, its settings or its extensions know the answer.
    pub(super) window: bool,
    pub(super) evaluate: Evaluate,
}

impl Row {
    pub(super) const fn new(
        names: &'static [&'static str],
        arity: RangeInclusive<usize>,
        evaluate: Evaluate,
    ) -> Self {
        Self {
            names,
            arity,
            list: false,
            whole: false,
            delayed: false,
            window: false,
            evaluate,
        }
    }

    /// A macro without arguments that only a chat window knows.
    pub(super) const fn window(names: &'static [&'static str]) -> Self {
        let mut row = Self::new(names, 0..=0, |_, _| Err(Reason::NeedsFrontEnd));
        row.window = true;
        row
    }

    pub(super) const fn list(mut self) -> Self {
        self.list = true;
        self
    }

    pub(super) const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    pub(super) const fn delayed(mut self) -> Self {
        self.delayed = true;
        self
    }

    pub(super) fn check(&self, arguments: &[String]) -> Result<(), Reason> {
        let count = self.list || self.arity.contains(&arguments.len());
        let whole = |text: &str| {
            let text = super::lexer::trim(text);
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let kind = !self.whole || arguments.first().is_none_or(|first| whole(first));
        if count && kind {
            Ok(())
        } else {
            Err(Reason::Arguments)
        }
    }
}

/// The families of macros.
static FAMILIES: [&[Row]; 7] = [
    names::ROWS,
    text::ROWS,
    control::ROWS,
    chance::ROWS,
    time::ROWS,
    variables::ROWS,
    window::ROWS,
];

/// The macro with this name, in any case.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Row>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let rows = FAMILIES.iter().flat_map(|family| family.iter());
        rows.flat_map(|row| row.names.iter().map(move |name| (*name, row)))
            .collect()
    });
    index.get(name.to_ascii_lowercase().as_str()).copied()
}
