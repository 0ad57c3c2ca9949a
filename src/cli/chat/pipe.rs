//! A chat over a pipe: a message or a command on each line, the replies on standard output and nothing else.

use std::io::{self, BufRead as _};

use super::super::Answer;
use super::{Next, Screen};
use crate::chat::is_complete;
use crate::{Error, Kind, Result};

impl Screen<'_> {
    pub(super) fn pipe(&mut self) -> Result<Answer> {
        let mut typed = String::new();
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|e| {
                Error::new(Kind::File, format!("cannot read standard input: {e}")).source(e)
            })?;
            if !typed.is_empty() {
                typed.push('\n');
            }
            typed.push_str(&line);
            if !is_complete(&typed) {
                continue;
            }
            let mut next = self.obey(&std::mem::take(&mut typed))?;
            if let Next::ReadFrom(draft) = next {
                // Nobody is there to change the draft.
                super::output::print(&format!("{draft}\n"))?;
                next = self.obey(&said(&draft))?;
            }
            match next {
                Next::Edit(..) => {
                    return Err(Error::new(Kind::Usage, "say what the message becomes")
                        .hint("write `/edit N TEXT`"));
                }
                Next::Leave => return Ok(Answer::Yes),
                _ => {}
            }
        }
        if !typed.trim().is_empty() {
            self.obey(&typed)?;
        }
        Ok(Answer::Yes)
    }
}

/// A text as it must be typed to be said, whatever it begins with.
pub(super) fn said(text: &str) -> String {
    format!("\"\"\"\n{text}\n\"\"\"")
}
