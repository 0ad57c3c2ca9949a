//! Whether a key is mentioned: plain text, whole words, or a regular expression that may not run for long.

use fancy_regex::{Regex, RegexBuilder};

/// Steps that a regular expression with look-around or back references may take in one search. Real keys take a few
/// thousand over a long chat; this many end within some tens of milliseconds.
const STEPS: usize = 200_000;
/// The longest pattern in bytes: real ones are a few dozen.
const MAX_PATTERN: usize = 4096;
/// The memory one compiled pattern may take, 1 MiB.
const MAX_COMPILED: usize = 1 << 20;

/// A key, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The key as the book has it, for people.
    pub(super) name: String,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    /// Nothing: an empty key, or a regular expression that is none.
    Nothing,
    Text {
        text: String,
        case_sensitive: bool,
        whole: bool,
    },
    Regex(Box<Regex>),
}

/// What came of looking for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
    /// The regular expression took too many steps.
    GaveUp,
}

impl Key {
    /// `key`, in which macros are already replaced.
    pub(super) fn new(
        name: &str,
        key: &str,
        use_regex: bool,
        case_sensitive: bool,
        whole_words: bool,
    ) -> Self {
        let key = key.trim();
        let matcher = if key.is_empty() {
            Matcher::Nothing
        } else if let Some(regex) =
            slashed(key).and_then(|(pattern, flags)| compile(&pattern, flags))
        {
            Matcher::Regex(regex.into())
        } else if use_regex {
            let flags = if case_sensitive { "" } else { "i" };
            compile(key, flags).map_or(Matcher::Nothing, |regex| Matcher::Regex(regex.into()))
        } else {
            Matcher::Text {
                text: if case_sensitive {
                    key.to_owned()
                } else {
                    key.to_lowercase()
                },
                case_sensitive,
                // A key of several words is looked for as it stands.
                whole: whole_words && !key.contains(char::is_whitespace),
            }
        };
        Self {
            name: name.to_owned(),
            matcher,
        }
    }

    /// Looks for the key in `text`; `lower` is the same in lower case.
    pub(super) fn find(&self, text: &str, lower: &str) -> Found {
        let found = match &self.matcher {
            Matcher::Nothing => false,
            Matcher::Regex(regex) => match regex.is_match(text) {
                Ok(found) => found,
                Err(_) => return Found::GaveUp,
            },
            Matcher::Text {
                text: key,
                case_sensitive,
                whole,
            } => {
                let text = if *case_sensitive { text } else { lower };
                if *whole {
                    is_a_word_of(key, text)
                } else {
                    text.contains(key.as_str())
                }
            }
        };
        if found { Found::Yes } else { Found::No }
    }
}

/// Whether `key` stands in `text` without letters, digits or underscores of ASCII beside it, which is what SillyTavern
/// takes for a word.
fn is_a_word_of(key: &str, text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let step = key.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    // One that is no word may overlap with one that is: `a-a` in `xa-a-a`.
    while let Some(at) = text[from..].find(key).map(|at| from + at) {
        let before = text[..at].chars().next_back();
        let after = text[at + key.len()..].chars().next();
        if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
            return true;
        }
        from = at + step;
    }
    false
}

/// The pattern and the flags of a key such as `/storms?/i`; `None` when it is plain text.
fn slashed(key: &str) -> Option<(String, &str)> {
    let inside = key.strip_prefix('/')?;
    let end = inside.rfind('/').filter(|end| *end > 0)?;
    let (pattern, flags) = (&inside[..end], &inside[end + 1..]);
    let is_flag = |(at, flag)| "gimsuy".contains(flag) && !flags[..at].contains(flag);
    if !flags.char_indices().all(is_flag) {
        return None;
    }
    let mut before = None;
    for c in pattern.chars() {
        if c == '/' && before != Some('\\') {
            return None;
        }
        before = Some(c);
    }
    Some((pattern.replace("\\/", "/"), flags))
}

fn compile(pattern: &str, flags: &str) -> Option<Regex> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let mut pattern = translate(pattern, flags.contains('u'));
    // A sticky expression matches where the text begins, and nowhere else.
    if flags.contains('y') {
        pattern = format!("\\A(?:{pattern})");
    }
    RegexBuilder::new(&pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .backtrack_limit(STEPS)
        .delegate_size_limit(MAX_COMPILED)
        .build()
        .ok()
}

/// The edge of a word and what is none, as JavaScript means them: with letters, digits and underscores of ASCII.
const WORD_EDGE: &str = "(?:(?<=[A-Za-z0-9_])(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_]))";
const NO_WORD_EDGE: &str =
    "(?:(?<=[A-Za-z0-9_])(?=[A-Za-z0-9_])|(?<![A-Za-z0-9_])(?![A-Za-z0-9_]))";

