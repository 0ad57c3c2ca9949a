//! Numbers in words, read from a text and written into one.

use std::ops::Range;

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
    "eighteen",
    "nineteen",
];
const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// A number between 20 and 99 in words.
pub(super) fn in_words(number: u32) -> String {
    let tens = TENS[(number / 10).clamp(2, 9) as usize - 2];
    match number % 10 {
        0 => tens.to_owned(),
        unit => format!("{tens}-{}", SMALL[unit as usize]),
    }
}

/// The numbers in a run of words, each with the words that it takes.
pub(super) fn numbers(words: &[String]) -> impl Iterator<Item = (u32, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < words.len() {
            let start = at;
            let found = number(&words[start..]);
            at += found.map_or(1, |(_, length)| length);
            if let Some((number, _)) = found {
                return Some((number, start..at));
            }
        }
        None
    })
}

/// The number that begins a run of words, and how many of them it takes: "17", "fifty nine", "three hundred and two".
fn number(words: &[String]) -> Option<(u32, usize)> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let place = |list: &[&str], at: usize| {
        let found = list.iter().position(|known| *known == word(at))?;
        u32::try_from(found).ok()
    };
    if let Ok(digits) = word(0).parse() {
        return Some((digits, 1));
    }
    let below_hundred = |at: usize| {
        if let Some(small) = place(SMALL, at) {
            return Some((small, at + 1));
        }
        let tens = place(TENS, at)? * 10 + 20;
        match place(SMALL, at + 1) {
            Some(small @ 1..=9) => Some((tens + small, at + 2)),
            _ => Some((tens, at + 1)),
        }
    };
    let (hundreds, at) = if word(0) == "hundred" {
        (1, 1)
    } else {
        let (first, at) = below_hundred(0)?;
        if word(at) != "hundred" {
            return Some((first, at));
        }
        (first, at + 1)
    };
    let rest = below_hundred(at + usize::from(word(at) == "and"));
    let (rest, end) = rest.unwrap_or((0, at));
    Some((hundreds * 100 + rest, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_digits_and_in_words() {
        let read = |text: &str| number(&super::super::review::words(text).collect::<Vec<_>>());
        for (text, value, words) in [
            ("17 years", 17, 1),
            ("seventeen years", 17, 1),
            ("fifty-nine-year-old", 59, 2),
            ("forty", 40, 1),
            ("twenty twelve", 20, 1),
            ("hundred years", 100, 1),
            ("three hundred and two", 302, 4),
            ("two hundred and a half", 200, 2),
        ] {
            assert_eq!(read(text), Some((value, words)), "{text}");
        }
        assert_eq!(in_words(40), "forty");
        assert_eq!(in_words(57), "fifty-seven");
        assert_eq!(read("old"), None);
        assert_eq!(read(""), None);
    }
}
