//! Grammars as llama.cpp reads them, in GBNF, and how far a reply has come in one.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::backend::Grammar;
use super::llama::complaints;
use super::schema;
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// A grammar of llama.cpp.
pub(super) struct Gbnf {
    sampler: LlamaSampler,
    /// Kept between tokens, for it is as long as the vocabulary.
    candidates: LlamaTokenDataArray,
}

impl Gbnf {
    /// The grammar `source` for the vocabulary of `model`.
    pub(super) fn new(model: &LlamaModel, source: &str) -> Result<Self> {
        schema::check_grammar(source)?;
        complaints();
        let sampler = LlamaSampler::grammar(model, source, "root").map_err(|error| {
            let reason = match error {
                llama_cpp_2::GrammarError::NullGrammar => complaints(),
                error => error.to_string(),
            };
            Error::new(Kind::Usage, format!("the grammar cannot be used: {reason}"))
                .hint("it must be GBNF with a rule named `root`")
        })?;
        Ok(Self {
            sampler,
            candidates: LlamaTokenDataArray::new(Vec::new(), false),
        })
    }

    fn apply(&mut self, candidates: impl Iterator<Item = (Token, f32)>) {
        let data = &mut self.candidates.data;
        data.clear();
        data.extend(
            candidates.map(|(token, logit)| LlamaTokenData::new(LlamaToken(token), logit, 0.0)),
        );
        self.candidates.sorted = false;
        self.candidates.selected = None;
        self.sampler.apply(&mut self.candidates);
    }
}

impl Grammar for Gbnf {
    fn allows(&mut self, token: Token) -> bool {
        self.apply(std::iter::once((token, 0.0)));
        self.candidates
            .data
            .first()
            .is_some_and(|candidate| candidate.logit() > f32::NEG_INFINITY)
    }

    fn constrain(&mut self, logits: &mut [f32]) {
        let tokens = logits.iter().enumerate();
        self.apply(
            tokens
                .filter(|(_, logit)| **logit > f32::NEG_INFINITY)
                .map(|(token, &logit)| (token as Token, logit)),
        );
        logits.fill(f32::NEG_INFINITY);
        for candidate in &self.candidates.data {
            logits[candidate.id().0 as usize] = candidate.logit();
        }
    }

    fn accept(&mut self, token: Token) -> Result<()> {
        self.sampler.try_accept(LlamaToken(token)).map_err(|_| {
            Error::new(
                Kind::Engine,
                format!("the grammar has no place for token {token}"),
            )
        })
    }

    fn fork(&self) -> Box<dyn Grammar> {
        Box::new(Self {
            sampler: self.sampler.clone(),
            candidates: LlamaTokenDataArray::new(Vec::new(), false),
        })
    }
}
