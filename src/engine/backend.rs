//! What the scheduler needs from a model, so that its orderings are tested without one.

use crate::sampling::Token;
use crate::{Error, Result};

/// One token of a decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) token: Token,
    /// Where in its sequence the token stands, from 0.
    pub(super) position: usize,
    /// The sequence, below [`Limits::sequences`].
    pub(super) sequence: usize,
    /// Whether the logits after this token are wanted.
    pub(super) logits: bool,
}

/// Why a decode did not happen.
#[derive(Debug)]
pub(super) enum Stall {
    /// The cells are used up; nothing changed.
    Full,
    /// The caller asked to stop; cells of the batch may be filled.
    Aborted,
    /// The model cannot go on.
    Broken(Error),
}

/// How much fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Tokens that one sequence can hold.
    pub(super) context: usize,
    /// Sequences that can be held at the same time.
    pub(super) sequences: usize,
    /// Tokens of prompts in one decode when nothing else is waiting for it.
    pub(super) chunk: usize,
    /// Tokens of prompts in one decode that others, who write, wait for.
    pub(super) shared_chunk: usize,
    /// Whether a part of a sequence can be shared with another.
    pub(super) shares: bool,
    /// Whether only sequences whose numbers follow each other share a pass over the weights, because each has cells of
    /// its own.
    pub(super) separate: bool,
}

/// A model with its KV cache, owned by one thread.
pub(super) trait Backend: Send {
    fn limits(&self) -> Limits;

    /// Evaluates `batch`: at most [`Limits::chunk`] tokens of prompts and one more per sequence. `stop` is asked now and
    /// then whether to give up.
    fn decode(&mut self, batch: &[Entry], stop: &(dyn Fn() -> bool + Sync)) -> Result<(), Stall>;

    /// The logits after entry `index` of the last batch, which asked for them.
    fn logits(&self, index: usize) -> &[f32];

    /// Forgets a sequence from `position` on. False when the model cannot forget a part; the whole always can be.
    fn forget(&mut self, sequence: usize, position: usize) -> bool;

    /// Gives the first `length` positions of sequence `from` to the empty sequence `to`. Asked only where
    /// [`Limits::shares`].
    fn share(&mut self, from: usize, to: usize, length: usize);

    /// Lets each adapter work as strongly as its scale says in the decodes that follow.
    fn use_adapters(&mut self, scales: &[f32]);

    /// What sequence `sequence` holds, if that is no more than `at_most` bytes.
    fn save(&mut self, sequence: usize, at_most: usize) -> Option<Vec<u8>>;

    /// Puts what [`Backend::save`] gave into an empty sequence. False when it does not fit; the sequence is then empty.
    fn load(&mut self, sequence: usize, state: &[u8]) -> bool;
}

/// The tokens of a model, shared by all threads.
pub(super) trait Vocabulary: Send + Sync {
    /// The tokens of `text`. `begin` adds the begin-of-text token where the model wants it; `special` makes the spellings
    /// of special tokens these tokens.
    fn tokens(&self, text: &str, begin: bool, special: bool) -> Vec<Token>;

    /// Appends the bytes of a token.
    fn piece(&self, token: Token, bytes: &mut Vec<u8>);

    /// The tokens that end a text, in rising order.
    fn ends(&self) -> &[Token];

    /// A grammar in GBNF with the root rule `root`.
    fn grammar(&self, source: &str) -> Result<Box<dyn Grammar>>;

    /// The grammar, in GBNF, of what follows a JSON schema.
    fn schema(&self, schema: &str) -> Result<String>;

    /// The tokens whose text has `text` in it.
    fn containing(&self, text: &str) -> Vec<Token>;
}

/// A grammar and how far a reply has come in it.
pub(super) trait Grammar: Send {
    /// Whether `token` may come next.
    fn allows(&mut self, token: Token) -> bool;

    /// Sets the logits of all tokens that may not come next to minus infinity.
    fn constrain(&mut self, logits: &mut [f32]);

    /// Goes on by `token`.
    fn accept(&mut self, token: Token) -> Result<()>;

    /// Another one that has come as far.
    fn fork(&self) -> Box<dyn Grammar>;
}
