//! The settings file: which settings there are, what it says, and how it is laid under the environment and the flags.
//!
//! A setting of the file becomes the default of the flags it stands for, so the order (flag, environment, file, built-in
//! default) is that of the argument parser, and no command needs to know of the file. Settings stand in one table,
//! [`KEYS`], and the sampler's in their own.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::Command;
use toml::Value;
use toml::de::DeTable;

use crate::nearest::nearest;
use crate::sampling::{Range, SAMPLERS, Sampler, Settings};
use crate::weights::store;
use crate::{Error, Kind, Result, file, folders};

/// The variable that names another settings file.
pub(super) const VARIABLE: &str = "CARDWRIGHT_CONFIG";
/// How the settings of the sampler begin.
const SAMPLER: &str = "sampler.";
/// The largest settings file, 1 MiB: one with every setting takes a hundredth of it.
const LARGEST: usize = 1 << 20;

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Text,
    /// A file or folder; in the file relative to the file's folder, and `~/` is the home folder.
    Path,
    /// The same where it has a slash, else a name.
    PathOrName,
    /// A list of files, each with a scale or not.
    Paths,
    Whole(i64, i64),
    Switch,
    /// `auto`, `no` or a width.
    Wrapping,
    Sampler(&'static Sampler),
}

/// A setting.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its name in the file, with the table it stands in.
    pub(super) name: String,
    /// The environment variable that beats the file.
    pub(super) variable: String,
    pub(super) what: What,
    /// What it is when nobody says; empty for nothing.
    pub(super) default: String,
    pub(super) about: &'static str,
    /// The commands it is for, and what it is called there.
    flags: &'static [(&'static str, &'static str)],
}

/// A row of the table: name, what it is, default, about, the commands and the ids of their arguments.
type Row = (
    &'static str,
    What,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The settings besides the sampler's.
const ROWS: &[Row] = &[
    (
        "model",
        What::PathOrName,
        store::DEFAULT,
        "A GGUF file, or the name of a model that was pulled",
        &[
            ("chat", "model"),
            ("generate", "model"),
            ("complete", "model"),
            ("serve", "model"),
            ("bench", "model"),
            ("prompt render", "model"),
        ],
    ),
    (
        "lora",
        What::Paths,
        "",
        "LoRA adapters on top of the model, each as FILE or FILE:SCALE",
        &[
            ("chat", "lora"),
            ("generate", "lora"),
            ("complete", "lora"),
            ("serve", "lora"),
        ],
    ),
    (
        "context",
        What::Whole(1, 1 << 24),
        "",
        "Tokens that one conversation can hold; without it, 4096 or the model's limit",
        &[
            ("chat", "ctx"),
            ("generate", "ctx"),
            ("complete", "ctx"),
            ("serve", "ctx"),
        ],
    ),
    (
        "threads",
        What::Whole(1, 1024),
        "",
        "CPU threads; without it, one per physical core",
        &[
            ("chat", "threads"),
            ("generate", "threads"),
            ("complete", "threads"),
            ("serve", "threads"),
        ],
    ),
    (
        "gpu_layers",
        What::Whole(0, 1 << 16),
        "",
        "Layers to keep on the GPU; without it, all, where there is one",
        &[
            ("chat", "gpu_layers"),
            ("generate", "gpu_layers"),
            ("complete", "gpu_layers"),
            ("serve", "gpu_layers"),
        ],
    ),
    (
        "parallel",
        What::Whole(1, 256),
        "",
        "Conversations that run at the same time when inventing characters and serving",
        &[("generate", "parallel"), ("serve", "parallel")],
    ),
    (
        "user",
        What::Text,
        "",
        "Your name; without it, the card's suggestion, or User",
        &[("chat", "user"), ("prompt render", "user")],
    ),
    (
        "user_persona",
        What::Text,
        "",
        "Your persona: a sentence or two in the third person; without it, the card's suggestion",
        &[("chat", "user_persona"), ("prompt render", "user_persona")],
    ),
    (
        "format",
        What::Text,
        "",
        "The prompt format: a name of `prompt formats`, or a template file; without it, limarp-v1, and the model's own template for chat completions of `serve`",
        &[
            ("chat", "format"),
            ("generate", "format"),
            ("serve", "format"),
            ("prompt render", "format"),
        ],
    ),
    (
        "human_tag",
        What::Text,
        "",
        "Which of the format's tags opens your turn",
        &[("chat", "human_tag"), ("prompt render", "human_tag")],
    ),
    (
        "length",
        What::Text,
        "",
        "The length of the replies, a word of the format",
        &[
            ("chat", "length"),
            ("generate", "length"),
            ("prompt render", "length"),
        ],
    ),
    (
        "reply_tokens",
        What::Whole(1, 1 << 20),
        "300",
        "The most tokens of a reply",
        &[("chat", "reply_tokens"), ("serve", "tokens")],
    ),
    (
        "chat.wrap",
        What::Wrapping,
        "auto",
        "Where lines end on a terminal: auto, no, or a number of columns",
        &[("chat", "wrap")],
    ),
    (
        "chat.history",
        What::Switch,
        "yes",
        "Whether what you typed is remembered for the next time",
        &[("chat", "history")],
    ),
    (
        "serve.host",
        What::Text,
        "127.0.0.1",
        "The address to listen on",
        &[("serve", "host")],
    ),
    (
        "serve.port",
        What::Whole(0, 65535),
        "5001",
        "The port to listen on",
        &[("serve", "port")],
    ),
    (
        "folders.models",
        What::Path,
        "",
        "Where models are; without it, `models` among the program's data",
        &[],
    ),
    (
        "folders.chats",
        What::Path,
        "",
        "Where chats are kept; without it, `chats` among the program's data",
        &[("chat", "chats")],
    ),
    (
        "folders.cards",
        What::Path,
        "",
        "The cards that `serve` shows",
        &[("serve", "cards")],
    ),
    (
        "folders.templates",
        What::Path,
        "",
        "More prompt formats",
        &[
            ("chat", "templates"),
            ("prompt render", "templates"),
            ("prompt check", "templates"),
            ("prompt formats", "templates"),
            ("prompt preset", "templates"),
        ],
    ),
];

/// The commands that choose tokens.
const SAMPLING: [&str; 4] = ["chat", "generate", "complete", "serve"];
/// The commands for which the folder of models counts, besides those that load one.
const MODELS: &str = "model ";

/// Every setting.
pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let rows = ROWS.iter().map(|&(name, what, default, about, flags)| {
        let last = name.rsplit('.').next().unwrap_or(name);
        Key {
            name: name.to_owned(),
            variable: format!("CARDWRIGHT_{}", last.to_uppercase()),
            what,
            default: default.to_owned(),
            about,
            flags,
        }
    });
    let samplers = SAMPLERS.iter().map(|row| Key {
        name: format!("{SAMPLER}{}", row.name),
        variable: format!("CARDWRIGHT_{}", row.name.to_uppercase()),
        what: What::Sampler(row),
        default: of_sampler(row, row.get(&Settings::default())),
        about: row.doc,
        flags: &[],
    });
    rows.chain(samplers).collect()
});

