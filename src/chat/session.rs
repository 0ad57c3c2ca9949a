//! A chat with a model and a file: what a person types goes in, what is to be done comes out.
//!
//! Nothing here knows a terminal. Whoever shows the session prints what an [`Outcome`] says and, where one asks for the
//! model, streams the reply and hands it back. The file is written after every change, whole or not at all.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::command::{self, command};
use super::{Ask, Chat, Input, ReplyOptions, tables};
use crate::engine::{Completion, Engine, Saved};
use crate::prompt::chat_file::ChatFile;
use crate::prompt::{Fit, Format, Role};
use crate::{Error, Kind, Result, file};

/// How many turns `/show` shows when it is not told.
const SHOWN: usize = 10;

/// A chat with a model and, where it is kept, a file.
pub struct Session<'a> {
    chat: Chat,
    engine: &'a dyn Engine,
    format: Format,
    options: ReplyOptions,
    file: Option<Kept>,
    /// How many turns the last prompt left out.
    dropped: usize,
}

/// Where a chat is kept.
struct Kept {
    path: PathBuf,
    /// The length and time of the file as it was last read or written; `None` when it was not there.
    seen: Option<(u64, Option<SystemTime>)>,
}

/// What is to be done about what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Done,
    /// Say this in passing.
    Note(String),
    /// Print this.
    Text(String),
    /// Show the last turns.
    Show {
        /// How many.
        count: usize,
        /// Whether with their numbers.
        numbered: bool,
        /// What to say in passing.
        note: Option<String>,
    },
    /// Ask the model ([`Session::ask`]), show the reply, hand it back ([`Session::take`]).
    Ask(Ask),
    /// Let the person change the text of a turn, then call [`Session::edit`].
    Edit {
        /// Which turn.
        number: usize,
        /// What it says.
        text: String,
    },
    /// Show what is wrong with this prompt of the session's format.
    Check(String),
    /// End.
    Leave,
}

impl<'a> Session<'a> {
    /// A session that is kept nowhere.
    pub fn new(chat: Chat, engine: &'a dyn Engine, format: Format, options: ReplyOptions) -> Self {
        Self {
            chat,
            engine,
            format,
            options,
            file: None,
            dropped: 0,
        }
    }

    /// Keeps the chat in a file from now on; the first write comes with the first change. A file that is there already
    /// must be the one the chat was read from.
    pub fn keep_in(&mut self, path: PathBuf) {
        let seen = seen(&path);
        self.file = Some(Kept { path, seen });
    }

    /// The chat.
    #[must_use]
    pub fn chat(&self) -> &Chat {
        &self.chat
    }

