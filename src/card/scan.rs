//! The span scanner: where each value of a JSON text stands, without building a tree of it.
//!
//! An edit that leaves every other byte alone needs to know where a value begins and ends, and how it was spelt. A
//! parser into values forgets that: it merges duplicate keys, rewrites `1e2` and `\/`, and refuses a lone surrogate.
//! This one only measures; text is decoded when somebody asks for it.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Number, Value};

use crate::{Error, Kind, Result};

/// How deep arrays and objects may nest. Real cards stay under 12; deeper ones are made to overflow a stack.
pub(super) const MAX_DEPTH: usize = 128;

/// Where a value stands in its text, in bytes.
pub(super) type Span = Range<usize>;

/// One member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// The key with its quotes.
    pub(super) key: Span,
    /// The value.
    pub(super) value: Span,
}

/// What is wrong with a JSON text, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl Fault {
    /// The fault as an error that names line and column.
    pub(super) fn error(self, text: &str) -> Error {
        let before = &text.as_bytes()[..self.at.min(text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
        Error::new(
            Kind::Card,
            format!(
                "JSON is broken at line {line}, column {column}: {}",
                self.what
            ),
        )
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn fault<T>(&self, what: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Span, Fault> {
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.object(depth, |_| {})?,
            Some(b'[') => self.array(depth, |_| {})?,
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return self.fault("a value was expected here"),
            None => return self.fault("the text ends where a value was expected"),
        }
        Ok(start..self.at)
    }

    fn object(&mut self, depth: usize, mut each: impl FnMut(Member)) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return self.fault("values nest deeper than 128 levels");
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.fault("a key in double quotes was expected here");
            }
            self.string()?;
            let key = start..self.at;
            self.space();
            if self.peek() != Some(b':') {
                return self.fault("`:` was expected after the key");
            }
            self.at += 1;
            self.space();
            let value = self.value(depth + 1)?;
            each(Member { key, value });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault("`,` or `}` was expected here"),
            }
            self.space();
        }
    }

    fn array(&mut self, depth: usize, mut each: impl FnMut(Span)) -> Result<(), Fault> {
        if depth >= MAX_DEPTH {
            return self.fault("values nest deeper than 128 levels");
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fault("`,` or `]` was expected here"),
            }
            self.space();
        }
    }

    fn string(&mut self) -> Result<(), Fault> {
        let open = self.at;
        self.at += 1;
        loop {
            // Most of a card is text between quotes, so whole stretches of it are looked at together.
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let end = memchr::memchr2(b'"', b'\\', rest);
            let plain = &rest[..end.unwrap_or(rest.len())];
            if plain.iter().fold(false, |found, &b| found | (b < 0x20)) {
                self.at += plain.iter().take_while(|b| **b >= 0x20).count();
                return self.fault("a raw control character stands in a string");
            }
            let Some(end) = end else {
                self.at = open;
                return self.fault("this string never ends");
            };
            self.at += end;
            if rest[end] == b'"' {
                self.at += 1;
                return Ok(());
            }
            match self.bytes.get(self.at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                    self.at += 2;
                }
                Some(b'u') => {
                    let digits = self.bytes.get(self.at + 2..self.at + 6);
                    if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                        return self.fault("`\\u` needs four hexadecimal digits");
                    }
                    self.at += 6;
                }
                _ => return self.fault("a backslash stands before a letter it cannot escape"),
            }
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.fault("a digit was expected here");
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fault("a number begins with a needless zero");
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Fault> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        self.fault("a value was expected here")
    }
}

/// Checks a whole text and says where its one value stands.
#[cfg(test)]
pub(super) fn check(text: &str) -> Result<Span, Fault> {
    check_members(text).map(|(root, _)| root)
}

/// Checks a whole text and says where its one value stands, and, when that is an object, its members.
pub(super) fn check_members(text: &str) -> Result<(Span, Vec<Member>), Fault> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
    };
    let mut members = Vec::new();
    scanner.space();
    let start = scanner.at;
    if scanner.peek() == Some(b'{') {
        scanner.object(0, |member| members.push(member))?;
    } else {
        scanner.value(0)?;
    }
    let root = start..scanner.at;
    scanner.space();
    if scanner.at < text.len() {
        return scanner.fault("something stands after the end of the value");
    }
    Ok((root, members))
}

/// The members of the object at `span`, in order, duplicates included; empty for anything else.
pub(super) fn members(text: &str, span: &Span) -> Vec<Member> {
    let mut found = Vec::new();
    if text.as_bytes().get(span.start) == Some(&b'{') {
        let mut scanner = Scanner {
            bytes: text.as_bytes(),
            at: span.start,
        };
        // The text was checked whole before, with the depth counted from its root.
        let _ = scanner.object(0, |member| found.push(member));
    }
    found
}

/// The items of the array at `span`; empty for anything else.
pub(super) fn items(text: &str, span: &Span) -> Vec<Span> {
    let mut found = Vec::new();
    if text.as_bytes().get(span.start) == Some(&b'[') {
        let mut scanner = Scanner {
            bytes: text.as_bytes(),
            at: span.start,
        };
        let _ = scanner.array(0, |item| found.push(item));
    }
    found
}

/// Whether the string at `span` (with its quotes) says `wanted`.
pub(super) fn says(text: &str, span: &Span, wanted: &str) -> bool {
    let raw = &text[span.start + 1..span.end - 1];
    raw == wanted || (raw.contains('\\') && string(text, span) == wanted)
}

