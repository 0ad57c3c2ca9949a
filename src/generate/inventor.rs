//! How a character comes to be: section by section, each written, reviewed and if need be written again.
//!
//! The work is a state machine, a [`Draft`], that says what to ask next and takes the answer in. So one character can be
//! written alone and many side by side, and the same seed gives the same character either way of waiting.

use super::asking::{Asking, HOLE};
use super::character::Character;
use super::names::Names;
use super::review::{self, Fault};
use super::section::Section;
use crate::engine::{End, Engine, Reason, Request};
use crate::prompt::Format;
use crate::sampling::Settings;
use crate::{Error, Kind, Result};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The character's name; `None` draws one from the seed.
    pub name: Option<String>,
    /// The user's name; `None` draws one from the seed.
    pub user: Option<String>,
    /// Decides everything that is left open; the same seed gives the same character.
    pub seed: u64,
}

/// How characters are written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Write in the bare layout of the format, after so many example characters. `None` suits the model: the bare layout
    /// for one that knows LimaRP, instructions for one with a chat template, two examples for any other. Default: `None`.
    pub shots: Option<usize>,
    /// The length of the greeting, as a length word of the format. Default: the format's own.
    pub length: Option<String>,
    /// How often a section is written at the most before its best version is taken. Default: 6.
    pub attempts: usize,
    /// How tokens are chosen; the seed comes from the wish. Default: the LimaRP settings.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shots: None,
            length: None,
            attempts: 6,
            settings: Settings::default(),
        }
    }
}

/// Writes characters with a model.
pub struct Inventor<'a> {
    pub(super) engine: &'a dyn Engine,
    format: &'a Format,
    options: Options,
    asking: Asking,
}

/// Something that happens while a character is written.
#[derive(Debug)]
pub enum Step<'a> {
    /// A section is begun, for the first time or again.
    Begun {
        /// The character's name.
        name: &'a str,
        /// The name of the user's role.
        user: &'a str,
        /// The section.
        section: Section,
        /// How many versions of it were rejected so far.
        attempt: usize,
        /// The words that it was begun with.
        lead: &'a str,
    },
    /// The model goes on with the section.
    Piece(&'a str),
    /// What was written is not good enough.
    Rejected {
        /// The section.
        section: Section,
        /// What is wrong with it.
        fault: &'a Fault,
    },
    /// The section is complete.
    Written {
        /// The section.
        section: Section,
        /// Its text, as it is kept.
        text: &'a str,
    },
}

/// A character that is being written.
pub(super) struct Draft {
    character: Character,
    section: Section,
    attempt: usize,
    /// The versions of the section so far, each with its fault.
    faulty: Vec<(String, Fault)>,
    /// The words that the section was begun with.
    lead: String,
}

impl<'a> Inventor<'a> {
    /// An inventor that asks `engine` in `format`.
    ///
    /// # Errors
    ///
    /// When there are fewer examples than asked for, or the format cannot render them.
    pub fn new(engine: &'a dyn Engine, format: &'a Format, options: Options) -> Result<Self> {
        let length = options.length.as_deref();
        let asking = Asking::new(engine.model(), format, options.shots, length)?;
        Ok(Self {
            engine,
            format,
            options,
            asking,
        })
    }

    /// Writes the character that a wish asks for.
    ///
    /// # Errors
    ///
    /// When the engine fails, or the model writes nothing acceptable in three times [`Options::attempts`].
    pub fn invent(&self, wish: &Wish) -> Result<Character> {
        self.invent_with(wish, |_| Ok(()))
    }

