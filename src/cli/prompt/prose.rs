//! `prompt prose`: personas in lists and other notations as the one paragraph that LimaRP takes.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::read_text;
use crate::card::Card;
use crate::cli::{Answer, input, output};
use crate::prompt::{Prose, prose};
use crate::{Error, Kind, Result, file};

/// Rewrite personas as one paragraph each, and tell what changed
///
/// W++, boostyle and lists become sentences, line by line, without anything added or left out; sentences are only joined.
/// The fields are a card's description, personality and scenario; any other text is taken as one persona.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProseArgs {
    /// Cards or texts; `-` is a text on standard input
    #[arg(required = true, value_name = "FILE|-")]
    files: Vec<PathBuf>,
    /// The character's name, for a text
    #[arg(long, value_name = "NAME", default_value = "{{char}}")]
    name: String,
    /// Change the cards' fields where they stand
    #[arg(long)]
    fix: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A field that was looked at.
struct Field {
    file: String,
    name: &'static str,
    prose: Prose,
    changed: bool,
}

/// The fields that a prompt has one paragraph for.
const FIELDS: [&str; 3] = ["description", "personality", "scenario"];

impl ProseArgs {
    pub(super) fn run(self) -> Result<Answer> {
        let mut fields = Vec::new();
        for path in &self.files {
            fields.extend(self.fields(path)?);
        }
        if self.json {
            let rows = fields.iter().map(row).collect::<Vec<_>>();
            output::print(&format!("{:#}\n", serde_json::Value::from(rows)))?;
            return Ok(Answer::Yes);
        }
        for field in &fields {
            output::say(output::escape(&report(field)).trim_end());
            if !self.fix {
                output::print(&format!("{}\n", field.prose.text))?;
            }
        }
        Ok(Answer::Yes)
    }

    fn fields(&self, path: &Path) -> Result<Vec<Field>> {
        let file = path.display().to_string();
        let bytes = if path == Path::new("-") {
            Vec::new()
        } else {
            input::bytes(path)?
        };
        let Ok(reading) = Card::from_bytes(&bytes) else {
            if self.fix {
                return Err(
                    Error::new(Kind::Usage, "`--fix` changes cards, and this is none")
                        .at(file)
                        .hint("without `--fix` the paragraph goes to standard output"),
                );
            }
            let text = if bytes.is_empty() {
                read_text(path)?
            } else {
                String::from_utf8(bytes).map_err(|e| {
                    Error::new(Kind::Card, format!("is neither a card nor a text: {e}"))
                        .at(file.clone())
                })?
            };
            let prose = prose(&text, &self.name);
            return Ok(vec![Field {
                changed: prose.text != text,
                file,
                name: "text",
                prose,
            }]);
        };
        let mut edited = reading.card.clone();
        let mut fields = Vec::new();
        for name in FIELDS {
            let text = match name {
                "description" => reading.card.description(),
                "personality" => reading.card.personality(),
                _ => reading.card.scenario(),
            };
            if text.trim().is_empty() {
                continue;
            }
            // Names inside a card are macros.
            let prose = prose(&text, &reading.card.name());
            let changed = prose.text != *text;
            if changed {
                edited.set(&name.parse()?, &json!(prose.text))?;
            }
            fields.push(Field {
                file: file.clone(),
                name,
                prose,
                changed,
            });
        }
        if self.fix && edited != reading.card {
            let Some(write) = reading.container.write else {
                let message = format!("{} cards are read, not written", reading.container.name);
                return Err(Error::new(Kind::Usage, message)
                    .at(file)
                    .hint("`convert` it first"));
            };
            file::write(path, &write(&edited, Some(&bytes))?)?;
        }
        Ok(fields)
    }
}

fn report(field: &Field) -> String {
    let mut text = format!("{}: {}: ", field.file, field.name);
    let Prose {
        notation,
        entries,
        lines,
        changes,
        ..
    } = &field.prose;
    match notation {
        _ if !field.changed => text.push_str("nothing to change\n"),
        None => text.push_str(&format!("{lines} lines were joined\n")),
        Some(notation) => {
            text.push_str(&format!(
                "{}: {entries} entries on {lines} lines became {} sentences\n",
                notation.name(),
                changes.iter().filter(|(_, to)| !to.is_empty()).count()
            ));
            for (from, to) in changes {
                let to = if to.is_empty() {
                    "(left out: it says nothing new)"
                } else {
                    to
                };
                text.push_str(&format!("  {from} -> {to}\n"));
            }
        }
    }
    text
}

fn row(field: &Field) -> serde_json::Value {
    let changes = field.prose.changes.iter();
    let changes: Vec<_> = changes
        .map(|(from, to)| json!({"from": from, "to": to}))
        .collect();
    json!({
        "file": field.file,
        "field": field.name,
        "changed": field.changed,
        "notation": field.prose.notation.map(crate::prompt::Notation::name),
        "entries": field.prose.entries,
        "lines": field.prose.lines,
        "changes": changes,
        "text": field.prose.text,
    })
}
