//! The front matter of a format file: how turns are marked, what the lengths are, what the format cannot carry.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Role;
use super::format::Field;
use crate::{Error, Kind, Result};

/// The longest format file that is read, 256 KiB: the longest chat templates of models have about 20.
const MAX_SOURCE: usize = 256 << 10;

/// The front matter of a format file, TOML between `opening` and `closing`, and the template after it. `missing` is the
/// error where it does not stand there.
pub(super) fn read<F: DeserializeOwned>(
    source: &str,
    opening: &str,
    closing: &str,
    missing: impl FnOnce() -> Error,
) -> Result<(F, String)> {
    if source.len() > MAX_SOURCE {
        let message = format!("format file is larger than {} KiB", MAX_SOURCE >> 10);
        return Err(Error::new(Kind::Limit, message));
    }
    let source = source.replace("\r\n", "\n");
    let (front, body) = source
        .strip_prefix(opening)
        .and_then(|rest| rest.split_once(closing))
        .ok_or_else(missing)?;
    let front = toml::from_str(front).map_err(|e| {
        let message = format!("front matter: {}", e.message().trim_end());
        Error::new(Kind::Format, message).source(e)
    })?;
    Ok((front, body.to_owned()))
}

/// The front matter as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Front {
    pub(super) about: String,
    #[serde(default)]
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    #[serde(default)]
    pub(super) family: Option<String>,
    #[serde(default)]
    pub(super) loses: Vec<Field>,
    /// Who speaks first, where it matters.
    #[serde(default)]
    pub(super) first: Option<Speaker>,
    /// What the user is made to say when the character would speak first and the format cannot have that.
    #[serde(default)]
    pub(super) alignment: Option<String>,
    /// What stands between turns.
    #[serde(default)]
    pub(super) between: String,
    /// What ends a finished transcript.
    #[serde(default)]
    pub(super) end: String,
    /// Whether tags are looked for at line starts or anywhere.
    #[serde(default)]
    pub(super) tags: TagPlace,
    /// How messages are written.
    #[serde(default)]
    pub(super) escape: Escape,
    #[serde(default)]
    pub(super) instruction: Option<String>,
    #[serde(default)]
    pub(super) stop: Vec<String>,
    #[serde(default)]
    pub(super) length: Option<Length>,
    #[serde(default)]
    pub(super) system: System,
    /// The settings that the format's makers recommend, by any of their names.
    #[serde(default)]
    pub(super) sampler: BTreeMap<String, f64>,
    pub(super) user: Turn,
    pub(super) char: Turn,
}

impl Front {
    /// The first stop string without names in it.
    pub(super) fn stop_sequence(&self) -> &str {
        self.stop
            .iter()
            .find(|stop| !stop.contains('{'))
            .map_or("", |stop| stop.trim())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Speaker {
    Char,
    User,
}

impl From<Speaker> for Role {
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Char => Self::Char,
            Speaker::User => Self::User,
        }
    }
}

/// Where a tag may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TagPlace {
    /// Only at the start of a line, so that the same characters inside a line are text.
    #[default]
    Line,
    /// Anywhere: the tag is a special token.
    Anywhere,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Escape {
    /// As they are.
    #[default]
    None,
    /// As the inside of a JSON (and YAML) double-quoted string.
    Json,
}

/// The words for the length of replies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Length {
    pub(super) text: String,
    pub(super) words: Vec<String>,
    /// The most words that messages of each length have on average; the last length has no end.
    #[serde(default)]
    pub(super) up_to: Vec<usize>,
    #[serde(default)]
    pub(super) aliases: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) default: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct System {
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) tags: Vec<String>,
    pub(super) turn: String,
    pub(super) open: String,
    /// The turn right after the system text, where that is written differently.
    #[serde(default)]
    pub(super) first: Option<FirstTurn>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstTurn {
    pub(super) tag: String,
    pub(super) turn: String,
}
