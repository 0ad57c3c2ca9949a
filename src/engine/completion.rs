//! A reply while it is being written: an iterator of pieces on one side, a [`Feed`] on the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
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
    cancelled: Arc<AtomicBool>,
    end: Option<End>,
    finished: bool,
}

/// The writing side of a [`Completion`], held by an engine.
#[derive(Clone)]
pub struct Feed {
    events: Sender<Event>,
    cancelled: Arc<AtomicBool>,
}

impl Completion {
    /// A completion and the feed that writes it.
    #[must_use]
    pub fn new() -> (Feed, Self) {
        let (sender, receiver) = mpsc::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let feed = Feed {
            events: sender,
            cancelled: Arc::clone(&cancelled),
        };
        let completion = Self {
            events: receiver,
            cancelled,
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
    pub fn text(mut self) -> Result<String> {
        let mut text = String::new();
        for piece in &mut self {
            text.push_str(&piece?);
        }
        Ok(text)
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
}

impl Iterator for Completion {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let event = self.events.recv();
        if let Ok(Event::Piece(piece)) = event {
            return Some(Ok(piece));
        }
        self.finished = true;
        match event {
            Ok(Event::End(end)) => {
                self.end = Some(end);
                None
            }
            Ok(Event::Failed(error)) => Some(Err(error)),
            _ => Some(Err(stopped())),
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Feed {
    /// Whether the reader has gone; the work should stop then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Adds a piece of text. Nothing happens when the reader has gone.
    pub fn piece(&self, text: impl Into<String>) {
        let _ = self.events.send(Event::Piece(text.into()));
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
