//! What a front-end should have replaced: macros, placeholders of the data set, example markers.

use memchr::{memchr, memchr_iter, memmem};

use crate::prompt::document::Document;
use crate::prompt::parse::Names;
use crate::prompt::report::Report;

/// Placeholders and whom they stand for: the character (true) or the user.
const PLACEHOLDERS: &[(&str, bool)] = &[
    ("<FIRST>", true),
    ("<SECOND>", false),
    ("<BOT>", true),
    ("<CHAR>", true),
    ("<USER>", false),
];

/// The longest macro that is looked for.
const LONGEST_MACRO: usize = 200;

pub(super) fn check(document: &Document, names: &Names<'_>, report: &mut Report<'_>) {
    macros(names, report);
    placeholders(names, report);
    stand_ins(document, names, report);
}

fn macros(names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    for at in memmem::find_iter(text.as_bytes(), "{{") {
        let line = &text.as_bytes()[at..];
        let line = &line[..memchr(b'\n', line).unwrap_or(line.len()).min(LONGEST_MACRO)];
        let Some(end) = memmem::find(line, b"}}") else {
            continue;
        };
        let span = at..at + end + 2;
        let name = text[at + 2..at + end].trim();
        let value = match name.to_ascii_lowercase().as_str() {
            "char" => names.char.filter(|name| !name.starts_with('{')),
            "user" => names.user.filter(|name| !name.starts_with('{')),
            _ => None,
        };
        let added = report.add(
            "macro-left",
            span.clone(),
            format!("the macro `{}` was not replaced", &text[span.clone()]),
        );
        match value {
            Some(value) => added.fix(format!("write `{value}`")).edit(span, value),
            None => added.fix("replace it by what it stands for"),
        };
    }
}

fn placeholders(names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    for at in memchr_iter(b'<', text.as_bytes()) {
        let rest = &text[at..];
        // `<<USER>>` is a tag.
        if text[..at].ends_with('<') || rest.starts_with("<<") {
            continue;
        }
        if rest
            .get(..7)
            .is_some_and(|head| head.eq_ignore_ascii_case("<START>"))
        {
            let end = at + 7;
            let alone = text[..at].ends_with('\n') && text[end..].starts_with('\n');
            report
                .add(
                    "start-left",
                    at..end,
                    "the example marker `<START>` was left in the prompt",
                )
                .fix("delete it")
                .edit(at..end + usize::from(alone), "");
        }
        let placeholder = PLACEHOLDERS
            .iter()
            .find(|(placeholder, _)| rest.starts_with(placeholder));
        let Some((placeholder, is_char)) = placeholder else {
            continue;
        };
        let span = at..at + placeholder.len();
        let name = if *is_char { names.char } else { names.user };
        let added = report.add(
            "placeholder-left",
            span.clone(),
            format!("the placeholder `{placeholder}` was not replaced"),
        );
        match name.filter(|name| !name.starts_with('<')) {
            Some(name) => added.fix(format!("write `{name}`")).edit(span, name),
            None => added.fix("write the name"),
        };
    }
}

/// `Character` and `User` in the place of names.
fn stand_ins(document: &Document, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    let labels = document
        .system
        .iter()
        .flat_map(|system| &system.sections)
        .filter_map(|section| section.name.clone());
    let speakers = document
        .turns
        .iter()
        .filter_map(|turn| turn.speaker.clone());
    let mut spans: Vec<_> = labels.chain(speakers).collect();
    spans.sort_by_key(|span| span.start);
    for name in [names.char, names.user].into_iter().flatten() {
        if !matches!(name, "Character" | "User" | "Char" | "Name") {
            continue;
        }
        if let Some(span) = spans.iter().find(|span| text[(*span).clone()] == *name) {
            report
                .add(
                    "name-stand-in",
                    span.clone(),
                    format!("`{name}` stands in the place of a name"),
                )
                .fix("write the real name, here and everywhere");
        }
    }
}
