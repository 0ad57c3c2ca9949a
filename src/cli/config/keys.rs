//! Which settings there are: one table, and the rows of the sampler's own.

use std::path::Path;
use std::sync::LazyLock;

use toml::Value;

use super::super::stream::NARROWEST;
use crate::file;
use crate::sampling::{Range, SAMPLERS, Sampler, Settings};
use crate::weights::store;

/// How the settings of the sampler begin.
const SAMPLER: &str = "sampler.";

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum What {
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
pub(in crate::cli) struct Key {
    /// Its name in the file, with the table it stands in.
    pub(in crate::cli) name: String,
    /// The environment variable that beats the file.
    pub(in crate::cli) variable: String,
    pub(in crate::cli) what: What,
    /// What it is when nobody says; empty for nothing.
    pub(in crate::cli) default: String,
    pub(in crate::cli) about: &'static str,
    /// The commands it is for, and what it is called there.
    pub(super) flags: Vec<Flag>,
}

/// Commands, and the id of their argument.
type Flag = (&'static [&'static str], &'static str);

/// A row of the table: name, what it is, default, about, the flags it stands for.
type Row = (
    &'static str,
    What,
    &'static str,
    &'static str,
    &'static [Flag],
);

/// The commands that write with a model.
const WRITING: &[&str] = &["chat", "generate", "complete", "serve"];

/// The settings besides the sampler's.
const ROWS: &[Row] = &[
    (
        "model",
        What::PathOrName,
        store::DEFAULT,
        "A GGUF file, or the name of a model that was pulled",
        &[(
            &[
                "chat",
                "generate",
                "complete",
                "serve",
                "bench",
                "prompt render",
            ],
            "model",
        )],
    ),
    (
        "lora",
        What::Paths,
        "",
        "LoRA adapters on top of the model, each as FILE or FILE:SCALE",
        &[(WRITING, "lora")],
    ),
    (
        "context",
        What::Whole(1, 1 << 24),
        "",
        "Tokens that one conversation can hold; without it, 4096 or the model's limit",
        &[(WRITING, "ctx")],
    ),
    (
        "threads",
        What::Whole(1, 1024),
        "",
        "CPU threads; without it, one per physical core",
        &[(WRITING, "threads")],
    ),
    (
        "gpu_layers",
        What::Whole(0, 1 << 16),
        "",
        "Layers to keep on the GPU; without it, all, where there is one",
        &[(WRITING, "gpu_layers")],
    ),
    (
        "parallel",
        What::Whole(1, 256),
        "",
        "Conversations that run at the same time when inventing characters and serving",
        &[(&["generate", "serve"], "parallel")],
    ),
    (
        "user",
        What::Text,
        "",
        "Your name; without it, the card's suggestion, or User",
        &[(&["chat", "prompt render"], "user")],
    ),
    (
        "user_persona",
        What::Text,
        "",
        "Your persona: a sentence or two in the third person; without it, the card's suggestion",
        &[(&["chat", "prompt render"], "user_persona")],
    ),
    (
        "format",
        What::Text,
        "",
        "The prompt format: a name of `prompt formats`, or a template file; without it, limarp-v1, and the model's own template for chat completions of `serve`",
        &[(&["chat", "generate", "serve", "prompt render"], "format")],
    ),
    (
        "human_tag",
        What::Text,
        "",
        "Which of the format's tags opens your turn",
        &[(&["chat", "prompt render"], "human_tag")],
    ),
    (
        "length",
        What::Text,
        "",
        "The length of the replies, a word of the format",
        &[(&["chat", "generate", "prompt render"], "length")],
    ),
    (
        "reply_tokens",
        What::Whole(1, 1 << 20),
        "300",
        "The most tokens of a reply",
        &[(&["chat"], "reply_tokens"), (&["serve"], "tokens")],
    ),
    (
        "chat.wrap",
        What::Wrapping,
        "auto",
        "Where lines end on a terminal: auto, no, or a number of columns",
        &[(&["chat"], "wrap")],
    ),
    (
        "chat.history",
        What::Switch,
        "yes",
        "Whether what you typed is remembered for the next time",
        &[(&["chat"], "history")],
    ),
    (
        "serve.host",
        What::Text,
        "127.0.0.1",
        "The address to listen on",
        &[(&["serve"], "host")],
    ),
    (
        "serve.port",
        What::Whole(0, 65535),
        "5001",
        "The port to listen on",
        &[(&["serve"], "port")],
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
        &[(&["chat"], "chats")],
    ),
    (
        "folders.cards",
        What::Path,
        "",
        "The cards that `serve` shows",
        &[(&["serve"], "cards")],
    ),
    (
        "folders.templates",
        What::Path,
        "",
        "More prompt formats",
        &[(
            &[
                "chat",
                "prompt render",
                "prompt check",
                "prompt formats",
                "prompt preset",
            ],
            "templates",
        )],
    ),
];

/// Every setting.
pub(in crate::cli) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let rows = ROWS.iter().map(|&(name, what, default, about, flags)| Key {
        name: name.to_owned(),
        variable: format!("CARDWRIGHT_{}", bare(name).to_uppercase()),
        what,
        default: default.to_owned(),
        about,
        flags: flags.to_vec(),
    });
    let samplers = SAMPLERS.iter().map(|row| Key {
        name: format!("{SAMPLER}{}", row.name),
        variable: format!("CARDWRIGHT_{}", row.name.to_uppercase()),
        what: What::Sampler(row),
        default: of_sampler(row, row.get(&Settings::default())),
        about: row.doc,
        flags: vec![(WRITING, row.name)],
    });
    rows.chain(samplers).collect()
});

impl Key {
    /// Whether it is called so; those of the sampler answer to the names of other programs too.
    pub(super) fn is_called(&self, name: &str) -> bool {
        match self.what {
            What::Sampler(row) => name
                .strip_prefix(SAMPLER)
                .is_some_and(|name| row.answers_to(name)),
            _ => self.name == name,
        }
    }

    /// The id of its argument in the command of this path.
    pub(super) fn argument(&self, path: &str) -> Option<&'static str> {
        let mut flags = self.flags.iter();
        let (_, id) = flags.find(|(commands, _)| commands.contains(&path))?;
        Some(id)
    }

    /// The values that its argument gets for a value of the file.
    pub(super) fn read(&self, value: &Value, folder: &Path) -> Result<Vec<String>, String> {
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
            (What::Wrapping, Value::Integer(width)) if *width >= NARROWEST as i64 => {
                width.to_string()
            }
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
            (What::Wrapping, _) => {
                return is(&format!(
                    "\"auto\", \"no\" or a whole number of {NARROWEST} or more"
                ));
            }
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

/// Whether a table is called so.
pub(super) fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The name of a setting without that of its table.
pub(super) fn bare(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
