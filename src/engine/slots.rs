//! The thread that owns a model, and the handle by which everybody else reaches it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::backend::{Backend, Vocabulary};
use super::run::Run;
use super::scheduler::Scheduler;
use super::tail::Tail;
use super::{Completion, Engine, ModelInfo, Request};
use crate::sampling::{Chain, Token};
use crate::{Error, Kind, Result};

/// An engine whose requests share the slots of one model.
pub(super) struct Slots {
    model: ModelInfo,
    vocabulary: Arc<dyn Vocabulary>,
    /// `None` once the engine is being dropped.
    requests: Mutex<Option<Sender<Vec<Run>>>>,
    /// Requests that wait for a slot, and how many may.
    queued: Arc<AtomicUsize>,
    queue: usize,
    stopping: Arc<AtomicBool>,
    numbers: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl Slots {
    /// Starts the thread that owns `backend`. At most `queue` requests wait for a slot.
    pub(super) fn new<B: Backend + 'static>(
        model: ModelInfo,
        vocabulary: Arc<dyn Vocabulary>,
        backend: B,
        queue: usize,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let scheduler = Scheduler::new(
            backend,
            Arc::clone(&vocabulary),
            Arc::clone(&queued),
            Arc::clone(&stopping),
        );
        let asked_to_stop = Arc::clone(&stopping);
        let thread = thread::Builder::new()
            .name("model".into())
            .spawn(move || serve(scheduler, &receiver, &asked_to_stop))
            .map_err(|e| {
                Error::new(
                    Kind::Engine,
                    format!("cannot start the model's thread: {e}"),
                )
                .source(e)
            })?;
        Ok(Self {
            model,
            vocabulary,
            requests: Mutex::new(Some(sender)),
            queued,
            queue,
            stopping,
            numbers: AtomicU64::new(0),
            thread: Some(thread),
        })
    }

    fn prepare(&self, request: Request) -> Result<(Run, Completion)> {
        let mut chain = Chain::new(&request.settings)?;
        let grammar = request
            .grammar
            .as_deref()
            .map(|source| self.vocabulary.grammar(source))
            .transpose()?;
        let tokens = self
            .vocabulary
            .tokens(&request.prompt, true, request.special_tokens);
        let (length, context) = (tokens.len(), self.model.context);
        if length == 0 {
            return Err(Error::new(Kind::Usage, "the prompt is empty"));
        }
        if length >= context {
            let message = format!(
                "the prompt has {length} tokens, but a conversation can hold {context}, the reply included"
            );
            return Err(Error::new(Kind::Limit, message)
                .hint("shorten the prompt, or load the model with a larger context (`--ctx`)"));
        }
        if request.settings.ban_end_of_text {
            chain.ban(self.vocabulary.ends().iter().copied());
        }
        tokens.iter().for_each(|&token| chain.accept(token));
        let (feed, completion) = Completion::new();
        let run = Run {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            prompt: length,
            tokens,
            reused: 0,
            feed,
            max_tokens: request.max_tokens,
            chain,
            grammar,
            tail: Tail::new(request.stop),
            started: None,
            first: None,
        };
        Ok((run, completion))
    }

    fn send(&self, runs: Vec<Run>) -> Result<()> {
        let stopped = || {
            Error::new(Kind::Engine, "the model's thread has ended")
                .hint("load the model again; if it happens again, please report it")
        };
        let count = runs.len();
        let waiting = self.queued.fetch_add(count, Ordering::Relaxed);
        // Those that find a free slot at once do not queue, but whether they do is not known here.
        if waiting + count > self.queue + self.model.slots {
            self.queued.fetch_sub(count, Ordering::Relaxed);
            let message = format!("the model is busy: {waiting} requests are waiting");
            return Err(Error::new(Kind::Busy, message).hint("try again later"));
        }
        let requests = self.requests.lock().map_err(|_| stopped())?;
        let sender = requests.as_ref().ok_or_else(stopped)?;
        sender.send(runs).map_err(|_| stopped())
    }
}

impl Engine for Slots {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, text: &str) -> Result<usize> {
        Ok(self.vocabulary.tokens(text, false, false).len())
    }

    fn tokenize(&self, text: &str, special_tokens: bool) -> Result<Vec<Token>> {
        Ok(self.vocabulary.tokens(text, false, special_tokens))
    }

    fn detokenize(&self, tokens: &[Token]) -> Result<String> {
        let known = 0..self.model.vocabulary;
        let mut bytes = Vec::new();
        for &token in tokens {
            if !usize::try_from(token).is_ok_and(|token| known.contains(&token)) {
                let message = format!("there is no token {token} in a vocabulary of {}", known.end);
                return Err(Error::new(Kind::Usage, message));
            }
            self.vocabulary.piece(token, &mut bytes);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn start(&self, request: Request) -> Result<Completion> {
        let (run, completion) = self.prepare(request)?;
        self.send(vec![run])?;
        Ok(completion)
    }

    fn start_all(&self, requests: Vec<Request>) -> Result<Vec<Completion>> {
        let prepared: Result<Vec<_>> = requests.into_iter().map(|r| self.prepare(r)).collect();
        let (runs, completions) = prepared?.into_iter().unzip();
        self.send(runs)?;
        Ok(completions)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Ok(mut requests) = self.requests.lock() {
            *requests = None;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<B: Backend>(
    mut scheduler: Scheduler<B>,
    requests: &Receiver<Vec<Run>>,
    stopping: &AtomicBool,
) {
    loop {
        if !scheduler.is_busy() {
            match requests.recv() {
                Ok(runs) => runs.into_iter().for_each(|run| scheduler.submit(run)),
                Err(_) => return,
            }
        }
        for run in requests.try_iter().flatten() {
            scheduler.submit(run);
        }
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        scheduler.step();
    }
}
