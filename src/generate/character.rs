//! A character as a model wrote it, and the card it becomes.

use serde_json::json;

use super::review::Fault;
use super::section::Section;
use crate::Result;
use crate::card::Card;
use crate::prompt::{Conversation, Message, Role};

/// A character as the model wrote it, with the real names in all texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Character {
    /// The name.
    pub name: String,
    /// What the character is like: one paragraph.
    pub persona: String,
    /// The name of the role the user is given.
    pub user: String,
    /// What the user's role is like: one paragraph.
    pub user_persona: String,
    /// Where they meet and what goes on: one paragraph.
    pub scenario: String,
    /// The character's first message.
    pub greeting: String,
    /// The seed that gives this character again.
    pub seed: u64,
    /// The name of the model that wrote it.
    pub model: String,
    /// The prompt format it was written in.
    pub format: String,
    /// The versions that were not kept, and what was wrong with each.
    pub rejected: Vec<(Section, Fault)>,
    /// What is wrong with the versions that were kept because no better one came.
    pub kept: Vec<(Section, Fault)>,
    /// Tokens written for it, rejected ones included.
    pub tokens: usize,
    /// Tokens of the prompts it took.
    pub prompt_tokens: usize,
    /// Those of them that had been evaluated before.
    pub reused_tokens: usize,
}

impl Character {
    /// The conversation that the character opens; while there is no greeting yet, with the turn left open.
    #[must_use]
    pub fn conversation(&self, length: Option<&str>) -> Conversation {
        let messages = if self.greeting.is_empty() {
            Vec::new()
        } else {
            vec![Message {
                role: Role::Char,
                text: self.greeting.clone(),
            }]
        };
        Conversation {
            char: self.name.clone(),
            user: self.user.clone(),
            char_persona: self.persona.clone(),
            user_persona: self.user_persona.clone(),
            scenario: self.scenario.clone(),
            instruction: None,
            length: length.map(str::to_owned),
            open: messages.is_empty().then_some(Role::Char),
            messages,
        }
    }

    /// The character as a V3 card. The user's name becomes `{{user}}` and the character's `{{char}}`, so that the card
    /// works for whoever plays; the role the model gave the user is kept in the extension `cardwright`.
    ///
    /// # Errors
    ///
    /// None in practice: every field exists in a new card.
    pub fn card(&self) -> Result<Card> {
        let text = |text: &str| json!(with_macros(text, &self.name, &self.user));
        let notes = format!(
            "Invented by cardwright {} with {} (seed {}).",
            env!("CARGO_PKG_VERSION"),
            self.model,
            self.seed
        );
        let extension = json!({
            "user_name": self.user,
            "user_persona": text(&self.user_persona),
            "seed": self.seed,
            "model": self.model,
            "format": self.format,
        });
        let mut card = Card::new(&self.name);
        for (path, value) in [
            ("description", text(&self.persona)),
            ("scenario", text(&self.scenario)),
            ("first_mes", text(&self.greeting)),
            ("creator", json!("cardwright")),
            ("character_version", json!("1.0")),
            ("creator_notes", json!(notes)),
            ("extensions.cardwright", extension),
        ] {
            card.set(&path.parse()?, &value)?;
        }
        Ok(card)
    }
}

/// A text with the two names replaced by their macros, as whole words.
fn with_macros(text: &str, char: &str, user: &str) -> String {
    replace_word(&replace_word(text, char, "{{char}}"), user, "{{user}}")
}

fn replace_word(text: &str, word: &str, with: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let is_whole =
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        replaced.push_str(before);
        replaced.push_str(if is_whole { with } else { word });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_macros_as_whole_words_only() {
        assert_eq!(
            with_macros("Ann met Tom's friend Annette.", "Ann", "Tom"),
            "{{char}} met {{user}}'s friend Annette."
        );
    }
}
