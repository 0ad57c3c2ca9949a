//! Two cards compared by what they mean: fields, not bytes.
//!
//! Key order, spelling of numbers and escapes, and the container do not matter; versions are compared field by field,
//! wherever each keeps its fields.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Card, Path, png};

/// A difference at a path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Where, as [`Card::get`] takes it.
    pub path: String,
    /// What the first card has there; `None` when it has nothing.
    pub before: Option<Value>,
    /// What the second has there; `None` when it has nothing.
    pub after: Option<Value>,
}

/// What differs from one card to another, in the order of the first.
///
/// ```
/// use cardwright::card::{Card, diff};
///
/// let (one, other) = (Card::new("Carina"), Card::new("Corina"));
/// assert_eq!(diff(&one, &other)[0].path, "name");
/// assert!(diff(&one, &one).is_empty());
/// ```
#[must_use]
pub fn diff(before: &Card, after: &Card) -> Vec<Difference> {
    let mut found = Vec::new();
    if before.version() != after.version() {
        found.push(Difference {
            path: "$.spec".into(),
            before: Some(before.version().to_string().into()),
            after: Some(after.version().to_string().into()),
        });
    }
    let body = |card: &Card| card.document.get(&card.body()).unwrap_or_default();
    compare(&Path::default(), &body(before), &body(after), &mut found);
    if !before.body().is_empty() && !after.body().is_empty() {
        let root = |card: &Card| match card.get(&Path::root()) {
            Some(Value::Object(mut members)) => {
                members.retain(|key, _| !matches!(key.as_str(), "data" | "spec" | "spec_version"));
                Value::Object(members)
            }
            _ => Value::Object(Map::new()),
        };
        compare(&Path::root(), &root(before), &root(after), &mut found);
    }
    found
}

/// What differs from one JSON value to another.
pub(super) fn diff_values(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&Path::default(), before, after, &mut found);
    found
}

/// Whether the pixels in two files are the same bytes; `None` unless both are PNG.
#[must_use]
pub fn same_picture(before: &[u8], after: &[u8]) -> Option<bool> {
    Some(png::pixels(before)?.eq(png::pixels(after)?))
}

fn compare(path: &Path, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                match new.get(key) {
                    Some(other) => compare(&path.key(key), value, other, found),
                    None => note(&path.key(key), Some(value), None, found),
                }
            }
            for (key, value) in new {
                if !old.contains_key(key) {
                    note(&path.key(key), None, Some(value), found);
                }
            }
        }
        (Value::Array(old), Value::Array(new)) => lists(path, old, new, found),
        (Value::Number(old), Value::Number(new)) if old.as_f64() == new.as_f64() => {}
        _ if before == after => {}
        _ => note(path, Some(before), Some(after), found),
    }
}

/// Lists are aligned at both ends, so that an item added at the front is one difference.
fn lists(path: &Path, old: &[Value], new: &[Value], found: &mut Vec<Difference>) {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    for index in head..old_end.max(new_end) {
        match (old[..old_end].get(index), new[..new_end].get(index)) {
            (Some(before), Some(after)) => compare(&path.index(index), before, after, found),
            (before, after) => note(&path.index(index), before, after, found),
        }
    }
}

fn note(path: &Path, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    found.push(Difference {
        path: path.to_string(),
        before: before.cloned(),
        after: after.cloned(),
    });
}
