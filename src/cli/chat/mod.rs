//! `chat`: a conversation in the terminal, or over a pipe with a message on each line.

mod assist;
mod hush;
mod kept;
mod pipe;
mod terminal;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use clap::Args;

use hush::Hush;

use super::diagnostic::{Source, pages};
use super::engine::{ModelArgs, SamplerArgs};
use super::output::{self, DIM};
use super::prompt::{CastArgs, LoreArgs};
use super::stream::{Stream, Wrapping};
use super::{Answer, card};
use crate::Result;
use crate::chat::{Ask, Chat, Outcome, ReplyOptions, Session};
use crate::engine::{Completion, End, Engine};
use crate::prompt::Role;
use crate::prompt::chat_file::ChatFile;
use crate::sampling::Settings;

/// How long a reply is waited for before it is looked whether it was stopped.
const LOOK: Duration = Duration::from_millis(50);
/// How often what there is of a reply is written to the file.
const KEEP: Duration = Duration::from_secs(2);

/// Talk to a character
///
/// On a terminal the chat is kept in a file of its own, SillyTavern's JSONL, which is written after every message; `/help`
/// lists the commands. Over a pipe every line is a message or a command, the replies go to standard output, and the chat is
/// kept only where `--resume` says.
#[derive(Debug, Args)]
pub(super) struct ChatArgs {
    /// The character's card
    card: PathBuf,
    #[command(flatten)]
    cast: CastArgs,
    /// Go on from a SillyTavern chat file and save to it, or begin one; without FILE, the last chat with the character
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_hint = clap::ValueHint::FilePath)]
    #[expect(
        clippy::option_option,
        reason = "the flag, and its value, may be left out"
    )]
    resume: Option<Option<PathBuf>>,
    /// Do not keep the chat in a file
    #[arg(long, conflicts_with = "resume")]
    no_save: bool,
    /// The folder of chats [default: `chats` among the program's data]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    chats: Option<PathBuf>,
    #[command(flatten)]
    lore: LoreArgs,
    /// The most tokens of a reply
    #[arg(long, default_value_t = 300, value_name = "TOKENS")]
    reply_tokens: usize,
    /// Break lines at the terminal's width, at another, or not
    #[arg(long, default_value = "auto", value_name = "auto|WIDTH|no")]
    wrap: Wrapping,
    /// Remember what was typed, for the next time: yes or no
    #[arg(long, default_value = "yes", value_name = "yes|no", value_parser = super::engine::yes_or_no)]
    history: bool,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

/// Runs `chat`.
pub(super) fn chat(arguments: &ChatArgs) -> Result<Answer> {
    let card = card::open(&arguments.card)?;
    // What a server runs, it must be asked for.
    let mut engine = None;
    let format = if arguments.cast.is_of_model() && arguments.model.is_remote() {
        engine.insert(arguments.model.load()?).model().format()?
    } else {
        arguments.cast.format_of(Some(arguments.model.name()))?
    };
    let cast = arguments.cast.cast(&format)?;
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let kept = kept::file(arguments, &card, is_terminal)?;
    let (mut chat, findings) = match &kept.chat {
        Some(file) => Chat::resume(card, cast, file.clone()),
        None => Chat::begin(card, cast),
    };
    let with = kept.chat.as_ref().and_then(ChatFile::character_name);
    if let Some(name) = with.filter(|name| *name != chat.cast().char) {
        let char = &chat.cast().char;
        output::note(&format!("the chat is with {name}, and goes on with {char}"));
    }
    for finding in &findings {
        output::note(&finding.message);
    }
    chat.set_lore(arguments.lore.entries()?);
    chat.set_rules(arguments.lore.rules()?);
    let name = arguments.card.file_stem().unwrap_or_default();
    chat.set_file_name(&name.to_string_lossy());
    let options = ReplyOptions {
        max_tokens: arguments.reply_tokens,
        settings: arguments.sampler.over(Settings {
            // Who was taught a chat template ends a turn with that token.
            ban_end_of_text: !format.is_chat_template(),
            ..Settings::default()
        })?,
    };
    let engine = engine.map_or_else(|| arguments.model.load(), Ok)?;
    let mut session = Session::new(chat, engine.as_ref(), format, options);
    if let Some(path) = kept.path {
        session.keep_in(path);
    }
    kept::load_state(&session, kept.chat.is_some());
    let mut screen = Screen {
        session,
        engine: engine.as_ref(),
        stopped: Arc::new(AtomicBool::new(false)),
        wrapping: arguments.wrap,
        is_terminal,
        told_dropped: 0,
    };
    let answer = if is_terminal {
        screen.terminal(arguments.history)
    } else {
        screen.pipe()
    };
    kept::save_state(&screen.session);
    answer
}

/// What shows a session.
struct Screen<'a> {
    session: Session<'a>,
    engine: &'a dyn Engine,
    stopped: Arc<AtomicBool>,
    wrapping: Wrapping,
    is_terminal: bool,
    /// How many turns without room were told of.
    told_dropped: usize,
}

/// What is left for the loop that reads.
enum Next {
    /// The next line.
    Read,
    /// The next line, which begins as this.
    ReadFrom(String),
    /// The text of this turn.
    Edit(usize, String),
    /// Nothing.
    Leave,
}

