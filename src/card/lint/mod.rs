//! Checking a card: every rule in one table, each with the page that explains it and, where it is safe, its repair.
//!
//! What reading forgave is a finding of the same kind and has its row too, so that `--explain` knows every code. A rule
//! is a row and a function in the file of its topic.
//!
//! ```
//! use cardwright::card::{Card, lint};
//!
//! let mut card = Card::new("Carina ");
//! let codes: Vec<_> = lint::check(&card).iter().map(|finding| finding.code).collect();
//! assert!(codes.contains(&"name-spaces"));
//! lint::repair(&mut card)?;
//! assert_eq!(card.name(), "Carina");
//! # Ok::<(), cardwright::Error>(())
//! ```

mod conformance;
mod limarp;
mod lorebook;
mod privacy;
mod reading;
mod repair;
mod security;
mod structure;

use std::fmt;

use serde_json::Value;

use super::{Card, Path, Reading, Step, path};
use crate::{Finding, Place, Result, Severity};

pub use repair::repair;

/// What a [`Rule`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// How the card is stored: chunks, base64, text encoding, JSON.
    Storage,
    /// What the specification of its version asks.
    Spec,
    /// Names, greetings, examples, macros, tags.
    Structure,
    /// What models trained on LimaRP expect.
    Limarp,
    /// Keys, contents, decorators.
    Lorebook,
    /// What the maker may not have meant to publish.
    Privacy,
    /// What may act on the reader's machine or hide from the reader.
    Security,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Storage => "storage",
            Self::Spec => "spec",
            Self::Structure => "structure",
            Self::Limarp => "limarp",
            Self::Lorebook => "lorebook",
            Self::Privacy => "privacy",
            Self::Security => "security",
        })
    }
}

/// A rule a card can break.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The name that findings carry and `--explain` takes.
    pub code: &'static str,
    /// How much breaking it matters.
    pub severity: Severity,
    /// What it is about.
    pub topic: Topic,
    /// The rule in a line.
    pub summary: &'static str,
    /// Why it is a rule, and what to do.
    pub explanation: &'static str,
    /// A case that breaks it.
    pub example: &'static str,
    /// Looks for cases; `None` where reading the card finds them.
    check: Option<Check>,
    /// Repairs the case at a path, where that is safe.
    fix: Option<Fix>,
}

/// Looks for cases of a rule.
type Check = fn(&Subject<'_>) -> Vec<Hit>;
/// Repairs the case of a rule at a path.
type Fix = fn(&mut Card, &Path) -> Result<()>;

impl Rule {
    /// Whether [`repair`] or writing the card anew mends it.
    #[must_use]
    pub fn is_fixable(&self) -> bool {
        self.fix.is_some() || reading::is_mended_by_writing(self.code)
    }
}

/// A rule that something else looks for: only its page.
const fn page(
    code: &'static str,
    severity: Severity,
    summary: &'static str,
    explanation: &'static str,
    example: &'static str,
) -> Rule {
    Rule {
        code,
        severity,
        topic: Topic::Spec,
        summary,
        explanation,
        example,
        check: None,
        fix: None,
    }
}

/// A rule with its check.
const fn row(
    code: &'static str,
    severity: Severity,
    summary: &'static str,
    explanation: &'static str,
    example: &'static str,
    check: Check,
    fix: Option<Fix>,
) -> Rule {
    Rule {
        check: Some(check),
        fix,
        ..page(code, severity, summary, explanation, example)
    }
}

/// A table of rules that are all about one topic.
const fn about<const N: usize>(topic: Topic, mut rules: [Rule; N]) -> [Rule; N] {
    let mut at = 0;
    while at < N {
        rules[at].topic = topic;
        at += 1;
    }
    rules
}

/// A case of a rule.
struct Hit {
    path: String,
    message: String,
}

fn hit(path: impl Into<String>, message: impl Into<String>) -> Hit {
    Hit {
        path: path.into(),
        message: message.into(),
    }
}

/// Every rule, by topic.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        reading::RULES,
        conformance::RULES,
        structure::RULES,
        limarp::RULES,
        lorebook::RULES,
        privacy::RULES,
        security::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The rule called `code`.
#[must_use]
pub fn rule(code: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code == code)
}

