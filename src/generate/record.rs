//! A finished character as a line of JSON: all that a report or a run that goes on needs to know of it.

use serde::{Deserialize, Serialize};

use super::character::{Character, Lore};
use super::review::Fault;
use super::section::Section;
use crate::prompt::{Message, Role};

/// A finished character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the list of wishes, from 0.
    pub index: usize,
    /// The file it was written to, beside the manifest; none where it went to standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The name.
    pub name: String,
    /// The name of the user's role.
    pub user: String,
    /// The seed that gives this character again.
    pub seed: u64,
    /// What it was to be about, where somebody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idea: Option<String>,
    /// The length word of its greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// The model that wrote it.
    pub model: String,
    /// The format it was written in.
    pub format: String,
    /// What the character is like.
    pub persona: String,
    /// What the user's role is like.
    pub user_persona: String,
    /// Where they meet.
    pub scenario: String,
    /// The first message.
    pub greeting: String,
    /// A dialogue of the two: who speaks (`char` or `user`), and what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<(String, String)>,
    /// The lorebook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lorebook: Vec<Lore>,
    /// The sections that were written for it, by their keys.
    pub written: Vec<String>,
    /// The versions that were not kept.
    pub rejected: Vec<Noted>,
    /// The faults of the versions that were kept.
    pub kept: Vec<Noted>,
    /// How often a section was gone on with because it was too short.
    #[serde(default)]
    pub extended: usize,
    /// Tokens written for it, rejected ones included.
    pub tokens: usize,
    /// Tokens of the prompts it took.
    pub prompt_tokens: usize,
    /// Those of them that had been evaluated before.
    pub reused_tokens: usize,
}

/// A fault of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The section, by its key.
    pub section: String,
    /// The kind of the fault.
    pub fault: String,
    /// What is wrong, for people.
    pub message: String,
}

impl Noted {
    fn of((section, fault): &(Section, Fault)) -> Self {
        Self {
            section: section.key().to_owned(),
            fault: fault.kind().to_owned(),
            message: fault.to_string(),
        }
    }
}

impl Record {
    /// The record of a character that was written to `file`.
    #[must_use]
    pub fn of(index: usize, character: &Character, file: Option<String>) -> Self {
        let role = |role| match role {
            Role::Char => "char",
            Role::User => "user",
        };
        let examples = (character.examples.iter())
            .map(|message| (role(message.role).to_owned(), message.text.clone()));
        Self {
            index,
            file,
            name: character.name.clone(),
            user: character.user.clone(),
            seed: character.seed,
            idea: character.idea.clone(),
            length: character.length.clone(),
            model: character.model.clone(),
            format: character.format.clone(),
            persona: character.persona.clone(),
            user_persona: character.user_persona.clone(),
            scenario: character.scenario.clone(),
            greeting: character.greeting.clone(),
            examples: examples.collect(),
            lorebook: character.lorebook.clone(),
            written: (character.written.iter())
                .map(|section| section.key().to_owned())
                .collect(),
            rejected: character.rejected.iter().map(Noted::of).collect(),
            kept: character.kept.iter().map(Noted::of).collect(),
            extended: character.extended,
            tokens: character.tokens,
            prompt_tokens: character.prompt_tokens,
            reused_tokens: character.reused_tokens,
        }
    }

    /// The character, without the faults of its versions.
    #[must_use]
    pub fn character(&self) -> Character {
        let message = |(role, text): &(String, String)| Message {
            role: if role == "user" {
                Role::User
            } else {
                Role::Char
            },
            text: text.clone(),
        };
        Character {
            name: self.name.clone(),
            persona: self.persona.clone(),
            user: self.user.clone(),
            user_persona: self.user_persona.clone(),
            scenario: self.scenario.clone(),
            greeting: self.greeting.clone(),
            examples: self.examples.iter().map(message).collect(),
            lorebook: self.lorebook.clone(),
            written: (self.written.iter())
                .filter_map(|key| key.parse().ok())
                .collect(),
            idea: self.idea.clone(),
            length: self.length.clone(),
            seed: self.seed,
            model: self.model.clone(),
            format: self.format.clone(),
            rejected: Vec::new(),
            kept: Vec::new(),
            extended: self.extended,
            tokens: self.tokens,
            prompt_tokens: self.prompt_tokens,
            reused_tokens: self.reused_tokens,
        }
    }
}
