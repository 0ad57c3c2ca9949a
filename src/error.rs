//! The one error of the library: what went wrong, where, and what to do next.
//!
//! A single type composes across rooms (a card inside a zip inside a folder scan) where a type per module would not;
//! [`Kind`] is there for callers that act on the difference.

use std::fmt;
use std::path::Path;

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A file could not be read or written.
    File,
    /// Bytes are no character card, or one damaged beyond reading.
    Card,
    /// A prompt format file is wrong.
    Format,
    /// A conversation cannot be rendered or parsed.
    Prompt,
    /// A model, adapter or vocabulary file cannot be used.
    Model,
    /// The engine could not do what was asked.
    Engine,
    /// The engine has as much to do as it takes on; later it may.
    Busy,
    /// A sampler setting is unknown or out of range.
    Setting,
    /// A limit that protects the machine was reached.
    Limit,
    /// The request itself makes no sense.
    Usage,
}

/// What went wrong, where, and what to do next.
///
/// Messages are lower case, without a full stop, with literals in backticks.
///
/// ```
/// use cardwright::{Error, Kind};
///
/// let error = Error::new(Kind::Card, "PNG ends inside `chara` at byte 41")
///     .at("carina.png")
///     .hint("download the file again");
/// assert_eq!(error.to_string(), "carina.png: PNG ends inside `chara` at byte 41");
/// assert_eq!(error.next_step(), Some("download the file again"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    place: Option<String>,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: None,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// A file that could not be read, written, and so on: `action` completes "cannot ...".
    #[must_use]
    pub fn file(action: &str, path: &Path, source: std::io::Error) -> Self {
        Self::system(action, source).at(path.display().to_string())
    }

    /// The same where there is no path to tell, or another one is told.
    pub(crate) fn system(action: &str, source: std::io::Error) -> Self {
        let hint = match source.kind() {
            std::io::ErrorKind::NotFound => Some("check the spelling of the path"),
            std::io::ErrorKind::PermissionDenied => Some("check who owns the file and its folder"),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Some("free some space and run it again")
            }
            _ => None,
        };
        let mut error = Self::new(Kind::File, format!("cannot {action}: {source}")).source(source);
        error.0.hint = hint.map(str::to_owned);
        error
    }

    /// The same error with its place: a path, a path inside an archive, a JSON path, a line.
    ///
    /// Places nest: the outermost one is added last and printed first.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        self.0.place = Some(match self.0.place.take() {
            Some(inner) => format!("{place}: {inner}"),
            None => place,
        });
        self
    }

    /// The same error with the next step to take.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What the error is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it happened, outermost place first.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// What went wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, where it is known.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("place", &self.0.place)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
