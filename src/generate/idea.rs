//! What a character is about before a word of it is written: age, trait, trade, and the place of the first meeting.
//!
//! A small model that is left to itself writes the same three people over and over; a drawn idea is what makes a
//! thousand characters differ. The lists are our own.

use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::number::in_words;

/// A drawn idea of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idea {
    /// The age in words; always an adult's.
    pub age: String,
    /// One word for the temper.
    pub quality: &'static str,
    /// What the person does for a living.
    pub occupation: &'static str,
    /// Where the two meet.
    pub place: &'static str,
}

static OCCUPATIONS: &str = include_str!("ideas/occupations.txt");
static TRAITS: &str = include_str!("ideas/traits.txt");
static PLACES: &str = include_str!("ideas/places.txt");
static LORE: &str = include_str!("ideas/lore.txt");

impl Idea {
    /// The idea that a seed draws.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |list: &'static str| {
            let lines: Vec<&'static str> = list.lines().collect();
            lines.choose(&mut dice).copied().unwrap_or_default()
        };
        let (occupation, quality, place) = (draw(OCCUPATIONS), draw(TRAITS), draw(PLACES));
        let ages: Vec<u32> = (22..=68).collect();
        Self {
            age: in_words(ages.choose(&mut dice).copied().unwrap_or(30)),
            quality,
            occupation,
            place,
        }
    }
}

/// What an entry of a lorebook is about: so many different things, each with its article, such as `the lantern festival`.
#[must_use]
pub fn topics(seed: u64, count: usize) -> Vec<&'static str> {
    // Another stream than the ideas', which come from the same seed.
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(1);
    let lines: Vec<&'static str> = LORE.lines().collect();
    let mut drawn = Vec::new();
    while drawn.len() < count.min(lines.len()) {
        match lines.choose(&mut dice) {
            Some(line) if !drawn.contains(line) => drawn.push(*line),
            _ => {}
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_clean() {
        for list in [OCCUPATIONS, TRAITS, PLACES, LORE] {
            let mut lines: Vec<_> = list.lines().collect();
            assert!(
                lines
                    .iter()
                    .all(|line| !line.trim().is_empty() && line.trim() == *line)
            );
            let count = lines.len();
            lines.sort_unstable();
            lines.dedup();
            assert_eq!(lines.len(), count);
        }
    }

    #[test]
    fn seeds_draw_different_ideas_and_the_same_seed_the_same() {
        let ideas: std::collections::HashSet<_> = (0..200)
            .map(|seed| format!("{:?}", Idea::drawn(seed)))
            .collect();
        assert_eq!(ideas.len(), 200);
        assert_eq!(Idea::drawn(7), Idea::drawn(7));
        let mut three = topics(7, 3);
        assert_eq!(three, topics(7, 3));
        three.dedup();
        assert_eq!(three.len(), 3);
    }
}
