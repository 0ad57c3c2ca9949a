//! A JSON document that is kept as the text it was: an edit splices one span and leaves every other byte alone.
//!
//! Key order, number spelling, escapes, unknown fields, nulls, duplicate keys and whitespace therefore survive without
//! anybody having to think of them. New values take on the look of the document around them.

use std::borrow::Cow;

use serde::Serialize as _;
use serde_json::{Map, Value};

use super::path::{self, Step};
use super::scan::{self, Fault, Member, Span};
use crate::{Error, Kind, Result};

/// A JSON text whose values can be read and replaced in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    text: String,
    root: Span,
    outline: Outline,
}

/// Where the members of the root and of its `data` stand, for nearly every question about a card begins there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Outline {
    root: Vec<Member>,
    data: Span,
    fields: Vec<Member>,
}

impl Outline {
    fn of(text: &str, root: Vec<Member>) -> Self {
        let data = root
            .iter()
            .rev()
            .find(|member| scan::says(text, &member.key, "data"));
        let data = data.map(|member| member.value.clone()).unwrap_or_default();
        let fields = if data.is_empty() {
            Vec::new()
        } else {
            scan::members(text, &data)
        };
        Self { root, data, fields }
    }
}

impl Document {
    /// The document of `text`, which is checked whole.
    pub(super) fn parse(text: String) -> Result<Self, (String, Fault)> {
        match scan::check_members(&text) {
            Ok((root, members)) => Ok(Self {
                outline: Outline::of(&text, members),
                text,
                root,
            }),
            Err(fault) => Err((text, fault)),
        }
    }

    /// A document of a value, on one line.
    pub(super) fn of(value: &Value) -> Self {
        let text = value.to_string();
        let root = 0..text.len();
        let outline = Outline::of(&text, scan::members(&text, &root));
        Self {
            text,
            root,
            outline,
        }
    }

