//! What slots hold, what they pass on to each other, and what is kept of conversations without a slot.

use std::sync::mpsc::Sender;

use super::super::backend::Backend;
use super::super::run::Run;
use super::super::session::{Scales, SlotState, Snapshot, agreement};
use super::Scheduler;
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// A conversation that would lose at least this many tokens to another is put on the shelf, and one that would gain so many
/// is taken from there: the copy takes as long as evaluating a few.
const WORTH_KEEPING: usize = 16;

/// Something to do between two decodes.
pub(in super::super) enum Task {
    /// Tell what the slots hold.
    Look(Sender<Vec<SlotState>>),
    /// Hand out what is held of these tokens, and what that conversation goes on with.
    SavePrefix {
        tokens: Vec<Token>,
        adapters: Scales,
        answer: Sender<Result<Snapshot>>,
    },
    /// Hand out what a slot holds.
    SaveSlot {
        slot: usize,
        answer: Sender<Result<Snapshot>>,
    },
    /// Take a conversation in, into a certain slot or any.
    Load {
        snapshot: Snapshot,
        slot: Option<usize>,
        answer: Sender<Result<()>>,
    },
    /// Forget what a slot holds, and say how many tokens that was.
    Erase {
        slot: usize,
        answer: Sender<Result<usize>>,
    },
}

impl<B: Backend> Scheduler<B> {
    /// Does a task. Whoever asked may have gone.
    pub(in super::super) fn perform(&mut self, task: Task) {
        // A run that nobody listens to any more would else keep its slot busy until the next step.
        self.drop_cancelled();
        match task {
            Task::Look(answer) => {
                let slots = self.slots.iter().map(|slot| SlotState {
                    tokens: slot.cache.len(),
                    is_busy: slot.run.is_some(),
                });
                let _ = answer.send(slots.collect());
            }
            Task::SavePrefix {
                tokens,
                adapters,
                answer,
            } => {
                let _ = answer.send(self.snapshot_of(&tokens, &adapters));
            }
            Task::SaveSlot { slot, answer } => {
                let _ = answer.send(self.exists(slot).and_then(|()| self.snapshot(slot)));
            }
            Task::Load {
                snapshot,
                slot,
                answer,
            } => {
                let _ = answer.send(self.take_in(snapshot, slot));
            }
            Task::Erase { slot, answer } => {
                let _ = answer.send(self.idle(slot).map(|()| {
                    let tokens = self.slots[slot].cache.len();
                    self.truncate(slot, 0);
                    tokens
                }));
            }
        }
    }

    fn exists(&self, slot: usize) -> Result<()> {
        if slot < self.slots.len() {
            return Ok(());
        }
        let last = self.slots.len() - 1;
        Err(Error::new(Kind::Usage, format!("there is no slot {slot}"))
            .hint(format!("slots are counted from 0 to {last}")))
    }

    fn idle(&self, slot: usize) -> Result<()> {
        self.exists(slot)?;
        match self.slots[slot].run {
            None => Ok(()),
            Some(_) => Err(
                Error::new(Kind::Busy, format!("slot {slot} is writing a reply"))
                    .hint("try again when it has ended"),
            ),
        }
    }

    fn snapshot(&mut self, slot: usize) -> Result<Snapshot> {
        let Self { backend, slots, .. } = self;
        let slot_of = &slots[slot];
        if slot_of.cache.is_empty() {
            return Err(Error::new(
                Kind::Usage,
                format!("slot {slot} holds nothing that could be saved"),
            ));
        }
        let state = backend.save(slot, usize::MAX).ok_or_else(|| {
            Error::new(
                Kind::Engine,
                "the model's memory of a conversation cannot be copied",
            )
        })?;
        Ok(Snapshot {
            tokens: slot_of.cache.clone(),
            adapters: slot_of.adapters.clone(),
            state,
        })
    }

    /// The conversation with the longest beginning of `tokens`.
    fn snapshot_of(&mut self, tokens: &[Token], adapters: &Scales) -> Result<Snapshot> {
        let in_slot = (0..self.slots.len())
            .filter(|&i| self.slots[i].adapters == *adapters)
            .map(|i| (agreement(&self.slots[i].cache, tokens), i))
            .max_by_key(|&(common, i)| (common, std::cmp::Reverse(i)))
            .filter(|&(common, _)| common > 0);
        let on_shelf = self.shelf.find(tokens, adapters);
        match (in_slot, on_shelf) {
            (slot, Some((common, at))) if slot.is_none_or(|(other, _)| other < common) => {
                Ok(self.shelf.take_up(at).clone())
            }
            (Some((_, slot)), _) => self.snapshot(slot),
            (None, _) => Err(Error::new(
                Kind::Usage,
                "nothing of the prompt was evaluated, so there is nothing to save",
            )),
        }
    }

