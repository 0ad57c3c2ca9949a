//! Training text: role-play threads, rendered in a format, cut to a token limit, with the bytes that are to be learned.
//!
//! The source is the YAML layout of the LimaRP data set: two people (`<FIRST>`, played by the model, and `<SECOND>`), their
//! personas, a scenario and a conversation; or a SillyTavern chat with the card it was held with. A thread that is too long
//! becomes several samples; each starts with the whole system text and with a message of the character, and ends with one,
//! so that every sample is a prompt of the format.
//!
//! The length word of a sample is the one whose bounds ([`Format::length_of`]) hold the mean number of words in the
//! character's messages.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::chat_file::ChatFile;
use super::document::Document;
use super::format::Format;
use super::scene::Counter;
use super::{Conversation, Message, Role, names, say};
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// The largest thread that is read, 4 MiB: the longest of LimaRP have 200 kB.
const MAX_THREAD: usize = 4 << 20;

/// How SillyTavern and LimaRP data write the two people.
const PLACEHOLDERS: [&str; 2] = ["<FIRST>", "<SECOND>"];

/// A thread as it stands in the file.
#[derive(Deserialize)]
struct Thread {
    names: BTreeMap<String, String>,
    #[serde(default)]
    persona: BTreeMap<String, String>,
    #[serde(default)]
    scenario: String,
    conversation: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    name: String,
    #[serde(alias = "message")]
    text: String,
}

impl Conversation {
    /// Reads a thread in the YAML layout of the LimaRP data set. `<FIRST>` becomes the character, everybody else the user;
    /// placeholders in the texts become names, and messages of the same side in a row become one.
    ///
    /// ```
    /// use cardwright::prompt::Conversation;
    ///
    /// let thread = Conversation::from_thread(
    ///     "names: {'<FIRST>': Mara, '<SECOND>': Finn}\n\
    ///      persona: {'<FIRST>': '<FIRST> keeps a lighthouse.', '<SECOND>': '<SECOND> is lost.'}\n\
    ///      scenario: <SECOND> knocks at the door of <FIRST>.\n\
    ///      conversation:\n  - {name: '<FIRST>', text: '\"Come in, <SECOND>.\"'}\n",
    /// )?;
    /// assert_eq!(thread.scenario, "Finn knocks at the door of Mara.");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] when the text is no such thread, [`Kind::Limit`] when it is larger than any.
    pub fn from_thread(yaml: &str) -> Result<Self> {
        if yaml.len() > MAX_THREAD {
            let message = format!("a thread of {} bytes, the most is {MAX_THREAD}", yaml.len());
            return Err(Error::new(Kind::Limit, message));
        }
        let thread: Thread = serde_saphyr::from_str(yaml).map_err(|error| {
            Error::new(Kind::Prompt, format!("no LimaRP thread: {error}")).hint(
                "it has `names`, `persona`, `scenario` and `conversation`; see training/README.md",
            )
        })?;
        let name = |placeholder: &str| {
            thread
                .names
                .get(placeholder)
                .ok_or_else(|| Error::new(Kind::Prompt, format!("`names` has no `{placeholder}`")))
        };
        let [first, second] = PLACEHOLDERS;
        let (char, user) = (name(first)?.clone(), name(second)?.clone());
        let named = |text: &str| text.replace(first, &char).replace(second, &user);
        let persona = |of: &str| thread.persona.get(of).map(|text| named(text));
        let mut messages: Vec<Message> = Vec::new();
        for said in &thread.conversation {
            let role = if said.name == first || said.name == char {
                Role::Char
            } else {
                Role::User
            };
            say(&mut messages, role, named(said.text.trim()));
        }
        Ok(Self {
            char_persona: persona(first).unwrap_or_default(),
            user_persona: persona(second).unwrap_or_default(),
            scenario: named(&thread.scenario),
            messages,
            char,
            user,
            ..Self::default()
        })
    }

