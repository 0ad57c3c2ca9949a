//! Repairs of JSON that people and scripts write: comments, trailing commas, raw control characters, `NaN`.
//!
//! Only what stands in the way is rewritten; the rest of the text stays as it was.

use std::ops::Range;

use super::payload::note;
use crate::{Finding, Place, Severity};

/// A repair: which rule was broken, where first, how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    code: &'static str,
    pub(super) at: Range<usize>,
    what: &'static str,
    times: usize,
}

impl Repair {
    /// The repair as a finding.
    pub(super) fn finding(&self, place: &Place) -> Finding {
        let times = match self.times {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        Finding {
            fix: Some("write strict JSON".into()),
            ..note(
                self.code,
                Severity::Warning,
                place,
                format!("{}{times}", self.what),
            )
        }
    }
}

/// The text as strict JSON, as far as it can be repaired, and what was repaired.
pub(super) fn repair(text: &str) -> (String, Vec<Repair>) {
    let mut writer = Writer {
        text,
        at: 0,
        out: String::with_capacity(text.len() + 16),
        repairs: Vec::new(),
    };
    writer.run();
    (writer.out, writer.repairs)
}

struct Writer<'a> {
    text: &'a str,
    at: usize,
    out: String,
    repairs: Vec<Repair>,
}

impl Writer<'_> {
    fn mend(&mut self, code: &'static str, at: Range<usize>, what: &'static str) {
        match self
            .repairs
            .iter_mut()
            .find(|repair| repair.code == code && repair.what == what)
        {
            Some(repair) => repair.times += 1,
            None => self.repairs.push(Repair {
                code,
                at,
                what,
                times: 1,
            }),
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            match c {
                '"' | '\'' => self.string(c),
                '/' => match comment(self.text, self.at) {
                    Some(end) => {
                        self.mend(
                            "json-relaxed",
                            self.at..end,
                            "there is a comment in the JSON",
                        );
                        self.at = end;
                    }
                    None => self.copy(c),
                },
                ',' if self.is_trailing() => {
                    self.mend(
                        "json-relaxed",
                        self.at..self.at + 1,
                        "there is a comma before a closing bracket",
                    );
                    self.at += 1;
                }
                '-' if self.text[self.at + 1..].starts_with("Infinity") => {
                    self.word(self.at, self.at + 9);
                }
                c if c.is_ascii_alphabetic() || c == '_' || c == '$' => {
                    let rest = &self.text[self.at..];
                    let length = rest
                        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '$'))
                        .unwrap_or(rest.len());
                    self.word(self.at, self.at + length);
                }
                // The tail of a number such as `1e3` is no word.
                '0'..='9' => {
                    let rest = &self.text[self.at..];
                    let length = rest
                        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '+' | '-'))
                        .unwrap_or(rest.len());
                    self.out.push_str(&rest[..length]);
                    self.at += length;
                }
                c => self.copy(c),
            }
        }
    }

    fn copy(&mut self, c: char) {
        self.out.push(c);
        self.at += c.len_utf8();
    }

    /// A bare word: a literal, a number that JSON has no word for, or a key without quotes.
    fn word(&mut self, start: usize, end: usize) {
        let word = &self.text[start..end];
        self.at = end;
        let (replacement, code, what) = match word {
            "true" | "false" | "null" => return self.out.push_str(word),
            "NaN" | "Infinity" | "-Infinity" => (
                "null",
                "json-nan",
                "a number is `NaN` or infinite, which now reads as null",
            ),
            "undefined" | "None" => ("null", "json-relaxed", "a word stands for null"),
            "True" => (
                "true",
                "json-relaxed",
                "a Python literal stands for true or false",
            ),
            "False" => (
                "false",
                "json-relaxed",
                "a Python literal stands for true or false",
            ),
            _ if self.text[end..].trim_ascii_start().starts_with(':') => {
                self.out.push_str(&format!("\"{word}\""));
                return self.mend("json-relaxed", start..end, "a key has no quotes");
            }
            _ => return self.out.push_str(word),
        };
        self.out.push_str(replacement);
        self.mend(code, start..end, what);
    }

    fn string(&mut self, quote: char) {
        let open = self.at;
        self.at += 1;
        self.out.push('"');
        if quote == '\'' {
            self.mend(
                "json-relaxed",
                open..open + 1,
                "a string is in single quotes",
            );
        }
        while let Some(c) = self.text[self.at..].chars().next() {
            let next = self.text[self.at + c.len_utf8()..].chars().next();
            match (c, next) {
                _ if c == quote => {
                    self.at += 1;
                    break;
                }
                ('\\', Some('\'')) => {
                    self.out.push('\'');
                    self.at += 2;
                    if quote == '"' {
                        self.mend(
                            "json-relaxed",
                            self.at - 2..self.at,
                            "an apostrophe is escaped with a backslash",
                        );
                    }
                }
                ('\\', Some(next)) => {
                    self.copy(c);
                    self.copy(next);
                }
                ('"', _) => {
                    self.out.push_str("\\\"");
                    self.at += 1;
                }
                ('\0'..='\u{1f}', _) => {
                    let escape = match c {
                        '\n' => "\\n".to_owned(),
                        '\r' => "\\r".to_owned(),
                        '\t' => "\\t".to_owned(),
                        c => format!("\\u{:04x}", u32::from(c)),
                    };
                    self.out.push_str(&escape);
                    self.at += 1;
                    self.mend(
                        "json-control-char",
                        self.at - 1..self.at,
                        "a raw control character, such as a line break, stands in a string",
                    );
                }
                _ => self.copy(c),
            }
        }
        self.out.push('"');
    }

    /// Whether the comma here has only whitespace and comments before a closing bracket.
    fn is_trailing(&self) -> bool {
        let mut at = self.at + 1;
        loop {
            let rest = &self.text[at..];
            at += rest.len() - rest.trim_ascii_start().len();
            match comment(self.text, at) {
                Some(end) => at = end,
                None => return self.text[at..].starts_with(['}', ']']),
            }
        }
    }
}

/// Where the comment at `at` ends, if one stands there.
fn comment(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.starts_with("//") {
        return Some(at + rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(at + rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn repaired(text: &str) -> (String, Vec<&'static str>) {
        let (out, repairs) = repair(text);
        assert!(
            serde_json::from_str::<serde_json::Value>(&out).is_ok(),
            "{out}"
        );
        (out, repairs.iter().map(|repair| repair.code).collect())
    }

    #[test]
    fn only_what_is_broken_changes() {
        assert_eq!(
            repaired("{ // hi\n \"a,}\": [1e3, \"//\\\"\",], /* x */ }"),
            (
                "{ \n \"a,}\": [1e3, \"//\\\"\"]  }".into(),
                vec!["json-relaxed", "json-relaxed"]
            )
        );
        assert_eq!(
            repaired("{\"a\":\"x\ny\",\"b\":-Infinity,c:'it\\'s \"'}"),
            (
                "{\"a\":\"x\\ny\",\"b\":null,\"c\":\"it's \\\"\"}".into(),
                vec![
                    "json-control-char",
                    "json-nan",
                    "json-relaxed",
                    "json-relaxed"
                ]
            )
        );
    }
}
