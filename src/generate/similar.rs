//! Texts that are nearly the same: what a small model does when it is asked a thousand times.
//!
//! Two texts are compared by the runs of three words they share (Jaccard's index of the two sets), with the names of
//! their own people masked. Runs are kept by their hash, with the texts that have them, so a new text is compared with
//! thousands at once.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};

use super::review::words;

/// Words in a run.
const RUN: usize = 3;
/// Texts that share this part of their runs are nearly the same. Unrelated texts of one small model share up to a
/// twentieth.
pub const NEARLY_THE_SAME: f64 = 0.25;

/// Texts to compare others with.
#[derive(Debug, Clone, Default)]
pub struct Similar {
    /// How many runs each text has, and whose it is.
    texts: Vec<(usize, String)>,
    /// The texts that have a run.
    with: HashMap<u64, Vec<usize>>,
}

impl Similar {
    /// Adds the text of `name`; `masked` are the names in it that say nothing about the rest.
    pub fn add(&mut self, name: &str, text: &str, masked: &[&str]) {
        let runs = runs(text, masked);
        let number = self.texts.len();
        self.texts.push((runs.len(), name.to_owned()));
        for run in runs {
            self.with.entry(run).or_default().push(number);
        }
    }

    /// The text most like this one: how like it is, from 0 to 1, and whose it is.
    #[must_use]
    pub fn nearest(&self, text: &str, masked: &[&str]) -> Option<(f64, &str)> {
        let runs = runs(text, masked);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for number in runs.iter().filter_map(|run| self.with.get(run)).flatten() {
            *shared.entry(*number).or_default() += 1;
        }
        let likeness = |(number, shared): (usize, usize)| {
            let (count, name) = &self.texts[number];
            let all = count + runs.len() - shared;
            (shared as f64 / all.max(1) as f64, name.as_str())
        };
        // Ties go to the earlier text, whatever the order of the map.
        let mut numbers: Vec<_> = shared.into_iter().collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .map(likeness)
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
    }
}

/// The hashes of the runs of words, the names in them masked.
fn runs(text: &str, masked: &[&str]) -> HashSet<u64> {
    let names: HashSet<String> = masked.iter().flat_map(|name| words(name)).collect();
    let words: Vec<String> = words(text)
        .map(|word| {
            let bare = word.strip_suffix("'s").unwrap_or(&word);
            if names.contains(bare) {
                "*".to_owned()
            } else {
                word
            }
        })
        .collect();
    let hash = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    words.windows(RUN).map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAKER: &str = "Ann Reed is a quiet baker who rises before dawn. Ann's oven is older than the street, and she \
        trusts it more than any clock. She wants to win the winter fair.";

    #[test]
    fn another_name_and_a_changed_word_are_nearly_the_same() {
        let mut texts = Similar::default();
        texts.add("Ann Reed", BAKER, &["Ann Reed"]);
        texts.add(
            "Okka",
            "Okka mends nets and tells tall stories about every knot in them.",
            &["Okka"],
        );
        let other = BAKER
            .replace("Ann Reed", "Tomas")
            .replace("Ann", "Tomas")
            .replace("winter", "summer");
        let (likeness, whose) = texts.nearest(&other, &["Tomas"]).unwrap();
        assert!(likeness > 0.8, "{likeness}");
        assert_eq!(whose, "Ann Reed");
    }

    #[test]
    fn two_people_of_one_trade_are_not() {
        let mut texts = Similar::default();
        texts.add("Ann Reed", BAKER, &["Ann Reed"]);
        let other = "Idris is a loud baker who sleeps until noon. He trusts his nose more than any clock and sells what \
            is left at the harbour gate.";
        let likeness = texts
            .nearest(other, &["Idris"])
            .map_or(0.0, |(likeness, _)| likeness);
        assert!(likeness < NEARLY_THE_SAME, "{likeness}");
        assert_eq!(Similar::default().nearest(other, &[]), None);
    }
}