    /// As [`invent`](Self::invent), and tells `report` of each step as it happens.
    ///
    /// # Errors
    ///
    /// As [`invent`](Self::invent); also the first error of `report`, which ends the work at once.
    pub fn invent_with(
        &self,
        wish: &Wish,
        mut report: impl FnMut(Step<'_>) -> Result<()>,
    ) -> Result<Character> {
        let mut draft = self.begin(wish);
        loop {
            let request = self.request(&mut draft)?;
            let section = draft.section;
            report(Step::Begun {
                name: &draft.character.name,
                user: &draft.character.user,
                section,
                attempt: draft.attempt,
                lead: &draft.lead,
            })?;
            let mut completion = self.engine.start(request)?;
            let mut written = String::new();
            for piece in &mut completion {
                let piece = piece?;
                report(Step::Piece(&piece))?;
                written.push_str(&piece);
            }
            let end = completion.end().cloned().ok_or_else(|| {
                Error::new(
                    Kind::Engine,
                    "the engine stopped before the reply was complete",
                )
            })?;
            let faulty = draft.faulty.len();
            let character = self.take(&mut draft, &written, &end)?;
            if let Some((_, fault)) = draft.faulty.get(faulty) {
                report(Step::Rejected { section, fault })?;
            } else {
                let of = character.as_ref().unwrap_or(&draft.character);
                let text = match section {
                    Section::Persona => &of.persona,
                    Section::UserPersona => &of.user_persona,
                    Section::Scenario => &of.scenario,
                    Section::Greeting => &of.greeting,
                };
                report(Step::Written { section, text })?;
            }
            if let Some(character) = character {
                return Ok(character);
            }
        }
    }

    /// A character of whom nothing but the names is known.
    pub(super) fn begin(&self, wish: &Wish) -> Draft {
        let drawn = || Names::new(wish.seed).next();
        let name = wish.name.clone().or_else(drawn).unwrap_or_default();
        let drawn = || Names::new(!wish.seed).find(|user| *user != name);
        let user = wish.user.clone().or_else(drawn).unwrap_or_default();
        Draft {
            character: Character {
                name,
                persona: HOLE.into(),
                user,
                user_persona: HOLE.into(),
                scenario: HOLE.into(),
                greeting: String::new(),
                seed: wish.seed,
                model: self.engine.model().name.clone(),
                format: self.format.name().to_owned(),
                rejected: Vec::new(),
                kept: Vec::new(),
                tokens: 0,
                prompt_tokens: 0,
                reused_tokens: 0,
            },
            section: Section::Persona,
            attempt: 0,
            faulty: Vec::new(),
            lead: String::new(),
        }
    }

    /// What to ask the model next.
    pub(super) fn request(&self, draft: &mut Draft) -> Result<Request> {
        let (character, section) = (&draft.character, draft.section);
        let length = self.options.length.as_deref();
        let asked = self.asking.ask(self.format, character, section, length)?;
        let mut request = Request::new(asked.prompt);
        request.special_tokens = asked.special_tokens;
        request.grammar = Some(section.grammar(!asked.lead.is_empty(), length));
        request.max_tokens = section.max_tokens(length);
        request.settings = self.options.settings.clone();
        request.settings.seed = Some(mix(character.seed, section, draft.attempt as u64));
        request.stop = self.format.stop_strings(&character.conversation(length));
        request.stop.push(
            if section == Section::Greeting {
                "\n\n<"
            } else {
                "\n"
            }
            .into(),
        );
        if asked.special_tokens {
            // The end of its turn is how an instructed model says that a section is complete.
            request.settings.ban_end_of_text = false;
        }
        draft.lead = asked.lead;
        Ok(request)
    }

    /// Takes in what the model wrote; the character, once it is complete.
    pub(super) fn take(
        &self,
        draft: &mut Draft,
        written: &str,
        end: &End,
    ) -> Result<Option<Character>> {
        let text = format!("{}{}", draft.lead, written.trim_end_matches('<'));
        let text = text.trim().to_owned();
        draft.character.tokens += end.reply_tokens;
        draft.character.prompt_tokens += end.prompt_tokens;
        draft.character.reused_tokens += end.reused_tokens;
        let is_cut = end.reason == Reason::Length;
        let text = match self.review(&text, is_cut, draft) {
            None => text,
            Some(fault) => {
                draft.faulty.push((text, fault));
                draft.attempt += 1;
                match self.best(draft)? {
                    Some(text) => text,
                    None => return Ok(None),
                }
            }
        };
        let faults = std::mem::take(&mut draft.faulty);
        let rejected = faults.into_iter().map(|(_, fault)| (draft.section, fault));
        draft.character.rejected.extend(rejected);
        draft.attempt = 0;
        let character = &mut draft.character;
        (*match draft.section {
            Section::Persona => &mut character.persona,
            Section::UserPersona => &mut character.user_persona,
            Section::Scenario => &mut character.scenario,
            Section::Greeting => &mut character.greeting,
        }) = text;
        match draft.section.next() {
            Some(section) => {
                draft.section = section;
                Ok(None)
            }
            None => Ok(Some(draft.character.clone())),
        }
    }

    /// The best of the faulty versions, when there were enough attempts: a fault that must not be kept gets more patience
    /// than one that may.
    fn best(&self, draft: &mut Draft) -> Result<Option<String>> {
        let attempts = self.options.attempts.max(1);
        if draft.attempt < attempts {
            return Ok(None);
        }
        let best = (0..draft.faulty.len()).min_by_key(|at| cost(&draft.faulty[*at].1));
        let is_good_enough = best.is_some_and(|at| cost(&draft.faulty[at].1) < UNACCEPTABLE);
        match best {
            Some(best) if is_good_enough => {
                let (text, fault) = draft.faulty.swap_remove(best);
                let is_cut = fault == Fault::Cut;
                draft.character.kept.push((draft.section, fault));
                Ok(Some(if is_cut { whole_sentences(&text) } else { text }))
            }
            Some(best) if draft.attempt >= 3 * attempts => {
                let (what, name) = (draft.section, &draft.character.name);
                let fault = &draft.faulty[best].1;
                Err(Error::new(
                    Kind::Engine,
                    format!("the model wrote no acceptable {what} for `{name}` ({fault})"),
                )
                .hint("try another --seed or a larger model"))
            }
            _ => Ok(None),
        }
    }

    fn review(&self, text: &str, is_cut: bool, draft: &Draft) -> Option<Fault> {
        let (character, section) = (&draft.character, draft.section);
        let cast = [character.name.as_str(), character.user.as_str()];
        let about = match section {
            Section::UserPersona => &character.user,
            _ => &character.name,
        };
        let is_about_one = matches!(section, Section::Persona | Section::UserPersona);
        let least = section.least_words(self.options.length.as_deref());
        review::adults(text)
            .or_else(|| is_cut.then_some(Fault::Cut))
            .or_else(|| review::length(text, least))
            .or_else(|| review::names(text, about))
            .or_else(|| {
                let strangers = self.asking.strangers(character);
                review::echo(text, self.asking.examples(section), &strangers)
            })
            .or_else(|| {
                if section == Section::Greeting {
                    review::message(text, &character.user)
                } else {
                    review::renames(text, &cast)
                        .or_else(|| is_about_one.then(|| review::pronouns(text)).flatten())
                }
            })
            .or_else(|| review::repetition(text))
    }
}

/// Faults from this cost on are never kept.
const UNACCEPTABLE: usize = 100;

/// How bad a fault is.
fn cost(fault: &Fault) -> usize {
    match fault {
        Fault::Age(_) => UNACCEPTABLE,
        Fault::Repeats(_) => 1,
        Fault::Pronouns => 2,
        Fault::Cut => 3,
        Fault::Short { .. } => 4,
        Fault::Person(_) | Fault::Copied(_) | Fault::Renamed(_) => 5,
        Fault::Echo(_) | Fault::Nameless(_) | Fault::SpeaksForUser(_) => 6,
    }
}

/// A text up to its last whole sentence.
fn whole_sentences(text: &str) -> String {
    let ends = |(_, c): &(usize, char)| matches!(c, '.' | '!' | '?');
    let end = text.char_indices().rfind(ends);
    let end = end.map_or(text.len(), |(at, _)| at + 1);
    let end = if text[end..].starts_with('"') {
        end + 1
    } else {
        end
    };
    text[..end].to_owned()
}

/// A seed of its own for each attempt at each section (SplitMix64 over the parts).
fn mix(seed: u64, section: Section, attempt: u64) -> u64 {
    [section as u64, attempt]
        .into_iter()
        .fold(seed, |state, part| {
            let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_ends_with_its_last_sentence() {
        assert_eq!(whole_sentences("One. \"Two!\" Thr"), "One. \"Two!\"");
    }

    #[test]
    fn every_attempt_at_every_section_has_a_seed_of_its_own() {
        let mut seeds: Vec<_> = [Section::Persona, Section::Scenario]
            .iter()
            .flat_map(|section| (0..4).map(|attempt| mix(1, *section, attempt)))
            .chain([mix(2, Section::Persona, 0)])
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 9);
    }
}
