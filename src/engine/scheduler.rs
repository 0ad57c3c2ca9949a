//! Many requests in one decode.
//!
//! Requests join and leave between decodes. Each decode takes one token of everybody who writes and, in chunks, the
//! prompts of those who came later, so that nobody's writing stalls behind a long prompt. What two prompts have in common
//! is evaluated once: a request waits while an earlier one is evaluating the part they share, and then takes it over.
//!
//! The order of everything follows from the order of arrival alone, never from the clock, so that requests handed over
//! together are served the same way each time.

mod memory;
mod plan;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

pub(super) use self::memory::Task;
use super::Reason;
use super::backend::{Backend, Entry, Limits, Stall, Vocabulary};
use super::completion::Departure;
use super::run::Run;
use super::session::{Scales, Shelf};
use crate::sampling::Token;
use crate::{Error, Kind};

/// A sequence of the model and who uses it.
struct Slot {
    /// The tokens that the model has evaluated in this sequence.
    cache: Vec<Token>,
    /// How strongly each adapter worked on them.
    adapters: Scales,
    run: Option<Run>,
    /// When it was last used, in decodes.
    used: u64,
}

/// Decides what the next decode evaluates, and hands out what came of it.
pub(super) struct Scheduler<B> {
    backend: B,
    limits: Limits,
    vocabulary: Arc<dyn Vocabulary>,
    slots: Vec<Slot>,
    waiting: VecDeque<Run>,
    /// Conversations that have lost their slot.
    shelf: Shelf,
    /// The adapters that are set, and for how many decodes while requests with others wait.
    adapters: Scales,
    turns: usize,
    /// The length of `waiting`, for those outside.
    queued: Arc<AtomicUsize>,
    /// Set from outside to stop at once.
    stopping: Arc<AtomicBool>,
    /// Whether a request had to give up its slot: until another ends, there is no room for it.
    crowded: bool,
    clock: u64,
    /// Requests that were ever submitted.
    numbers: u64,
}

impl<B: Backend> Scheduler<B> {
    pub(super) fn new(
        backend: B,
        vocabulary: Arc<dyn Vocabulary>,
        shelf: Shelf,
        queued: Arc<AtomicUsize>,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        let limits = backend.limits();
        let adapters: Scales = Arc::from([]);
        let slot = || Slot {
            cache: Vec::new(),
            adapters: Arc::clone(&adapters),
            run: None,
            used: 0,
        };
        Self {
            backend,
            limits,
            vocabulary,
            slots: (0..limits.sequences).map(|_| slot()).collect(),
            waiting: VecDeque::new(),
            shelf,
            adapters,
            turns: 0,
            queued,
            stopping,
            crowded: false,
            clock: 0,
            numbers: 0,
        }
    }

    /// Adds a request. It counts as queued already.
    pub(super) fn submit(&mut self, mut run: Run) {
        self.numbers += 1;
        run.number = self.numbers;
        self.waiting.push_back(run);
    }

