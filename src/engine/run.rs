//! One request on its way: its tokens, its chain of samplers, and what it has said.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::backend::{Grammar, Vocabulary};
use super::forced::Forced;
use super::session::Scales;
use super::tail::{Flow, Tail};
use super::{Chosen, End, Feed, Likelihood, Reason};
use crate::sampling::{Chain, Mark, Token, log_probabilities};
use crate::{Error, Kind, Result};

/// How often a reply is taken back over tokens that were evaluated: each time costs a decode. After that banned strings
/// pass, for a reply that cannot do without them would never end.
const MOST_REWINDS: usize = 256;
/// How often another token is drawn because the one that was drawn completes a banned string by itself: that costs no
/// decode.
const MOST_REDRAWS: usize = 8192;

/// A request that waits for a slot or runs in one.
pub(super) struct Run {
    /// Requests are served in this order; given when it is submitted.
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
    /// What of the reply the grammar forces; none where that is not known, or where every token is to be told or may be
    /// taken back.
    pub(super) forced: Option<Forced>,
    pub(super) tail: Tail,
    /// How strongly each adapter works.
    pub(super) adapters: Scales,
    /// How many alternatives to tell of each token, if tokens are told at all.
    pub(super) logprobs: Option<usize>,
    /// Turns that were left out of the prompt.
    pub(super) dropped_turns: usize,
    pub(super) history: History,
    /// Whether everything waits for the reader once the reply has ended, and its place among those that do.
    pub(super) hold: Option<usize>,
    /// When it got its first slot, and when its first token was chosen.
    pub(super) started: Option<Instant>,
    pub(super) first: Option<Instant>,
}

/// What a reply needs to be taken back, and what of it is not told yet.
#[derive(Default)]
pub(super) struct History {
    /// The state before each token that is held back, oldest first.
    places: VecDeque<Place>,
    /// Tokens that must not come at a place, because a banned string began with them there.
    bans: BTreeMap<usize, Vec<Token>>,
    rewinds: usize,
    redraws: usize,
    /// Tokens whose text is held back.
    untold: VecDeque<Chosen>,
}

