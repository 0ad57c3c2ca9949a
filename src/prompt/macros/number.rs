//! Numbers as JavaScript reads and prints them, because variables hold text and are added as numbers.

use super::lexer::trim;

/// What JavaScript's `Number(text)` gives; NaN where `text` is no number.
pub(super) fn parse(text: &str) -> f64 {
    let text = trim(text);
    if text.is_empty() {
        return 0.0;
    }
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0b", "0B"], 2), (["0o", "0O"], 8)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            let digits = digits.chars().map(|digit| digit.to_digit(radix));
            return digits
                .fold(None, |sum: Option<f64>, digit| {
                    Some(sum.unwrap_or(0.0) * f64::from(radix) + digit.map_or(f64::NAN, f64::from))
                })
                .unwrap_or(f64::NAN);
        }
    }
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        "Infinity" if text.starts_with('-') => return f64::NEG_INFINITY,
        "Infinity" => return f64::INFINITY,
        _ => {}
    }
    // Rust also reads `inf` and `nan`.
    if text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
    {
        text.parse().unwrap_or(f64::NAN)
    } else {
        f64::NAN
    }
}

/// What JavaScript's `String(number)` gives: the shortest digits that read back, with an exponent from 1e21 and below
/// 1e-6.
pub(super) fn format(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&number.abs()) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}
