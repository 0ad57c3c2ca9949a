//! The settings file: what it says, and how it is laid under the environment and the flags.
//!
//! A setting of the file becomes the default of the flags it stands for, so the order (flag, environment, file, built-in
//! default) is that of the argument parser, and no command needs to know of the file. Settings stand in one table,
//! [`KEYS`], and the sampler's in their own.

mod keys;
mod template;

use std::env;
use std::path::{Path, PathBuf};

use clap::Command;
use toml::Value;
use toml::de::DeTable;

pub(super) use self::keys::KEYS;
use self::keys::{What, bare, is_table};
pub(super) use self::template::template;
use crate::nearest::nearest;
use crate::{Error, Kind, Result, file, folders};

/// The variable that names another settings file.
pub(super) const VARIABLE: &str = "CARDWRIGHT_CONFIG";
/// The commands for which the folder of models counts, besides those that load one.
const MODELS: &str = "model ";
/// The largest settings file, 1 MiB: one with every setting takes a hundredth of it.
const LARGEST: usize = 1 << 20;

/// What a settings file says.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// The file.
    pub(super) path: PathBuf,
    /// The settings in it: which of [`KEYS`], its values, its line.
    given: Vec<(usize, Vec<String>, usize)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    Default,
    /// The line of the file.
    File(usize),
    /// The variable.
    Environment,
}

/// The settings file, whether it is there or not, and whether the environment names it.
pub(super) fn path() -> Option<(PathBuf, bool)> {
    match env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => Some((path.into(), true)),
        None => Some((folders::config()?.join("config.toml"), false)),
    }
}

impl Config {
    /// The settings file; empty where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is no TOML, or has a setting that is unknown or not what it must be.
    pub(super) fn load() -> Result<Self> {
        let Some((path, is_named)) = path() else {
            return Ok(Self::default());
        };
        if !is_named && !path.exists() {
            return Ok(Self {
                path,
                ..Self::default()
            });
        }
        let bytes = file::read(&path).map_err(|error| {
            if is_named {
                error.hint(format!("the variable `{VARIABLE}` names this file"))
            } else {
                error
            }
        })?;
        let wrong = |what: &str| Error::new(Kind::Usage, what).at(path.display().to_string());
        if bytes.len() > LARGEST {
            return Err(wrong("is no settings file: it is larger than 1 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|e| wrong("is not UTF-8 text").source(e))?;
        Self::parse(&text, &path)
    }

    /// What the text of a settings file says.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self> {
        let place = |at: usize| format!("{}:{}", path.display(), line(text, at));
        let wrong = |e: &toml::de::Error| {
            let message = format!("is no TOML: {}", e.message().trim_end());
            let at = e.span().map_or(0, |span| span.start);
            Error::new(Kind::Usage, message).at(place(at))
        };
        let table: toml::Table = toml::from_str(text).map_err(|e| wrong(&e))?;
        let spans = DeTable::parse(text).map_err(|e| wrong(&e))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut given = Vec::new();
        for (name, at, value) in entries("", &table, spans.get_ref()) {
            let bad = |message: String| Error::new(Kind::Usage, message).at(place(at));
            let Some(index) = KEYS.iter().position(|key| key.is_called(&name)) else {
                if is_table(&name) {
                    return Err(bad(format!("`{name}` is a table"))
                        .hint(format!("write `[{name}]` and its settings below")));
                }
                return Err(bad(format!("there is no setting `{name}`")).hint(meant(&name)));
            };
            let values = KEYS[index].read(value, folder).map_err(bad)?;
            given.push((index, values, line(text, at)));
        }
        Ok(Self {
            path: path.to_owned(),
            given,
        })
    }

    /// The value of a setting as its flags would have it, and where it came from.
    pub(super) fn value(&self, index: usize) -> (Vec<String>, From) {
        let key = &KEYS[index];
        if let Ok(value) = env::var(&key.variable) {
            return (vec![value], From::Environment);
        }
        let given = self.given.iter().find(|(given, ..)| *given == index);
        match given {
            Some((_, values, line)) => (values.clone(), From::File(*line)),
            None if key.default.is_empty() => (Vec::new(), From::Default),
            None => (vec![key.default.clone()], From::Default),
        }
    }

    /// The folder of models that it names.
    pub(super) fn models(&self) -> Option<PathBuf> {
        let mut given = self.given.iter();
        let (_, values, _) = given.find(|(index, ..)| KEYS[*index].name == "folders.models")?;
        values.first().map(PathBuf::from)
    }

    /// The command line with the settings as defaults of the flags they stand for.
    pub(super) fn under(&self, command: Command) -> Command {
        let default = |path: &str, id: &str| {
            let mut given = self.given.iter();
            let (_, values, _) =
                given.find(|(index, ..)| KEYS[*index].argument(path) == Some(id))?;
            Some(values.clone())
        };
        each_argument(
            command,
            "",
            &|path, argument| match default(path, argument.get_id().as_str()) {
                Some(values) => argument.default_values(values),
                None => argument,
            },
        )
    }
}

/// The command line with the variables of the settings.
pub(super) fn with_environment(command: Command) -> Command {
    each_argument(command, "", &|path, argument| {
        let id = argument.get_id().as_str();
        let mut keys = KEYS.iter();
        match keys.find(|key| key.argument(path) == Some(id)) {
            // Help would list a variable under each of thirty flags of the sampler.
            Some(key) => {
                let is_sampler = matches!(key.what, What::Sampler(_));
                argument.env(&*key.variable).hide_env(is_sampler)
            }
            None => argument,
        }
    })
}

/// Whether the settings matter to the command of this path.
pub(super) fn matters_to(path: &str) -> bool {
    path.starts_with(MODELS) || KEYS.iter().any(|key| key.argument(path).is_some())
}

/// Changes the arguments of every command, which is told by its path: `prompt render`.
fn each_argument(
    command: Command,
    path: &str,
    change: &dyn Fn(&str, clap::Arg) -> clap::Arg,
) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let command = if path.is_empty() {
        command
    } else {
        command.mut_args(|argument| change(path, argument))
    };
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}");
        command.mut_subcommand(name, |command| each_argument(command, path.trim(), change))
    })
}

