//! The file formats of lorebooks: for each a table of which of its fields is which of a V3 book's.
//!
//! A field that a format has no place for is kept in its `extensions`, where it has any, under `cardwright`: its own
//! program does not see it there, but the way back is exact. The other way, what a V3 book has no field for stands in
//! `extensions.cardwright` of the book or entry.

use serde_json::{Map, Value, json};

use super::tables::{FORMATS, close_book, open_book};
use crate::card::by_commas;
use crate::card::document::Document;

/// Under which name `extensions` keeps what has no other place.
pub(super) const PARKED: &str = "cardwright";

/// A file format of lorebooks.
pub struct Format {
    /// Its name, as people say it.
    pub name: &'static str,
    /// Its name on a command line.
    pub key: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    pub(super) recognise: fn(&Value) -> bool,
    /// The fields of the book and its entries.
    pub(super) open: fn(&Value) -> Parts,
    /// The file of such.
    pub(super) close: fn(Map<String, Value>, Vec<Value>) -> Value,
    pub(super) book: &'static [Row],
    pub(super) entry: &'static [Row],
    /// The field of an entry that other programs may write into.
    pub(super) entry_extensions: Option<&'static str>,
    /// The field of the book that other programs may write into.
    pub(super) book_extensions: Option<&'static str>,
}

/// The fields of a book, and its entries.
pub(super) type Parts = (Map<String, Value>, Vec<Value>);

/// A field.
pub(super) struct Row {
    /// Its name in the format.
    pub(super) theirs: &'static str,
    /// Its name in a V3 book; `extensions.NAME` below `extensions`.
    pub(super) ours: &'static str,
    pub(super) kind: Kind,
    /// What the format needs to have there.
    pub(super) default: Option<fn() -> Value>,
}

/// How a field differs from its counterpart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Same,
    /// True means false.
    Not,
    /// A list written as a text with commas.
    Commas,
    /// SillyTavern's number of a position, of which a book knows only two.
    Position,
    /// A number where a book also takes a text.
    Number,
    /// A text where a book also takes a number; a number is written as one.
    Text,
    /// A text, and nothing else.
    OnlyText,
}

/// What is parked, by its path in the book.
pub(super) type Parked = Vec<String>;

