//! A second look at what a model wrote: the reasons to have it written again.
//!
//! These are checks of text, quick and without a model; a grammar has already seen to the layout.

use std::collections::HashMap;

/// Why a section is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It has fewer words than it should.
    Short {
        /// How many it has.
        words: usize,
    },
    /// It was cut off before its end.
    Cut,
    /// The same run of words comes back.
    Repeats(String),
    /// It does not name the one it is about.
    Nameless(String),
    /// It names somebody of the examples.
    Echo(String),
    /// It shares too many words in a row with an example.
    Copied(String),
    /// Somebody in it is not an adult.
    Age(String),
    /// It speaks or decides for the user.
    SpeaksForUser(String),
    /// It gives somebody another name.
    Renamed(String),
    /// It takes somebody for a man and for a woman by turns.
    Pronouns,
    /// The narration says "I" or "you", where LimaRP narrates in the third person.
    Person(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { words } => write!(f, "too short ({words} words)"),
            Self::Cut => f.write_str("cut off"),
            Self::Repeats(words) => write!(f, "repeats `{words}`"),
            Self::Nameless(name) => write!(f, "never says `{name}`"),
            Self::Echo(name) => write!(f, "takes `{name}` from an example"),
            Self::Copied(words) => write!(f, "copies `{words}` from an example"),
            Self::Age(words) => write!(f, "`{words}`: somebody is not an adult"),
            Self::SpeaksForUser(words) => write!(f, "speaks for the user: `{words}`"),
            Self::Renamed(words) => write!(f, "gives another name: `{words}`"),
            Self::Pronouns => f.write_str("says both `he` and `she`"),
            Self::Person(word) => write!(f, "narrates with `{word}` instead of the third person"),
        }
    }
}

impl Fault {
    /// The fault without its particulars, for counting.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Short { .. } => "short",
            Self::Cut => "cut",
            Self::Repeats(_) => "repeats",
            Self::Nameless(_) => "nameless",
            Self::Echo(_) => "echo",
            Self::Copied(_) => "copied",
            Self::Age(_) => "age",
            Self::SpeaksForUser(_) => "speaks-for-user",
            Self::Renamed(_) => "renamed",
            Self::Pronouns => "pronouns",
            Self::Person(_) => "person",
        }
    }
}

/// How many words in a row may come back within one text.
const REPEAT_WORDS: usize = 4;
/// How many words in a row a text may share with an example. Eight is longer than set phrases are.
const COPY_WORDS: usize = 8;

/// Words that say that somebody is not an adult.
const MINORS: &[&str] = &[
    "adolescent",
    "babies",
    "baby",
    "boy",
    "boys",
    "child",
    "childish",
    "children",
    "girl",
    "girls",
    "infant",
    "juvenile",
    "kid",
    "kids",
    "minor",
    "preteen",
    "schoolboy",
    "schoolchild",
    "schoolgirl",
    "teen",
    "teenage",
    "teenaged",
    "teenager",
    "teenagers",
    "teens",
    "toddler",
    "underage",
    "youngster",
];

/// What stands before the units of an adult's age in words.
const TENS: &[&str] = &[
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred",
];

/// The lower-case words of a text, without punctuation.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\'').to_lowercase())
        .filter(|word| !word.is_empty())
}

/// Whether a word is this part of a name, also in the possessive.
fn is_part(word: &str, part: &str) -> bool {
    word == part || word.strip_suffix("'s") == Some(part)
}

/// Whether a text has at least so many words.
#[must_use]
pub fn length(text: &str, least: usize) -> Option<Fault> {
    let words = words(text).count();
    (words < least).then_some(Fault::Short { words })
}

/// A run of words that comes back within the text.
#[must_use]
pub fn repetition(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    let mut seen = HashMap::new();
    for (at, run) in words.windows(REPEAT_WORDS).enumerate() {
        let first = *seen.entry(run).or_insert(at);
        // A run that overlaps itself ("very very very") counts only once it has come round.
        if at >= first + REPEAT_WORDS {
            return Some(Fault::Repeats(run.join(" ")));
        }
    }
    None
}

/// Whether a text names the one it is about, by any part of the name.
#[must_use]
pub fn names(text: &str, name: &str) -> Option<Fault> {
    let text: Vec<_> = words(text).collect();
    let named = words(name).any(|part| text.iter().any(|word| is_part(word, &part)));
    (!named).then(|| Fault::Nameless(name.to_owned()))
}

/// Another name for somebody in the first sentence, where a persona says who it is about: "a baker named Luna".
#[must_use]
pub fn renames(text: &str, cast: &[&str]) -> Option<Fault> {
    let first = text
        .split_inclusive(['.', '!', '?'])
        .next()
        .unwrap_or_default();
    let parts: Vec<&str> = first.split_whitespace().collect();
    parts.windows(2).find_map(|pair| {
        let name = pair[1].trim_matches(|c: char| !c.is_alphanumeric());
        let is_name = name.starts_with(char::is_uppercase);
        let is_known = cast.iter().any(|known| known.contains(name));
        (matches!(pair[0], "named" | "called") && is_name && !is_known)
            .then(|| Fault::Renamed(pair.join(" ")))
    })
}

/// Both `he` and `she` in a text about one person.
#[must_use]
pub fn pronouns(text: &str) -> Option<Fault> {
    let (mut he, mut she) = (0, 0);
    for word in words(text) {
        match word.as_str() {
            "he" | "he's" | "himself" => he += 1,
            "she" | "she's" | "herself" => she += 1,
            _ => {}
        }
    }
    (he > 0 && she > 0).then_some(Fault::Pronouns)
}

