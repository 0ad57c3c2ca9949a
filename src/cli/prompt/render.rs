//! `prompt render`: cards as prompts, to the last byte.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::CastArgs;
use crate::cli::{Answer, card, output};
use crate::prompt::{Cast, Conversation, Format, Message, Role};
use crate::{Error, Finding, Kind, Result, file};

/// Write the prompts of cards
///
/// The prompt ends with the open turn: the user's after the greeting, the character's after `--message` and with
/// `--no-greeting`. Prompts of several cards are separated by NUL characters, which `prompt check -` understands; with `-o`
/// each goes to its own file.
#[derive(Debug, Args)]
pub(in crate::cli) struct Render {
    /// Cards
    #[arg(required = true, value_name = "CARD")]
    cards: Vec<PathBuf>,
    #[command(flatten)]
    cast: CastArgs,
    /// What the user says after the greeting
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Leave the greeting to the model
    #[arg(long, conflicts_with = "message")]
    no_greeting: bool,
    /// Folder to write `NAME.txt` into, one for each card
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print JSON: the prompt, its stop strings, and what was changed
    #[arg(long)]
    json: bool,
}

/// A card that became a prompt.
struct Rendered {
    name: String,
    char: String,
    prompt: String,
    stop: Vec<String>,
    findings: Vec<Finding>,
}

impl Render {
    pub(super) fn run(self) -> Result<Answer> {
        let format = self.cast.format()?;
        let cast = self.cast.cast(&format)?;
        let rendered = self
            .cards
            .iter()
            .map(|path| self.render(&format, &cast, path))
            .collect::<Result<Vec<_>>>()?;
        for one in &rendered {
            for finding in &one.findings {
                output::say(&output::escape(&format!(
                    "{}: {}: {}",
                    one.name, finding.severity, finding.message
                )));
            }
        }
        if let Some(folder) = &self.output {
            return write_files(folder, &rendered);
        }
        if self.json {
            let rows = rendered.iter().map(|one| {
                json!({
                    "card": one.name,
                    "char": one.char,
                    "format": format.name(),
                    "prompt": one.prompt,
                    "stop": one.stop,
                    "findings": one.findings,
                })
            });
            output::print(&format!(
                "{:#}\n",
                serde_json::Value::from(rows.collect::<Vec<_>>())
            ))?;
            return Ok(Answer::Yes);
        }
        // On a terminal a NUL is invisible, and the prompts would run into each other.
        let to_terminal = std::io::stdout().is_terminal();
        let prompts: Vec<_> = rendered.iter().map(|one| one.prompt.as_str()).collect();
        if to_terminal {
            output::print(&format!("{}\n", output::escape(&prompts.join("\n\n"))))?;
        } else {
            output::print_raw(prompts.join("\0").as_bytes())?;
        }
        Ok(Answer::Yes)
    }

    fn render(&self, format: &Format, cast: &Cast, path: &std::path::Path) -> Result<Rendered> {
        let card = card::open(path)?;
        let (mut conversation, findings) = Conversation::from_card(&card, cast);
        if self.no_greeting {
            conversation.messages.clear();
            conversation.open = Some(Role::Char);
        }
        if let Some(text) = &self.message {
            conversation.messages.push(Message {
                role: Role::User,
                text: text.clone(),
            });
            conversation.open = Some(Role::Char);
        }
        let name = path.display().to_string();
        let prompt = format.render(&conversation);
        Ok(Rendered {
            prompt: prompt.map_err(|error| error.at(&*name))?,
            name,
            stop: format.stop_strings(&conversation),
            char: conversation.char,
            findings,
        })
    }
}

/// One file for each prompt, named after the card's file.
fn write_files(folder: &std::path::Path, rendered: &[Rendered]) -> Result<Answer> {
    std::fs::create_dir_all(folder).map_err(|e| Error::file("create", folder, e))?;
    let mut written: Vec<PathBuf> = Vec::new();
    for one in rendered {
        let stem = std::path::Path::new(&one.name)
            .file_stem()
            .unwrap_or_default()
            .to_owned();
        let path = folder.join(stem).with_extension("txt");
        if written.contains(&path) {
            return Err(Error::new(Kind::Usage, "two cards have this file name")
                .at(path.display().to_string()));
        }
        file::write(&path, one.prompt.as_bytes())?;
        output::say(&format!("wrote {}", path.display()));
        written.push(path);
    }
    Ok(Answer::Yes)
}
