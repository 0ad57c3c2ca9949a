//! Turns: who speaks, in which order, and how the text ends.

use super::sections::{inconsistent, unknown_length};
use crate::prompt::Role;
use crate::prompt::document::{Document, Turn, floor};
use crate::prompt::format::Format;
use crate::prompt::parse::Names;
use crate::prompt::pattern::Hole;
use crate::prompt::report::Report;

pub(super) fn check(
    format: &Format,
    document: &Document,
    names: &Names<'_>,
    report: &mut Report<'_>,
) {
    for (at, turn) in document.turns.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &document.turns[at]);
        header(format, turn, report);
        speaker(format, turn, names, report);
        if format.is_limarp() {
            order(format, turn, before, report);
            if turn.role == Role::Char {
                words_of_the_user(turn, names, report);
            }
        }
        if turn.open {
            end(format, turn, names, report);
        } else if turn.text.is_empty() {
            report
                .add("turn-empty", turn.tag.clone(), "the turn has no text")
                .fix("write the message or delete the turn");
        }
    }
    if document.turns.is_empty() && format.is_limarp() && !document.marks.is_empty() {
        let end = report.text.len();
        report
            .add(
                "turns-missing",
                end..end,
                "the prompt ends with the system block",
            )
            .fix(format!(
                "add `{}` and the character's name with a colon",
                format.char.tags[0]
            ));
    }
}

fn header(format: &Format, turn: &Turn, report: &mut Report<'_>) {
    let text = report.text;
    if turn.tag_shares_line {
        let end = turn.tag.end;
        let line = end..end + text[end..].find('\n').unwrap_or(text.len() - end);
        let blank = text[line.clone()].len() - text[line.clone()].trim_start().len();
        report
            .add(
                "tag-alone",
                turn.tag.start..line.end,
                format!("text follows `{}` on its line", &text[turn.tag.clone()]),
            )
            .fix("break the line after the tag")
            .edit(end..end + blank, "\n");
    }
    let side = format.side(turn.role);
    let takes_length = |pattern: &crate::prompt::pattern::Pattern| {
        pattern.has(Hole::Length) || pattern.after(Hole::Tag).contains("(length")
    };
    let Some(length) = &turn.length else {
        if turn.open && side.open.has(Hole::Length) {
            report.add(
                "length-missing",
                turn.tag.clone(),
                "the header of the open reply gives no length",
            );
        }
        return;
    };
    if takes_length(if turn.open { &side.open } else { &side.turn }) {
        unknown_length(format, report, length.word.clone());
        let word = &text[length.word.clone()];
        let found = &text[length.span.clone()];
        if found != format!(" (length = {word})") {
            report
                .add(
                    "length-spelling",
                    length.span.clone(),
                    format!("`{}` is not spelt as it was trained", found.trim()),
                )
                .fix(format!("write ` (length = {word})`"))
                .edit(length.span.clone(), format!(" (length = {word})"));
        }
    } else {
        let what = if format.char.open.has(Hole::Length) && turn.role == Role::Char {
            "only the open reply has a length in its header"
        } else {
            "this header has no length in the format"
        };
        report
            .add("length-misplaced", length.span.clone(), what)
            .fix("delete it")
            .edit(length.span.clone(), "");
    }
}

