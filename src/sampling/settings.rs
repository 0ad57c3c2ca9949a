//! The settings of one request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{SAMPLERS, Step, Token};
use crate::{Error, Kind, Result};

/// How tokens are chosen. The default is what the author of LimaRP recommends: temperature 0.70, tail-free sampling
/// 0.85, repetition penalty 1.10, everything else neutral, end-of-text banned.
///
/// Ranges and neutral values stand in [`SAMPLERS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Divides the logits; 0 always takes the best token. Range 0 to 5, neutral 1. Default: 0.70.
    pub temperature: f32,
    /// Tail-free sampling: keeps tokens until this share of the curvature is covered. Range 0 to 1, neutral 1.
    /// Default: 0.85.
    pub tail_free: f32,
    /// Counts a bend of the curve as its middle token's, as the Hugging Face loaders of text-generation-webui do, which
    /// keeps one token more than llama.cpp. Default: false.
    pub tail_free_centred: bool,
    /// Divides (or, below zero, multiplies) the logits of tokens seen lately. Range 0.5 to 3, neutral 1.
    /// Default: 1.10.
    pub repetition_penalty: f32,
    /// How many of the last tokens count as lately; 0 is none, -1 the whole context. Default: 64.
    pub repetition_range: i32,
    /// The share of the repetition penalty that the older half of the range gets, as in `KoboldCpp`, where 0
    /// and everything above 1 is the whole of it. Range 0 to 10, neutral 1. Default: 1.
    pub repetition_slope: f32,
    /// Words that the three penalties spare, in every place: a name that is said often should not be misspelt for it.
    /// Default: none.
    pub spared_words: Vec<String>,
    /// Subtracted from the logit once per occurrence. Range -2 to 2, neutral 0. Default: 0.
    pub frequency_penalty: f32,
    /// Subtracted from the logit of every token that occurred. Range -2 to 2, neutral 0. Default: 0.
    pub presence_penalty: f32,
    /// Keeps the k best tokens; 0 keeps all. Default: 0.
    pub top_k: u32,
    /// Keeps the best tokens up to this probability. Range 0 to 1, neutral 1. Default: 1.
    pub top_p: f32,
    /// Keeps tokens at least this share as likely as the best. Range 0 to 1, neutral 0. Default: 0.
    pub min_p: f32,
    /// Locally typical sampling. Range 0 to 1, neutral 1. Default: 1.
    pub typical_p: f32,
    /// Keeps tokens of at least this times the square of the best probability. Range 0 to 1, neutral 0. Default: 0.
    pub top_a: f32,
    /// Keeps tokens within so many standard deviations of the best logit; 0 keeps all. Range 0 to 5. Default: 0.
    pub top_n_sigma: f32,
    /// How often the top choices are excluded. Range 0 to 1, neutral 0. Default: 0.
    pub xtc_probability: f32,
    /// From what probability on a token is a top choice. Range 0 to 0.5. Default: 0.1.
    pub xtc_threshold: f32,
    /// How far the temperature goes up and down with the entropy; 0 keeps it fixed. Range 0 to 5. Default: 0.
    pub dynamic_temperature_range: f32,
    /// How steeply it does. Range 0.1 to 10. Default: 1.
    pub dynamic_temperature_exponent: f32,
    /// Bends the distances to the best logit; 0 leaves them. Range 0 to 10. Default: 0.
    pub smoothing_factor: f32,
    /// The share of the third degree in that bend. Range 1 to 3, neutral 1. Default: 1.
    pub smoothing_curve: f32,
    /// Penalises tokens that go on with a repetition; 0 does not. Range 0 to 5. Default: 0.
    pub dry_multiplier: f32,
    /// By what each further token of a repetition multiplies the penalty. Range 1 to 4. Default: 1.75.
    pub dry_base: f32,
    /// The longest repetition that costs only the multiplier. Range 0 to 100. Default: 2.
    pub dry_allowed_length: u32,
    /// How many of the last tokens are searched for repetitions; -1 is the whole context. Default: -1.
    pub dry_range: i32,
    /// Texts over which no repetition reaches. Default: newline, colon, quotation mark, asterisk.
    pub dry_breakers: Vec<String>,
    /// 1 or 2 draws by that version of Mirostat instead of dropping tokens; 0 does not. Default: 0.
    pub mirostat: u32,
    /// The surprise that Mirostat aims for, in bits. Range 0 to 20. Default: 5.
    pub mirostat_tau: f32,
    /// How fast Mirostat follows. Range 0 to 1. Default: 0.1.
    pub mirostat_eta: f32,
    /// Added to the logits of tokens. Default: none.
    pub logit_bias: BTreeMap<Token, f32>,
    /// Tokens that are never chosen. Default: none.
    pub banned_tokens: Vec<Token>,
    /// Texts that never come, in capitals or not: when one is complete the reply is taken back to where it began and
    /// goes on in another way. Default: none.
    pub banned_strings: Vec<String>,
    /// Never choose an end-of-text token. Default: true.
    pub ban_end_of_text: bool,
    /// The seed of the draw; `None` draws one. Default: `None`.
    pub seed: Option<u64>,
    /// The steps in the order they are applied. Default: [`Step::DEFAULT_ORDER`], llama.cpp's of 2023.
    pub order: Vec<Step>,
}

/// What other programs break repetitions at.
const DRY_BREAKERS: &[&str] = &["\n", ":", "\"", "*"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            temperature: 0.70,
            tail_free: 0.85,
            tail_free_centred: false,
            repetition_penalty: 1.10,
            repetition_range: 64,
            repetition_slope: 1.0,
            spared_words: Vec::new(),
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            top_a: 0.0,
            top_n_sigma: 0.0,
            xtc_probability: 0.0,
            xtc_threshold: 0.1,
            dynamic_temperature_range: 0.0,
            dynamic_temperature_exponent: 1.0,
            smoothing_factor: 0.0,
            smoothing_curve: 1.0,
            dry_multiplier: 0.0,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_range: -1,
            dry_breakers: DRY_BREAKERS.iter().map(|&text| text.into()).collect(),
            mirostat: 0,
            mirostat_tau: 5.0,
            mirostat_eta: 0.1,
            logit_bias: BTreeMap::new(),
            banned_tokens: Vec::new(),
            banned_strings: Vec::new(),
            ban_end_of_text: true,
            seed: None,
            order: Step::DEFAULT_ORDER.to_vec(),
        }
    }
}

impl Settings {
    /// Settings that change nothing: temperature 1, every filter neutral, end-of-text allowed.
    #[must_use]
    pub fn neutral() -> Self {
        let mut settings = Self::default();
        for row in SAMPLERS {
            row.put(&mut settings, row.neutral);
        }
        settings
    }

    /// Sets one setting by any of its names.
    ///
    /// ```
    /// use cardwright::sampling::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.set("tfs_z", 0.95)?; // llama.cpp's name
    /// assert_eq!(settings.tail_free, 0.95);
    /// assert!(settings.set("tfs", 1.5).is_err());
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Setting`] when no row has that name or the value is out of range.
    pub fn set(&mut self, name: &str, value: f64) -> Result<()> {
        let row = SAMPLERS
            .iter()
            .find(|row| row.answers_to(name))
            .ok_or_else(|| Error::new(Kind::Setting, format!("there is no setting `{name}`")))?;
        row.set(self, value)
    }

    /// Checks every setting against its row.
    ///
    /// # Errors
    ///
    /// [`Kind::Setting`] for the first that is out of range.
    pub fn check(&self) -> Result<()> {
        SAMPLERS.iter().try_for_each(|row| row.check(row.get(self)))
    }
}
