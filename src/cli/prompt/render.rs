//! `prompt render`: cards and chats as prompts, to the last byte.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{CastArgs, LoreArgs, explain, read_text};
use crate::card::Card;
use crate::cli::counting::Counting;
use crate::cli::{Answer, card, output};
use crate::prompt::chat_file::{ChatFile, ChatMessage};
use crate::prompt::lore::{Lore, Trigger};
use crate::prompt::{Budget, Cast, Fit, Format, LoreEntry, Role, Scene, Stage, estimate};
use crate::{Error, Finding, Kind, Result, file};

/// Write the prompts of cards, at the start or at any point of a chat
///
/// The prompt ends with the open turn: the user's after the greeting, the character's after `--message` and with
/// `--no-greeting`, whoever did not speak last with `--chat`. Prompts of several cards are separated by NUL characters, which
/// `prompt check -` understands; with `-o` each goes to its own file.
///
/// What belongs to a prompt besides the card stands where SillyTavern puts it: entries of the card's lorebook and of
/// `--lorebook` that are mentioned, the card's depth prompt, the chat's author's note, example dialogues, the instruction
/// after the chat. With `--context` the prompt stays below that many tokens less those for the reply: the oldest turns go
/// first, in blocks, and example dialogues get the room that is left. `--explain` shows what stands in it and why.
#[derive(Debug, Args)]
pub(in crate::cli) struct Render {
    /// Cards
    #[arg(required = true, value_name = "CARD")]
    cards: Vec<PathBuf>,
    #[command(flatten)]
    cast: CastArgs,
    /// What the user says next
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Leave the greeting to the model
    #[arg(long, conflicts_with_all = ["message", "chat"])]
    no_greeting: bool,
    /// SillyTavern chat file (JSONL) with what was said so far
    #[arg(long, value_name = "FILE|-")]
    chat: Option<PathBuf>,
    /// Write the chat, with `--message` and what lorebook entries have to remember, as SillyTavern keeps it
    #[arg(long, value_name = "FILE")]
    chat_out: Option<PathBuf>,
    #[command(flatten)]
    lore: LoreArgs,
    /// What the turn is, for lorebook entries that are not for all: normal, continue, impersonate, swipe, regenerate or
    /// quiet
    #[arg(long, value_name = "WHAT", default_value = "normal")]
    trigger: Trigger,
    /// Tokens that the model can hold, prompt and reply together [default: no limit]
    #[arg(long, value_name = "TOKENS")]
    context: Option<usize>,
    /// Tokens kept free for the reply
    #[arg(long, value_name = "TOKENS", default_value_t = 300)]
    reply_tokens: usize,
    /// How many turns go at once where not all fit: a larger block keeps the beginning of the prompt the same for longer
    #[arg(long, value_name = "TURNS", default_value_t = 8)]
    block: usize,
    /// Tokens that lorebook entries may take together [default: a quarter of --context less --reply-tokens]
    #[arg(long, value_name = "TOKENS")]
    lore_tokens: Option<usize>,
    /// Print a table of the prompt's parts instead: their tokens, kept or cut, and why
    #[arg(long)]
    explain: bool,
    /// The model whose tokenizer counts, and whose chat template `--format model` is: a GGUF file, or the name of a model
    /// that was pulled [default: the default model where it is here, else an estimate]
    #[arg(short, long, env = "CARDWRIGHT_MODEL", value_name = "PATH|NAME")]
    model: Option<String>,
    /// Where the chance in macros and lorebooks comes from
    #[arg(short, long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Folder to write `NAME.txt` into, one for each card
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print JSON: the prompt, its stop strings, what was changed, and the parts
    #[arg(long)]
    json: bool,
}

/// A card that became a prompt.
struct Rendered {
    name: String,
    char: String,
    prompt: String,
    stop: Vec<String>,
    findings: Vec<Finding>,
    lore: Vec<LoreEntry>,
    fit: Option<Fit>,
}

impl Render {
    pub(super) fn run(self) -> Result<Answer> {
        let format = self.cast.format_of(self.model.as_deref())?;
        let mut cast = self.cast.cast(&format)?;
        cast.seed = self.seed;
        if self.cards.len() > 1 && self.chat.is_some() {
            return Err(Error::new(
                Kind::Usage,
                "`--chat` is one chat, with one card",
            ));
        }
        let counting = if self.counts() {
            Some(Counting::of(self.model.as_deref())?)
        } else {
            None
        };
        let lore = self.lore.entries()?;
        let rendered = self
            .cards
            .iter()
            .map(|path| self.render(&format, &cast, &lore, counting.as_ref(), path))
            .collect::<Result<Vec<_>>>()?;
        for one in &rendered {
            for finding in &one.findings {
                output::say(&output::escape(&format!(
                    "{}: {}: {}",
                    one.name, finding.severity, finding.message
                )));
            }
        }
        self.show(&format, counting.as_ref(), &rendered)
    }

    /// Whether tokens matter.
    fn counts(&self) -> bool {
        self.context.is_some() || self.explain || self.lore_tokens.is_some()
    }