    /// The members of the object at `span`, in order, duplicates included; empty for anything else.
    pub(super) fn members(&self, span: &Span) -> Cow<'_, [Member]> {
        if *span == self.root {
            Cow::Borrowed(&self.outline.root)
        } else if *span == self.outline.data {
            Cow::Borrowed(&self.outline.fields)
        } else {
            Cow::Owned(scan::members(&self.text, span))
        }
    }

    /// The text as it stands.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where the one value of the document stands.
    pub(super) fn root(&self) -> &Span {
        &self.root
    }

    /// Where the value at `steps` stands; of duplicate keys the last counts.
    pub(super) fn find(&self, steps: &[Step]) -> Option<Span> {
        let mut span = self.root.clone();
        for step in steps {
            span = match step {
                Step::Key(key) => self.member(&span, key)?.value,
                Step::Index(index) => scan::items(&self.text, &span).into_iter().nth(*index)?,
            };
        }
        Some(span)
    }

    /// The last member called `key` of the object at `span`.
    pub(super) fn member(&self, span: &Span, key: &str) -> Option<Member> {
        let members = self.members(span);
        let mut backwards = members.iter().rev();
        backwards
            .find(|member| scan::says(&self.text, &member.key, key))
            .cloned()
    }

    /// The value at `steps` as a tree.
    pub(super) fn get(&self, steps: &[Step]) -> Option<Value> {
        Some(scan::value(&self.text, &self.find(steps)?))
    }

    /// The value at `span` as a tree.
    pub(super) fn value(&self, span: &Span) -> Value {
        scan::value(&self.text, span)
    }

    /// The whole document as a tree, and whether an object in it has the same key twice.
    pub(super) fn whole(&self) -> (Value, bool) {
        scan::value_and_duplicates(&self.text, &self.root)
    }

    /// The string at `steps`; `None` when there is none or it is no string.
    pub(super) fn string(&self, steps: &[Step]) -> Option<Cow<'_, str>> {
        let span = self.find(steps)?;
        self.is(&span, b'"')
            .then(|| scan::string(&self.text, &span))
    }

    /// Whether the value at `span` begins with `first`, which tells its type.
    pub(super) fn is(&self, span: &Span, first: u8) -> bool {
        self.text.as_bytes()[span.start] == first
    }

    /// Puts `value` at `steps`: replaces what is there, or adds it together with the objects and arrays that lead to it.
    pub(super) fn set(&mut self, steps: &[Step], value: &Value) -> Result<()> {
        let mut span = self.root.clone();
        for (depth, step) in steps.iter().enumerate() {
            let rest = &steps[depth + 1..];
            if self.is(&span, b'n') {
                let new = grow(&steps[depth..], value)?;
                self.replace(&span, &new, depth);
                return Ok(());
            }
            span = match step {
                Step::Key(key) if self.is(&span, b'{') => match self.member(&span, key) {
                    Some(member) => member.value,
                    None => {
                        let new = grow(rest, value)?;
                        self.add_member(&span, key, &new, depth);
                        return Ok(());
                    }
                },
                Step::Index(index) if self.is(&span, b'[') => {
                    let items = scan::items(&self.text, &span);
                    match items.get(*index) {
                        Some(item) => item.clone(),
                        None if *index == items.len() => {
                            let new = grow(rest, value)?;
                            self.add_item(&span, &items, &new, depth);
                            return Ok(());
                        }
                        None => return Err(past_the_end(&steps[..=depth], items.len())),
                    }
                }
                Step::Key(_) => return Err(wrong_type(&steps[..depth], "an object")),
                Step::Index(_) => return Err(wrong_type(&steps[..depth], "an array")),
            };
        }
        self.replace(&span, value, steps.len());
        Ok(())
    }

    /// Takes the value at `steps` out, every duplicate of its key included. Says whether there was one.
    pub(super) fn unset(&mut self, steps: &[Step]) -> bool {
        let Some((last, before)) = steps.split_last() else {
            return false;
        };
        let mut found = false;
        while let Some(parent) = self.find(before) {
            // Each part is one member or item with its key; the gaps between parts hold one comma each.
            let parts: Vec<Span> = match last {
                Step::Key(_) => self
                    .members(&parent)
                    .iter()
                    .map(|member| member.key.start..member.value.end)
                    .collect(),
                Step::Index(_) => scan::items(&self.text, &parent),
            };
            let index = match last {
                Step::Key(key) => parts.iter().rposition(|part| {
                    let end = string_end(&self.text, part.start);
                    scan::says(&self.text, &(part.start..end), key)
                }),
                Step::Index(index) => (!found && *index < parts.len()).then_some(*index),
            };
            let Some(index) = index else { break };
            let cut = match (index, parts.len()) {
                (0, 1) => parent.start + 1..parent.end - 1,
                (0, _) => parts[0].start..parts[1].start,
                _ => parts[index - 1].end..parts[index].end,
            };
            self.splice(&cut, "");
            found = true;
        }
        found
    }

    /// Gives the key at `key` (quotes included) another name.
    pub(super) fn rename(&mut self, key: &Span, name: &str) {
        self.splice(key, &Value::from(name).to_string());
    }

    fn replace(&mut self, span: &Span, value: &Value, depth: usize) {
        let text = self.render(value, depth);
        self.splice(span, &text);
    }

    fn splice(&mut self, span: &Span, new: &str) {
        self.text.replace_range(span.clone(), new);
        self.root.end = self.root.end + new.len() - span.len();
        self.outline = Outline::of(&self.text, scan::members(&self.text, &self.root));
    }

    /// What one level is indented by; `None` for a document on one line.
    pub(super) fn indent(&self) -> Option<String> {
        let first = self.outline.root.first()?;
        let gap = &self.text[self.root.start + 1..first.key.start];
        gap.rfind('\n').map(|newline| gap[newline + 1..].to_owned())
    }

    /// Whether members on one line have a space after `:`, as Python writes them.
    fn is_spaced(&self) -> bool {
        self.outline
            .root
            .first()
            .is_some_and(|first| self.text[first.key.end..first.value.start].ends_with(' '))
    }

    fn render(&self, value: &Value, depth: usize) -> String {
        let Some(indent) = self.indent() else {
            return value.to_string();
        };
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        if value.serialize(&mut serializer).is_err() {
            return value.to_string();
        }
        // Strings hold no raw newline, so every one in here is layout.
        String::from_utf8_lossy(&bytes).replace('\n', &format!("\n{}", indent.repeat(depth)))
    }

    fn add_member(&mut self, object: &Span, key: &str, value: &Value, depth: usize) {
        let members = self.members(object);
        let colon = match members.last() {
            Some(last) => self.text[last.key.end..last.value.start].to_owned(),
            None if self.indent().is_some() || self.is_spaced() => ": ".to_owned(),
            None => ":".to_owned(),
        };
        let part = format!(
            "{}{colon}{}",
            Value::from(key),
            self.render(value, depth + 1)
        );
        let ends: Vec<Span> = members
            .iter()
            .map(|member| member.key.start..member.value.end)
            .collect();
        self.add_part(object, &ends, &part, depth);
    }

    fn add_item(&mut self, array: &Span, items: &[Span], value: &Value, depth: usize) {
        let part = self.render(value, depth + 1);
        self.add_part(array, items, &part, depth);
    }

    /// Adds `part` after the last of `parts`, with the gap that stands before that one.
    fn add_part(&mut self, parent: &Span, parts: &[Span], part: &str, depth: usize) {
        match parts {
            [] => {
                let inside = match self.indent() {
                    Some(indent) => format!(
                        "\n{}{part}\n{}",
                        indent.repeat(depth + 1),
                        indent.repeat(depth)
                    ),
                    None => part.to_owned(),
                };
                self.splice(&(parent.start + 1..parent.end - 1), &inside);
            }
            [only] => {
                let gap = &self.text[parent.start + 1..only.start];
                let gap = if gap.is_empty() && self.is_spaced() {
                    " "
                } else {
                    gap
                };
                let new = format!(",{gap}{part}");
                self.splice(&(only.end..only.end), &new);
            }
            [.., previous, last] => {
                let gap = &self.text[previous.end..last.start];
                let new = format!("{gap}{part}");
                self.splice(&(last.end..last.end), &new);
            }
        }
    }
}