fn speaker(format: &Format, turn: &Turn, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    let side = format.side(turn.role);
    if !side.turn.has(Hole::Speaker) {
        return;
    }
    let (expected, other) = match turn.role {
        Role::Char => (names.char, names.user),
        Role::User => (names.user, names.char),
    };
    let Some(span) = &turn.speaker else {
        if !turn.open {
            let start = turn.text.start;
            let added = report
                .add(
                    "speaker-missing",
                    start..line_end(text, start),
                    "the turn does not start with its speaker's name",
                )
                .fix(format!("start with `{}: `", expected.unwrap_or("Name")));
            if let Some(name) = expected.filter(|_| !turn.text.is_empty()) {
                added.edit(start..start, format!("{name}: "));
            }
        }
        return;
    };
    let name = &text[span.clone()];
    match expected {
        Some(expected) if expected == name => {}
        _ if other == Some(name) => {
            let tag = &text[turn.tag.clone()];
            report
                .add(
                    "speaker-swapped",
                    span.clone(),
                    format!("`{name}` speaks under `{tag}`"),
                )
                .fix("change the tag or the name");
        }
        Some(expected) => inconsistent(report, span.clone(), expected),
        None => {}
    }
    if let Some(after) = turn.after_speaker {
        let end = if turn.open {
            after
        } else {
            turn.text.start.max(after)
        };
        let gap = span.end..end;
        let expected = if turn.open {
            side.open.after(Hole::Speaker)
        } else {
            side.turn.after(Hole::Speaker)
        };
        let found = &text[gap.clone()];
        if found != expected && !turn.text.is_empty() | turn.open {
            report
                .add(
                    "speaker-space",
                    gap.clone(),
                    format!(
                        "`{}` separates the name from the message",
                        found.escape_debug()
                    ),
                )
                .fix(format!("write `{expected}`"))
                .edit(gap, expected);
        }
    }
}

fn order(format: &Format, turn: &Turn, before: Option<&Turn>, report: &mut Report<'_>) {
    match before {
        Some(before) if before.role == turn.role => {
            let whose = if turn.role == Role::Char {
                "the character"
            } else {
                "the user"
            };
            report
                .add(
                    "turn-repeated",
                    turn.tag.clone(),
                    format!("{whose} speaks twice in a row"),
                )
                .fix("join the two messages");
        }
        None if format
            .front
            .first
            .is_some_and(|first| Role::from(first) != turn.role) =>
        {
            let (first, tag) = match turn.role {
                Role::Char => ("the user", &format.user.tags[0]),
                Role::User => ("the character", &format.char.tags[0]),
            };
            report
                .add(
                    "turn-first",
                    turn.tag.clone(),
                    format!("{first} speaks first in format `{}`", format.name()),
                )
                .fix(format!("begin with a turn of `{tag}`"));
        }
        _ => {}
    }
}

/// Lines of the user's inside a turn of the character's.
fn words_of_the_user(turn: &Turn, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    let Some(user) = names.user.filter(|user| !user.is_empty()) else {
        return;
    };
    let message = &text[turn.text.clone()];
    for at in memchr::memchr_iter(b'\n', message.as_bytes()) {
        let line = &message[at + 1..];
        if line
            .strip_prefix(user)
            .is_some_and(|rest| rest.starts_with(':'))
        {
            let start = turn.text.start + at + 1;
            report
                .add(
                    "user-in-char-turn",
                    start..start + user.len() + 1,
                    format!("`{user}` speaks inside a turn of the character's"),
                )
                .fix("make it a turn of its own");
        }
    }
}

/// How the open turn ends the text.
fn end(format: &Format, turn: &Turn, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    if !format.side(turn.role).open.has(Hole::Speaker) {
        return;
    }
    let name = match turn.role {
        Role::Char => names.char,
        Role::User => names.user,
    };
    match turn.after_speaker {
        None => {
            let added = report
                .add(
                    "open-turn-name",
                    turn.tag.clone(),
                    "the prompt ends with a tag, without a name",
                )
                .fix(format!("end it with `{}:`", name.unwrap_or("Name")));
            if let Some(name) = name {
                added.edit(turn.tag.end..text.len(), format!("\n{name}:"));
            }
        }
        Some(after) if after < text.len() => {
            let rest = &text[after..];
            let what = if rest.contains('\n') {
                "a line break follows"
            } else {
                "a blank follows"
            };
            report
                .add(
                    "open-turn-space",
                    after..text.len(),
                    format!("{what} the colon of the open turn"),
                )
                .fix("end the prompt right after the colon")
                .edit(after..text.len(), "");
        }
        Some(_) => {}
    }
}

/// The end of the line at `at`, near enough for an excerpt.
fn line_end(text: &str, at: usize) -> usize {
    let line = &text[at..];
    let end = memchr::memchr(b'\n', line.as_bytes()).unwrap_or(line.len());
    at + floor(line, end.min(60))
}
