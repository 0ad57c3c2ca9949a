//! The author's note: a reminder to the model that stands a few messages from the end, wherever the chat has got to.

use super::Chat;
use crate::prompt::Note;

impl Chat {
    /// The author's note.
    #[must_use]
    pub fn note(&self) -> Note {
        Note::of(&self.file)
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
