//! Seeded choices: one independent stream per aspect of a picture.
//!
//! Each aspect (hair, background, ...) draws from its own stream, so that a word in a persona that settles the hair does
//! not reshuffle the background, and a style added to one part leaves all other parts of old portraits as they were.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// A stream of choices that depends only on a name, a seed and an aspect.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream for one `aspect` of the portrait of `name` under `seed`.
    pub(super) fn new(name: &str, seed: u64, aspect: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"portrait 1\0");
        hash.update(seed.to_le_bytes());
        hash.update(aspect.as_bytes());
        hash.update(b"\0");
        hash.update(name.trim().as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// A number in `0.0..1.0`, made by hand because ranges of `rand` may change between versions.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in `low..high`.
    pub(super) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `count`, which is at least 1.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// -1.0 or 1.0.
    pub(super) fn side(&mut self) -> f64 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// One of `items`, which is not empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}
