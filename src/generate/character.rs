//! One character: section by section, each written, reviewed and if need be written again.

use serde_json::json;

use super::asking::{Asking, HOLE};
use super::section::Section;
use super::{names::Names, review};
use crate::card::Card;
use crate::engine::{Engine, Reason, Request};
use crate::prompt::{Conversation, Format, Message, Role};
use crate::sampling::Settings;
use crate::{Error, Kind, Result};
use review::Fault;

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
}

/// Writes characters with a model.
pub struct Inventor<'a> {
    engine: &'a dyn Engine,
    format: &'a Format,
    options: Options,
    asking: Asking,
}

/// One version of a section.
struct Version {
    text: String,
    fault: Option<Fault>,
    tokens: usize,
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

    /// The name that a wish asks for or its seed draws.
    #[must_use]
    pub fn name(&self, wish: &Wish) -> String {
        let drawn = || Names::new(wish.seed).next().unwrap_or_default();
        wish.name.clone().unwrap_or_else(drawn)
    }

    /// Writes the character that a wish asks for.
    ///
    /// # Errors
    ///
    /// When the engine fails, or the model writes nothing acceptable in three times [`Options::attempts`].
    pub fn invent(&self, wish: &Wish) -> Result<Character> {
        let name = self.name(wish);
        let drawn = || Names::new(!wish.seed).find(|user| *user != name);
        let user = wish.user.clone().or_else(drawn).unwrap_or_default();
        let mut character = Character {
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
        };
        character.persona = self.write(&mut character, Section::Persona)?;
        character.user_persona = self.write(&mut character, Section::UserPersona)?;
        character.scenario = self.write(&mut character, Section::Scenario)?;
        character.greeting = self.write(&mut character, Section::Greeting)?;
        Ok(character)
    }

    /// Writes a section until a version passes the review, or takes the best there was.
    fn write(&self, character: &mut Character, section: Section) -> Result<String> {
        let request = self.request(character, section)?;
        let mut faulty: Vec<Version> = Vec::new();
        // A fault that must not be kept gets more patience than one that may.
        for attempt in 0..self.options.attempts.max(1) * 3 {
            let has_tried = attempt >= self.options.attempts.max(1);
            if has_tried && faulty.iter().any(|version| cost(version) < UNACCEPTABLE) {
                break;
            }
            let version = self.version(&request, character, section, attempt)?;
            character.tokens += version.tokens;
            if version.fault.is_none() {
                let faults = faulty.into_iter().filter_map(|version| version.fault);
                character
                    .rejected
                    .extend(faults.map(|fault| (section, fault)));
                return Ok(version.text);
            }
            faulty.push(version);
        }
        let best = (0..faulty.len()).min_by_key(|at| cost(&faulty[*at]));
        let best = best.map(|at| faulty.swap_remove(at));
        let faults = faulty.into_iter().filter_map(|version| version.fault);
        character
            .rejected
            .extend(faults.map(|fault| (section, fault)));
        match best {
            Some(version) if cost(&version) < UNACCEPTABLE => {
                let is_cut = version.fault == Some(Fault::Cut);
                character
                    .kept
                    .extend(version.fault.map(|fault| (section, fault)));
                Ok(if is_cut {
                    whole_sentences(&version.text)
                } else {
                    version.text
                })
            }
            best => {
                let why = best.and_then(|version| version.fault);
                let why = why.map_or_else(String::new, |fault| format!(" ({fault})"));
                let (what, name) = (section.name(), &character.name);
                Err(Error::new(
                    Kind::Engine,
                    format!("the model wrote no acceptable {what} for `{name}`{why}"),
                )
                .hint("try another --seed or a larger model"))
            }
        }
    }

    fn request(&self, character: &Character, section: Section) -> Result<(Request, String)> {
        let length = self.options.length.as_deref();
        let asked = self.asking.ask(self.format, character, section, length)?;
        let mut request = Request::new(asked.prompt);
        request.special_tokens = asked.special_tokens;
        request.grammar = Some(section.grammar(!asked.lead.is_empty(), length));
        request.max_tokens = section.max_tokens(length);
        request.settings = self.options.settings.clone();
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
        Ok((request, asked.lead))
    }

    fn version(
        &self,
        (request, lead): &(Request, String),
        character: &Character,
        section: Section,
        attempt: usize,
    ) -> Result<Version> {
        let mut request = request.clone();
        request.settings.seed = Some(mix(character.seed, section, attempt as u64));
        let (written, end) = self.engine.start(request)?.finish()?;
        let text = format!("{lead}{}", written.trim_end_matches('<'));
        let text = text.trim().to_owned();
        let is_cut = end.reason == Reason::Length;
        Ok(Version {
            fault: self.review(&text, is_cut, character, section),
            text,
            tokens: end.reply_tokens,
        })
    }

    fn review(
        &self,
        text: &str,
        is_cut: bool,
        character: &Character,
        section: Section,
    ) -> Option<Fault> {
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

/// How bad the fault of a version is.
fn cost(version: &Version) -> usize {
    match &version.fault {
        None => 0,
        Some(Fault::Age(_)) => UNACCEPTABLE,
        Some(Fault::Repeats(_)) => 1,
        Some(Fault::Pronouns) => 2,
        Some(Fault::Cut) => 3,
        Some(Fault::Short { .. }) => 4,
        Some(Fault::Person(_) | Fault::Copied(_) | Fault::Renamed(_)) => 5,
        Some(Fault::Echo(_) | Fault::Nameless(_) | Fault::SpeaksForUser(_)) => 6,
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
