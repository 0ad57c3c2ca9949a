//! The four sections of a character: what holds each, who it names, how long it is.

use std::ops::RangeInclusive;

use super::grammar;

/// A section of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// What the character is like.
    Persona,
    /// What the role of the user is like.
    UserPersona,
    /// Where they meet and what goes on.
    Scenario,
    /// The character's first message.
    Greeting,
}

impl Section {
    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Persona => "persona",
            Self::UserPersona => "user's persona",
            Self::Scenario => "scenario",
            Self::Greeting => "greeting",
        }
    }

    /// The section that follows.
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Persona => Some(Self::UserPersona),
            Self::UserPersona => Some(Self::Scenario),
            Self::Scenario => Some(Self::Greeting),
            Self::Greeting => None,
        }
    }

    /// The grammar of what the model writes. With a `lead` the section has been begun for it.
    pub(super) fn grammar(self, has_lead: bool, length: Option<&str>) -> String {
        match self {
            Self::Persona => grammar::paragraph(has_lead, 3..=6),
            Self::UserPersona | Self::Scenario => grammar::paragraph(has_lead, 2..=4),
            Self::Greeting => grammar::message(has_lead, greeting_size(length).paragraphs, 1..=5),
        }
    }

    pub(super) fn least_words(self, length: Option<&str>) -> usize {
        match self {
            Self::Persona => 40,
            Self::UserPersona | Self::Scenario => 20,
            Self::Greeting => greeting_size(length).least_words,
        }
    }

    pub(super) fn max_tokens(self, length: Option<&str>) -> usize {
        match self {
            Self::Persona => 260,
            Self::UserPersona | Self::Scenario => 200,
            Self::Greeting => greeting_size(length).max_tokens,
        }
    }
}

struct Size {
    paragraphs: RangeInclusive<usize>,
    least_words: usize,
    max_tokens: usize,
}

/// What a length word asks of a greeting. The words are ordered by their authors; the numbers are ours.
fn greeting_size(length: Option<&str>) -> Size {
    let (paragraphs, least_words, max_tokens) = match length {
        Some("micro" | "tiny") => (1..=1, 8, 60),
        Some("short") => (1..=1, 15, 100),
        Some("long" | "massive") => (3..=5, 90, 450),
        Some("huge" | "enormous") => (4..=7, 140, 650),
        Some("humongous" | "extreme" | "unlimited") => (5..=9, 200, 900),
        _ => (2..=3, 40, 300),
    };
    Size {
        paragraphs,
        least_words,
        max_tokens,
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
