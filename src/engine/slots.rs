//! The thread that owns a model, and the handle by which everybody else reaches it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use super::backend::{Backend, Grammar, Vocabulary};
use super::forced::Forced;
use super::run::{History, Run};
use super::scheduler::{Scheduler, Task};
use super::session::{Identity, Scales, Shelf, SlotState, Snapshot};
use super::tail::Tail;
use super::{Adapter, Completion, Engine, ModelInfo, Request, Saved, fit};
use crate::sampling::{Chain, Token};
use crate::{Error, Kind, Result};

/// The grammar of a reply, and what it forces.
type Held = (Option<Box<dyn Grammar>>, Option<Forced>);

/// An engine whose requests share the slots of one model.
pub(super) struct Slots {
    model: ModelInfo,
    vocabulary: Arc<dyn Vocabulary>,
    /// The adapters that are loaded, with the scales for requests that do not say.
    adapters: Mutex<Vec<Adapter>>,
    /// Says what saved conversations belong to, once one is saved or loaded.
    identify: Box<dyn Fn() -> Result<Identity> + Send + Sync>,
    identity: OnceLock<Identity>,
    /// `None` once the engine is being dropped.
    orders: Mutex<Option<Sender<Order>>>,
    /// Requests that wait for a slot, and how many may.
    queued: Arc<AtomicUsize>,
    queue: usize,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the model's thread is asked.
enum Order {
    Complete(Vec<Run>),
    Task(Task),
}

/// What slots are made for.
pub(super) struct Setup {
    pub(super) model: ModelInfo,
    pub(super) vocabulary: Arc<dyn Vocabulary>,
    /// The adapters that are loaded, with their scales.
    pub(super) adapters: Vec<Adapter>,
    /// Requests that may wait for a slot.
    pub(super) queue: usize,
    /// Bytes for conversations that have lost their slot.
    pub(super) prompt_cache: usize,
    /// Says what saved conversations belong to.
    pub(super) identify: Box<dyn Fn() -> Result<Identity> + Send + Sync>,
}

impl Slots {
    /// Starts the thread that owns what `backend` gives there.
    pub(super) fn new<B: Backend>(
        setup: Setup,
        backend: impl FnOnce() -> B + Send + 'static,
    ) -> Result<Self> {
        let Setup {
            model,
            vocabulary,
            adapters,
            queue,
            prompt_cache,
            identify,
        } = setup;
        let (sender, receiver) = mpsc::channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let (words, waiting, asked_to_stop) = (
            Arc::clone(&vocabulary),
            Arc::clone(&queued),
            Arc::clone(&stopping),
        );
        let thread = thread::Builder::new()
            .name("model".into())
            .spawn(move || {
                let shelf = Shelf::new(prompt_cache);
                let stopping = Arc::clone(&asked_to_stop);
                let scheduler = Scheduler::new(backend(), words, shelf, waiting, stopping);
                serve(scheduler, &receiver, &asked_to_stop);
            })
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
            adapters: Mutex::new(adapters),
            identify,
            identity: OnceLock::new(),
            orders: Mutex::new(Some(sender)),
            queued,
            queue,
            stopping,
            thread: Some(thread),
        })
    }

    fn prepare(&self, request: Request) -> Result<(Run, Completion)> {
        let mut chain = Chain::new(&request.settings)?;
        let (grammar, forced) = self.grammar(&request)?;
        let adapters = self.scales(request.adapters.as_deref())?;
        let fitted = fit::prompt(&*self.vocabulary, &request, self.model.context)?;
        let (tokens, dropped_turns) = (fitted.tokens, fitted.dropped);
        let length = tokens.len();
        if request.settings.ban_end_of_text {
            chain.ban(self.vocabulary.ends().iter().copied());
        }
        if request.settings.dry_multiplier > 0.0 {
            for breaker in &request.settings.dry_breakers {
                chain.break_at(self.vocabulary.containing(breaker));
            }
        }
        let spared = request.settings.spared_words.iter();
        for word in spared.filter(|word| !word.trim().is_empty()) {
            // At the beginning of a text, and after a space.
            for place in ["", " "] {
                let spelt = format!("{place}{}", word.trim());
                chain.spare(self.vocabulary.tokens(&spelt, false, false));
            }
        }
        tokens.iter().for_each(|&token| chain.accept(token));
        let (feed, completion) = Completion::new();
        let run = Run {
            number: 0,
            prompt: length,
            tokens,
            reused: 0,
            feed,
            max_tokens: request.max_tokens,
            chain,
            grammar,
            forced,
            tail: Tail::new(request.stop, request.settings.banned_strings),
            adapters,
            logprobs: request.logprobs,
            dropped_turns,
            history: History::default(),
            hold: request.hold,
            started: None,
            first: None,
        };
        Ok((run, completion))
    }

    /// The grammar of a reply, and what it forces.
    fn grammar(&self, request: &Request) -> Result<Held> {
        let source = match (&request.grammar, &request.json_schema) {
            (None, None) => return Ok((None, None)),
            (Some(source), None) => Cow::Borrowed(source),
            (None, Some(schema)) => Cow::Owned(self.vocabulary.schema(schema)?),
            (Some(_), Some(_)) => {
                return Err(Error::new(
                    Kind::Usage,
                    "a reply follows a grammar or a JSON schema, not both",
                ));
            }
        };
        let grammar = self.vocabulary.grammar(&source)?;
        // Tokens that are told need their logits, and those that may be taken back are chosen one by one.
        let is_chosen = request.logprobs.is_some() || !request.settings.banned_strings.is_empty();
        let forced = (!is_chosen).then(|| Forced::new(&source)).flatten();
        Ok((Some(grammar), forced))
    }

    /// One scale for each adapter: as `asked`, else as the engine is set.
    fn scales(&self, asked: Option<&[f32]>) -> Result<Scales> {
        let adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asked) = asked else {
            return Ok(adapters.iter().map(|adapter| adapter.scale).collect());
        };
        check_scales(asked, adapters.len())?;
        let off = std::iter::repeat(0.0);
        Ok(asked
            .iter()
            .copied()
            .chain(off)
            .take(adapters.len())
            .collect())
    }

    fn identity(&self) -> Result<&Identity> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        let identity = (self.identify)()?;
        Ok(self.identity.get_or_init(|| identity))
    }

    /// Has the model's thread do something between two decodes, and waits for it.
    fn ask<T>(&self, task: impl FnOnce(Sender<T>) -> Task) -> Result<T> {
        let (sender, answer) = mpsc::channel();
        self.order(Order::Task(task(sender)))?;
        answer.recv().map_err(|_| stopped())
    }

    fn load(&self, path: &Path, slot: Option<usize>) -> Result<Saved> {
        let (snapshot, saved) = self.identity()?.load(path)?;
        self.ask(|answer| Task::Load {
            snapshot,
            slot,
            answer,
        })?
        .map(|()| saved)
    }

    fn save(
        &self,
        path: &Path,
        task: impl FnOnce(Sender<Result<Snapshot>>) -> Task,
    ) -> Result<Saved> {
        // Files of gigabytes are written here, not on the thread that everybody waits for.
        let snapshot = self.ask(task)??;
        self.identity()?.save(&snapshot, path)
    }

    fn send(&self, runs: Vec<Run>) -> Result<()> {
        let count = runs.len();
        let waiting = self.queued.fetch_add(count, Ordering::Relaxed);
        // Those that find a free slot at once do not queue, but whether they do is not known here.
        if waiting + count > self.queue + self.model.slots {
            self.queued.fetch_sub(count, Ordering::Relaxed);
            let message = format!("the model is busy: {waiting} requests are waiting");
            return Err(Error::new(Kind::Busy, message).hint("try again later"));
        }
        self.order(Order::Complete(runs))
    }

    fn order(&self, order: Order) -> Result<()> {
        let orders = self.orders.lock().map_err(|_| stopped())?;
        let sender = orders.as_ref().ok_or_else(stopped)?;
        sender.send(order).map_err(|_| stopped())
    }
}