/// Every setting in a table and the tables in it: its name with theirs, the place of its name, its value.
fn entries<'t>(
    prefix: &str,
    table: &'t toml::Table,
    spans: &DeTable<'_>,
) -> Vec<(String, usize, &'t Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        let span = spans.iter().find(|(other, _)| other.get_ref() == key);
        let at = span.map_or(0, |(key, _)| key.span().start);
        let inner = span.and_then(|(_, value)| value.get_ref().as_table());
        match (value, inner) {
            (Value::Table(table), Some(spans)) if is_table(&name) => {
                found.extend(entries(&format!("{name}."), table, spans));
            }
            _ => found.push((name, at, value)),
        }
    }
    found.sort_by_key(|(_, at, _)| *at);
    found
}

/// What to say to a setting that does not exist.
fn meant(name: &str) -> String {
    let full = nearest(name, KEYS.iter().map(|key| key.name.as_str()));
    // Perhaps it only stands in the wrong table.
    let other = nearest(bare(name), KEYS.iter().map(|key| bare(&key.name)));
    let other = other.and_then(|near| KEYS.iter().find(|key| bare(&key.name) == near));
    match full.or(other.map(|key| key.name.as_str())) {
        Some(near) => match near.rsplit_once('.') {
            Some((table, key)) => format!("did you mean `{key}` in the table `[{table}]`?"),
            None => format!("did you mean `{near}`?"),
        },
        None => "`cardwright config show` lists the settings".to_owned(),
    }
}

