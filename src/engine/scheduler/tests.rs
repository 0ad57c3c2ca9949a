//! Orderings, without a model: a scripted one whose next token depends on everything in its sequence, so that a wrong cell
//! anywhere gives a wrong text.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use proptest::prelude::*;

use super::super::backend::{Backend, Entry, Grammar, Limits, Stall, Vocabulary};
use super::super::run::{History, Run};
use super::super::session::{Identity, Shelf};
use super::super::slots::{Setup, Slots};
use super::super::tail::Tail;
use super::super::{Completion, End, Engine as _, ModelInfo, Reason, Request};
use super::Scheduler;
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
        Ok(Box::new(Spelling(
            source.bytes().map(Token::from).collect(),
        )))
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

    fn submit(&mut self, prompt: &str, max_tokens: usize) -> Completion {
        self.request(Request {
            max_tokens,
            ..Request::new(prompt)
        })
    }

    fn request(&mut self, request: Request) -> Completion {
        let settings = Settings {
            temperature: 0.0,
            ..Settings::neutral()
        };
        let (feed, completion) = Completion::new();
        let tokens: Vec<Token> = request.prompt.bytes().map(Token::from).collect();
        self.number += 1;
        self.queued
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.scheduler.submit(Run {
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

#[test]
fn a_request_gets_its_text_and_its_counts() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.submit("Once upon", 5);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(text, continuation("Once upon", 5));
    assert_eq!(end.reason, Reason::Length);
    assert_eq!(
        (end.prompt_tokens, end.reused_tokens, end.reply_tokens),
        (9, 0, 5)
    );
}

#[test]
fn a_prompt_shared_by_many_is_evaluated_once() {
    let mut stage = Stage::new(Scripted::new(8, 2000));
    let prompt = "x".repeat(300);
    let prompts: Vec<String> = (0..8).map(|i| format!("{prompt}{i}")).collect();
    let completions: Vec<_> = prompts.iter().map(|p| stage.submit(p, 4)).collect();
    stage.finish();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(said(completion).0, continuation(prompt, 4));
    }
    // The prompt, then for each its own last letter and all letters written but the last.
    assert_eq!(stage.evaluated(), 300 + 8 * (1 + 3));
}

#[test]
fn the_same_prompt_needs_only_its_last_token_again() {
    let mut stage = Stage::new(Scripted::new(2, 2000));
    let prompt = "y".repeat(100);
    for reused in [0, 99, 99] {
        let completion = stage.submit(&prompt, 3);
        stage.finish();
        let (text, end) = said(completion);
        assert_eq!(text, continuation(&prompt, 3));
        assert_eq!(end.reused_tokens, reused);
    }
}

#[test]
fn a_conversation_goes_on_where_it_ended_while_another_goes_on_too() {
    let mut stage = Stage::new(Scripted::new(2, 2000));
    let mut talks = ["Anna: hello".to_owned(), "Bert: good day".to_owned()];
    for turn in 0..4 {
        for talk in &mut talks {
            let completion = stage.submit(talk, 6);
            stage.finish();
            let (text, end) = said(completion);
            assert_eq!(text, continuation(talk, 6));
            if turn > 0 {
                // All but the last written letter, which was never evaluated, and what was added since.
                assert_eq!(end.reused_tokens, talk.len() - 3);
            }
            talk.push_str(&text);
            talk.push_str("\n>");
        }
    }
}

#[test]
fn a_long_prompt_does_not_stall_those_who_write() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let writer = stage.submit("abc", 200);
    stage.step();
    let reader = stage.submit(&"z".repeat(500), 1);
    for _ in 0..20 {
        stage.step();
        let batch = stage.last_batch();
        assert_eq!(batch.iter().filter(|entry| entry.logits).count(), 1);
        assert_eq!(
            batch.len(),
            1 + 16,
            "one letter, and a small chunk of the prompt"
        );
    }
    stage.finish();
    assert_eq!(said(writer).0, continuation("abc", 200));
    assert_eq!(said(reader).0, continuation(&"z".repeat(500), 1));
}

#[test]
fn a_prompt_alone_takes_large_chunks() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let _completion = stage.submit(&"z".repeat(150), 1);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        stage.step();
        sizes.push(stage.last_batch().len());
    }
    assert_eq!(sizes, [64, 64, 22]);
}

#[test]
fn who_comes_first_is_served_first() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let _completions: Vec<_> = (0..5)
        .map(|i| stage.submit(&format!("{i} says"), 3))
        .collect();
    let mut order = Vec::new();
    while stage.scheduler.is_busy() {
        stage.step();
        for number in 1..=5 {
            let ended = !stage.is_here(number);
            if ended && !order.contains(&number) {
                order.push(number);
            }
        }
    }
    assert_eq!(order, [1, 2, 3, 4, 5]);
}

