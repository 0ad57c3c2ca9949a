//! How a character comes to be: section by section, each written, reviewed and if need be written again.
//!
//! The work is a state machine, a [`Draft`], that says what to ask next and takes the answer in. So one character can be
//! written alone and many side by side, and the same seed gives the same character either way of waiting.

mod faults;

use std::collections::HashMap;
use std::sync::Mutex;

use super::asking::{Asked, Asking, Question, topic};
use super::character::Character;
use super::draft::Draft;
use super::grammar::{self, Begun};
use super::method::{Method, takes_instructions};
use super::review::{self, Fault, UNACCEPTABLE};
use super::section::{Section, Size, words_of};
use super::similar::Similar;
use super::wish::Wish;
use crate::engine::{End, Engine, Reason, Request};
use crate::prompt::{Format, Message, Role};
use crate::sampling::Settings;
use crate::{Error, Kind, Result, Severity};

/// How often a section that is too short is gone on with before it is written again.
const EXTENSIONS: usize = 3;
/// Tokens for a persona, a user's persona, a scenario and the instruction after them in one go.
const RAW_TOKENS: usize = 700;

/// How often the model is stopped on the plain way: where it has named the character, then the user. It goes on as if
/// nothing had been, but that the user's name is known then, and spared from the penalties too.
const LABELS: usize = 2;

/// How characters are written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Write in the bare layout of the format, after so many example characters. `None` suits the model: see
    /// [`Method::suits`]. Default: `None`.
    pub shots: Option<usize>,
    /// Ask in the model's own chat template, whatever suits the model. Default: false.
    pub instructions: bool,
    /// The plain LimaRP way: the prompt is the head of the system text and the name, and no grammar holds what follows.
    /// Default: false.
    pub raw: bool,
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
            instructions: false,
            raw: false,
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
    method: Method,
    asking: Asking,
    /// What was written for others, section by section.
    seen: Mutex<HashMap<Section, Similar>>,
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

/// What became of an answer.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is too short and will be gone on with.
    Extended,
    /// It has a fault, and is written again.
    Rejected(Fault),
    /// The section is complete.
    Written(Section),
}

impl<'a> Inventor<'a> {
    /// An inventor that asks `engine` in `format`.
    ///
    /// # Errors
    ///
    /// When there are fewer examples than asked for, or the format cannot render them; when the model has no chat template
    /// that can be used and is to be asked in it.
    pub fn new(engine: &'a dyn Engine, format: &'a Format, options: Options) -> Result<Self> {
        let length = options.length.as_deref();
        let method = Method::of(&options, engine);
        if method == Method::Instructions {
            takes_instructions(engine.model())?;
        }
        let asking = Asking::new(engine.model(), format, method, length)?;
        Ok(Self {
            engine,
            format,
            options,
            method,
            asking,
            seen: Mutex::default(),
        })
    }

