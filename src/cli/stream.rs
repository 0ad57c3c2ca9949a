//! A message as it is being written: wrapped to the terminal, plain in a pipe, harmless in both.

use std::io::{self, IsTerminal as _};

use unicode_width::UnicodeWidthStr as _;

use super::output::{self, BOLD};
use crate::Result;

/// Prints a message piece by piece.
pub(super) struct Stream {
    /// Columns of the terminal; `None` in a pipe, where nothing is wrapped and no name is printed.
    width: Option<usize>,
    column: usize,
    /// The word that is not complete yet.
    word: String,
    has_begun: bool,
    /// White space that is printed when something follows.
    pending: String,
}

impl Stream {
    /// Begins a message of `name`'s.
    pub(super) fn new(name: &str) -> Result<Self> {
        let width = io::stdout()
            .is_terminal()
            .then(|| terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)))
            .map(|width| width.clamp(20, 100));
        let mut stream = Self {
            width,
            column: 0,
            word: String::new(),
            has_begun: false,
            pending: String::new(),
        };
        if width.is_some() {
            let name = output::escape(name);
            output::print(&format!("{BOLD}{name}:{BOLD:#} "))?;
            stream.column = name.width() + 2;
        }
        Ok(stream)
    }

    /// Adds a piece of the message.
    pub(super) fn piece(&mut self, piece: &str) -> Result<()> {
        let mut out = String::new();
        for c in piece.chars() {
            if c.is_whitespace() {
                self.flush_word(&mut out);
                if self.has_begun {
                    self.pending.push(c);
                }
            } else {
                self.word.push(c);
                self.has_begun = true;
            }
        }
        if self.width.is_none() {
            self.flush_word(&mut out);
        }
        if out.is_empty() {
            return Ok(());
        }
        output::print(&out)
    }

    /// Ends the message.
    pub(super) fn end(mut self) -> Result<()> {
        let mut out = String::new();
        self.flush_word(&mut out);
        out.push('\n');
        if self.width.is_some() {
            out.push('\n');
        }
        output::print(&out)
    }

    fn flush_word(&mut self, out: &mut String) {
        if self.word.is_empty() {
            return;
        }
        let word = output::escape(&std::mem::take(&mut self.word));
        let space = std::mem::take(&mut self.pending);
        match self.width {
            None => out.push_str(&space),
            Some(_) if space.contains('\n') => {
                out.push_str(&space);
                self.column = 0;
            }
            Some(width) if !space.is_empty() => {
                if self.column + 1 + word.width() > width {
                    out.push('\n');
                    self.column = 0;
                } else {
                    out.push(' ');
                    self.column += 1;
                }
            }
            Some(_) => {}
        }
        self.column += word.width();
        out.push_str(&word);
    }
}
