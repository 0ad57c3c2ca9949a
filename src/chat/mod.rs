//! A conversation with a character, as a state machine without a terminal.
//!
//! A [`Chat`] is a card, the person who talks to it, and a SillyTavern chat file, which is the whole memory of the
//! conversation: every message and its alternatives ("swipes"), the author's note, the length and persona in use. Each is
//! changed in the file as SillyTavern itself would change it, and fields that nobody here knows stay as they are, so a
//! chat can go on in either program. A [`Session`] adds the model, the commands a person types and the file on the disk.
//!
//! ```
//! use cardwright::card::Card;
//! use cardwright::chat::{Ask, Chat};
//! use cardwright::engine::Script;
//! use cardwright::prompt::{Cast, Format};
//!
//! let card = Card::from_json(r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Lucian",
//!     "description":"{{char}} is a courteous host.","scenario":"It rains.","first_mes":"Lucian looks up."}}"#)?;
//! let engine = Script::new([" \"Do come in,\"", " Lucian said."]);
//! let format = Format::named("limarp-v1")?;
//! let (mut chat, _) = Chat::begin(card, Cast { user: Some("Mina".into()), ..Cast::default() });
//! chat.say("Mina knocked.");
//! let reply = chat.ask(Ask::Reply, &engine, &format, &Default::default())?.text()?;
//! chat.take(Ask::Reply, &reply, "a model");
//! assert_eq!(chat.last().unwrap().text(), "\"Do come in,\" Lucian said.");
//! # Ok::<(), cardwright::Error>(())
//! ```

mod ask;
pub mod command;
mod export;
mod input;
mod note;
mod session;
mod tables;

pub use ask::{Ask, ReplyOptions};
pub use input::{Input, is_complete};
pub use session::{Outcome, Session};

use serde_json::{Value, json};

use crate::Finding;
use crate::card::Card;
use crate::prompt::chat_file::{ChatFile, ChatMessage};
use crate::prompt::lore::{Lore, Rules, Timed};
use crate::prompt::macros::{Clock, Context, expand};
use crate::prompt::{Cast, Conversation, Role};

/// Where a chat's metadata keeps what SillyTavern has no place for: the persona and the length in use.
const OWN: &str = "cardwright";

/// A conversation with a character.
#[derive(Debug, Clone)]
pub struct Chat {
    card: Card,
    cast: Cast,
    file: ChatFile,
    /// The two as the card, the person and the chat have them; without messages.
    conversation: Conversation,
    /// The card's greetings, macros replaced.
    greetings: Vec<String>,
    /// Entries of other lorebooks than the card's.
    lore: Vec<Lore>,
    /// How entries are looked for.
    rules: Rules,
    /// The name of the card's file without its ending; empty where there is none.
    name: String,
}

/// One message of a chat that people see.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// Which message it is, from 1.
    pub number: usize,
    message: &'a ChatMessage,
}

impl<'a> Turn<'a> {
    /// Whose message it is. What a narrator says counts as the character's.
    #[must_use]
    pub fn role(&self) -> Role {
        if self.message.is_user() {
            Role::User
        } else {
            Role::Char
        }
    }

    /// Whether nobody says it: SillyTavern's `/sys`.
    #[must_use]
    pub fn is_narration(&self) -> bool {
        self.message.is_narration()
    }

    /// Who says it.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.message.name()
    }

    /// What the message says.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.message.text()
    }

    /// What it might say: its alternatives, itself among them.
    #[must_use]
    pub fn swipes(&self) -> Vec<&'a str> {
        let swipes = self.message.swipes();
        if swipes.is_empty() {
            vec![self.text()]
        } else {
            swipes
        }
    }

    /// Which of the alternatives it says.
    #[must_use]
    pub fn swipe(&self) -> usize {
        self.message.swipe()
    }
}

impl Chat {
    /// A chat that begins with a greeting of the card, the others of which are its alternatives, and what was noticed about
    /// the card.
    #[must_use]
    pub fn begin(card: Card, cast: Cast) -> (Self, Vec<Finding>) {
        let (conversation, findings) = Conversation::from_card(&card, &cast);
        let mut file = ChatFile::new(&conversation.user, &conversation.char);
        file.set_header("create_date", time("YYYY-MM-DD@HH[h]mm[m]ss[s]").into());
        let mut chat = Self::of(card, cast, file, conversation);
        let at = chat.cast.greeting;
        if let Some(first) = chat.greetings.first() {
            let mut message = ChatMessage::new(&chat.conversation.char, false, first);
            message.set("send_date", now().into());
            for other in &chat.greetings[1..] {
                message.add_swipe(other);
                message.set("send_date", now().into());
            }
            message.choose(at);
            chat.file.push(message);
        }
        (chat, findings)
    }

