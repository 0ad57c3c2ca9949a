//! A chat on a terminal: a line editor that remembers, completes and takes many lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    Cmd, ColorMode, CompletionType, Config, Editor, EventHandler, KeyCode, KeyEvent, Modifiers,
};

use super::super::Answer;
use super::super::output::{self, DIM};
use super::assist::Assist;
use super::pipe::said;
use super::{Next, Screen};
use crate::chat::Outcome;
use crate::{Error, Kind, Result, folders};

/// The turns of a resumed chat that are shown.
const SHOWN: usize = 10;
/// Lines that the history keeps.
const HISTORY: usize = 1000;

type Lines = Editor<Assist, DefaultHistory>;

impl Screen<'_> {
    pub(super) fn terminal(&mut self, remembers: bool) -> Result<Answer> {
        let stopped = Arc::clone(&self.stopped);
        // Without the handler Ctrl-C ends the program instead of the reply; nothing else depends on it.
        let _ = ctrlc::set_handler(move || stopped.store(true, Ordering::Relaxed));
        let mut editor = self.editor()?;
        let history = history(&mut editor, remembers);
        self.greet()?;
        let prompt = format!("{}: ", output::escape(&self.session.chat().cast().user));
        let mut begun = String::new();
        let mut is_draft = false;
        loop {
            let line = editor.readline_with_initial(&prompt, (&std::mem::take(&mut begun), ""));
            let draft = std::mem::take(&mut is_draft);
            let result = match line {
                Ok(line) => {
                    if !line.trim().is_empty() {
                        let _ = editor.add_history_entry(line.as_str());
                        remember(&mut editor, history.as_deref());
                    }
                    // A draft of the model's is said, and cannot be a command.
                    let is_said = draft && !line.trim().is_empty() && !line.starts_with("\"\"\"");
                    let line = if is_said { said(&line) } else { line };
                    self.obey(&line)
                }
                Err(ReadlineError::Interrupted) => {
                    output::say(&format!("{DIM}/quit or Ctrl-D leaves{DIM:#}"));
                    continue;
                }
                Err(ReadlineError::Eof) => break,
                Err(error) => {
                    let message = format!("cannot read the terminal: {error}");
                    return Err(Error::new(Kind::File, message));
                }
            };
            match result {
                Ok(Next::Read) => {}
                Ok(Next::ReadFrom(draft)) => {
                    begun = draft;
                    is_draft = true;
                }
                Ok(Next::Edit(number, text)) => self.edit(&mut editor, number, &text)?,
                Ok(Next::Leave) => break,
                // What went wrong ends neither the program nor the conversation.
                Err(error) => output::error(&error),
            }
            self.update(&mut editor);
        }
        if let Some(path) = self.session.path().filter(|path| path.exists()) {
            output::note(&format!("the chat is in {}", path.display()));
        }
        Ok(Answer::Yes)
    }

    fn editor(&self) -> Result<Lines> {
        let wrong =
            |e: ReadlineError| Error::new(Kind::Usage, format!("cannot use this terminal: {e}"));
        let has_colour =
            anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_dups(true)
            .map_err(wrong)?
            .history_ignore_space(true)
            .max_history_size(HISTORY)
            .map_err(wrong)?
            .bracketed_paste(true)
            .color_mode(if has_colour {
                ColorMode::Enabled
            } else {
                ColorMode::Disabled
            })
            .build();
        let mut editor = Lines::with_config(config).map_err(wrong)?;
        editor.set_auto_add_history(false);
        editor.set_helper(Some(Assist::default()));
        editor.bind_sequence(
            KeyEvent(KeyCode::Enter, Modifiers::ALT),
            EventHandler::Simple(Cmd::Newline),
        );
        self.update(&mut editor);
        Ok(editor)
    }

    /// Tells the line editor what can be completed.
    fn update(&self, editor: &mut Lines) {
        if let Some(assist) = editor.helper_mut() {
            assist.lengths = self.session.format().lengths().to_vec();
            assist.greetings = self.session.chat().greetings().len();
        }
    }

    fn greet(&mut self) -> Result<()> {
        output::say(&format!(
            "{DIM}{} with {}; /help lists the commands{DIM:#}",
            output::escape(&self.session.chat().cast().char),
            output::escape(&self.engine.model().name)
        ));
        self.show(Outcome::Show {
            count: SHOWN,
            numbered: false,
            note: None,
        })
        .map(drop)
    }

    /// Lets a person change what a turn says.
    fn edit(&mut self, editor: &mut Lines, number: usize, text: &str) -> Result<()> {
        if let Some(assist) = editor.helper_mut() {
            assist.takes_anything = true;
        }
        let line = editor.readline_with_initial(&format!("edit {number}: "), (text, ""));
        if let Some(assist) = editor.helper_mut() {
            assist.takes_anything = false;
        }
        let result = match line {
            Ok(line) => self
                .session
                .edit(number, &line)
                .and_then(|outcome| self.show(outcome)),
            Err(_) => {
                output::note("left as it was");
                return Ok(());
            }
        };
        if let Err(error) = result {
            output::error(&error);
        }
        Ok(())
    }
}

/// Loads what was typed before; the file that it is kept in, if it is.
fn history(editor: &mut Lines, remembers: bool) -> Option<PathBuf> {
    let folder = folders::state().filter(|_| remembers)?;
    let path = folder.join("history");
    // Without it everything works but the arrow up.
    let _ = folders::make_private(&folder);
    let _ = editor.load_history(&path);
    Some(path)
}

/// Adds the last line to the history file, which nobody else may read: lines are what somebody said in private.
fn remember(editor: &mut Lines, path: Option<&Path>) {
    let Some(path) = path else {
        return;
    };
    // The line editor makes the file with mode 0600.
    let _ = editor.append_history(path);
}
