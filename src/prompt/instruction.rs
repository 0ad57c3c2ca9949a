//! The last line of the system text: who plays whom, and how long the replies are.
//!
//! LimaRP's author leaves the wording free as long as the line speaks of roleplay, names the two and gives the length, so
//! the format's own sentence is one accepted wording among others.

use std::ops::Range;

use super::format::Format;
use super::pattern::{Hole, Pattern};

/// What an instruction says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Instruction<'t> {
    /// The character's name, when the wording is the format's own.
    pub(super) char: Option<&'t str>,
    /// The user's name, when the wording is the format's own.
    pub(super) user: Option<&'t str>,
    /// The length word.
    pub(super) length: Option<&'t str>,
    /// The wording without the length sentence, when it is not the format's own.
    pub(super) wording: Option<&'t str>,
}

/// Words that say that the two play roles; lower case.
const ROLEPLAY: &[&str] = &[
    "roleplay",
    "role-play",
    "role play",
    "rp",
    "rp chat",
    "in character",
    "play the role",
    "take the role",
    "the role of",
    "write as if you were",
    "you must chat",
];

/// Whether a lower-case line speaks of roleplay.
pub(super) fn speaks_of_roleplay(lower: &str) -> bool {
    ROLEPLAY.iter().any(|phrase| {
        lower.match_indices(phrase).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + phrase.len()..].chars().next();
            // "rp" counts as a word only; "roleplaying" counts as roleplay.
            !before.is_some_and(char::is_alphanumeric)
                && (phrase.len() > 2 || !after.is_some_and(char::is_alphanumeric))
        })
    })
}

impl Format {
    /// Reads an instruction line. `names` are those known from elsewhere: they tell where a length sentence begins.
    pub(super) fn read_instruction<'t>(&self, line: &'t str, names: &[&str]) -> Instruction<'t> {
        let mut read = Instruction::default();
        for form in &self.instruction_forms {
            let Some(captures) = form.capture(line) else {
                continue;
            };
            for (hole, range) in captures {
                let slot = match hole {
                    Hole::Char => &mut read.char,
                    Hole::User => &mut read.user,
                    _ => &mut read.length,
                };
                *slot = Some(&line[range]);
            }
            return read;
        }
        if let Some((wording, length)) = self.split_length(line, names) {
            read.length = Some(length);
            read.wording = Some(wording);
        } else {
            read.wording = Some(line);
        }
        read
    }

    /// A line that ends with the format's own length sentence, cut before it.
    fn split_length<'t>(&self, line: &'t str, names: &[&str]) -> Option<(&'t str, &'t str)> {
        let sentence = self.length_text.as_ref().filter(|_| {
            self.instruction
                .as_ref()
                .is_some_and(|instruction| instruction.has(Hole::Length))
        })?;
        names.iter().find_map(|name| {
            let named = sentence.with(Hole::Char, &Pattern::literal(name));
            let inside = line.strip_suffix(named.after(Hole::Word))?;
            let start = inside.rfind(named.before(Hole::Word))?;
            let word = start + named.before(Hole::Word).len();
            Some((&line[..start], &inside[word..]))
        })
    }

    /// Where `line` states a length: `short` in "messages of short length". Unknown words count only in that form.
    pub(super) fn length_in(&self, line: &str) -> Option<Range<usize>> {
        let lower = line.to_ascii_lowercase();
        if !lower.contains("length") && !lower.contains("messages") && !lower.contains("replies") {
            return None;
        }
        let word = |at: usize| {
            at..at
                + lower[at..]
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(lower.len() - at)
        };
        let mut starts = lower.char_indices().filter(|(at, c)| {
            c.is_alphanumeric() && !lower[..*at].ends_with(char::is_alphanumeric)
        });
        // The word right before "length" is meant for it; elsewhere a known word may belong to a name.
        let before_length = lower.find(" length").and_then(|end| {
            let mut before = lower[..end].char_indices().rev();
            let (at, c) = before.find(|(_, c)| !c.is_alphanumeric())?;
            let start = at + c.len_utf8();
            (start < end).then_some(start..end)
        });
        if let Some(word) = &before_length
            && self.knows_length(&lower[word.clone()])
        {
            return before_length;
        }
        let stated = starts.find(|(at, _)| self.knows_length(&lower[word(*at)]));
        stated.map(|(at, _)| word(at)).or(before_length)
    }
}
