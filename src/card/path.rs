//! Paths into a card: `name`, `tags[0]`, `extensions.depth_prompt.prompt`, `extensions["odd.key"]`, `$.spec`.
//!
//! A path means a field of the card, wherever its version keeps its fields; `$` begins one at the root of the document.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Kind, Result};

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into an object, by key.
    Key(String),
    /// Into an array, counted from 0.
    Index(usize),
}

/// A path into a card.
///
/// ```
/// use cardwright::card::Path;
///
/// let path: Path = r#"extensions["a.b"][2].c"#.parse()?;
/// assert_eq!(path.to_string(), r#"extensions["a.b"][2].c"#);
/// # Ok::<(), cardwright::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Path {
    /// Whether the path begins at the root of the document.
    pub absolute: bool,
    /// The steps, outermost first.
    pub steps: Vec<Step>,
}

impl Path {
    /// A path from the root of the document.
    #[must_use]
    pub fn root() -> Self {
        Self {
            absolute: true,
            steps: Vec::new(),
        }
    }

    /// This path and one key more.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.steps.push(Step::Key(key.into()));
        path
    }

    /// This path and one index more.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.steps.push(Step::Index(index));
        path
    }
}

/// Whether a key needs no quotes in a path.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key != "$"
        && !key
            .chars()
            .any(|c| matches!(c, '.' | '[' | ']' | '"' | '=') || c.is_control())
}

/// Writes `steps` as a path without `$`, the form findings use.
pub(super) fn write(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) if is_plain(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Key(key) => {
                text.push_str(&format!("[{}]", serde_json::Value::from(key.as_str())));
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = write(&self.steps);
        match (self.absolute, steps.as_str()) {
            (true, "") => f.write_str("$"),
            (true, steps) if steps.starts_with('[') => write!(f, "${steps}"),
            (true, steps) => write!(f, "$.{steps}"),
            (false, steps) => f.write_str(steps),
        }
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(Kind::Usage, format!("path `{text}` {what}")).hint(
                "paths look like `name`, `tags[0]`, `extensions.depth_prompt.prompt` or `$.spec`",
            )
        };
        let (absolute, mut rest) = match text.strip_prefix('$') {
            Some(rest) if rest.is_empty() || rest.starts_with(['.', '[']) => (true, rest),
            _ => (false, text),
        };
        let mut steps = Vec::new();
        let mut first = !absolute;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                if inner.starts_with('"') {
                    let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
                    let Some(Ok(key)) = keys.next() else {
                        return Err(wrong("has a quoted key that is not closed"));
                    };
                    let after = &inner[keys.byte_offset()..];
                    rest = after
                        .strip_prefix(']')
                        .ok_or_else(|| wrong("lacks a `]`"))?;
                    steps.push(Step::Key(key));
                } else {
                    let (index, after) =
                        inner.split_once(']').ok_or_else(|| wrong("lacks a `]`"))?;
                    let index = index
                        .parse()
                        .map_err(|_| wrong(&format!("has `[{index}]`, which is no number")))?;
                    steps.push(Step::Index(index));
                    rest = after;
                }
            } else {
                if !first {
                    rest = rest
                        .strip_prefix('.')
                        .ok_or_else(|| wrong("lacks a `.` between two keys"))?;
                }
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(wrong("has an empty key"));
                }
                steps.push(Step::Key(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            first = false;
        }
        if steps.is_empty() && !absolute {
            return Err(wrong("is empty"));
        }
        Ok(Self { absolute, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_they_are_written() {
        for text in [
            "name",
            "tags[0]",
            "$",
            "$.spec",
            "a.b[1][2].c",
            r#"a["b.c"].d"#,
            r#"$["x y\""]"#,
        ] {
            let path: Path = text.parse().unwrap();
            assert_eq!(path.to_string().parse::<Path>().unwrap(), path, "{text}");
        }
    }

    #[test]
    fn broken_paths_are_refused() {
        for text in ["", ".a", "a..b", "a[", "a[x]", "a[\"b]", "a[0]b", "a."] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