impl Format {
    /// The format of a value.
    pub(crate) fn of(value: &Value) -> Option<&'static Self> {
        value
            .is_object()
            .then(|| FORMATS.iter().find(|format| (format.recognise)(value)))
            .flatten()
    }

    /// The format called `key` on a command line.
    #[must_use]
    pub fn by_key(key: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| {
            format.key.eq_ignore_ascii_case(key) || format.name.eq_ignore_ascii_case(key)
        })
    }

    /// Whether it is the V3 book itself.
    fn is_native(&self) -> bool {
        self.entry.is_empty()
    }

    /// A file of this format as a V3 book.
    pub(crate) fn read(&self, value: &Value) -> Value {
        let (root, entries) = (self.open)(value);
        if self.is_native() {
            return close_book(root, entries);
        }
        let mut book = self.read_part(root, self.book, self.book_extensions);
        let entries: Vec<Value> = entries
            .into_iter()
            .enumerate()
            .filter_map(|(index, entry)| match entry {
                Value::Object(entry) => {
                    let mut read = self.read_part(entry, self.entry, self.entry_extensions);
                    for (key, default) in [
                        ("keys", json!([])),
                        ("content", json!("")),
                        ("enabled", json!(true)),
                        ("insertion_order", json!(index)),
                        ("use_regex", json!(false)),
                    ] {
                        read.entry(key).or_insert(default);
                    }
                    Some(Value::Object(read))
                }
                _ => None,
            })
            .collect();
        book.insert("entries".into(), entries.into());
        Value::Object(book)
    }

    fn read_part(
        &self,
        theirs: Map<String, Value>,
        rows: &[Row],
        extensions: Option<&str>,
    ) -> Map<String, Value> {
        let mut ours = Map::new();
        let mut outer = Map::new();
        let mut rest = Map::new();
        let mut parked = Map::new();
        for (key, value) in theirs {
            if let Some(row) = rows.iter().find(|row| row.theirs == key) {
                // RisuAI writes it into every entry, and no other program knows it.
                if row.ours == "mode" && value == json!("normal") {
                    continue;
                }
                match row.read(&value) {
                    Some(value) => {
                        if row.kind == Kind::Position {
                            outer.insert("position".into(), value.clone());
                            let place = if value == json!(0) {
                                "before_char"
                            } else {
                                "after_char"
                            };
                            ours.insert("position".into(), place.into());
                        } else if let Some(name) = row.ours.strip_prefix("extensions.") {
                            outer.insert(name.to_owned(), value);
                        } else {
                            ours.insert(row.ours.to_owned(), value);
                        }
                    }
                    None => {
                        rest.insert(key, value);
                    }
                }
            } else if extensions == Some(key.as_str()) && value.is_object() {
                let Value::Object(members) = value else {
                    continue;
                };
                for (name, value) in members {
                    match value {
                        Value::Object(own) if name == PARKED => parked = own,
                        value => {
                            outer.insert(name, value);
                        }
                    }
                }
            } else {
                rest.insert(key, value);
            }
        }
        // What an earlier conversion parked comes home.
        for (key, value) in parked {
            if key == "extensions" {
                outer.extend(value.as_object().cloned().unwrap_or_default());
            } else {
                ours.insert(key, value);
            }
        }
        if !rest.is_empty() {
            let own = outer.entry(PARKED).or_insert_with(|| json!({}));
            own[self.key] = Value::Object(rest);
        }
        ours.insert("extensions".into(), Value::Object(outer));
        ours
    }

    /// A V3 book as a file of this format, and what stands in it only for the way back.
    pub(crate) fn write(&self, book: &Value) -> (Value, Parked) {
        let (root, entries) = open_book(book);
        if self.is_native() {
            return ((self.close)(root, entries), Vec::new());
        }
        let mut parked = Vec::new();
        let root = self.write_part(&root, self.book, self.book_extensions, "", &mut parked);
        let entries = entries
            .iter()
            .enumerate()
            .filter_map(|(index, entry)| {
                let prefix = format!("entries[{index}].");
                let entry = self.write_part(
                    entry.as_object()?,
                    self.entry,
                    self.entry_extensions,
                    &prefix,
                    &mut parked,
                );
                Some(Value::Object(entry))
            })
            .collect();
        ((self.close)(root, entries), parked)
    }

    fn write_part(
        &self,
        ours: &Map<String, Value>,
        rows: &[Row],
        extensions: Option<&str>,
        prefix: &str,
        parked: &mut Parked,
    ) -> Map<String, Value> {
        let mut theirs = Map::new();
        let mut kept = Map::new();
        let empty = Map::new();
        let outer = ours
            .get("extensions")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let says = |key: &str| {
            ours.get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        // A book has two fields for a title; where a format has one, whichever says something.
        let title =
            if !says("comment") && says("name") && !rows.iter().any(|row| row.ours == "name") {
                "name"
            } else {
                "comment"
            };
        for row in rows {
            let value = match row.ours.strip_prefix("extensions.") {
                Some(name) => outer.get(name),
                None if row.ours == "comment" => ours.get(title),
                None if row.kind == Kind::Position => outer
                    .get("position")
                    .filter(|p| p.is_number())
                    .or_else(|| ours.get("position")),
                None => ours.get(row.ours),
            };
            let written = value.and_then(|value| row.write(value));
            if let (Some(value), None) = (value, &written) {
                kept.insert(row.ours.to_owned(), value.clone());
            }
            // A comma inside a key would cut it in two.
            if row.kind == Kind::Commas
                && let Some(Value::Array(keys)) = value
                && keys
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|key| key.contains(',') || key.trim() != key)
            {
                kept.insert(row.ours.to_owned(), value.cloned().unwrap_or_default());
            }
            if let Some(value) = written.or_else(|| row.default.map(|default| default())) {
                theirs.insert(row.theirs.to_owned(), value);
            }
        }
        for (key, value) in ours {
            let has_row = rows.iter().any(|row| row.ours == key);
            if !has_row && key != "extensions" && !is_assumed(key, value) {
                kept.insert(key.clone(), value.clone());
            }
        }
        let mut others = Map::new();
        for (name, value) in outer {
            let has_row = rows.iter().any(|row| {
                row.ours.strip_prefix("extensions.") == Some(name)
                    || (row.kind == Kind::Position && name == "position")
            });
            match value {
                Value::Object(own) if name == PARKED => {
                    for (format, fields) in own {
                        match fields {
                            // What this format itself had comes home.
                            Value::Object(fields) if format == self.key => {
                                for (key, value) in fields {
                                    theirs.insert(key.clone(), value.clone());
                                }
                            }
                            _ => {
                                others.entry(PARKED).or_insert_with(|| json!({}))["extensions"]
                                    [PARKED][format] = fields.clone();
                            }
                        }
                    }
                }
                value if !has_row => {
                    others.insert(name.clone(), value.clone());
                }
                _ => {}
            }
        }
        let Some(extensions) = extensions else {
            return theirs;
        };
        let said = kept
            .iter()
            .filter(|(key, value)| !is_neutral(value) || key.as_str() == "enabled");
        parked.extend(said.map(|(key, _)| format!("{prefix}{key}")));
        if !kept.is_empty() {
            let own = others.entry(PARKED).or_insert_with(|| json!({}));
            for (key, value) in kept {
                own[key] = value;
            }
        }
        if !others.is_empty() {
            theirs.insert(extensions.to_owned(), Value::Object(others));
        }
        theirs
    }
}