    /// The conversation of a SillyTavern chat between those whose personas and scenario `cast` has, such as
    /// [`Conversation::from_card`] gives; its names are the chat's where the chat has any. Hidden messages and those that
    /// nobody speaks are left out, and messages of the same side in a row become one.
    #[must_use]
    pub fn from_chat(chat: &ChatFile, cast: Self) -> Self {
        let mut messages = Vec::new();
        for message in chat.messages() {
            if message.is_hidden() || message.is_narration() || message.text().trim().is_empty() {
                continue;
            }
            let role = if message.is_user() {
                Role::User
            } else {
                Role::Char
            };
            say(&mut messages, role, message.text().trim().to_owned());
        }
        Self {
            char: chat.character_name().map_or(cast.char, str::to_owned),
            user: chat.user_name().map_or(cast.user, str::to_owned),
            messages,
            open: None,
            ..cast
        }
    }

    /// The same between people of other names: wherever the personas, the scenario and the messages say a whole name, they
    /// say the other.
    ///
    /// ```
    /// use cardwright::prompt::Conversation;
    ///
    /// let lamp = Conversation {
    ///     char: "Mara".into(),
    ///     user: "Finn".into(),
    ///     char_persona: "Mara, who has never seen Marais, waits for Finn.".into(),
    ///     ..Conversation::default()
    /// };
    /// let other = lamp.renamed("Zuri", "Mara");
    /// assert_eq!(other.char_persona, "Zuri, who has never seen Marais, waits for Mara.");
    /// ```
    #[must_use]
    pub fn renamed(&self, char: &str, user: &str) -> Self {
        let named = |text: &str| names::replaced(text, [&self.char, &self.user], [char, user]);
        let message = |message: &Message| Message {
            role: message.role,
            text: named(&message.text),
        };
        Self {
            char_persona: named(&self.char_persona),
            user_persona: named(&self.user_persona),
            scenario: named(&self.scenario),
            messages: self.messages.iter().map(message).collect(),
            char: char.to_owned(),
            user: user.to_owned(),
            ..self.clone()
        }
    }

    /// The mean number of words (split at white space) of the character's messages, rounded; 0 when there are none.
    #[must_use]
    pub fn words_per_reply(&self) -> usize {
        let replies = self.messages.iter().filter(|m| m.role == Role::Char);
        let (words, count) = replies.fold((0, 0), |(words, count), message| {
            (words + message.text.split_whitespace().count(), count + 1)
        });
        (words + count / 2).checked_div(count).unwrap_or(0)
    }
}

/// What is to be learned of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Target {
    /// Everything: the system text too, so that the model can write personas and scenarios.
    #[default]
    Everything,
    /// What the character says, up to and including the tag of the turn that follows.
    Replies,
}

/// A piece of training text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// The bytes of `text` that are to be learned, in rising order.
    pub loss: Vec<Range<usize>>,
    /// The tokens of `text`, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// The tokens themselves, for a trainer that has no tokenizer at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Token>>,
    /// Which of `ids` are to be learned, in rising order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_ids: Option<Vec<Range<usize>>>,
    /// The length word that the text states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
}

/// What became of a thread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    /// The samples, in order.
    pub samples: Vec<Sample>,
    /// Messages that are in no sample: those that a sample cannot end or start with, and those that do not fit.
    pub dropped: usize,
}

/// Makes training text of conversations.
pub struct Dataset<'a> {
    /// The format of the text.
    pub format: &'a Format,
    /// What is to be learned. Default: everything.
    pub target: Target,
    /// The most tokens of a sample and who counts them; `None` for no limit.
    pub limit: Option<(usize, &'a dyn Counter)>,
}

