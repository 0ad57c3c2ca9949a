//! Ages in a generated text: everybody is an adult, and nobody has two.

use super::{Fault, words};
use crate::generate::number::numbers;

/// Words that say that somebody is not an adult.
const MINORS: &[&str] = &[
    "adolescence",
    "adolescent",
    "adolescents",
    "babies",
    "baby",
    "boy",
    "boys",
    "child",
    "childish",
    "children",
    "girl",
    "girls",
    "highschooler",
    "infant",
    "juvenile",
    "kid",
    "kids",
    "minor",
    "preteen",
    "prepubescent",
    "schoolboy",
    "schoolchild",
    "schoolgirl",
    "schoolkid",
    "teen",
    "teenage",
    "teenaged",
    "teenager",
    "teenagers",
    "teens",
    "toddler",
    "underage",
    "underaged",
    "youngster",
];

/// A word or an age that says that somebody is not an adult.
#[must_use]
pub fn adults(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    if let Some(word) = words.iter().find(|word| MINORS.contains(&word.as_str())) {
        return Some(Fault::Age(word.clone()));
    }
    // "17yo".
    let short = (words.iter()).find(|word| {
        let age = word.strip_suffix("yo").and_then(|age| age.parse().ok());
        age.is_some_and(|age: u32| age < 18)
    });
    // "17 years old", "17-year-old", "seventeen years of age", "aged 17", "turned 17", "17 yo", "is a baker of seventeen".
    let long = numbers(&words).find_map(|(age, at)| {
        let (before, after) = (&words[..at.start], &words[at.end..]);
        let is_age = is_years(after)
            || after.first().is_some_and(|next| next == "yo")
            || (before.last())
                .is_some_and(|last| matches!(last.as_str(), "age" | "aged" | "turned"))
            || is_own_age(age, before, after);
        (is_age && age < 18).then(|| words[at].join(" "))
    });
    let age = short.cloned().or(long)?;
    Some(Fault::Age(format!("{age} years old")))
}

/// Whether these words make an age of the number before them.
fn is_years(words: &[String]) -> bool {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    matches!(word(0), "year" | "years")
        && (word(1) == "old" || (word(1) == "of" && word(2) == "age"))
}

/// Two ages of the one that a text is about: "a fifty-year-old harpist of thirty".
#[must_use]
pub fn ages(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    let mut ages = numbers(&words)
        .filter(|(age, at)| is_own_age(*age, &words[..at.start], &words[at.end..]))
        .map(|(age, _)| age);
    let first = ages.next()?;
    let other = ages.find(|age| *age != first)?;
    Some(Fault::Ages(first, other))
}

/// Whether a number between these words is the age of the one whom the text is about.
fn is_own_age(age: u32, before: &[String], after: &[String]) -> bool {
    /// The most words from "is a" or "-year-old" to "of thirty".
    const NEAR: usize = 4;
    /// A mother of three is older.
    const LEAST: u32 = 10;
    let last = |n: usize| before.iter().rev().nth(n).map_or("", String::as_str);
    let is = |word: &str| matches!(word, "is" | "was" | "he's" | "she's");
    let article = |word: &str| matches!(word, "a" | "an");
    if is_years(after) {
        // "Ann is a thirty-year-old", "she is thirty years old", but not "her son, who is thirty years old".
        let at = usize::from(article(last(0)));
        return is(last(at)) && !matches!(last(at + 1), "who" | "that" | "which");
    }
    // "A fifty-year-old baker of thirty", "is a woman of thirty", but not "a captain of thirty ships".
    let is_count = after.first().is_some_and(|next| match next.as_str() {
        "whose" | "is" | "was" | "as" | "has" => false,
        "people" | "men" | "women" | "hundred" | "thousand" | "per" => true,
        next => next.ends_with('s'),
    });
    let mut near = (1..=NEAR).map(|n| (last(n), last(n + 1)));
    let is_of_age = near.any(|(word, before)| word == "old" || (article(word) && is(before)));
    last(0) == "of" && age >= LEAST && !is_count && is_of_age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_below_eighteen_is_found_in_digits_and_in_words() {
        for text in [
            "a 17-year-old baker",
            "she is seventeen years old",
            "a clerk, aged 12",
            "a clerk of fifteen years of age",
            "a 17yo clerk",
            "he just turned sixteen",
            "she is a baker of fifteen who sings",
            "a kind girl",
        ] {
            assert!(matches!(adults(text), Some(Fault::Age(_))), "{text}");
        }
        for text in [
            "a 34-year-old baker",
            "a fifty-nine-year-old baker",
            "married for seventeen years",
            "the 12 apostles",
            "she is a captain of twelve ships",
            "he is a father of three",
            "he is a member of a party of twelve",
        ] {
            assert_eq!(adults(text), None, "{text}");
        }
    }

    #[test]
    fn two_ages_of_one_person_are_found() {
        for (text, one, other) in [
            (
                "Ann is a fifty-year-old harpist of thirty in a small town.",
                50,
                30,
            ),
            (
                "Ann is a twenty-four-year-old magician of thirty-six who travels.",
                24,
                36,
            ),
            (
                "Ann is a woman of twenty-five in a coat. She is thirty years old.",
                25,
                30,
            ),
            ("Ann is a 39-year-old conductor of 23 who hums.", 39, 23),
        ] {
            assert_eq!(ages(text), Some(Fault::Ages(one, other)), "{text}");
        }
        for text in [
            "Ann is a fifty-year-old harpist. She is fifty years old.",
            "Ann is a fifty-year-old captain of thirty ships.",
            "Ann is a fifty-year-old mother of three.",
            "Ann is a fifty-year-old teacher with a son who is thirty years old.",
            "Ann is a lighthouse keeper of twenty-four. Her father is sixty.",
            "Ann is a fifty-year-old weaver. She has spent thirty of those years at one loom.",
        ] {
            assert_eq!(ages(text), None, "{text}");
        }
    }
}
