//! Everything that wants into a prompt, before it is known what fits: the card's fields, lorebook entries, example
//! dialogues, the chat, and what is inserted among its messages.
//!
//! The order is SillyTavern's: the system text with what stands around it, examples, the messages with what is inserted so
//! many messages from the end, the instruction after the chat, the open turn. [`Scene::fit`] writes it in a format and
//! leaves out what has no room.

mod build;
mod examples;
mod fit;
mod note;
mod write;

pub use build::Stage;
pub(super) use fit::Kept;
pub use fit::{Budget, Counter, Fit, Part, estimate};
pub use note::{Note, NotePlace};
pub(super) use write::in_two_voices;

use std::borrow::Cow;

use super::lore::Position;
use super::macros::{Context, expand};
use super::{Conversation, Message, Role, Voice};

/// Everything that wants into a prompt.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Who the two are, in the form that a format of ours carries; its messages are in `history`.
    pub(super) cast: Conversation,
    /// The card's fields as they are, macros replaced.
    pub(super) fields: Fields,
    /// The blocks of example dialogue, each the text after a `<START>`.
    pub(super) examples: Vec<String>,
    /// What was said, oldest first.
    pub(super) history: Vec<Said>,
    /// What is inserted among it.
    pub(super) inserts: Vec<Insert>,
    /// What became of entries of lorebooks and of messages that never were candidates.
    pub(super) noticed: Vec<Part>,
    /// What became of the entries of lorebooks.
    pub(super) lore: Vec<LoreEntry>,
    /// What macros can know.
    pub(super) context: Context,
}

/// What became of an entry of a lorebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoreEntry {
    /// Which entry it is among all books: the book's name, a full stop, the entry's number.
    pub id: String,
    /// Its title for people, else its first key.
    pub title: String,
    /// Where it joins.
    pub position: Position,
    /// Whether it joins.
    pub joins: bool,
    /// Why: lower case, no full stop.
    pub reason: String,
    /// Its tokens, where they were counted.
    pub tokens: usize,
    /// What it says in the prompt, macros replaced; `None` when it says nothing there.
    pub text: Option<String>,
}

/// The card's fields, and what stands around them.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    /// The card's own system prompt, macros and all: a preset may have its text put into it.
    pub(super) system: String,
    pub(super) description: String,
    pub(super) personality: String,
    pub(super) scenario: String,
    pub(super) persona: String,
    /// Lorebook entries before and after the description.
    pub(super) before: String,
    pub(super) after: String,
    /// The author's note, where it stands above or below the system text.
    pub(super) anchor_before: String,
    pub(super) anchor_after: String,
    /// The card's own instruction after the chat, macros and all.
    pub(super) post_history: String,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) voice: Voice,
    pub(super) name: String,
    pub(super) text: String,
    /// Which message of the chat it is, from 1.
    pub(super) number: usize,
}

impl Said {
    /// The message in a conversation of two: what nobody says counts as the character's.
    fn message(&self) -> Message {
        Message {
            role: match self.voice {
                Voice::User => Role::User,
                Voice::System | Voice::Char => Role::Char,
            },
            text: self.text.clone(),
        }
    }
}

/// A text that is inserted among the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Insert {
    /// How many messages from the end.
    pub(super) depth: usize,
    pub(super) voice: Voice,
    pub(super) text: String,
    /// What it is, for people.
    pub(super) what: String,
}

