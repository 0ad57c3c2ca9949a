//! `prompt`: formats, rendered prompts, and the validator.

mod check;
mod dataset;
mod explain;
mod formats;
mod import;
mod preset;
mod prose;
mod render;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Answer, input};
use crate::engine::MODEL_FORMAT;
use crate::prompt::chat_template::Tokens;
use crate::prompt::lore::{Lore, RULES, Rules};
use crate::prompt::macros::Clock;
use crate::prompt::{Cast, Format};
use crate::weights::gguf::{Gguf, Value};
use crate::weights::store;
use crate::{Error, Kind, Result, folders};

/// Prompts of cards, and whether a prompt is in its format
#[derive(Debug, Subcommand)]
pub(super) enum PromptCommand {
    /// Write the prompts of cards
    Render(Box<render::Render>),
    /// Say what is wrong with a prompt or a transcript, and mend it
    Check(check::Check),
    /// Write SillyTavern presets of a format
    Preset(preset::Preset),
    /// Turn SillyTavern presets into a format
    Import(import::Import),
    /// Rewrite personas as one paragraph each, and tell what changed
    Prose(prose::ProseArgs),
    /// Make training text of role-play threads and chats
    Dataset(dataset::DatasetArgs),
    /// List the prompt formats, or show one with an example
    Formats(formats::Formats),
}

/// Runs a `prompt` command.
pub(super) fn run(command: PromptCommand) -> Result<Answer> {
    match command {
        PromptCommand::Render(command) => command.run(),
        PromptCommand::Check(command) => command.run(),
        PromptCommand::Preset(command) => command.run(),
        PromptCommand::Import(command) => command.run(),
        PromptCommand::Prose(command) => command.run(),
        PromptCommand::Dataset(command) => command.run(),
        PromptCommand::Formats(command) => command.run(),
    }
}

/// The endings of format files: ours, and imported presets.
const ENDINGS: [&str; 2] = ["jinja", "hbs"];

/// Which format.
#[derive(Debug, Args)]
struct FormatChoice {
    /// Format: a name of `prompt formats`, a format file, or `model` for the model's own chat template
    #[arg(long, value_name = "NAME|FILE")]
    format: Option<String>,
    /// Folder with more format files [default: `cardwright/formats` in the folder for settings]
    #[arg(long, value_name = "DIR", env = "CARDWRIGHT_TEMPLATES")]
    templates: Option<PathBuf>,
}

impl FormatChoice {
    /// The format that was asked for, if one was.
    fn chosen(&self) -> Result<Option<Format>> {
        self.format
            .as_deref()
            .map(|name| self.named(name))
            .transpose()
    }

    /// The format `name`: a file, one of the user's folder, or one of ours, in this order.
    fn named(&self, name: &str) -> Result<Format> {
        let path = Path::new(name);
        if is_format_file(path) {
            return Format::from_file(path);
        }
        if let Some(folder) = self.folder() {
            for ending in ENDINGS {
                let path = folder.join(format!("{name}.{ending}"));
                if path.is_file() {
                    return Format::from_file(&path);
                }
            }
        }
        if name == MODEL_FORMAT {
            return Err(Error::new(
                Kind::Usage,
                "the chat template of a model is no format of this command",
            )
            .hint("`prompt render --format model --model NAME` writes prompts with it"));
        }
        Format::named(name).map_err(|error| {
            let theirs: Vec<String> = self
                .files()
                .unwrap_or_default()
                .iter()
                .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
                .collect();
            match error.next_step() {
                Some(hint) if !theirs.is_empty() => {
                    let hint = format!("{hint}; in your folder: {}", theirs.join(", "));
                    error.hint(hint)
                }
                _ => error,
            }
        })
    }

    /// The user's folder of formats.
    fn folder(&self) -> Option<PathBuf> {
        self.templates.clone().or_else(|| {
            let folder = folders::config()?.join("formats");
            folder.is_dir().then_some(folder)
        })
    }

    /// The format files in the user's folder, by name.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let Some(folder) = self.folder() else {
            return Ok(Vec::new());
        };
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::file("read", &folder, e))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_format_file(path))
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// Every format, the user's first.
    fn all(&self) -> Result<Vec<Format>> {
        let mut formats = self
            .files()?
            .iter()
            .map(|path| Format::from_file(path))
            .collect::<Result<Vec<_>>>()?;
        formats.extend(Format::all()?);
        Ok(formats)
    }
}

