//! The system block: its sections, its names and its instruction.

use crate::nearest::distance;
use crate::prompt::document::{Document, Section, SystemBlock};
use crate::prompt::format::Format;
use crate::prompt::instruction::speaks_of_roleplay;
use crate::prompt::parse::Names;
use crate::prompt::pattern::{Hole, Part};
use crate::prompt::render::fold;
use crate::prompt::report::Report;

pub(super) fn check(
    format: &Format,
    document: &Document,
    names: &Names<'_>,
    report: &mut Report<'_>,
) {
    let Some(system) = &document.system else {
        return;
    };
    for section in &system.sections {
        one(section, report);
    }
    for unknown in &system.unknown {
        report
            .add(
                "section-unknown",
                unknown.clone(),
                "this line belongs to no section",
            )
            .fix("make it part of a persona or of the scenario");
    }
    order(format, system, report);
    labels(system, names, report);
    if format.is_limarp() {
        missing(format, system, names, report);
        instruction(format, system, names, report);
    }
}

/// What a field is called in messages.
fn title(field: Option<Hole>) -> &'static str {
    match field {
        Some(Hole::CharPersona) => "the character's persona",
        Some(Hole::UserPersona) => "the user's persona",
        Some(Hole::Scenario) => "the scenario",
        Some(Hole::Instruction) => "the instruction",
        _ => "this line",
    }
}

fn one(section: &Section, report: &mut Report<'_>) {
    let text = report.text;
    let value = &text[section.value.clone()];
    let name = title(section.field);
    if section.field.is_some() && value.is_empty() {
        report
            .add(
                "section-empty",
                section.span.clone(),
                format!("{name} is empty"),
            )
            .fix("write it, or delete the label");
    }
    if value.contains('\n') {
        let lines = value.lines().filter(|line| !line.trim().is_empty()).count();
        let first = section.value.start + value.find('\n').unwrap_or(0);
        report
            .add(
                "section-newline",
                first..first + 1,
                format!("{name} has {lines} lines"),
            )
            .fix("join them into one paragraph")
            .edit(section.value.clone(), fold(value));
    }
    let between = section.label.start..section.value.start.max(section.label.start);
    let label = &text[between.clone()];
    if !section.expected_label.is_empty()
        && label != section.expected_label
        && !value.is_empty()
        && section.field.is_some()
        && !label.contains('\n')
    {
        report
            .add(
                "section-label",
                between.clone(),
                format!(
                    "the label is `{}`, not `{}`",
                    section.expected_label.trim(),
                    label.trim()
                ),
            )
            .fix(format!("write `{}`", section.expected_label))
            .edit(between, &section.expected_label);
    }
}

/// Sections twice, or one before another that it follows in the format.
fn order(format: &Format, system: &SystemBlock, report: &mut Report<'_>) {
    let text = report.text;
    for (at, section) in system.sections.iter().enumerate() {
        let name = title(section.field);
        let before = &system.sections[..at];
        if before.iter().any(|other| other.line == section.line) {
            report
                .add(
                    "section-repeated",
                    section.span.clone(),
                    format!("{name} is here a second time"),
                )
                .fix("merge the two");
        } else if let Some(other) = before.iter().find(|other| other.line > section.line) {
            let message = format!("{name} comes after {}", title(other.field));
            let mut sorted: Vec<&Section> = system.sections.iter().collect();
            sorted.sort_by_key(|section| section.line);
            let texts: Vec<&str> = sorted
                .iter()
                .map(|section| &text[section.span.clone()])
                .collect();
            // Lines before the first section belong to none and stay where they are.
            let start = system.sections[0].span.start;
            report
                .add("section-order", section.span.clone(), message)
                .fix("order them: the character's persona, the user's, the scenario, the instruction")
                .edit(start..system.span.end, texts.join(&format.layout.line_break));
            return;
        }
    }
}

/// The names in the labels are the names of the prompt.
fn labels(system: &SystemBlock, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    let expected = |field| match field {
        Some(Hole::CharPersona) => names.char,
        _ => names.user,
    };
    let swapped = |section: &Section, name: &str| match section.field {
        Some(Hole::CharPersona) => Some(name) == names.user,
        _ => Some(name) == names.char,
    };
    for section in &system.sections {
        let Some(span) = &section.name else {
            continue;
        };
        let name = &text[span.clone()];
        match expected(section.field) {
            Some(_) if swapped(section, name) => {
                report
                    .add(
                        "section-order",
                        span.clone(),
                        format!(
                            "{} is in the place of {}",
                            format_args!("`{name}`'s persona"),
                            title(section.field)
                        ),
                    )
                    .fix("the character's persona comes first, the user's second");
            }
            Some(expected) if expected != name => inconsistent(report, span.clone(), expected),
            _ => {}
        }
    }
}

