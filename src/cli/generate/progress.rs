//! How far the work is: a bar on a terminal, a line now and then elsewhere, and every finished card.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::super::output;
use crate::generate::review::Fault;
use crate::generate::{Record, Section};
use crate::{Error, Result};

/// How often a line is printed where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
/// The speed is that of the last answers, so that it follows the machine.
const REMEMBERED: Duration = Duration::from_secs(30);

/// How far the work is.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    /// Characters that were finished before.
    before: usize,
    verbose: bool,
    totals: Mutex<Totals>,
}

#[derive(Default)]
struct Totals {
    finished: usize,
    failed: usize,
    tokens: usize,
    rejected: BTreeMap<&'static str, usize>,
    prompt: usize,
    reused: usize,
    extended: usize,
    /// When tokens came.
    recent: Vec<(Instant, usize)>,
    said: Option<Instant>,
}

impl Progress {
    pub(super) fn new(count: usize, before: usize, verbose: bool) -> Self {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len}  {msg}") {
            bar.set_style(style);
        }
        bar.set_position(before as u64);
        bar.enable_steady_tick(Duration::from_millis(200));
        if before > 0 {
            output::note(&format!("{before} of {count} characters are there already"));
        }
        Self {
            bar,
            begun: Instant::now(),
            before,
            verbose,
            totals: Mutex::default(),
        }
    }

    fn totals(&self) -> std::sync::MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn started(&self, name: Option<&str>) {
        if self.totals().tokens == 0 {
            self.bar
                .set_message(output::escape(name.unwrap_or_default()));
        }
    }

    /// An answer of the model.
    pub(super) fn answered(
        &self,
        name: &str,
        section: Section,
        tokens: usize,
        rejected: Option<&Fault>,
    ) {
        let mut totals = self.totals();
        let now = Instant::now();
        totals.tokens += tokens;
        totals.recent.push((now, tokens));
        totals
            .recent
            .retain(|(at, _)| now.duration_since(*at) <= REMEMBERED);
        if let Some(fault) = rejected {
            *totals.rejected.entry(fault.kind()).or_default() += 1;
            if self.verbose {
                let line = format!("{name}: {section} {fault}");
                self.bar.suspend(|| output::note(&line));
            }
        }
        let message = self.message(&totals);
        self.bar.set_message(message.clone());
        let is_due = totals.said.unwrap_or(self.begun).elapsed() >= EVERY;
        if self.bar.is_hidden() && is_due {
            totals.said = Some(now);
            let done = self.before + totals.finished;
            let of = self.bar.length().unwrap_or_default();
            output::say(&format!("{done} of {of} done, {message}"));
        }
    }

    fn message(&self, totals: &Totals) -> String {
        let tokens: usize = totals.recent.iter().map(|(_, tokens)| tokens).sum();
        let since = self.begun.elapsed().min(REMEMBERED);
        let speed = tokens as f64 / since.as_secs_f64().max(0.1);
        let rejected: usize = totals.rejected.values().sum();
        let of = self.bar.length().unwrap_or_default() as usize;
        let open = of.saturating_sub(self.before + totals.finished + totals.failed);
        let left = if totals.finished == 0 {
            String::new()
        } else {
            let each = self.begun.elapsed().as_secs_f64() / totals.finished as f64;
            format!(", {} left", duration(each * open as f64))
        };
        format!("{rejected} versions rejected, {speed:.0} tokens/s{left}")
    }

    pub(super) fn lost(&self, name: &str, error: &Error) {
        let line = format!("{name}: {error}; asked again");
        self.bar.suspend(|| output::note(&line));
    }

    pub(super) fn failed(&self, error: &Error) {
        self.totals().failed += 1;
        self.bar.suspend(|| output::error(error));
    }

    /// A card is on the disk; `said` is for standard output.
    pub(super) fn finished(&self, record: &Record, said: &str) -> Result<()> {
        let mut totals = self.totals();
        totals.finished += 1;
        totals.prompt += record.prompt_tokens;
        totals.reused += record.reused_tokens;
        totals.extended += record.extended;
        self.bar.inc(1);
        self.bar.suspend(|| {
            for noted in &record.kept {
                output::note(&format!(
                    "{}: the best {} of many is kept: {}",
                    record.name, noted.section, noted.message
                ));
            }
            output::print(said)
        })
    }

    pub(super) fn end(&self, seed: u64) {
        self.bar.finish_and_clear();
        let totals = self.totals();
        let seconds = self.begun.elapsed().as_secs_f64();
        let rejected: Vec<_> = totals
            .rejected
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        let count: usize = totals.rejected.values().sum();
        let rejected = if rejected.is_empty() {
            String::new()
        } else {
            format!(" ({})", rejected.join(", "))
        };
        output::note(&format!(
            "{} in {seconds:.1} s, {} tokens ({:.0}/s), {count} versions rejected{rejected}, {} gone on with, {} of {} prompt tokens reused, seed {seed}",
            match totals.finished {
                1 => "1 character".to_owned(),
                count => format!("{count} characters"),
            },
            totals.tokens,
            totals.tokens as f64 / seconds.max(1e-9),
            totals.extended,
            totals.reused,
            totals.prompt,
        ));
    }
}

/// A time as people say it.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn times_are_said_in_the_two_largest_units() {
        let said: Vec<_> = [0.4, 59.6, 3599.0, 3600.0, 90_061.0].map(duration).into();
        assert_eq!(
            said,
            ["0 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]
        );
    }
}