/// The line of a place in a text, from 1.
fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/home/mina/.config/cardwright/config.toml"))
    }

    fn wrong(text: &str) -> String {
        let error = parse(text).unwrap_err();
        let error = format!("{error}\n  {}", error.next_step().unwrap_or_default());
        error.replace("/home/mina/.config/cardwright/", "")
    }

    #[test]
    fn every_setting_of_the_template_can_be_taken_in() {
        let template = template();
        assert!(parse(&template).unwrap().given.is_empty());
        let uncommented: String = template
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = parse(&uncommented).unwrap();
        assert_eq!(config.given.len(), KEYS.len());
        for (index, values, _) in &config.given {
            let key = &KEYS[*index];
            if !key.default.is_empty() {
                assert_eq!(values, std::slice::from_ref(&key.default), "{}", key.name);
            }
        }
    }

    #[test]
    fn every_setting_stands_for_flags_that_are_there() {
        let command = <super::super::Arguments as clap::CommandFactory>::command();
        let of = |path: &str| {
            path.split(' ').fold(command.clone(), |command, name| {
                command.find_subcommand(name).unwrap().clone()
            })
        };
        for key in KEYS.iter() {
            for path in key.flags.iter().flat_map(|(commands, _)| *commands) {
                let id = key.argument(path).unwrap();
                assert!(
                    of(path)
                        .get_arguments()
                        .any(|argument| argument.get_id() == id),
                    "{} has no `{id}` for `{}`",
                    path,
                    key.name
                );
            }
        }
        let mut variables: Vec<&str> = KEYS.iter().map(|key| key.variable.as_str()).collect();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
    }

    #[test]
    fn paths_begin_at_the_file_and_names_are_names() {
        let config =
            parse("model = \"tiny\"\nlora = [\"a.gguf:0.5\"]\n[folders]\ncards = \"/srv/cards\"")
                .unwrap();
        let values: Vec<&String> = config
            .given
            .iter()
            .flat_map(|(_, values, _)| values)
            .collect();
        assert_eq!(
            values,
            [
                "tiny",
                "/home/mina/.config/cardwright/a.gguf:0.5",
                "/srv/cards"
            ]
        );
        assert_eq!(config.given[2].2, 4, "the line is told");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_was_meant() {
        insta::assert_snapshot!(
            [
                wrong("[sampler]\ntemprature = 0.7"),
                wrong("temperature = 0.7"),
                wrong("\n[chats]\nwrap = 80"),
                wrong("[chat]\nlength = \"long\""),
                wrong("banana = 1"),
                wrong("[sampler]\ntemperature = 9"),
                wrong("[sampler]\nban_end_of_text = 1"),
                wrong("context = \"big\""),
                wrong("user = 3"),
                wrong("chat = 3"),
                wrong("user = \"Mina\nmodel = 3"),
                wrong("user = \"A\"\nuser = \"B\""),
                wrong("lora = [1]"),
            ]
            .join("\n"),
            @r#"
config.toml:2: there is no setting `sampler.temprature`
  did you mean `temperature` in the table `[sampler]`?
config.toml:1: there is no setting `temperature`
  did you mean `temperature` in the table `[sampler]`?
config.toml:2: there is no setting `chats`
  did you mean `chats` in the table `[folders]`?
config.toml:2: there is no setting `chat.length`
  did you mean `length`?
config.toml:1: there is no setting `banana`
  `cardwright config show` lists the settings
config.toml:2: `temperature` must be from 0 to 5, not 9
  
config.toml:2: `ban_end_of_text` is true or false
  
config.toml:1: `context` is a whole number from 1 to 16777216
  
config.toml:1: `user` is a text, in quotes
  
config.toml:1: `chat` is a table
  write `[chat]` and its settings below
config.toml:1: is no TOML: invalid basic string, expected `"`
  
config.toml:2: is no TOML: duplicate key
  
config.toml:1: `lora` is a list of texts
"#
        );
    }

    #[test]
    fn names_of_other_programs_are_taken_for_the_sampler() {
        let config = parse("sampler.tfs = 0.9\nsampler.temp = 1").unwrap();
        let names: Vec<&str> = config
            .given
            .iter()
            .map(|(index, ..)| KEYS[*index].name.as_str())
            .collect();
        assert_eq!(names, ["sampler.tail_free", "sampler.temperature"]);
    }
}