    /// A chat that goes on from a file. The user's name and what was set in the chat are the file's.
    #[must_use]
    pub fn resume(card: Card, mut cast: Cast, file: ChatFile) -> (Self, Vec<Finding>) {
        let own = |key: &str| {
            let value = file.metadata(OWN)?.get(key)?.as_str()?;
            Some(value.to_owned())
        };
        cast.user = file.user_name().map(str::to_owned).or(cast.user);
        cast.user_persona = own("user_persona").or(cast.user_persona);
        cast.length = own("length").or(cast.length);
        let (conversation, findings) = Conversation::from_card(&card, &cast);
        (Self::of(card, cast, file, conversation), findings)
    }

    fn of(card: Card, cast: Cast, file: ChatFile, mut conversation: Conversation) -> Self {
        conversation.messages.clear();
        conversation.open = None;
        let greetings = (0..=card.alternate_greetings().len())
            .filter_map(|greeting| {
                let cast = Cast {
                    greeting,
                    ..cast.clone()
                };
                let (begun, _) = Conversation::from_card(&card, &cast);
                begun.messages.into_iter().next()
            })
            .map(|message| message.text)
            .collect();
        Self {
            card,
            cast,
            file,
            conversation,
            greetings,
            lore: Vec::new(),
            rules: Rules::default(),
            name: String::new(),
        }
    }

    /// Adds entries of other lorebooks to those of the card.
    pub fn set_lore(&mut self, lore: Vec<Lore>) {
        self.lore = lore;
    }

    /// Says how entries of lorebooks are looked for.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Says what the card's file is called, without its ending: entries of lorebooks may be for this character only.
    pub fn set_file_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Who the two are and where they meet; without messages.
    #[must_use]
    pub fn cast(&self) -> &Conversation {
        &self.conversation
    }

    /// The chat file as it stands.
    #[must_use]
    pub fn file(&self) -> &ChatFile {
        &self.file
    }

