//! `model list`: the models that are here.

use clap::Args;
use serde_json::json;

use super::super::progress::bytes;
use super::super::{Answer, output};
use crate::Result;
use crate::weights::gguf::Gguf;
use crate::weights::{Summary, store};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn list(arguments: &ListArgs) -> Result<Answer> {
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
