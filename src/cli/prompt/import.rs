//! `prompt import`: SillyTavern presets as a format.

use std::path::PathBuf;

use clap::Args;

use super::read_text;
use crate::cli::{Answer, output};
use crate::prompt::Format;
use crate::{Error, Kind, Result, file};

/// Turn SillyTavern presets into a format
///
/// Takes a context and an instruct preset, a sysprompt and a sampler preset if there are, or one master export. Fields of
/// older versions are brought to where SillyTavern 1.19 has them. The format writes the bytes that SillyTavern writes:
/// `prompt render --format FILE` uses it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// Preset files; `-` is standard input
    #[arg(required = true, value_name = "FILE|-")]
    files: Vec<PathBuf>,
    /// File to write, whose name is the format's; its ending is `.hbs` [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self) -> Result<Answer> {
        let mut presets = Vec::new();
        for path in &self.files {
            let text = read_text(path)?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let value = serde_json::from_str(text).map_err(|e| {
                Error::new(Kind::Format, format!("is no JSON: {e}"))
                    .at(path.display().to_string())
                    .source(e)
            })?;
            presets.push(value);
        }
        let name = match &self.output {
            Some(path) if path.extension().is_none_or(|extension| extension != "hbs") => {
                return Err(Error::new(
                    Kind::Usage,
                    "the name of a format of presets ends in `.hbs`",
                )
                .at(path.display().to_string()));
            }
            Some(path) => path.file_stem().unwrap_or_default().to_string_lossy(),
            None => "imported".into(),
        };
        let (format, findings) = Format::import(&name, presets)?;
        for finding in &findings {
            output::note(&format!("{}: {}", finding.severity, finding.message));
        }
        let Some(source) = format.to_source() else {
            return Err(Error::new(
                Kind::Format,
                "the presets cannot be written as a format file",
            ));
        };
        // What is written is what will be read.
        Format::from_source(&name, &source)?;
        match &self.output {
            Some(path) => {
                file::write(path, source.as_bytes())?;
                output::print(&format!("{}\n", path.display()))?;
            }
            None => output::print_raw(source.as_bytes())?,
        }
        Ok(Answer::Yes)
    }
}
