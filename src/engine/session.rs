//! Conversations that were evaluated and wait to go on: in memory once they have lost their slot, and in files.
//!
//! Evaluating a prompt is most of the work of a long conversation, so its keys and values are kept as long as there is
//! room, and a file of them lets a conversation go on after a restart. They mean something only to the model, adapters
//! and number format they were computed with, so a file says which these were; one that says something else, or whose
//! checksum is wrong, is not taken in.

#[cfg(any(feature = "llama", test))]
use std::sync::Arc;

#[cfg(any(feature = "llama", test))]
use crate::sampling::Token;

/// What was written to a file or taken in from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// Tokens of the conversation.
    pub tokens: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotState {
    /// Tokens that are evaluated.
    pub tokens: usize,
    /// Whether a request is running in it.
    pub is_busy: bool,
}

/// How strongly each adapter works.
#[cfg(any(feature = "llama", test))]
pub(super) type Scales = Arc<[f32]>;

/// A conversation outside of the slots.
#[cfg(any(feature = "llama", test))]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    pub(super) tokens: Vec<Token>,
    pub(super) adapters: Scales,
    /// What the backend made of it.
    pub(super) state: Vec<u8>,
}

/// How many tokens two conversations begin with both.
#[cfg(any(feature = "llama", test))]
pub(super) fn agreement(a: &[Token], b: &[Token]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(any(feature = "llama", test))]
mod shelf;
#[cfg(any(feature = "llama", test))]
pub(super) use shelf::Shelf;

#[cfg(any(feature = "llama", test))]
mod record;
#[cfg(any(feature = "llama", test))]
pub(super) use record::Identity;