    /// The way the model is asked.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
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
            if let Some(character) = draft.finished() {
                return Ok(character);
            }
            let request = self.request(&mut draft)?;
            if draft.extensions == 0 {
                report(Step::Begun {
                    name: &draft.character.name,
                    user: &draft.character.user,
                    section: draft.section(),
                    attempt: draft.attempt,
                    lead: &draft.begun,
                })?;
            }
            let mut completion = self.engine.start(request)?;
            let mut written = String::new();
            for piece in &mut completion {
                let piece = piece?;
                report(Step::Piece(&piece))?;
                written.push_str(&piece);
            }
            let section = draft.section();
            match self.take(&mut draft, &written, completion.ended()?)? {
                Taken::Extended => {}
                Taken::Rejected(fault) => report(Step::Rejected {
                    section,
                    fault: &fault,
                })?,
                Taken::Written(section) => report(Step::Written {
                    section,
                    text: &draft.character.text(section),
                })?,
            }
        }
    }

    /// A character of whom nothing but the names and what the wish knows is there.
    pub(super) fn begin(&self, wish: &Wish) -> Draft {
        let length = self.options.length.as_deref();
        let mut draft = Draft::new(wish, length.or(self.format.default_length()));
        draft.character.model.clone_from(&self.engine.model().name);
        draft.character.format = self.format.name().to_owned();
        draft
    }

    fn size(&self, draft: &Draft) -> Size {
        let words = words_of(self.format, draft.character.length.as_deref());
        draft.section().size(words.as_ref())
    }

    fn ask(&self, draft: &Draft) -> Result<Asked> {
        self.asking.ask(
            self.format,
            &Question {
                character: &draft.character,
                section: draft.section(),
                part: draft.part,
                idea: draft.character.idea.as_deref(),
                chat: &draft.chat,
                length: draft.character.length.as_deref(),
            },
        )
    }

    /// What to ask the model next.
    pub(super) fn request(&self, draft: &mut Draft) -> Result<Request> {
        let section = draft.section();
        let asked = self.ask(draft)?;
        let begun = match draft.begun.as_str() {
            "" if asked.lead.is_empty() => Begun::No,
            "" => Begun::Sentence,
            text if text.ends_with(['.', '!', '?', '"']) => Begun::Whole,
            _ => Begun::Sentence,
        };
        if draft.begun.is_empty() {
            draft.begun.clone_from(&asked.lead);
        }
        let gap = if draft.begun.is_empty() {
            ""
        } else {
            asked.gap
        };
        let mut request = Request::new(format!("{}{gap}{}", asked.prompt, draft.begun));
        request.special_tokens = asked.special_tokens;
        let size = self.size(draft);
        request.max_tokens = match (self.method, section, draft.extensions) {
            (Method::Raw, Section::Persona, _) => RAW_TOKENS,
            (_, _, 0) => size.max_tokens,
            _ => {
                let done = review::words(&draft.begun).count() * 3 / 2;
                size.max_tokens.saturating_sub(done).max(40)
            }
        };
        request.grammar = match (self.method, section) {
            (Method::Raw, _) => None,
            (_, Section::Examples) => Some(grammar::dialogue(begun, &asked.between)),
            _ => Some(section.grammar(begun, &size)),
        };
        request.settings = self.options.settings.clone();
        let version = draft.attempt + 1000 * draft.part + 100_000 * draft.extensions;
        request.settings.seed = Some(mix(draft.character.seed, section, version as u64));
        let user = match (self.method, section) {
            (Method::Raw, Section::Persona) => labelled(&draft.begun, &asked.label),
            _ => Some(&*draft.character.user),
        };
        let names = [Some(&*draft.character.name), user].into_iter().flatten();
        let spared = &mut request.settings.spared_words;
        spared.extend(names.map(str::to_owned));
        if section != Section::Examples {
            let length = draft.character.length.as_deref();
            let conversation = draft.character.conversation(length);
            request.stop = self.format.stop_strings(&conversation);
            match (self.method, section) {
                (Method::Raw, Section::Persona) => {
                    if draft.extensions < LABELS && !asked.label.is_empty() {
                        request.stop.push(asked.label.clone());
                    }
                }
                (_, Section::Greeting) => request.stop.push("\n\n<".into()),
                _ => request.stop.push("\n".into()),
            }
        }
        if asked.special_tokens && draft.extensions == 0 {
            // The end of its turn is how an instructed model says that a section is complete.
            request.settings.ban_end_of_text = false;
        }
        draft.prompt = asked.prompt;
        draft.between = asked.between;
        draft.label = asked.label;
        Ok(request)
    }

    /// Takes in what the model wrote.
    pub(super) fn take(&self, draft: &mut Draft, written: &str, end: &End) -> Result<Taken> {
        draft.character.tokens += end.reply_tokens;
        draft.character.prompt_tokens += end.prompt_tokens;
        draft.character.reused_tokens += end.reused_tokens;
        if self.method == Method::Raw && draft.section() == Section::Persona {
            if let Reason::Stop(stop) = &end.reason
                && draft.extensions < LABELS
                && *stop == draft.label
            {
                draft.begun.extend([written, stop]);
                draft.extensions += 1;
                return Ok(Taken::Extended);
            }
            return self.take_raw(draft, written);
        }
        let is_cut = end.reason == Reason::Length;
        let text = format!("{}{}", draft.begun, written.trim_end_matches('<'));
        let text = text.trim().to_owned();
        if draft.section() == Section::Examples {
            let messages = messages(draft, &text, is_cut);
            let fault = self.review_examples(draft, &messages);
            return self.judge(draft, text, messages, fault);
        }
        let size = self.size(draft);
        let words = review::words(&text).count();
        let whole = if is_cut || words > *size.words.end() {
            review::whole_sentences(&text, *size.words.end())
        } else {
            text.clone()
        };
        let is_short = review::words(&whole).count() < *size.words.start();
        if is_short && !is_cut && draft.extensions < EXTENSIONS {
            draft.extensions += 1;
            draft.character.extended += 1;
            draft.begun = text;
            return Ok(Taken::Extended);
        }
        let (text, is_cut) = if whole.is_empty() {
            (text, true)
        } else {
            (whole, is_cut && is_short)
        };
        let fault = self.review(&text, is_cut, draft);
        self.judge(draft, text, Vec::new(), fault)
    }

    /// Takes in a system text that the model wrote from the name on.
    fn take_raw(&self, draft: &mut Draft, written: &str) -> Result<Taken> {
        let text = format!("{}{}{written}", draft.prompt, draft.begun);
        let read = |text: &str| self.format.parse(text.trim_end());
        let parsed = read(&text);
        let fault = parsed
            .findings
            .iter()
            // The conversation has not begun yet.
            .find(|finding| {
                finding.severity >= Severity::Error && !finding.code.starts_with("turn")
            })
            .map(|finding| Fault::Format(finding.message.clone()));
        let mut conversation = parsed.conversation.unwrap_or_default();
        let missing = [
            (&conversation.char_persona, "persona of the character"),
            (&conversation.user_persona, "persona of the user"),
            (&conversation.scenario, "scenario"),
        ]
        .into_iter()
        .find(|(text, _)| text.is_empty())
        .map(|(_, what)| Fault::Format(format!("there is no {what}")));
        let mut fault = fault.or(missing);
        if fault.is_none() {
            // It is the model that names the user here.
            let before = std::mem::replace(&mut draft.character.user, conversation.user.clone());
            fault = [
                (Section::Persona, &conversation.char_persona),
                (Section::UserPersona, &conversation.user_persona),
                (Section::Scenario, &conversation.scenario),
            ]
            .into_iter()
            .find_map(|(section, text)| {
                self.review_section(text, section, &section.size(None), draft)
            });
            draft.character.user = before;
        }
        if let Some(fault) = fault {
            match self.best(draft, text, fault.clone())? {
                Some(best) => conversation = read(&best).conversation.unwrap_or_default(),
                None => return Ok(Taken::Rejected(fault)),
            }
        }
        draft.character.user = conversation.user;
        for text in [
            conversation.char_persona,
            conversation.user_persona,
            conversation.scenario,
        ] {
            self.remember_section(&draft.character, draft.section(), &text);
            draft.keep(text, Vec::new(), "");
            // A wish that ends here has all it asked for.
            if draft.left.is_empty() {
                break;
            }
        }
        Ok(Taken::Written(Section::Persona))
    }

    /// Keeps a text without a fault, and the best of several with one; else has it written again.
    fn judge(
        &self,
        draft: &mut Draft,
        text: String,
        messages: Vec<Message>,
        fault: Option<Fault>,
    ) -> Result<Taken> {
        let section = draft.section();
        let (text, messages) = match fault {
            None => (text, messages),
            Some(fault) => match self.best(draft, text, fault.clone())? {
                Some(best) if section == Section::Examples => {
                    let messages = self::messages(draft, &best, false);
                    (best, messages)
                }
                Some(best) => (best, Vec::new()),
                None => return Ok(Taken::Rejected(fault)),
            },
        };
        self.remember_section(&draft.character, section, &text);
        draft.keep(text, messages, topic(draft.character.seed, draft.part));
        Ok(Taken::Written(section))
    }

    /// The best of the faulty versions, this one among them, when there were enough attempts; else the section is begun
    /// again. A fault that must not be kept gets more patience than one that may.
    fn best(&self, draft: &mut Draft, text: String, fault: Fault) -> Result<Option<String>> {
        draft.faulty.push((text, fault));
        draft.attempt += 1;
        let attempts = self.options.attempts.max(1);
        let section = draft.section();
        let cost = |at: &usize| draft.faulty[*at].1.cost();
        let best = (0..draft.faulty.len())
            .min_by_key(cost)
            .filter(|_| draft.attempt >= attempts);
        let is_good_enough = best.is_some_and(|at| cost(&at) < UNACCEPTABLE);
        match best {
            Some(best) if is_good_enough => {
                let (text, fault) = draft.faulty.swap_remove(best);
                draft.character.kept.push((section, fault));
                Ok(Some(text))
            }
            Some(best) if draft.attempt >= 3 * attempts => {
                let name = &draft.character.name;
                let fault = &draft.faulty[best].1;
                Err(Error::new(
                    Kind::Engine,
                    format!("the model wrote no acceptable {section} for `{name}` ({fault})"),
                )
                .hint("try another --seed or a larger model"))
            }
            _ => {
                draft.again();
                Ok(None)
            }
        }
    }
}