impl Screen<'_> {
    /// Does what was typed.
    fn obey(&mut self, typed: &str) -> Result<Next> {
        let outcome = self.session.obey(typed)?;
        self.show(outcome)
    }

    fn show(&mut self, outcome: Outcome) -> Result<Next> {
        match outcome {
            Outcome::Done => {}
            Outcome::Note(text) => output::note(&text),
            Outcome::Text(text) if self.is_terminal => output::print(&output::escape(&text))?,
            Outcome::Text(text) => output::print(&text)?,
            Outcome::Show {
                count,
                numbered,
                note,
            } => {
                self.show_turns(count, numbered)?;
                if let Some(note) = note {
                    output::note(&note);
                }
            }
            Outcome::Check(prompt) => self.check(&prompt)?,
            Outcome::Ask(Ask::Impersonate) => return self.draft(),
            Outcome::Ask(ask) => self.reply(ask)?,
            Outcome::Edit { number, text } => return Ok(Next::Edit(number, text)),
            Outcome::Leave => return Ok(Next::Leave),
        }
        Ok(Next::Read)
    }

    fn show_turns(&self, count: usize, numbered: bool) -> Result<()> {
        let turns = self.session.chat().turns();
        let from = turns.len().saturating_sub(count);
        if from > 0 && count > 1 && self.is_terminal {
            output::note(&format!(
                "{from} earlier messages; `/show {}` shows all",
                turns.len()
            ));
        }
        for turn in &turns[from..] {
            let name = if turn.is_narration() { "" } else { turn.name() };
            if numbered && self.is_terminal {
                output::print(&format!("{DIM}{:>3}{DIM:#} ", turn.number))?;
            } else if numbered {
                output::print(&format!("{} {name}: ", turn.number))?;
            }
            let mut stream = Stream::new(name, turn.role(), self.wrapping)?;
            stream.piece(turn.text())?;
            stream.end()?;
        }
        Ok(())
    }

    fn check(&self, prompt: &str) -> Result<()> {
        let format = self.session.format();
        if !format.reads_back() {
            let name = format.name();
            output::note(&format!(
                "prompts of `{name}` are only written, so there is nothing to check; `/prompt` shows this one"
            ));
            return Ok(());
        }
        let parsed = format.parse(prompt);
        let source = Source::new("prompt", prompt);
        output::print(&pages(&source, &parsed.findings))?;
        let verdict = if parsed.is_in_format() {
            "in format"
        } else {
            "not in format"
        };
        output::print(&format!("{verdict} `{}`\n", format.name()))
    }

    /// Streams a reply, and takes in as much of it as there is when it is stopped.
    fn reply(&mut self, ask: Ask) -> Result<()> {
        let name = self.session.chat().cast().char.clone();
        self.stopped.store(false, Ordering::Relaxed);
        let _hush = self.is_terminal.then(Hush::begin);
        let mut completion = self.session.ask(ask)?;
        self.tell_dropped();
        let mut stream = Stream::new(&name, Role::Char, self.wrapping)?;
        if ask == Ask::Continue
            && let Some(last) = self.session.chat().last()
        {
            stream.piece(last.text().trim_end())?;
        }
        let mut text = String::new();
        // Whatever goes wrong, what there is of the reply is taken in first.
        let shown = self
            .listen(ask, &mut completion, &mut text, |piece| stream.piece(piece))
            .and_then(|()| stream.end());
        let end = completion.end().cloned();
        drop(completion);
        let taken = self.session.take(ask, &text)?;
        shown?;
        match (taken, &end) {
            (None, Some(_)) => output::note("the model wrote nothing; `/regen` asks again"),
            (_, Some(end)) if self.is_terminal => self.tell_speed(end),
            _ => {}
        }
        Ok(())
    }

    /// Takes down a reply as it comes and shows each piece, until it ends or is stopped.
    fn listen(
        &mut self,
        ask: Ask,
        completion: &mut Completion,
        text: &mut String,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<()> {
        let mut kept = Instant::now();
        while !self.stopped.load(Ordering::Relaxed) {
            match completion.wait_piece(LOOK) {
                Poll::Ready(Some(piece)) => {
                    let piece = piece?;
                    text.push_str(&piece);
                    show(&piece)?;
                }
                Poll::Ready(None) => break,
                Poll::Pending => {}
            }
            if kept.elapsed() >= KEEP {
                // A file that cannot be written is told of when the reply is complete.
                let _ = self.session.keep_begun(ask, text);
                kept = Instant::now();
            }
        }
        Ok(())
    }

    /// Lets the model write what the user could say next.
    fn draft(&mut self) -> Result<Next> {
        self.stopped.store(false, Ordering::Relaxed);
        let _hush = self.is_terminal.then(Hush::begin);
        let mut completion = self.session.ask(Ask::Impersonate)?;
        let name = output::escape(&self.session.chat().cast().user);
        let mut text = String::new();
        if self.is_terminal {
            output::print(&format!("{DIM}writing for {name}; Ctrl-C stops{DIM:#}"))?;
        }
        let heard = self.listen(Ask::Impersonate, &mut completion, &mut text, |_| Ok(()));
        if self.is_terminal {
            // Carriage return, erase the line.
            output::print_raw(b"\r\x1b[K")?;
        }
        heard?;
        match self.session.take(Ask::Impersonate, &text)? {
            Some(draft) => Ok(Next::ReadFrom(draft)),
            None => {
                output::note("the model wrote nothing");
                Ok(Next::Read)
            }
        }
    }

    fn tell_dropped(&mut self) {
        let dropped = self.session.dropped();
        if dropped > self.told_dropped {
            output::note(&format!(
                "the context is full: the {dropped} oldest turns are left out of the prompt (`/tokens`)"
            ));
        }
        self.told_dropped = dropped;
    }

    fn tell_speed(&self, end: &End) {
        let seconds = end.reply_time.as_secs_f64().max(1e-9);
        output::say(&format!(
            "{DIM}[{} tokens, {:.0} tokens/s; {} of {} prompt tokens reused]{DIM:#}",
            end.reply_tokens,
            end.reply_tokens as f64 / seconds,
            end.reused_tokens,
            end.prompt_tokens,
        ));
    }
}
