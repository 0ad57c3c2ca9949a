//! A reply while it is being written: an iterator of pieces on one side, a [`Feed`] on the other.
//!
//! One thread can wait for one reply ([`Iterator`]) or for thousands ([`Completion::poll_piece`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

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
    /// Time spent on the prompt.
    pub prompt_time: Duration,
    /// Time spent writing.
    pub reply_time: Duration,
}

enum Event {
    Piece(String),
    End(End),
    Failed(Error),
}

/// A reply while it is being written: an iterator of pieces of text, each whole characters.
///
/// Dropping it cancels the request within one decode.
pub struct Completion {
    events: Receiver<Event>,
    reader: Arc<Reader>,
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
        match self.end.take() {
            Some(end) => Ok((text, end)),
            None => Err(stopped()),
        }
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
        if let Some(Event::Piece(piece)) = event {
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
        self.reader.gone.store(true, Ordering::Relaxed);
    }
}

impl Feed {
    /// Whether the reader has gone; the work should stop then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.bell.0.gone.load(Ordering::Relaxed)
    }

    /// Adds a piece of text. Nothing happens when the reader has gone.
    pub fn piece(&self, text: impl Into<String>) {
        let _ = self.events.send(Event::Piece(text.into()));
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
