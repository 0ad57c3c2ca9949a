//! `prompt formats`: which formats there are, and what each looks like.

use clap::Args;
use serde_json::json;

use super::FormatChoice;
use crate::Result;
use crate::cli::{Answer, output};
use crate::prompt::{Conversation, Field, Format, Message, Role};
use crate::sampling::{SAMPLERS, Settings};

/// List the prompt formats, or show one with an example
#[derive(Debug, Args)]
pub(in crate::cli) struct Formats {
    /// Show this format with an example
    name: Option<String>,
    #[command(flatten)]
    choice: FormatChoice,
    /// Show every format with an example
    #[arg(long, conflicts_with = "name")]
    examples: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Formats {
    pub(super) fn run(self) -> Result<Answer> {
        let one = self.name.as_deref().or(self.choice.format.as_deref());
        let formats = match one {
            Some(name) => vec![self.choice.named(name)?],
            None => self.choice.all()?,
        };
        let text = if self.json {
            let rows = formats.iter().map(row).collect::<Result<Vec<_>>>()?;
            format!("{:#}\n", serde_json::Value::from(rows))
        } else if one.is_some() || self.examples {
            let pages = formats.iter().map(page).collect::<Result<Vec<_>>>()?;
            pages.join("\n")
        } else {
            table(&formats)
        };
        output::print(&text)?;
        Ok(Answer::Yes)
    }
}

fn table(formats: &[Format]) -> String {
    let width = formats
        .iter()
        .map(|format| format.name().len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for format in formats {
        text.push_str(&format!("{:width$}  {}\n", format.name(), format.about()));
    }
    text.push_str("\n`prompt formats NAME` shows one with an example, `--examples` all of them.\n");
    text
}

fn page(format: &Format) -> Result<String> {
    let mut text = format!("{}: {}\n", format.name(), format.about());
    if let Some(source) = format.source() {
        text.push_str(&format!("source: {source}\n"));
    }
    if !format.lengths().is_empty() {
        text.push_str(&format!("lengths: {}", format.lengths().join(", ")));
        for (alias, word) in format.length_aliases() {
            text.push_str(&format!("; {alias} = {word}"));
        }
        if let Some(default) = format.default_length() {
            text.push_str(&format!("; default {default}"));
        }
        text.push('\n');
    }
    if let Some(settings) = format.settings() {
        let neutral = Settings::neutral();
        let told = SAMPLERS
            .iter()
            .filter(|row| row.get(settings) != row.get(&neutral));
        // The shortest text of a single precision number: 0.7, not 0.699999988079071.
        let told: Vec<_> = told
            .map(|row| format!("{} {}", row.name, row.get(settings) as f32))
            .collect();
        if !told.is_empty() {
            text.push_str(&format!("sampler: {}\n", told.join(", ")));
        }
    }
    if !format.reads_back() {
        text.push_str("only written: prompts in it are not read back\n");
    }
    let loses: Vec<_> = format.loses().iter().map(|field| field.name()).collect();
    if !loses.is_empty() {
        text.push_str(&format!("cannot carry: {}\n", loses.join(", ")));
    }
    text.push('\n');
    for line in format.render(&example())?.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    Ok(text)
}

fn row(format: &Format) -> Result<serde_json::Value> {
    let conversation = example();
    Ok(json!({
        "name": format.name(),
        "about": format.about(),
        "source": format.source(),
        "lengths": format.lengths(),
        "default_length": format.default_length(),
        "loses": format.loses().iter().copied().map(Field::name).collect::<Vec<_>>(),
        "stop": format.stop_strings(&conversation),
        "example": format.render(&conversation)?,
    }))
}

/// A short conversation to show formats with.
fn example() -> Conversation {
    let message = |role, text: &str| Message {
        role,
        text: text.into(),
    };
    Conversation {
        char: "Mara".into(),
        user: "Finn".into(),
        char_persona: "Mara keeps a lighthouse and collects storms in jars.".into(),
        user_persona: "Finn is a sailor with a leaking boat.".into(),
        scenario: "Finn knocks at the lighthouse door on a wet night.".into(),
        messages: vec![
            message(
                Role::Char,
                "Mara opened the door. \"Come in before you drown standing up.\"",
            ),
            message(
                Role::User,
                "\"Thank you,\" Finn said, and dripped on the mat.",
            ),
        ],
        open: Some(Role::Char),
        ..Conversation::default()
    }
}
