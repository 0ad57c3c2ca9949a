//! Which tense a text is told in: a hint, for a list of common verbs is no grammar.

use super::{Fault, narration, words};

const PRESENT: &[&str] = &[
    "is", "are", "has", "does", "says", "looks", "smiles", "walks", "turns", "stands", "sits",
    "nods", "leans", "watches", "asks", "takes", "steps", "gives", "sighs", "glances", "keeps",
    "wants", "knows", "likes", "loves", "works", "lives", "wears", "comes", "goes", "thinks",
    "feels", "makes", "finds", "tells", "holds", "waits", "meets", "hopes", "runs",
];
const PAST: &[&str] = &[
    "was", "were", "had", "did", "said", "looked", "smiled", "walked", "turned", "stood", "sat",
    "nodded", "leaned", "watched", "asked", "took", "stepped", "gave", "sighed", "glanced", "kept",
    "wanted", "knew", "liked", "loved", "worked", "lived", "wore", "came", "went", "thought",
    "felt", "made", "found", "told", "held", "waited", "met", "hoped", "ran",
];

/// So many verbs of the list must be there before a text is judged by them.
const ENOUGH: usize = 3;

/// How many common verbs of the narration are in the present and in the past.
fn verbs(text: &str) -> (usize, usize) {
    let (mut present, mut past) = (0, 0);
    for part in narration(text) {
        for word in words(part) {
            present += usize::from(PRESENT.contains(&word.as_str()));
            past += usize::from(PAST.contains(&word.as_str()));
        }
    }
    (present, past)
}

/// A persona or a scenario that is told in the past. Whoever has a history is told of in the past here and there, so only
/// a clear majority counts.
#[must_use]
pub fn in_present(text: &str) -> Option<Fault> {
    let (present, past) = verbs(text);
    (past >= ENOUGH && past > 2 * present).then_some(Fault::Tense("present"))
}

/// A message that is told in the present.
#[must_use]
pub fn in_past(text: &str) -> Option<Fault> {
    let (present, past) = verbs(text);
    (present >= ENOUGH && present > 2 * past).then_some(Fault::Tense("past"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_majority_of_verbs_tells_the_tense() {
        let persona =
            "Mara was born inland. She keeps the lamp, knows every ship and wants a quiet winter.";
        assert_eq!(in_present(persona), None);
        let past = "Mara was a keeper. She had a boat and kept it dry. She wanted more.";
        assert_eq!(in_present(past), Some(Fault::Tense("present")));
        let greeting =
            "Mara smiles and takes the rope. \"You had a long way,\" she says. \"Was it wet?\"";
        assert_eq!(in_past(greeting), Some(Fault::Tense("past")));
        assert_eq!(
            in_past("Mara smiled. \"He is late. He has no watch, and he says so.\""),
            None
        );
    }
}
