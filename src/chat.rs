//! A conversation with a character, as a state machine without a terminal.
//!
//! A [`Chat`] holds who the two are and what was said; it renders the prompt for the next reply, drops the oldest turns
//! when the context is full, and takes the reply in. Every reply of the character is a list of alternatives ("swipes"),
//! as in SillyTavern, whose chat files ([`Chat::to_jsonl`], [`Chat::read_jsonl`]) it reads and writes.
//!
//! ```
//! use cardwright::chat::Chat;
//! use cardwright::engine::Script;
//! use cardwright::prompt::{Conversation, Format};
//!
//! let engine = Script::new([" \"Do come in,\"", " Lucian said."]);
//! let format = Format::named("limarp-v1")?;
//! let mut chat = Chat::new(Conversation {
//!     char: "Lucian".into(),
//!     user: "Mina".into(),
//!     char_persona: "Lucian is a courteous host.".into(),
//!     user_persona: "Mina is a traveller.".into(),
//!     scenario: "It rains.".into(),
//!     ..Conversation::default()
//! });
//! chat.say("Mina knocked.");
//! let reply = chat.reply(&engine, &format, &Default::default())?.text()?;
//! chat.take_reply(&reply);
//! assert_eq!(chat.last().unwrap().text(), "\"Do come in,\" Lucian said.");
//! # Ok::<(), cardwright::Error>(())
//! ```

use serde_json::{Value, json};

use crate::engine::{Completion, Engine, Request};
use crate::prompt::{Conversation, Format, Message, Role};
use crate::sampling::Settings;
use crate::{Error, Kind, Result};

/// How replies are written.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyOptions {
    /// The most tokens of a reply. Default: 300.
    pub max_tokens: usize,
    /// How tokens are chosen. Default: the LimaRP settings.
    pub settings: Settings,
}

impl Default for ReplyOptions {
    fn default() -> Self {
        Self {
            max_tokens: 300,
            settings: Settings::default(),
        }
    }
}

/// One message of a chat, with its alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Whose message it is.
    pub role: Role,
    /// What it might say; never empty.
    swipes: Vec<String>,
    /// Which of them it says.
    chosen: usize,
    /// What a chat file holds besides, kept for writing it back.
    extra: serde_json::Map<String, Value>,
}

impl Turn {
    fn new(role: Role, text: String) -> Self {
        Self {
            role,
            swipes: vec![text],
            chosen: 0,
            extra: serde_json::Map::new(),
        }
    }

    /// What the message says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.swipes[self.chosen]
    }

    /// The alternatives.
    #[must_use]
    pub fn swipes(&self) -> &[String] {
        &self.swipes
    }
}

/// A conversation with a character.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// Who the two are and where they meet; its messages are in `turns`.
    cast: Conversation,
    turns: Vec<Turn>,
    /// The first line of the chat file this was read from.
    header: serde_json::Map<String, Value>,
    /// Whether the last turn of the character is being written again.
    is_swiping: bool,
}

impl Chat {
    /// A chat that goes on from a conversation, usually with just the greeting in it.
    #[must_use]
    pub fn new(mut conversation: Conversation) -> Self {
        let turns = std::mem::take(&mut conversation.messages)
            .into_iter()
            .map(|message| Turn::new(message.role, message.text))
            .collect();
        conversation.open = None;
        Self {
            cast: conversation,
            turns,
            header: serde_json::Map::new(),
            is_swiping: false,
        }
    }

    /// Who the two are and where they meet; without messages.
    #[must_use]
    pub fn cast(&self) -> &Conversation {
        &self.cast
    }

    /// Sets the length of the replies, as a length word of the format.
    pub fn set_length(&mut self, length: Option<String>) {
        self.cast.length = length;
    }

    /// What was said so far, oldest first.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// The last turn.
    #[must_use]
    pub fn last(&self) -> Option<&Turn> {
        self.turns.last()
    }