#[test]
fn a_dropped_completion_is_in_no_further_decode() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let stays = stage.submit("stays", 20);
    let goes = stage.submit("goes", 20);
    stage.step();
    stage.step();
    assert_eq!(stage.last_batch().len(), 2);
    drop(goes);
    stage.step();
    assert_eq!(stage.last_batch().len(), 1);
    stage.finish();
    assert_eq!(said(stays).0, continuation("stays", 20));
}

#[test]
fn a_request_dropped_in_the_queue_is_never_evaluated() {
    let mut stage = Stage::new(Scripted::new(1, 4000));
    let first = stage.submit("first", 3);
    drop(stage.submit("second", 3));
    stage.finish();
    assert_eq!(said(first).0, continuation("first", 3));
    assert_eq!(stage.evaluated(), "first".len() + 2);
}

#[test]
fn an_interrupted_decode_leaves_no_trace() {
    let mut backend = Scripted::new(1, 4000);
    backend.limits.chunk = 8;
    let mut stage = Stage::new(backend);
    let dropped = stage.submit("a prompt of some length", 3);
    stage.step();
    // The reader goes while the decode runs: the scheduler cannot know yet, the decode asks.
    let Stage { scheduler, .. } = &mut stage;
    let batch = scheduler.plan();
    drop(dropped);
    assert!(matches!(scheduler.decode(&batch), Err(Stall::Aborted)));
    scheduler.roll_back();
    let again = stage.submit("a prompt of some length", 3);
    stage.finish();
    assert_eq!(said(again).0, continuation("a prompt of some length", 3));
}

#[test]
fn a_full_cache_forgets_the_conversation_unused_longest() {
    let mut stage = Stage::new(Scripted::new(3, 100));
    for prompt in ["one", "two", "six"] {
        let prompt = prompt.repeat(10);
        let completion = stage.submit(&prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(&prompt, 5));
    }
    let again = stage.submit(&"six".repeat(10), 5);
    stage.finish();
    assert_eq!(said(again).1.reused_tokens, 29);
    let gone = stage.submit(&"one".repeat(10), 5);
    stage.finish();
    assert_eq!(said(gone).1.reused_tokens, 0);
}

#[test]
fn when_nothing_can_be_forgotten_the_latest_starts_over() {
    let mut stage = Stage::new(Scripted::new(3, 100));
    let prompts = ["ab".repeat(10), "cd".repeat(10), "ef".repeat(10)];
    let completions: Vec<_> = prompts.iter().map(|p| stage.submit(p, 40)).collect();
    stage.finish();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(said(completion).0, continuation(prompt, 40));
    }
}

#[test]
fn a_reply_that_fills_the_whole_cache_ends() {
    let mut stage = Stage::new(Scripted::new(2, 30));
    let completion = stage.submit(&"x".repeat(20), 50);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(end.reason, Reason::Length);
    assert_eq!(text, continuation(&"x".repeat(20), text.len()));
    assert!(text.len() >= 10);
}

#[test]
fn a_prompt_that_never_fits_is_refused() {
    let mut stage = Stage::new(Scripted::new(2, 30));
    let completion = stage.submit(&"x".repeat(60), 5);
    stage.finish();
    assert_eq!(completion.text().unwrap_err().kind(), Kind::Limit);
}

#[test]
fn a_broken_decode_fails_who_was_in_it_and_nobody_after() {
    let mut stage = Stage::new(Scripted::new(2, 1000));
    let broken = stage.submit("hello", 5);
    stage.step();
    stage.scheduler.backend.fails = true;
    stage.step();
    assert!(broken.text().is_err());
    let whole = stage.submit("hello", 5);
    stage.finish();
    assert_eq!(said(whole).0, continuation("hello", 5));
}

#[test]
fn a_model_that_cannot_forget_a_part_starts_over() {
    let mut backend = Scripted::new(2, 1000);
    backend.partial = false;
    backend.limits.shares = false;
    let mut stage = Stage::new(backend);
    for prompt in [
        "the same beginning",
        "the same ending",
        "the same beginning",
    ] {
        let completion = stage.submit(prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(prompt, 5));
    }
}

#[test]
fn the_context_ends_a_reply() {
    let mut backend = Scripted::new(1, 1000);
    backend.limits.context = 12;
    let mut stage = Stage::new(backend);
    let completion = stage.submit("12345678", 100);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!((text.len(), end.reason), (4, Reason::Length));
}

#[test]
fn a_stop_string_ends_a_reply_and_is_not_part_of_it() {
    let prompt = "stop me";
    let whole = continuation(prompt, 20);
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.request(Request {
        stop: vec![whole[7..10].to_owned()],
        ..Request::new(prompt)
    });
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(text, whole[..7]);
    assert_eq!(end.reason, Reason::Stop(whole[7..10].to_owned()));
}

#[test]
fn a_grammar_decides_against_the_model_and_ends_the_reply() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.request(Request {
        grammar: Some("exactly this".into()),
        ..Request::new("say")
    });
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(
        (text.as_str(), end.reason),
        ("exactly this", Reason::Grammar)
    );
}

