//! Text with named holes, the way format files write it: `"{tag}\n{speaker}: {text}"`.
//!
//! One pattern serves both directions: filled, it renders; matched, it captures what stands in its holes.

use std::ops::Range;

use crate::{Error, Kind, Result};

/// What a hole stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Hole {
    /// The mark that opens a turn.
    Tag,
    /// The name of whoever speaks.
    Speaker,
    /// The message.
    Text,
    /// The length, with the words around it.
    Length,
    /// The length word alone.
    Word,
    /// The character's name.
    Char,
    /// The user's name.
    User,
    /// The character's persona.
    CharPersona,
    /// The user's persona.
    UserPersona,
    /// The scenario.
    Scenario,
    /// The instruction that ends the system text.
    Instruction,
    /// All turns.
    Turns,
}

impl Hole {
    /// Every hole and its name in format files.
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Tag, "tag"),
        (Self::Speaker, "speaker"),
        (Self::Text, "text"),
        (Self::Length, "length"),
        (Self::Word, "word"),
        (Self::Char, "char"),
        (Self::User, "user"),
        (Self::CharPersona, "char_persona"),
        (Self::UserPersona, "user_persona"),
        (Self::Scenario, "scenario"),
        (Self::Instruction, "instruction"),
        (Self::Turns, "turns"),
    ];

    /// The holes that a template may use.
    pub(super) const TEMPLATE: &'static [Self] = &[
        Self::Char,
        Self::User,
        Self::CharPersona,
        Self::UserPersona,
        Self::Scenario,
        Self::Instruction,
        Self::Turns,
    ];

    /// The name in format files.
    pub(super) fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(hole, _)| *hole == self)
            .map_or("", |(_, name)| name)
    }

    /// A private-use character that stands for the hole while a template's layout is found out.
    pub(super) fn mark(self) -> char {
        let index = Self::NAMES
            .iter()
            .position(|(hole, _)| *hole == self)
            .unwrap_or(0);
        // Plane 15 is for private use; the index is below a dozen.
        char::from_u32(0xf_0000 + index as u32).unwrap_or('\u{f0000}')
    }

    fn from_mark(mark: char) -> Option<Self> {
        let index = u32::from(mark).checked_sub(0xf_0000)?;
        Self::NAMES.get(index as usize).map(|(hole, _)| *hole)
    }
}

/// A piece of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text that stands as it is.
    Literal(String),
    /// Text to be filled in.
    Hole(Hole),
}

/// Text with named holes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
}

impl Pattern {
    /// Reads `{hole}`s; `{{` and `}}` are braces. Only the holes in `allowed` may occur.
    pub(super) fn parse(source: &str, allowed: &[Hole]) -> Result<Self> {
        let wrong = |what: String| Error::new(Kind::Format, format!("{what} in `{source}`"));
        let mut pattern = Self::default();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            pattern.push_literal(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                pattern.push_literal(brace);
                rest = after;
                continue;
            }
            let Some((name, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(wrong(format!("lone `{brace}`"))
                    .hint("write a brace that is meant as text twice"));
            };
            let hole = Hole::NAMES
                .iter()
                .find(|(hole, other)| *other == name && allowed.contains(hole))
                .map(|(hole, _)| *hole)
                .ok_or_else(|| {
                    let names: Vec<_> = allowed.iter().map(|hole| hole.name()).collect();
                    wrong(format!("unknown hole `{{{name}}}`"))
                        .hint(format!("the holes here are: {}", names.join(", ")))
                })?;
            pattern.parts.push(Part::Hole(hole));
            rest = after;
        }
        pattern.push_literal(rest);
        Ok(pattern)
    }

    /// The pattern of a template that was rendered with [`Hole::mark`]s as its values.
    pub(super) fn from_marked(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut literal = 0;
        for (at, c) in text.char_indices() {
            if let Some(hole) = Hole::from_mark(c) {
                pattern.push_literal(&text[literal..at]);
                pattern.parts.push(Part::Hole(hole));
                literal = at + c.len_utf8();
            }
        }
        pattern.push_literal(&text[literal..]);
        pattern
    }

    /// The pattern that is only `text`.
    pub(super) fn literal(text: &str) -> Self {
        let mut pattern = Self::default();
        pattern.push_literal(text);
        pattern
    }

