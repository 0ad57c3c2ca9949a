//! How far a long task has come: a bar on a terminal, a line every few seconds elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// The progress of a task that handles bytes, or things that are counted. What it shows goes away when it is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    step: &'static str,
    said: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        // indicatif hides its bars by itself where standard error is no terminal or a dumb one.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self {
            bar,
            step: "",
            said: Instant::now(),
        }
    }

    /// Shows that `done` of `total` bytes of `step` are done.
    pub(super) fn show(&mut self, step: &'static str, done: u64, total: Option<u64>) {
        let shape = || match total {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}".to_owned(),
            None => "{msg} {spinner} {bytes}".to_owned(),
        };
        let said = || match total {
            Some(total) => format!("{} of {}", bytes(done), bytes(total)),
            None => bytes(done),
        };
        self.draw(step, (done, total), shape, said);
    }

    /// Shows that `done` of `total` things of `step`, such as files, are done.
    pub(super) fn count(&mut self, step: &'static str, things: &str, done: u64, total: u64) {
        let shape = || {
            format!(
                "{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {things}, {{per_sec}} {{eta}}"
            )
        };
        let said = || format!("{done} of {total} {things}");
        self.draw(step, (done, Some(total)), shape, said);
    }

    /// Draws the bar, with the `shape` of its step; where there is none, says now and then how far it is.
    fn draw(
        &mut self,
        step: &'static str,
        (done, total): (u64, Option<u64>),
        shape: impl FnOnce() -> String,
        said: impl FnOnce() -> String,
    ) {
        if self.step != step {
            self.step = step;
            if let Ok(style) = ProgressStyle::with_template(&shape()) {
                self.bar.set_style(style);
            }
            self.bar.reset();
            self.bar.set_message(step);
        }
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.said.elapsed() >= EVERY {
            self.said = Instant::now();
            output::say(&format!("{step}: {}", said()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A number of bytes as people say it, such as `98.4 MB`.
pub(super) fn bytes(count: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = "bytes";
    for next in units {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "bytes" {
        format!("{count} bytes")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_said_in_the_largest_unit_that_fits() {
        let cases = [0, 999, 1000, 98_362_432, 999_949_999, 999_950_000, u64::MAX];
        let said: Vec<_> = cases.into_iter().map(bytes).collect();
        assert_eq!(
            said,
            [
                "0 bytes",
                "999 bytes",
                "1.0 kB",
                "98.4 MB",
                "999.9 MB",
                "1.0 GB",
                "18446744.1 TB"
            ]
        );
    }
}
