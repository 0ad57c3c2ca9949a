//! Character cards: read from any container, edited without losing anything, written back.
//!
//! A [`Card`] is the JSON text it was read from. The typed readers decode from that text when they are asked, whatever
//! type they find there; an edit replaces one value in it; what was not edited comes back byte for byte. A card is one
//! of three versions of the same idea (see [`Version`]) inside one of several containers (see [`CONTAINERS`]).
//!
//! ```
//! use cardwright::card::{Card, Version};
//! use serde_json::json;
//!
//! let mut card = Card::from_json(r#"{"spec":"chara_card_v2","spec_version":"2.0",
//!     "data":{"name":"Carina","tags":["android"],"x_mine":1e3}}"#)?;
//! assert_eq!((card.version(), &*card.name()), (Version::V2, "Carina"));
//!
//! card.set(&"tags[1]".parse()?, &json!("adventure"))?;
//! assert_eq!(card.json(), r#"{"spec":"chara_card_v2","spec_version":"2.0",
//!     "data":{"name":"Carina","tags":["android","adventure"],"x_mine":1e3}}"#);
//! # Ok::<(), cardwright::Error>(())
//! ```

mod archive;
mod asset;
#[cfg(feature = "index")]
pub mod collection;
mod container;
mod convert;
mod diff;
mod document;
mod exif;
mod foreign;
pub mod lint;
mod lorebook;
mod open;
mod path;
mod payload;
#[cfg(feature = "pictures")]
mod picture;
mod png;
mod rcc;
mod relaxed;
mod scan;
mod scrub;
mod shape;
mod spec;
mod tolerant;
mod yaml;

use std::borrow::Cow;

use serde_json::Value;

pub use asset::{Asset, Names, Stored, assets, picture, picture_extension};
pub use container::{CONTAINERS, Container, Files, Picture, Read, Reading, Write};
pub use convert::{Conversion, Converted, convert};
pub use diff::{Difference, diff, same_picture};
pub use lorebook::{Book, Entry, Format, LOREBOOK_FORMATS, Lorebook, Position};
pub use path::{Path, Step};
#[cfg(feature = "pictures")]
pub use picture::{Pixels, picture_as_png, thumbnail};
pub use png::write as write_png;
pub use rcc::unlock;
pub use scrub::{scrub, scrub_image};
pub use spec::Version;

use crate::Result;
use diff::diff_values;
use document::Document;
use foreign::no_place;

/// The items of a list that was written as one text with commas.
fn by_commas(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// A character card: the JSON document it was read from, and a typed view of it.
///
/// The readers never fail. A field that is absent, null or of a type that cannot be read as the wanted one is empty; a
/// number where text belongs is its spelling, a text where a list belongs a list of one. Where `data` lacks a field
/// altogether, the copy at the root counts, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    document: Document,
    version: Version,
}

impl Card {
    /// The card in a JSON text, which is read as tolerantly as [`Card::from_bytes`] does.
    ///
    /// # Errors
    ///
    /// [`Kind::Card`](crate::Kind::Card) when the text is no JSON, or JSON of something else.
    pub fn from_json(text: &str) -> Result<Self> {
        payload::read(text.into(), container::row("JSON"), 0..text.len())
            .map(|reading| reading.card)
    }

    /// The card in the bytes of a file, whatever container that is, with what was noticed on the way.
    ///
    /// # Errors
    ///
    /// [`Kind::Card`](crate::Kind::Card) when there is no card in it or it is damaged beyond reading,
    /// [`Kind::Limit`](crate::Kind::Limit) when it would take too much memory.
    pub fn from_bytes(bytes: &[u8]) -> Result<Reading> {
        container::read(bytes)
    }

    /// A card of a document, if it is one.
    fn of(document: Document) -> Option<Self> {
        let version = spec::version(&document)?;
        Some(Self { document, version })
    }

    /// The version of the card format, judged by what the card holds.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The card as JSON: the text it was read from, with the edits made since.
    #[must_use]
    pub fn json(&self) -> &str {
        self.document.text()
    }

