//! `extract`: what a card's file holds, as files of their own.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{bytes_of, read, tell};
use crate::card::{Book, Format, Names, assets, picture, picture_extension};
use crate::cli::{Answer, output};
use crate::{Error, Kind, Result, Severity, file};

/// Take assets, lorebook and payload out of a card.
#[derive(Debug, Args)]
#[command(after_help = "\
Writes `card.json` (the text exactly as it is stored), `picture.*` (without the card in it), `lorebook.json` (lorebook_v3) and
every file the card brings, each under a path that stays inside the folder and that every system takes.")]
pub(in crate::cli) struct ExtractArgs {
    /// The card; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder to write into
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write over files that are there already
    #[arg(long)]
    force: bool,
    /// List what was written as JSON
    #[arg(long)]
    json: bool,
}

/// A file to be written.
struct Part {
    /// Its path below the folder.
    path: String,
    /// What it is.
    kind: String,
    /// What it was called in the card's file, where that differs.
    was: Option<String>,
    data: Vec<u8>,
}

/// Runs `extract`.
pub(in crate::cli) fn extract(arguments: &ExtractArgs) -> Result<Answer> {
    let bytes = bytes_of(&arguments.file)?;
    let reading = read(&arguments.file, &bytes)?;
    tell(&arguments.file, &reading.findings, Severity::Error);
    let place = |error: Error| error.at(arguments.file.display().to_string());
    let (found, findings) = assets(&reading, &bytes).map_err(place)?;
    tell(&arguments.file, &findings, Severity::Warning);
    let mut names = Names::default();
    let mut parts = Vec::new();
    let extension = if reading.container.name == "YAML" {
        "yaml"
    } else {
        "json"
    };
    parts.push(Part {
        path: names.place(&format!("card.{extension}")),
        kind: "payload".into(),
        was: None,
        data: reading.payload.clone(),
    });
    if let Some(own) = reading.container.picture
        && let Some(data) = own(&bytes).map_err(place)?
    {
        let extension = picture_extension(&data).unwrap_or("bin");
        parts.push(Part {
            path: names.place(&format!("picture.{extension}")),
            kind: "picture".into(),
            was: None,
            data,
        });
    } else if found.is_empty() && picture(&reading, &bytes).map_err(place)?.is_none() {
        output::note("there is no picture in this card");
    }
    if let (Some(_), Some(format)) = (reading.card.lorebook(), Format::by_key("v3")) {
        let (text, _) = Book::of(&reading.card).write(format);
        parts.push(Part {
            path: names.place("lorebook.json"),
            kind: "lorebook".into(),
            was: None,
            data: text.into_bytes(),
        });
    }
    for asset in found {
        let wanted = if asset.path.is_empty() {
            asset.archive_path()
        } else {
            asset.path.clone()
        };
        let path = names.place(&wanted);
        parts.push(Part {
            was: (path != wanted).then_some(wanted),
            path,
            kind: if asset.kind.is_empty() {
                "file".into()
            } else {
                asset.kind
            },
            data: asset.data,
        });
    }
    for part in &parts {
        check_target(&arguments.output, &part.path, arguments.force)?;
    }
    for part in &parts {
        let target = arguments.output.join(&part.path);
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::file("make the folder", folder, e))?;
        }
        file::write(&target, &part.data)?;
        if let Some(was) = &part.was {
            output::say(&format!(
                "`{}` is written as `{}`",
                output::escape(was),
                output::escape(&part.path)
            ));
        }
    }
    output::print(&listing(&parts, arguments.json))?;
    Ok(Answer::Yes)
}

/// Refuses to write through a link or over a file.
fn check_target(folder: &Path, path: &str, force: bool) -> Result<()> {
    let mut target = folder.to_owned();
    for part in path.split('/') {
        target.push(part);
        let Ok(found) = std::fs::symlink_metadata(&target) else {
            return Ok(());
        };
        if found.is_symlink() {
            return Err(Error::new(
                Kind::Usage,
                "this is a symbolic link, through which nothing is written",
            )
            .at(target.display().to_string())
            .hint("take it away, or name another folder with `-o`"));
        }
    }
    super::keep_existing(&target, force)
}

fn listing(parts: &[Part], as_json: bool) -> String {
    if as_json {
        let list: Vec<Value> = parts
            .iter()
            .map(|part| json!({ "path": part.path, "kind": part.kind, "bytes": part.data.len(), "was": part.was }))
            .collect();
        return format!("{:#}\n", Value::Array(list));
    }
    let width = parts
        .iter()
        .map(|part| part.kind.chars().count())
        .max()
        .unwrap_or(0);
    parts
        .iter()
        .map(|part| {
            let kind = output::escape(&part.kind);
            format!(
                "{kind:width$}  {:>9}  {}\n",
                part.data.len(),
                output::escape(&part.path)
            )
        })
        .collect()
}
