//! Text to conversation, and the findings on the way.
//!
//! The parser goes on after everything it dislikes: one finding never hides the next, and a conversation comes back
//! whenever there is a tag to hold on to.

use super::document::{Document, Section, Turn};
use super::format::{Field, Format};
use super::front::Escape;
use super::instruction::Instruction;
use super::pattern::Hole;
use super::render::fold;
use super::report::{Edit, Report};
use super::{Conversation, Message, Role};
use crate::{Finding, Severity};

/// What reading a prompt gave.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The conversation, when the text holds anything of the format.
    pub conversation: Option<Conversation>,
    /// Everything noticed, in the order of the text.
    pub findings: Vec<Finding>,
    /// The changes that mend what can be mended without a decision.
    pub edits: Vec<Edit>,
}

impl Parsed {
    /// Whether the text is in the format: nothing was worse than a warning.
    #[must_use]
    pub fn is_in_format(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity < Severity::Error)
    }
}

impl Format {
    /// Reads a prompt or a finished transcript, forgiving what it can and saying so. A format that is only written
    /// ([`Format::reads_back`]) reads nothing.
    ///
    /// ```
    /// use cardwright::prompt::Format;
    ///
    /// let parsed = Format::named("limarp-v1")?.parse("<<SYSTEM>>\nAnn's Persona: A baker.\n\n<<Aibot>>\nAnn:");
    /// assert_eq!(parsed.conversation.unwrap().char, "Ann");
    /// assert!(parsed.findings.iter().any(|finding| finding.code == "tag-case"));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn parse(&self, text: &str) -> Parsed {
        if !self.reads_back() {
            return Parsed::default();
        }
        let document = Document::of(self, text);
        let names = Names::of(self, &document, text);
        let framed = document.preamble.is_some() || document.tail.is_some();
        let known = framed || !document.marks.is_empty() || document.system.is_some();
        let conversation = known.then(|| self.conversation(&document, &names, text));
        let mut report = Report::new(text);
        self.check(&document, &names, &mut report);
        let (findings, edits) = report.finish();
        Parsed {
            conversation,
            findings,
            edits,
        }
    }

    fn conversation(&self, document: &Document, names: &Names<'_>, text: &str) -> Conversation {
        let field = |field| {
            let section = document
                .system
                .as_ref()
                .and_then(|system| system.section(field));
            section.map_or_else(String::new, |section| fold(&text[section.value.clone()]))
        };
        let mut conversation = Conversation {
            char: names.char.unwrap_or_default().to_owned(),
            user: names.user.unwrap_or_default().to_owned(),
            char_persona: field(Hole::CharPersona),
            user_persona: field(Hole::UserPersona),
            scenario: field(Hole::Scenario),
            instruction: names.instruction.wording.map(fold),
            length: names.instruction.length.map(str::to_owned),
            messages: Vec::with_capacity(document.turns.len()),
            open: None,
        };
        for turn in &document.turns {
            if turn.open {
                conversation.open = Some(turn.role);
                let has_length = self.side(turn.role).open.has(Hole::Length);
                if let Some(length) = turn.length.as_ref().filter(|_| has_length) {
                    conversation.length = Some(text[length.word.clone()].to_owned());
                }
            } else {
                let text = unescape(self.front.escape, &text[turn.text.clone()]);
                conversation.messages.push(Message {
                    role: turn.role,
                    text,
                });
            }
        }
        let alignment = self.front.alignment.as_deref();
        if conversation
            .messages
            .first()
            .is_some_and(|message| Some(message.text.as_str()) == alignment)
        {
            conversation.messages.remove(0);
        }
        conversation
    }

    /// Makes sure at loading time that what the format writes reads back, so that a wrong file is refused at once.
    pub(super) fn check_itself(&self) -> crate::Result<()> {
        let message = |role, text: &str| Message {
            role,
            text: text.into(),
        };
        let mut messages = vec![
            message(Role::User, "\"Good evening,\" Ben said."),
            message(Role::Char, "Ada nodded.\n\n\"So it is.\""),
            message(Role::User, "Ben sat down."),
        ];
        if self.front.first.map(Role::from) == Some(Role::Char) {
            messages.remove(0);
        }
        let probe = self.carried(&Conversation {
            char: "Ada".into(),
            user: "Ben".into(),
            char_persona: "Ada is a lighthouse keeper.".into(),
            user_persona: "Ben is a sailor.".into(),
            scenario: "Ada and Ben meet at night.".into(),
            instruction: None,
            length: self.lengths().first().cloned(),
            messages,
            open: Some(Role::Char),
        });
        let text = self.render(&probe)?;
        let parsed = self.parse(&text);
        let wrong = parsed
            .findings
            .iter()
            .find(|finding| finding.severity > Severity::Info);
        let what = match wrong {
            Some(finding) => format!("its own prompt is not in format: {}", finding.message),
            None if parsed.conversation.as_ref() != Some(&probe) => {
                "its own prompt does not read back".to_owned()
            }
            None => return Ok(()),
        };
        Err(crate::Error::new(crate::Kind::Format, what)
            .at(format!("format `{}`", self.name))
            .hint("the markers in the front matter must be the ones that the template writes"))
    }
}