/// What stands among the messages in the end.
#[derive(Debug, Clone)]
pub(super) enum Item<'s> {
    Said(&'s Said),
    Insert(Cow<'s, Insert>),
    /// The instruction after the chat.
    After(String),
}

impl Scene {
    /// The scene of a conversation: its system text, its messages and nothing else.
    #[must_use]
    pub fn of(conversation: &Conversation) -> Self {
        let mut cast = conversation.clone();
        let messages = std::mem::take(&mut cast.messages);
        let said = |(at, message): (usize, Message)| Said {
            voice: message.role.into(),
            name: cast.name(message.role).to_owned(),
            text: message.text,
            number: at + 1,
        };
        let fields = Fields {
            system: cast.instruction.clone().unwrap_or_default(),
            description: cast.char_persona.clone(),
            scenario: cast.scenario.clone(),
            persona: cast.user_persona.clone(),
            ..Fields::default()
        };
        Self {
            history: messages.into_iter().enumerate().map(said).collect(),
            context: Context {
                char: cast.char.clone(),
                user: cast.user.clone(),
                description: fields.description.clone(),
                scenario: fields.scenario.clone(),
                persona: fields.persona.clone(),
                ..Context::default()
            },
            cast,
            fields,
            examples: Vec::new(),
            inserts: Vec::new(),
            noticed: Vec::new(),
            lore: Vec::new(),
        }
    }

    /// Who the two are, without messages.
    #[must_use]
    pub fn cast(&self) -> &Conversation {
        &self.cast
    }

    /// What became of the entries of lorebooks: those that join in the order of the prompt, then the others.
    #[must_use]
    pub fn lore(&self) -> &[LoreEntry] {
        &self.lore
    }

    /// The scene before anything is said.
    #[must_use]
    pub fn without_messages(mut self) -> Self {
        self.history.clear();
        self
    }

    /// Whose turn is open at the end.
    pub fn open(&mut self, role: Option<Role>) {
        self.cast.open = role;
    }

    /// `text` with its macros replaced.
    pub(super) fn expand(&self, text: &str) -> String {
        expand(text, &self.context).text
    }

    /// The messages with what is inserted among them, in reading order. `more` are inserts that a format adds.
    pub(super) fn items<'s>(&'s self, more: &'s [Insert], after: String) -> Vec<Item<'s>> {
        // Counted from the end, so the list is turned round while things are put into it.
        let mut items: Vec<Item<'s>> = self.history.iter().rev().map(Item::Said).collect();
        let mut inserts: Vec<&Insert> = self.inserts.iter().chain(more).collect();
        inserts.retain(|insert| !insert.text.trim().is_empty());
        inserts.sort_by_key(|insert| (insert.depth, insert.voice));
        let places = inserts.chunk_by(|a, b| (a.depth, a.voice) == (b.depth, b.voice));
        for (inserted, at_one_place) in places.enumerate() {
            let (depth, voice) = (at_one_place[0].depth, at_one_place[0].voice);
            let insert = match at_one_place {
                [one] => Cow::Borrowed(*one),
                several => {
                    let texts = several.iter().map(|insert| insert.text.trim());
                    let whats = several.iter().map(|insert| insert.what.as_str());
                    Cow::Owned(Insert {
                        depth,
                        voice,
                        text: texts.collect::<Vec<_>>().join("\n"),
                        what: whats.collect::<Vec<_>>().join(", "),
                    })
                }
            };
            let at = (depth + inserted).min(items.len());
            items.insert(at, Item::Insert(insert));
        }
        items.reverse();
        if !after.is_empty() {
            items.push(Item::After(after));
        }
        items
    }
}

impl From<Role> for Voice {
    fn from(role: Role) -> Self {
        match role {
            Role::Char => Self::Char,
            Role::User => Self::User,
        }
    }
}

impl Item<'_> {
    pub(super) fn voice(&self) -> Voice {
        match self {
            Self::Said(said) => said.voice,
            Self::Insert(insert) => insert.voice,
            Self::After(_) => Voice::User,
        }
    }

    /// Who says it; empty for nobody in particular. What is inserted as nobody's words has the character's name, as in
    /// SillyTavern: it is seen only in sequences that have a name in them.
    pub(super) fn name<'t>(&'t self, cast: &'t Conversation) -> &'t str {
        match self {
            Self::Said(said) => &said.name,
            Self::Insert(insert) => match insert.voice {
                Voice::User => &cast.user,
                Voice::System | Voice::Char => &cast.char,
            },
            Self::After(_) => "",
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Said(said) => &said.text,
            Self::Insert(insert) => insert.text.trim(),
            Self::After(text) => text,
        }
    }
}
