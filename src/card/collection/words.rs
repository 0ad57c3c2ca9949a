//! Words as the index counts them, and what a person types turned into a query for them.
//!
//! Chinese and Japanese are written without blanks, so that a whole sentence would be one word. Their characters are set
//! apart, in the index and in queries alike; a word of several is then a phrase.
//!
//! FTS5 answers for the beginning of a word by putting together all that it knows of every word that begins so, before it
//! gives the first card: a third of a second where that are a million places. (Its own remedy, the option `prefix`, writes
//! each place of each word once more for every length of a beginning, and the index becomes nearly three times as large.)
//! So the index has a word of its own for each beginning in a card, once, and `the*` is then as fast as any word.

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

/// What marks the beginning of a word: a character of private use, for FTS5 a letter like others, and typed by nobody.
const MARK: char = '\u{f8ff}';

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

/// The beginnings of all words in `texts`, each once and marked.
pub(super) fn beginnings(texts: &[String]) -> String {
    // Eleven bits are enough for a letter; the first is the highest, so that beginnings of a beginning stand together.
    const BITS: usize = 11;
    let mut starts: Vec<u64> = Vec::new();
    for text in texts {
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
                None if c.is_alphanumeric() => {
                    // Here FTS5 may see the end of a word; what stands before is the beginning of one either way.
                    inside = true;
                    if length > 0 {
                        starts.push(start);
                        (start, length) = (0, 0);
                    }
                }
                None => {
                    inside = false;
                    if length > 0 {
                        starts.push(start);
                        (start, length) = (0, 0);
                    }
                }
            }
        }
    }
    starts.sort_unstable();
    let mut out = String::with_capacity(starts.len() * 8);
    let mut before = 0;
    for start in starts {
        for length in 1..=LONGEST {
            let rest = BITS * (LONGEST - length);
            let letters = start >> rest;
            // A word shorter than this one ends in an empty letter.
            if letters & ((1 << BITS) - 1) == 0 || letters == before >> rest {
                continue;
            }
            for place in (0..length).rev() {
                let letter = (letters >> (BITS * place)) & ((1 << BITS) - 1);
                out.extend(u32::try_from(letter).ok().and_then(char::from_u32));
            }
            out.push(MARK);
            out.push(' ');
        }
        before = start;
    }
    out
}

/// The word that stands for a beginning in the index, if it is one of those.
fn marked(beginning: &str) -> Option<String> {
    let letters = beginning.chars().filter(|c| !is_accent(*c)).count();
    let is_one = beginning
        .chars()
        .all(|c| is_accent(c) || plain_letter(c).is_some());
    (is_one && (1..=LONGEST).contains(&letters)).then(|| format!("{beginning}{MARK}"))
}

/// What to look for, in the words of FTS5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    wanted: String,
    unwanted: Vec<String>,
}

impl Query {
    /// The query as FTS5 takes it.
    pub(super) fn anywhere(&self) -> String {
        self.without(self.wanted.clone())
    }

    /// As [`Query::anywhere`], with what is wanted in one of `columns`.
    pub(super) fn within(&self, columns: &[&str]) -> String {
        self.without(format!("{{{}}} : ({})", columns.join(" "), self.wanted))
    }

    fn without(&self, wanted: String) -> String {
        let unwanted = self.unwanted.iter();
        unwanted.fold(wanted, |query, phrase| format!("({query}) NOT {phrase}"))
    }
}

/// The query for what was typed: all words must be there; `"..."` is a phrase, `word*` a beginning, `-word` must not be
/// there, `OR` between two means either, `name:word` looks in one field. `None` when there is nothing to look for.
pub(super) fn query(typed: &str, fields: &[&str]) -> Option<Query> {
    let mut wanted: Vec<String> = Vec::new();
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
            Some((field, rest)) if fields.contains(&field) => (format!("{field} : "), rest),
            _ => (String::new(), term),
        };
        let (term, star) = match term.strip_suffix('*') {
            Some(rest) => (rest, " *"),
            None => (term, ""),
        };
        let term = apart(&term.replace('"', " "));
        // Punctuation alone is no word, and a query without words is an error.
        if !term.chars().any(char::is_alphanumeric) {
            continue;
        }
        let phrase = match marked(term.trim()) {
            Some(word) if !star.is_empty() && field.is_empty() => format!("\"{word}\""),
            _ => format!("{field}\"{}\"{star}", term.trim()),
        };
        if not {
            unwanted.push(phrase);
        } else if or && let Some(last) = wanted.last_mut() {
            last.push_str(" OR ");
            last.push_str(&phrase);
        } else {
            wanted.push(phrase);
        }
        or = false;
    }
    if wanted.is_empty() {
        return None;
    }
    let wanted: Vec<_> = wanted.iter().map(|group| format!("({group})")).collect();
    Some(Query {
        wanted: wanted.join(" AND "),
        unwanted,
    })
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

    #[track_caller]
    fn said(typed: &str) -> String {
        query(typed, &["name", "tags"]).map_or_else(String::new, |query| query.anywhere())
    }

    #[test]
    fn what_is_typed_can_only_ask_for_words() {
        assert_eq!(said("light house"), r#"("light") AND ("house")"#);
        assert_eq!(
            said("\"light house\" -sea"),
            r#"(("light house")) NOT "sea""#
        );
        assert_eq!(
            said("name:Car* OR tags:sea x"),
            r#"(name : "Car" * OR tags : "sea") AND ("x")"#
        );
        assert_eq!(
            said("don't NEAR(a) x:y ^z"),
            r#"("don't") AND ("NEAR(a)") AND ("x:y") AND ("^z")"#
        );
        let query_of = |typed| query(typed, &["name"]).map(|query| query.within(&["name", "tags"]));
        assert_eq!(
            query_of("a -b").as_deref(),
            Some(r#"({name tags} : (("a"))) NOT "b""#)
        );
        assert_eq!(said("灯台 x"), r#"("灯  台") AND ("x")"#);
        for nothing in ["", "  ", "-sea", "\"", "***", "OR", "' ) ("] {
            assert_eq!(query(nothing, &["name"]), None, "{nothing}");
        }
    }
}
