//! GBNF grammars that hold what a model writes to the shape of a section.
//!
//! The character classes are whitelists: printable ASCII without markup, and accented Latin letters. That keeps tags,
//! macros, asterisks, curly quotes and line breaks out before they are sampled, instead of repairing them afterwards.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// How much of a section stands before what the model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the text follows a label and begins with a space.
    No,
    /// The beginning of a sentence.
    Sentence,
    /// Whole sentences, of which there are too few.
    Whole,
}

/// A sentence is at least two characters and ends in a full stop, an exclamation or a question mark, inside or outside
/// straight quotes.
const SENTENCE: &str = r#"sentence ::= start rest
rest ::= inside inside+ end
start ::= ["A-Z0-9\u00C0-\u00DE]
inside ::= [a-zA-Z0-9 ,;:'()$%&/\u00C0-\u024F\u2014-] | "\"" | "." [a-z0-9]
end ::= [.!?] "\""? | "...\""?
"#;

/// One paragraph of so many sentences. It ends with its line, or with the text where the model may end it.
///
/// ```
/// use cardwright::generate::grammar::{Begun, paragraph};
///
/// let grammar = paragraph(Begun::No, 2..=5);
/// assert!(grammar.starts_with("root ::= \" \" sentence (\" \" sentence){1,4} \"\\n\"?\n"));
/// ```
#[must_use]
pub fn paragraph(begun: Begun, sentences: RangeInclusive<usize>) -> String {
    let first = match begun {
        Begun::Sentence => "rest",
        Begun::No | Begun::Whole => "\" \" sentence",
    };
    let more = more("\" \" sentence", &sentences);
    format!("root ::= {first}{more} \"\\n\"?\n{SENTENCE}")
}

/// A message: so many paragraphs of so many sentences, with blank lines between them, up to the mark of the next turn.
#[must_use]
pub fn message(
    begun: Begun,
    paragraphs: RangeInclusive<usize>,
    sentences: RangeInclusive<usize>,
) -> String {
    let first = match begun {
        Begun::No => "\" \" line",
        Begun::Sentence => "rest",
        Begun::Whole => "\"\\n\\n\" line",
    };
    let line = more("\" \" sentence", &sentences);
    let rest = if begun == Begun::Sentence {
        line.as_str()
    } else {
        ""
    };
    let others = more("\"\\n\\n\" line", &paragraphs);
    format!("root ::= {first}{rest}{others} \"\\n\\n<\"?\nline ::= sentence{line}\n{SENTENCE}")
}

/// A dialogue: short messages with `between` standing between them, each after a space.
///
/// What stands between is the same whatever the model would like to say, so an engine appends it instead of sampling it.
#[must_use]
pub fn dialogue(begun: Begun, between: &[String]) -> String {
    let first = match begun {
        Begun::Sentence => "rest (\" \" sentence){0,2}",
        Begun::No | Begun::Whole => "\" \" line",
    };
    let mut root = format!("root ::= {first}");
    for literal in between {
        // Writing to a string cannot fail.
        let _ = write!(root, " {} \" \" line", quoted(literal));
    }
    format!("{root} \"\\n\"?\nline ::= sentence (\" \" sentence){{0,2}}\n{SENTENCE}")
}

/// A text as a literal of the grammar.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            _ => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// The repetition of `item` that follows one of its kind.
fn more(item: &str, count: &RangeInclusive<usize>) -> String {
    let least = count.start().saturating_sub(1);
    let most = count.end().saturating_sub(1);
    if most == 0 {
        return String::new();
    }
    format!(" ({item}){{{least},{most}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_messages_is_a_literal() {
        let grammar = dialogue(Begun::No, &["\nO\"Neil \\:".into(), "\nAnn:".into()]);
        assert!(
            grammar.starts_with(
                r#"root ::= " " line "\nO\"Neil \\:" " " line "\nAnn:" " " line "\n"?"#
            ),
            "{grammar}"
        );
    }
}
