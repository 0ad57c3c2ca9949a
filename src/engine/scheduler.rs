//! Many requests in one decode.
//!
//! Requests join and leave between decodes. Each decode takes one token of everybody who writes and, in chunks, the
//! prompts of those who came later, so that nobody's writing stalls behind a long prompt. What two prompts have in common
//! is evaluated once: a request waits while an earlier one is evaluating the part they share, and then takes it over.
//!
//! The order of everything follows from the order of arrival alone, never from the clock, so that requests handed over
//! together are served the same way each time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::Reason;
use super::backend::{Backend, Entry, Limits, Stall, Vocabulary};
use super::run::Run;
use crate::sampling::Token;
use crate::{Error, Kind};

/// Waiting for an earlier request pays when it saves at least this many tokens.
const WORTH_WAITING: usize = 16;

/// A sequence of the model and who uses it.
#[derive(Default)]
struct Slot {
    /// The tokens that the model has evaluated in this sequence.
    cache: Vec<Token>,
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
    /// The length of `waiting`, for those outside.
    queued: Arc<AtomicUsize>,
    /// Set from outside to stop at once.
    stopping: Arc<AtomicBool>,
    /// Whether a request had to give up its slot: until another ends, there is no room for it.
    crowded: bool,
    clock: u64,
}

impl<B: Backend> Scheduler<B> {
    pub(super) fn new(
        backend: B,
        vocabulary: Arc<dyn Vocabulary>,
        queued: Arc<AtomicUsize>,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        let limits = backend.limits();
        Self {
            backend,
            limits,
            vocabulary,
            slots: (0..limits.sequences).map(|_| Slot::default()).collect(),
            waiting: VecDeque::new(),
            queued,
            stopping,
            crowded: false,
            clock: 0,
        }
    }

    /// Adds a request. It counts as queued already.
    pub(super) fn submit(&mut self, run: Run) {
        self.waiting.push_back(run);
    }

    /// Whether there is anything to do.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || self.slots.iter().any(|slot| slot.run.is_some())
    }

    /// One decode, and what comes of it.
    pub(super) fn step(&mut self) {
        self.clock += 1;
        self.drop_cancelled();
        self.admit();
        self.adopt();
        let batch = self.plan();
        if batch.is_empty() {
            return;
        }
        match self.decode(&batch) {
            Ok(()) => self.commit(&batch),
            Err(Stall::Full) => self.make_room(),
            Err(Stall::Aborted) => self.roll_back(),
            Err(Stall::Broken(error)) => self.fail(&error),
        }
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
            let common = usable(&self.slots[free].cache, &run.tokens);
            let kept = self.truncate(free, common);
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
            .map(|i| (usable(&self.slots[i].cache, &run.tokens), i))
            .filter(|&(common, i)| common > 0 && common * 2 > self.slots[i].cache.len())
            .max_by_key(|&(common, i)| (common, std::cmp::Reverse(i)));
        match goes_on {
            Some((_, i)) => Some(i),
            None => free().min_by_key(|&i| (self.slots[i].used, i)),
        }
    }

    /// Forgets what slot `i` holds beyond `length` tokens, and says how many are left.
    fn truncate(&mut self, i: usize, length: usize) -> usize {
        if length < self.slots[i].cache.len() {
            let length = if self.backend.forget(i, length) {
                length
            } else {
                self.backend.forget(i, 0);
                0
            };
            self.slots[i].cache.truncate(length);
        }
        self.slots[i].cache.len()
    }

    /// Takes over from other slots what they have evaluated of the same tokens.
    fn adopt(&mut self) {
        if !self.limits.shares {
            return;
        }
        for i in 0..self.slots.len() {
            let Some(run) = &self.slots[i].run else {
                continue;
            };
            let have = self.slots[i].cache.len();
            if run.tokens.len() - have <= 1 {
                continue;
            }
            let source = (0..self.slots.len())
                .filter(|&j| j != i)
                .map(|j| (usable(&self.slots[j].cache, &run.tokens), j))
                .filter(|&(common, _)| common > have)
                .max_by_key(|&(common, j)| (common, std::cmp::Reverse(j)));
            let Some((common, j)) = source else {
                continue;
            };
            self.truncate(i, 0);
            self.backend.share(j, i, common);
            self.slots[i].cache = self.slots[j].cache[..common].to_vec();
            if let Some(run) = &mut self.slots[i].run {
                run.reused = run.reused.max(common.min(run.prompt));
            }
        }
    }

    /// What the next decode evaluates: a token of everybody who writes, then prompts in the order of arrival.
    fn plan(&self) -> Vec<Entry> {
        let mut runs: Vec<(u64, usize)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(i, slot)| Some((slot.run.as_ref()?.number, i)))
            .collect();
        runs.sort_unstable();
        let mut batch = Vec::new();
        let mut prompts = Vec::new();
        for &(_, i) in &runs {
            match self.pending(i) {
                [_] => self.push(&mut batch, i, 1),
                _ => prompts.push(i),
            }
        }
        let mut room = if batch.is_empty() {
            self.limits.chunk
        } else {
            self.limits.shared_chunk
        };
        for (at, &i) in prompts.iter().enumerate() {
            if room == 0 {
                break;
            }
            if prompts[..at]
                .iter()
                .any(|&earlier| self.waits_for(i, earlier))
            {
                continue;
            }
            let count = self.pending(i).len().min(room);
            room -= count;
            self.push(&mut batch, i, count);
        }
        batch
    }

    /// The tokens of slot `i` that are not evaluated yet.
    fn pending(&self, i: usize) -> &[Token] {
        let slot = &self.slots[i];
        slot.run
            .as_ref()
            .map_or(&[], |run| &run.tokens[slot.cache.len()..])
    }

    /// Whether slot `earlier` is about to evaluate tokens that slot `i` needs.
    fn waits_for(&self, i: usize, earlier: usize) -> bool {
        let (Some(run), Some(other)) = (&self.slots[i].run, &self.slots[earlier].run) else {
            return false;
        };
        let common = usable(&other.tokens, &run.tokens);
        self.limits.shares
            && common > self.slots[earlier].cache.len()
            && common >= self.slots[i].cache.len() + WORTH_WAITING
    }

    fn push(&self, batch: &mut Vec<Entry>, i: usize, count: usize) {
        let pending = self.pending(i);
        let begin = self.slots[i].cache.len();
        let entries = pending[..count].iter().enumerate();
        batch.extend(entries.map(|(at, &token)| Entry {
            token,
            position: begin + at,
            sequence: i,
            logits: at + 1 == pending.len(),
        }));
    }

    fn commit(&mut self, batch: &[Entry]) {
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
            match run.advance(logits, &*self.vocabulary, self.limits.context) {
                Ok(None) => self.slots[entry.sequence].run = Some(run),
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
    }

    /// There was no cell left: forgets the conversation unused longest, else sends the latest request back to the queue.
    fn make_room(&mut self) {
        let idle = (0..self.slots.len())
            .filter(|&i| self.slots[i].run.is_none() && !self.slots[i].cache.is_empty())
            .min_by_key(|&i| self.slots[i].used);
        if let Some(i) = idle {
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

/// How many tokens of `wanted` need not be evaluated if `cache` is: what they have in common, but never all, for the
/// logits after the last one are needed.
fn usable(cache: &[Token], wanted: &[Token]) -> usize {
    cache
        .iter()
        .zip(&wanted[..wanted.len().saturating_sub(1)])
        .take_while(|(a, b)| a == b)
        .count()
}

#[cfg(test)]
mod tests;
