//! How well a model foresees a given text, token by token: the measure of what an adapter has learned.

use std::sync::Arc;

use super::Options;
use super::backend::Entry;
use super::llama::{Context, Model, Room};
use crate::sampling::Token;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result};

/// Tokens that are evaluated at once, with the scores of each: 128 rows of 50,000 are 25 MB.
const CHUNK: usize = 128;

/// A model that is asked for likelihoods.
pub struct Scorer {
    context: Context,
    longest: usize,
}

impl Scorer {
    /// Loads the model and the adapters of `options` for texts of up to `longest` tokens.
    ///
    /// # Errors
    ///
    /// As [`Llama::load`](super::Llama::load).
    pub fn load(options: &Options, longest: usize) -> Result<Self> {
        Gguf::open(&options.model)?;
        let model = Model::load(options)?;
        let room = Room {
            cells: longest.max(CHUNK),
            sequences: 1,
            batch: CHUNK,
            outputs: CHUNK,
            threads: options.threads(),
            cache_type: options.cache_type,
            separate: false,
        };
        let mut context = Context::new(Arc::clone(&model), &room)?;
        let scales: Vec<f32> = options.adapters.iter().map(|one| one.scale).collect();
        context.use_adapters(&scales);
        Ok(Self { context, longest })
    }

    /// The scores (logits) of each possible token after each of `tokens`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when there are more tokens than the scorer was loaded for; [`Kind::Engine`] when llama.cpp fails.
    pub fn logits(&mut self, tokens: &[Token], mut each: impl FnMut(usize, &[f32])) -> Result<()> {
        if tokens.len() > self.longest {
            let message = format!("{} tokens, the most is {}", tokens.len(), self.longest);
            return Err(Error::new(Kind::Usage, message));
        }
        self.context.clear();
        for start in (0..tokens.len()).step_by(CHUNK) {
            let end = (start + CHUNK).min(tokens.len());
            let batch: Vec<Entry> = (start..end)
                .map(|position| Entry {
                    token: tokens[position],
                    position,
                    sequence: 0,
                    logits: true,
                })
                .collect();
            self.context
                .decode(&batch, &|| false)
                .map_err(|_| Error::new(Kind::Engine, "llama.cpp could not evaluate the text"))?;
            for position in start..end {
                each(position, self.context.logits(position - start));
            }
        }
        Ok(())
    }

    /// The loss of each token but the first: how much less likely than certain it was, in nats.
    ///
    /// # Errors
    ///
    /// As [`Scorer::logits`].
    pub fn losses(&mut self, tokens: &[Token]) -> Result<Vec<f32>> {
        let mut losses = Vec::with_capacity(tokens.len());
        self.logits(tokens, |position, logits| {
            if let Some(&next) = tokens.get(position + 1) {
                let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
                losses.push((f64::from(most) + sum.ln() - f64::from(logits[next as usize])) as f32);
            }
        })?;
        Ok(losses)
    }
}
