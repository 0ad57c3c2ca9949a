//! Orderings, without a model: a scripted one whose next token depends on everything in its sequence, so that a wrong cell
//! anywhere gives a wrong text.

mod adapters;
mod bans;
mod memory;
mod orders;
mod random;
mod slots;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use proptest::prelude::*;

use super::super::backend::{Backend, Entry, Grammar, Limits, Stall, Vocabulary};
use super::super::forced::Forced;
use super::super::run::{History, Run};
use super::super::session::{Identity, Shelf};
use super::super::slots::{Setup, Slots};
use super::super::tail::Tail;
use super::super::{Completion, End, Engine as _, ModelInfo, Reason, Request};
use super::{Scheduler, Task};
use crate::sampling::{Chain, Settings, Token};
use crate::{Error, Kind, Result};

/// One token per byte; 0 ends a text.
const VOCABULARY: usize = 128;

/// The letter after `tokens`.
fn next(tokens: &[Token]) -> Token {
    let hash = tokens.iter().fold(7_u32, |hash, &token| {
        (hash.rotate_left(5) ^ token as u32).wrapping_mul(0x9E37_79B1)
    });
    Token::from(b'a') + (hash % 26) as Token
}

/// The text that the scripted model goes on with.
fn continuation(prompt: &str, length: usize) -> String {
    let mut tokens: Vec<Token> = prompt.bytes().map(Token::from).collect();
    (0..length)
        .map(|_| {
            let token = next(&tokens);
            tokens.push(token);
            token as u8 as char
        })
        .collect()
}

struct Bytes;

impl Vocabulary for Bytes {
    fn tokens(&self, text: &str, _: bool, _: bool) -> Vec<Token> {
        text.bytes().map(Token::from).collect()
    }

    fn piece(&self, token: Token, bytes: &mut Vec<u8>) {
        bytes.push(token as u8);
    }

    fn ends(&self) -> &[Token] {
        &[0]
    }

    fn grammar(&self, source: &str) -> Result<Box<dyn Grammar>> {
        let text = source.strip_prefix("root ::= \"").unwrap_or(source);
        let text = text.trim_end_matches('"');
        Ok(Box::new(Spelling(text.bytes().map(Token::from).collect())))
    }

    fn schema(&self, schema: &str) -> Result<String> {
        Ok(schema.to_owned())
    }

    fn containing(&self, text: &str) -> Vec<Token> {
        match text.as_bytes() {
            &[byte] => vec![byte.into()],
            _ => Vec::new(),
        }
    }
}

/// A grammar of one text; a `!` in it panics.
#[derive(Clone)]
struct Spelling(Vec<Token>);

impl Grammar for Spelling {
    fn allows(&mut self, token: Token) -> bool {
        assert!(self.0.first() != Some(&Token::from(b'!')), "asked to panic");
        self.0.first() == Some(&token)
    }

