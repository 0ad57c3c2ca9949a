//! Words as the index counts them, and what a person types turned into a query for them.
//!
//! Chinese and Japanese are written without blanks, so that a whole sentence would be one word. Their characters are set
//! apart, in the index and in queries alike; a word of several is then a phrase.
//!
//! FTS5 answers for the beginning of a word by putting together all that it knows of every word that begins so, before it
//! gives the first card: a third of a second where that are a million places. (Its own remedy, the option `prefix`, writes
//! each place of each word once more for every length of a beginning, and the index becomes nearly three times as large.)
//! So the index has a word of its own for each beginning in a card, once, and one for each field it is in: `the*` and
//! `scenario:the*` are then as fast as any word.

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// Whether a character is a word by itself.
fn stands_alone(c: char) -> bool {
    matches!(u32::from(c), 0x2e80..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// `text` with every character that is a word by itself set apart.
pub(super) fn apart(text: &str) -> String {
    if !text.chars().any(stands_alone) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if stands_alone(c) {
            out.push(' ');
            out.push(c);
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

/// The longest beginnings that are words of their own. Fewer words share a longer one, and FTS5 has put them together in
/// a moment.
const LONGEST: usize = 4;

/// What marks the beginning of a word wherever it stands: a character of private use, for FTS5 a letter like others, and
/// typed by nobody.
const MARK: char = '\u{f8ff}';

/// What marks the beginning of a word in one field: the character of the first one, and those that follow it.
const FIELDS: u32 = 0xf8e0;

/// What marks the beginning of a word in the field of this number, or wherever it stands.
fn mark(field: Option<usize>) -> char {
    field
        .and_then(|field| char::from_u32(FIELDS + u32::try_from(field).ok()?))
        .unwrap_or(MARK)
}

/// The number of a letter or digit whose words are certain to be the same ones for FTS5, which knows an older Unicode:
/// those of the Latin, Greek and Cyrillic scripts.
fn plain_letter(c: char) -> Option<u64> {
    (c < '\u{528}' && c.is_alphanumeric() && !is_accent(c)).then(|| u64::from(u32::from(c)))
}

/// Whether FTS5 leaves a character out of the word it stands in: the accents that follow a letter.
fn is_accent(c: char) -> bool {
    let bits: [u32; 2] = [0x0802_9fdf, 0x0003_61f8];
    matches!(u32::from(c), at @ 0x300..=0x331 if bits[(at as usize - 0x300) / 32] >> (at % 32) & 1 == 1)
}

/// The beginnings of all words in the texts of some fields, each once and marked, and once more for each field it is in.
pub(super) fn beginnings(texts: &[String]) -> String {
    // Eleven bits are enough for a letter; the first is the highest, so that beginnings of a beginning stand together.
    const BITS: usize = 11;
    let mut starts: Vec<(u64, usize)> = Vec::new();
    for (field, text) in texts.iter().enumerate() {
        let (mut start, mut length, mut inside) = (0, 0, false);
        for c in text.chars().chain(Some(' ')) {
            if is_accent(c) {
                continue;
            }
            match plain_letter(c.to_ascii_lowercase()) {
                Some(letter) if length < LONGEST && (length > 0 || !inside) => {
                    start |= letter << (BITS * (LONGEST - 1 - length));
                    length += 1;
                    inside = true;
                }
                // The rest of a word that is longer, or of one in another script.
                Some(_) => {}
                // Where another script begins, FTS5 may see the end of a word; what stands before is the beginning of one
                // either way.
                None => {
                    inside = c.is_alphanumeric();
                    if length > 0 {
                        starts.push((start, field));
                        (start, length) = (0, 0);
                    }
                }
            }
        }
    }
    starts.sort_unstable();
    starts.dedup();
    let mut out = String::with_capacity(starts.len() * 16);
    for length in 1..=LONGEST {
        let letters = |start: u64| start >> (BITS * (LONGEST - length));
        let letter = |start: u64, place: usize| {
            let letter = letters(start) >> (BITS * (length - 1 - place)) & ((1 << BITS) - 1);
            u32::try_from(letter).ok().and_then(char::from_u32)
        };
        for same in starts.chunk_by(|a, b| letters(a.0) == letters(b.0)) {
            let start = same[0].0;
            // A word shorter than this one ends in an empty letter.
            if letter(start, length - 1) == Some('\0') {
                continue;
            }
            let fields = same
                .iter()
                .fold(0_u32, |fields, (_, field)| fields | 1 << field);
            let fields = (0..texts.len()).filter(|field| fields >> field & 1 == 1);
            for field in fields.map(Some).chain([None]) {
                out.extend((0..length).filter_map(|place| letter(start, place)));
                out.extend([mark(field), ' ']);
            }
        }
    }
    out
}

/// The word that stands for a beginning in the index, anywhere or in one field, if it is one of those.
fn marked(beginning: &str, field: Option<usize>) -> Option<String> {
    let letters = beginning.chars().filter(|c| !is_accent(*c)).count();
    let is_one = beginning
        .chars()
        .all(|c| is_accent(c) || plain_letter(c).is_some());
    (is_one && (1..=LONGEST).contains(&letters)).then(|| format!("{beginning}{}", mark(field)))
}

/// What marks a word that stands for a whole tag, and for a whole creator.
const WHOLE: [char; 2] = ['\u{f8fe}', '\u{f8fd}'];

/// The word that stands for a tag, in any case. FTS5 would take a tag apart, and take one accent for another.
pub(super) fn whole_tag(tag: &str) -> String {
    whole(WHOLE[0], tag)
}

/// The word that stands for a creator, in any case.
pub(super) fn whole_creator(creator: &str) -> String {
    whole(WHOLE[1], creator)
}

fn whole(mark: char, text: &str) -> String {
    let hash = Sha256::digest(text.trim().to_lowercase());
    // Of eight bytes no two among a billion tags are likely to be the same.
    format!("{mark}{}", hex(&hash[..8]))
}

/// A word or a phrase to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase {
    /// The field that it must be in: its number and name.
    field: Option<(usize, String)>,
    text: String,
    is_beginning: bool,
}

impl Phrase {
    fn is_within(&self, fields: &[&str]) -> bool {
        let field = self.field.as_ref();
        field.is_some_and(|(_, field)| fields.contains(&&**field))
    }

    /// The word that stands for it, where it is a beginning that has one.
    fn marked(&self) -> Option<String> {
        let field = self.field.as_ref().map(|(number, _)| *number);
        marked(&self.text, field).filter(|_| self.is_beginning)
    }

    /// The phrase as FTS5 takes it, of a table that has the beginnings of words or one that has not.
    fn said(&self, has_beginnings: bool) -> String {
        let star = if self.is_beginning { " *" } else { "" };
        match (&self.field, self.marked()) {
            (_, Some(word)) if has_beginnings => format!("\"{word}\""),
            (Some((_, field)), _) => format!("{field} : \"{}\"{star}", self.text),
            (None, _) => format!("\"{}\"{star}", self.text),
        }
    }
}

/// What to look for: one phrase of every group, and no unwanted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    wanted: Vec<Vec<Phrase>>,
    unwanted: Vec<Phrase>,
}

impl Query {
    /// What to ask of the table of all words, and what of the one that has only the fields `first`, where a beginning is
    /// found in a moment, both in the words of FTS5; empty where nothing is to be asked.
    pub(super) fn parts(&self, first: &[&str]) -> [String; 2] {
        [false, true].map(|wanted_first| {
            let groups = self.wanted.iter();
            all(groups
                .filter(|group| group.iter().all(|phrase| phrase.is_within(first)) == wanted_first)
                .map(|group| either(group, !wanted_first)))
        })
    }

    /// Whether FTS5 finds all that is unwanted as fast as it finds words, and need not put beginnings together.
    pub(super) fn is_refused_quickly(&self) -> bool {
        self.unwanted
            .iter()
            .all(|phrase| !phrase.is_beginning || phrase.marked().is_some())
    }

    /// All that is wanted, asked of the table that has only the fields `first`; `None` where it cannot be there.
    pub(super) fn within(&self, first: &[&str]) -> Option<String> {
        let groups = self.wanted.iter().map(|group| {
            let may_be = |phrase: &&Phrase| phrase.field.is_none() || phrase.is_within(first);
            let said = either(group.iter().filter(may_be), false);
            (!said.is_empty()).then_some(said)
        });
        groups.collect::<Option<Vec<_>>>().map(all)
    }

    /// What either of the tables may not find: as [`Query::parts`].
    pub(super) fn unwanted(&self, first: &[&str]) -> [String; 2] {
        [false, true].map(|is_first| {
            let phrases = self.unwanted.iter();
            either(
                phrases.filter(|phrase| phrase.is_within(first) == is_first),
                !is_first,
            )
        })
    }
}

fn all(groups: impl IntoIterator<Item = String>) -> String {
    groups.into_iter().collect::<Vec<_>>().join(" AND ")
}

/// Either of some phrases; empty when there is none.
fn either<'a>(phrases: impl IntoIterator<Item = &'a Phrase>, has_beginnings: bool) -> String {
    let said: Vec<_> = phrases
        .into_iter()
        .map(|phrase| phrase.said(has_beginnings))
        .collect();
    match said[..] {
        [] => String::new(),
        _ => format!("({})", said.join(" OR ")),
    }
}

/// The query for what was typed: all words must be there; `"..."` is a phrase, `word*` a beginning, `-word` must not be
/// there, `OR` between two means either, `name:word` looks in one field. `None` when there is nothing to look for.
pub(super) fn query(typed: &str, fields: &[&str]) -> Option<Query> {
    let mut wanted: Vec<Vec<Phrase>> = Vec::new();
    let mut unwanted = Vec::new();
    let mut or = false;
    for term in terms(typed) {
        if term == "OR" {
            or = !wanted.is_empty();
            continue;
        }
        let (not, term) = match term.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, term.as_str()),
        };
        let (field, term) = match term.split_once(':') {
            Some((field, rest)) => match fields.iter().position(|known| *known == field) {
                Some(number) => (Some((number, field.to_owned())), rest),
                None => (None, term),
            },
            None => (None, term),
        };
        let (term, is_beginning) = match term.strip_suffix('*') {
            Some(rest) => (rest, true),
            None => (term, false),
        };
        let term = apart(&term.replace('"', " "));
        // Punctuation alone is no word, and a query without words is an error.
        if !term.chars().any(char::is_alphanumeric) {
            continue;
        }
        let phrase = Phrase {
            field,
            text: term.trim().to_owned(),
            is_beginning,
        };
        if not {
            unwanted.push(phrase);
        } else if or && let Some(last) = wanted.last_mut() {
            last.push(phrase);
        } else {
            wanted.push(vec![phrase]);
        }
        or = false;
    }
    (!wanted.is_empty()).then_some(Query { wanted, unwanted })
}

