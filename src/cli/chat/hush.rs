//! A terminal that does not echo while a reply is written, so that what is typed ahead does not stand in the middle of it.

/// Keeps the terminal from echoing until it is dropped. What is typed meanwhile is not lost: the next line begins with it.
pub(super) struct Hush {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Hush {
    #[cfg(unix)]
    pub(super) fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            // A terminal that cannot be asked echoes, which is no harm.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &modes);
        }
        Self { before }
    }

    #[cfg(not(unix))]
    pub(super) fn begin() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Hush {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
