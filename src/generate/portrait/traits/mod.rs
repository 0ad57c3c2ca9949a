//! What a persona's words say about looks: species, presentation, hair, eyes, skin, mood, setting and things worn.
//!
//! Words are matched whole and in lower case, a phrase before its parts; "no beard" and "without glasses" do not count.
//! Where several answers compete, the one named most often wins, the first named on a tie. What the text leaves open
//! stays `None` and is left to the seed.

mod colours;
mod people;
mod places;
mod things;

use super::colour::Colour;
pub(super) use crate::generate::names::Presence;
use colours::{EYE_COLOURS, HAIR_COLOURS, HAIR_NOUNS, HAIR_WORDS, SKIN_COLOURS};
use people::{MOODS, PRESENCE, SPECIES};
use places::SETTINGS;
use things::{CUTS, EXTRAS, GARMENTS};

/// What kind of being somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Species {
    Human,
    Android,
    Robot,
    Hologram,
    Cat,
    Fox,
    Wolf,
    Rabbit,
    Elf,
    Vampire,
    Demon,
    Angel,
    Fairy,
    Dragon,
    Orc,
    Merfolk,
    Ghost,
}

/// The expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mood {
    Calm,
    Warm,
    Joyful,
    Stern,
    Sly,
    Sad,
    Fierce,
    Shy,
}

/// Where somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Setting {
    Moon,
    Space,
    City,
    Forest,
    Sea,
    Library,
    Circuit,
    Mountain,
    Desert,
    Garden,
    Castle,
    Lanterns,
    Workshop,
    Deco,
}

/// How hair is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cut {
    Bald,
    Cropped,
    SidePart,
    Quiff,
    Slick,
    Tousled,
    Afro,
    Curls,
    Locs,
    Bob,
    Pixie,
    Long,
    Wavy,
    Hime,
    Bun,
    Ponytail,
    Braid,
    Mohawk,
}

/// What somebody wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Garment {
    Turtleneck,
    Suit,
    HighCollar,
    Robe,
    Wrap,
    Uniform,
    Armour,
    Jacket,
    Neckline,
    Bodysuit,
    LabCoat,
    Tunic,
}

/// Small things that make a face somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Extra {
    Glasses,
    Monocle,
    Beard,
    Moustache,
    WitchHat,
    BrimHat,
    Beret,
    Crown,
    Circlet,
    Scarf,
    EyePatch,
    Scar,
    Freckles,
    Hood,
    Headphones,
    Goggles,
    Flower,
    Earrings,
    Pendant,
    Old,
}

/// What a text says; `None` where it is silent.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Traits {
    pub(super) species: Option<Species>,
    pub(super) presence: Option<Presence>,
    pub(super) mood: Option<Mood>,
    pub(super) setting: Option<Setting>,
    pub(super) cut: Option<Cut>,
    pub(super) garment: Option<Garment>,
    pub(super) hair: Option<Colour>,
    pub(super) eyes: Option<Colour>,
    pub(super) skin: Option<Colour>,
    pub(super) extras: Vec<Extra>,
}

/// Words of a text are read up to here; a portrait needs no more.
const LONGEST_TEXT: usize = 16 * 1024;

/// Reads the looks out of `text`.
pub(super) fn read(text: &str) -> Traits {
    let end = (0..=LONGEST_TEXT.min(text.len()))
        .rev()
        .find(|&i| text.is_char_boundary(i))
        .unwrap_or(0);
    let words = words(&text[..end]);
    Traits {
        species: vote(&words, SPECIES),
        presence: vote(&words, PRESENCE),
        mood: vote(&words, MOODS),
        setting: vote(&words, SETTINGS),
        cut: vote(&words, CUTS),
        garment: vote(&words, GARMENTS),
        hair: colour_of(&words, &HAIR_NOUNS, HAIR_COLOURS)
            .or_else(|| vote_colour(&words, HAIR_WORDS)),
        eyes: colour_of(&words, &["eyes", "eyed", "eye", "gaze"], EYE_COLOURS),
        skin: colour_of(
            &words,
            &["skin", "skinned", "complexion", "face"],
            SKIN_COLOURS,
        ),
        extras: EXTRAS
            .iter()
            .filter(|(_, phrases)| phrases.iter().any(|phrase| count(&words, phrase).0 > 0))
            .map(|&(extra, _)| extra)
            .collect(),
    }
}

