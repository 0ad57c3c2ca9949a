//! `prompt`: formats, rendered prompts, and the validator.

mod check;
mod formats;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Answer;
use crate::prompt::Format;
use crate::{Error, Kind, Result};

/// Prompts of cards, and whether a prompt is in its format
#[derive(Debug, Subcommand)]
pub(super) enum PromptCommand {
    /// Say what is wrong with a prompt or a transcript, and mend it
    Check(check::Check),
    /// List the prompt formats, or show one with an example
    Formats(formats::Formats),
}

/// Runs a `prompt` command.
pub(super) fn run(command: PromptCommand) -> Result<Answer> {
    match command {
        PromptCommand::Check(command) => command.run(),
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

/// The text of `path`, or of standard input for `-`.
fn read_text(path: &Path) -> Result<String> {
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let limit = crate::file::MAX_FILE;
        std::io::Read::read_to_end(
            &mut std::io::Read::take(std::io::stdin().lock(), limit),
            &mut bytes,
        )
        .map_err(|e| Error::file("read", Path::new("standard input"), e))?;
        bytes
    } else {
        crate::file::read(path)?
    };
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::new(
            Kind::Prompt,
            format!("is not UTF-8 text: byte {at} begins no character"),
        )
        .at(name)
        .hint("a prompt is plain text; `show` reads cards")
    })
}
