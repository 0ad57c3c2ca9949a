//! What happens to a text before it is parsed and after its macros are replaced: forms that are no macros by syntax.

use std::borrow::Cow;
use std::ops::Range;

use super::{context, lexer};

/// What `{{else}}` leaves behind: control characters that do not occur in text.
pub(super) const ELSE: &str = "\u{0}\u{1f}ELSE\u{1f}\u{0}";

/// The replacements made before parsing, which say where a byte stood in the given text.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<Edit>);

#[derive(Debug)]
struct Edit {
    /// The start in the prepared text.
    at: usize,
    /// The length there.
    length: usize,
    given: Range<usize>,
}

impl Edits {
    /// The range of the given text that a range of the prepared text comes from.
    pub(super) fn given(&self, range: Range<usize>) -> Range<usize> {
        let start = self.back(range.start, range.start + 1);
        start.start..self.back(range.end, range.end).end.max(start.start)
    }

    /// Where `byte` stood: the edit it is in, if that starts before `limit`, or the place itself.
    fn back(&self, byte: usize, limit: usize) -> Range<usize> {
        let index = self.0.partition_point(|edit| edit.at < limit);
        let Some(edit) = index.checked_sub(1).map(|index| &self.0[index]) else {
            return byte..byte;
        };
        match byte.checked_sub(edit.at + edit.length) {
            Some(past) => edit.given.end + past..edit.given.end + past,
            None => edit.given.clone(),
        }
    }
}

/// Rewrites what is no macro by syntax: `<USER>` and its kind, and `{{time_UTC+2}}`.
pub(super) fn prepare(text: &str) -> (Cow<'_, str>, Edits) {
    let mut output = String::new();
    let mut edits: Vec<Edit> = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find(['<', '{']) {
        at += found;
        let Some((length, new)) = legacy(&text[at..]) else {
            at += 1;
            continue;
        };
        output.push_str(&text[copied..at]);
        edits.push(Edit {
            at: output.len(),
            length: new.len(),
            given: at..at + length,
        });
        output.push_str(&new);
        at += length;
        copied = at;
    }
    if edits.is_empty() {
        return (Cow::Borrowed(text), Edits(edits));
    }
    output.push_str(&text[copied..]);
    (Cow::Owned(output), Edits(edits))
}

/// The length of the legacy form `text` begins with, and the macro it stands for.
fn legacy(text: &str) -> Option<(usize, String)> {
    if let Some((marker, name)) = context::LEGACY
        .iter()
        .find(|(marker, _)| starts_with(text, marker))
    {
        return Some((marker.len(), format!("{{{{{name}}}}}")));
    }
    if !starts_with(text, "{{time_UTC") {
        return None;
    }
    let sign = text[10..].strip_prefix(['+', '-'])?;
    let digits = sign.len() - sign.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 || !sign[digits..].starts_with("}}") {
        return None;
    }
    let length = 11 + digits;
    Some((length + 2, format!("{{{{time::{}}}}}", &text[7..length])))
}

/// Whether `text` starts with the ASCII `prefix`, in any case.
fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes()
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// What is done to a text when its macros are replaced: `\{` and `\}` lose their backslash, `{{trim}}` goes with the
/// newlines around it, a stray `{{else}}` goes.
pub(super) fn finish(text: String) -> String {
    let mut text = text;
    if text.contains("\\{") || text.contains("\\}") {
        text = text.replace("\\{", "{").replace("\\}", "}");
    }
    if find_trim(&text).is_some() {
        let mut output = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = find_trim(rest) {
            output.push_str(strip_newlines_end(&rest[..at]));
            rest = strip_newlines_start(&rest[at + "{{trim}}".len()..]);
        }
        output.push_str(rest);
        text = output;
    }
    if text.contains(ELSE) {
        text = text.replace(ELSE, "");
    }
    text
}

fn find_trim(text: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find("{{") {
        let at = from + found;
        if starts_with(&text[at..], "{{trim}}") {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn strip_newlines_start(mut text: &str) -> &str {
    while let Some(rest) = text
        .strip_prefix('\n')
        .or_else(|| text.strip_prefix("\r\n"))
    {
        text = rest;
    }
    text
}

fn strip_newlines_end(mut text: &str) -> &str {
    while let Some(rest) = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
    {
        text = rest;
    }
    text
}

/// `text` without white space at both ends, and without the indentation of its first line on every line.
pub(super) fn dedent(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let first = text.split('\n').find(|line| !lexer::trim(line).is_empty());
    let base = first.map_or(0, indent);
    if base == 0 {
        return lexer::trim(text).to_owned();
    }
    let lines = text.split('\n').map(|line| {
        if indent(line) >= base {
            &line[base..]
        } else {
            line.trim_start_matches(lexer::is_space)
        }
    });
    let lines: Vec<&str> = lines.collect();
    lexer::trim(&lines.join("\n")).to_owned()
}
