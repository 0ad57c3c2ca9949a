//! The typed view of a lorebook: entries that join the prompt when one of their keys is mentioned.
//!
//! It is read tolerantly from a card's `character_book` and is for looking at; edits go through
//! [`Card::set`](super::Card::set), so that what this view does not know survives.

mod convert;
pub(super) mod formats;
mod tables;

use serde_json::{Map, Value};

use super::{Step, by_commas};
pub use convert::Book;
pub use formats::Format;
pub(super) use formats::kind;
pub use tables::FORMATS as LOREBOOK_FORMATS;

/// A lorebook.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lorebook {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// How many of the last messages are searched for keys.
    pub scan_depth: Option<f64>,
    /// How many tokens the entries together may take.
    pub token_budget: Option<f64>,
    /// Whether the text of an entry may bring in others.
    pub recursive_scanning: Option<bool>,
    /// What programs keep under their own names.
    pub extensions: Map<String, Value>,
    /// The entries, in the order they stand in.
    pub entries: Vec<Entry>,
}

/// An entry of a [`Lorebook`].
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The place of the entry in its book: an index, or the key where `entries` is an object.
    pub place: Step,
    /// Any of these brings the entry in.
    pub keys: Vec<String>,
    /// With `selective`, one of these must be mentioned too.
    pub secondary_keys: Vec<String>,
    /// What joins the prompt.
    pub content: String,
    /// The entry's title for people: `name`, else `comment`.
    pub title: String,
    /// Whether the entry is in use; true unless the card says otherwise.
    pub enabled: bool,
    /// Lower comes earlier in the prompt.
    pub insertion_order: f64,
    /// Whether the entry always joins.
    pub constant: bool,
    /// Whether `secondary_keys` count.
    pub selective: bool,
    /// Whether keys are regular expressions (V3).
    pub use_regex: bool,
    /// Whether keys match case; `None` leaves it to the program.
    pub case_sensitive: Option<bool>,
    /// Lower is dropped first when the budget is short.
    pub priority: Option<f64>,
    /// Before or after the character's description; `None` leaves it to the program.
    pub position: Option<Position>,
    /// What programs keep under their own names.
    pub extensions: Map<String, Value>,
}

/// Where an [`Entry`] joins the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Before the character's description (`before_char`).
    BeforeChar,
    /// After the character's description (`after_char`).
    AfterChar,
}

impl Lorebook {
    /// The lorebook in a JSON value; `None` when it is no object.
    ///
    /// `entries` may also be an object, as programs that keep entries by number write them; they come in the order of
    /// their numbers then.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let book = value.as_object()?;
        let entries = match book.get("entries") {
            Some(Value::Array(entries)) => entries
                .iter()
                .enumerate()
                .filter_map(|(index, entry)| Entry::from_value(Step::Index(index), entry))
                .collect(),
            Some(Value::Object(entries)) => {
                let entries = by_number(entries);
                entries
                    .into_iter()
                    .filter_map(|(key, entry)| Entry::from_value(Step::Key(key.clone()), entry))
                    .collect()
            }
            _ => Vec::new(),
        };
        Some(Self {
            name: text(book, "name"),
            description: text(book, "description"),
            scan_depth: number(book, "scan_depth"),
            token_budget: number(book, "token_budget"),
            recursive_scanning: flag(book, "recursive_scanning"),
            extensions: object(book, "extensions"),
            entries,
        })
    }
}

impl Entry {
    fn from_value(place: Step, value: &Value) -> Option<Self> {
        let entry = value.as_object()?;
        let name = text(entry, "name");
        Some(Self {
            place,
            keys: list(entry, "keys"),
            secondary_keys: list(entry, "secondary_keys"),
            content: text(entry, "content"),
            title: if name.is_empty() {
                text(entry, "comment")
            } else {
                name
            },
            enabled: flag(entry, "enabled").unwrap_or(true),
            insertion_order: number(entry, "insertion_order").unwrap_or(100.0),
            constant: flag(entry, "constant").unwrap_or(false),
            selective: flag(entry, "selective").unwrap_or(false),
            use_regex: flag(entry, "use_regex").unwrap_or(false),
            case_sensitive: flag(entry, "case_sensitive"),
            priority: number(entry, "priority"),
            position: match entry.get("position").and_then(Value::as_str) {
                Some("before_char") => Some(Position::BeforeChar),
                Some("after_char") => Some(Position::AfterChar),
                _ => None,
            },
            extensions: object(entry, "extensions"),
        })
    }
}

/// Entries that are keyed by number, in the order of their numbers.
pub(super) fn by_number<K: AsRef<str>, V>(
    entries: impl IntoIterator<Item = (K, V)>,
) -> Vec<(K, V)> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.as_ref().parse::<u64>().unwrap_or(u64::MAX));
    entries
}

fn text(map: &Map<String, Value>, key: &str) -> String {
    match map.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    }
}

fn number(map: &Map<String, Value>, key: &str) -> Option<f64> {
    match map.get(key)? {
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        value => value.as_f64(),
    }
}

fn flag(map: &Map<String, Value>, key: &str) -> Option<bool> {
    match map.get(key)? {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn list(map: &Map<String, Value>, key: &str) -> Vec<String> {
    match map.get(key) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| match item {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
            .collect(),
        Some(Value::String(keys)) => by_commas(keys).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn object(map: &Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.get(key) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    }
}