#[test]
fn a_panic_in_one_request_is_not_the_others() {
    let mut stage = Stage::new(Scripted::new(2, 1000));
    let calm = stage.submit("calm", 10);
    let panics = stage.request(Request {
        grammar: Some("ab!c".into()),
        ..Request::new("panics")
    });
    stage.finish();
    assert_eq!(said(calm).0, continuation("calm", 10));
    assert!(panics.text().unwrap_err().to_string().contains("panicked"));
}

#[test]
fn no_tokens_are_asked_for_and_none_come() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.submit("warm up", 0);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!((text.as_str(), end.reply_tokens), ("", 0));
}

fn slots(sequences: usize, queue: usize) -> Slots {
    let info = ModelInfo {
        context: 100,
        slots: sequences,
        ..ModelInfo::default()
    };
    let setup = Setup {
        model: info,
        vocabulary: Arc::new(Bytes),
        adapters: Vec::new(),
        queue,
        prompt_cache: 10_000,
        identify: Box::new(|| {
            let model = tempfile::NamedTempFile::new().unwrap();
            Identity::of(model.path(), [], "scripted", 100)
        }),
    };
    Slots::new(setup, Scripted::new(sequences, 1000)).unwrap()
}

fn greedy(prompt: &str, max_tokens: usize) -> Request {
    Request {
        settings: Settings {
            temperature: 0.0,
            ..Settings::neutral()
        },
        max_tokens,
        ..Request::new(prompt)
    }
}

#[test]
fn the_thread_answers_everybody() {
    let engine = slots(3, 100);
    let prompts: Vec<String> = (0..20).map(|i| format!("request {i}")).collect();
    let requests = prompts.iter().map(|prompt| greedy(prompt, 8)).collect();
    let completions = engine.start_all(requests).unwrap();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(completion.text().unwrap(), continuation(prompt, 8));
    }
    assert_eq!(engine.count("four").unwrap(), 4);
}

#[test]
fn a_queue_that_is_full_says_so() {
    let engine = slots(1, 2);
    let requests = (0..4).map(|_| greedy("too many", 8)).collect();
    let error = engine.start_all(requests).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    // Nothing was taken, so there is room for fewer.
    assert!(engine.start(greedy("one", 2)).unwrap().text().is_ok());
}

#[test]
fn a_prompt_longer_than_the_context_is_refused_with_both_lengths() {
    let error = slots(1, 1)
        .start(greedy(&"x".repeat(120), 1))
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.to_string().contains("120") && error.to_string().contains("100"),
        "{error}"
    );
    assert!(error.next_step().is_some());
    assert!(slots(1, 1).start(greedy("", 1)).is_err());
}

#[test]
fn dropping_the_engine_ends_what_is_still_running() {
    let engine = slots(1, 10);
    let completion = engine.start(greedy("long", 90)).unwrap();
    drop(engine);
    // It may have come to its end before; then the text is whole.
    match completion.text() {
        Ok(text) => assert_eq!(text, continuation("long", 90)),
        Err(error) => assert_eq!(error.kind(), Kind::Engine),
    }
}

#[derive(Debug, Clone)]
enum Act {
    Submit { prompt: String, tokens: usize },
    Step(usize),
    Cancel(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    // Few letters, so that prompts share beginnings.
    let submit = ("[ab]{0,30}[abc]{1,20}", 1_usize..15)
        .prop_map(|(prompt, tokens)| Act::Submit { prompt, tokens });
    let act = prop_oneof![
        3 => submit,
        3 => (1_usize..6).prop_map(Act::Step),
        1 => (0_usize..20).prop_map(Act::Cancel),
    ];
    prop::collection::vec(act, 1..60)
}

proptest! {
    #[test]
    fn whoever_comes_and_goes_everybody_else_gets_the_right_text(
        acts in acts(),
        slots in 1_usize..5,
        cells in 70_usize..300,
        (chunk, shared_chunk) in (1_usize..40, 1_usize..20),
        (partial, shares) in (any::<bool>(), any::<bool>()),
    ) {
        let mut backend = Scripted::new(slots, cells);
        backend.limits = Limits { chunk, shared_chunk: shared_chunk.min(chunk), shares, ..backend.limits };
        backend.partial = partial;
        let mut stage = Stage::new(backend);
        let mut listening = Vec::new();
        for act in acts {
            match act {
                Act::Submit { prompt, tokens } => {
                    let completion = stage.submit(&prompt, tokens);
                    listening.push((completion, prompt, tokens));
                }
                Act::Step(times) => (0..times).for_each(|_| stage.step()),
                Act::Cancel(at) if at < listening.len() => drop(listening.swap_remove(at)),
                Act::Cancel(_) => {}
            }
        }
        stage.finish();
        for (completion, prompt, tokens) in listening {
            let (text, _) = completion.finish().unwrap();
            prop_assert_eq!(text, continuation(&prompt, tokens));
        }
    }
}
