//! Spans of time in words.

/// A difference in milliseconds in words: `in 3 hours`, `a day ago`.
pub(in super::super) fn humanize(difference: i64) -> String {
    let span = difference.unsigned_abs() as f64;
    let days = span / 864e5;
    let months = days * 4800.0 / 146_097.0;
    let rounded = |number: f64| number.round() as u64;
    let words = match rounded(span / 1e3) {
        0..=44 => "a few seconds".to_owned(),
        _ => match (rounded(span / 6e4), rounded(span / 36e5), rounded(days)) {
            (..=1, ..) => "a minute".to_owned(),
            (minutes @ ..45, ..) => format!("{minutes} minutes"),
            (_, ..=1, _) => "an hour".to_owned(),
            (_, hours @ ..22, _) => format!("{hours} hours"),
            (_, _, ..=1) => "a day".to_owned(),
            (_, _, days @ ..26) => format!("{days} days"),
            _ => match (rounded(months), rounded(months / 12.0)) {
                (..=1, _) => "a month".to_owned(),
                (months @ ..11, _) => format!("{months} months"),
                (_, ..=1) => "a year".to_owned(),
                (_, years) => format!("{years} years"),
            },
        },
    };
    if difference > 0 {
        format!("in {words}")
    } else {
        format!("{words} ago")
    }
}
