//! What macros can know: names, card fields, the chat, variables, the seed and the clock.

use std::collections::BTreeMap;

use crate::prompt::Message;

/// Variables by name, as `{{setvar}}` and `{{getvar}}` see them.
pub type Variables = BTreeMap<String, String>;

/// Markers without braces, and the macro each stands for.
pub(super) const LEGACY: [(&str, &str); 5] = [
    ("<USER>", "user"),
    ("<BOT>", "char"),
    ("<CHAR>", "char"),
    ("<GROUP>", "group"),
    ("<CHARIFNOTGROUP>", "charIfNotGroup"),
];

/// What macros can know. Everything defaults to empty.
///
/// Card fields are given as the card has them: macros inside them are expanded when the field is used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The character's name: `{{char}}`, `<BOT>`, `<CHAR>`.
    pub char: String,
    /// The user's name: `{{user}}`, `<USER>`.
    pub user: String,
    /// The members of a group chat, in order; empty outside of one, where `{{group}}` is the character.
    pub group: Vec<String>,
    /// The members of the group who do not speak: `{{groupNotMuted}}` leaves them out.
    pub muted: Vec<String>,
    /// The user's persona: `{{persona}}`.
    pub persona: String,
    /// The card's description: `{{description}}`, `{{charDescription}}`.
    pub description: String,
    /// The card's personality: `{{personality}}`, `{{charPersonality}}`.
    pub personality: String,
    /// The card's scenario: `{{scenario}}`, `{{charScenario}}`.
    pub scenario: String,
    /// The card's example dialogue: `{{mesExamplesRaw}}`.
    pub examples: String,
    /// The card's system prompt: `{{charPrompt}}`.
    pub system_prompt: String,
    /// The card's post-history instructions: `{{charInstruction}}`.
    pub post_history: String,
    /// The prompt the card wants inserted at a depth: `{{charDepthPrompt}}`.
    pub depth_prompt: String,
    /// The creator's notes: `{{charCreatorNotes}}`, `{{creatorNotes}}`.
    pub creator_notes: String,
    /// The character's version: `{{charVersion}}`.
    pub version: String,
    /// The first message: `{{greeting}}`, `{{charFirstMessage}}`.
    pub greeting: String,
    /// The other greetings: `{{greeting::1}}` is the first of them.
    pub alternate_greetings: Vec<String>,
    /// The model's name: `{{model}}`.
    pub model: String,
    /// The text that a card's prompt overrides: `{{original}}`, once. `None` leaves the macro in the text.
    pub original: Option<String>,
    /// The chat so far, oldest message first: `{{lastMessage}}` and its family.
    pub messages: Vec<Message>,
    /// The text of each lorebook outlet: `{{outlet::name}}`.
    pub outlets: BTreeMap<String, String>,
    /// Further macros by name, in any case, such as `instructInput` or `maxPrompt`. They win over the built-in ones and are
    /// inserted as they are.
    pub values: BTreeMap<String, String>,
    /// The chat's variables.
    pub locals: Variables,
    /// The user's variables, which all chats share.
    pub globals: Variables,
    /// Where `{{random}}` and `{{roll}}` take their chance from.
    pub seed: u64,
    /// The chat's identity, on which `{{pick}}` depends: in SillyTavern the name of the chat file.
    pub chat: String,
    /// What SillyTavern's `/reroll-pick` changes; `None` before the first time.
    pub reroll: Option<String>,
    /// What time it is.
    pub clock: Clock,
}

/// A moment, and the time zone it is told in. The default is the start of 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clock {
    /// Milliseconds since the start of 1970, UTC.
    pub milliseconds: i64,
    /// Minutes to add for the local time, such as 120 for UTC+2.
    pub offset: i32,
}

impl Clock {
    /// The time now, told in a zone that is `offset` minutes ahead of UTC.
    #[must_use]
    pub fn now(offset: i32) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let milliseconds = since.map_or(0, |since| since.as_millis());
        Self {
            milliseconds: i64::try_from(milliseconds).unwrap_or(i64::MAX),
            offset,
        }
    }
}
