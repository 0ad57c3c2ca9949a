//! Tags: right, nearly right, and none of the format's.

use memchr::memchr;

use crate::prompt::document::Document;
use crate::prompt::format::Format;
use crate::prompt::report::Report;
use crate::prompt::scan::{Miss, Opens};

/// Line starts that are tags of other formats.
const FOREIGN: &[(&str, &str)] = &[
    ("### Instruction", "alpaca"),
    ("### Input", "alpaca"),
    ("### Response", "alpaca"),
    ("<<SYSTEM>>", "limarp-v1"),
    ("<<HUMAN>>", "limarp-v1"),
    ("<<USER>>", "limarp-v1"),
    ("<<AIBOT>>", "limarp-v1"),
    ("<|im_start|>", "chatml"),
    ("<|start_header_id|>", "llama3"),
    ("<|system|>", "metharme"),
    ("<|user|>", "metharme"),
    ("<|model|>", "metharme"),
    ("<start_of_turn>", "gemma"),
];

pub(super) fn check(format: &Format, document: &Document, report: &mut Report<'_>) {
    near_misses(document, report);
    let text = report.text;
    for stray in &document.strays {
        let tag = &text[stray.span.clone()];
        if stray.closing {
            let next = text[stray.span.end..].chars().next();
            let line_end = stray.span.end + next.map_or(0, char::len_utf8);
            report
                .add(
                    "tag-closing",
                    stray.span.clone(),
                    format!("`{tag}` closes a tag"),
                )
                .fix("delete it: a turn ends where the next tag begins")
                .edit(stray.span.start..line_end, "");
        } else {
            let tags = [&format.char.tags[0], &format.user.tags[0]];
            report
                .add(
                    "tag-unknown",
                    stray.span.clone(),
                    format!("`{tag}` is no tag of format `{}`", format.name()),
                )
                .fix(format!("use `{}` or `{}`", tags[0], tags[1]));
        }
    }
    if format.is_limarp() {
        foreign(format, report);
        aliases(document, report);
    }
    systems(format, document, report);
}

fn near_misses(document: &Document, report: &mut Report<'_>) {
    let text = report.text;
    for mark in &document.marks {
        let found = &text[mark.span.clone()];
        let code = match mark.miss {
            Miss::None => continue,
            Miss::Case => "tag-case",
            Miss::Spelling => "tag-misspelt",
            Miss::Space => "tag-space",
        };
        report
            .add(
                code,
                mark.span.clone(),
                format!(
                    "`{found}` is not quite the tag `{}`: {}",
                    mark.tag,
                    difference(mark.miss, found, &mark.tag)
                ),
            )
            .fix(format!("write `{}`", mark.tag))
            .edit(mark.span.clone(), &mark.tag);
    }
}

/// What keeps `found` from being `tag`.
fn difference(miss: Miss, found: &str, tag: &str) -> String {
    match miss {
        Miss::Case => return "only the case of its letters differs".into(),
        Miss::Space => return "it has blanks beside it or inside".into(),
        Miss::None | Miss::Spelling => {}
    }
    let common = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
        a.zip(b)
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum::<usize>()
    };
    let start = common(&mut found.chars(), &mut tag.chars());
    let (found, tag) = (&found[start..], &tag[start..]);
    let end = common(&mut found.chars().rev(), &mut tag.chars().rev());
    match (&found[..found.len() - end], &tag[..tag.len() - end]) {
        ("", missing) => format!("`{missing}` is missing"),
        (extra, "") => format!("`{extra}` is too much"),
        (wrong, right) => format!("it has `{wrong}` in place of `{right}`"),
    }
}

fn foreign(format: &Format, report: &mut Report<'_>) {
    let text = report.text;
    let own = |tag: &str| {
        let tags = format
            .front
            .system
            .tags
            .iter()
            .chain(&format.user.tags)
            .chain(&format.char.tags);
        tags.into_iter().any(|other| other.starts_with(tag))
    };
    let candidates: Vec<_> = FOREIGN.iter().filter(|(tag, _)| !own(tag)).collect();
    let mut start = 0;
    while start < text.len() {
        let line = &text[start..];
        if matches!(line.as_bytes()[0], b'#' | b'<')
            && let Some((tag, of)) = candidates.iter().find(|(tag, _)| line.starts_with(tag))
        {
            let message = format!(
                "`{tag}` is a tag of format `{of}`, not of `{}`",
                format.name()
            );
            let span = start..start + tag.len();
            report
                .add("tag-foreign", span, message)
                .fix("keep the tags of one format");
        }
        start += memchr(b'\n', line.as_bytes()).map_or(line.len(), |at| at + 1);
    }
}

/// Two spellings of the same tag in one prompt.
fn aliases(document: &Document, report: &mut Report<'_>) {
    let mut user = document
        .marks
        .iter()
        .filter(|mark| matches!(mark.opens, Opens::Turn(crate::prompt::Role::User)));
    let Some(first) = user.next() else {
        return;
    };
    for mark in user.filter(|mark| mark.tag != first.tag) {
        let colons = |tag: &str| tag.trim_end_matches(':').to_owned();
        // A missing colon is a slip of one tag, not a second tag.
        let message = if colons(&mark.tag) == colons(&first.tag) {
            format!("`{}` and `{}` are both in use", first.tag, mark.tag)
        } else {
            format!(
                "`{}` is used here, but the prompt began with `{}`",
                mark.tag, first.tag
            )
        };
        report
            .add("tag-alias", mark.span.clone(), message)
            .fix(format!("write `{}`", first.tag))
            .edit(mark.span.clone(), &first.tag);
    }
}

fn systems(format: &Format, document: &Document, report: &mut Report<'_>) {
    let text = report.text;
    if let Some(outside) = &document.outside {
        let line = outside.start
            ..text[outside.clone()]
                .find('\n')
                .map_or(outside.end, |at| outside.start + at);
        report
            .add(
                "text-outside",
                line,
                "text before the first tag belongs to nobody",
            )
            .fix("move it into the system block");
    }
    for extra in &document.extra_systems {
        report
            .add(
                "system-repeated",
                extra.clone(),
                "this is the second system block",
            )
            .fix("merge it into the first");
    }
    if format.layout.lines.is_empty() {
        return;
    }
    match &document.system {
        None if format.is_limarp() => {
            let start = document
                .marks
                .first()
                .map_or(0..text.len().min(1), |mark| mark.span.clone());
            let tag = format
                .front
                .system
                .tags
                .first()
                .map_or("the system text", String::as_str);
            report
                .add("system-missing", start, "there is no system block")
                .fix(format!(
                    "start with `{tag}`, the personas, the scenario and the instruction"
                ));
        }
        Some(system) if !system.first && !format.layout.flipped => {
            let span = system.tag.clone().unwrap_or_else(|| system.span.clone());
            report
                .add("system-first", span, "the system block comes after a turn")
                .fix("move it to the top");
        }
        _ => {}
    }
}
