//! What a section is looked through for before it is kept, the sections of other characters among it.

use std::sync::PoisonError;

use super::super::character::Character;
use super::super::draft::Draft;
use super::super::review::{self, Fault};
use super::super::section::{Section, Size};
use super::super::similar::NEARLY_THE_SAME;
use super::Inventor;
use crate::prompt::Message;

/// The sections that must not be nearly the same as another character's.
const COMPARED: [Section; 3] = [Section::Persona, Section::Scenario, Section::Greeting];

impl Inventor<'_> {
    /// Takes in a character that is there already, so that no other becomes nearly the same.
    pub fn remember(&self, character: &Character) {
        for section in COMPARED {
            self.remember_section(character, section, &character.text(section));
        }
    }

    pub(super) fn remember_section(&self, character: &Character, section: Section, text: &str) {
        if !COMPARED.contains(&section) {
            return;
        }
        let masked = [character.name.as_str(), character.user.as_str()];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(section)
            .or_default()
            .add(&character.name, text, &masked);
    }

    pub(super) fn review(&self, text: &str, is_cut: bool, draft: &Draft) -> Option<Fault> {
        let section = draft.section();
        review::adults(text)
            .or_else(|| is_cut.then_some(Fault::Cut))
            .or_else(|| self.review_section(text, section, &self.size(draft), draft))
    }

    pub(super) fn review_section(
        &self,
        text: &str,
        section: Section,
        size: &Size,
        draft: &Draft,
    ) -> Option<Fault> {
        let character = &draft.character;
        let cast = [character.name.as_str(), character.user.as_str()];
        let is_paragraph = section != Section::Greeting;
        let is_about_one = matches!(section, Section::Persona | Section::UserPersona);
        let about = match section {
            Section::UserPersona => Some(&character.user),
            Section::Lorebook => None,
            _ => Some(&character.name),
        };
        review::adults(text)
            .or_else(|| is_paragraph.then(|| review::newline(text)).flatten())
            .or_else(|| review::markup(text))
            .or_else(|| review::length(text, *size.words.start()))
            .or_else(|| review::quotes(text))
            .or_else(|| about.and_then(|name| review::names(text, name)))
            .or_else(|| {
                let strangers = self.asking.strangers(character);
                review::echo(text, self.asking.examples(section), &strangers)
            })
            .or_else(|| review::person(text))
            .or_else(|| {
                if is_paragraph {
                    review::renames(text, &cast).or_else(|| {
                        let one = is_about_one.then_some(text)?;
                        review::pronouns(one).or_else(|| review::ages(one))
                    })
                } else {
                    review::speaks_for(text, &character.user)
                }
            })
            .or_else(|| review::repetition(text))
            .or_else(|| self.duplicate(text, section, character))
            .or_else(|| {
                if is_paragraph {
                    review::in_present(text)
                } else {
                    review::in_past(text)
                }
            })
    }

    pub(super) fn review_examples(&self, draft: &Draft, messages: &[Message]) -> Option<Fault> {
        let character = &draft.character;
        let texts: Vec<&str> = messages
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        let whole = texts.join(" ");
        if messages.len() < 2 {
            return Some(Fault::Cut);
        }
        review::adults(&whole)
            .or_else(|| texts.iter().find_map(|text| review::newline(text)))
            .or_else(|| review::markup(&whole))
            .or_else(|| texts.iter().find_map(|text| review::quotes(text)))
            .or_else(|| {
                let strangers = self.asking.strangers(character);
                review::echo(&whole, &[], &strangers)
            })
            .or_else(|| review::repetition(&whole))
    }

    fn duplicate(&self, text: &str, section: Section, character: &Character) -> Option<Fault> {
        let masked = [character.name.as_str(), character.user.as_str()];
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (likeness, whose) = seen.get(&section)?.nearest(text, &masked)?;
        (likeness >= NEARLY_THE_SAME).then(|| Fault::Duplicate(whose.to_owned()))
    }
}
