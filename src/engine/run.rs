//! One request on its way: its tokens, its chain of samplers, and what it has said.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::backend::{Grammar, Vocabulary};
use super::tail::{Flow, Tail};
use super::{End, Feed, Reason};
use crate::sampling::{Chain, Token};
use crate::{Error, Kind, Result};

/// A request that waits for a slot or runs in one.
pub(super) struct Run {
    /// Requests are served in this order.
    pub(super) number: u64,
    /// The prompt, and what was written so far.
    pub(super) tokens: Vec<Token>,
    /// How many of `tokens` are the prompt.
    pub(super) prompt: usize,
    /// Tokens of the prompt that did not have to be evaluated.
    pub(super) reused: usize,
    pub(super) feed: Feed,
    /// The most tokens to write.
    pub(super) max_tokens: usize,
    pub(super) chain: Chain,
    pub(super) grammar: Option<Box<dyn Grammar>>,
    pub(super) tail: Tail,
    /// When it got its first slot, and when its first token was chosen.
    pub(super) started: Option<Instant>,
    pub(super) first: Option<Instant>,
}

impl Run {
    pub(super) fn written(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    /// Chooses the next token and passes on its text. Says why the reply is over, if it is.
    ///
    /// A panic in here, say in a grammar, is this request's alone.
    pub(super) fn advance(
        &mut self,
        logits: &[f32],
        vocabulary: &dyn Vocabulary,
        context: usize,
    ) -> Result<Option<Reason>> {
        catch_unwind(AssertUnwindSafe(|| self.step(logits, vocabulary, context)))
            .unwrap_or_else(|_| Err(Error::new(Kind::Engine, "choosing a token panicked")))
    }

    fn step(
        &mut self,
        logits: &[f32],
        vocabulary: &dyn Vocabulary,
        context: usize,
    ) -> Result<Option<Reason>> {
        self.first.get_or_insert_with(Instant::now);
        if self.max_tokens == 0 {
            return Ok(Some(Reason::Length));
        }
        let Some(token) = self.choose(logits) else {
            return if self.grammar.is_some() {
                Ok(Some(Reason::Grammar))
            } else {
                Err(Error::new(
                    Kind::Engine,
                    "every token of the vocabulary is banned",
                ))
            };
        };
        if vocabulary.ends().binary_search(&token).is_ok() {
            return Ok(Some(Reason::EndOfText));
        }
        if let Some(grammar) = &mut self.grammar {
            grammar.accept(token)?;
        }
        self.chain.accept(token);
        self.tokens.push(token);
        let mut bytes = Vec::new();
        vocabulary.piece(token, &mut bytes);
        match self.tail.push(&bytes) {
            Flow::Text(text) => self.say(text),
            Flow::Stop(text, stop) => {
                self.say(text);
                return Ok(Some(Reason::Stop(stop)));
            }
        }
        let full = self.written() == self.max_tokens || self.tokens.len() >= context;
        Ok(full.then_some(Reason::Length))
    }

    /// The next token; `None` when none may come.
    ///
    /// Holding a whole vocabulary against a grammar takes milliseconds and the model mostly follows it unasked, so the
    /// grammar first sees only the token that was drawn.
    fn choose(&mut self, logits: &[f32]) -> Option<Token> {
        let drawn = self.chain.sample(logits);
        let Some(grammar) = &mut self.grammar else {
            return drawn;
        };
        if drawn.is_some_and(|token| grammar.allows(token)) {
            return drawn;
        }
        let mut logits = logits.to_vec();
        grammar.constrain(&mut logits);
        self.chain.sample(&logits)
    }

    fn say(&self, text: String) {
        if !text.is_empty() {
            self.feed.piece(text);
        }
    }

    /// Ends the reply.
    pub(super) fn end(mut self, reason: Reason) {
        if !matches!(reason, Reason::Stop(_)) {
            let rest = self.tail.finish();
            self.say(rest);
        }
        let now = Instant::now();
        let started = self.started.unwrap_or(now);
        let first = self.first.unwrap_or(now);
        let end = End {
            reason,
            prompt_tokens: self.prompt,
            reused_tokens: self.reused,
            reply_tokens: self.written(),
            prompt_time: first.saturating_duration_since(started),
            reply_time: match self.first {
                Some(first) => now.saturating_duration_since(first),
                None => Duration::ZERO,
            },
        };
        self.feed.end(end);
    }
}
