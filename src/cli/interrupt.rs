//! Ctrl-C while a file is written: what is half-done goes away, at once, whatever the rest of the program is doing.

use std::io::{self, IsTerminal as _, Write as _};

use super::output;
use crate::file;

/// The exit code of a program that was interrupted, as shells give it.
const INTERRUPTED: i32 = 130;

/// From now on Ctrl-C removes what is unfinished, says so with `note`, and ends the program.
pub(super) fn abandons(note: &'static str) {
    // Without the handler Ctrl-C ends the program and leaves a file whose name begins with a dot; nothing else depends on
    // it.
    let _ = ctrlc::set_handler(move || {
        file::abandon();
        if io::stderr().is_terminal() {
            // The line of a progress bar.
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
        output::say(&format!("interrupted: {note}"));
        end();
    });
}

#[expect(
    clippy::exit,
    reason = "the threads that work may be in the middle of a call into the system or llama.cpp, and have nothing left to end"
)]
fn end() -> ! {
    std::process::exit(INTERRUPTED)
}
