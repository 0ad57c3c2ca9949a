//! The three versions of the card format: which fields each has, and the way from one to another.
//!
//! V1 is TavernAI's flat object; V2 (malfoyslastname/character-card-spec-v2) puts the fields into `data` and adds more;
//! V3 (kwaroran/character-card-spec-v3) adds assets, dates, a nickname and lorebook decorators. Changing the version of
//! a card adds what the new one requires, takes out what it has no place for and reports both; the text in between stays.

mod change;

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::document::Document;
use super::{Card, scan};
use crate::{Error, Finding, Kind, Result};

/// A version of the card format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// TavernAI's: the fields at the root, no `spec`.
    V1,
    /// `chara_card_v2`: the fields in `data`.
    V2,
    /// `chara_card_v3`: more fields, assets, decorators.
    V3,
}

impl Version {
    /// The value of `spec`, empty for V1.
    #[must_use]
    pub fn spec(self) -> &'static str {
        match self {
            Self::V1 => "",
            Self::V2 => "chara_card_v2",
            Self::V3 => "chara_card_v3",
        }
    }

    /// The value of `spec_version`, empty for V1.
    #[must_use]
    pub fn spec_version(self) -> &'static str {
        match self {
            Self::V1 => "",
            Self::V2 => "2.0",
            Self::V3 => "3.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::V3 => "V3",
        })
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "v1" | "1" => Ok(Self::V1),
            "v2" | "2" | "chara_card_v2" => Ok(Self::V2),
            "v3" | "3" | "chara_card_v3" => Ok(Self::V3),
            _ => Err(
                Error::new(Kind::Usage, format!("`{text}` is no card version"))
                    .hint("the versions are v1, v2 and v3"),
            ),
        }
    }
}

/// The six fields of V1, all texts.
pub(super) const V1_FIELDS: [&str; 6] = [
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
];
/// The texts V2 adds.
pub(super) const V2_TEXTS: [&str; 5] = [
    "creator_notes",
    "system_prompt",
    "post_history_instructions",
    "creator",
    "character_version",
];
/// The lists V2 adds.
pub(super) const V2_LISTS: [&str; 2] = ["alternate_greetings", "tags"];
/// What V3 adds.
pub(super) const V3_FIELDS: [&str; 7] = [
    "group_only_greetings",
    "assets",
    "nickname",
    "creator_notes_multilingual",
    "source",
    "creation_date",
    "modification_date",
];

/// The version of the card in a document; `None` when it is no card.
pub(super) fn version(document: &Document) -> Option<Version> {
    let root = document.root();
    if !document.is(root, b'{') {
        return None;
    }
    let data = document
        .member(root, "data")
        .map(|member| member.value)
        .filter(|span| document.is(span, b'{'));
    let Some(data) = data else {
        return is_character(document, root).then_some(Version::V1);
    };
    let text = |key: &str| {
        let span = document.member(root, key)?.value;
        Some(match document.value(&span) {
            Value::String(text) => text,
            other => other.to_string(),
        })
    };
    let spec = text("spec").unwrap_or_default().to_ascii_lowercase();
    let is_card = spec.contains("chara_card");
    if !is_card && !is_character(document, &data) {
        return None;
    }
    let number: Option<f64> = text("spec_version").and_then(|text| text.trim().parse().ok());
    Some(match number {
        _ if spec == Version::V3.spec() => Version::V3,
        _ if spec == Version::V2.spec() => Version::V2,
        Some(number) if number >= 3.0 => Version::V3,
        Some(_) if is_card => Version::V2,
        _ => {
            let has_v3 = document.members(&data).iter().any(|member| {
                V3_FIELDS
                    .iter()
                    .any(|key| scan::says(document.text(), &member.key, key))
            });
            if has_v3 { Version::V3 } else { Version::V2 }
        }
    })
}

/// Whether the object at `span` has a field of a character. A lorebook has a name and a description too.
fn is_character(document: &Document, span: &scan::Span) -> bool {
    let mut named = false;
    let mut entries = false;
    for member in document.members(span).iter() {
        match &*scan::string(document.text(), &member.key) {
            "personality" | "scenario" | "first_mes" | "mes_example" => return true,
            "name" | "description" => named = true,
            "entries" => entries = true,
            _ => {}
        }
    }
    named && !entries
}

/// The card in a document of one of the three versions.
pub(super) fn read(document: Document) -> Result<(Card, Vec<Finding>)> {
    match Card::of(document) {
        Some(card) => Ok((card, Vec::new())),
        None => Err(Error::new(Kind::Card, "JSON is no character card")),
    }
}

impl Card {
    /// A valid V3 card of a character called `name`; everything else is empty.
    ///
    /// ```
    /// let card = cardwright::card::Card::new("Carina");
    /// assert_eq!(card.name(), "Carina");
    /// assert!(card.to_version(card.version())?.1.is_empty());
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Self {
        let value = json!({
            "spec": Version::V3.spec(),
            "spec_version": Version::V3.spec_version(),
            "data": {
                "name": name,
                "description": "",
                "personality": "",
                "scenario": "",
                "first_mes": "",
                "mes_example": "",
                "creator_notes": "",
                "system_prompt": "",
                "post_history_instructions": "",
                "alternate_greetings": [],
                "tags": [],
                "creator": "",
                "character_version": "",
                "extensions": {},
                "group_only_greetings": [],
            },
        });
        Self {
            document: Document::of(&value),
            version: Version::V3,
        }
    }
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(_) => false,
    }
}

/// A value short enough for a message.
pub(super) fn shorten(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 24 {
        return format!("`{text}`");
    }
    format!("`{}...`", text.chars().take(20).collect::<String>())
}

/// The content of a lorebook entry without the decorators at its top.
pub(super) fn without_decorators(content: &str) -> &str {
    let mut rest = content;
    while rest.starts_with("@@") {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}
