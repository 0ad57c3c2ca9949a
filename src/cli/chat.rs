//! `chat`: a conversation in the terminal, or over a pipe with a message on each line.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use clap::Args;
use rustyline::error::ReadlineError;

use super::engine::{ModelArgs, SamplerArgs};
use super::output::{self, DIM};
use super::prompt::{CastArgs, check_length};
use super::stream::Stream;
use super::{Answer, card};
use crate::chat::{Chat, ReplyOptions};
use crate::engine::{End, Engine};
use crate::prompt::{Conversation, Format, Role};
use crate::{Error, Kind, Result, file};

const HELP: &str = "\
/regen        write the last reply again
/undo         take back your last message and what followed
/save [FILE]  write the chat as SillyTavern JSONL (default: the character's name)
/prompt       show the exact prompt of the next reply
/length WORD  set the length of the replies; without a word, the format's own
/help         this list
/quit         leave (Ctrl-D does too)
A line that begins with // is said with one slash. Ctrl-C stops a reply.";

/// How often to look whether a reply was stopped.
const GLANCE: Duration = Duration::from_millis(50);

/// Talk to a character.
#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// The character's card
    card: PathBuf,
    #[command(flatten)]
    cast: CastArgs,
    /// Go on from a SillyTavern chat file, and save to it
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// The most tokens of a reply
    #[arg(long, default_value_t = 300, value_name = "TOKENS")]
    reply_tokens: usize,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

struct Session<'a> {
    chat: Chat,
    engine: &'a dyn Engine,
    format: &'a Format,
    options: ReplyOptions,
    stopped: Arc<AtomicBool>,
    save_as: Option<PathBuf>,
    is_saved: bool,
}

/// What a line of input asks for.
#[derive(Debug, PartialEq, Eq)]
enum Input<'a> {
    Nothing,
    Say(&'a str),
    Command(&'a str, &'a str),
}

fn parse(line: &str) -> Input<'_> {
    let line = line.trim();
    match line.strip_prefix('/') {
        None if line.is_empty() => Input::Nothing,
        None => Input::Say(line),
        Some(rest) if rest.starts_with('/') => Input::Say(rest),
        Some(rest) => {
            let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Input::Command(name, argument.trim())
        }
    }
}

/// Runs `chat`.
pub(super) fn chat(arguments: &ChatArgs) -> Result<Answer> {
    let card = card::open(&arguments.card)?;
    let format = arguments.cast.format()?;
    let (conversation, findings) = Conversation::from_card(&card, &arguments.cast.cast(&format)?);
    for finding in &findings {
        output::note(&finding.message);
    }
    let mut chat = Chat::new(conversation);
    if let Some(path) = arguments.resume.as_deref().filter(|path| path.exists()) {
        let text = String::from_utf8(file::read(path)?).map_err(|e| {
            Error::new(Kind::Prompt, "not UTF-8 text")
                .at(path.display().to_string())
                .source(e)
        })?;
        chat.read_jsonl(&text)
            .map_err(|error| error.at(path.display().to_string()))?;
    }
    let engine = arguments.model.load()?;
    let mut session = Session {
        chat,
        engine: engine.as_ref(),
        format: &format,
        options: ReplyOptions {
            max_tokens: arguments.reply_tokens,
            settings: arguments.sampler.settings()?,
        },
        stopped: Arc::new(AtomicBool::new(false)),
        save_as: arguments.resume.clone(),
        is_saved: true,
    };
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        session.terminal()
    } else {
        session.pipe()
    }
}

