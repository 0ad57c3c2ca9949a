//! `edit`: change fields of a card where they stand, and nothing else.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{bytes_of, container_for, keep_existing, read, tell, write};
use crate::card::{Card, Path};
use crate::cli::{Answer, output};
use crate::{Error, Kind, Result, Severity, file};

/// Change fields of a card in place.
#[derive(Debug, Args)]
#[command(after_help = "\
Paths: `name`, `tags[0]`, `extensions.depth_prompt.prompt`, `$.spec` from the root.
Values: JSON where it is a number, list, object, `true`, `false`, `null` or quoted; else text.
`PATH=@FILE` takes the text of a file, `PATH=@-` of standard input, and `PATH=\"@...\"` the text itself.")]
pub(in crate::cli) struct EditArgs {
    /// The card
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Give a field a value; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Take a field out; may be repeated
    #[arg(long, value_name = "PATH")]
    unset: Vec<Path>,
    /// Another picture for a PNG card: a PNG, JPEG or WEBP
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Write here and leave the file as it is
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
}

/// Runs `edit`.
pub(in crate::cli) fn edit(arguments: &EditArgs) -> Result<Answer> {
    if arguments.set.is_empty() && arguments.unset.is_empty() && arguments.image.is_none() {
        return Err(Error::new(Kind::Usage, "there is nothing to change")
            .hint("say what with `--set PATH=VALUE`, `--unset PATH` or `--image FILE`"));
    }
    let dash = std::path::Path::new("-");
    if arguments.file == dash && arguments.output.is_none() {
        return Err(
            Error::new(Kind::Usage, "standard input cannot be edited in place")
                .hint("say where to write with `-o`"),
        );
    }
    let bytes = bytes_of(&arguments.file)?;
    let reading = read(&arguments.file, &bytes)?;
    tell(&arguments.file, &reading.findings, Severity::Warning);
    let mut card = reading.card;
    for path in &arguments.unset {
        if !card.unset(path)? {
            return Err(Error::new(Kind::Usage, "there is no such field").at(path.to_string()));
        }
    }
    for assignment in &arguments.set {
        set(&mut card, assignment)?;
    }
    let container = match &arguments.output {
        Some(target) if target != dash => container_for(target)?,
        _ => reading.container,
    };
    let image = arguments.image.as_deref().map(super::image).transpose()?;
    if image.is_some() && !matches!(container.name, "PNG" | "CHARX" | "CHARX-JPEG") {
        return Err(Error::new(
            Kind::Usage,
            format!("a {} card has no picture to change", container.name),
        )
        .hint("write a PNG with `-o NAME.png`, or a CHARX with `-o NAME.charx`"));
    }
    let source = Some((reading.container, bytes.as_slice()));
    let written = write(container, &card, image.as_deref(), source).map_err(|error| {
        match &arguments.image {
            Some(path) => error.at(path.display().to_string()),
            None => error,
        }
    })?;
    let target = match &arguments.output {
        Some(target) if target == dash => {
            output::print_raw(&written)?;
            return Ok(Answer::Yes);
        }
        Some(target) => {
            keep_existing(target, arguments.force)?;
            target
        }
        None => &arguments.file,
    };
    file::write(target, &written)?;
    Ok(Answer::Yes)
}

/// Applies `PATH=VALUE`.
fn set(card: &mut Card, assignment: &str) -> Result<()> {
    let wrong = || {
        Error::new(Kind::Usage, format!("`{assignment}` is no `PATH=VALUE`"))
            .hint("for example `--set name=Carina`")
    };
    let (path, value) = assignment.split_once('=').ok_or_else(wrong)?;
    let path: Path = path.parse()?;
    let value = match value.strip_prefix('@') {
        Some(name) => {
            let bytes = bytes_of(std::path::Path::new(name))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Error::new(Kind::Usage, "this file is no UTF-8 text").at(name))?;
            Value::String(text)
        }
        None => value_of(value),
    };
    card.set(&path, &value)
}

/// A value as it was typed: JSON where that is meant, else text.
fn value_of(typed: &str) -> Value {
    serde_json::from_str(typed).unwrap_or_else(|_| Value::String(typed.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_json_where_they_look_like_it() {
        assert_eq!(value_of("Carina"), json!("Carina"));
        assert_eq!(value_of("\"7\""), json!("7"));
        assert_eq!(value_of("7"), json!(7));
        assert_eq!(value_of("[\"a\"]"), json!(["a"]));
        assert_eq!(value_of("{{char}} sails"), json!("{{char}} sails"));
        assert_eq!(value_of(""), json!(""));
    }
}