    /// Adds a message of the user's.
    pub fn say(&mut self, text: &str) {
        self.is_swiping = false;
        self.turns
            .push(Turn::new(Role::User, text.trim().to_owned()));
    }

    /// The conversation with the character's next turn open.
    #[must_use]
    pub fn conversation(&self) -> Conversation {
        let said = self.turns.len() - usize::from(self.is_swiping);
        Conversation {
            messages: self.turns[..said]
                .iter()
                .map(|turn| Message {
                    role: turn.role,
                    text: turn.text().to_owned(),
                })
                .collect(),
            open: Some(Role::Char),
            ..self.cast.clone()
        }
    }

    /// The prompt for the character's next turn, at most `budget` tokens long. Turns are dropped from the oldest on, a
    /// quarter of the budget at a time, so that the beginning of the prompt stays the same over many turns and need not
    /// be evaluated again.
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] when the system text and the last turn alone are longer than the budget.
    pub fn prompt(&self, engine: &dyn Engine, format: &Format, budget: usize) -> Result<String> {
        let mut conversation = self.conversation();
        let prompt = format.render(&conversation)?;
        let mut tokens = engine.count(&prompt)?;
        if tokens <= budget {
            return Ok(prompt);
        }
        let messages = std::mem::take(&mut conversation.messages);
        let sizes: Vec<usize> = messages
            .iter()
            .map(|message| engine.count(&message.text).map(|count| count + MARK_TOKENS))
            .collect::<Result<_>>()?;
        // A point on a fixed grid of dropped tokens: it moves only when the budget is exceeded again.
        let block = (budget / 4).max(1);
        let mut dropped = 0;
        let mut first = 0;
        let mut target = block;
        loop {
            while first + 1 < messages.len() && dropped < target {
                dropped += sizes[first];
                first += 1;
            }
            conversation.messages = messages[first..].to_vec();
            let prompt = format.render(&conversation)?;
            tokens = engine.count(&prompt)?;
            if tokens <= budget {
                return Ok(prompt);
            }
            if first + 1 >= messages.len() {
                return Err(Error::new(
                    Kind::Prompt,
                    format!(
                        "the system text and the last message take {tokens} tokens, but only {budget} fit before the reply"
                    ),
                )
                .hint("use a larger --ctx or a shorter persona and scenario"));
            }
            target += block;
        }
    }

    /// Asks for the character's next turn. Hand the text to [`Chat::take_reply`] when it is complete.
    ///
    /// # Errors
    ///
    /// When the prompt cannot be made to fit, or the engine fails.
    pub fn reply(
        &self,
        engine: &dyn Engine,
        format: &Format,
        options: &ReplyOptions,
    ) -> Result<Completion> {
        let context = engine.model().context;
        let max_tokens = options.max_tokens.min(context / 2);
        let prompt = self.prompt(engine, format, context.saturating_sub(max_tokens))?;
        let mut settings = options.settings.clone();
        // Another place in the chat and another alternative are another draw of the same seed.
        let swipes = self.turns.last().filter(|_| self.is_swiping);
        let draw = self.turns.len() * 1000 + swipes.map_or(0, |turn| turn.swipes.len());
        settings.seed = settings.seed.map(|seed| seed.wrapping_add(draw as u64));
        engine.start(Request {
            special_tokens: format.has_special_tokens(),
            settings,
            max_tokens,
            stop: format.stop_strings(&self.conversation()),
            ..Request::new(prompt)
        })
    }

    /// Takes in the reply that was asked for: as a new turn, or as another alternative of the last one.
    pub fn take_reply(&mut self, text: &str) {
        let text = text.trim().to_owned();
        if std::mem::take(&mut self.is_swiping) {
            if let Some(turn) = self.turns.last_mut() {
                turn.swipes.push(text);
                turn.chosen = turn.swipes.len() - 1;
            }
        } else {
            self.turns.push(Turn::new(Role::Char, text));
        }
    }

    /// Makes the next reply an alternative of the character's last turn. `false` when the last turn is not the
    /// character's or is the greeting, which the card wrote and not the model.
    pub fn regenerate(&mut self) -> bool {
        let can = self.turns.len() > 1
            && self
                .turns
                .last()
                .is_some_and(|turn| turn.role == Role::Char);
        self.is_swiping = can;
        can
    }

    /// Gives up what [`Chat::regenerate`] began.
    pub fn cancel(&mut self) {
        self.is_swiping = false;
    }

    /// Takes back the user's last message and everything after it. `false` when the user has said nothing.
    pub fn undo(&mut self) -> bool {
        self.is_swiping = false;
        match self.turns.iter().rposition(|turn| turn.role == Role::User) {
            Some(at) => {
                self.turns.truncate(at);
                true
            }
            None => false,
        }
    }

    /// The chat as a SillyTavern chat file: a line of JSON about the chat, then one for each message.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let mut header = self.header.clone();
        header.insert("user_name".into(), json!(self.cast.user));
        header.insert("character_name".into(), json!(self.cast.char));
        header.entry("chat_metadata").or_insert_with(|| json!({}));
        let mut lines = Value::Object(header).to_string();
        lines.push('\n');
        for turn in &self.turns {
            let is_user = turn.role == Role::User;
            let mut line = turn.extra.clone();
            let name = if is_user {
                &self.cast.user
            } else {
                &self.cast.char
            };
            line.insert("name".into(), json!(name));
            line.insert("is_user".into(), json!(is_user));
            line.entry("is_system").or_insert(json!(false));
            line.insert("mes".into(), json!(turn.text()));
            if !is_user {
                line.insert("swipes".into(), json!(turn.swipes));
                line.insert("swipe_id".into(), json!(turn.chosen));
            }
            lines.push_str(&Value::Object(line).to_string());
            lines.push('\n');
        }
        lines
    }

    /// Replaces what was said by the messages of a SillyTavern chat file. Hidden messages (`is_system`) are left out.
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] with the line that is not JSON or not a message; the chat is then unchanged.
    pub fn read_jsonl(&mut self, text: &str) -> Result<()> {
        let mut header = serde_json::Map::new();
        let mut turns = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |what: &str| {
                Error::new(Kind::Prompt, format!("this line is {what}"))
                    .at(format!("line {}", number + 1))
                    .hint("a SillyTavern chat file has one JSON object on each line")
            };
            let value: Value =
                serde_json::from_str(line).map_err(|e| wrong("not JSON").source(e))?;
            let Value::Object(mut object) = value else {
                return Err(wrong("not a JSON object"));
            };
            let Some(message) = object.get("mes").and_then(Value::as_str) else {
                if turns.is_empty() && header.is_empty() {
                    header = object;
                    continue;
                }
                return Err(wrong("not a message (it has no `mes`)"));
            };
            if object.get("is_system").and_then(Value::as_bool) == Some(true) {
                continue;
            }
            let is_user = object.get("is_user").and_then(Value::as_bool) == Some(true);
            let message = message.to_owned();
            let mut swipes: Vec<String> = object
                .remove("swipes")
                .and_then(|swipes| serde_json::from_value(swipes).ok())
                .unwrap_or_default();
            let chosen = object
                .remove("swipe_id")
                .and_then(|id| id.as_u64())
                .and_then(|id| usize::try_from(id).ok())
                .filter(|id| swipes.get(*id) == Some(&message));
            let chosen = chosen.unwrap_or_else(|| {
                // An edited message need not be one of its swipes.
                swipes.push(message);
                swipes.len() - 1
            });
            object.retain(|key, _| !matches!(key.as_str(), "mes" | "name" | "is_user"));
            turns.push(Turn {
                role: if is_user { Role::User } else { Role::Char },
                swipes,
                chosen,
                extra: object,
            });
        }
        self.header = header;
        self.turns = turns;
        self.is_swiping = false;
        Ok(())
    }
}

/// Tokens that the marks of a turn take, about: the tag, the name, the blank line.
const MARK_TOKENS: usize = 16;
