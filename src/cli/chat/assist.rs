//! What helps while typing: completion, a hint of what a command takes, many lines, colours.

use std::borrow::Cow;
use std::path::{MAIN_SEPARATOR, Path};

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::super::output::DIM;
use super::super::stream::of_name;
use crate::chat::{command, is_complete};
use crate::file;
use crate::prompt::Role;

/// The most files that are offered.
const MOST_FILES: usize = 500;

/// Helps while typing.
#[derive(Debug, Default)]
pub(super) struct Assist {
    pub(super) lengths: Vec<String>,
    pub(super) greetings: usize,
    /// A text is being changed, in which nothing is a command and every line is complete.
    pub(super) takes_anything: bool,
}

/// What a command takes, shown behind the cursor and never inserted.
pub(super) struct Usage(String);

impl Hint for Usage {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Completer for Assist {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..pos];
        if self.takes_anything {
            return Ok((pos, Vec::new()));
        }
        Ok(
            command::complete(line, &self.lengths, self.greetings).unwrap_or_else(|| {
                let start = line.find(' ').map_or(pos, |at| at + 1);
                (start, files(&line[start..]))
            }),
        )
    }
}

/// The files and folders that a path may become.
fn files(path: &str) -> Vec<String> {
    let (folder, name) = match path.rfind(MAIN_SEPARATOR) {
        Some(at) => path.split_at(at + 1),
        None => ("", path),
    };
    let place = if folder.is_empty() {
        Path::new(".").to_owned()
    } else {
        file::from_home(folder)
    };
    let Ok(entries) = std::fs::read_dir(place) else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let found = entry.file_name().into_string().ok()?;
            let is_hidden = found.starts_with('.') && !name.starts_with('.');
            // A control character in a name would reach the terminal.
            if is_hidden || !found.starts_with(name) || found.chars().any(char::is_control) {
                return None;
            }
            let end = if entry.path().is_dir() {
                MAIN_SEPARATOR.to_string()
            } else {
                String::new()
            };
            Some(format!("{folder}{found}{end}"))
        })
        .take(MOST_FILES)
        .collect();
    found.sort();
    found
}

impl Hinter for Assist {
    type Hint = Usage;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Usage> {
        if self.takes_anything || pos < line.len() {
            return None;
        }
        command::hint(line).map(Usage)
    }
}

impl Highlighter for Assist {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let style = of_name(Role::User);
        Cow::Owned(format!("{style}{prompt}{style:#}"))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("{DIM}{hint}{DIM:#}"))
    }
}

impl Validator for Assist {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if self.takes_anything || is_complete(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Helper for Assist {}
