//! Tags in a text: the exact ones, and lines that were meant to be one.

use std::ops::Range;

use memchr::memchr;

use super::Role;
use super::format::Format;
use super::front::TagPlace;
use crate::nearest::distance;

/// What a tag opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    /// The system text.
    System,
    /// A turn.
    Turn(Role),
}

/// How a line misses being a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// It is the tag.
    None,
    /// The letters are in another case.
    Case,
    /// Letters or brackets are wrong.
    Spelling,
    /// Blanks inside it.
    Space,
}

/// A tag found in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) opens: Opens,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// What it should be.
    pub(super) tag: String,
    pub(super) miss: Miss,
}

/// A line that looks like a tag and is none of the format's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) span: Range<usize>,
    pub(super) closing: bool,
}

/// Everything that looks like a tag.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) marks: Vec<Mark>,
    pub(super) strays: Vec<Stray>,
}

/// Words that people write for the tags of the `<<TAG>>` formats.
const SYNONYMS: &[(&str, &str)] = &[
    ("AI", "AIBOT"),
    ("ASSISTANT", "AIBOT"),
    ("BOT", "AIBOT"),
    ("CHAR", "AIBOT"),
    ("CHARACTER", "AIBOT"),
    ("MODEL", "AIBOT"),
    ("INSTRUCTION", "SYSTEM"),
    ("SYS", "SYSTEM"),
    ("PLAYER", "HUMAN"),
];

/// The longest line that is looked at as a misspelt tag.
const LONGEST_TAG: usize = 40;

impl Format {
    /// Finds the tags of the format in `text`, in one pass.
    pub(super) fn scan(&self, text: &str) -> Scan {
        let tags = self.tags();
        let mut scan = Scan::default();
        match self.front.tags {
            TagPlace::Line => self.scan_lines(text, &tags, &mut scan),
            TagPlace::Anywhere => scan_anywhere(text, &tags, &mut scan),
        }
        self.settle(text, &mut scan);
        scan
    }

    /// Every tag and what it opens, longest first.
    fn tags(&self) -> Vec<(&str, Opens)> {
        let system = self
            .front
            .system
            .tags
            .iter()
            .map(|tag| (tag.as_str(), Opens::System));
        let user = self
            .user
            .tags
            .iter()
            .map(|tag| (tag.as_str(), Opens::Turn(Role::User)));
        let char = self
            .char
            .tags
            .iter()
            .map(|tag| (tag.as_str(), Opens::Turn(Role::Char)));
        let mut tags: Vec<_> = system.chain(user).chain(char).collect();
        tags.sort_by_key(|(tag, _)| std::cmp::Reverse(tag.len()));
        tags
    }

    fn scan_lines(&self, text: &str, tags: &[(&str, Opens)], scan: &mut Scan) {
        let mut start = 0;
        while start < text.len() {
            let end = memchr(b'\n', &text.as_bytes()[start..]).map_or(text.len(), |at| start + at);
            let line = &text[start..end];
            let looks = line
                .trim_start()
                .as_bytes()
                .first()
                .copied()
                .unwrap_or(b'a');
            if !looks.is_ascii_alphanumeric()
                || tags.iter().any(|(tag, _)| tag.as_bytes()[0] == looks)
            {
                self.scan_line(line, start, tags, scan);
            }
            start = end + 1;
        }
    }

    fn scan_line(&self, line: &str, start: usize, tags: &[(&str, Opens)], scan: &mut Scan) {
        let body = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        let exact = tags.iter().find(|(tag, _)| starts_with_tag(body, tag));
        if let Some((tag, opens)) = exact {
            scan.marks.push(Mark {
                opens: *opens,
                span: at..at + tag.len(),
                tag: (*tag).to_owned(),
                miss: Miss::None,
            });
        } else if self.front.family.is_some() && body.len() <= LONGEST_TAG {
            let span = at..at + body.len();
            match near(body, tags) {
                Near::Tag(tag, opens, miss) => scan.marks.push(Mark {
                    opens,
                    span,
                    tag,
                    miss,
                }),
                Near::Stray { closing } => scan.strays.push(Stray { span, closing }),
                Near::Text => {}
            }
        }
    }

