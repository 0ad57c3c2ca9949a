//! SillyTavern's way of writing a prompt: the presets called context, instruct and sysprompt, and what they make.
//!
//! A pair of presets is a prompt format like any other once it is imported, and writes the bytes that SillyTavern 1.19
//! writes: the story string goes through Handlebars and the macro engine, turns get their sequences, names and suffixes,
//! examples their separator. What is read here comes from SillyTavern's own functions; `tests/interop` compares the two over
//! every preset that it ships.

mod import;
mod story;
mod turns;

use serde_json::{Map, Value};

pub(super) use story::Values;
pub(super) use turns::{Place, individual};

/// When SillyTavern writes a speaker's name before a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Names {
    Never,
    /// In group chats, and in the user's example messages.
    #[default]
    Force,
    Always,
}

/// How turns are marked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Instruct {
    pub(super) wrap: bool,
    pub(super) macros: bool,
    pub(super) names: Names,
    pub(super) skip_examples: bool,
    pub(super) system_same_as_user: bool,
    pub(super) sequences_as_stop_strings: bool,
    pub(super) input_sequence: String,
    pub(super) input_suffix: String,
    pub(super) first_input_sequence: String,
    pub(super) last_input_sequence: String,
    pub(super) output_sequence: String,
    pub(super) output_suffix: String,
    pub(super) first_output_sequence: String,
    pub(super) last_output_sequence: String,
    pub(super) system_sequence: String,
    pub(super) system_suffix: String,
    pub(super) last_system_sequence: String,
    pub(super) stop_sequence: String,
    pub(super) story_string_prefix: String,
    pub(super) story_string_suffix: String,
    pub(super) user_alignment_message: String,
    /// Around the system prompt alone; SillyTavern up to 1.12.
    pub(super) system_sequence_prefix: String,
    pub(super) system_sequence_suffix: String,
}

/// How the card's fields are laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Context {
    pub(super) story_string: String,
    pub(super) example_separator: String,
    pub(super) chat_start: String,
    pub(super) use_stop_strings: bool,
    pub(super) names_as_stop_strings: bool,
    pub(super) single_line: bool,
    /// Whether the story string stands among the messages, and there at which depth and as whom.
    pub(super) in_chat: Option<(usize, super::Voice)>,
}

/// A set of presets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tavern {
    pub(super) instruct: Instruct,
    pub(super) context: Context,
    /// The instruction, and the one that comes after the chat.
    pub(super) content: String,
    pub(super) post_history: String,
    /// The presets as they were read, for writing them again.
    pub(super) raw: Raw,
}

/// The fields of the presets.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Raw {
    pub(super) instruct: Map<String, Value>,
    pub(super) context: Map<String, Value>,
    pub(super) sysprompt: Map<String, Value>,
    pub(super) sampler: Map<String, Value>,
}

/// Replaces macros.
pub(super) type Expand<'a> = &'a dyn Fn(&str) -> String;

/// The two names, and how macros are replaced.
#[derive(Clone, Copy)]
pub(super) struct Cast<'a> {
    pub(super) user: &'a str,
    pub(super) char: &'a str,
    pub(super) expand: Expand<'a>,
}
