//! LimaRP's style: third person, simple past, dialogue in straight double quotes, personas in plain sentences.
//!
//! The author did not test other styles, so these are hints. Each kind is reported once per text or per turn: a chat in
//! another style would otherwise bury everything else.

use memchr::{memchr, memchr_iter, memmem};

use crate::prompt::Role;
use crate::prompt::document::{Document, Span, Turn};
use crate::prompt::parse::Names;
use crate::prompt::pattern::Hole;
use crate::prompt::report::Report;

pub(super) fn check(document: &Document, names: &Names<'_>, report: &mut Report<'_>) {
    characters(report);
    punctuation(report);
    for field in [Hole::CharPersona, Hole::UserPersona] {
        let section = document
            .system
            .as_ref()
            .and_then(|system| system.section(field));
        if let Some(section) = section.filter(|section| !section.value.is_empty()) {
            persona(section.value.clone(), report);
        }
    }
    for turn in document.turns.iter().filter(|turn| !turn.open) {
        actions(turn, report);
        asides(turn, report);
        person(turn, report);
        script(turn, names, report);
    }
    if let Some(turn) = document
        .turns
        .last()
        .filter(|turn| !turn.open && turn.role == Role::Char)
        && turn.end == report.text.len()
        && !turn.text.is_empty()
    {
        let end = turn.text.end;
        report
            .add(
                "open-turn-text",
                end..end,
                "the prompt ends inside a message of the character's",
            )
            .fix("if the model is to begin the message, end right after the name's colon");
    }
}