    /// Decides what the tags open where the same tag opens the system text and turns, and skips what stands inside a
    /// closed system text.
    fn settle(&self, text: &str, scan: &mut Scan) {
        let shared = |tag: &str| {
            let user = self.user.tags.iter().any(|other| other == tag);
            user && self.front.system.tags.iter().any(|other| other == tag)
        };
        let mut first = true;
        for mark in &mut scan.marks {
            if shared(&mark.tag) {
                mark.opens = if first {
                    Opens::System
                } else {
                    Opens::Turn(Role::User)
                };
            }
            first = false;
        }
        let close = self.layout.close.trim();
        if close.is_empty() || self.layout.flipped {
            return;
        }
        if let Some(system) = scan.marks.iter().find(|mark| mark.opens == Opens::System) {
            let from = system.span.end;
            if let Some(at) = text[from..].find(close) {
                let inside = from..from + at + close.len();
                scan.marks.retain(|mark| !inside.contains(&mark.span.start));
            }
        }
    }
}

/// Whether `line` starts with `tag`, and not with a longer word.
fn starts_with_tag(line: &str, tag: &str) -> bool {
    let word = tag.ends_with(char::is_alphanumeric);
    line.strip_prefix(tag)
        .is_some_and(|rest| !word || !rest.starts_with(char::is_alphanumeric))
}

fn scan_anywhere(text: &str, tags: &[(&str, Opens)], scan: &mut Scan) {
    let mut firsts: Vec<u8> = tags.iter().map(|(tag, _)| tag.as_bytes()[0]).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let bytes = text.as_bytes();
    let next = |from: usize| match firsts[..] {
        [a] => memchr(a, &bytes[from..]),
        [a, b] => memchr::memchr2(a, b, &bytes[from..]),
        _ => bytes[from..].iter().position(|byte| firsts.contains(byte)),
    };
    let mut from = 0;
    while let Some(at) = next(from).map(|at| from + at) {
        let found = tags
            .iter()
            .find(|(tag, _)| bytes[at..].starts_with(tag.as_bytes()));
        from = at + 1;
        if let Some((tag, opens)) = found {
            from = at + tag.len();
            scan.marks.push(Mark {
                opens: *opens,
                span: at..from,
                tag: (*tag).to_owned(),
                miss: Miss::None,
            });
        }
    }
}

enum Near {
    Tag(String, Opens, Miss),
    Stray { closing: bool },
    Text,
}

/// What a line that is no tag comes close to.
fn near(line: &str, tags: &[(&str, Opens)]) -> Near {
    let brackets: &[char] = &['<', '>', '[', ']', '{', '}', '(', ')', '«', '»', '|'];
    let opening = line.chars().take_while(|c| brackets.contains(c)).count();
    let inside = line.trim_matches(brackets).trim();
    let (closing, word) = match inside.strip_prefix('/') {
        Some(word) => (true, word.trim()),
        None => (false, inside),
    };
    let bracketed = opening > 0 && line.ends_with(brackets);
    let heading = line.starts_with('#');
    let word = word
        .trim_start_matches('#')
        .trim()
        .trim_end_matches(':')
        .trim();
    if (!bracketed && !heading)
        || word.is_empty()
        || !word
            .chars()
            .all(|c| c.is_alphabetic() || c == ' ' || c == '_')
    {
        return Near::Text;
    }
    let upper = word.to_uppercase();
    let meant = SYNONYMS
        .iter()
        .find(|(other, _)| *other == upper)
        .map_or(upper.as_str(), |(_, tag)| *tag);
    let letters = |tag: &str| tag.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let styled = |tag: &&(&str, Opens)| tag.0.starts_with('#') == heading;
    let nearest = tags
        .iter()
        .filter(styled)
        .map(|tag| (distance(&letters(tag.0).to_uppercase(), meant), tag))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, (tag, opens))) if distance <= letters(tag).len() / 3 => {
            if closing {
                return Near::Stray { closing };
            }
            let despaced: String = line.split(' ').collect();
            let miss = if despaced == tag.split(' ').collect::<String>() {
                Miss::Space
            } else if line.eq_ignore_ascii_case(tag) {
                Miss::Case
            } else {
                Miss::Spelling
            };
            Near::Tag((*tag).to_owned(), *opens, miss)
        }
        _ if line.starts_with("<<") && line.ends_with(">>") => Near::Stray { closing },
        _ => Near::Text,
    }
}
