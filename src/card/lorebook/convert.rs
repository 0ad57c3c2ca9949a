//! Lorebooks from one file format to another, with a list of what the target cannot hold.
//!
//! The list is not a guess: what was written is read back and compared.

use serde_json::{Value, json};

use super::formats::Format;
use crate::card::convert::losses;
use crate::card::document::Document;
use crate::card::path::Path;
use crate::card::payload::{self, note};
use crate::card::{Card, Difference, diff_values, png};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// A lorebook that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    /// The lorebook as V3 writes one.
    pub value: Value,
    /// What it was, for people.
    pub origin: &'static str,
    /// What had to be forgiven.
    pub findings: Vec<Finding>,
}

impl Book {
    /// The lorebook in the bytes of a file: a lorebook of any format, or a card that has one.
    ///
    /// # Errors
    ///
    /// [`Kind::Card`] when there is no lorebook in it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if let Some(json) = png::naidata(bytes) {
            let mut findings = Vec::new();
            let json = payload::unpack(&json, &Place::Whole, &mut findings)?;
            return Self::from_json(&json)?
                .ok_or_else(|| Error::new(Kind::Card, "`naidata` holds no lorebook"));
        }
        if payload::sniff(bytes)
            && let Some(book) = Self::from_json(bytes)?
        {
            return Ok(book);
        }
        let reading = Card::from_bytes(bytes)?;
        let path = Path::default().key("character_book");
        match reading.card.get(&path) {
            Some(value @ Value::Object(_)) => Ok(Self {
                value,
                origin: "the lorebook of a card",
                findings: reading.findings,
            }),
            _ => Err(Error::new(Kind::Card, "the card has no lorebook")),
        }
    }

    /// The lorebook of a card; an empty one where it has none.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        let value = card.get(&Path::default().key("character_book"));
        Self {
            value: value
                .filter(Value::is_object)
                .unwrap_or_else(|| json!({ "extensions": {}, "entries": [] })),
            origin: "the lorebook of a card",
            findings: Vec::new(),
        }
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        super::Lorebook::from_value(&self.value).map_or(0, |book| book.entries.len())
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lorebook in a JSON text; `None` when it is JSON of something else.
    fn from_json(bytes: &[u8]) -> Result<Option<Self>> {
        let mut findings = Vec::new();
        let document: Document = payload::document(bytes, &mut findings)?;
        let value = document.value(document.root());
        let is_card = crate::card::spec::version(&document).is_some();
        Ok(Format::of(&value).filter(|_| !is_card).map(|format| Self {
            value: format.read(&value),
            origin: format.name,
            findings,
        }))
    }

    /// The lorebook as a file of a format, and what that one has no place for.
    ///
    /// ```
    /// use cardwright::card::{Book, Format};
    ///
    /// let book = Book::from_bytes(br#"{"entries":{"0":{"key":["sea"],"content":"It is blue.","order":5}}}"#)?;
    /// let (novelai, lost) = book.write(Format::by_key("novelai").unwrap());
    /// assert!(novelai.contains("\"text\": \"It is blue.\""));
    /// assert!(lost.is_empty());
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn write(&self, format: &Format) -> (String, Vec<Finding>) {
        let (written, parked) = format.write(&self.value);
        let back = format.read(&written);
        let mut findings = Vec::new();
        let mut seen: Vec<(String, usize)> = Vec::new();
        for path in &parked {
            let field = path.rsplit('.').next().unwrap_or(path).to_owned();
            match seen.iter_mut().find(|(known, _)| *known == field) {
                Some((_, times)) => *times += 1,
                None => seen.push((field, 1)),
            }
        }
        for (field, times) in seen {
            let first = parked
                .iter()
                .find(|path| path.rsplit('.').next() == Some(&field));
            let reason = match &*field {
                "enabled" => "entries that are off come back on there",
                "keys" | "secondary_keys" => "a comma cuts a key in two there",
                _ => "it is kept for the way back, and the program does not see it",
            };
            let times = if times == 1 {
                String::new()
            } else {
                format!(", {times} times")
            };
            findings.push(note(
                "lore-parked",
                Severity::Info,
                &Place::Path(first.cloned().unwrap_or_default()),
                format!(
                    "{} has no place for `{field}`{times}: {reason}",
                    format.name
                ),
            ));
        }
        let lost = diff_values(&self.value, &back)
            .into_iter()
            .filter(|difference| !is_same(difference, &back));
        findings.extend(losses(format.name, "lore-lost", &[], lost));
        (format!("{written:#}\n"), findings)
    }
}

/// Whether a difference is none to a reader: a title under its other name, a number as text.
fn is_same(difference: &Difference, back: &Value) -> bool {
    let Some(before) = &difference.before else {
        return true;
    };
    if let Some(Value::String(after)) = &difference.after
        && before.is_number()
        && after.parse::<serde_json::Number>().ok().as_ref() == before.as_number()
    {
        return true;
    }
    let index = difference
        .path
        .strip_prefix("entries[")
        .and_then(|rest| rest.strip_suffix("].name")?.parse::<usize>().ok());
    index.is_some_and(|index| back["entries"][index]["comment"] == *before)
}
