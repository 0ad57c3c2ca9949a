//! A conversation for reading elsewhere: plain text, Markdown, JSON, or the chat file itself.

use std::path::Path;

use serde_json::json;

use super::{Chat, Turn};
use crate::prompt::Role;
use crate::{Error, Kind, Result};

/// The endings of files that a conversation can be exported to.
pub(super) const EXTENSIONS: [&str; 4] = ["txt", "md", "json", "jsonl"];

impl Chat {
    /// The conversation in the form that the ending of `path` asks for.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when the ending is none of `.txt`, `.md`, `.json` and `.jsonl`.
    pub fn export(&self, path: &Path) -> Result<String> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_lowercase).as_deref() {
            Some("txt") => Ok(self.plain(|turn| format!("{}: ", turn.name()))),
            Some("md" | "markdown") => Ok(format!(
                "# {} and {}\n\n{}",
                self.cast().char,
                self.cast().user,
                self.plain(|turn| format!("**{}:** ", turn.name()))
            )),
            Some("json") => Ok(format!("{:#}\n", self.json())),
            Some("jsonl") => Ok(self.to_jsonl()),
            _ => {
                let endings = EXTENSIONS.map(|ending| format!("`.{ending}`")).join(", ");
                let message = format!("`{}` does not say in what form", path.display());
                Err(Error::new(Kind::Usage, message)
                    .hint(format!("end its name with one of {endings}")))
            }
        }
    }

    /// Every message as a paragraph or more.
    fn plain(&self, name: impl Fn(&Turn<'_>) -> String) -> String {
        let paragraphs = self.turns().into_iter().map(|turn| {
            let name = if turn.is_narration() {
                String::new()
            } else {
                name(&turn)
            };
            format!("{name}{}\n", turn.text().trim())
        });
        paragraphs.collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> serde_json::Value {
        let turns = self.turns();
        let messages = turns.iter().map(|turn| {
            json!({
                "role": match turn.role() {
                    _ if turn.is_narration() => "narrator",
                    Role::Char => "char",
                    Role::User => "user",
                },
                "name": turn.name(),
                "text": turn.text(),
            })
        });
        json!({
            "char": self.cast().char,
            "user": self.cast().user,
            "messages": messages.collect::<Vec<_>>(),
        })
    }
}