/// Everything there is to say about a card that was read: what reading forgave, what its file holds beside it, and every
/// rule it breaks; the worst first.
#[must_use]
pub fn check_reading(reading: &Reading, bytes: &[u8]) -> Vec<Finding> {
    let mut findings = reading.findings.clone();
    findings.extend(privacy::container(bytes));
    findings.extend(check(&reading.card));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Every rule that the card itself breaks; what reading already said is not repeated.
#[must_use]
pub fn check(card: &Card) -> Vec<Finding> {
    let subject = Subject::of(card);
    let mut findings = Vec::new();
    for rule in rules() {
        let Some(check) = rule.check else { continue };
        findings.extend(check(&subject).into_iter().map(|hit| Finding {
            code: rule.code,
            severity: rule.severity,
            place: Place::Path(hit.path),
            message: hit.message,
            fix: rule.fix.map(|_| "`check --fix` mends it".to_owned()),
        }));
    }
    findings
}

/// What a text of a card is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Who and where: description, personality, scenario.
    Persona,
    /// A greeting.
    Greeting,
    /// Example messages.
    Example,
    /// Instructions to the model.
    Instruction,
    /// The content of a lorebook entry.
    Lore,
    /// For people only.
    Notes,
}

/// A text of a card.
struct Text {
    path: String,
    text: String,
    part: Part,
}

/// A card, laid out for checking.
struct Subject<'a> {
    card: &'a Card,
    /// The fields, wherever the version keeps them.
    body: Value,
    /// The path of the fields; empty for V1.
    prefix: String,
    texts: Vec<Text>,
    /// The entries of the lorebook with their paths.
    entries: Vec<(String, super::Entry)>,
}

impl<'a> Subject<'a> {
    fn of(card: &'a Card) -> Self {
        let steps = card.body();
        let body = card.document.get(&steps).unwrap_or_default();
        let mut subject = Self {
            card,
            body,
            prefix: path::write(&steps),
            texts: Vec::new(),
            entries: Vec::new(),
        };
        for (key, part) in [
            ("description", Part::Persona),
            ("personality", Part::Persona),
            ("scenario", Part::Persona),
            ("first_mes", Part::Greeting),
            ("mes_example", Part::Example),
            ("system_prompt", Part::Instruction),
            ("post_history_instructions", Part::Instruction),
            ("creator_notes", Part::Notes),
        ] {
            subject.push(subject.path(key), card.text(key).into_owned(), part);
        }
        for key in ["alternate_greetings", "group_only_greetings"] {
            for (index, text) in card.list(key).into_iter().enumerate() {
                let path = format!("{}[{index}]", subject.path(key));
                subject.push(path, text, Part::Greeting);
            }
        }
        let book = card.lorebook().unwrap_or_default();
        let within = ["character_book", "entries"].map(|key| Step::Key(key.into()));
        for entry in book.entries {
            let place = [entry.place.clone()];
            let path = path::write(&[&steps[..], &within, &place].concat());
            subject.push(format!("{path}.content"), entry.content.clone(), Part::Lore);
            subject.entries.push((path, entry));
        }
        subject
    }

    fn push(&mut self, path: String, text: String, part: Part) {
        if !text.is_empty() {
            self.texts.push(Text { path, text, part });
        }
    }

    /// The path of a field.
    fn path(&self, key: &str) -> String {
        if self.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.prefix)
        }
    }

    /// The texts that a model sees.
    fn prompts(&self) -> impl Iterator<Item = &Text> {
        self.texts.iter().filter(|text| text.part != Part::Notes)
    }

    fn part(&self, part: Part) -> impl Iterator<Item = &Text> {
        self.texts.iter().filter(move |text| text.part == part)
    }

    /// One hit for each text that `find` says something about.
    fn each(&self, find: impl Fn(&Text) -> Option<String>) -> Vec<Hit> {
        self.texts
            .iter()
            .filter_map(|text| Some(hit(text.path.clone(), find(text)?)))
            .collect()
    }
}

/// Puts another text in the place of the one at `path`.
fn edit_text(card: &mut Card, path: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    match card.get(path) {
        Some(Value::String(old)) => card.set(path, &change(&old).into()),
        _ => Ok(()),
    }
}

/// Keeps those texts of the list at `path` that `keep` says, in their order.
fn edit_list(card: &mut Card, path: &Path, keep: impl Fn(&[String], &str) -> bool) -> Result<()> {
    let Some(Value::Array(items)) = card.get(path) else {
        return Ok(());
    };
    let mut index = items.len();
    let texts: Vec<String> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default().to_owned())
        .collect();
    while index > 0 {
        index -= 1;
        if items[index].is_string() && !keep(&texts[..index], &texts[index]) {
            card.unset(&path.index(index))?;
        }
    }
    Ok(())
}

/// A few characters around a place in a text, for a message.
fn excerpt(text: &str, at: usize) -> String {
    let start = text[..at]
        .char_indices()
        .rev()
        .nth(11)
        .map_or(0, |(i, _)| i);
    let taken: String = text[start..].chars().take(32).collect();
    format!("`{}`", taken.replace('\n', " ").replace('`', "'").trim())
}
