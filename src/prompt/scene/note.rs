//! The author's note of a chat: a text that SillyTavern keeps in the chat's file and inserts every few messages.

use serde_json::Value;

use crate::prompt::Voice;
use crate::prompt::chat_file::ChatFile;

/// The author's note, as SillyTavern keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) place: Place,
    pub(super) voice: Voice,
    /// Whether it is due: it comes with every so many messages of the user.
    pub(super) is_due: bool,
}

/// Where the note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    AfterSystem,
    BeforeSystem,
    Depth(usize),
}

impl Note {
    /// The note of a chat in which the user spoke `said` times. What the chat does not say is SillyTavern's default: with
    /// every message, four from the end, as nobody.
    pub(super) fn of(chat: Option<&ChatFile>, said: usize) -> Self {
        let value = |key: &str| chat.and_then(|chat| chat.metadata(key));
        let number = |key: &str, default: i64| match value(key) {
            Some(Value::String(text)) => text.trim().parse().unwrap_or(default),
            Some(value) => value.as_f64().map_or(default, |number| number as i64),
            None => default,
        };
        let interval = number("note_interval", 1);
        let is_due = match (usize::try_from(interval), said) {
            (Ok(1), _) => true,
            (Err(_) | Ok(0), _) | (_, 0) => false,
            (Ok(interval), said) => said >= interval && said % interval == 0,
        };
        let depth = usize::try_from(number("note_depth", 4)).unwrap_or(0);
        Self {
            text: value("note_prompt")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            place: match number("note_position", 1) {
                0 => Place::AfterSystem,
                2 => Place::BeforeSystem,
                _ => Place::Depth(depth),
            },
            voice: match number("note_role", 0) {
                1 => Voice::User,
                2 => Voice::Char,
                _ => Voice::System,
            },
            is_due,
        }
    }
}