    /// The character's name.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.text("name")
    }

    /// What `{{char}}` stands for: the nickname where a V3 card has one, else the name.
    #[must_use]
    pub fn nickname(&self) -> Cow<'_, str> {
        let nickname = self.text("nickname");
        if nickname.is_empty() {
            self.name()
        } else {
            nickname
        }
    }

    /// Who the character is.
    #[must_use]
    pub fn description(&self) -> Cow<'_, str> {
        self.text("description")
    }

    /// A summary of the character's personality.
    #[must_use]
    pub fn personality(&self) -> Cow<'_, str> {
        self.text("personality")
    }

    /// Where and how the conversation begins.
    #[must_use]
    pub fn scenario(&self) -> Cow<'_, str> {
        self.text("scenario")
    }

    /// The greeting (`first_mes`).
    #[must_use]
    pub fn first_message(&self) -> Cow<'_, str> {
        self.text("first_mes")
    }

    /// Example dialogues, each after a `<START>` line (`mes_example`).
    #[must_use]
    pub fn example_messages(&self) -> Cow<'_, str> {
        self.text("mes_example")
    }

    /// Other greetings to choose from.
    #[must_use]
    pub fn alternate_greetings(&self) -> Vec<String> {
        self.list("alternate_greetings")
    }

    /// Greetings for group chats only (V3).
    #[must_use]
    pub fn group_only_greetings(&self) -> Vec<String> {
        self.list("group_only_greetings")
    }

    /// What the creator tells the user; never part of a prompt.
    #[must_use]
    pub fn creator_notes(&self) -> Cow<'_, str> {
        match self.version {
            Version::V1 => self.text("creatorcomment"),
            _ => self.text("creator_notes"),
        }
    }

    /// The system prompt the creator wants instead of the user's.
    #[must_use]
    pub fn system_prompt(&self) -> Cow<'_, str> {
        self.text("system_prompt")
    }

    /// The instruction the creator wants after the chat history.
    #[must_use]
    pub fn post_history_instructions(&self) -> Cow<'_, str> {
        self.text("post_history_instructions")
    }

    /// Who made the card.
    #[must_use]
    pub fn creator(&self) -> Cow<'_, str> {
        self.text("creator")
    }

    /// The creator's own version of the character.
    #[must_use]
    pub fn character_version(&self) -> Cow<'_, str> {
        self.text("character_version")
    }

    /// Tags; a text of tags is split at its commas.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        match self.field("tags").map(|span| self.document.value(&span)) {
            Some(Value::String(tags)) => by_commas(&tags).map(str::to_owned).collect(),
            _ => self.list("tags"),
        }
    }

    /// What a program keeps under its own name in `extensions`.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<Value> {
        let span = self.field("extensions")?;
        let member = self.document.member(&span, name)?;
        Some(self.document.value(&member.value))
    }

    /// The lorebook; `None` when there is none or it is null.
    #[must_use]
    pub fn lorebook(&self) -> Option<Lorebook> {
        let span = self.field("character_book")?;
        Lorebook::from_value(&self.document.value(&span))
    }

    /// The value at `path`.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<Value> {
        self.document.get(&self.steps(path))
    }

    /// Puts `value` at `path`, with the objects and arrays that lead to it; an index one past the end adds an item.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) when the path leads through a value of another type or past the end of a list,
    /// or when the result would no longer be a card. The card is then as before.
    pub fn set(&mut self, path: &Path, value: &Value) -> Result<()> {
        let mut document = self.document.clone();
        document.set(&self.steps(path), value)?;
        self.become_edited(document, path)
    }

    /// Takes the value at `path` out. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) when the result would no longer be a card.
    pub fn unset(&mut self, path: &Path) -> Result<bool> {
        let mut document = self.document.clone();
        let found = document.unset(&self.steps(path));
        self.become_edited(document, path)?;
        Ok(found)
    }

    fn become_edited(&mut self, document: Document, path: &Path) -> Result<()> {
        *self = Self::of(document).ok_or_else(|| {
            crate::Error::new(
                crate::Kind::Usage,
                "after this edit nothing would be left that makes it a character card",
            )
            .at(path.to_string())
        })?;
        Ok(())
    }

    /// Where the fields of this version stand.
    fn body(&self) -> Vec<Step> {
        match self.version {
            Version::V1 => Vec::new(),
            Version::V2 | Version::V3 => vec![Step::Key("data".into())],
        }
    }

    /// `path` from the root of the document. Paths as findings give them, which begin with `data`, `spec` or
    /// `spec_version`, are taken as such unless the card has a field of that name.
    fn steps(&self, path: &Path) -> Vec<Step> {
        let mut steps = self.body();
        if path.absolute {
            return path.steps.clone();
        }
        if let Some(first @ Step::Key(key)) = path.steps.first()
            && matches!(key.as_str(), "data" | "spec" | "spec_version")
            && !steps.is_empty()
        {
            steps.push(first.clone());
            if self.document.find(&steps).is_none() {
                return path.steps.clone();
            }
            steps.pop();
        }
        steps.extend(path.steps.iter().cloned());
        steps
    }

    /// Where the field `key` stands.
    fn field(&self, key: &str) -> Option<scan::Span> {
        let document = &self.document;
        let body = document.find(&self.body())?;
        document
            .member(&body, key)
            .or_else(|| document.member(document.root(), key))
            .map(|member| member.value)
    }

    fn text(&self, key: &str) -> Cow<'_, str> {
        let Some(span) = self.field(key) else {
            return Cow::Borrowed("");
        };
        let source = &self.document.text()[span.clone()];
        match source.as_bytes()[0] {
            b'"' => scan::string(self.document.text(), &span),
            b'{' | b'n' => Cow::Borrowed(""),
            b'[' => Cow::Owned(self.list(key).join("\n")),
            _ => Cow::Borrowed(source),
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        };
        match self.field(key).map(|span| self.document.value(&span)) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(Value::String(one)) if one.is_empty() => Vec::new(),
            Some(one) => text(&one).into_iter().collect(),
            None => Vec::new(),
        }
    }
}
