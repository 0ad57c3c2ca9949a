//! Conversations, and the prompt formats that carry them as text.
//!
//! A format is a file in `templates/`: front matter that says how turns are marked, and a template that says how the
//! system text is laid out. Rendering and parsing share the front matter, so that what was rendered parses back.

mod cast;
pub mod chat_file;
pub mod chat_template;
mod check;
mod dataset;
mod detect;
mod document;
mod fix;
mod format;
mod front;
mod imported;
mod instruction;
mod layout;
pub mod lore;
mod model_format;
pub(crate) mod names;
mod outline;
mod parse;
mod pattern;
mod preset;
mod prose;
mod render;
mod report;
mod rules;
mod scan;
mod scene;
mod tavern;

pub use cast::Cast;
pub use dataset::{Dataset, Sample, Samples, Target};
pub use detect::Candidate;
pub use fix::Fixed;
pub use format::{Field, Format};
pub use outline::{Stretch, StretchKind};
pub use parse::Parsed;
pub use preset::Presets;
pub use prose::{Notation, Prose, prose};
pub use report::Edit;
pub use rules::{RULES, Rule, rule};
pub use scene::{Budget, Counter, Fit, LoreEntry, Note, NotePlace, Part, Scene, Stage, estimate};

pub mod macros;

/// Who a turn belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The character, written by the model.
    Char,
    /// The person who plays along.
    User,
}

/// As whom a text is inserted among the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Voice {
    /// Nobody's words: an instruction, a note.
    #[default]
    System,
    /// The user's.
    User,
    /// The character's.
    Char,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose message it is.
    pub role: Role,
    /// What it says; blank lines are allowed.
    pub text: String,
}

/// Everything a prompt says: who the two are, where they meet, how long replies are, what was said so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversation {
    /// The character's name.
    pub char: String,
    /// The user's name.
    pub user: String,
    /// What the character is like: one paragraph, simple present.
    pub char_persona: String,
    /// What the user's role is like: one paragraph, simple present.
    pub user_persona: String,
    /// Where they meet and what goes on: one paragraph, simple present.
    pub scenario: String,
    /// The instruction that ends the system text; `None` takes the format's own.
    pub instruction: Option<String>,
    /// The length of the replies, as one of the format's length words; `None` leaves it to the format's default.
    pub length: Option<String>,
    /// What was said so far, oldest first.
    pub messages: Vec<Message>,
    /// Whose turn is open at the end, for the model to write; `None` for a finished transcript.
    pub open: Option<Role>,
}

/// Adds what one side says to what was said; messages of one side in a row become one.
fn say(messages: &mut Vec<Message>, role: Role, text: String) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.text.push_str("\n\n");
            last.text.push_str(&text);
        }
        _ => messages.push(Message { role, text }),
    }
}
