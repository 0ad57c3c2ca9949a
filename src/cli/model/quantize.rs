//! `model quantize`: fewer bits for each weight.

use std::path::PathBuf;

use clap::{Args, ValueHint, value_parser};

use super::super::Answer;
use crate::weights::{FileType, TensorType, store};
use crate::{Error, Kind, Result};

/// The word for tensors that stay as they are.
const COPY: &str = "COPY";

/// What to do about a type that is none.
const LISTED: &str = "`cardwright model quantize --help` lists the types";

/// Make a model smaller and faster: fewer bits for each weight
///
/// llama.cpp does it, so the file is the one that its own tool writes: the most sensitive matrices get more bits than the
/// type has in its name, unless `--pure` is given.
#[derive(Debug, Args)]
#[command(after_help = types())]
pub(in crate::cli) struct QuantizeArgs {
    /// The model: a GGUF file, best in F16 or F32, or the name of one that `model list` shows
    #[arg(value_hint = ValueHint::FilePath)]
    model: String,
    /// The type, such as Q4_0; COPY makes one file of a model in several
    #[arg(value_name = "TYPE")]
    kind: String,
    /// The GGUF file to write [default: beside the model, with the type in its name]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace the output file
    #[arg(long)]
    force: bool,
    /// Tell what size the model would have, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// Quantize again what is quantized already, which loses more than quantizing once
    #[arg(long)]
    requantize: bool,
    /// Every matrix in the one type
    #[arg(long)]
    pure: bool,
    /// The importance matrix of the model, by `llama-imatrix`: the smallest types need one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    imatrix: Option<PathBuf>,
    /// Leave the output matrix as it is
    #[arg(long)]
    keep_output: bool,
    /// The type of the output matrix
    #[arg(long, value_name = "TYPE", conflicts_with = "keep_output")]
    output_type: Option<TensorType>,
    /// The type of the token embeddings
    #[arg(long, value_name = "TYPE")]
    embedding_type: Option<TensorType>,
    /// CPU threads [default: one per physical core]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// The types, smallest last, for `--help`.
fn types() -> String {
    let mut kinds: Vec<(FileType, f32)> = FileType::all()
        .filter_map(|kind| Some((kind, kind.bits()?)))
        .collect();
    kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut text = "Types, and the bits they take for a weight of a large model:".to_owned();
    for row in kinds.chunks(5) {
        text.push_str("\n ");
        for (kind, bits) in row {
            text.push_str(&format!(" {:<9} {bits:>5.2}   ", kind.name()));
        }
        text.truncate(text.trim_end().len());
    }
    text.push_str(
        "\n\nQ4_0 is the fastest on most processors, Q4_K_M keeps more at nearly its size, Q8_0 loses next to nothing.
`cardwright bench` tells what is fastest here.

Example:
  cardwright model quantize model-F16.gguf Q4_0
writes model-Q4_0.gguf.",
    );
    text
}

/// The mixture, if llama.cpp can quantize to it.
pub(super) fn writable(kind: FileType) -> Result<FileType> {
    if kind.bits().is_some() {
        return Ok(kind);
    }
    let message = format!("a model cannot be quantized to {kind}");
    Err(Error::new(Kind::Usage, message).hint(LISTED))
}

fn kind(name: &str) -> Result<Option<FileType>> {
    if name.eq_ignore_ascii_case(COPY) {
        return Ok(None);
    }
    name.parse().and_then(writable).map(Some).map_err(|e| {
        // The list of the types is long, and in the help it has sizes.
        e.hint(LISTED)
    })
}

/// The name of the new file: the model's, with this type instead of the one it has in its name.
#[cfg(any(feature = "llama", test))]
fn beside(model: &std::path::Path, kind: Option<FileType>) -> PathBuf {
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let stem = match stem
        .rsplit_once("-of-")
        .and_then(|(first, _)| first.rsplit_once('-'))
    {
        // The number of a file of several.
        Some((stem, _)) => stem,
        None => &*stem,
    };
    let cut = stem
        .rfind(['.', '-'])
        .filter(|at| stem[at + 1..].parse::<FileType>().is_ok());
    let name = match (cut, kind) {
        (Some(at), Some(kind)) => format!("{}{}", &stem[..=at], kind.name()),
        (None, Some(kind)) => format!("{stem}-{}", kind.name()),
        (_, None) => format!("{stem}-whole"),
    };
    model.with_file_name(format!("{name}.gguf"))
}

#[cfg(feature = "llama")]
pub(super) fn quantize(arguments: &QuantizeArgs) -> Result<Answer> {
    use super::super::progress::{Progress, bytes};
    use super::super::{interrupt, output};
    use crate::engine::quantize::{self, Options};
    use crate::weights::Importance;

    let options = Options {
        kind: kind(&arguments.kind)?,
        threads: arguments.threads.map(usize::from),
        pure: arguments.pure,
        requantize: arguments.requantize,
        keep_output: arguments.keep_output,
        output: arguments.output_type,
        embedding: arguments.embedding_type,
        importance: match &arguments.imatrix {
            Some(path) => Some(Importance::open(path)?),
            None => None,
        },
    };
    let model = store::resolve(&arguments.model)?;
    if arguments.dry_run {
        return dry_run(&quantize::plan(&model, &options)?, arguments.json);
    }
    let to = match &arguments.output {
        Some(output) => output.clone(),
        None => beside(&model, options.kind),
    };
    super::expect_free(&to, arguments.force)?;
    interrupt::abandons("nothing was written");
    let mut progress = Progress::new();
    let plan = quantize::quantize(&model, &to, &options, &mut |done, total| {
        progress.show("quantizing", done, Some(total));
    })?;
    drop(progress);
    output::say(&format!("{} before", bytes(plan.before)));
    super::written(&to)
}

#[cfg(not(feature = "llama"))]
pub(super) fn quantize(arguments: &QuantizeArgs) -> Result<Answer> {
    // What can be said without llama.cpp is said first.
    kind(&arguments.kind)?;
    store::resolve(&arguments.model)?;
    Err(super::super::engine::without_llama())
}

#[cfg(feature = "llama")]
fn dry_run(plan: &crate::engine::quantize::Plan, json: bool) -> Result<Answer> {
    use super::super::output;
    use super::super::progress::bytes;
    use std::collections::BTreeMap;

    let mut types: BTreeMap<TensorType, (usize, u64)> = BTreeMap::new();
    for change in &plan.tensors {
        let share = types.entry(change.to).or_default();
        share.0 += 1;
        share.1 += change.size;
    }
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by_key(|(_, (_, size))| std::cmp::Reverse(*size));
    if json {
        let types: Vec<_> = types
            .iter()
            .map(|(kind, (tensors, bytes))| {
                serde_json::json!({"type": kind.name(), "tensors": tensors, "bytes": bytes})
            })
            .collect();
        let document =
            serde_json::json!({"before": plan.before, "after": plan.after, "types": types});
        output::print(&format!("{document:#}\n"))?;
        return Ok(Answer::Yes);
    }
    let mut text = format!("{} instead of {}\n", bytes(plan.after), bytes(plan.before));
    for (kind, (tensors, size)) in types {
        text.push_str(&format!(
            "  {:<8} {:>9}  {}\n",
            kind.name(),
            bytes(size),
            super::several(tensors as u64, "tensor")
        ));
    }
    output::print(&text)?;
    Ok(Answer::Yes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_type_in_a_name_gives_way_to_the_new_one() {
        let name = |model: &str, kind: &str| {
            let kind = kind.parse().ok();
            beside(Path::new(model), kind).to_str().unwrap().to_owned()
        };
        assert_eq!(name("a/b.f16.gguf", "Q4_0"), "a/b.Q4_0.gguf");
        assert_eq!(name("b-1.5-BF16.gguf", "q4_k"), "b-1.5-Q4_K_M.gguf");
        assert_eq!(name("b-1.5.gguf", "Q8_0"), "b-1.5-Q8_0.gguf");
        assert_eq!(name("b-F16-00001-of-00002.gguf", "Q8_0"), "b-Q8_0.gguf");
        assert_eq!(name("b-00001-of-00002.gguf", "COPY"), "b-whole.gguf");
    }
}