/// The messages of a dialogue, without the last one when it is cut off.
fn messages(draft: &Draft, text: &str, is_cut: bool) -> Vec<Message> {
    // The one who speaks first is whose name ends the prompt.
    let starts_char = draft
        .prompt
        .ends_with(&format!("{}:", draft.character.name));
    let roles = if starts_char {
        [Role::Char, Role::User]
    } else {
        [Role::User, Role::Char]
    };
    let mut rest = text;
    let mut texts = Vec::new();
    for literal in &draft.between {
        let Some((said, after)) = rest.split_once(literal.as_str()) else {
            break;
        };
        texts.push(said);
        rest = after;
    }
    if !is_cut {
        texts.push(rest);
    }
    texts
        .iter()
        .map(|text| text.trim())
        .take_while(|text| !text.is_empty())
        .enumerate()
        .map(|(at, text)| Message {
            role: roles[at % 2],
            text: text.to_owned(),
        })
        .collect()
}

/// The name before the label that `text` ends with.
fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (_, name) = text.strip_suffix(label)?.rsplit_once('\n')?;
    Some(name)
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
    fn a_label_tells_the_name_before_it() {
        let known = "'s Persona: Mara is: old.\n\n";
        for (text, name) in [
            ("Bo Lee's Persona:", Some("Bo Lee")),
            ("O's Hope's Persona:", Some("O's Hope")),
            ("Scenario:", None),
            ("Bo's Persona: Bo", None),
            ("", None),
        ] {
            assert_eq!(labelled(&format!("{known}{text}"), "'s Persona:"), name);
        }
        assert_eq!(labelled("'s Persona:", "'s Persona:"), None);
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