    /// The format of the prompts.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// The file of the chat.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|kept| kept.path.as_path())
    }

    /// Does what a line, or several, of a person asks for, and says what is left to be done.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for a command that does not exist or is used wrongly; otherwise what went wrong. The chat is then as
    /// it was, unless only its file could not be written.
    pub fn obey(&mut self, typed: &str) -> Result<Outcome> {
        match Input::read(typed) {
            Input::Nothing => Ok(Outcome::Done),
            Input::Say(text) => self.say(&text),
            Input::Command(name, argument) => match command(&name) {
                Some(command) => self.run(command.name, &argument),
                None => Err(usage(command::unknown(&name))),
            },
        }
    }

    fn say(&mut self, text: &str) -> Result<Outcome> {
        self.chat.say(text);
        // The message is in the chat whatever the disk says; `/regen` asks for the reply once the disk is well.
        self.keep()?;
        Ok(Outcome::Ask(Ask::Reply))
    }

    fn run(&mut self, name: &str, argument: &str) -> Result<Outcome> {
        match (name, argument) {
            ("quit", _) => Ok(Outcome::Leave),
            ("help", "") => Ok(Outcome::Text(command::help(None))),
            ("help", name) => match command(name.trim_start_matches('/')) {
                Some(command) => Ok(Outcome::Text(command::help(Some(command)))),
                None => Err(usage(command::unknown(name))),
            },
            ("regen", _) => self.regenerate(),
            ("swipe", argument) => self.swipe(argument),
            ("continue", _) => self.asked(Ask::Continue),
            ("impersonate", _) => self.asked(Ask::Impersonate),
            ("edit", argument) => self.edit_command(argument),
            ("undo", _) => match self.chat.undo() {
                0 => Err(usage("you have said nothing yet")),
                1 => self.kept(Outcome::Note("took back 1 message".into())),
                count => self.kept(Outcome::Note(format!("took back {count} messages"))),
            },
            ("show", count) => {
                let count = if count.is_empty() {
                    SHOWN
                } else {
                    number(count)?
                };
                Ok(Outcome::Show {
                    count,
                    numbered: true,
                    note: None,
                })
            }
            ("length", word) => self.length(word),
            ("greeting", which) => self.greeting(which),
            ("persona", text) => self.persona(text),
            ("note", text) => self.note(text),
            ("lore", _) => Ok(Outcome::Text(tables::lore(&self.next_prompt()?))),
            ("tokens", _) => {
                let fit = self.next_prompt()?;
                let reply = self.engine.model().context.saturating_sub(fit.limit);
                Ok(Outcome::Text(tables::tokens(&fit, reply)))
            }
            ("prompt", "") => Ok(Outcome::Text(format!("{}\n", self.next_prompt()?.prompt))),
            ("prompt", path) => {
                let path = free(path)?;
                file::write(&path, self.next_prompt()?.prompt.as_bytes())?;
                Ok(wrote(&path))
            }
            ("check", _) => Ok(Outcome::Check(self.next_prompt()?.prompt)),
            ("save", path) => self.save(path),
            ("load", "") => Err(usage("say which file: `/load FILE`")),
            ("load", path) => self.load(&file::from_home(path)),
            ("export", "") => Err(usage("say to which file: `/export FILE`")),
            ("export", path) => {
                let path = free(path)?;
                file::write(&path, self.chat.export(&path)?.as_bytes())?;
                Ok(wrote(&path))
            }
            (name, _) => Err(usage(command::unknown(name))),
        }
    }

    /// The prompt as it stands: with the turn open of whoever did not speak last.
    fn next_prompt(&self) -> Result<Fit> {
        let is_answered = self
            .chat
            .last()
            .is_some_and(|turn| turn.role() == Role::Char);
        let ask = if is_answered {
            Ask::Impersonate
        } else {
            Ask::Reply
        };
        self.chat
            .prompt(ask, self.engine, &self.format, &self.options)
    }

    fn asked(&self, ask: Ask) -> Result<Outcome> {
        match self.chat.refusal(ask) {
            Some(why) => Err(usage(why)),
            None => Ok(Outcome::Ask(ask)),
        }
    }

    fn regenerate(&self) -> Result<Outcome> {
        // A user's turn stands last when its reply failed or was stopped before its first word.
        match self.chat.last().map(|turn| turn.role()) {
            Some(Role::User) => Ok(Outcome::Ask(Ask::Reply)),
            _ => self.asked(Ask::Swipe),
        }
    }

    fn swipe(&mut self, argument: &str) -> Result<Outcome> {
        let Some(last) = self.chat.last() else {
            return Err(usage("nothing was said yet"));
        };
        let (at, count) = (last.swipe(), last.swipes().len());
        let to = match argument {
            "" | "next" if at + 1 < count => at + 1,
            // The greeting's alternatives are the card's, and go round.
            "" | "next" if self.chat.is_at_greeting() && count > 1 => 0,
            "" | "next" => return self.regenerate(),
            "back" if at > 0 => at - 1,
            "back" => return Err(usage("this is the first of the alternatives")),
            "list" => {
                let lines = last.swipes().into_iter().enumerate().map(|(index, text)| {
                    let mark = if index == at { '*' } else { ' ' };
                    format!("{mark}{:>3}  {}\n", index + 1, opening(text))
                });
                return Ok(Outcome::Text(lines.collect()));
            }
            which => match number(which)?.checked_sub(1).filter(|to| *to < count) {
                Some(to) => to,
                None => {
                    return Err(usage(format!(
                        "there is no alternative {which}: there are {count}"
                    )));
                }
            },
        };
        if !self.chat.swipe_to(to) {
            return Err(usage("there is no such alternative"));
        }
        self.kept(Outcome::Show {
            count: 1,
            numbered: false,
            note: Some(format!("{} of {count}", to + 1)),
        })
    }

    fn edit_command(&mut self, argument: &str) -> Result<Outcome> {
        let turns = self.chat.turns().len();
        let (first, rest) = argument
            .split_once(char::is_whitespace)
            .unwrap_or((argument, ""));
        let (which, text) = match first.parse::<usize>() {
            Ok(which) => (which, rest.trim()),
            Err(_) if first == "last" => (turns, rest.trim()),
            Err(_) => (turns, argument),
        };
        let Some(turn) = self
            .chat
            .turns()
            .into_iter()
            .find(|turn| turn.number == which)
        else {
            return Err(usage(format!("there is no message {which}"))
                .hint("`/show` shows the messages with their numbers"));
        };
        if text.is_empty() {
            return Ok(Outcome::Edit {
                number: which,
                text: turn.text().to_owned(),
            });
        }
        self.edit(which, text)
    }

    /// Changes what turn `number` says.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when there is no such turn or the text is empty; those of writing the file.
    pub fn edit(&mut self, number: usize, text: &str) -> Result<Outcome> {
        if !self.chat.edit(number, text) {
            return Err(usage("a message cannot be empty"));
        }
        self.kept(Outcome::Note(format!("changed message {number}")))
    }

    fn length(&mut self, word: &str) -> Result<Outcome> {
        let lengths = self.format.lengths().join(", ");
        if self.format.lengths().is_empty() {
            return Err(usage(format!(
                "format `{}` has no lengths",
                self.format.name()
            )));
        }
        if word.is_empty() {
            let now = self.chat.length().or(self.format.default_length());
            return Ok(Outcome::Note(format!(
                "the length is {}; there are {lengths}",
                now.unwrap_or("not said")
            )));
        }
        let word = (word != "default").then_some(word);
        if let Some(word) = word {
            self.format.check_length(word)?;
        }
        self.chat.set_length(word);
        self.kept(Outcome::Done)
    }

    fn greeting(&mut self, which: &str) -> Result<Outcome> {
        if which.is_empty() {
            let greetings = self.chat.greetings().iter().enumerate();
            let lines = greetings.map(|(at, text)| format!("{at:>4}  {}\n", opening(text)));
            return Ok(match lines.collect::<String>() {
                lines if lines.is_empty() => Outcome::Note("the card has no greeting".into()),
                lines => Outcome::Text(lines),
            });
        }
        let at = number(which)?;
        if at >= self.chat.greetings().len() {
            return Err(usage(format!("there is no greeting {at}"))
                .hint("`/greeting` without a number lists them"));
        }
        if !self.chat.greet(at) {
            return Err(usage("the conversation has gone on from its greeting")
                .hint("`/undo` takes messages back"));
        }
        self.kept(Outcome::Show {
            count: 1,
            numbered: false,
            note: None,
        })
    }

    fn persona(&mut self, text: &str) -> Result<Outcome> {
        match text {
            "" => {
                let persona = &self.chat.cast().user_persona;
                return Ok(if persona.is_empty() {
                    Outcome::Note("nothing is said about you".into())
                } else {
                    Outcome::Text(format!("{persona}\n"))
                });
            }
            "default" => self.chat.set_persona(None),
            text => self.chat.set_persona(Some(text)),
        }
        self.kept(Outcome::Done)
    }

    fn note(&mut self, text: &str) -> Result<Outcome> {
        let note = self.chat.note();
        match text {
            "" if note.text.is_empty() => return Ok(Outcome::Note("there is no note".into())),
            "" => {
                return Ok(Outcome::Text(format!(
                    "{}\n({} messages from the end)\n",
                    note.text, note.depth
                )));
            }
            "none" => self.chat.set_note(""),
            text => match text
                .strip_prefix("depth ")
                .map(|depth| number(depth.trim()))
            {
                Some(depth) => self.chat.set_note_depth(depth?),
                None => self.chat.set_note(text),
            },
        }
        self.kept(Outcome::Done)
    }

    fn save(&mut self, path: &str) -> Result<Outcome> {
        if !path.is_empty() {
            let path = free(path)?;
            let before = self.file.take();
            self.keep_in(path);
            if let Err(error) = self.keep() {
                self.file = before;
                return Err(error);
            }
        } else if self.file.is_none() {
            return Err(usage("say to which file: `/save FILE`"));
        } else {
            self.keep()?;
        }
        Ok(self.path().map_or(Outcome::Done, |path| {
            Outcome::Note(format!("saved {}", path.display()))
        }))
    }

    fn load(&mut self, path: &Path) -> Result<Outcome> {
        if self.file.is_none() && self.chat.has_begun() {
            return Err(
                usage("this chat has no file and would be lost").hint("`/save FILE` keeps it")
            );
        }
        let file = ChatFile::read(path)?;
        let cast = self.chat.cast.clone();
        let mut chat = Chat::resume(self.chat.card.clone(), cast, file).0;
        chat.set_lore(self.chat.lore.clone());
        self.chat = chat;
        self.keep_in(path.to_owned());
        Ok(Outcome::Show {
            count: SHOWN,
            numbered: false,
            note: Some(format!(
                "{} messages from {}",
                self.chat.turns().len(),
                path.display()
            )),
        })
    }

    /// Asks the model what an [`Outcome::Ask`] wants asked.
    ///
    /// # Errors
    ///
    /// When the prompt cannot be made to fit, or the engine fails.
    pub fn ask(&mut self, ask: Ask) -> Result<Completion> {
        let (fit, timed) = self
            .chat
            .fit(ask, self.engine, &self.format, &self.options)?;
        let request = self
            .chat
            .request(ask, &fit, self.engine, &self.format, &self.options)?;
        let completion = self.engine.start(request)?;
        self.dropped = fit.dropped();
        if ask == Ask::Reply {
            self.chat.remember(&timed);
        }
        Ok(completion)
    }

    /// How many of the oldest turns the last prompt had no room for.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Writes what the engine has evaluated of the chat to a file, so that it need not do it again when the chat is
    /// resumed.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::save_prefix`].
    pub fn save_state(&self, path: &Path) -> Result<Saved> {
        let prompt = self.next_prompt()?.prompt;
        let special = self.format.has_special_tokens();
        self.engine.save_prefix(&prompt, special, path)
    }

    /// Takes in what [`Session::save_state`] wrote.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::load_prefix`]; the chat goes on all the same, only slower.
    pub fn load_state(&self, path: &Path) -> Result<Saved> {
        self.engine.load_prefix(path)
    }

    /// Takes in what the model wrote, all of it or as much as there was when it was stopped, and writes the file. A draft
    /// is given back. `None` when there is nothing in it.
    ///
    /// # Errors
    ///
    /// Those of writing the file; the reply is in the chat all the same.
    pub fn take(&mut self, ask: Ask, text: &str) -> Result<Option<String>> {
        let taken = self.chat.take(ask, text, &self.engine.model().name);
        if taken.is_some() && ask != Ask::Impersonate {
            self.keep()?;
        }
        Ok(taken)
    }

    /// Writes the file as if what there is of a reply were all of it, so that a crash in the middle of a long one loses
    /// little. The chat is as before.
    ///
    /// # Errors
    ///
    /// Those of writing the file.
    pub fn keep_begun(&mut self, ask: Ask, text: &str) -> Result<()> {
        if self.file.is_none() || ask == Ask::Impersonate {
            return Ok(());
        }
        let mut chat = self.chat.clone();
        match chat.take(ask, text, &self.engine.model().name) {
            Some(_) => self.write(&chat.to_jsonl()),
            None => Ok(()),
        }
    }

    fn kept(&mut self, outcome: Outcome) -> Result<Outcome> {
        self.keep().map(|()| outcome)
    }

    /// Writes the file, if there is one.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be written, or was changed by somebody else since it was last read or written.
    pub fn keep(&mut self) -> Result<()> {
        let text = self.chat.to_jsonl();
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let Some(kept) = &mut self.file else {
            return Ok(());
        };
        if seen(&kept.path) != kept.seen {
            let message = "somebody else has changed this chat, so it was not written";
            return Err(Error::new(Kind::File, message)
                .at(kept.path.display().to_string())
                .hint("`/save FILE` keeps this chat elsewhere, `/load FILE` takes in the other"));
        }
        if kept.seen.is_none()
            && let Some(folder) = kept
                .path
                .parent()
                .filter(|path| !path.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::file("create the folder", folder, e))?;
        }
        file::write(&kept.path, text.as_bytes())?;
        kept.seen = seen(&kept.path);
        Ok(())
    }
}

/// The length and time of a file; `None` when there is none.
fn seen(path: &Path) -> Option<(u64, Option<SystemTime>)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()))
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(Kind::Usage, message)
}

fn number(text: &str) -> Result<usize> {
    text.parse()
        .map_err(|_| usage(format!("`{text}` is no number")))
}

/// A path that a person typed, of a file that is not there yet.
fn free(path: &str) -> Result<PathBuf> {
    let path = file::from_home(path);
    if path.exists() {
        return Err(usage("this file is there already")
            .at(path.display().to_string())
            .hint("choose another name"));
    }
    Ok(path)
}

fn wrote(path: &Path) -> Outcome {
    Outcome::Note(format!("wrote {}", path.display()))
}

/// The beginning of a text, on one line.
fn opening(text: &str) -> String {
    /// Characters that fit on a line beside a number.
    const LENGTH: usize = 66;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LENGTH {
        return line;
    }
    let cut: String = line.chars().take(LENGTH - 1).collect();
    format!("{}…", cut.trim_end())
}
