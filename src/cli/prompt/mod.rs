//! `prompt`: formats, rendered prompts, and the validator.

mod check;
mod dataset;
mod formats;
mod preset;
mod render;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Answer, input};
use crate::prompt::macros::Clock;
use crate::prompt::{Cast, Format};
use crate::{Error, Kind, Result};

/// Prompts of cards, and whether a prompt is in its format
#[derive(Debug, Subcommand)]
pub(super) enum PromptCommand {
    /// Write the prompts of cards
    Render(render::Render),
    /// Say what is wrong with a prompt or a transcript, and mend it
    Check(check::Check),
    /// Write SillyTavern presets of a format
    Preset(preset::Preset),
    /// Make training text of role-play threads and chats
    Dataset(dataset::DatasetArgs),
    /// List the prompt formats, or show one with an example
    Formats(formats::Formats),
}

/// Runs a `prompt` command.
pub(super) fn run(command: PromptCommand) -> Result<Answer> {
    match command {
        PromptCommand::Render(command) => command.run(),
        PromptCommand::Check(command) => command.run(),
        PromptCommand::Preset(command) => command.run(),
        PromptCommand::Dataset(command) => command.run(),
        PromptCommand::Formats(command) => command.run(),
    }
}

/// Which format.
#[derive(Debug, Args)]
struct FormatChoice {
    /// Format: a name of `prompt formats`, or a template file
    #[arg(long, value_name = "NAME|FILE")]
    format: Option<String>,
    /// Folder with more template files
    #[arg(long, value_name = "DIR", env = "CARDWRIGHT_TEMPLATES")]
    templates: Option<PathBuf>,
}

impl FormatChoice {
    /// The format that was asked for, if one was.
    fn chosen(&self) -> Result<Option<Format>> {
        self.format
            .as_deref()
            .map(|name| self.named(name))
            .transpose()
    }

    /// The format `name`: a file, one of the user's folder, or one of ours, in this order.
    fn named(&self, name: &str) -> Result<Format> {
        if Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "jinja")
        {
            return Format::from_file(Path::new(name));
        }
        if let Some(folder) = &self.templates {
            let path = folder.join(format!("{name}.jinja"));
            if path.is_file() {
                return Format::from_file(&path);
            }
        }
        Format::named(name)
    }

    /// Every format, the user's first.
    fn all(&self) -> Result<Vec<Format>> {
        let mut formats = Vec::new();
        if let Some(folder) = &self.templates {
            let entries = std::fs::read_dir(folder).map_err(|e| Error::file("read", folder, e))?;
            let mut paths: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect();
            paths.retain(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jinja")
            });
            paths.sort();
            formats = paths
                .iter()
                .map(|path| Format::from_file(path))
                .collect::<Result<Vec<_>>>()?;
        }
        formats.extend(Format::all()?);
        Ok(formats)
    }
}

/// Who the two are and how their words are written down.
#[derive(Debug, Args)]
pub(super) struct CastArgs {
    #[command(flatten)]
    choice: FormatChoice,
    /// The user's name [default: the card's suggestion, or User]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The user's persona: a sentence or two in the third person [default: the card's suggestion]
    #[arg(long, value_name = "TEXT")]
    user_persona: Option<String>,
    /// Length of the replies, a word of the format
    #[arg(long, value_name = "WORD")]
    length: Option<String>,
    /// Which greeting: 0 is the first message, 1 the first alternate one
    #[arg(long, value_name = "N", default_value_t = 0)]
    greeting: usize,
    /// Which of the format's tags opens the user's turn
    #[arg(long, value_name = "TAG")]
    human_tag: Option<String>,
}

impl CastArgs {
    /// The format that was asked for; LimaRP v1 by default.
    pub(super) fn format(&self) -> Result<Format> {
        let format = match self.choice.chosen()? {
            Some(format) => format,
            None => self.choice.named("limarp-v1")?,
        };
        match &self.human_tag {
            Some(tag) => format.with_user_tag(tag),
            None => Ok(format),
        }
    }

    /// The cast that was asked for.
    pub(super) fn cast(&self, format: &Format) -> Result<Cast> {
        if let Some(word) = &self.length {
            check_length(format, word)?;
        }
        Ok(Cast {
            user: self.user.clone(),
            user_persona: self.user_persona.clone(),
            length: self.length.clone(),
            greeting: self.greeting,
            clock: Clock::now(0),
            ..Cast::default()
        })
    }
}

/// Refuses a word that is no length of the format.
pub(super) fn check_length(format: &Format, word: &str) -> Result<()> {
    if format.knows_length(word) {
        return Ok(());
    }
    let message = format!("`{word}` is no length of format `{}`", format.name());
    let hint = if format.lengths().is_empty() {
        "the format has no lengths".to_owned()
    } else {
        format!("the lengths are: {}", format.lengths().join(", "))
    };
    Err(Error::new(Kind::Usage, message).hint(hint))
}

/// The text of `path`, or of standard input for `-`.
fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(input::bytes(path)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let name = if path == Path::new("-") {
            "standard input".into()
        } else {
            path.display().to_string()
        };
        Error::new(
            Kind::Prompt,
            format!("is not UTF-8 text: byte {at} begins no character"),
        )
        .at(name)
        .hint("a prompt is plain text; `show` reads cards")
    })
}