impl Key {
    /// The id of its argument in the command of this path.
    fn argument(&self, path: &str) -> Option<&str> {
        match self.what {
            What::Sampler(row) => SAMPLING.contains(&path).then_some(row.name),
            _ => {
                let mut flags = self.flags.iter();
                flags
                    .find(|(command, _)| *command == path)
                    .map(|(_, id)| *id)
            }
        }
    }

    /// The values that its argument gets for a value of the file.
    fn read(&self, value: &Value, folder: &Path) -> Result<Vec<String>, String> {
        let is = |what: &str| Err(format!("`{}` is {what}", self.name));
        let at = |path: &str| {
            let path = file::from_home(path);
            folder.join(path).to_string_lossy().into_owned()
        };
        let text = match (self.what, value) {
            (What::Text, Value::String(text)) => text.clone(),
            (What::Path, Value::String(path)) => at(path),
            (What::PathOrName, Value::String(name)) if name.contains(['/', '\\']) => at(name),
            (What::PathOrName, Value::String(name)) => name.clone(),
            (What::Paths, Value::String(path)) => at(path),
            (What::Paths, Value::Array(paths)) => {
                let paths: Option<Vec<String>> =
                    paths.iter().map(|path| path.as_str().map(at)).collect();
                return paths.map_or_else(|| is("a list of texts"), Ok);
            }
            (What::Whole(low, high), Value::Integer(number)) if (low..=high).contains(number) => {
                number.to_string()
            }
            (What::Whole(low, high), _) => {
                return is(&format!("a whole number from {low} to {high}"));
            }
            (What::Switch, Value::Boolean(switch)) => yes_or_no(*switch),
            (What::Wrapping, Value::Integer(width)) if *width >= 20 => width.to_string(),
            (What::Wrapping, Value::String(text)) if ["auto", "no"].contains(&text.as_str()) => {
                text.clone()
            }
            (What::Wrapping, Value::Boolean(switch)) => {
                if *switch { "auto" } else { "no" }.to_owned()
            }
            (What::Sampler(row), value) => return of_row(row, value).map(|text| vec![text]),
            (What::Text | What::Path | What::PathOrName, _) => return is("a text, in quotes"),
            (What::Paths, _) => return is("a list of texts"),
            (What::Switch, _) => return is("true or false"),
            (What::Wrapping, _) => return is("\"auto\", \"no\" or a whole number of 20 or more"),
        };
        Ok(vec![text])
    }
}