    /// Whether there is anything to do.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.slots.iter().any(|slot| slot.run.is_some())
    }

    /// One decode, and what comes of it. Returns the readers to wait for before the next.
    pub(super) fn step(&mut self) -> Vec<Departure> {
        self.clock += 1;
        self.drop_cancelled();
        self.admit();
        self.close_gap();
        self.adopt();
        let batch = self.plan();
        if batch.is_empty() {
            return Vec::new();
        }
        match self.decode(&batch) {
            Ok(()) => return self.commit(&batch),
            Err(Stall::Full) => self.make_room(),
            Err(Stall::Aborted) => self.roll_back(),
            Err(Stall::Broken(error)) => self.fail(&error),
        }
        Vec::new()
    }

    fn decode(&mut self, batch: &[Entry]) -> Result<(), Stall> {
        let Self {
            backend,
            slots,
            stopping,
            ..
        } = self;
        // The slots of the batch; when nobody of them is listened to, the decode is in vain.
        let mut feeds: Vec<_> = batch.iter().map(|entry| entry.sequence).collect();
        feeds.dedup();
        let feeds: Vec<_> = feeds
            .into_iter()
            .filter_map(|sequence| slots[sequence].run.as_ref())
            .map(|run| &run.feed)
            .collect();
        let stop =
            || stopping.load(Ordering::Relaxed) || feeds.iter().all(|feed| feed.is_cancelled());
        backend.decode(batch, &stop)
    }

    fn drop_cancelled(&mut self) {
        for slot in &mut self.slots {
            if slot.run.as_ref().is_some_and(|run| run.feed.is_cancelled()) {
                slot.run = None;
                self.crowded = false;
            }
        }
        let before = self.waiting.len();
        self.waiting.retain(|run| !run.feed.is_cancelled());
        let gone = before - self.waiting.len();
        self.queued.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Gives free slots to those who wait, first come first served.
    fn admit(&mut self) {
        if self.slots.iter().all(|slot| slot.run.is_none()) {
            self.crowded = false;
        }
        while !self.crowded && !self.waiting.is_empty() {
            let Some(free) = self.free_slot() else {
                return;
            };
            let Some(mut run) = self.waiting.pop_front() else {
                return;
            };
            self.queued.fetch_sub(1, Ordering::Relaxed);
            let kept = self.recall(free, &run);
            run.reused = run.reused.max(kept.min(run.prompt));
            run.started.get_or_insert_with(Instant::now);
            self.slots[free].run = Some(run);
        }
    }

    /// The free slot for the first who waits: one that holds the beginning of its prompt, else the one unused longest.
    ///
    /// A slot of which more than half would be lost is not taken for what it has in common: that much is shared with
    /// another slot at no cost, and its own conversation may go on.
    fn free_slot(&self) -> Option<usize> {
        let run = self.waiting.front()?;
        let free = || (0..self.slots.len()).filter(|&i| self.slots[i].run.is_none());
        let goes_on = free()
            .map(|i| (self.common(i, run), i))
            .filter(|&(common, i)| common > 0 && common * 2 > self.slots[i].cache.len())
            .max_by_key(|&(common, i)| (common, std::cmp::Reverse(i)));
        match goes_on {
            Some((_, i)) => Some(i),
            None => free().min_by_key(|&i| (self.slots[i].used, i)),
        }
    }

    fn commit(&mut self, batch: &[Entry]) -> Vec<Departure> {
        let mut departures = Vec::new();
        for entry in batch {
            let slot = &mut self.slots[entry.sequence];
            slot.cache.push(entry.token);
            slot.used = self.clock;
        }
        for (index, entry) in batch.iter().enumerate().filter(|(_, entry)| entry.logits) {
            let Some(mut run) = self.slots[entry.sequence].run.take() else {
                continue;
            };
            let logits = self.backend.logits(index);
            let advanced = run.advance(logits, &*self.vocabulary, self.limits.context);
            if run.hold.is_some() && !matches!(advanced, Ok(None)) {
                departures.push(run.feed.departure());
            }
            match advanced {
                Ok(None) => {
                    // A reply that was taken back needs the logits before the place again.
                    let needed = run.tokens.len() - 1;
                    self.slots[entry.sequence].run = Some(run);
                    self.truncate(entry.sequence, needed);
                }
                Ok(Some(reason)) => {
                    run.end(reason);
                    self.crowded = false;
                }
                Err(error) => {
                    run.feed.fail(error);
                    self.crowded = false;
                }
            }
        }
        departures
    }

    /// There was no cell left: forgets the conversation unused longest, else sends the latest request back to the queue.
    fn make_room(&mut self) {
        let idle = (0..self.slots.len())
            .filter(|&i| self.slots[i].run.is_none() && !self.slots[i].cache.is_empty())
            .min_by_key(|&i| self.slots[i].used);
        if let Some(i) = idle {
            self.shelve(i);
            self.truncate(i, 0);
            return;
        }
        let latest = (0..self.slots.len())
            .filter_map(|i| Some((self.slots[i].run.as_ref()?.number, i)))
            .max();
        let Some((_, i)) = latest else {
            return;
        };
        let alone = self.slots.iter().filter(|slot| slot.run.is_some()).count() == 1;
        let Some(run) = self.slots[i].run.take() else {
            return;
        };
        self.truncate(i, 0);
        if !alone {
            self.crowded = true;
            self.queued.fetch_add(1, Ordering::Relaxed);
            self.waiting.push_front(run);
        } else if run.first.is_some() {
            run.end(Reason::Length);
        } else {
            run.feed.fail(Error::new(
                Kind::Limit,
                "the prompt does not fit into the model's memory",
            ));
        }
    }

    /// An interrupted decode may have filled cells; nothing was noted, so they go.
    fn roll_back(&mut self) {
        for i in 0..self.slots.len() {
            if self.slots[i].run.is_some() {
                let length = self.slots[i].cache.len();
                if !self.backend.forget(i, length) {
                    self.truncate(i, 0);
                }
            }
        }
    }

    /// Nobody can be served any more; the caches are of unknown content.
    fn fail(&mut self, error: &Error) {
        for i in 0..self.slots.len() {
            self.backend.forget(i, 0);
            self.slots[i].cache.clear();
            if let Some(run) = self.slots[i].run.take() {
                run.feed
                    .fail(Error::new(error.kind(), error.message().to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
