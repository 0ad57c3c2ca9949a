//! What a person sees: data on standard output, talk on standard error, colour only where it is wanted.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::{Error, Kind, Result};

/// Errors and findings.
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
/// Warnings.
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// Titles.
pub(super) const BOLD: Style = Style::new().bold();
/// What may be passed over.
pub(super) const DIM: Style = Style::new().dimmed();
/// What is new.
pub(super) const GREEN: Style = AnsiColor::Green.on_default().bold();
/// Next steps.
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes `text` to standard output.
pub(super) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| {
            Error::new(Kind::File, format!("cannot write to standard output: {e}")).source(e)
        })
}

/// Writes `bytes` to standard output as they are.
pub(super) fn print_raw(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| {
            Error::new(Kind::File, format!("cannot write to standard output: {e}")).source(e)
        })
}

/// Writes a line to standard error. A closed standard error is nobody's business.
pub(super) fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Prints an aside to standard error.
pub(super) fn note(text: &str) {
    say(&format!("{DIM}{}{DIM:#}", escape(text)));
}

/// Prints an error and its next step to standard error.
pub(super) fn error(error: &Error) {
    say(&format!(
        "{RED}error:{RED:#} {}",
        escape(&error.to_string())
    ));
    if let Some(hint) = error.next_step() {
        say(&format!("{CYAN}hint:{CYAN:#} {}", escape(hint)));
    }
}

/// Whether an error is only a reader that went away.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

/// `text` with every character that could steer a terminal or hide text shown as its code point, so that nobody's card
/// can move the cursor, recolour the screen or reverse the reading order. Newlines and tabs stay.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        let hostile = match c {
            '\n' | '\t' => false,
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => true,
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
            '\u{e0000}'..='\u{e007f}' => true,
            _ => false,
        };
        if hostile {
            safe.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}
