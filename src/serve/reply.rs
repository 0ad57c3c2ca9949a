//! What the engine writes for one request: one or more completions, read side by side.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::Shared;
use super::running::Key;
use crate::engine::{Chosen, Completion, End};
use crate::{Error, Result};

/// Something that happened in a reply.
#[derive(Debug)]
pub(super) enum Event {
    /// Completion `index` goes on.
    Piece {
        index: usize,
        text: String,
        /// Its tokens, where the request asks for probabilities.
        chosen: Vec<Chosen>,
    },
    /// Completion `index` has ended; without an [`End`] when somebody ended it.
    End { index: usize, end: Option<End> },
}

/// A completion that is complete.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) text: String,
    pub(super) chosen: Vec<Chosen>,
    pub(super) end: Option<End>,
}

/// One or more completions. Dropping it cancels those that are not complete.
pub(super) struct Reply {
    app: Shared,
    completions: Vec<Option<Completion>>,
    /// Whose turn it is to be asked first, so that none of them waits for another.
    turn: usize,
    number: u64,
    aborted: Option<oneshot::Receiver<()>>,
}

impl Reply {
    pub(super) fn new(app: Shared, completions: Vec<Completion>, key: Key) -> Self {
        let (number, aborted) = app.running.enter(key);
        app.metrics.started(completions.len());
        Self {
            app,
            completions: completions.into_iter().map(Some).collect(),
            turn: 0,
            number,
            aborted: Some(aborted),
        }
    }

    /// A number that no other reply of this server has.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Tells the log why a reply broke off: whoever reads the stream learns less.
    pub(super) fn log(&self, error: &Error) {
        self.app.log(&format!("a reply broke off: {error}"));
    }

    /// What happens next; `None` when all completions have ended.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if let Some(aborted) = &mut self.aborted
            && Pin::new(aborted).poll(context).is_ready()
        {
            self.aborted = None;
        }
        let count = self.completions.len();
        let mut left = false;
        for step in 0..count {
            let index = (self.turn + step) % count;
            let slot = &mut self.completions[index];
            let Some(completion) = slot else {
                continue;
            };
            if self.aborted.is_none() {
                *slot = None;
                return Poll::Ready(Some(Ok(Event::End { index, end: None })));
            }
            left = true;
            let Poll::Ready(next) = completion.poll_piece(context) else {
                continue;
            };
            self.turn = index + 1;
            let event = match next {
                Some(Ok(text)) => {
                    self.app.running.add(self.number, &text);
                    let chosen = completion.take_chosen();
                    Event::Piece {
                        index,
                        text,
                        chosen,
                    }
                }
                Some(Err(error)) => {
                    self.completions.clear();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    let end = completion.end().cloned();
                    *slot = None;
                    if let Some(end) = &end {
                        self.app.metrics.ended(end);
                    }
                    Event::End { index, end }
                }
            };
            return Poll::Ready(Some(Ok(event)));
        }
        if left {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    /// Waits for all of it.
    pub(super) async fn whole(mut self) -> Result<Vec<Whole>> {
        let mut all: Vec<Whole> = self.completions.iter().map(|_| Whole::default()).collect();
        while let Some(event) = poll_fn(|context| self.poll(context)).await {
            match event? {
                Event::Piece {
                    index,
                    text,
                    chosen,
                } => {
                    all[index].text.push_str(&text);
                    all[index].chosen.extend(chosen);
                }
                Event::End { index, end } => all[index].end = end,
            }
        }
        Ok(all)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // Before the count of those that run goes down: who reads 0 may ask for the slots next.
        self.completions.clear();
        self.app.running.leave(self.number);
    }
}