    fn show(
        &self,
        format: &Format,
        counting: Option<&Counting>,
        rendered: &[Rendered],
    ) -> Result<Answer> {
        if let Some(folder) = &self.output {
            write_files(folder, rendered)?;
            if !self.explain && !self.json {
                return Ok(Answer::Yes);
            }
        }
        if self.json {
            let rows = rendered.iter().map(|one| {
                let mut row = json!({
                    "card": one.name,
                    "char": one.char,
                    "format": format.name(),
                    "prompt": one.prompt,
                    "stop": one.stop,
                    "findings": one.findings,
                    "lore": one.lore.iter().map(explain::lore).collect::<Vec<_>>(),
                });
                if let (Some(fit), Some(counting)) = (&one.fit, counting) {
                    row["budget"] = explain::json(fit, counting);
                }
                row
            });
            let rows = serde_json::Value::from(rows.collect::<Vec<_>>());
            output::print(&format!("{rows:#}\n"))?;
            return Ok(Answer::Yes);
        }
        if self.explain {
            for one in rendered {
                if let (Some(fit), Some(counting)) = (&one.fit, counting) {
                    let several = (rendered.len() > 1).then_some(one.name.as_str());
                    output::print(&explain::table(several, fit, counting))?;
                }
            }
            return Ok(Answer::Yes);
        }
        // On a terminal a NUL is invisible, and the prompts would run into each other.
        let to_terminal = std::io::stdout().is_terminal();
        let prompts: Vec<_> = rendered.iter().map(|one| one.prompt.as_str()).collect();
        if to_terminal {
            output::print(&format!("{}\n", output::escape(&prompts.join("\n\n"))))?;
        } else {
            output::print_raw(prompts.join("\0").as_bytes())?;
        }
        Ok(Answer::Yes)
    }

    fn render(
        &self,
        format: &Format,
        cast: &Cast,
        lore: &[Lore],
        counting: Option<&Counting>,
        path: &Path,
    ) -> Result<Rendered> {
        let name = path.display().to_string();
        let card = card::open(path)?;
        let mut chat = match &self.chat {
            Some(path) if path == Path::new("-") => Some(
                ChatFile::parse(&read_text(path)?).map_err(|error| error.at("standard input"))?,
            ),
            Some(path) => Some(ChatFile::read(path)?),
            None if self.message.is_some() || self.chat_out.is_some() => Some(begun(&card, cast)),
            None => None,
        };
        if let (Some(chat), Some(text)) = (&mut chat, &self.message) {
            let user = cast.user.clone().or(chat.user_name().map(str::to_owned));
            let user = user.unwrap_or_else(|| cast.user_beside(&card));
            chat.push(ChatMessage::new(&user, true, text));
        }
        let estimate: &dyn crate::prompt::Counter = &estimate;
        let mut rules = self.lore.rules()?;
        rules.budget = self.lore_tokens;
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        let (prompt, fit, scene, findings, timed) = loop {
            let stage = Stage {
                chat: chat.as_ref(),
                lore,
                rules,
                room: self
                    .context
                    .map(|context| context.saturating_sub(self.reply_tokens)),
                trigger: self.trigger,
                file: &file,
                counter: counting.map_or(estimate, |counting| counting),
            };
            let (mut scene, findings, timed) = Scene::of_card(&card, cast, stage)?;
            if self.no_greeting {
                scene = scene.without_messages();
                scene.open(Some(Role::Char));
            }
            let at = |error: Error| error.at(&*name);
            let Some(counting) = counting else {
                break (
                    scene.write(format).map_err(at)?,
                    None,
                    scene,
                    findings,
                    timed,
                );
            };
            let budget = Budget {
                context: self.context.unwrap_or(usize::MAX),
                reply: self.reply_tokens,
                block: self.block,
            };
            let fit = scene.fit(format, budget, counting).map_err(at)?;
            // Entries that make room when there is none get the chance to.
            if fit.dropped() > 0 && !rules.is_full {
                rules.is_full = true;
                continue;
            }
            break (fit.prompt.clone(), Some(fit), scene, findings, timed);
        };
        if let (Some(path), Some(mut chat)) = (&self.chat_out, chat) {
            timed.keep_in(&mut chat);
            file::write(path, chat.to_jsonl().as_bytes())?;
        }
        Ok(Rendered {
            prompt,
            name,
            stop: format.stop_strings(scene.cast()),
            char: scene.cast().char.clone(),
            findings,
            lore: scene.lore().to_vec(),
            fit,
        })
    }
}

/// A chat that has just begun: the greeting, with the others as its alternatives.
fn begun(card: &Card, cast: &Cast) -> ChatFile {
    let char = card.nickname();
    let mut chat = ChatFile::new(&cast.user_beside(card), &char);
    let mut greetings = vec![card.first_message().into_owned()];
    greetings.extend(card.alternate_greetings());
    let Some((first, others)) = greetings.split_first() else {
        return chat;
    };
    if greetings.get(cast.greeting).is_none_or(String::is_empty) {
        return chat;
    }
    let mut message = ChatMessage::new(&char, false, first);
    for other in others {
        message.add_swipe(other);
    }
    message.choose(cast.greeting);
    chat.push(message);
    chat
}

/// One file for each prompt, named after the card's file.
fn write_files(folder: &Path, rendered: &[Rendered]) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::file("create", folder, e))?;
    let mut written: Vec<PathBuf> = Vec::new();
    for one in rendered {
        let stem = Path::new(&one.name)
            .file_stem()
            .unwrap_or_default()
            .to_owned();
        let path = folder.join(stem).with_extension("txt");
        if written.contains(&path) {
            return Err(Error::new(Kind::Usage, "two cards have this file name")
                .at(path.display().to_string()));
        }
        file::write(&path, one.prompt.as_bytes())?;
        output::say(&format!("wrote {}", path.display()));
        written.push(path);
    }
    Ok(())
}
