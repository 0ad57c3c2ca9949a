//! The author's note of a chat: a text that SillyTavern keeps in the chat's file and inserts every few messages.

use serde_json::Value;

use crate::prompt::Voice;
use crate::prompt::chat_file::ChatFile;

/// The author's note of a chat, as SillyTavern keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it says; empty when there is none.
    pub text: String,
    /// Where it stands. Default: among the messages.
    pub place: NotePlace,
    /// How many messages from the end it stands where it stands among them. Default: 4.
    pub depth: usize,
    /// With every how many messages of the user it comes; 0 is never. Default: 1.
    pub interval: usize,
    /// As whom it is inserted. Default: as nobody.
    pub voice: Voice,
}

/// Where an author's note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NotePlace {
    /// Below the system text.
    AfterSystem,
    /// Above the system text.
    BeforeSystem,
    /// Among the messages.
    #[default]
    Messages,
}

impl Default for Note {
    fn default() -> Self {
        Self {
            text: String::new(),
            place: NotePlace::default(),
            depth: 4,
            interval: 1,
            voice: Voice::System,
        }
    }
}

impl Note {
    /// The note of a chat. What the chat does not say is SillyTavern's default.
    #[must_use]
    pub fn of(chat: &ChatFile) -> Self {
        let number = |key: &str, default: i64| match chat.metadata(key) {
            Some(Value::String(text)) => text.trim().parse().unwrap_or(default),
            Some(value) => value.as_f64().map_or(default, |number| number as i64),
            None => default,
        };
        let text = chat.metadata("note_prompt").and_then(Value::as_str);
        Self {
            text: text.unwrap_or_default().to_owned(),
            place: match number("note_position", 1) {
                0 => NotePlace::AfterSystem,
                2 => NotePlace::BeforeSystem,
                _ => NotePlace::Messages,
            },
            depth: usize::try_from(number("note_depth", 4)).unwrap_or(0),
            interval: usize::try_from(number("note_interval", 1)).unwrap_or(0),
            voice: match number("note_role", 0) {
                1 => Voice::User,
                2 => Voice::Char,
                _ => Voice::System,
            },
        }
    }

    /// Whether it is due once the user has spoken `said` times.
    #[must_use]
    pub fn is_due(&self, said: usize) -> bool {
        match (self.interval, said) {
            (1, _) => true,
            (0, _) | (_, 0) => false,
            (interval, said) => said % interval == 0,
        }
    }
}
