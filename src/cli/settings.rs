//! `config`: what the settings are and where they come from, and the file they stand in.

use std::env;
use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::config::{Config, From, KEYS, VARIABLE, path, template};
use super::{Answer, output};
use crate::{Error, Kind, Result, file, folders};

/// Settings, and the file they stand in
///
/// A flag beats an environment variable, which beats the file, which beats the default. The file is `config.toml` in
/// `cardwright` in `XDG_CONFIG_HOME` or `~/.config`, or what `CARDWRIGHT_CONFIG` names.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting, its value and where that comes from
    Show {
        /// Only settings that are not as they were by default
        #[arg(long)]
        changed: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print where the file is, or would be
    Path,
    /// Open the file in the editor that `VISUAL` or `EDITOR` names, and check it afterwards
    Edit,
    /// Write a file in which every setting stands as a comment
    Init {
        /// Replace the file that is there
        #[arg(long)]
        force: bool,
    },
}

/// Runs a `config` command.
pub(super) fn run(command: &ConfigCommand) -> Result<Answer> {
    match command {
        ConfigCommand::Show { changed, json } => show(*changed, *json),
        ConfigCommand::Path => {
            output::print(&format!("{}\n", place()?.display()))?;
            Ok(Answer::Yes)
        }
        ConfigCommand::Edit => edit(),
        ConfigCommand::Init { force } => {
            let path = place()?;
            super::card::keep_existing(&path, *force)?;
            write(&path)?;
            output::say(&format!("wrote {}", path.display()));
            Ok(Answer::Yes)
        }
    }
}

fn place() -> Result<std::path::PathBuf> {
    path().map(|(path, _)| path).ok_or_else(|| {
        folders::missing("settings").hint(format!("name a file in the variable `{VARIABLE}`"))
    })
}

fn write(path: &Path) -> Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        folders::make_private(folder).map_err(|e| Error::file("create the folder", folder, e))?;
    }
    file::write(path, template().as_bytes())
}

fn show(changed: bool, json: bool) -> Result<Answer> {
    let config = Config::load()?;
    let file = config.path.display().to_string();
    let rows = (0..KEYS.len())
        .map(|index| (&KEYS[index], config.value(index)))
        .filter(|(_, (_, from))| !changed || *from != From::Default);
    if json {
        let rows = rows.map(|(key, (values, from))| {
            let (from, place) = match from {
                From::Default => ("default", None),
                From::File(line) => ("file", Some(format!("{file}:{line}"))),
                From::Environment => ("environment", Some(key.variable.clone())),
            };
            json!({"key": key.name, "value": values.join(", "), "from": from, "place": place})
        });
        let rows: Vec<_> = rows.collect();
        output::print(&format!("{:#}\n", serde_json::Value::from(rows)))?;
        return Ok(Answer::Yes);
    }
    let rows: Vec<[String; 3]> = rows
        .map(|(key, (values, from))| {
            let from = match from {
                From::Default => "default".to_owned(),
                From::File(line) => format!("{file}:{line}"),
                From::Environment => key.variable.clone(),
            };
            let value = match values.join(", ") {
                value if value.is_empty() => "-".to_owned(),
                value => output::escape(&value).replace(['\n', '\t'], " "),
            };
            [key.name.clone(), value, from]
        })
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0).min(40)
    };
    let (name, value) = (width(0), width(1));
    let mut text = String::new();
    for row in &rows {
        let style = if row[2] == "default" {
            output::DIM
        } else {
            anstyle::Style::new()
        };
        text.push_str(&format!(
            "{style}{:name$}  {:value$}  {}{style:#}\n",
            row[0], row[1], row[2]
        ));
    }
    output::print(&text)?;
    if !Path::new(&file).exists() {
        output::note(&format!(
            "there is no {file}; `cardwright config init` writes one"
        ));
    }
    Ok(Answer::Yes)
}

fn edit() -> Result<Answer> {
    let path = place()?;
    if !path.exists() {
        write(&path)?;
    }
    let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL")
        .or_else(|| set("EDITOR"))
        .unwrap_or_else(|| "vi".into());
    // An editor may come with arguments: `code --wait`.
    let mut words = editor.split_whitespace();
    let mut command = std::process::Command::new(words.next().unwrap_or("vi"));
    let status = command.args(words).arg(&path).status();
    let status = status.map_err(|e| {
        Error::new(
            Kind::Usage,
            format!("cannot start the editor `{editor}`: {e}"),
        )
        .hint("name another in the variable `EDITOR`")
        .source(e)
    })?;
    if !status.success() {
        return Err(Error::new(
            Kind::Usage,
            format!("the editor `{editor}` ended with {status}"),
        ));
    }
    Config::load()?;
    Ok(Answer::Yes)
}
