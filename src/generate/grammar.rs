//! GBNF grammars that hold what a model writes to the shape of a section.
//!
//! The character classes are whitelists: printable ASCII without markup, and accented Latin letters. That keeps tags,
//! macros, asterisks, curly quotes and line breaks out before they are sampled, instead of repairing them afterwards.

use std::ops::RangeInclusive;

/// A sentence is at least two characters and ends in a full stop, an exclamation or a question mark, inside or outside
/// straight quotes.
const SENTENCE: &str = r#"sentence ::= start rest
rest ::= inside inside+ end
start ::= ["A-Z0-9\u00C0-\u00DE]
inside ::= [a-zA-Z0-9 ,;:'()$%&/\u00C0-\u024F\u2014-] | "\"" | "." [a-z0-9]
end ::= [.!?] "\""? | "...\""?
"#;

/// One paragraph of so many sentences. It follows a label and begins with a space; when its first sentence has been begun
/// already, with the rest of that. It ends with its line, or with the text where the model may end it.
///
/// ```
/// let grammar = cardwright::generate::grammar::paragraph(false, 2..=5);
/// assert!(grammar.starts_with("root ::= \" \" sentence (\" \" sentence){1,4} \"\\n\"?\n"));
/// ```
#[must_use]
pub fn paragraph(is_begun: bool, sentences: RangeInclusive<usize>) -> String {
    let first = first(is_begun);
    let more = more("\" \" sentence", &sentences);
    format!("root ::= {first}{more} \"\\n\"?\n{SENTENCE}")
}

/// A message: so many paragraphs of so many sentences, with blank lines between them, up to the mark of the next turn.
#[must_use]
pub fn message(
    is_begun: bool,
    paragraphs: RangeInclusive<usize>,
    sentences: RangeInclusive<usize>,
) -> String {
    let first = first(is_begun);
    let line = more("\" \" sentence", &sentences);
    let others = more("\"\\n\\n\" line", &paragraphs);
    format!("root ::= {first}{line}{others} \"\\n\\n<\"?\nline ::= sentence{line}\n{SENTENCE}")
}

fn first(is_begun: bool) -> &'static str {
    if is_begun { "rest" } else { "\" \" sentence" }
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
