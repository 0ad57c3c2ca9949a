//! The author's note: a reminder to the model that stands a few messages from the end, wherever the chat has got to.

use super::Chat;

/// The author's note of a chat. It is kept where SillyTavern keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it says; empty when there is none.
    pub text: String,
    /// How many messages from the end it stands. Default: 4.
    pub depth: usize,
    /// With every how many messages of the user it comes; 0 is never. Default: 1.
    pub interval: usize,
}

impl Chat {
    /// The author's note.
    #[must_use]
    pub fn note(&self) -> Note {
        let number = |key: &str, default: usize| {
            let value = self.file.metadata(key).and_then(serde_json::Value::as_u64);
            value
                .and_then(|number| usize::try_from(number).ok())
                .unwrap_or(default)
        };
        let text = self.file.metadata("note_prompt");
        Note {
            text: text
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            depth: number("note_depth", 4),
            interval: number("note_interval", 1),
        }
    }

    /// Sets what the author's note says; nothing takes it away.
    pub fn set_note(&mut self, text: &str) {
        let depth = self.note().depth;
        self.file.set_metadata("note_prompt", text.trim().into());
        for (key, default) in [
            ("note_interval", 1),
            ("note_position", 1),
            ("note_depth", depth),
            ("note_role", 0),
        ] {
            if self.file.metadata(key).is_none() {
                self.file.set_metadata(key, default.into());
            }
        }
    }

    /// Sets how many messages from the end the author's note stands.
    pub fn set_note_depth(&mut self, depth: usize) {
        self.file.set_metadata("note_position", 1.into());
        self.file.set_metadata("note_depth", depth.into());
    }
}