fn stopped() -> Error {
    Error::new(Kind::Engine, "the model's thread has ended")
        .hint("load the model again; if it happens again, please report it")
}

fn check_scales(scales: &[f32], adapters: usize) -> Result<()> {
    if scales.len() > adapters {
        let message = match adapters {
            0 => "no adapter is loaded".to_owned(),
            1 => "only one adapter is loaded".to_owned(),
            count => format!("only {count} adapters are loaded"),
        };
        return Err(Error::new(Kind::Usage, message).hint("load them with `--lora`"));
    }
    match scales.iter().find(|scale| !scale.is_finite()) {
        Some(scale) => Err(Error::new(
            Kind::Usage,
            format!("an adapter cannot have the scale {scale}"),
        )),
        None => Ok(()),
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

    fn adapters(&self) -> Vec<Adapter> {
        self.adapters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_adapters(&self, scales: &[f32]) -> Result<()> {
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        check_scales(scales, adapters.len())?;
        let off = std::iter::repeat(0.0);
        for (adapter, scale) in adapters.iter_mut().zip(scales.iter().copied().chain(off)) {
            adapter.scale = scale;
        }
        Ok(())
    }

    fn save_prefix(&self, prompt: &str, special_tokens: bool, path: &Path) -> Result<Saved> {
        let tokens = self.vocabulary.tokens(prompt, true, special_tokens);
        let adapters = self.scales(None)?;
        self.save(path, |answer| Task::SavePrefix {
            tokens,
            adapters,
            answer,
        })
    }

    fn load_prefix(&self, path: &Path) -> Result<Saved> {
        self.load(path, None)
    }

    fn slots(&self) -> Result<Vec<SlotState>> {
        self.ask(Task::Look)
    }

    fn save_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        self.save(path, |answer| Task::SaveSlot { slot, answer })
    }

    fn load_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        self.load(path, Some(slot))
    }

    fn erase_slot(&self, slot: usize) -> Result<usize> {
        self.ask(|answer| Task::Erase { slot, answer })?
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Ok(mut orders) = self.orders.lock() {
            *orders = None;
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve<B: Backend>(mut scheduler: Scheduler<B>, orders: &Receiver<Order>, stopping: &AtomicBool) {
    let obey = |scheduler: &mut Scheduler<B>, order| match order {
        Order::Complete(runs) => runs.into_iter().for_each(|run| scheduler.submit(run)),
        Order::Task(task) => scheduler.perform(task),
    };
    loop {
        if !scheduler.is_busy() {
            match orders.recv() {
                Ok(order) => obey(&mut scheduler, order),
                Err(_) => return,
            }
        }
        for order in orders.try_iter() {
            obey(&mut scheduler, order);
        }
        if stopping.load(Ordering::Relaxed) {
            return;
        }
        let departures = scheduler.step();
        if !departures.is_empty() {
            for departure in departures {
                departure.wait(|| stopping.load(Ordering::Relaxed));
            }
            obey_in_order(&mut scheduler, orders);
        }
    }
}

/// Takes in what was asked for while the thread held on: in the order of [`Request::hold`], for the order of arrival is
/// the chance of other threads.
fn obey_in_order<B: Backend>(scheduler: &mut Scheduler<B>, orders: &Receiver<Order>) {
    let mut runs = Vec::new();
    for order in orders.try_iter() {
        match order {
            Order::Complete(more) => runs.extend(more),
            Order::Task(task) => scheduler.perform(task),
        }
    }
    runs.sort_by_key(|run| run.hold);
    runs.into_iter().for_each(|run| scheduler.submit(run));
}
