//! `prompt preset`: a format for SillyTavern.

use std::path::PathBuf;

use clap::Args;

use super::FormatChoice;
use crate::cli::{Answer, output};
use crate::{Error, Result, file};

/// Write SillyTavern presets of a format
///
/// Four files in folders named as SillyTavern names them, and one that holds them all for its master import.
#[derive(Debug, Args)]
pub(in crate::cli) struct Preset {
    /// The format
    name: String,
    #[command(flatten)]
    choice: FormatChoice,
    /// Folder to write into
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Length of the replies, a word of the format
    #[arg(long, value_name = "WORD")]
    length: Option<String>,
    /// Which of the format's tags opens the user's turn
    #[arg(long, value_name = "TAG")]
    human_tag: Option<String>,
}

impl Preset {
    pub(super) fn run(self) -> Result<Answer> {
        let mut format = self.choice.named(&self.name)?;
        if let Some(tag) = &self.human_tag {
            format = format.with_user_tag(tag)?;
        }
        let presets = format.presets(self.length.as_deref())?;
        let name = format!("{}.json", presets.name);
        let files = [
            ("context", &presets.context),
            ("instruct", &presets.instruct),
            ("sysprompt", &presets.sysprompt),
            ("textgen", &presets.sampler),
            ("", &presets.master()),
        ];
        for (folder, preset) in files {
            let folder = self.output.join(folder);
            std::fs::create_dir_all(&folder).map_err(|e| Error::file("create", &folder, e))?;
            let path = folder.join(&name);
            file::write(&path, format!("{preset:#}\n").as_bytes())?;
            output::print(&format!("{}\n", path.display()))?;
        }
        output::say("SillyTavern writes the exact format when:");
        for condition in &presets.conditions {
            output::say(&format!("- {condition}"));
        }
        Ok(Answer::Yes)
    }
}