impl Dataset<'_> {
    /// The samples of `conversation`.
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] when the format cannot hold it: see [`Format::render`]; those of the counter.
    pub fn samples(&self, conversation: &Conversation) -> Result<Samples> {
        let mut whole = conversation.clone();
        whole.open = None;
        if whole.length.is_none() {
            let word = self.format.length_of(whole.words_per_reply());
            whole.length = word.map(str::to_owned);
        }
        let all = std::mem::take(&mut whole.messages);
        let ends = |message: &Message| message.role == Role::Char;
        let first = self.format.front.first.map(Role::from);
        let opens = |message: &Message| first.is_none_or(|first| message.role == first);
        let mut made = Samples::default();
        let mut start = 0;
        while start < all.len() {
            if !opens(&all[start]) {
                made.dropped += 1;
                start += 1;
                continue;
            }
            // The longest run that fits; from the end, for most threads fit whole.
            let mut found = None;
            for end in (start + 1..=all.len())
                .rev()
                .filter(|&end| ends(&all[end - 1]))
            {
                whole.messages = all[start..end].to_vec();
                let sample = self.sample(&whole)?;
                if self.fits(&sample) {
                    found = Some((end, sample));
                    break;
                }
            }
            match found {
                Some((end, sample)) => {
                    made.samples.push(sample);
                    start = end;
                }
                // This message alone is too much, or nothing of the character's follows.
                None => {
                    made.dropped += 1;
                    start += 1;
                }
            }
        }
        Ok(made)
    }

    /// What teaches a model to spell names: all of `conversation` that comes before its first message, where the two names
    /// alone are learned, each with what ends it, and only where they were said before. `None` when nothing is to be learned
    /// of it, and when it does not fit.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::samples`].
    pub fn names(&self, conversation: &Conversation) -> Result<Option<Sample>> {
        // The first message tells where the text before it ends; the others are not needed.
        let mut head = conversation.clone();
        head.messages.truncate(1);
        let mut sample = self.sample(&head)?;
        let turns = Document::of(self.format, &sample.text).turns;
        let end = turns
            .first()
            .map_or(sample.text.len(), |turn| turn.tag.start);
        sample.text.truncate(end);
        let mut known = [false; 2];
        sample.loss = names::said(&sample.text, [&head.char, &head.user])
            .into_iter()
            .filter(|&(_, which)| std::mem::replace(&mut known[which], true))
            .map(|(span, _)| {
                let next = sample.text[span.end..].chars().next();
                span.start..span.end + next.map_or(0, char::len_utf8)
            })
            .collect();
        sample.tokens = self.count(&sample.text)?;
        sample.length = None;
        Ok((!sample.loss.is_empty() && self.fits(&sample)).then_some(sample))
    }

    fn fits(&self, sample: &Sample) -> bool {
        match (self.limit, sample.tokens) {
            (Some((most, _)), Some(tokens)) => tokens <= most,
            _ => true,
        }
    }

    fn sample(&self, conversation: &Conversation) -> Result<Sample> {
        let text = self.format.render(conversation)?;
        let loss = match self.target {
            Target::Everything => std::iter::once(0..text.len()).collect(),
            Target::Replies => replies(self.format, &text),
        };
        let tokens = self.count(&text)?;
        let length = self.format.carried(conversation).length;
        Ok(Sample {
            text,
            loss,
            tokens,
            ids: None,
            loss_ids: None,
            length,
        })
    }

    fn count(&self, text: &str) -> Result<Option<usize>> {
        let counter = self.limit.map(|(_, counter)| counter);
        counter.map(|counter| counter.count(text)).transpose()
    }
}

impl Sample {
    /// Puts in the tokens of the text, each with the bytes it stands for, and finds out which are to be learned.
    pub fn set_ids(&mut self, tokens: Vec<(Token, Range<usize>)>) {
        let is_learned = |span: &Range<usize>| {
            (self.loss.iter()).any(|learned| span.start < learned.end && learned.start < span.end)
        };
        let mut learned: Vec<Range<usize>> = Vec::new();
        for (index, (_, span)) in tokens.iter().enumerate() {
            if is_learned(span) {
                match learned.last_mut() {
                    Some(last) if last.end == index => last.end += 1,
                    _ => learned.push(index..index + 1),
                }
            }
        }
        self.tokens = Some(tokens.len());
        self.ids = Some(tokens.into_iter().map(|(token, _)| token).collect());
        self.loss_ids = Some(learned);
    }
}

/// The bytes of the character's messages in a rendered `text`, each with what ends it.
fn replies(format: &Format, text: &str) -> Vec<Range<usize>> {
    let turns = Document::of(format, text).turns;
    let mut spans = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        if turn.role == Role::Char {
            let start = turn.after_speaker.unwrap_or(turn.text.start);
            let end = turns.get(index + 1).map_or(text.len(), |next| next.tag.end);
            spans.push(start..end);
        }
    }
    spans
}
