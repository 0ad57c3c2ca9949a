//! A reply while it is being written: an iterator of pieces on one side, a [`Feed`] on the other.
//!
//! One thread can wait for one reply ([`Iterator`]) or for thousands ([`Completion::poll_piece`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// Why a reply ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A stop string was reached; this one.
    Stop(String),
    /// The model wrote its end-of-text token.
    EndOfText,
    /// `max_tokens` were written, or the context is full.
    Length,
    /// The grammar is complete: nothing more fits it.
    Grammar,
}

/// What is known once a reply has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Why it ended.
    pub reason: Reason,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the prompt that had been evaluated before and were reused.
    pub reused_tokens: usize,
    /// Tokens written.
    pub reply_tokens: usize,
    /// Whole turns that were left out of the prompt, from the oldest on, so that it fits ([`Request::turns`]).
    ///
    /// [`Request::turns`]: super::Request::turns
    pub dropped_turns: usize,
    /// How often the reply was taken back because a banned string was complete.
    pub rewinds: usize,
    /// Time spent on the prompt.
    pub prompt_time: Duration,
    /// Time spent writing.
    pub reply_time: Duration,
}

/// A token and how likely the model held it to be, before any sampler.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihood {
    /// The token.
    pub token: Token,
    /// The bytes of its text, which need not be whole characters. Special tokens have none.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability; minus infinity where the model excludes it.
    pub logprob: f32,
}

/// A token of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// What was chosen.
    pub choice: Likelihood,
    /// What could have been: as many of the likeliest tokens as were asked for, best first. The one that was chosen may
    /// be among them.
    pub alternatives: Vec<Likelihood>,
}

enum Event {
    Piece(String, Vec<Chosen>),
    End(End),
    Failed(Error),
}

/// A reply while it is being written: an iterator of pieces of text, each whole characters.
///
/// Dropping it cancels the request within one decode.
pub struct Completion {
    events: Receiver<Event>,
    reader: Arc<Reader>,
    chosen: Vec<Chosen>,
    end: Option<End>,
    finished: bool,
}

/// The writing side of a [`Completion`], held by an engine.
pub struct Feed {
    events: Sender<Event>,
    // Fields are dropped in this order, so the reader is woken once it can see that the sender is gone.
    bell: Bell,
}

/// What the writing side knows of the reading side.
#[derive(Default)]
struct Reader {
    gone: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// Told when the reader goes.
    leaving: Condvar,
}

/// A reader that is waited for.
#[cfg(any(feature = "llama", test))]
pub(super) struct Departure(Arc<Reader>);

