//! Token sampling: how the next token is chosen from the scores of the model.
//!
//! Pure numbers: nothing here knows llama.cpp, so every distribution can be checked by hand. [`SAMPLERS`] is the one
//! table of settings: command line flags, HTTP fields and presets come from its rows. A [`Chain`] holds one request's
//! settings, its history and its random numbers.
//!
//! ```
//! use cardwright::sampling::{Chain, Settings};
//!
//! let mut chain = Chain::new(&Settings { seed: Some(7), ..Settings::default() })?;
//! // Two thirds of the curvature lie before the tail, so the tail goes and the best token is certain.
//! assert_eq!(chain.sample(&[9.0, 1.0, 0.5, 0.0]), Some(0));
//! # Ok::<(), cardwright::Error>(())
//! ```

mod chain;
mod distribution;
mod filters;
mod likelihood;
mod mirostat;
mod order;
mod settings;
mod table;
mod tail_free;

pub use chain::{Chain, Mark, drawn_seed};
pub use likelihood::log_probabilities;
pub use order::Step;
pub use settings::Settings;
pub use table::{Names, Range, SAMPLERS, Sampler};

/// The number of a token in the vocabulary.
pub type Token = i32;