impl Session<'_> {
    /// A message on each line; the replies on standard output and nothing else.
    fn pipe(&mut self) -> Result<Answer> {
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|e| {
                Error::new(Kind::File, format!("cannot read standard input: {e}")).source(e)
            })?;
            if !self.answer(&line)? {
                break;
            }
        }
        self.keep()?;
        Ok(Answer::Yes)
    }

    fn terminal(&mut self) -> Result<Answer> {
        let stopped = Arc::clone(&self.stopped);
        // Without the handler Ctrl-C ends the program instead of the reply; nothing else depends on it.
        let _ = ctrlc::set_handler(move || stopped.store(true, Ordering::Relaxed));
        let mut editor = rustyline::DefaultEditor::new()
            .map_err(|e| Error::new(Kind::Usage, format!("cannot use this terminal: {e}")))?;
        let (char, user) = (self.chat.cast().char.clone(), self.chat.cast().user.clone());
        output::say(&format!(
            "{DIM}{} with {}; /help lists the commands{DIM:#}",
            output::escape(&char),
            output::escape(&self.engine.model().name)
        ));
        for turn in self.chat.turns() {
            let name = if turn.role == Role::Char {
                &char
            } else {
                &user
            };
            let mut stream = Stream::new(name)?;
            stream.piece(turn.text())?;
            stream.end()?;
        }
        loop {
            match editor.readline(&format!("{}: ", output::escape(&user))) {
                Ok(line) => {
                    let _ = editor.add_history_entry(line.as_str());
                    match self.answer(&line) {
                        Ok(true) => {}
                        Ok(false) => break,
                        // A reply that failed ends neither the program nor the conversation.
                        Err(error) => output::error(&error),
                    }
                }
                Err(ReadlineError::Interrupted) => {
                    output::say(&format!("{DIM}/quit or Ctrl-D leaves{DIM:#}"));
                }
                Err(ReadlineError::Eof) => break,
                Err(error) => {
                    return Err(Error::new(
                        Kind::File,
                        format!("cannot read the terminal: {error}"),
                    ));
                }
            }
        }
        self.keep()?;
        Ok(Answer::Yes)
    }

    /// Does what a line asks for; `false` when it asks to leave.
    fn answer(&mut self, line: &str) -> Result<bool> {
        match parse(line) {
            Input::Nothing => {}
            Input::Say(text) => {
                self.chat.say(text);
                self.is_saved = false;
                self.reply()?;
            }
            Input::Command("quit" | "exit" | "bye", _) => return Ok(false),
            Input::Command("help" | "?", _) => output::say(HELP),
            Input::Command("regen", _) => {
                // A user's turn stands last when its reply failed.
                let is_unanswered = (self.chat.last()).is_some_and(|turn| turn.role == Role::User);
                if is_unanswered || self.chat.regenerate() {
                    self.reply()?;
                } else {
                    output::note("there is no reply to write again");
                }
            }
            Input::Command("undo", _) => {
                if self.chat.undo() {
                    self.is_saved = false;
                } else {
                    output::note("you have said nothing yet");
                }
            }
            Input::Command("prompt", _) => {
                let prompt = self.format.render(&self.chat.conversation())?;
                output::print(&format!("{}\n", output::escape(&prompt)))?;
            }
            Input::Command("length", word) => {
                if !word.is_empty() {
                    check_length(self.format, word)?;
                }
                self.chat
                    .set_length((!word.is_empty()).then(|| word.to_owned()));
            }
            Input::Command("save", path) => {
                let path = if path.is_empty() {
                    self.save_as.clone().unwrap_or_else(|| {
                        PathBuf::from(crate::file::file_name(&self.chat.cast().char, "jsonl"))
                    })
                } else {
                    PathBuf::from(path)
                };
                self.save(&path)?;
                output::note(&format!("saved {}", path.display()));
                self.save_as = Some(path);
            }
            Input::Command(name, _) => {
                output::note(&format!("there is no command `/{name}`; /help lists them"));
            }
        }
        Ok(true)
    }

    fn reply(&mut self) -> Result<()> {
        self.stopped.store(false, Ordering::Relaxed);
        let result = self.stream();
        if result.is_err() {
            self.chat.cancel();
        }
        let (text, end) = result?;
        self.chat.take_reply(&text);
        self.is_saved = false;
        if let Some(end) = end.filter(|_| io::stderr().is_terminal()) {
            let seconds = end.reply_time.as_secs_f64().max(1e-9);
            output::say(&format!(
                "{DIM}[{} tokens, {:.0} tokens/s]{DIM:#}",
                end.reply_tokens,
                end.reply_tokens as f64 / seconds
            ));
        }
        Ok(())
    }

    fn stream(&self) -> Result<(String, Option<End>)> {
        let mut completion = self.chat.reply(self.engine, self.format, &self.options)?;
        let mut stream = Stream::new(&self.chat.cast().char)?;
        let mut text = String::new();
        // Ctrl-C counts while the prompt is being read too, when nothing comes for a long time.
        while !self.stopped.load(Ordering::Relaxed) {
            match completion.wait_piece(GLANCE) {
                Poll::Pending => {}
                Poll::Ready(None) => break,
                Poll::Ready(Some(piece)) => {
                    let piece = piece?;
                    stream.piece(&piece)?;
                    text.push_str(&piece);
                }
            }
        }
        stream.end()?;
        Ok((text, completion.end().cloned()))
    }

    fn save(&mut self, path: &Path) -> Result<()> {
        file::write(path, self.chat.to_jsonl().as_bytes())?;
        self.is_saved = true;
        Ok(())
    }

    /// Saves what was said since the last time, where the chat has a file.
    fn keep(&mut self) -> Result<()> {
        match self.save_as.clone() {
            Some(path) if !self.is_saved => self.save(&path),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_say_one() {
        assert_eq!(parse("  hello "), Input::Say("hello"));
        assert_eq!(
            parse("/save  a b.jsonl"),
            Input::Command("save", "a b.jsonl")
        );
        assert_eq!(parse("//shrug"), Input::Say("/shrug"));
        assert_eq!(parse(" \n"), Input::Nothing);
    }
}