#[cfg(any(feature = "llama", test))]
impl Departure {
    /// Waits until the [`Completion`] is dropped, or until `stop` says so, which is asked now and then.
    pub(super) fn wait(&self, stop: impl Fn() -> bool) {
        const NOW_AND_THEN: Duration = Duration::from_millis(50);
        let waker = self.0.waker.lock();
        let mut waker = waker.unwrap_or_else(PoisonError::into_inner);
        while !self.0.gone.load(Ordering::Relaxed) && !stop() {
            let waited = self.0.leaving.wait_timeout(waker, NOW_AND_THEN);
            waker = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Wakes the reader, at the latest when it is dropped.
struct Bell(Arc<Reader>);

impl Bell {
    fn ring(&self) {
        let waker = self.0.waker.lock();
        let waker = waker.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

impl Completion {
    /// A completion and the feed that writes it.
    #[must_use]
    pub fn new() -> (Feed, Self) {
        let (sender, receiver) = mpsc::channel();
        let reader = Arc::new(Reader::default());
        let feed = Feed {
            events: sender,
            bell: Bell(Arc::clone(&reader)),
        };
        let completion = Self {
            events: receiver,
            reader,
            chosen: Vec::new(),
            end: None,
            finished: false,
        };
        (feed, completion)
    }

    /// How the reply ended, once the iterator has returned `None`.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// How the reply ended, for whoever has read all of it.
    ///
    /// # Errors
    ///
    /// [`Kind::Engine`] when it has not ended, or not well.
    pub fn ended(&self) -> Result<&End> {
        self.end().ok_or_else(stopped)
    }

    /// The tokens of the pieces that came since the last call, where [`Request::logprobs`] asks for them. A token comes
    /// with the piece that completes its text; those of a stop string do not come.
    ///
    /// [`Request::logprobs`]: super::Request::logprobs
    pub fn take_chosen(&mut self) -> Vec<Chosen> {
        std::mem::take(&mut self.chosen)
    }

    /// The next piece if it comes within `time`, else [`Poll::Pending`], so that whoever waits can look after other
    /// things, an interrupt for one. `None` when the reply has ended.
    pub fn wait_piece(&mut self, time: Duration) -> Poll<Option<Result<String>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        match self.events.recv_timeout(time) {
            Ok(event) => Poll::Ready(self.accept(Some(event))),
            Err(RecvTimeoutError::Timeout) => Poll::Pending,
            Err(RecvTimeoutError::Disconnected) => Poll::Ready(self.accept(None)),
        }
    }

    /// Waits for the whole reply.
    ///
    /// # Errors
    ///
    /// The first error of the engine.
    pub fn text(self) -> Result<String> {
        self.finish().map(|(text, _)| text)
    }

    /// Waits for the whole reply and how it ended.
    ///
    /// # Errors
    ///
    /// The first error of the engine.
    pub fn finish(mut self) -> Result<(String, End)> {
        let mut text = String::new();
        for piece in &mut self {
            text.push_str(&piece?);
        }
        let end = self.ended()?.clone();
        Ok((text, end))
    }

    /// The next piece, without blocking: when there is none yet, the task of `context` is woken once there is. `None`
    /// when the reply has ended.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<String>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        // First the waker, then the look: a piece that comes between them wakes.
        let waker = self.reader.waker.lock();
        *waker.unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        match self.events.try_recv() {
            Ok(event) => Poll::Ready(self.accept(Some(event))),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => Poll::Ready(self.accept(None)),
        }
    }

    fn accept(&mut self, event: Option<Event>) -> Option<Result<String>> {
        if let Some(Event::Piece(piece, chosen)) = event {
            self.chosen.extend(chosen);
            return Some(Ok(piece));
        }
        self.finished = true;
        match event {
            Some(Event::End(end)) => {
                self.end = Some(end);
                None
            }
            Some(Event::Failed(error)) => Some(Err(error)),
            _ => Some(Err(stopped())),
        }
    }
}

impl Iterator for Completion {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let event = self.events.recv().ok();
        self.accept(event)
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        // Under the lock, so that nobody begins to wait between the two.
        let waker = self.reader.waker.lock();
        let waker = waker.unwrap_or_else(PoisonError::into_inner);
        self.reader.gone.store(true, Ordering::Relaxed);
        self.reader.leaving.notify_all();
        drop(waker);
    }
}

impl Feed {
    /// Whether the reader has gone; the work should stop then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.bell.0.gone.load(Ordering::Relaxed)
    }

    /// The reader, to be waited for once the reply has ended.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn departure(&self) -> Departure {
        Departure(Arc::clone(&self.bell.0))
    }

    /// Adds a piece of text. Nothing happens when the reader has gone.
    pub fn piece(&self, text: impl Into<String>) {
        self.piece_with(text, Vec::new());
    }

    /// The same with the tokens that it completes ([`Completion::take_chosen`]).
    pub fn piece_with(&self, text: impl Into<String>, chosen: Vec<Chosen>) {
        let _ = self.events.send(Event::Piece(text.into(), chosen));
        self.bell.ring();
    }

    /// Ends the reply.
    pub fn end(self, end: End) {
        let _ = self.events.send(Event::End(end));
    }

    /// Ends the reply with an error.
    pub fn fail(self, error: Error) {
        let _ = self.events.send(Event::Failed(error));
    }
}

fn stopped() -> Error {
    Error::new(
        Kind::Engine,
        "the engine stopped before the reply was complete",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(completion: &mut Completion, wakes: &Arc<Wakes>) -> Poll<Option<Result<String>>> {
        let waker = Waker::from(Arc::clone(wakes));
        completion.poll_piece(&mut Context::from_waker(&waker))
    }

    #[test]
    fn whoever_waits_for_a_while_gets_what_has_come_and_the_end() {
        let (feed, mut completion) = Completion::new();
        let while_ = Duration::from_millis(1);
        assert!(completion.wait_piece(while_).is_pending());
        feed.piece("Good");
        let Poll::Ready(Some(Ok(piece))) = completion.wait_piece(while_) else {
            panic!("there is a piece");
        };
        assert_eq!(piece, "Good");
        drop(feed);
        assert!(matches!(
            completion.wait_piece(while_),
            Poll::Ready(Some(Err(_)))
        ));
        assert!(matches!(completion.wait_piece(while_), Poll::Ready(None)));
    }

    #[test]
    fn whoever_polls_is_woken_by_a_piece_and_by_the_end() {
        let wakes = Arc::new(Wakes::default());
        let (feed, mut completion) = Completion::new();
        assert!(poll(&mut completion, &wakes).is_pending());
        feed.piece("Good");
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        let Poll::Ready(Some(Ok(piece))) = poll(&mut completion, &wakes) else {
            panic!("there is a piece");
        };
        assert_eq!(piece, "Good");
        assert!(poll(&mut completion, &wakes).is_pending());
        drop(feed);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
        assert!(matches!(
            poll(&mut completion, &wakes),
            Poll::Ready(Some(Err(_)))
        ));
        assert!(matches!(poll(&mut completion, &wakes), Poll::Ready(None)));
    }
}