/// The state before a token.
struct Place {
    /// Its number in [`Run::tokens`].
    token: usize,
    chain: Mark,
    grammar: Option<Box<dyn Grammar>>,
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
        if self.written() == 0 && self.forced.is_some() {
            let before = self.tokens.len();
            let reason = self.append_forced(vocabulary, context)?;
            if reason.is_some() || self.tokens.len() > before {
                return Ok(reason);
            }
        }
        loop {
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
            match self.write(token, logits, vocabulary)? {
                Flow::Text(text) => self.say(text, false),
                Flow::Stop(text, stop) => {
                    self.say(text, true);
                    return Ok(Some(Reason::Stop(stop)));
                }
                Flow::Banned(from) => {
                    if self.rewind(from)? {
                        continue;
                    }
                    return Ok(None);
                }
            }
            if self.is_full(context) {
                return Ok(Some(Reason::Length));
            }
            return self.append_forced(vocabulary, context);
        }
    }

    fn is_full(&self, context: usize) -> bool {
        self.written() >= self.max_tokens || self.tokens.len() >= context
    }

    /// Appends what the grammar leaves no choice about. It is evaluated in one decode, together with the token before it,
    /// instead of being sampled token by token.
    fn append_forced(
        &mut self,
        vocabulary: &dyn Vocabulary,
        context: usize,
    ) -> Result<Option<Reason>> {
        let text = self.forced.as_ref().map(Forced::text).unwrap_or_default();
        for token in spelled(vocabulary, &text) {
            let allowed = self
                .grammar
                .as_mut()
                .is_some_and(|grammar| grammar.allows(token));
            if !allowed {
                // llama.cpp has the last word on its grammars.
                self.forced = None;
                break;
            }
            // No probability is told of what is not chosen, and nothing is banned.
            match self.write(token, &[], vocabulary)? {
                Flow::Text(text) => self.say(text, false),
                Flow::Stop(text, stop) => {
                    self.say(text, true);
                    return Ok(Some(Reason::Stop(stop)));
                }
                Flow::Banned(_) => {}
            }
            if self.is_full(context) {
                return Ok(Some(Reason::Length));
            }
        }
        Ok(None)
    }

    /// Appends a token.
    fn write(&mut self, token: Token, logits: &[f32], vocabulary: &dyn Vocabulary) -> Result<Flow> {
        let number = self.tokens.len();
        if self.tail.bans() {
            self.history.places.push_back(Place {
                token: number,
                chain: self.chain.mark(),
                grammar: self.grammar.as_ref().map(|grammar| grammar.fork()),
            });
        }
        if let Some(grammar) = &mut self.grammar {
            grammar.accept(token)?;
        }
        self.chain.accept(token);
        self.tokens.push(token);
        let mut bytes = Vec::new();
        vocabulary.piece(token, &mut bytes);
        if let Some(count) = self.logprobs {
            let (logprob, likeliest) = log_probabilities(logits, token, count);
            let likelihood = |token, bytes, logprob| Likelihood {
                token,
                bytes,
                logprob,
            };
            let alternatives = likeliest.into_iter().map(|(token, logprob)| {
                let mut bytes = Vec::new();
                vocabulary.piece(token, &mut bytes);
                likelihood(token, bytes, logprob)
            });
            self.history.untold.push_back(Chosen {
                alternatives: alternatives.collect(),
                choice: likelihood(token, bytes.clone(), logprob),
            });
        }
        if let Some(forced) = &mut self.forced
            && forced.accept(&bytes).is_none()
        {
            self.forced = None;
        }
        let flow = self.tail.push(number, &bytes);
        if !matches!(flow, Flow::Banned(_)) {
            let first = self.tail.first_held().unwrap_or(usize::MAX);
            let shown = self.history.places.iter();
            let shown = shown.take_while(|place| place.token < first).count();
            self.history.places.drain(..shown);
        }
        Ok(flow)
    }

    /// Takes the reply back to before token number `from`, with which a banned string began, and bans that token there.
    /// Whether the next token can be drawn from the same logits.
    fn rewind(&mut self, from: usize) -> Result<bool> {
        let lost = || Error::new(Kind::Engine, "the reply cannot be taken back");
        let history = &mut self.history;
        let at = history.places.iter().position(|place| place.token == from);
        let place = history.places.drain(at.ok_or_else(lost)?..).next();
        let place = place.ok_or_else(lost)?;
        self.chain.rewind(&place.chain);
        self.grammar = place.grammar;
        let untold = history.untold.len();
        history
            .untold
            .truncate(untold.saturating_sub(self.tokens.len() - from));
        let is_last = from + 1 == self.tokens.len();
        // What was banned further on was banned after other words.
        history.bans.split_off(&(from + 1));
        history
            .bans
            .entry(from)
            .or_default()
            .push(self.tokens[from]);
        self.tokens.truncate(from);
        if is_last {
            history.redraws += 1;
        } else {
            history.rewinds += 1;
        }
        if history.rewinds >= MOST_REWINDS || history.redraws >= MOST_REDRAWS {
            self.give_in();
        }
        Ok(is_last)
    }

    /// Lets banned strings pass.
    fn give_in(&mut self) {
        self.tail.stop_banning();
        self.history.places.clear();
        self.history.bans.clear();
    }

    /// The next token; `None` when none may come.
    fn choose(&mut self, logits: &[f32]) -> Option<Token> {
        let place = self.tokens.len();
        let banned = self.history.bans.remove(&place).unwrap_or_default();
        let chosen = self.choose_except(logits, &banned);
        if banned.is_empty() {
            return chosen;
        }
        if chosen.is_none() {
            // There is no other way: a grammar asks for what is banned, or nothing is left.
            self.give_in();
            return self.choose_except(logits, &[]);
        }
        self.history.bans.insert(place, banned);
        chosen
    }

    /// Holding a whole vocabulary against a grammar takes milliseconds and the model mostly follows it unasked, so the
    /// grammar first sees only the token that was drawn.
    fn choose_except(&mut self, logits: &[f32], banned: &[Token]) -> Option<Token> {
        let drawn = self.chain.sample_except(logits, banned);
        let Some(grammar) = &mut self.grammar else {
            return drawn;
        };
        if drawn.is_some_and(|token| grammar.allows(token)) {
            return drawn;
        }
        let mut logits = logits.to_vec();
        grammar.constrain(&mut logits);
        self.chain.sample_except(&logits, banned)
    }

    /// Passes on text, and the tokens that it shows: those of which all is shown, or at the end those of which any is.
    fn say(&mut self, text: String, is_end: bool) {
        if self.logprobs.is_none() {
            if !text.is_empty() {
                self.feed.piece(text);
            }
            return;
        }
        let pending = self.tail.pending();
        let untold = &mut self.history.untold;
        let mut rest: usize = untold.iter().map(|chosen| chosen.choice.bytes.len()).sum();
        let mut told = Vec::new();
        while let Some(first) = untold.front() {
            let length = first.choice.bytes.len();
            let is_shown = if is_end {
                rest > pending
            } else {
                rest - length >= pending
            };
            if !is_shown {
                break;
            }
            rest -= length;
            told.extend(untold.pop_front());
        }
        if !text.is_empty() || !told.is_empty() {
            self.feed.piece_with(text, told);
        }
    }

    /// Ends the reply.
    pub(super) fn end(mut self, reason: Reason) {
        if !matches!(reason, Reason::Stop(_)) {
            let rest = self.tail.finish();
            self.say(rest, false);
        }
        let now = Instant::now();
        let started = self.started.unwrap_or(now);
        let first = self.first.unwrap_or(now);
        let end = End {
            reason,
            prompt_tokens: self.prompt,
            reused_tokens: self.reused,
            reply_tokens: self.written(),
            dropped_turns: self.dropped_turns,
            rewinds: self.history.rewinds + self.history.redraws,
            prompt_time: first.saturating_duration_since(started),
            reply_time: match self.first {
                Some(first) => now.saturating_duration_since(first),
                None => Duration::ZERO,
            },
        };
        self.feed.end(end);
    }
}

/// The tokens of a text in the middle of another. A vocabulary that puts a blank before every text is asked after a line
/// break instead; where that does not help either there are none.
fn spelled(vocabulary: &dyn Vocabulary, text: &str) -> Vec<Token> {
    if text.is_empty() {
        return Vec::new();
    }
    for before in ["", "\n"] {
        let tokens = vocabulary.tokens(&format!("{before}{text}"), false, false);
        let mut bytes = Vec::new();
        let ends: Vec<usize> = (tokens.iter())
            .map(|token| {
                vocabulary.piece(*token, &mut bytes);
                bytes.len()
            })
            .collect();
        let Some(start) = bytes.len().checked_sub(text.len()) else {
            continue;
        };
        if &bytes[start..] != text.as_bytes() {
            continue;
        }
        if start == 0 {
            return tokens;
        }
        if let Some(at) = ends.iter().position(|end| *end == start) {
            return tokens[at + 1..].to_vec();
        }
    }
    Vec::new()
}