/// The words in lower case, with a full stop wherever a sentence ends.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for sentence in text.split(['.', '!', '?', ';', '\n']) {
        let before = words.len();
        words.extend(
            sentence
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase),
        );
        if words.len() > before {
            words.push(".".to_owned());
        }
    }
    words
}

/// How often `phrase` occurs without a "no" before it, and where first.
fn count(words: &[String], phrase: &str) -> (usize, usize) {
    let parts: Vec<&str> = phrase.split(' ').collect();
    let mut found = (0, usize::MAX);
    for (at, window) in words.windows(parts.len()).enumerate() {
        let denied = at > 0
            && matches!(
                words[at - 1].as_str(),
                "no" | "not" | "never" | "without" | "isn" | "wasn"
            );
        if !denied && window.iter().zip(&parts).all(|(word, part)| word == part) {
            found = (found.0 + 1, found.1.min(at));
        }
    }
    found
}

type Table<T> = &'static [(T, &'static [&'static str])];

fn vote<T: Copy>(words: &[String], table: Table<T>) -> Option<T> {
    let mut best: Option<(usize, usize, T)> = None;
    for &(answer, phrases) in table {
        let (mut times, mut first) = (0, usize::MAX);
        for phrase in phrases {
            let found = count(words, phrase);
            // A phrase says more than a word: "cat ears" outweighs a "wolf" met on the road.
            times += found.0 * phrase.split(' ').count();
            first = first.min(found.1);
        }
        let better = best
            .is_none_or(|(most, earliest, _)| times > most || times == most && first < earliest);
        if times > 0 && better {
            best = Some((times, first, answer));
        }
    }
    best.map(|(_, _, answer)| answer)
}

fn vote_colour(words: &[String], table: Table<Colour>) -> Option<Colour> {
    vote(words, table)
}

/// The colour said of a noun: "long silver hair", "hair was a deep red", "green-eyed".
fn colour_of(words: &[String], nouns: &[&str], table: Table<Colour>) -> Option<Colour> {
    let named = |word: &String| {
        table
            .iter()
            .find(|(_, names)| names.contains(&word.as_str()))
            .map(|&(colour, _)| colour)
    };
    for (at, _) in words
        .iter()
        .enumerate()
        .filter(|(_, word)| nouns.contains(&word.as_str()))
    {
        let before = words[at.saturating_sub(4)..at]
            .iter()
            .rev()
            .take_while(|word| {
                !matches!(
                    word.as_str(),
                    "." | "eyes" | "hair" | "skin" | "her" | "his" | "their" | "its" | "with"
                )
            })
            .find_map(named);
        let after = || {
            let says = words
                .get(at + 1)
                .is_some_and(|word| matches!(word.as_str(), "is" | "was" | "are" | "were" | "of"));
            let end = (at + 6).min(words.len());
            says.then(|| {
                words[at + 1..end]
                    .iter()
                    .take_while(|word| *word != ".")
                    .find_map(named)
            })
            .flatten()
        };
        if let Some(colour) = before.or_else(after) {
            return Some(colour);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persona_is_read_for_looks() {
        let traits = read(
            "Mirelle was a courteous vampire with long silver hair and crimson eyes. She wore a high collar and \
             lived in an old castle under the moon, in the castle's tower.",
        );
        assert_eq!(traits.species, Some(Species::Vampire));
        assert_eq!(traits.presence, Some(Presence::Feminine));
        assert_eq!(traits.setting, Some(Setting::Castle));
        assert_eq!(traits.garment, Some(Garment::HighCollar));
        assert_eq!(traits.hair.map(|c| c.l), Some(0.78));
        assert_eq!(traits.eyes.map(|c| c.h), Some(25.0));
    }

    #[test]
    fn what_is_denied_does_not_count() {
        let traits = read("He had no beard and walked without glasses.");
        assert_eq!(traits.extras, []);
        assert_eq!(read("He had a beard.").extras, [Extra::Beard]);
    }

    #[test]
    fn colours_belong_to_their_noun() {
        let traits = read("Her eyes were green. Her hair was a deep auburn, her skin olive.");
        assert_eq!(traits.eyes.map(|c| c.h), Some(150.0));
        assert_eq!(traits.hair.map(|c| c.l), Some(0.42));
        assert_eq!(read("The sea was green and wide.").eyes, None);
    }

    #[test]
    fn hostile_text_is_survived() {
        assert_eq!(read(""), Traits::default());
        read(&"\u{1F98A}".repeat(40_000));
        read(&"hair ".repeat(20_000));
    }
}