/// What was typed, split at blanks outside quotes; the quotes go.
fn terms(typed: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut quoted = false;
    for c in typed.chars() {
        match c {
            '"' | '\u{201c}' | '\u{201d}' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => terms.push(String::new()),
            c => {
                if let Some(last) = terms.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    terms.retain(|term| !term.is_empty());
    terms
}

/// The words of a query in lower case, without signs: what to point at in a text that was found.
pub(super) fn plain(typed: &str) -> Vec<String> {
    terms(typed)
        .into_iter()
        .filter(|term| term != "OR" && !term.starts_with('-'))
        .map(|term| {
            let term = term.rsplit_once(':').map_or(&*term, |(_, rest)| rest);
            term.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .filter(|term| !term.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [&str; 2] = ["name", "tags"];

    /// What is asked of the table of all words, and of the one of the first fields.
    #[track_caller]
    fn said(typed: &str) -> [String; 2] {
        let query = query(typed, &["name", "tags", "notes"]).expect("something to look for");
        query.parts(&FIRST)
    }

    #[test]
    fn what_is_typed_can_only_ask_for_words() {
        for (typed, all) in [
            ("light house", r#"("light") AND ("house")"#),
            ("\"light house\" -sea", r#"("light house")"#),
            (
                "notes:Car* OR tags:sea x",
                "(\"Car\u{f8e2}\" OR tags : \"sea\") AND (\"x\")",
            ),
            (
                "don't NEAR(a) x:y ^z",
                r#"("don't") AND ("NEAR(a)") AND ("x:y") AND ("^z")"#,
            ),
            ("\u{706f}\u{53f0} x", "(\"\u{706f}  \u{53f0}\") AND (\"x\")"),
        ] {
            assert_eq!(said(typed), [all, ""], "{typed}");
        }
        for nothing in ["", "  ", "-sea", "\"", "***", "OR", "' ) ("] {
            assert_eq!(query(nothing, &["name"]), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_limited_to_the_first_fields_is_asked_of_their_own_table() {
        assert_eq!(
            said("name:Car* OR tags:sea x y* -tags:a -b"),
            [
                "(\"x\") AND (\"y\u{f8ff}\")",
                r#"(name : "Car" * OR tags : "sea")"#
            ]
        );
        let query = |typed| query(typed, &["name", "notes"]);
        let within = |typed| query(typed)?.within(&["name"]);
        assert_eq!(
            within("a y* OR notes:z -b").as_deref(),
            Some(r#"("a") AND ("y" *)"#)
        );
        assert_eq!(within("a notes:z"), None);
        let unwanted = query("a -b -name:c* -d*").map(|query| query.unwanted(&["name"]));
        let expected = ["(\"b\" OR \"d\u{f8ff}\")", r#"(name : "c" *)"#];
        assert_eq!(unwanted, Some(expected.map(str::to_owned)));
    }

    #[test]
    fn whole_tags_are_told_apart_by_more_than_their_words() {
        assert_eq!(whole_tag(" Sci-Fi"), whole_tag("sci-fi "));
        let others = ["sci fi", "scifi", "sci-fi!", "sci-f\u{ed}"].map(whole_tag);
        assert!(!others.contains(&whole_tag("sci-fi")));
        assert_ne!(whole_tag("a"), whole_creator("a"));
    }
}