/// The string at `span` (with its quotes), decoded. A lone surrogate, which no Rust string can hold, reads as U+FFFD;
/// its escape stays in the text.
pub(super) fn string<'a>(text: &'a str, span: &Span) -> Cow<'a, str> {
    let raw = &text[span.start + 1..span.end - 1];
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut decoded = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(backslash) = rest.find('\\') {
        decoded.push_str(&rest[..backslash]);
        let escape = rest.as_bytes()[backslash + 1];
        let mut used = backslash + 2;
        match escape {
            b'n' => decoded.push('\n'),
            b't' => decoded.push('\t'),
            b'r' => decoded.push('\r'),
            b'b' => decoded.push('\u{8}'),
            b'f' => decoded.push('\u{c}'),
            b'u' => {
                let unit = code_unit(rest, backslash).unwrap_or(0xfffd);
                used = backslash + 6;
                match (unit, code_unit(rest, used)) {
                    (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                        let c = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        decoded.push(char::from_u32(c).unwrap_or('\u{fffd}'));
                        used += 6;
                    }
                    _ => decoded.push(char::from_u32(unit).unwrap_or('\u{fffd}')),
                }
            }
            other => decoded.push(char::from(other)),
        }
        rest = &rest[used..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The UTF-16 code unit of the escape `\uXXXX` at `at`, if one stands there.
pub(super) fn code_unit(text: &str, at: usize) -> Option<u32> {
    let escape = text.as_bytes().get(at..at + 6)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    let digits = std::str::from_utf8(&escape[2..]).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// The value at `span` as a tree: the last of duplicate keys wins, numbers beyond `f64` saturate.
pub(super) fn value(text: &str, span: &Span) -> Value {
    value_and_duplicates(text, span).0
}

/// As [`value`], and whether an object in it has the same key twice.
pub(super) fn value_and_duplicates(text: &str, span: &Span) -> (Value, bool) {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: span.start,
    };
    let mut duplicates = false;
    (scanner.tree(text, &mut duplicates), duplicates)
}

impl Scanner<'_> {
    /// The value that begins here, as a tree, in one pass. The text was checked before, depth included.
    fn tree(&mut self, text: &str, duplicates: &mut bool) -> Value {
        let start = self.at;
        match self.peek() {
            Some(b'{') => {
                let mut map = Map::new();
                self.each(b'}', |scanner| {
                    let key = scanner.at;
                    let _ = scanner.string();
                    let key = string(text, &(key..scanner.at)).into_owned();
                    scanner.space();
                    // Over the colon.
                    scanner.at += 1;
                    scanner.space();
                    let value = scanner.tree(text, duplicates);
                    *duplicates |= map.insert(key, value).is_some();
                });
                Value::Object(map)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.each(b']', |scanner| items.push(scanner.tree(text, duplicates)));
                Value::Array(items)
            }
            Some(b'"') => {
                let _ = self.string();
                Value::String(string(text, &(start..self.at)).into_owned())
            }
            first => {
                let is_end =
                    |b: &u8| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                let length = self.bytes[start..].iter().position(is_end);
                self.at = length.map_or(self.bytes.len(), |length| start + length);
                match first {
                    Some(b't') => Value::Bool(true),
                    Some(b'f') => Value::Bool(false),
                    None | Some(b'n') => Value::Null,
                    _ => number(&text[start..self.at]),
                }
            }
        }
    }

    /// Calls `part` at each member or item up to the bracket `close`.
    fn each(&mut self, close: u8, mut part: impl FnMut(&mut Self)) {
        self.at += 1;
        self.space();
        while let Some(next) = self.peek()
            && next != close
        {
            let before = self.at;
            part(self);
            self.space();
            if self.at == before {
                break;
            }
            if self.peek() == Some(b',') {
                self.at += 1;
                self.space();
            }
        }
        self.at += 1;
    }
}

fn number(spelling: &str) -> Value {
    if let Ok(number) = spelling.parse::<i64>() {
        return number.into();
    }
    if let Ok(number) = spelling.parse::<u64>() {
        return number.into();
    }
    let number = spelling.parse::<f64>().unwrap_or(0.0);
    Number::from_f64(number.clamp(f64::MIN, f64::MAX)).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        let span = check(text).unwrap();
        value(text, &span)
    }

    #[test]
    fn every_spelling_of_a_string_decodes() {
        assert_eq!(
            read(r#""a\/\u0041\ud83d\ude00\n\ud83d.""#),
            Value::String("a/A\u{1f600}\n\u{fffd}.".into())
        );
    }

    #[test]
    fn numbers_of_any_size_read() {
        assert_eq!(read("18446744073709551615"), Value::from(u64::MAX));
        assert_eq!(
            read("12345678901234567890123").as_f64(),
            Some(1.2345678901234568e22)
        );
        assert_eq!(read("1e999").as_f64(), Some(f64::MAX));
    }

    #[test]
    fn depth_is_capped_without_recursing_further() {
        let deep = "[".repeat(100_000);
        assert_eq!(check(&deep).unwrap_err().at, MAX_DEPTH);
        let allowed = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert!(check(&allowed).is_ok());
    }

    #[test]
    fn faults_name_their_line_and_column() {
        let text = "{\n  \"a\": 1,\n}";
        let error = check(text).unwrap_err().error(text);
        assert_eq!(
            error.to_string(),
            "JSON is broken at line 3, column 1: a key in double quotes was expected here"
        );
    }

    #[test]
    fn the_scanner_agrees_with_serde_json_about_what_is_valid() {
        for text in [
            "1.",
            ".5",
            "-",
            "01",
            "1e",
            "\"\\x\"",
            "\"\\u12\"",
            "{\"a\"}",
            "[1,]",
            "[1 2]",
            "nul",
            "",
            "{} {}",
            "\"\u{1}\"",
            "-0.0e-1",
            "[[],{}]",
            "\"\u{7f}\"",
        ] {
            assert_eq!(
                check(text).is_ok(),
                serde_json::from_str::<Value>(text).is_ok(),
                "{text}"
            );
        }
    }
}
