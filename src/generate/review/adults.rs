//! Everybody in a generated text is an adult: words and ages that say otherwise.

use super::{Fault, words};

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

/// What stands before the units of an adult's age in words.
const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
];

/// A word or an age that says that somebody is not an adult.
#[must_use]
pub fn adults(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    if let Some(word) = words.iter().find(|word| MINORS.contains(&word.as_str())) {
        return Some(Fault::Age(word.clone()));
    }
    // "17 years old", "17-year-old", "seventeen years of age", "aged 17", "turned 17", "17yo".
    for (at, word) in words.iter().enumerate() {
        let Some(age) = number(word) else { continue };
        let is_short = word.ends_with("yo");
        let next = |n: usize| words.get(at + n).map(String::as_str);
        let years = matches!(next(1), Some("year" | "years"));
        let is_age = (years && next(2) == Some("old"))
            || (years && next(2) == Some("of") && next(3) == Some("age"))
            || is_short
            || next(1) == Some("yo")
            || (at > 0 && matches!(words[at - 1].as_str(), "age" | "aged" | "turned"));
        // "fifty-nine years old" is two words here.
        let has_tens = at > 0 && TENS.contains(&words[at - 1].as_str());
        if is_age && age < 18 && !has_tens {
            return Some(Fault::Age(format!("{word} years old")));
        }
    }
    None
}

fn number(word: &str) -> Option<u32> {
    let word = word.strip_suffix("yo").unwrap_or(word);
    const SMALL: &[&str] = &[
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
    ];
    word.parse().ok().or_else(|| {
        SMALL
            .iter()
            .position(|small| *small == word)
            .and_then(|at| u32::try_from(at).ok())
    })
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
            "a kind girl",
        ] {
            assert!(matches!(adults(text), Some(Fault::Age(_))), "{text}");
        }
        for text in [
            "a 34-year-old baker",
            "a fifty-nine-year-old baker",
            "married for seventeen years",
            "the 12 apostles",
        ] {
            assert_eq!(adults(text), None, "{text}");
        }
    }
}