/// Reports a name that is not the one in use elsewhere; a slip of the pen can be mended.
pub(super) fn inconsistent(report: &mut Report<'_>, span: std::ops::Range<usize>, expected: &str) {
    let name = &report.text[span.clone()];
    let close =
        distance(&name.to_lowercase(), &expected.to_lowercase()) <= expected.chars().count() / 4;
    let added = report
        .add(
            "name-inconsistent",
            span.clone(),
            format!("`{name}` is called `{expected}` elsewhere"),
        )
        .fix(format!(
            "use one name; `{expected}` is the one in most places"
        ));
    if close {
        added.edit(span, expected);
    }
}

fn missing(format: &Format, system: &SystemBlock, names: &Names<'_>, report: &mut Report<'_>) {
    for (index, pattern) in format.layout.lines.iter().enumerate() {
        let Some(Part::Hole(field)) = pattern.parts.last() else {
            continue;
        };
        if system.sections.iter().any(|section| section.line == index) {
            continue;
        }
        let place = system
            .tag
            .clone()
            .unwrap_or(system.span.start..system.span.start);
        if *field == Hole::Instruction {
            let end = system.span.end.max(place.end);
            report
                .add(
                    "instruction-missing",
                    end..end,
                    "the system block does not end with an instruction",
                )
                .fix("say that the two engage in roleplay, and how long the replies are");
            continue;
        }
        let mut label = String::new();
        for part in &pattern.parts[..pattern.parts.len() - 1] {
            match part {
                Part::Literal(text) => label.push_str(text),
                Part::Hole(Hole::Char) => label.push_str(names.char.unwrap_or("Name")),
                Part::Hole(_) => label.push_str(names.user.unwrap_or("Name")),
            }
        }
        report
            .add(
                "section-missing",
                place,
                format!("{} is missing", title(Some(*field))),
            )
            .fix(format!(
                "add a paragraph that starts with `{}`",
                label.trim_end()
            ));
    }
}

fn instruction(format: &Format, system: &SystemBlock, names: &Names<'_>, report: &mut Report<'_>) {
    let text = report.text;
    let Some(section) = system.section(Hole::Instruction) else {
        return;
    };
    let span = section.value.clone();
    let line = &text[span.clone()];
    for (who, name) in [("character", names.char), ("user", names.user)] {
        if let Some(name) = name
            && !line.contains(name)
        {
            report
                .add(
                    "instruction-names",
                    span.clone(),
                    format!("the instruction does not name the {who}, `{name}`"),
                )
                .fix(format!("write `{name}` where it speaks of the {who}"));
        }
    }
    if !speaks_of_roleplay(&line.to_lowercase()) {
        report
            .add(
                "instruction-roleplay",
                span.clone(),
                "the instruction does not say that the two engage in roleplay",
            )
            .fix("for example: `You must engage in a roleplaying chat with ... below this line.`");
    }
    let length = format.length_in(line);
    let states_it = format
        .instruction
        .as_ref()
        .is_some_and(|pattern| pattern.has(Hole::Length));
    match length {
        None if states_it => {
            let end = span.end;
            report
                .add(
                    "instruction-length",
                    end.saturating_sub(1)..end,
                    "the instruction does not give the length of the replies",
                )
                .fix(format!(
                    "end it with `{} should respond with messages of medium length.`",
                    names.char.unwrap_or("The character")
                ));
        }
        Some(word) if !states_it => {
            let word = span.start + word.start..span.start + word.end;
            report
                .add(
                    "length-misplaced",
                    word,
                    format!(
                        "format `{}` does not give the length in the instruction",
                        format.name()
                    ),
                )
                .fix("give it in the header of the open reply");
        }
        Some(word) => unknown_length(
            format,
            report,
            span.start + word.start..span.start + word.end,
        ),
        None => {}
    }
}

/// Reports a length that is no word of the format.
pub(super) fn unknown_length(
    format: &Format,
    report: &mut Report<'_>,
    span: std::ops::Range<usize>,
) {
    let word = &report.text[span.clone()];
    if format.knows_length(word) {
        return;
    }
    let lower = word.to_lowercase();
    let words = || {
        format
            .lengths()
            .iter()
            .map(String::as_str)
            .chain(format.length_aliases().map(|(alias, _)| alias))
    };
    let nearest = words().map(|known| (distance(known, &lower), known)).min();
    let added = report
        .add(
            "length-unknown",
            span.clone(),
            format!("`{word}` is no length of format `{}`", format.name()),
        )
        .fix(format!("use one of {}", format.lengths().join(", ")));
    if let Some((distance, known)) = nearest
        && distance <= 2
    {
        added.edit(span, known);
    }
}
