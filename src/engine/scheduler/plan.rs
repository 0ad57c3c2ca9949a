//! What the next decode evaluates.

use std::sync::Arc;

use super::super::backend::{Backend, Entry};
use super::super::session::Scales;
use super::Scheduler;
use super::memory::usable;
use crate::sampling::Token;

/// Waiting for an earlier request pays when it saves at least this many tokens.
const WORTH_WAITING: usize = 16;
/// Decodes with the same adapters while requests with others wait: setting other ones makes llama.cpp prepare its
/// computation anew, which takes about as long as a decode of a small model.
const DECODES_PER_TURN: usize = 8;

impl<B: Backend> Scheduler<B> {
    /// A token of everybody who writes, and prompts as [`Scheduler::share_room`] says. Adapters work on whole decodes, so
    /// requests with different ones take turns.
    pub(super) fn plan(&mut self) -> Vec<Entry> {
        let runs = self.turn();
        let mut counts = vec![0; self.slots.len()];
        let mut prompts = Vec::new();
        for &i in &runs {
            if self.pending(i).len() == 1 {
                counts[i] = 1;
            } else {
                prompts.push(i);
            }
        }
        let is_shared = prompts.len() < runs.len();
        let room = if is_shared {
            self.limits.shared_chunk
        } else {
            self.limits.chunk
        };
        let ready: Vec<usize> = prompts
            .iter()
            .enumerate()
            .filter(|&(at, &i)| !prompts[..at].iter().any(|&other| self.waits_for(i, other)))
            .map(|(_, &i)| i)
            .collect();
        self.share_room(&ready, room, &mut counts);
        if is_shared && self.limits.separate {
            // In the pass over the weights for those who write there is a place for one token of everybody, and an empty
            // one between two of them would make it two passes.
            let rest = self.limits.chunk - ready.iter().map(|&i| counts[i]).sum::<usize>();
            let unread = ready.iter().filter(|&&i| counts[i] == 0);
            let unread: Vec<usize> = unread.copied().take(rest).collect();
            unread.into_iter().for_each(|i| counts[i] = 1);
        }
        let mut batch = Vec::new();
        for (i, &count) in counts.iter().enumerate() {
            self.push(&mut batch, i, count);
        }
        batch
    }

    /// How much is read of each prompt of `ready`, which are in the order of arrival: about `room` tokens of all.
    ///
    /// The shortest goes first, so that a short question does not wait until a long one is read, but the oldest has at
    /// least half of the room. Prompts are read in as few pieces as possible, for each piece is a pass over the weights: one
    /// is read to its end where it lacks no more than half a room, and none is begun with less than that.
    fn share_room(&self, ready: &[usize], room: usize, counts: &mut [usize]) {
        let Some(&oldest) = ready.first() else {
            return;
        };
        let half = room.div_ceil(2);
        let most = (room + half).min(self.limits.chunk);
        let mut kept = half.min(self.pending(oldest).len());
        let mut read = 0;
        let mut shortest = ready.to_vec();
        // The sort is stable: among equals who came first.
        shortest.sort_by_key(|&i| self.pending(i).len());
        for i in shortest {
            let wanted = self.pending(i).len();
            let is_oldest = i == oldest;
            let free = if is_oldest {
                room.saturating_sub(read).max(std::mem::take(&mut kept))
            } else {
                room.saturating_sub(read + kept)
            };
            counts[i] = if free > 0 && wanted <= (free + half).min(most - kept - read) {
                wanted
            } else if is_oldest || free >= room / 2 {
                free
            } else {
                0
            };
            read += counts[i];
        }
    }

    /// The slots whose requests may run now, in the order of arrival, and sets their adapters.
    fn turn(&mut self) -> Vec<usize> {
        let mut runs: Vec<(u64, usize, &Scales)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(i, slot)| {
                let run = slot.run.as_ref()?;
                Some((run.number, i, &run.adapters))
            })
            .collect();
        runs.sort_unstable_by_key(|&(number, ..)| number);
        let mut sets: Vec<&Scales> = Vec::new();
        for (.., adapters) in &runs {
            if !sets.contains(adapters) {
                sets.push(adapters);
            }
        }
        let at = sets.iter().position(|set| **set == self.adapters);
        let (at, turns) = match at {
            Some(at) if sets.len() == 1 => (at, 0),
            Some(at) if self.turns < DECODES_PER_TURN => (at, self.turns + 1),
            Some(at) => ((at + 1) % sets.len(), 1),
            None => (0, 1),
        };
        let Some(&set) = sets.get(at) else {
            return Vec::new();
        };
        let set = Arc::clone(set);
        let mut chosen = Vec::new();
        for (_, i, adapters) in runs {
            if *adapters == set {
                chosen.push(i);
            }
        }
        self.turns = turns;
        if set != self.adapters {
            self.backend.use_adapters(&set);
            self.adapters = set;
        }
        chosen
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
        if count == 0 {
            return;
        }
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
}