    fn push_literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.parts.last_mut() {
            Some(Part::Literal(last)) => last.push_str(text),
            _ => self.parts.push(Part::Literal(text.to_owned())),
        }
    }

    /// Whether `hole` occurs.
    pub(super) fn has(&self, hole: Hole) -> bool {
        self.parts.contains(&Part::Hole(hole))
    }

    /// Appends the pattern to `out` with its holes filled by `value`.
    pub(super) fn fill<'a>(&self, out: &mut String, value: impl Fn(Hole) -> &'a str) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Hole(hole) => out.push_str(value(*hole)),
            }
        }
    }

    /// The pattern with another one in place of `hole`.
    pub(super) fn with(&self, hole: Hole, other: &Self) -> Self {
        let mut pattern = Self::default();
        for part in &self.parts {
            let parts = if *part == Part::Hole(hole) {
                &other.parts
            } else {
                std::slice::from_ref(part)
            };
            for part in parts {
                match part {
                    Part::Literal(text) => pattern.push_literal(text),
                    Part::Hole(hole) => pattern.parts.push(Part::Hole(*hole)),
                }
            }
        }
        pattern
    }

    /// The literal right after the first `hole`, empty when another hole or nothing follows.
    pub(super) fn after(&self, hole: Hole) -> &str {
        let at = self.parts.iter().position(|part| *part == Part::Hole(hole));
        match at.and_then(|at| self.parts.get(at + 1)) {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// The literal right before the first `hole`.
    pub(super) fn before(&self, hole: Hole) -> &str {
        let at = self.parts.iter().position(|part| *part == Part::Hole(hole));
        match at.and_then(|at| self.parts.get(at.checked_sub(1)?)) {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// The pattern cut at its line breaks, without empty lines.
    pub(super) fn lines(&self) -> Vec<Self> {
        let mut lines = vec![Self::default()];
        for part in &self.parts {
            match part {
                Part::Literal(text) => {
                    for (i, piece) in text.split('\n').enumerate() {
                        if i > 0 {
                            lines.push(Self::default());
                        }
                        if let Some(line) = lines.last_mut() {
                            line.push_literal(piece);
                        }
                    }
                }
                Part::Hole(hole) => {
                    if let Some(line) = lines.last_mut() {
                        line.parts.push(Part::Hole(*hole));
                    }
                }
            }
        }
        lines.retain(|line| !line.parts.is_empty());
        lines
    }

    /// What stands in the holes when the pattern fits the whole of `text`. A hole takes as little as it can; a hole
    /// that occurs twice must hold the same text twice.
    pub(super) fn capture(&self, text: &str) -> Option<Vec<(Hole, Range<usize>)>> {
        let mut captures: Vec<(Hole, Range<usize>)> = Vec::new();
        let mut at = 0;
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(literal) => {
                    text[at..].starts_with(literal.as_str()).then_some(())?;
                    at += literal.len();
                }
                Part::Hole(hole) => {
                    let known = captures.iter().find(|(other, _)| other == hole);
                    let end = match (known, self.parts.get(i + 1)) {
                        (Some((_, range)), _) => {
                            let value = &text[range.clone()];
                            text[at..].starts_with(value).then_some(())?;
                            at + value.len()
                        }
                        (None, Some(Part::Literal(next))) => at + text[at..].find(next.as_str())?,
                        (None, Some(Part::Hole(_))) => return None,
                        (None, None) => text.len(),
                    };
                    captures.push((*hole, at..end));
                    at = end;
                }
            }
        }
        (at == text.len()).then_some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_pattern_gives_back_what_filled_it() {
        let pattern = Pattern::parse("I am {char}; {char} met {user}.", Hole::TEMPLATE).unwrap();
        let mut text = String::new();
        pattern.fill(
            &mut text,
            |hole| if hole == Hole::Char { "Ann" } else { "Bob" },
        );
        assert_eq!(text, "I am Ann; Ann met Bob.");
        let captures = pattern.capture(&text).unwrap();
        assert_eq!(&text[captures[2].1.clone()], "Bob");
        assert_eq!(pattern.capture("I am Ann; Eve met Bob."), None);
    }

    #[test]
    fn braces_are_written_twice_and_unknown_holes_are_refused() {
        let pattern = Pattern::parse("{{x}} {char}", &[Hole::Char]).unwrap();
        assert_eq!(pattern.parts[0], Part::Literal("{x} ".into()));
        let error = Pattern::parse("{user}", &[Hole::Char]).unwrap_err();
        assert_eq!(error.to_string(), "unknown hole `{user}` in `{user}`");
        assert!(Pattern::parse("a } b", &[]).is_err());
    }
}
