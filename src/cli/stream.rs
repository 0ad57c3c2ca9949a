//! A message as it is being written: wrapped to the terminal, plain in a pipe, harmless in both.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::output;
use super::wrap::{Colours, Wrap};
use crate::Result;
use crate::prompt::Role;

/// The widest lines that are easy to read.
const WIDEST: usize = 100;
/// Narrower lines are no use to anybody.
pub(super) const NARROWEST: usize = 20;

const COLOURS: Colours = Colours {
    dialogue: AnsiColor::Yellow.on_default(),
    narration: Style::new(),
    emphasis: Style::new().italic(),
};

/// How lines are wrapped on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Wrapping {
    /// At the width of the terminal, and no wider than is easy to read.
    #[default]
    Terminal,
    /// At this width, or the terminal's where that is less.
    At(usize),
    /// Not: the terminal breaks lines where they are full.
    Never,
}

impl FromStr for Wrapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Terminal),
            "no" => Ok(Self::Never),
            text => match text.parse() {
                Ok(width) if width >= NARROWEST => Ok(Self::At(width)),
                _ => Err(format!("it is auto, no or a number of {NARROWEST} or more")),
            },
        }
    }
}

impl Wrapping {
    fn width(self) -> Option<usize> {
        let terminal = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        match self {
            Self::Terminal => Some(terminal.clamp(NARROWEST, WIDEST)),
            Self::At(width) => Some(width.min(terminal).max(NARROWEST)),
            Self::Never => None,
        }
    }
}

/// The colour of a name.
pub(super) fn of_name(role: Role) -> Style {
    match role {
        Role::Char => AnsiColor::Magenta.on_default().bold(),
        Role::User => AnsiColor::Blue.on_default().bold(),
    }
}

/// Prints a message piece by piece.
pub(super) struct Stream {
    wrap: Wrap,
    to_terminal: bool,
}

impl Stream {
    /// Begins a message of `name`'s; on a terminal the name is printed, where there is one.
    pub(super) fn new(name: &str, role: Role, wrapping: Wrapping) -> Result<Self> {
        if !io::stdout().is_terminal() {
            return Ok(Self {
                wrap: Wrap::new(None, 0, None),
                to_terminal: false,
            });
        }
        let mut column = 0;
        if !name.is_empty() {
            let (name, style) = (output::escape(name), of_name(role));
            output::print(&format!("{style}{name}:{style:#} "))?;
            column = name.width() + 2;
        }
        Ok(Self {
            wrap: Wrap::new(wrapping.width(), column, Some(COLOURS)),
            to_terminal: true,
        })
    }

    /// Adds a piece of the message.
    pub(super) fn piece(&mut self, piece: &str) -> Result<()> {
        let out = self.wrap.push(piece);
        if out.is_empty() {
            return Ok(());
        }
        output::print(&out)
    }

    /// Ends the message.
    pub(super) fn end(self) -> Result<()> {
        let mut out = self.wrap.finish();
        out.push_str(if self.to_terminal { "\n\n" } else { "\n" });
        output::print(&out)
    }
}