impl Row {
    /// Their value as ours; `None` when it cannot be one.
    fn read(&self, value: &Value) -> Option<Value> {
        match self.kind {
            Kind::Same | Kind::Number | Kind::Text | Kind::OnlyText => Some(value.clone()),
            Kind::Not => value.as_bool().map(|value| json!(!value)),
            Kind::Position => value.is_number().then(|| value.clone()),
            Kind::Commas => match value {
                Value::String(text) => Some(by_commas(text).collect()),
                Value::Array(_) => Some(value.clone()),
                _ => None,
            },
        }
    }

    /// Our value as theirs; `None` when it cannot be one.
    fn write(&self, value: &Value) -> Option<Value> {
        match self.kind {
            Kind::Same => Some(value.clone()),
            Kind::Not => value.as_bool().map(|value| json!(!value)),
            Kind::Number => value.as_u64().map(Value::from),
            Kind::OnlyText => value.is_string().then(|| value.clone()),
            Kind::Text => match value {
                Value::String(_) => Some(value.clone()),
                Value::Number(number) => Some(number.to_string().into()),
                _ => None,
            },
            Kind::Position => match value {
                Value::Number(_) => Some(value.clone()),
                Value::String(text) if text == "before_char" => Some(json!(0)),
                Value::String(text) if text == "after_char" => Some(json!(1)),
                _ => None,
            },
            Kind::Commas => {
                let keys: Vec<_> = value.as_array()?.iter().filter_map(Value::as_str).collect();
                Some(keys.join(", ").into())
            }
        }
    }
}

/// Whether a value says nothing.
fn is_neutral(value: &Value) -> bool {
    crate::card::spec::is_empty(value) || value == &json!(false)
}

/// Whether reading adds a field by itself.
fn is_assumed(key: &str, value: &Value) -> bool {
    match key {
        "enabled" => value == &json!(true),
        "use_regex" => value == &json!(false),
        _ => false,
    }
}

/// A memory book of Agnai as a V3 book.
pub(in crate::card) fn from_agnai(book: &Value) -> Value {
    Format::by_key("agnai").map_or_else(|| book.clone(), |format| format.read(book))
}

/// A lorebook of RisuAI as a V3 book.
pub(in crate::card) fn from_risu(book: &Value) -> Value {
    Format::by_key("risu").map_or_else(|| book.clone(), |format| format.read(book))
}

/// The kind of lorebook a document is, for the refusal to read it as a card.
pub(in crate::card) fn kind(document: &Document) -> Option<&'static str> {
    Format::of(&document.value(document.root())).map(|format| match format.key {
        "book" => "V2 lorebook",
        _ => format.name,
    })
}
