//! The vocabulary of a model file without its weights: enough to count and to cut text, in a fraction of a second.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::backend::Vocabulary as _;
use super::llama::Model;
use crate::Result;
use crate::prompt::Counter;
use crate::sampling::Token;
use crate::weights::gguf::Gguf;

/// How a model reads text.
///
/// ```no_run
/// use cardwright::engine::Tokenizer;
///
/// let tokenizer = Tokenizer::open("model.gguf".as_ref())?;
/// assert_eq!(tokenizer.tokens("Hello.").len(), 2);
/// # Ok::<(), cardwright::Error>(())
/// ```
#[derive(Clone)]
pub struct Tokenizer {
    model: Arc<Model>,
}

impl Tokenizer {
    /// Reads the vocabulary of the GGUF file at `path`; its weights stay on the disk.
    ///
    /// # Errors
    ///
    /// [`Kind::File`](crate::Kind::File) when the file cannot be read, [`Kind::Model`](crate::Kind::Model) when it is no
    /// model or has no vocabulary that llama.cpp knows.
    pub fn open(path: &Path) -> Result<Self> {
        // Our reader refuses what llama.cpp would trust.
        Gguf::open(path)?;
        Ok(Self {
            model: Model::vocabulary(path)?,
        })
    }

    /// The tokens of `text`, without the begin-of-text token; spellings of special tokens stay text.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        self.model.tokens(text, false, false)
    }

    /// The tokens of a whole prompt: [`Tokenizer::tokens`], after the begin-of-text token where the vocabulary asks for
    /// one.
    #[must_use]
    pub fn prompt(&self, text: &str) -> Vec<Token> {
        self.model.tokens(text, true, false)
    }

    /// The tokens of a whole prompt, each with the bytes of `text` that it stands for; none for a special token.
    #[must_use]
    pub fn spans(&self, text: &str) -> Vec<(Token, Range<usize>)> {
        let mut bytes = Vec::new();
        let tokens: Vec<_> = (self.prompt(text).into_iter())
            .map(|token| {
                let start = bytes.len();
                self.piece(token, &mut bytes);
                (token, start..bytes.len())
            })
            .collect();
        // Some vocabularies put a blank before every text.
        let before = bytes.len().saturating_sub(text.len());
        let within = |at: usize| at.saturating_sub(before).min(text.len());
        tokens
            .into_iter()
            .map(|(token, span)| (token, within(span.start)..within(span.end)))
            .collect()
    }

    /// Appends the bytes that `token` stands for, none for a special token.
    pub fn piece(&self, token: Token, bytes: &mut Vec<u8>) {
        self.model.piece(token, bytes);
    }
}

impl Counter for Tokenizer {
    fn count(&self, text: &str) -> Result<usize> {
        Ok(self.tokens(text).len())
    }
}
