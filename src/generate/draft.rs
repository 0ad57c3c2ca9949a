//! A character that is being written: what is still to do, and what was written of the section at hand.

use std::collections::VecDeque;

use super::asking::HOLE;
use super::character::{Character, Lore};
use super::names::Names;
use super::review::Fault;
use super::section::Section;
use super::wish::Wish;
use crate::prompt::Message;

/// A character that is being written.
pub(super) struct Draft {
    pub(super) character: Character,
    /// The sections that are left; the first is at hand.
    pub(super) left: VecDeque<Section>,
    /// Which part of it.
    pub(super) part: usize,
    pub(super) attempt: usize,
    /// The versions so far, each with its fault.
    pub(super) faulty: Vec<(String, Fault)>,
    /// What stands of the section before what the model writes next: its first words, or all that was too short.
    pub(super) begun: String,
    /// How often this version was gone on with.
    pub(super) extensions: usize,
    /// What stands between the messages of a dialogue.
    pub(super) between: Vec<String>,
    /// What the plain way has between a name and the persona.
    pub(super) label: String,
    /// The prompt without what is begun.
    pub(super) prompt: String,
    pub(super) chat: Vec<Message>,
}

impl Draft {
    /// A character of whom nothing but the names and what the wish knows is there.
    pub(super) fn new(wish: &Wish, length: Option<&str>) -> Self {
        let drawn = || Names::new(wish.seed).next();
        let name = wish.name.clone().or_else(drawn).unwrap_or_default();
        let drawn = || Names::new(!wish.seed).find(|user| *user != name);
        let user = wish.user.clone().or_else(drawn).unwrap_or_default();
        let known = &wish.known;
        let wanted: &[Section] = if wish.sections.is_empty() {
            &Section::CARD
        } else {
            &wish.sections
        };
        let mut left = VecDeque::from(Section::with_needs(wanted));
        left.retain(|section| !known.has(*section));
        let text = |known: &Option<String>| known.clone().unwrap_or_else(|| HOLE.into());
        Self {
            character: Character {
                name,
                user,
                persona: text(&known.persona),
                user_persona: text(&known.user_persona),
                scenario: text(&known.scenario),
                greeting: known.greeting.clone().unwrap_or_default(),
                idea: wish.idea.clone(),
                length: wish.length.as_deref().or(length).map(str::to_owned),
                seed: wish.seed,
                ..Character::default()
            },
            left,
            part: 0,
            attempt: 0,
            faulty: Vec::new(),
            begun: String::new(),
            extensions: 0,
            between: Vec::new(),
            label: String::new(),
            prompt: String::new(),
            chat: known.chat.clone(),
        }
    }

    /// The section at hand.
    pub(super) fn section(&self) -> Section {
        self.left.front().copied().unwrap_or(Section::Persona)
    }

    /// Begins the next version.
    pub(super) fn again(&mut self) {
        self.begun.clear();
        self.extensions = 0;
    }

    /// Keeps `text` as the section at hand and goes on to the next.
    pub(super) fn keep(&mut self, text: String, messages: Vec<Message>, topic: &str) {
        let section = self.section();
        let faults = std::mem::take(&mut self.faulty);
        let rejected = faults.into_iter().map(|(_, fault)| (section, fault));
        let character = &mut self.character;
        character.rejected.extend(rejected);
        match section {
            Section::Persona => character.persona = text,
            Section::UserPersona => character.user_persona = text,
            Section::Scenario => character.scenario = text,
            Section::Greeting => character.greeting = text,
            Section::Examples => character.examples = messages,
            Section::Lorebook => character.lorebook.push(Lore::new(topic, text)),
        }
        self.attempt = 0;
        self.part += 1;
        self.again();
        if self.part >= section.parts() {
            self.part = 0;
            self.left.pop_front();
            self.character.written.push(section);
        }
    }

    /// The character, once nothing is left to write.
    pub(super) fn finished(&self) -> Option<Character> {
        if !self.left.is_empty() {
            return None;
        }
        let mut character = self.character.clone();
        for text in [
            &mut character.persona,
            &mut character.user_persona,
            &mut character.scenario,
        ] {
            if text == HOLE {
                text.clear();
            }
        }
        Some(character)
    }
}