/// Something that is taken from the examples: a name that is not in the cast, or a long run of words.
#[must_use]
pub fn echo(text: &str, examples: &[String], strangers: &[String]) -> Option<Fault> {
    let text: Vec<_> = words(text).collect();
    for stranger in strangers {
        if words(stranger).any(|part| text.iter().any(|word| is_part(word, &part))) {
            return Some(Fault::Echo(stranger.clone()));
        }
    }
    for example in examples {
        let example: Vec<_> = words(example).collect();
        for run in text.windows(COPY_WORDS) {
            if example.windows(COPY_WORDS).any(|other| other == run) {
                return Some(Fault::Copied(run.join(" ")));
            }
        }
    }
    None
}

/// A word or an age that says that somebody is not an adult.
#[must_use]
pub fn adults(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    if let Some(word) = words.iter().find(|word| MINORS.contains(&word.as_str())) {
        return Some(Fault::Age(word.clone()));
    }
    // "17 years old", "17-year-old", "seventeen years old", "aged 17".
    for (at, word) in words.iter().enumerate() {
        let Some(age) = number(word) else { continue };
        let next = |n: usize| words.get(at + n).map(String::as_str);
        let is_age = (matches!(next(1), Some("year" | "years")) && next(2) == Some("old"))
            || (at > 0 && matches!(words[at - 1].as_str(), "age" | "aged"));
        // "fifty-nine years old" is two words here.
        let has_tens = at > 0 && TENS.contains(&words[at - 1].as_str());
        if is_age && age < 18 && !has_tens {
            return Some(Fault::Age(format!("{word} years old")));
        }
    }
    None
}

fn number(word: &str) -> Option<u32> {
    const SMALL: &[&str] = &[
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
    ];
    word.parse().ok().or_else(|| {
        SMALL
            .iter()
            .position(|small| *small == word)
            .and_then(|at| u32::try_from(at).ok())
    })
}

/// The parts of a message that are narration: everything outside straight double quotes.
fn narration(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n")
        .flat_map(|paragraph| paragraph.split('"').step_by(2))
}

/// A message in which the user speaks, or the narration says "I" or "you".
#[must_use]
pub fn message(text: &str, user: &str) -> Option<Fault> {
    const SPEECH: &[&str] = &[
        "said",
        "says",
        "replied",
        "replies",
        "asked",
        "asks",
        "answered",
        "answers",
        "nodded",
        "nods",
        "smiled",
        "smiles",
        "thought",
        "thinks",
        "whispered",
        "laughed",
    ];
    for part in narration(text) {
        let words: Vec<_> = words(part).collect();
        if let Some(word) = words.iter().find(|word| {
            matches!(
                word.as_str(),
                "i" | "i'm" | "my" | "me" | "you" | "your" | "you're"
            )
        }) {
            return Some(Fault::Person(word.clone()));
        }
        let user = user.to_lowercase();
        if let Some(pair) = words.windows(2).find(|pair| {
            (pair[0] == user && SPEECH.contains(&pair[1].as_str()))
                || (pair[1] == user && SPEECH.contains(&pair[0].as_str()))
        }) {
            return Some(Fault::SpeaksForUser(pair.join(" ")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_words_that_comes_back_is_a_repetition() {
        assert_eq!(
            repetition("She walks to the old mill. He walks to the old mill too."),
            Some(Fault::Repeats("walks to the old".into()))
        );
        assert_eq!(
            repetition("She walks to the mill. He walks to the well."),
            None
        );
        assert_eq!(repetition("No, no, no, no, he said."), None);
    }

    #[test]
    fn an_age_below_eighteen_is_found_in_digits_and_in_words() {
        for text in [
            "a 17-year-old baker",
            "she is seventeen years old",
            "a clerk, aged 12",
            "a kind girl",
        ] {
            assert!(matches!(adults(text), Some(Fault::Age(_))), "{text}");
        }
        for text in [
            "a 34-year-old baker",
            "a fifty-nine-year-old baker",
            "married for seventeen years",
            "the 12 apostles",
        ] {
            assert_eq!(adults(text), None, "{text}");
        }
    }

    #[test]
    fn narration_is_what_stands_outside_the_quotes() {
        assert_eq!(message("\"I know you,\" she said.", "Tom"), None);
        assert_eq!(
            message("I looked up.", "Tom"),
            Some(Fault::Person("i".into()))
        );
        assert_eq!(
            message("She waved. Tom nodded at once.", "Tom"),
            Some(Fault::SpeaksForUser("tom nodded".into()))
        );
    }

    #[test]
    fn a_name_or_a_long_phrase_of_an_example_is_an_echo() {
        let examples = [
            "Vesper keeps the lighthouse lamp burning through every storm of winter.".to_owned(),
        ];
        let strangers = ["Vesper".to_owned()];
        assert_eq!(
            echo("Vesper's lamp", &[], &strangers),
            Some(Fault::Echo("Vesper".into()))
        );
        assert_eq!(
            echo("Vesper waits.", &examples, &strangers),
            Some(Fault::Echo("Vesper".into()))
        );
        assert!(matches!(
            echo(
                "He keeps the lighthouse lamp burning through every storm, too.",
                &examples,
                &strangers
            ),
            Some(Fault::Copied(_))
        ));
        assert_eq!(echo("He keeps bees.", &examples, &strangers), None);
    }

    #[test]
    fn a_possessive_names_its_owner() {
        assert_eq!(names("Carina's shop is small.", "Carina Voss"), None);
        assert_eq!(
            names("Her shop is small.", "Carina Voss"),
            Some(Fault::Nameless("Carina Voss".into()))
        );
    }
}