    fn constrain(&mut self, logits: &mut [f32]) {
        for (token, logit) in logits.iter_mut().enumerate() {
            if self.0.first() != Some(&(token as Token)) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }

    fn accept(&mut self, token: Token) -> Result<()> {
        assert_eq!(self.0.remove(0), token);
        Ok(())
    }

    fn fork(&self) -> Box<dyn Grammar> {
        Box::new(self.clone())
    }
}

/// A model that notes what it is asked.
struct Scripted {
    limits: Limits,
    cells: usize,
    /// The cells of each sequence: which token, and which cell, for cells can be shared.
    sequences: Vec<Vec<(Token, u64)>>,
    made: u64,
    logits: Vec<Vec<f32>>,
    batches: Vec<Vec<Entry>>,
    /// The adapters that are set, and those of each decode.
    adapters: Vec<f32>,
    adapters_of: Vec<Vec<f32>>,
    /// Whether a part of a sequence can be forgotten.
    partial: bool,
    /// Whether what was saved can be loaded.
    loads: bool,
    fails: bool,
}

impl Scripted {
    fn new(sequences: usize, cells: usize) -> Self {
        Self {
            limits: Limits {
                context: 4000,
                sequences,
                chunk: 64,
                shared_chunk: 16,
                shares: true,
                separate: false,
            },
            cells,
            sequences: vec![Vec::new(); sequences],
            made: 0,
            logits: Vec::new(),
            batches: Vec::new(),
            adapters: Vec::new(),
            adapters_of: Vec::new(),
            partial: true,
            loads: true,
            fails: false,
        }
    }
}

impl Backend for Scripted {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn decode(&mut self, batch: &[Entry], stop: &(dyn Fn() -> bool + Sync)) -> Result<(), Stall> {
        let writing = batch
            .iter()
            .map(|e| e.sequence)
            .collect::<HashSet<_>>()
            .len();
        assert!(
            batch.len() <= self.limits.chunk + writing,
            "the batch is too long"
        );
        if self.fails {
            self.fails = false;
            return Err(Stall::Broken(Error::new(Kind::Engine, "asked to fail")));
        }
        let used: HashSet<u64> = self.sequences.iter().flatten().map(|cell| cell.1).collect();
        if used.len() + batch.len() > self.cells {
            return Err(Stall::Full);
        }
        self.batches.push(batch.to_vec());
        self.adapters_of.push(self.adapters.clone());
        self.logits.clear();
        let stopped = stop();
        for entry in batch {
            let sequence = &mut self.sequences[entry.sequence];
            assert_eq!(entry.position, sequence.len(), "positions have no gaps");
            self.made += 1;
            sequence.push((entry.token, self.made));
            let tokens: Vec<Token> = sequence.iter().map(|cell| cell.0).collect();
            let mut logits = vec![0.0; VOCABULARY];
            logits[next(&tokens) as usize] = 9.0;
            self.logits
                .push(if entry.logits { logits } else { Vec::new() });
        }
        if stopped { Err(Stall::Aborted) } else { Ok(()) }
    }

    fn logits(&self, index: usize) -> &[f32] {
        &self.logits[index]
    }

    fn forget(&mut self, sequence: usize, position: usize) -> bool {
        let whole = position == 0 || position >= self.sequences[sequence].len();
        if self.partial || whole {
            self.sequences[sequence].truncate(position);
        }
        self.partial || whole
    }

    fn share(&mut self, from: usize, to: usize, length: usize) {
        assert!(self.sequences[to].is_empty(), "the target is empty");
        self.sequences[to] = self.sequences[from][..length].to_vec();
    }

    fn use_adapters(&mut self, scales: &[f32]) {
        self.adapters = scales.to_vec();
    }

    fn save(&mut self, sequence: usize, at_most: usize) -> Option<Vec<u8>> {
        let tokens = self.sequences[sequence].iter();
        let state: Vec<u8> = tokens.flat_map(|cell| cell.0.to_le_bytes()).collect();
        (!state.is_empty() && state.len() <= at_most).then_some(state)
    }

    fn load(&mut self, sequence: usize, state: &[u8]) -> bool {
        assert!(self.sequences[sequence].is_empty(), "the target is empty");
        let used: HashSet<u64> = self.sequences.iter().flatten().map(|cell| cell.1).collect();
        let tokens = state.chunks_exact(4);
        if !self.loads || used.len() + tokens.len() > self.cells {
            return false;
        }
        for token in tokens {
            self.made += 1;
            let token = Token::from_le_bytes(token.try_into().unwrap());
            self.sequences[sequence].push((token, self.made));
        }
        true
    }
}

/// A scheduler of a scripted model, driven by hand.
struct Stage {
    scheduler: Scheduler<Scripted>,
    queued: Arc<AtomicUsize>,
    number: u64,
}

impl Stage {
    fn new(backend: Scripted) -> Self {
        Self::with_shelf(backend, 0)
    }

    /// With `shelf` bytes for conversations without a slot.
    fn with_shelf(backend: Scripted, shelf: usize) -> Self {
        let queued = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        Self {
            scheduler: Scheduler::new(
                backend,
                Arc::new(Bytes),
                Shelf::new(shelf),
                Arc::clone(&queued),
                stopping,
            ),
            queued,
            number: 0,
        }
    }

