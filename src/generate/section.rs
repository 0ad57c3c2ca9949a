//! The sections of a character: what holds each, who it names, how long it is.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::grammar::{self, Begun};
use crate::prompt::Format;
use crate::{Error, Kind};

/// A section of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// What the character is like.
    Persona,
    /// What the role of the user is like.
    UserPersona,
    /// Where they meet and what goes on.
    Scenario,
    /// The character's first message.
    Greeting,
    /// A few exchanges that show how the two talk.
    Examples,
    /// What the world around them is like, entry by entry.
    Lorebook,
}

/// Entries of a generated lorebook.
pub(super) const ENTRIES: usize = 3;
/// Messages of the example dialogue.
pub(super) const EXAMPLE_MESSAGES: usize = 4;

impl Section {
    /// Every section, in the order they are written.
    pub const ALL: [Self; 6] = [
        Self::Persona,
        Self::UserPersona,
        Self::Scenario,
        Self::Greeting,
        Self::Examples,
        Self::Lorebook,
    ];

    /// The sections of a character card when nobody says otherwise.
    pub const CARD: [Self; 4] = [
        Self::Persona,
        Self::UserPersona,
        Self::Scenario,
        Self::Greeting,
    ];

    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Persona => "persona",
            Self::UserPersona => "user's persona",
            Self::Scenario => "scenario",
            Self::Greeting => "greeting",
            Self::Examples => "examples",
            Self::Lorebook => "lorebook",
        }
    }

    /// The name in reports and manifests: one word.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::UserPersona => "user_persona",
            other => other.name(),
        }
    }

    /// The sections it goes on from.
    #[must_use]
    pub fn needs(self) -> &'static [Self] {
        match self {
            Self::Persona => &[],
            Self::UserPersona => &[Self::Persona],
            Self::Scenario => &[Self::Persona, Self::UserPersona],
            Self::Greeting | Self::Examples | Self::Lorebook => {
                &[Self::Persona, Self::UserPersona, Self::Scenario]
            }
        }
    }

    /// `wanted` and all they go on from, in the order they are written.
    #[must_use]
    pub fn with_needs(wanted: &[Self]) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|section| {
                wanted.contains(section) || wanted.iter().any(|w| w.needs().contains(section))
            })
            .collect()
    }

    /// How many requests it takes.
    pub(super) fn parts(self) -> usize {
        match self {
            Self::Lorebook => ENTRIES,
            _ => 1,
        }
    }

    /// How long it may be.
    pub(super) fn size(self, length: Option<&RangeInclusive<usize>>) -> Size {
        let size = |words, max_tokens| Size {
            words,
            paragraphs: 1..=1,
            max_tokens,
        };
        match self {
            Self::Persona => size(40..=200, 260),
            Self::UserPersona | Self::Scenario => size(20..=150, 200),
            Self::Lorebook => size(12..=80, 120),
            Self::Examples => size(30..=240, 340),
            Self::Greeting => greeting_size(length),
        }
    }

    /// The grammar of what the model writes.
    pub(super) fn grammar(self, begun: Begun, size: &Size) -> String {
        let (paragraphs, sentences) = match self {
            Self::Persona => (1..=1, 3..=6),
            Self::UserPersona | Self::Scenario => (1..=1, 2..=4),
            Self::Lorebook => (1..=1, 2..=3),
            Self::Greeting | Self::Examples => (size.paragraphs.clone(), 1..=5),
        };
        // What is gone on with has most of its sentences.
        let least = |count: &RangeInclusive<usize>| match begun {
            Begun::Whole => 1..=*count.end(),
            _ => count.clone(),
        };
        match self {
            Self::Greeting => grammar::message(begun, least(&paragraphs), sentences),
            _ => grammar::paragraph(begun, least(&sentences)),
        }
    }
}

/// How long a section may be: what is shorter is gone on with, what is longer ends with its last whole sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) words: RangeInclusive<usize>,
    pub(super) paragraphs: RangeInclusive<usize>,
    pub(super) max_tokens: usize,
}

/// The words of a greeting that nobody gave a length.
const GREETING: RangeInclusive<usize> = 40..=140;

/// What a length asks of a greeting: the words it stands for, and room for one sentence more, which is cut off again.
fn greeting_size(length: Option<&RangeInclusive<usize>>) -> Size {
    let words = length.cloned().unwrap_or(GREETING);
    let most = *words.end();
    let paragraphs = match (length, most) {
        (None, _) => 2..=3,
        (_, 0..=31) => 1..=1,
        (_, 32..=96) => 1..=3,
        (_, 97..=256) => 2..=5,
        _ => 3..=12,
    };
    Size {
        // Three tokens make about two words with the quotation marks and commas of a dialogue.
        max_tokens: (most * 3 / 2 + 24).min(1400),
        paragraphs,
        words,
    }
}

/// The words that messages of length `word` have in `format`.
pub(super) fn words_of(format: &Format, word: Option<&str>) -> Option<RangeInclusive<usize>> {
    word.and_then(|word| format.words_of(word))
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Section {
    type Err = Error;

    /// Reads [`Section::key`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let known = |section: &Self| section.key() == text;
        Self::ALL.into_iter().find(known).ok_or_else(|| {
            let keys = Self::ALL.map(Self::key).join(", ");
            Error::new(
                Kind::Usage,
                format!("`{text}` is no section of a character"),
            )
            .hint(format!("the sections are: {keys}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_brings_what_it_goes_on_from() {
        use Section::{Examples, Greeting, Persona, Scenario, UserPersona};
        assert_eq!(Section::with_needs(&[Persona]), [Persona]);
        assert_eq!(
            Section::with_needs(&[Examples]),
            [Persona, UserPersona, Scenario, Examples]
        );
        assert_eq!(
            Section::with_needs(&[Greeting, Persona]),
            [Persona, UserPersona, Scenario, Greeting]
        );
    }

    #[test]
    fn a_length_word_bounds_the_words_of_a_greeting() {
        let format = Format::named("limarp-v3").unwrap();
        for word in format.lengths() {
            let words = words_of(&format, Some(word)).unwrap();
            let size = Section::Greeting.size(Some(&words));
            assert_eq!(size.words, words);
            assert!(size.max_tokens > *words.end(), "{word}");
        }
    }

    #[test]
    fn sections_are_read_by_their_keys() {
        for section in Section::ALL {
            assert_eq!(section.key().parse::<Section>().unwrap(), section);
        }
        assert!("person".parse::<Section>().is_err());
    }
}
