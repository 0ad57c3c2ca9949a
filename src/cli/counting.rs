//! How tokens are counted: by the tokenizer of a model, or guessed by whoever asks where none is at hand.

use crate::Result;
use crate::prompt::{Counter, estimate};
use crate::weights::store;

/// What counts.
pub(super) enum Counting {
    /// The tokenizer of a model, and the model's name for people.
    #[cfg(feature = "llama")]
    Model(Box<crate::engine::Tokenizer>, String),
    /// Nothing.
    Guess,
}

impl Counting {
    /// The tokenizer of `model`; of the default model where none is named, if that is here.
    ///
    /// # Errors
    ///
    /// When a model is named and cannot be used.
    pub(super) fn of(model: Option<&str>) -> Result<Self> {
        match model {
            Some(model) => Self::tokenizer(model),
            None => Ok(Self::tokenizer(store::DEFAULT).unwrap_or(Self::Guess)),
        }
    }

    #[cfg(feature = "llama")]
    fn tokenizer(model: &str) -> Result<Self> {
        let path = store::resolve(model)?;
        let tokenizer = crate::engine::Tokenizer::open(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self::Model(Box::new(tokenizer), name.into_owned()))
    }

    #[cfg(not(feature = "llama"))]
    fn tokenizer(_: &str) -> Result<Self> {
        Err(super::engine::without_llama())
    }

    /// The name of the model that counts; `None` where nothing does.
    pub(super) fn model(&self) -> Option<&str> {
        match self {
            #[cfg(feature = "llama")]
            Self::Model(_, name) => Some(name),
            Self::Guess => None,
        }
    }

    /// The tokens of `text`; `None` where nothing counts.
    #[cfg_attr(not(feature = "llama"), allow(unused_variables))]
    pub(super) fn tokens(&self, text: &str) -> Option<usize> {
        match self {
            #[cfg(feature = "llama")]
            Self::Model(tokenizer, _) => Some(tokenizer.tokens(text).len()),
            Self::Guess => None,
        }
    }

    /// What counts, for people.
    pub(super) fn by(&self) -> String {
        match self.model() {
            Some(name) => format!("the tokenizer of {name}"),
            None => "an estimate, as no model is at hand (`--model` names one)".into(),
        }
    }
}

impl Counter for Counting {
    fn count(&self, text: &str) -> Result<usize> {
        self.tokens(text).map_or_else(|| estimate(text), Ok)
    }
}