/// Who the two are, as far as the text says it.
#[derive(Debug, Default)]
pub(super) struct Names<'t> {
    pub(super) char: Option<&'t str>,
    pub(super) user: Option<&'t str>,
    pub(super) instruction: Instruction<'t>,
}

impl<'t> Names<'t> {
    fn of(format: &Format, document: &Document, text: &'t str) -> Self {
        let spoken = |role: Role| {
            let turns = document.turns.iter().filter(move |turn| turn.role == role);
            most_frequent(
                turns
                    .filter_map(|turn: &Turn| turn.speaker.clone())
                    .map(|speaker| &text[speaker]),
            )
        };
        let label = |field: Hole| {
            let section: Option<&Section> = document
                .system
                .as_ref()
                .and_then(|system| system.section(field));
            section
                .and_then(|section| section.name.clone())
                .map(|name| &text[name])
        };
        let (spoken_char, spoken_user) = (spoken(Role::Char), spoken(Role::User));
        let (label_char, label_user) = (label(Hole::CharPersona), label(Hole::UserPersona));
        let instruction = document
            .system
            .as_ref()
            .and_then(|system| system.section(Hole::Instruction));
        let instruction = instruction.map_or_else(Instruction::default, |section| {
            let known: Vec<&str> = [label_char, spoken_char, label_user]
                .into_iter()
                .flatten()
                .collect();
            format.read_instruction(&text[section.value.clone()], &known)
        });
        if format.loses_field(Field::Names) {
            return Self {
                instruction,
                ..Self::default()
            };
        }
        let char = instruction.char.or(spoken_char).or(label_char);
        let user = instruction.user.or(spoken_user);
        let label_user = label_user.or_else(|| label_char.filter(|name| Some(*name) != char));
        Self {
            char,
            user: user.or(label_user),
            instruction,
        }
    }
}

/// The item that occurs most often, the earliest of those that tie.
fn most_frequent<'t>(items: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for item in items {
        // Beyond a few names no vote is needed, and the list stays short whatever the text.
        let full = counts.len() == 16;
        match counts.iter_mut().find(|(other, _)| *other == item) {
            Some((_, count)) => *count += 1,
            None if full => {}
            None => counts.push((item, 1)),
        }
    }
    let best = counts.iter().map(|(_, count)| *count).max()?;
    counts
        .iter()
        .find(|(_, count)| *count == best)
        .map(|(item, _)| *item)
}

fn unescape(escape: Escape, text: &str) -> String {
    match escape {
        Escape::Json => {
            serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
        }
        Escape::None if text.contains('\r') => text.replace("\r\n", "\n"),
        Escape::None => text.to_owned(),
    }
}
