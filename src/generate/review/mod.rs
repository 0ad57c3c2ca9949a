//! A second look at what a model wrote: the reasons to have it written again.
//!
//! These are checks of text, quick and without a model; a grammar has already seen to the layout.

mod ages;
mod fault;
mod tense;

use std::collections::HashMap;

pub use ages::{adults, ages};
pub use fault::Fault;
pub(super) use fault::UNACCEPTABLE;
pub use tense::{in_past, in_present};

/// So many words in a row that come back are a repetition where there are several.
const REPEAT_WORDS: usize = 4;
/// So many are one by themselves.
const LONG_REPEAT: usize = 6;
/// One more short repetition is let pass for each so many words.
const WORDS_PER_REPEAT: usize = 150;
/// How many words in a row a text may share with an example. Eight is longer than set phrases are.
const COPY_WORDS: usize = 8;

/// The lower-case words of a text, without punctuation.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
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

/// Runs of words that come back within the text: a long one, or several short ones. A single set phrase may be said twice.
#[must_use]
pub fn repetition(text: &str) -> Option<Fault> {
    let words: Vec<_> = words(text).collect();
    let again = |length: usize| {
        let mut seen = HashMap::new();
        let mut found: Vec<(usize, String)> = Vec::new();
        for (at, run) in words.windows(length).enumerate() {
            let first = *seen.entry(run).or_insert(at);
            // A run that overlaps itself ("very very very") counts only once it has come round, and a longer run is one.
            if at >= first + length && found.last().is_none_or(|(last, _)| at >= last + length) {
                found.push((at, run.join(" ")));
            }
        }
        found
    };
    if let Some((_, long)) = again(LONG_REPEAT).into_iter().next() {
        return Some(Fault::Repeats(long));
    }
    let short = again(REPEAT_WORDS);
    // Longer texts have more set phrases.
    let allowed = 1 + words.len() / WORDS_PER_REPEAT;
    (short.len() > allowed).then(|| Fault::Repeats(short[0].1.clone()))
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

/// The parts of a message that are narration: everything outside straight double quotes.
fn narration(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n")
        .flat_map(|paragraph| paragraph.split('"').step_by(2))
}

/// A line break in a paragraph.
#[must_use]
pub fn newline(text: &str) -> Option<Fault> {
    text.trim().contains(['\n', '\r']).then_some(Fault::Newline)
}

/// What tags, macros and other layouts leave behind. A grammar does not let them through; a server without one may.
const MARKS: &[&str] = &[
    "<<",
    ">>",
    "<|",
    "|>",
    "</",
    "{{",
    "}}",
    "###",
    "***",
    "[INST",
    "[/",
    "*",
    "_",
    "'s Persona:",
    "Scenario:",
    "\u{201c}",
    "\u{201d}",
    "\u{fffd}",
];

/// A tag, a macro or a mark of another layout.
#[must_use]
pub fn markup(text: &str) -> Option<Fault> {
    let mark = MARKS.iter().find(|mark| text.contains(**mark))?;
    Some(Fault::Markup((*mark).to_owned()))
}

/// A paragraph with a quotation mark that has no other.
#[must_use]
pub fn quotes(text: &str) -> Option<Fault> {
    text.split("\n\n")
        .any(|paragraph| paragraph.matches('"').count() % 2 == 1)
        .then_some(Fault::Quotes)
}

/// Narration that says "I" or "you".
#[must_use]
pub fn person(text: &str) -> Option<Fault> {
    narration(text)
        .flat_map(words)
        .find(|word| {
            matches!(
                word.as_str(),
                "i" | "i'm" | "i've" | "my" | "me" | "you" | "your" | "you're"
            )
        })
        .map(Fault::Person)
}

/// A message in which the user speaks or is made to do something.
#[must_use]
pub fn speaks_for(text: &str, user: &str) -> Option<Fault> {
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
        "whispers",
        "laughed",
        "laughs",
        "agreed",
        "agrees",
        "decided",
        "decides",
        "sighed",
        "sighs",
        "shrugged",
        "shrugs",
        "felt",
        "feels",
    ];
    let user: Vec<_> = words(user).collect();
    for part in narration(text) {
        let words: Vec<_> = words(part).collect();
        for pair in words.windows(2) {
            let is_user = |word: &String| user.contains(word);
            let speaks = |word: &String| SPEECH.contains(&word.as_str());
            // "said Tom" as well as "Tom said".
            if (is_user(&pair[0]) && speaks(&pair[1]))
                || (is_user(&pair[1])
                    && matches!(pair[0].as_str(), "said" | "replied" | "asked" | "answered"))
            {
                return Some(Fault::SpeaksForUser(pair.join(" ")));
            }
        }
    }
    None
}