    /// The text of the chat file.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        self.file.to_jsonl()
    }

    /// The greetings that the card offers, macros replaced.
    #[must_use]
    pub fn greetings(&self) -> &[String] {
        &self.greetings
    }

    /// What was said so far, oldest first, without hidden messages.
    #[must_use]
    pub fn turns(&self) -> Vec<Turn<'_>> {
        let messages = self.file.messages().iter();
        messages
            .filter(|message| !message.is_hidden())
            .enumerate()
            .map(|(at, message)| Turn {
                number: at + 1,
                message,
            })
            .collect()
    }

    /// The last turn.
    #[must_use]
    pub fn last(&self) -> Option<Turn<'_>> {
        self.turns().pop()
    }

    /// Where turn `number` (from 1) stands in the file.
    fn place(&self, number: usize) -> Option<usize> {
        let messages = self.file.messages().iter().enumerate();
        let mut visible = messages.filter(|(_, message)| !message.is_hidden());
        Some(visible.nth(number.checked_sub(1)?)?.0)
    }

    fn last_place(&self) -> Option<usize> {
        let messages = self.file.messages();
        messages.iter().rposition(|message| !message.is_hidden())
    }

    /// Whether somebody has said something besides the greeting.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.file.messages().len() > 1 || self.file.messages().iter().any(ChatMessage::is_user)
    }

    /// Adds a message of the user's. Macros in it are replaced, as SillyTavern does.
    pub fn say(&mut self, text: &str) {
        let text = self.expand(text.trim());
        self.push(true, &text);
    }

    fn push(&mut self, is_user: bool, text: &str) {
        let role = if is_user { Role::User } else { Role::Char };
        let mut message = ChatMessage::new(self.conversation.name(role), is_user, text);
        message.set("send_date", now().into());
        self.file.push(message);
    }

    /// `text` with the macros replaced that a person may type.
    fn expand(&self, text: &str) -> String {
        let context = Context {
            char: self.conversation.char.clone(),
            user: self.conversation.user.clone(),
            persona: self.conversation.user_persona.clone(),
            description: self.card.description().into_owned(),
            personality: self.card.personality().into_owned(),
            scenario: self.card.scenario().into_owned(),
            seed: self.cast.seed ^ self.file.messages().len() as u64,
            clock: Clock::now(0),
            ..Context::default()
        };
        expand(text, &context).text
    }

    /// Changes what turn `number` says. `false` when there is no such turn, or the text is empty.
    pub fn edit(&mut self, number: usize, text: &str) -> bool {
        let text = text.trim();
        let Some(at) = self.place(number).filter(|_| !text.is_empty()) else {
            return false;
        };
        self.file.messages_mut()[at].set_text(text);
        true
    }

    /// Takes back the user's last message and everything after it; how many messages that were, 0 when the user has said
    /// nothing.
    pub fn undo(&mut self) -> usize {
        let messages = self.file.messages_mut();
        let Some(at) = messages.iter().rposition(ChatMessage::is_user) else {
            return 0;
        };
        let gone = messages.split_off(at);
        gone.iter().filter(|message| !message.is_hidden()).count()
    }

    /// Lets the last turn say another of its alternatives. `false` when there is no such alternative.
    pub fn swipe_to(&mut self, swipe: usize) -> bool {
        match self.last_place() {
            Some(at) => self.file.messages_mut()[at].choose(swipe),
            None => false,
        }
    }

    /// Whether the last turn is a greeting, which the card wrote and not the model.
    #[must_use]
    pub fn is_at_greeting(&self) -> bool {
        self.last_place() == Some(0) && !self.file.messages()[0].is_user()
    }

    /// Begins with another of the card's greetings. `false` when there is no such greeting or the conversation has gone
    /// on.
    pub fn greet(&mut self, greeting: usize) -> bool {
        if self.has_begun() {
            return false;
        }
        let Some(text) = self.greetings.get(greeting).cloned() else {
            return false;
        };
        self.cast.greeting = greeting;
        match self.file.messages_mut().first_mut() {
            Some(first) => {
                let swipes = first.swipes();
                match swipes.iter().position(|swipe| *swipe == text) {
                    Some(at) => first.choose(at),
                    None if first.text() == text => true,
                    None => {
                        first.add_swipe(&text);
                        true
                    }
                }
            }
            None => {
                self.push(false, &text);
                true
            }
        }
    }

    /// The length of the replies, as a length word of the format; `None` is the format's own.
    #[must_use]
    pub fn length(&self) -> Option<&str> {
        self.conversation.length.as_deref()
    }

    /// Sets the length of the replies.
    pub fn set_length(&mut self, length: Option<&str>) {
        self.conversation.length = length.map(str::to_owned);
        self.cast.length.clone_from(&self.conversation.length);
        self.keep("length", length);
    }

    /// Sets the user's persona; `None` is what the card suggests, or nothing.
    pub fn set_persona(&mut self, persona: Option<&str>) {
        self.cast.user_persona = persona.map(str::to_owned);
        self.keep("user_persona", persona);
        let (conversation, _) = Conversation::from_card(&self.card, &self.cast);
        self.conversation = Conversation {
            messages: Vec::new(),
            open: None,
            ..conversation
        };
    }

    /// Keeps what lorebook entries have to remember of a prompt.
    fn remember(&mut self, timed: &Timed) {
        if *timed != Timed::of_chat(&self.file) {
            timed.keep_in(&mut self.file);
        }
    }

    /// Keeps something in the chat's metadata.
    fn keep(&mut self, key: &str, value: Option<&str>) {
        let mut own = match self.file.metadata(OWN) {
            Some(Value::Object(own)) => own.clone(),
            _ => serde_json::Map::new(),
        };
        match value {
            Some(value) => drop(own.insert(key.to_owned(), json!(value))),
            None => drop(own.shift_remove(key)),
        }
        let own = if own.is_empty() {
            Value::Null
        } else {
            Value::Object(own)
        };
        self.file.set_metadata(OWN, own);
    }
}

/// The time now, UTC, as chat files have it.
fn now() -> String {
    time("YYYY-MM-DDTHH:mm:ss.SSS[Z]")
}

/// The time now, UTC, in moment's format language.
pub(crate) fn time(format: &str) -> String {
    let context = Context {
        clock: Clock::now(0),
        ..Context::default()
    };
    expand(&format!("{{{{datetimeformat::{format}}}}}"), &context).text
}
