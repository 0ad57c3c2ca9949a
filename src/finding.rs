//! A finding: something noticed in a card or a prompt, as a value that can be printed, counted, exported or fixed.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Against the rules, but it works somewhere.
    Warning,
    /// Wrong: readers disagree, fail or lose something.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Where a [`Finding`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The input as a whole.
    Whole,
    /// A JSON path, such as `data.alternate_greetings[2]`.
    Path(String),
    /// A range of bytes of the input.
    Bytes(Range<usize>),
}

impl fmt::Display for Place {
    /// The path, or `byte N`; empty for the input as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Path(path) => f.write_str(path),
            Self::Bytes(span) => write!(f, "byte {}", span.start),
        }
    }
}

/// Something noticed: never an error of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name, such as `png-bad-crc`: stable, and what `--explain` takes.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is the matter: lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub fix: Option<String>,
}
