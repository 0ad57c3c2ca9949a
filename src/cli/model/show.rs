//! `model show`: what a model is and what memory it needs.

use clap::{Args, ValueHint};
use serde_json::json;

use super::super::progress::bytes;
use super::super::{Answer, output};
use super::several;
use crate::weights::gguf::{Gguf, Value};
use crate::weights::{Memory, Summary, store};
use crate::{Error, Kind, Result};

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
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

pub(super) fn show(arguments: &ShowArgs) -> Result<Answer> {
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

/// A metadata value on one line that fits a terminal.
fn shorten(value: &Value) -> String {
    let (length, first) = match value {
        Value::Array(_, values) => (
            values.len(),
            values.iter().take(4).map(Value::to_json).collect(),
        ),
        Value::Texts(texts) => (texts.len(), Value::texts(texts.iter().take(4)).to_json()),
        _ => (0, serde_json::Value::Null),
    };
    if length > 8
        && let Some(first) = first.as_array()
    {
        let first: Vec<_> = first.iter().map(ToString::to_string).collect();
        return format!("[{}, ... {length} in all]", first.join(", "));
    }
    let text = value.to_json().to_string();
    if text.chars().count() > 200 {
        let start: String = text.chars().take(200).collect();
        return format!("{start}... ({} characters)", text.chars().count());
    }
    text
}