/// Curly quotes and invisible characters, in one pass.
fn characters(report: &mut Report<'_>) {
    let text = report.text;
    let (mut quotes, mut invisible) = (Vec::new(), Vec::new());
    for at in memchr::memchr3_iter(0xE2, 0xC2, 0xEF, text.as_bytes()) {
        match text[at..].chars().next() {
            Some('\u{2018}' | '\u{2019}') => quotes.push((at, 3, "'")),
            Some('\u{201c}' | '\u{201d}') => quotes.push((at, 3, "\"")),
            Some('\u{a0}') => invisible.push((at, 2, " ")),
            Some('\u{200b}' | '\u{2060}') => invisible.push((at, 3, "")),
            Some('\u{feff}') if at > 0 => invisible.push((at, 3, "")),
            _ => {}
        }
    }
    let mut once = |code, found: &[(usize, usize, &'static str)], what: &str, fix: &str| {
        let Some((first, length, _)) = found.first() else {
            return;
        };
        let count = if found.len() == 1 {
            format!("{what} here")
        } else {
            format!("{what} here, and {} more", found.len() - 1)
        };
        report.add(code, *first..first + length, count).fix(fix);
        for (at, length, instead) in found {
            report.edit(*at..at + length, *instead);
        }
    };
    once(
        "curly-quote",
        &quotes,
        "a curly quotation mark or apostrophe",
        "write straight ones: `\"` and `'`",
    );
    once(
        "invisible-character",
        &invisible,
        "an invisible character",
        "delete it, or write a plain space",
    );
}

/// What the data set's own clean-up would have changed.
fn punctuation(report: &mut Report<'_>) {
    let text = report.text;
    for (wrong, right, what) in [
        ("  ", " ", "two spaces in a row"),
        (" !", "!", "a space before `!`"),
        (" ?", "?", "a space before `?`"),
        ("\u{2026}", "...", "an ellipsis character"),
        ("---", "\u{2014}", "three hyphens"),
    ] {
        let inside = |at: &usize| {
            // Blanks at the ends of lines have their own rules.
            let after = text.as_bytes().get(at + wrong.len());
            let before = at.checked_sub(1).map(|before| text.as_bytes()[before]);
            wrong != "  "
                || !matches!(after, None | Some(b'\n' | b'\r' | b' '))
                    && !matches!(before, None | Some(b'\n' | b' '))
        };
        let found: Vec<usize> = memmem::find_iter(text.as_bytes(), wrong)
            .filter(inside)
            .collect();
        let Some(first) = found.first() else {
            continue;
        };
        let count = if found.len() == 1 {
            what.to_owned()
        } else {
            format!("{what}, and {} times more", found.len() - 1)
        };
        report
            .add("punctuation", *first..first + wrong.len(), count)
            .fix(format!("write `{right}`"));
        for at in found {
            report.edit(at..at + wrong.len(), right);
        }
    }
}

fn persona(span: Span, report: &mut Report<'_>) {
    let text = report.text;
    let value = &text[span.clone()];
    let head = &value[..crate::prompt::document::floor(value, 60)];
    let listed = value.starts_with(['[', '{', '-', '*'])
        || value.contains("\" + \"")
        || value.contains("(\"")
        || value.contains("\")");
    if listed {
        report
            .add(
                "persona-list",
                span.start..span.start + head.len(),
                "the persona is a list, not sentences",
            )
            .fix("write plain sentences in simple present");
    }
    let lower = head.to_ascii_lowercase();
    if ["you are ", "you're ", "i am ", "i'm ", "my name is "]
        .iter()
        .any(|start| lower.starts_with(start))
    {
        let word = head.find(' ').unwrap_or(head.len());
        report
            .add(
                "persona-person",
                span.start..span.start + word,
                "the persona is not in the third person",
            )
            .fix("write about the person by name");
    }
}

/// Actions between asterisks.
fn actions(turn: &Turn, report: &mut Report<'_>) {
    let message = &report.text[turn.text.clone()];
    let Some(open) = memchr(b'*', message.as_bytes()) else {
        return;
    };
    let rest = &message[open + 1..];
    let Some(close) = memchr(b'*', rest.as_bytes()) else {
        return;
    };
    if !rest[..close].trim().is_empty() && !rest[..close].contains('\n') {
        let start = turn.text.start + open;
        report
            .add(
                "asterisk",
                start..start + close + 2,
                "an action stands between asterisks",
            )
            .fix("write narration without asterisks, and dialogue in double quotes");
    }
}

/// Words to the other writer, outside the story.
fn asides(turn: &Turn, report: &mut Report<'_>) {
    let message = &report.text[turn.text.clone()];
    let aside = memmem::find(message.as_bytes(), b"((").or_else(|| {
        let mut brackets = memchr_iter(b'(', message.as_bytes());
        brackets.find(|at| {
            message[at + 1..]
                .get(..3)
                .is_some_and(|word| word.eq_ignore_ascii_case("ooc"))
        })
    });
    if let Some(at) = aside {
        let start = turn.text.start + at;
        report
            .add(
                "out-of-character",
                start..start + 2,
                "words outside the story",
            )
            .fix("delete them: the training text had none");
    }
}

/// Narration in the first person.
fn person(turn: &Turn, report: &mut Report<'_>) {
    let message = report.text[turn.text.clone()].as_bytes();
    let (mut quotes, mut from) = (0, 0);
    for at in memmem::find_iter(message, " I ") {
        quotes += memchr_iter(b'"', &message[from..at]).count();
        from = at;
        if quotes % 2 == 0 {
            let start = turn.text.start + at + 1;
            report
                .add(
                    "first-person",
                    start..start + 1,
                    "the narration is in the first person",
                )
                .fix("narrate in the third person, simple past");
            return;
        }
    }
}

/// Lines of dialogue under names, inside one turn.
fn script(turn: &Turn, names: &Names<'_>, report: &mut Report<'_>) {
    let message = &report.text[turn.text.clone()];
    let Some(name) = names.char.filter(|name| !name.is_empty()) else {
        return;
    };
    for at in memchr_iter(b'\n', message.as_bytes()) {
        let line = &message[at + 1..];
        if line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':'))
        {
            let start = turn.text.start + at + 1;
            let (code, what) = match turn.role {
                Role::Char => (
                    "script",
                    "the character's name stands before a line inside the turn",
                ),
                Role::User => (
                    "char-in-user-turn",
                    "the character speaks inside a turn of the user's",
                ),
            };
            report
                .add(code, start..start + name.len() + 1, what)
                .fix("narrate it, or make it a turn of its own");
            return;
        }
    }
}
