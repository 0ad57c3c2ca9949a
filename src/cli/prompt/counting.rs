//! How tokens are counted: by the tokenizer of a model, or estimated where none is at hand.

use crate::Result;
use crate::prompt::{Counter, estimate};
use crate::weights::store;

/// What counts, and its name for people.
pub(super) struct Counting {
    pub(super) by: String,
    pub(super) is_estimate: bool,
    counter: Box<dyn Counter>,
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
            None => Ok(Self::tokenizer(store::DEFAULT).unwrap_or_else(|_| Self {
                by: "an estimate, as no model is at hand (`--model` names one)".into(),
                is_estimate: true,
                counter: Box::new(estimate),
            })),
        }
    }

    #[cfg(feature = "llama")]
    fn tokenizer(model: &str) -> Result<Self> {
        let path = store::resolve(model)?;
        let tokenizer = crate::engine::Tokenizer::open(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self {
            by: format!("the tokenizer of {name}"),
            is_estimate: false,
            counter: Box::new(tokenizer),
        })
    }

    #[cfg(not(feature = "llama"))]
    fn tokenizer(_: &str) -> Result<Self> {
        Err(crate::cli::engine::without_llama())
    }
}

impl Counter for Counting {
    fn count(&self, text: &str) -> Result<usize> {
        self.counter.count(text)
    }
}
