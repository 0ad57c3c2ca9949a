//! What each stretch of a prompt is, for showing it in colours.

use std::ops::Range;

use serde::Serialize;

use super::document::Document;
use super::{Format, Role};

/// What a stretch of a prompt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StretchKind {
    /// Text of the system: personas, scenario, instruction.
    System,
    /// A label in the system text, such as `Mara's Persona:`.
    Label,
    /// What the character says.
    Char,
    /// What the user says.
    User,
    /// Who speaks, as `Mara:`.
    Speaker,
    /// A marker of the format: a tag, a length modifier, what opens and ends the prompt.
    Tag,
}

/// A stretch of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// What it is.
    pub kind: StretchKind,
    /// Where it is, in bytes.
    pub span: Range<usize>,
}

impl Format {
    /// The stretches of a prompt, in order and without overlap; what is in none of them is space, or no part of the format.
    /// A format that is only written ([`Format::reads_back`]) has none.
    ///
    /// ```
    /// use cardwright::prompt::{Format, StretchKind};
    ///
    /// let text = "<<AIBOT>>\nMara: Come in.\n";
    /// let outline = Format::named("limarp-v1")?.outline(text);
    /// let parts: Vec<_> = outline.iter().map(|stretch| (stretch.kind, &text[stretch.span.clone()])).collect();
    /// assert_eq!(parts, [(StretchKind::Tag, "<<AIBOT>>"), (StretchKind::Speaker, "Mara:"), (StretchKind::Char, "Come in.")]);
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn outline(&self, text: &str) -> Vec<Stretch> {
        if !self.reads_back() {
            return Vec::new();
        }
        let document = Document::of(self, text);
        let mut found: Vec<(StretchKind, Range<usize>)> = Vec::new();
        let frame = [&document.preamble, &document.tail];
        let tags = frame.into_iter().flatten().chain(&document.extra_systems);
        found.extend(tags.map(|span| (StretchKind::Tag, span.clone())));
        if let Some(system) = &document.system {
            found.extend(system.tag.iter().map(|tag| (StretchKind::Tag, tag.clone())));
            for section in &system.sections {
                let label = section.name.as_ref().unwrap_or(&section.label).start;
                found.push((StretchKind::Label, label..section.label.end));
                found.push((StretchKind::System, section.value.clone()));
            }
            found.extend(
                system
                    .unknown
                    .iter()
                    .map(|span| (StretchKind::System, span.clone())),
            );
        }
        for turn in &document.turns {
            found.push((StretchKind::Tag, turn.tag.clone()));
            found.extend(
                turn.length
                    .iter()
                    .map(|length| (StretchKind::Tag, length.span.clone())),
            );
            if let Some(speaker) = &turn.speaker {
                let end = turn.after_speaker.unwrap_or(speaker.end);
                found.push((StretchKind::Speaker, speaker.start..end));
            }
            let part = match turn.role {
                Role::Char => StretchKind::Char,
                Role::User => StretchKind::User,
            };
            found.push((part, turn.text.clone()));
            if turn.closed {
                found.push((StretchKind::Tag, turn.text.end..turn.end));
            }
        }
        found.sort_by_key(|(_, span)| (span.start, span.end));
        let mut outline: Vec<Stretch> = Vec::with_capacity(found.len());
        for (kind, mut span) in found {
            // What comes first keeps its bytes; nothing is told twice.
            let free = outline.last().map_or(0, |before| before.span.end);
            span.start = span.start.max(free);
            if span.start < span.end && !text[span.clone()].trim().is_empty() {
                outline.push(Stretch { kind, span });
            }
        }
        outline
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversation, Message};
    use super::*;

    #[test]
    fn every_format_has_an_outline_that_names_both_sides_once_each() {
        let message = |role, text: &str| Message {
            role,
            text: text.into(),
        };
        let conversation = Conversation {
            char: "Mara".into(),
            user: "Finn".into(),
            char_persona: "Mara keeps a lighthouse.".into(),
            user_persona: "Finn is a sailor.".into(),
            scenario: "It storms.".into(),
            messages: vec![
                message(Role::User, "Finn knocks."),
                message(Role::Char, "Mara opens. Ünïcode ☂."),
                message(Role::User, "Finn thanks her."),
            ],
            open: Some(Role::Char),
            ..Conversation::default()
        };
        for format in Format::all().unwrap() {
            let text = format.render(&format.carried(&conversation)).unwrap();
            let outline = format.outline(&text);
            let count = |part| {
                outline
                    .iter()
                    .filter(|stretch| stretch.kind == part)
                    .count()
            };
            assert_eq!(
                count(StretchKind::Char),
                1,
                "{}: {outline:?}",
                format.name()
            );
            assert!(
                (1..=2).contains(&count(StretchKind::User)),
                "{}",
                format.name()
            );
            let ends = outline
                .windows(2)
                .all(|two| two[0].span.end <= two[1].span.start);
            assert!(ends, "{}: {outline:?}", format.name());
        }
    }
}