fn yes_or_no(switch: bool) -> String {
    if switch { "yes" } else { "no" }.to_owned()
}

/// The value of a setting of the sampler as its flag has it.
fn of_sampler(row: &Sampler, value: f64) -> String {
    match row.range {
        Range::Switch => yes_or_no(value != 0.0),
        // The shortest text of a single precision number: 0.7, not 0.699999988079071.
        _ => (value as f32).to_string(),
    }
}

fn of_row(row: &Sampler, value: &Value) -> Result<String, String> {
    let number = match (row.range, value) {
        (Range::Switch, Value::Boolean(switch)) => f64::from(*switch),
        (Range::Switch, _) => return Err(format!("`{}` is true or false", row.name)),
        (_, Value::Integer(number)) => *number as f64,
        (_, Value::Float(number)) => *number,
        _ => return Err(format!("`{}` is a number", row.name)),
    };
    row.check(number)
        .map_err(|error| error.message().to_owned())?;
    Ok(of_sampler(row, number))
}

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
            let Some(index) = KEYS.iter().position(|key| is_called(key, &name)) else {
                let is_table = KEYS
                    .iter()
                    .any(|key| key.name.starts_with(&format!("{name}.")));
                if is_table {
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

/// Whether a table is called so.
fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// Whether a setting is called so; those of the sampler answer to the names of other programs too.
fn is_called(key: &Key, name: &str) -> bool {
    match key.what {
        What::Sampler(row) => name
            .strip_prefix(SAMPLER)
            .is_some_and(|name| row.answers_to(name)),
        _ => key.name == name,
    }
}

/// What to say to a setting that does not exist.
fn meant(name: &str) -> String {
    let full = nearest(name, KEYS.iter().map(|key| key.name.as_str()));
    // Perhaps it only stands in the wrong table.
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let bare = nearest(
        name.rsplit('.').next().unwrap_or(name),
        KEYS.iter().map(|key| last(&key.name)),
    );
    let bare = bare.and_then(|near| KEYS.iter().find(|key| last(&key.name) == near));
    match full.or(bare.map(|key| key.name.as_str())) {
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

/// A settings file in which every setting stands with its default, as a comment.
pub(super) fn template() -> String {
    let mut text = String::from(
        "# The settings of cardwright. A flag of the command line beats an environment variable, which beats this file.\n\
         # What stands behind a `#` is the default, or an example; take the `#` away to change it.\n\
         # `cardwright config show` tells which values count and where they come from.\n",
    );
    let mut table = "";
    for key in KEYS.iter() {
        let (of, name) = key.name.rsplit_once('.').unwrap_or(("", &key.name));
        if of != table {
            text.push_str(&format!("\n[{of}]\n"));
            table = of;
        }
        let value = match (key.what, key.default.as_str()) {
            (What::Switch, "yes") => "true".to_owned(),
            (What::Switch, _) => "false".to_owned(),
            (What::Sampler(row), default) if matches!(row.range, Range::Switch) => {
                (default == "yes").to_string()
            }
            (What::Sampler(_), default) => default.to_owned(),
            (What::Paths, _) => "[\"adapter.gguf:0.66\"]".to_owned(),
            (What::Whole(..), "") => match name {
                "context" => "4096".to_owned(),
                "gpu_layers" => "99".to_owned(),
                _ => "4".to_owned(),
            },
            (What::Whole(..), default) => default.to_owned(),
            (_, "") => match name {
                "user" => "\"Mina\"".to_owned(),
                "user_persona" => "\"Mina is a traveller with wet boots.\"".to_owned(),
                "format" => "\"limarp-v1\"".to_owned(),
                "human_tag" => "\"human\"".to_owned(),
                "length" => "\"medium\"".to_owned(),
                folder => format!("\"~/{folder}\""),
            },
            (_, default) => format!("\"{default}\""),
        };
        text.push_str(&format!("\n# {}\n#{name} = {value}\n", key.about));
    }
    text
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
            let commands = key.flags.iter().map(|(command, _)| *command);
            let commands: Vec<&str> = match key.what {
                What::Sampler(_) => SAMPLING.to_vec(),
                _ => commands.collect(),
            };
            for path in commands {
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