fn is_format_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// The chat template of the model `name` as a format, read from the head of its file.
pub(super) fn model_format(name: &str) -> Result<Format> {
    let path = store::resolve(name)?;
    let model = Gguf::open(&path)?;
    let none = || {
        Error::new(Kind::Format, "the model has no chat template")
            .at(path.display().to_string())
            .hint("choose a `--format` of `prompt formats`")
    };
    let template = model
        .metadata
        .text("tokenizer.chat_template")
        .ok_or_else(none)?;
    let spelling = |key: &str| {
        let id = usize::try_from(model.metadata.integer(key)?).ok()?;
        let tokens = model.metadata.get("tokenizer.ggml.tokens")?.as_texts()?;
        Some(tokens.text(id)?.into_owned())
    };
    // What the tokenizer does not put before a prompt has to stay in it. Where the file does not say, tokenizers of
    // SentencePiece put it there and others do not.
    let adds_begin = match model.metadata.get("tokenizer.ggml.add_bos_token") {
        Some(Value::Bool(adds)) => *adds,
        _ => model.metadata.text("tokenizer.ggml.model").as_deref() == Some("llama"),
    };
    let begin = spelling("tokenizer.ggml.bos_token_id").filter(|_| adds_begin);
    let begin = begin.unwrap_or_default();
    let end = spelling("tokenizer.ggml.eos_token_id").unwrap_or_default();
    let tokens = Tokens {
        begin: &begin,
        end: &end,
    };
    Ok(Format::of_chat_template(MODEL_FORMAT, &template, tokens))
}

/// Who the two are and how their words are written down.
#[derive(Debug, Args)]
pub(super) struct CastArgs {
    #[command(flatten)]
    choice: FormatChoice,
    /// The user's name [default: the card's suggestion, or User]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The user's persona: a sentence or two in the third person [default: the card's suggestion]
    #[arg(long, value_name = "TEXT")]
    user_persona: Option<String>,
    /// Length of the replies, a word of the format
    #[arg(long, value_name = "WORD")]
    length: Option<String>,
    /// Which greeting: 0 is the first message, 1 the first alternate one
    #[arg(long, value_name = "N", default_value_t = 0)]
    greeting: usize,
    /// Which of the format's tags opens the user's turn
    #[arg(long, value_name = "TAG")]
    human_tag: Option<String>,
}

impl CastArgs {
    /// The format that was asked for; LimaRP v1 by default.
    pub(super) fn format(&self) -> Result<Format> {
        let format = match self.choice.chosen()? {
            Some(format) => format,
            None => self.choice.named("limarp-v1")?,
        };
        match &self.human_tag {
            Some(tag) => format.with_user_tag(tag),
            None => Ok(format),
        }
    }

    /// Whether the chat template of the model was asked for.
    pub(super) fn is_of_model(&self) -> bool {
        self.choice.format.as_deref() == Some(MODEL_FORMAT)
    }

    /// The format that was asked for, which may be the chat template of `model`; without a name, of the default model.
    pub(super) fn format_of(&self, model: Option<&str>) -> Result<Format> {
        if self.is_of_model() {
            return model_format(model.unwrap_or(store::DEFAULT));
        }
        self.format()
    }

    /// The cast that was asked for.
    pub(super) fn cast(&self, format: &Format) -> Result<Cast> {
        if let Some(word) = &self.length {
            format.check_length(word)?;
        }
        Ok(Cast {
            user: self.user.clone(),
            user_persona: self.user_persona.clone(),
            length: self.length.clone(),
            greeting: self.greeting,
            clock: Clock::now(0),
            ..Cast::default()
        })
    }
}

/// Which lorebooks, and how their entries are looked for.
#[derive(Debug, Args)]
pub(super) struct LoreArgs {
    /// Further lorebooks: V2, V3 or SillyTavern's world info; may be repeated
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    lorebook: Vec<PathBuf>,
    /// How lorebook entries are looked for, as in `--lore depth=4,min=2`; may be repeated; `--help` lists the settings
    #[arg(long, value_name = "NAME=VALUE,...", value_delimiter = ',', long_help = rules_help())]
    lore: Vec<String>,
}

impl LoreArgs {
    /// The entries of the lorebooks.
    pub(super) fn entries(&self) -> Result<Vec<Lore>> {
        let mut lore = Vec::new();
        for path in &self.lorebook {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let entries = Lore::from_json(&read_text(path)?, &name);
            lore.extend(entries.map_err(|error| error.at(path.display().to_string()))?);
        }
        Ok(lore)
    }

    /// How they are looked for.
    pub(super) fn rules(&self) -> Result<Rules> {
        let mut rules = Rules::default();
        for setting in &self.lore {
            let (name, value) = setting.split_once('=').ok_or_else(|| {
                Error::new(Kind::Usage, format!("`--lore {setting}` has no value"))
                    .hint("write it as in `--lore depth=4`")
            })?;
            rules.set(name, value)?;
        }
        Ok(rules)
    }
}

fn rules_help() -> String {
    let mut help = "How lorebook entries are looked for where they do not say, as in `--lore depth=4,min=2`; may be repeated. \
                    SillyTavern's own names, such as `world_info_depth`, are taken too.\n\n"
        .to_owned();
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    for rule in RULES {
        let (name, about, values) = (rule.name, rule.about, rule.values);
        help.push_str(&format!("{name:width$}  {about}: {values}\n"));
    }
    help
}

/// The text of `path`, or of standard input for `-`.
fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(input::bytes(path)?).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let name = if path == Path::new("-") {
            "standard input".into()
        } else {
            path.display().to_string()
        };
        Error::new(
            Kind::Prompt,
            format!("is not UTF-8 text: byte {at} begins no character"),
        )
        .at(name)
        .hint("a prompt is plain text; `show` reads cards")
    })
}
