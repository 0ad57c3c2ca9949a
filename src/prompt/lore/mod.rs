//! Lorebooks at work: which entries a chat brings in, and where they go.
//!
//! The rules are SillyTavern 1.19's (keys, secondary keys, chance, recursion, groups, sticky entries, budget, filters),
//! with the decorators of the V3 specification on top. Chance comes from a seed, so that the same chat brings in the same entries.
//! Keys may be regular expressions by strangers: each has a limit on its size and on the steps it may take.
//!
//! ```
//! use cardwright::card::Lorebook;
//! use cardwright::prompt::lore::{Lore, Scan, activate};
//!
//! let book = serde_json::json!({"entries": [
//!     {"keys": ["lamp"], "content": "The lamp burns whale oil.", "enabled": true, "insertion_order": 1},
//!     {"keys": ["oil"], "content": "Oil comes by boat.", "enabled": true, "insertion_order": 2},
//!     {"keys": ["storm"], "content": "Storms are kept in jars.", "enabled": true, "insertion_order": 3},
//! ]});
//! let lore = Lore::of_book(&Lorebook::from_value(&book).unwrap(), "lighthouse");
//! let found = activate(&Scan::new(&lore, &["Mara lit the LAMP."]))?;
//! assert_eq!(found.after(), "The lamp burns whale oil.\nOil comes by boat.");
//! assert_eq!(found.fates[1].reason, "key `oil`, in another entry");
//! assert_eq!(found.fates[2].reason, "no key is mentioned");
//! # Ok::<(), cardwright::Error>(())
//! ```

mod decorators;
mod groups;
mod keys;
mod read;
mod rounds;
mod rules;
mod scan;
mod timed;

pub use rules::{First, RULES, Rule, Rules};
pub use scan::{Activation, Fate, Scan, Sources, Trigger, Who, activate};
pub use timed::{Span, Timed};

use super::Voice;

/// An entry, ready to be activated.
#[derive(Debug, Clone, PartialEq)]
pub struct Lore {
    /// Which entry it is among all books: the book's name, a full stop, the entry's number.
    pub id: String,
    /// Its title for people, else its first key.
    pub title: String,
    /// Whether it is in use.
    pub enabled: bool,
    /// One of these brings it in.
    pub keys: Vec<String>,
    /// What else must, or must not, be mentioned.
    pub secondary: Vec<String>,
    /// How the secondary keys count.
    pub logic: Logic,
    /// Whether keys are regular expressions without slashes (V3). A key in slashes is one anyway.
    pub use_regex: bool,
    /// Whether keys match case; `None` leaves it to the [`Rules`].
    pub case_sensitive: Option<bool>,
    /// Whether keys match whole words only; `None` leaves it to the [`Rules`].
    pub whole_words: Option<bool>,
    /// How many of the last messages are searched; `None` leaves it to the [`Rules`].
    pub scan_depth: Option<usize>,
    /// What joins the prompt, without decorators.
    pub content: String,
    /// Whether it always joins.
    pub constant: bool,
    /// Lower comes earlier in the prompt; higher is looked at first.
    pub order: f64,
    /// Lower is dropped first when the budget is short; `None` where the book does not say.
    pub priority: Option<f64>,
    /// Where it joins.
    pub position: Position,
    /// How likely it joins once its keys are mentioned, in percent. Default: 100.
    pub probability: f64,
    /// Whether text of other entries does not bring it in.
    pub exclude_recursion: bool,
    /// Whether its text brings in no others.
    pub prevent_recursion: bool,
    /// From which round of recursion on it may join; 0 is from the start.
    pub delay_until_recursion: u32,
    /// For how many messages it stays once it joined.
    pub sticky: usize,
    /// For how many messages it stays away after that.
    pub cooldown: usize,
    /// How many messages there must be before it may join.
    pub delay: usize,
    /// Of the entries of a group that would join, one does.
    pub groups: Vec<String>,
    /// Whether it wins over the others of its groups.
    pub group_override: bool,
    /// How often it wins. Default: 100.
    pub group_weight: f64,
    /// Whether those of its groups with fewer matching keys lose; `None` leaves it to the [`Rules`].
    pub group_scoring: Option<bool>,
    /// Whether it joins however long the others are.
    pub ignore_budget: bool,
    /// What is searched besides the chat.
    pub also: Also,
    /// The decorators of its content that hold.
    pub decorators: Decorators,
    /// Its book's limit on the tokens of all its entries.
    pub book_budget: Option<usize>,
    /// For which characters it is.
    pub filter: Filter,
    /// For which turns it is; none is for all.
    pub triggers: Vec<Trigger>,
    /// Whether SillyTavern would also look for texts that mean the same, which takes an embedding model. Its keys work
    /// all the same.
    pub vectorized: bool,
    /// Whether it is in the character's own book.
    pub is_of_card: bool,
}

/// Which characters an entry is for. Without names and tags it is for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Characters, by the names of their files without the ending, as SillyTavern has them, or by their own names.
    pub names: Vec<String>,
    /// Tags of characters. SillyTavern writes the numbers that it gave to its tags instead of their names; no card has
    /// such a tag.
    pub tags: Vec<String>,
    /// Whether it is for all others instead.
    pub is_exclude: bool,
}

/// How secondary keys count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logic {
    /// One of them must be mentioned.
    #[default]
    AndAny,
    /// One of them must not be mentioned.
    NotAll,
    /// None of them may be mentioned.
    NotAny,
    /// All of them must be mentioned.
    AndAll,
}

/// Where an entry joins the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Position {
    /// Before the character's description.
    Before,
    /// After the character's description.
    #[default]
    After,
    /// Above the author's note.
    NoteTop,
    /// Below the author's note.
    NoteBottom,
    /// Among the messages, so many from the end.
    Depth(usize, Voice),
    /// Among the messages, so many from the beginning.
    ReverseDepth(usize, Voice),
    /// Before the example dialogues.
    ExamplesTop,
    /// After the example dialogues.
    ExamplesBottom,
    /// Wherever `{{outlet::name}}` stands.
    Outlet(String),
    /// With the personality (V3).
    Personality,
    /// With the scenario (V3).
    Scenario,
}

/// What is searched for keys besides the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Also {
    /// The user's persona.
    pub persona: bool,
    /// The character's description.
    pub description: bool,
    /// The character's personality.
    pub personality: bool,
    /// The prompt that the card has inserted at a depth.
    pub depth_prompt: bool,
    /// The scenario.
    pub scenario: bool,
    /// The creator's notes.
    pub creator_notes: bool,
}

/// The decorators of an entry (V3): lines that begin with `@@` at the top of its content.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decorators {
    /// It joins in any case.
    pub activate: bool,
    /// It joins in no case, unless `activate` says so.
    pub dont_activate: bool,
    /// It joins once the character has said so many messages.
    pub only_after: Option<f64>,
    /// It joins when the number of the character's messages is a multiple of this.
    pub only_every: Option<f64>,
    /// Once it joined it always does.
    pub keep_after_match: bool,
    /// Once it joined it never does again.
    pub not_after_match: bool,
    /// It joins only after this greeting: 0 is the first message.
    pub is_greeting: Option<f64>,
    /// Of each of these lists one must be mentioned.
    pub additional_keys: Vec<Vec<String>>,
    /// None of these may be mentioned.
    pub exclude_keys: Vec<String>,
    /// It is the first to go when the prompt is full.
    pub ignore_on_max_context: bool,
    /// The card's own prompts that it switches off: `system_prompt`, `post_history_instructions`.
    pub disable_prompts: Vec<String>,
}
