//! `model`: get models, see which are there and what they are, convert, quantize and merge.

mod convert;
mod list;
mod merge;
mod pull;
mod quantize;
mod show;

use std::path::Path;

use clap::Subcommand;

use super::progress::bytes;
use super::{Answer, output};
use crate::{Error, Kind, Result};

/// Get, look at, convert and quantize models and adapters.
#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Make GGUF of an old model or of an adapter
    Convert(convert::ConvertArgs),
    /// List the models that are here
    List(list::ListArgs),
    /// Make adapters part of a model
    Merge(merge::MergeArgs),
    /// Get a model
    Pull(pull::PullArgs),
    /// Make a model smaller and faster: fewer bits for each weight
    Quantize(Box<quantize::QuantizeArgs>),
    /// Tell what a model is and what memory it needs
    Show(show::ShowArgs),
}

pub(super) fn model(command: ModelCommand) -> Result<Answer> {
    match command {
        ModelCommand::Convert(arguments) => convert::convert(&arguments),
        ModelCommand::List(arguments) => list::list(&arguments),
        ModelCommand::Merge(arguments) => merge::merge(&arguments),
        ModelCommand::Pull(arguments) => pull::pull(&arguments),
        ModelCommand::Quantize(arguments) => quantize::quantize(&arguments),
        ModelCommand::Show(arguments) => show::show(&arguments),
    }
}

/// Refuses to replace a file unless that was asked for.
fn expect_free(output: &Path, force: bool) -> Result<()> {
    if !force && output.exists() {
        return Err(Error::new(Kind::Usage, "the output file is there already")
            .at(output.display().to_string())
            .hint("replace it with `--force`"));
    }
    Ok(())
}

fn written(path: &Path) -> Result<Answer> {
    let size = std::fs::metadata(path)
        .map_err(|e| Error::file("read", path, e))?
        .len();
    output::say(&format!("{} written", bytes(size)));
    output::print(&format!("{}\n", path.display()))?;
    Ok(Answer::Yes)
}

/// A number of things, such as `1 layer` or `2 layers`.
fn several(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}
