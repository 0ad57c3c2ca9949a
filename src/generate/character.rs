//! A character as a model wrote it, and the card it becomes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::review::Fault;
use super::section::Section;
use crate::Result;
use crate::card::Card;
use crate::prompt::{Conversation, Message, Role, names};

/// A character as the model wrote it, with the real names in all texts.
#[derive(Debug, Clone, PartialEq, Default)]
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
    /// A dialogue that shows how the two talk.
    pub examples: Vec<Message>,
    /// What the world around them is like.
    pub lorebook: Vec<Lore>,
    /// The sections that were written for it, in order. Others were there before, or are empty.
    pub written: Vec<Section>,
    /// What it was to be about, where somebody said it.
    pub idea: Option<String>,
    /// The length word that its greeting was to have.
    pub length: Option<String>,
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
    /// Sections that were gone on with because they were too short.
    pub extended: usize,
    /// Tokens written for it, rejected ones included.
    pub tokens: usize,
    /// Tokens of the prompts it took.
    pub prompt_tokens: usize,
    /// Those of them that had been evaluated before.
    pub reused_tokens: usize,
}

/// An entry of a generated lorebook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lore {
    /// The words that bring it up, the whole name first.
    pub keys: Vec<String>,
    /// What joins the prompt.
    pub content: String,
}

impl Lore {
    /// An entry about `topic`, a thing with its article such as `the ferry across the river`.
    pub(super) fn new(topic: &str, content: String) -> Self {
        let name = topic.strip_prefix("the ").unwrap_or(topic);
        let mut keys = vec![name.to_owned()];
        let mut words = name.split_whitespace();
        let is_joint = |word: &str| {
            matches!(
                word,
                "of" | "across" | "by" | "with" | "in" | "between" | "to" | "the"
            )
        };
        let head: Vec<_> = words.by_ref().take_while(|word| !is_joint(word)).collect();
        let head = head.join(" ");
        if !head.is_empty() && head != name {
            keys.push(head);
        }
        Self { keys, content }
    }
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

    /// The text of a section as people read it.
    #[must_use]
    pub fn text(&self, section: Section) -> String {
        match section {
            Section::Persona => self.persona.clone(),
            Section::UserPersona => self.user_persona.clone(),
            Section::Scenario => self.scenario.clone(),
            Section::Greeting => self.greeting.clone(),
            Section::Examples => {
                let line = |message: &Message| {
                    let name = match message.role {
                        Role::Char => &self.name,
                        Role::User => &self.user,
                    };
                    format!("{name}: {}", message.text)
                };
                self.examples
                    .iter()
                    .map(line)
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Section::Lorebook => {
                let entry = |lore: &Lore| format!("[{}] {}", lore.keys.join(", "), lore.content);
                self.lorebook
                    .iter()
                    .map(entry)
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        }
    }

    /// The character as a V3 card. The user's name becomes `{{user}}` and the character's `{{char}}`, so that the card
    /// works for whoever plays; the role the model gave the user is kept in the extension `cardwright`.
    ///
    /// # Errors
    ///
    /// None in practice: every field exists in a new card.
    pub fn card(&self) -> Result<Card> {
        let notes = format!(
            "Invented by cardwright {} with {} (seed {}).",
            env!("CARGO_PKG_VERSION"),
            self.model,
            self.seed
        );
        let mut card = Card::new(&self.name);
        for (path, value) in [
            ("creator", json!("cardwright")),
            ("character_version", json!("1.0")),
            ("creator_notes", json!(notes)),
        ] {
            card.set(&path.parse()?, &value)?;
        }
        self.fill(&mut card, &Section::ALL)?;
        Ok(card)
    }

    /// Its drawn portrait as the bytes of a PNG: the same for the same seed.
    ///
    /// # Errors
    ///
    /// As [`portrait::draw`](super::portrait::draw).
    #[cfg(feature = "portrait")]
    pub fn portrait(&self) -> Result<Vec<u8>> {
        use super::portrait::{Size, Subject, draw};
        let subject = Subject {
            name: &self.name,
            text: &format!("{} {}", self.persona, self.scenario),
        };
        draw(&subject, self.seed, Size::Portrait)
    }

    /// Puts those of `sections` that have a text into a card and leaves everything else in it as it is. How they were
    /// made is noted in the extension `cardwright`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`](crate::Kind::Usage) when the card has something of another type where an object belongs.
    pub fn fill(&self, card: &mut Card, sections: &[Section]) -> Result<()> {
        let macros = |text: &str| json!(with_macros(text, &self.name, &self.user));
        for &section in sections
            .iter()
            .filter(|section| !self.text(**section).is_empty())
        {
            let (path, value) = match section {
                Section::Persona => ("description", macros(&self.persona)),
                Section::UserPersona => (
                    "extensions.cardwright.user_persona",
                    macros(&self.user_persona),
                ),
                Section::Scenario => ("scenario", macros(&self.scenario)),
                Section::Greeting => ("first_mes", macros(&self.greeting)),
                Section::Examples => ("mes_example", json!(self.example_messages())),
                Section::Lorebook => ("character_book", self.character_book()),
            };
            card.set(&path.parse()?, &value)?;
        }
        for (key, value) in [
            ("user_name", json!(self.user)),
            ("seed", json!(self.seed)),
            ("model", json!(self.model)),
            ("format", json!(self.format)),
        ] {
            card.set(&format!("extensions.cardwright.{key}").parse()?, &value)?;
        }
        if let Some(idea) = &self.idea {
            card.set(&"extensions.cardwright.idea".parse()?, &json!(idea))?;
        }
        Ok(())
    }

    fn example_messages(&self) -> String {
        let mut text = "<START>".to_owned();
        for message in &self.examples {
            let name = match message.role {
                Role::Char => "{{char}}",
                Role::User => "{{user}}",
            };
            let said = with_macros(&message.text, &self.name, &self.user);
            text.push_str(&format!("\n{name}: {said}"));
        }
        text
    }

    fn character_book(&self) -> Value {
        let entries: Vec<Value> = (self.lorebook.iter().enumerate())
            .map(|(at, lore)| {
                json!({
                    "keys": lore.keys,
                    "content": with_macros(&lore.content, &self.name, &self.user),
                    "extensions": {},
                    "enabled": true,
                    "insertion_order": at,
                    "use_regex": false,
                    "name": lore.keys.first(),
                    "constant": false,
                    "selective": false,
                    "secondary_keys": [],
                    "position": "before_char",
                })
            })
            .collect();
        json!({ "name": self.name, "extensions": {}, "entries": entries })
    }
}

/// A text with the two names replaced by their macros, as whole words.
fn with_macros(text: &str, char: &str, user: &str) -> String {
    names::replaced(text, [char, user], ["{{char}}", "{{user}}"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_an_entry_are_its_name_and_the_head_of_it() {
        let keys = |topic| Lore::new(topic, String::new()).keys;
        assert_eq!(keys("the lantern festival"), ["lantern festival"]);
        assert_eq!(
            keys("the ferry across the river"),
            ["ferry across the river", "ferry"]
        );
    }

    #[test]
    fn names_become_macros_as_whole_words_only() {
        assert_eq!(
            with_macros("Ann met Tom's friend Annette.", "Ann", "Tom"),
            "{{char}} met {{user}}'s friend Annette."
        );
    }
}