/// Where the string that opens at `start` ends.
fn string_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// `value` inside the objects and arrays that `steps` go through.
fn grow(steps: &[Step], value: &Value) -> Result<Value> {
    let mut grown = value.clone();
    for (depth, step) in steps.iter().enumerate().rev() {
        grown = match step {
            Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), grown)])),
            Step::Index(0) => Value::Array(vec![grown]),
            Step::Index(_) => return Err(past_the_end(&steps[..=depth], 0)),
        };
    }
    Ok(grown)
}

fn past_the_end(steps: &[Step], length: usize) -> Error {
    Error::new(
        Kind::Usage,
        format!("the list ends before this place; it has {length} items"),
    )
    .at(path::write(steps))
    .hint(format!("`[{length}]` adds an item at the end"))
}

fn wrong_type(steps: &[Step], wanted: &str) -> Error {
    let place = path::write(steps);
    Error::new(Kind::Usage, format!("the value here is not {wanted}")).at(if place.is_empty() {
        "$".to_owned()
    } else {
        place
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Path;
    use serde_json::json;

    fn document(text: &str) -> Document {
        Document::parse(text.to_owned()).unwrap()
    }

    fn steps(path: &str) -> Vec<Step> {
        path.parse::<Path>().unwrap().steps
    }

    #[track_caller]
    fn set(text: &str, path: &str, value: Value) -> String {
        let mut document = document(text);
        document.set(&steps(path), &value).unwrap();
        assert_eq!(document.root, scan::check(&document.text).unwrap());
        assert_eq!(document.get(&steps(path)), Some(value));
        document.text
    }

    #[track_caller]
    fn unset(text: &str, path: &str) -> String {
        let mut document = document(text);
        assert!(document.unset(&steps(path)));
        assert_eq!(document.root, scan::check(&document.text).unwrap());
        let last = steps(path).pop();
        assert!(matches!(last, Some(Step::Index(_))) || document.find(&steps(path)).is_none());
        document.text
    }

    #[test]
    fn replacing_a_value_leaves_every_other_byte() {
        assert_eq!(
            set(
                r#" {"a" :1e3 ,"b":[1.0, "\/"],"a": 2} "#,
                "b[1]",
                json!("x")
            ),
            r#" {"a" :1e3 ,"b":[1.0, "x"],"a": 2} "#
        );
    }

    #[test]
    fn the_last_duplicate_is_the_one_that_counts() {
        assert_eq!(set(r#"{"a":1,"a":2}"#, "a", json!(3)), r#"{"a":1,"a":3}"#);
        assert_eq!(unset(r#"{"a":1,"b":0,"a":2}"#, "a"), r#"{"b":0}"#);
    }

    #[test]
    fn new_members_look_like_their_neighbours() {
        assert_eq!(set("{}", "a.b", json!(1)), r#"{"a":{"b":1}}"#);
        assert_eq!(
            set(r#"{"a": 1, "b": 2}"#, "c", json!(3)),
            r#"{"a": 1, "b": 2, "c": 3}"#
        );
        assert_eq!(set(r#"{"a": 1}"#, "c", json!(3)), r#"{"a": 1, "c": 3}"#);
        assert_eq!(
            set("{\n  \"a\": {},\n  \"t\": []\n}", "a.b", json!({"c": [1]})),
            "{\n  \"a\": {\n    \"b\": {\n      \"c\": [\n        1\n      ]\n    }\n  },\n  \"t\": []\n}"
        );
        assert_eq!(
            set("{\n\t\"t\": [\n\t\t1\n\t]\n}", "t[1]", json!(2)),
            "{\n\t\"t\": [\n\t\t1,\n\t\t2\n\t]\n}"
        );
        assert_eq!(
            set(r#"{"a":null}"#, "a.b[0]", json!("x")),
            r#"{"a":{"b":["x"]}}"#
        );
    }

    #[test]
    fn taking_a_member_out_takes_one_comma() {
        assert_eq!(unset(r#"{"a": 1, "b": 2}"#, "a"), r#"{"b": 2}"#);
        assert_eq!(unset(r#"{"a": 1, "b": 2}"#, "b"), r#"{"a": 1}"#);
        assert_eq!(unset("{\n  \"a\": 1\n}", "a"), "{}");
        assert_eq!(unset("[1, 2, 3]", "$[1]"), "[1, 3]");
        assert_eq!(unset(r#"{"a\u0062": 1, "b": 2}"#, "ab"), r#"{"b": 2}"#);
    }

    #[test]
    fn a_path_through_a_value_of_another_type_is_an_error() {
        let mut document = document(r#"{"a":"text","t":[1]}"#);
        let error = document.set(&steps("a.b"), &json!(1)).unwrap_err();
        assert_eq!(error.to_string(), "a: the value here is not an object");
        let error = document.set(&steps("t[5]"), &json!(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "t[5]: the list ends before this place; it has 1 items"
        );
    }
}