/// A pattern as JavaScript means it: `\d` and `\w` are ASCII there, `[^]` is any character, and code points are written
/// in another way.
///
/// Without the flag `u` an escape or a brace that means nothing stands for itself.
fn translate(pattern: &str, is_unicode: bool) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let Some(escaped) = after.chars().next() else {
                    out.push('\\');
                    break;
                };
                let mut taken = escaped.len_utf8();
                match escaped {
                    'd' if in_class => out.push_str("0-9"),
                    'd' => out.push_str("[0-9]"),
                    'w' if in_class => out.push_str("A-Za-z0-9_"),
                    'w' => out.push_str("[A-Za-z0-9_]"),
                    'D' if !in_class => out.push_str("[^0-9]"),
                    'W' if !in_class => out.push_str("[^A-Za-z0-9_]"),
                    'b' if in_class => out.push_str("\\x08"),
                    'b' => out.push_str(WORD_EDGE),
                    'B' if !in_class => out.push_str(NO_WORD_EDGE),
                    'u' => match code_point(&after[1..]) {
                        Some((code, length)) if is_unicode || code.len() == length => {
                            out.push_str(&format!("\\x{{{code}}}"));
                            taken += length;
                        }
                        _ => out.push('u'),
                    },
                    // A letter that means nothing stands for itself.
                    'a'
                    | 'e'
                    | 'g'
                    | 'h'
                    | 'i'
                    | 'j'
                    | 'l'
                    | 'm'
                    | 'o'
                    | 'q'
                    | 'y'
                    | 'z'
                    | 'A'
                    | 'C'
                    | 'E'..='O'
                    | 'Q'
                    | 'R'
                    | 'T'..='V'
                    | 'X'..='Z' => out.push(escaped),
                    'p' | 'P' if !is_unicode => out.push(escaped),
                    'k' if !pattern.contains("(?<") => out.push(escaped),
                    '<' | '>' => out.push(escaped),
                    _ if !escaped.is_ascii() => out.push(escaped),
                    _ => {
                        out.push('\\');
                        out.push(escaped);
                    }
                }
                rest = &after[taken..];
                continue;
            }
            '[' if in_class => out.push_str("\\["),
            '[' => match after.strip_prefix("^]") {
                Some(after) => {
                    out.push_str("[\\s\\S]");
                    rest = after;
                    continue;
                }
                None => {
                    in_class = true;
                    out.push('[');
                }
            },
            '{' if !in_class && !is_unicode && !is_repetition(after) => out.push_str("\\{"),
            ']' => {
                in_class = false;
                out.push(']');
            }
            // Rust's classes have set operations, JavaScript's do not.
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        rest = after;
    }
    out
}

/// Whether `2}`, `2,}` or `2,3}` follows a brace.
fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else {
        return false;
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// The digits of `FEFF` or `{1F98A}`, and how many bytes they take.
fn code_point(text: &str) -> Option<(&str, usize)> {
    let is_hex = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(inside) = text.strip_prefix('{') {
        let end = inside.find('}')?;
        return is_hex(&inside[..end]).then_some((&inside[..end], end + 2));
    }
    let digits = text.get(..4)?;
    is_hex(digits).then_some((digits, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str, text: &str) -> Found {
        let key = Key::new(key, key, false, false, true);
        key.find(text, &text.to_lowercase())
    }

    #[test]
    fn keys_match_whole_words_in_any_case() {
        assert_eq!(found("lamp", "The LAMP."), Found::Yes);
        assert_eq!(found("lamp", "The lamps."), Found::No);
        assert_eq!(found("whale oil", "whale oils"), Found::Yes);
        assert_eq!(found("鈴", "鈴木"), Found::Yes);
        assert_eq!(found("", "anything"), Found::No);
    }

    #[test]
    fn keys_in_slashes_are_regular_expressions_as_javascript_means_them() {
        for (key, text, expected) in [
            ("/storms?/", "a storm", Found::Yes),
            ("/storm/", "A STORM", Found::No),
            ("/storm/i", "A STORM", Found::Yes),
            (r"/\d{2}/", "٣٤", Found::No),
            (r"/^a\/b$/m", "x\na/b", Found::Yes),
            ("/[^]/", "\n", Found::Yes),
            (r"/(?<!no )lamp/", "no lamp", Found::No),
            (r"/\u{1F98A}|\u0041/u", "A", Found::Yes),
            (r"/[\w&&x]/", "&", Found::Yes),
            ("/(unclosed/", "(unclosed", Found::No),
            ("/a/b/", "/a/b/", Found::Yes),
            ("/(unclosed/", "a /(unclosed/ b", Found::Yes),
            ("/a/gg", "a", Found::No),
            ("/a/gg", "(/a/gg)", Found::Yes),
            ("/b/y", "ab", Found::No),
            (r"/caf\b/", "café", Found::Yes),
            (r"/caf\B/", "café", Found::No),
            (r"/\q\'\é/", "q'é", Found::Yes),
            ("a-a", "xa-a-a", Found::Yes),
            (r"/^\u{2}$/", "uu", Found::Yes),
            (r"/\u{1F98A}|{x}/", "🦊", Found::No),
            (r"/\p{L}/u", "é", Found::Yes),
            (r"/^\p{L}$/", "p{L}", Found::Yes),
            (r"/a{2,3}\k/", "aak", Found::Yes),
        ] {
            assert_eq!(found(key, text), expected, "{key}");
        }
    }

    #[test]
    fn a_regular_expression_that_takes_too_long_gives_up() {
        let text = format!("{}!", "a".repeat(60));
        let start = std::time::Instant::now();
        assert_eq!(found("/^(?:(a+)(?!x))+$/", &text), Found::GaveUp);
        assert!(start.elapsed().as_secs() < 5);
        assert_eq!(found("/(a{1000}){1000}/", "a"), Found::No);
    }
}
