//! Conversations in memory, the one unused longest is dropped first.

use super::{Scales, Snapshot, agreement};
use crate::sampling::Token;

/// Conversations that have lost their slot.
pub(crate) struct Shelf {
    /// The one used last stands last.
    entries: Vec<Snapshot>,
    bytes: usize,
    budget: usize,
}

impl Shelf {
    /// A shelf of `budget` bytes.
    pub(crate) fn new(budget: usize) -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
            budget,
        }
    }

    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Whether some conversation begins with all of `tokens`.
    pub(crate) fn covers(&self, tokens: &[Token], adapters: &Scales) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.adapters == *adapters && entry.tokens.starts_with(tokens))
    }

    /// The conversation that has most in common with `tokens`, and how much.
    pub(crate) fn find(&mut self, tokens: &[Token], adapters: &Scales) -> Option<(usize, usize)> {
        (0..self.entries.len())
            .filter(|&at| self.entries[at].adapters == *adapters)
            .map(|at| (agreement(&self.entries[at].tokens, tokens), at))
            .filter(|&(common, _)| common > 0)
            .max()
    }

    /// Conversation `at`, which counts as used.
    pub(crate) fn take_up(&mut self, at: usize) -> &Snapshot {
        let last = self.entries.len() - 1;
        self.entries[at..].rotate_left(1);
        &self.entries[last]
    }

    /// Puts a conversation on the shelf and drops what it goes on from, and as many others as it takes. One that is
    /// larger than the whole shelf is not put there.
    pub(crate) fn put(&mut self, snapshot: Snapshot) {
        if size(&snapshot) > self.budget {
            return;
        }
        self.entries.retain(|entry| {
            entry.adapters != snapshot.adapters || !snapshot.tokens.starts_with(&entry.tokens)
        });
        self.entries.push(snapshot);
        self.bytes = self.entries.iter().map(size).sum();
        while self.bytes > self.budget {
            self.bytes -= size(&self.entries.remove(0));
        }
    }
}

fn size(snapshot: &Snapshot) -> usize {
    snapshot.state.len() + size_of_val(snapshot.tokens.as_slice())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn snapshot(tokens: &[Token], bytes: usize) -> Snapshot {
        Snapshot {
            tokens: tokens.to_vec(),
            adapters: Arc::from([]),
            state: vec![0; bytes - size_of_val(tokens)],
        }
    }

    fn none() -> Scales {
        Arc::from([])
    }

    #[test]
    fn the_longest_common_beginning_is_found_among_those_of_the_same_adapters() {
        let mut shelf = Shelf::new(1000);
        shelf.put(snapshot(&[1, 2, 9], 100));
        shelf.put(snapshot(&[1, 2, 3, 4], 100));
        shelf.put(Snapshot {
            adapters: Arc::from([0.5]),
            ..snapshot(&[1, 2, 3, 5], 100)
        });
        let (common, at) = shelf.find(&[1, 2, 3, 5], &none()).unwrap();
        assert_eq!(common, 3);
        assert_eq!(shelf.take_up(at).tokens, [1, 2, 3, 4]);
        assert_eq!(shelf.find(&[1, 2, 3, 5], &Arc::from([0.5])).unwrap().0, 4);
        assert_eq!(shelf.find(&[7], &none()), None);
        assert!(shelf.covers(&[1, 2], &none()));
        assert!(!shelf.covers(&[1, 2], &Arc::from([1.0])));
    }

    #[test]
    fn what_was_unused_longest_makes_room() {
        let mut shelf = Shelf::new(300);
        for first in 1..=3 {
            shelf.put(snapshot(&[first, 0], 100));
        }
        let (_, at) = shelf.find(&[1, 0], &none()).unwrap();
        shelf.take_up(at);
        shelf.put(snapshot(&[4, 0], 150));
        let held = |shelf: &Shelf, first| shelf.covers(&[first, 0], &none());
        assert_eq!(
            [1, 2, 3, 4].map(|first| held(&shelf, first)),
            [true, false, false, true]
        );
        assert!(shelf.bytes <= 300);
    }

    #[test]
    fn a_conversation_takes_the_place_of_its_own_beginning() {
        let mut shelf = Shelf::new(300);
        shelf.put(snapshot(&[1, 2], 100));
        shelf.put(snapshot(&[1, 2, 3], 100));
        assert_eq!((shelf.entries.len(), shelf.bytes), (1, 100));
    }

    #[test]
    fn what_is_larger_than_the_shelf_leaves_the_others_where_they_are() {
        let mut shelf = Shelf::new(300);
        shelf.put(snapshot(&[1], 100));
        shelf.put(snapshot(&[2], 301));
        assert!(shelf.covers(&[1], &none()) && !shelf.covers(&[2], &none()));
    }
}