/// A text up to its last whole sentence of the first `most` words, with every quotation closed; empty when there is none.
#[must_use]
pub fn whole_sentences(text: &str, most: usize) -> String {
    let mut end = 0;
    let (mut words, mut is_word) = (0, false);
    let mut quotes = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let in_word = !c.is_whitespace();
        if in_word && !is_word {
            words += 1;
        }
        is_word = in_word;
        if words > most {
            break;
        }
        quotes += usize::from(c == '"');
        let next = chars.peek().map(|(_, next)| *next);
        let is_end = matches!(c, '.' | '!' | '?') && !matches!(next, Some('.' | '!' | '?' | '"'));
        let is_quoted_end =
            c == '"' && matches!(text[..at].chars().next_back(), Some('.' | '!' | '?'));
        let is_last = next.is_none_or(char::is_whitespace);
        if (is_end || is_quoted_end) && is_last && quotes % 2 == 0 {
            end = at + c.len_utf8();
        }
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_words_that_comes_back_is_a_repetition() {
        assert_eq!(
            repetition("She walks to the old mill by the sea. He walks to the old mill by it too."),
            Some(Fault::Repeats("walks to the old mill by".into()))
        );
        assert_eq!(
            repetition(
                "She sits by the door of it. He waits for her here. Both sit by the door of an inn. He waits for her now."
            ),
            Some(Fault::Repeats("by the door of".into()))
        );
        assert_eq!(
            repetition("At the end of the day she rests. It is the end of the road."),
            None
        );
        assert_eq!(
            repetition("She walks to the mill. He walks to the well."),
            None
        );
        assert_eq!(repetition("No, no, no, no, he said."), None);
    }

    #[test]
    fn narration_is_what_stands_outside_the_quotes() {
        assert_eq!(person("\"I know you,\" she said."), None);
        assert_eq!(person("I looked up."), Some(Fault::Person("i".into())));
        assert_eq!(
            speaks_for("She waved. Tom nodded at once.", "Tom Reed"),
            Some(Fault::SpeaksForUser("tom nodded".into()))
        );
        assert_eq!(speaks_for("She nodded. Tom was late.", "Tom"), None);
    }

    #[test]
    fn what_another_layout_leaves_behind_is_found() {
        assert_eq!(
            markup("She waits. <<AIBOT>>"),
            Some(Fault::Markup("<<".into()))
        );
        assert_eq!(markup("She {{waits}}."), Some(Fault::Markup("{{".into())));
        assert_eq!(markup("She waits; it's late."), None);
        assert_eq!(newline("One.\nTwo."), Some(Fault::Newline));
        assert_eq!(newline(" One. Two.\n"), None);
        assert_eq!(quotes("\"One.\n\n\"Two.\""), Some(Fault::Quotes));
        assert_eq!(quotes("\"One.\"\n\n\"Two.\""), None);
    }

    #[test]
    fn a_cut_text_ends_with_its_last_sentence() {
        assert_eq!(whole_sentences("One. \"Two!\" Thr", 9), "One. \"Two!\"");
        assert_eq!(whole_sentences("One. \"Two! And thr", 9), "One.");
        assert_eq!(
            whole_sentences("One two. Three four. Five.", 4),
            "One two. Three four."
        );
        assert_eq!(
            whole_sentences("It is 2.5 miles... Yes. No", 9),
            "It is 2.5 miles... Yes."
        );
        assert_eq!(whole_sentences("no end", 9), "");
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
