//! `model merge`: adapters made part of their model.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::super::progress::Progress;
use super::super::{Answer, interrupt, output};
use super::{expect_free, written};
use crate::Result;
use crate::engine::Adapter;
use crate::weights::{FileType, TensorType, merge as merging, store};
#[cfg(feature = "llama")]
use crate::{Error, Kind};

#[derive(Debug, Args)]
pub(in crate::cli) struct MergeArgs {
    /// The model: a GGUF file, or the name of one that `model list` shows
    #[arg(value_hint = ValueHint::FilePath)]
    base: String,
    /// An adapter in GGUF, and how strongly it is applied; may be repeated
    #[arg(long, required = true, value_name = "FILE[:SCALE]")]
    lora: Vec<String>,
    /// The GGUF file to write
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Replace the output file
    #[arg(long)]
    force: bool,
    /// What to make of the merged model, as `model quantize` makes it: F16, Q8_0, Q4_K_M and so on [default: merged
    /// matrices in F16, or F32 where the model has it, everything else as it was]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<FileType>,
}

pub(super) fn merge(arguments: &MergeArgs) -> Result<Answer> {
    expect_free(&arguments.output, arguments.force)?;
    interrupt::abandons("nothing was written");
    let mut adapters = Vec::new();
    for text in &arguments.lora {
        let Adapter { path, scale } = text.parse()?;
        adapters.push(merging::Adapter { path, scale });
    }
    let base = store::resolve(&arguments.base)?;
    let plain: Option<TensorType> = match arguments.kind {
        Some(kind) => kind.name().parse().ok().filter(|kind: &TensorType| {
            // Without llama.cpp what is simple enough for us is written without it.
            !kind.is_quantized() || cfg!(not(feature = "llama"))
        }),
        None => None,
    };
    let report = match (arguments.kind, plain) {
        (Some(kind), None) => quantized(&base, &adapters, arguments, kind)?,
        (_, plain) => {
            let mut progress = Progress::new();
            merging::merge(
                &base,
                &adapters,
                &arguments.output,
                &options(plain),
                &mut |done, total| progress.show("merging", done, Some(total)),
            )?
        }
    };
    output::say(&format!(
        "{} of {} tensors were merged",
        report.merged, report.tensors
    ));
    for name in &report.ignored {
        output::say(&output::escape(&format!(
            "`{name}` of an adapter was left out, as every engine does"
        )));
    }
    written(&arguments.output)
}

fn options(kind: Option<TensorType>) -> merging::Options {
    #[cfg(feature = "llama")]
    let decode = crate::engine::quantize::decode;
    #[cfg(not(feature = "llama"))]
    let decode = crate::weights::numbers::decode;
    merging::Options { kind, decode }
}

/// Merges in 16 bits, or the 32 that the base has, and quantizes that.
#[cfg(feature = "llama")]
fn quantized(
    base: &std::path::Path,
    adapters: &[merging::Adapter],
    arguments: &MergeArgs,
    kind: FileType,
) -> Result<merging::Report> {
    use crate::engine::quantize;
    let between = crate::file::Scratch::beside(&arguments.output)?;
    let merged = between.path().join("merged.gguf");
    let mut progress = Progress::new();
    let report = merging::merge(
        base,
        adapters,
        &merged,
        &options(None),
        &mut |done, total| {
            progress.show("merging", done, Some(total));
        },
    )?;
    let options = quantize::Options {
        kind: Some(super::quantize::writable(kind)?),
        // What no adapter touched is as it was in the base, which may be quantized.
        requantize: true,
        ..quantize::Options::default()
    };
    quantize::quantize(&merged, &arguments.output, &options, &mut |done, total| {
        progress.show("quantizing", done, Some(total));
    })
    // The file between the two is nobody's business.
    .map_err(|e| match e.kind() {
        Kind::File => e,
        kind => Error::new(kind, e.message()).hint(
            "merge without `--type`, and see what `cardwright model quantize` makes of the result",
        ),
    })?;
    Ok(report)
}

#[cfg(not(feature = "llama"))]
fn quantized(
    _: &std::path::Path,
    _: &[merging::Adapter],
    _: &MergeArgs,
    _: FileType,
) -> Result<merging::Report> {
    Err(super::super::engine::without_llama())
}