    /// With these adapters.
    fn adapted(&mut self, prompt: &str, max_tokens: usize, adapters: &[f32]) -> Completion {
        self.request(Request {
            max_tokens,
            adapters: Some(adapters.to_vec()),
            ..Request::new(prompt)
        })
    }

    /// With these banned strings.
    fn banning(&mut self, prompt: &str, max_tokens: usize, bans: &[&str]) -> Completion {
        let mut request = Request {
            max_tokens,
            ..Request::new(prompt)
        };
        request.settings.banned_strings = bans.iter().map(|&ban| ban.to_owned()).collect();
        self.request(request)
    }

    fn submit(&mut self, prompt: &str, max_tokens: usize) -> Completion {
        self.request(Request {
            max_tokens,
            ..Request::new(prompt)
        })
    }

    fn request(&mut self, request: Request) -> Completion {
        let settings = Settings {
            temperature: 0.0,
            banned_tokens: request.settings.banned_tokens.clone(),
            ..Settings::neutral()
        };
        let (feed, completion) = Completion::new();
        let tokens: Vec<Token> = request.prompt.bytes().map(Token::from).collect();
        self.number += 1;
        self.queued
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let forced = request.grammar.as_deref().and_then(Forced::new);
        self.scheduler.submit(Run {
            forced,
            number: self.number,
            prompt: tokens.len(),
            tokens,
            reused: 0,
            feed,
            max_tokens: request.max_tokens,
            chain: Chain::new(&settings).unwrap(),
            grammar: request
                .grammar
                .map(|source| Bytes.grammar(&source).unwrap()),
            tail: Tail::new(request.stop, request.settings.banned_strings),
            adapters: request.adapters.unwrap_or_default().into(),
            logprobs: request.logprobs,
            dropped_turns: 0,
            history: History::default(),
            hold: request.hold,
            started: None,
            first: None,
        });
        completion
    }

    fn step(&mut self) {
        self.scheduler.step();
    }

    fn finish(&mut self) {
        for _ in 0..10_000 {
            if !self.scheduler.is_busy() {
                assert_eq!(self.queued.load(std::sync::atomic::Ordering::Relaxed), 0);
                return;
            }
            self.step();
        }
        panic!("the scheduler does not come to an end");
    }

    /// Whether a request waits or runs.
    fn is_here(&self, number: u64) -> bool {
        let running = self
            .scheduler
            .slots
            .iter()
            .filter_map(|slot| slot.run.as_ref());
        running
            .chain(&self.scheduler.waiting)
            .any(|run| run.number == number)
    }

    /// Which slots a client is told to be busy.
    fn busy(&mut self) -> Vec<bool> {
        let (answer, told) = std::sync::mpsc::channel();
        self.scheduler.perform(Task::Look(answer));
        let slots = told.recv().unwrap();
        slots.iter().map(|slot| slot.is_busy).collect()
    }

    fn evaluated(&self) -> usize {
        self.scheduler.backend.batches.iter().map(Vec::len).sum()
    }

    fn last_batch(&self) -> &[Entry] {
        self.scheduler.backend.batches.last().unwrap()
    }
}

#[track_caller]
fn said(completion: Completion) -> (String, End) {
    completion.finish().unwrap()
}

/// What the scripted model says when it may not say `bans`: where one is complete its first letter is banned there, and
/// the next best letter is the first of the alphabet.
fn continuation_without(prompt: &str, length: usize, bans: &[&str]) -> String {
    let mut text = String::new();
    let mut banned: Vec<Vec<char>> = vec![Vec::new()];
    while text.len() < length {
        let tokens: Vec<Token> = format!("{prompt}{text}").bytes().map(Token::from).collect();
        let best = next(&tokens) as u8 as char;
        let here = &banned[text.len()];
        // All others have the same logit; the lowest number is taken, and 0 ends the text.
        let letter = if here.contains(&best) { '\u{1}' } else { best };
        text.push(letter);
        banned.push(Vec::new());
        if let Some(ban) = bans.iter().find(|ban| text.ends_with(**ban)) {
            let from = text.len() - ban.len();
            banned.truncate(from + 1);
            banned[from].push(text[from..].chars().next().unwrap());
            text.truncate(from);
        }
    }
    text
}