    fn take_in(&mut self, snapshot: Snapshot, slot: Option<usize>) -> Result<()> {
        let slot = match slot {
            Some(slot) => {
                self.idle(slot)?;
                Some(slot)
            }
            None => (0..self.slots.len())
                .filter(|&i| self.slots[i].run.is_none())
                .min_by_key(|&i| self.slots[i].used),
        };
        let Some(slot) = slot else {
            if snapshot.state.len() > self.shelf.budget() {
                return Err(Error::new(Kind::Busy, "all slots are writing replies")
                    .hint("try again when one has ended"));
            }
            self.shelf.put(snapshot);
            return Ok(());
        };
        self.shelve(slot);
        self.truncate(slot, 0);
        if !self.backend.load(slot, &snapshot.state) {
            // The cells of all slots are one pool.
            return Err(Error::new(
                Kind::Limit,
                "there is no room for the conversation beside the others",
            )
            .hint("erase a slot or load the model with a larger context"));
        }
        self.clock += 1;
        let clock = self.clock;
        let slot = &mut self.slots[slot];
        slot.cache = snapshot.tokens;
        slot.adapters = snapshot.adapters;
        slot.used = clock;
        Ok(())
    }

    /// Makes slot `i` hold as much of the beginning of `run` as is known, and nothing else; says how much.
    pub(super) fn recall(&mut self, i: usize, run: &Run) -> usize {
        let own = self.common(i, run);
        let lost = self.slots[i].cache.len() - own;
        // A conversation of which a reply is asked for anew goes on; the old one is rarely needed again, and read by one
        // decode if it is: not worth a copy of the whole.
        let goes_on = own > lost && lost < self.limits.shared_chunk;
        if lost >= WORTH_KEEPING && !goes_on {
            self.shelve(i);
        }
        let elsewhere = (0..self.slots.len()).filter(|_| self.limits.shares);
        let held = elsewhere.map(|j| self.common(j, run)).max();
        let held = held.unwrap_or(0).max(own);
        let prompt = &run.tokens[..run.tokens.len() - 1];
        if let Some((common, at)) = self.shelf.find(prompt, &run.adapters)
            && common >= held + WORTH_KEEPING
        {
            self.truncate(i, 0);
            let snapshot = self.shelf.take_up(at);
            if self.backend.load(i, &snapshot.state) {
                self.slots[i].cache.clone_from(&snapshot.tokens);
                self.slots[i].adapters = run.adapters.clone();
                return self.truncate(i, common);
            }
        }
        let kept = self.truncate(i, own);
        self.slots[i].adapters = run.adapters.clone();
        kept
    }

    /// Puts what slot `i` holds on the shelf, unless it is there or in another slot.
    pub(super) fn shelve(&mut self, i: usize) {
        let Self {
            backend,
            slots,
            shelf,
            ..
        } = self;
        let slot = &slots[i];
        let is_held = |(j, other): (usize, &super::Slot)| {
            j != i && other.adapters == slot.adapters && other.cache.starts_with(&slot.cache)
        };
        if slot.cache.len() < WORTH_KEEPING
            || slots.iter().enumerate().any(is_held)
            || shelf.covers(&slot.cache, &slot.adapters)
        {
            return;
        }
        if let Some(state) = backend.save(i, shelf.budget()) {
            shelf.put(Snapshot {
                tokens: slot.cache.clone(),
                adapters: slot.adapters.clone(),
                state,
            });
        }
    }

    /// How many tokens of `run` slot `i` holds.
    pub(super) fn common(&self, i: usize, run: &Run) -> usize {
        let slot = &self.slots[i];
        if slot.adapters == run.adapters {
            usable(&slot.cache, &run.tokens)
        } else {
            0
        }
    }

    /// Forgets what slot `i` holds beyond `length` tokens, and says how many are left.
    pub(super) fn truncate(&mut self, i: usize, length: usize) -> usize {
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

    /// Moves the last request into a free slot before it, where only neighbours share a pass over the weights: the copy
    /// takes about as long as two or three passes, and is worth it as soon as some tokens are still to be written.
    ///
    /// At most one move for each decode, for the copies are made by the next one.
    pub(super) fn close_gap(&mut self) {
        if !self.limits.separate || !self.limits.shares {
            return;
        }
        let is_busy = |i: &usize| self.slots[*i].run.is_some();
        let first = (0..self.slots.len()).find(is_busy);
        let last = (0..self.slots.len()).rfind(is_busy);
        let (Some(first), Some(last)) = (first, last) else {
            return;
        };
        let Some(gap) = (first..last).find(|i| !is_busy(i)) else {
            return;
        };
        self.shelve(gap);
        self.truncate(gap, 0);
        let length = self.slots[last].cache.len();
        if length > 0 {
            self.backend.share(last, gap, length);
        }
        let from = &mut self.slots[last];
        let (run, cache, adapters) = (from.run.take(), from.cache.clone(), from.adapters.clone());
        let to = &mut self.slots[gap];
        (to.run, to.cache, to.adapters, to.used) = (run, cache, adapters, self.clock);
        // The copy is made by the next decode, so what it is made from must stay until then; but it goes first.
        self.slots[last].used = 0;
    }

    /// Takes over from other slots what they have evaluated of the same tokens.
    pub(super) fn adopt(&mut self) {
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
                .map(|j| (self.common(j, run), j))
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
}

/// How many tokens of `wanted` need not be evaluated if `cache` is: what they have in common, but never all, for the
/// logits after the last one are needed.
pub(super) fn usable(cache: &[Token], wanted: &[Token]) -> usize {
    agreement(cache, &wanted[..wanted.len().saturating_sub(1)])
}
