//! `generate`: characters from a name, or from nothing.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::engine::{ModelArgs, SamplerArgs};
use super::output;
use super::{Answer, card};
use crate::card::write_png;
use crate::generate::{
    Character, Event, Inventor, Options, Wish, invent_many, names::Names, portrait,
};
use crate::prompt::Format;
use crate::sampling::drawn_seed;
use crate::{Error, Kind, Result, file};

/// Characters that are written at the same time at the most, where `--parallel` does not say otherwise: on two cores
/// more gain little, and each takes its share of memory.
const SLOTS: usize = 8;

/// Invent characters: persona, scenario, greeting and portrait, as cards.
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Names of the characters; without any, names are drawn
    names: Vec<String>,
    /// How many characters to invent
    #[arg(short = 'n', long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// The seed; the same seed gives the same characters
    #[arg(short, long)]
    seed: Option<u64>,
    /// The folder for the cards
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    output: PathBuf,
    /// Replace cards that are there already
    #[arg(long)]
    force: bool,
    /// The name of the user's role; without it, one is drawn for each character
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// How many example characters the model sees first [default: by the model]
    #[arg(long, value_name = "COUNT")]
    shots: Option<usize>,
    /// The length of the greeting, as a length word of the format
    #[arg(long, value_name = "WORD")]
    length: Option<String>,
    /// The prompt format to ask in
    #[arg(long, default_value = "limarp-v1")]
    format: String,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

/// Runs `generate`.
pub(super) fn generate(arguments: &GenerateArgs) -> Result<Answer> {
    let format = Format::named(&arguments.format)?;
    if let Some(word) = &arguments.length {
        super::prompt::check_length(&format, word)?;
    }
    let seed = arguments.seed.unwrap_or_else(drawn_seed);
    let wishes = wishes(arguments, seed);
    fs::create_dir_all(&arguments.output)
        .map_err(|e| Error::file("create the folder", &arguments.output, e))?;
    let paths = paths(&wishes, &arguments.output, arguments.force)?;

    let engine = arguments.model.load_for(wishes.len().min(SLOTS))?;
    let mut settings = arguments.sampler.settings()?;
    settings.seed = None;
    let inventor = Inventor::new(
        engine.as_ref(),
        &format,
        Options {
            shots: arguments.shots,
            length: arguments.length.clone(),
            settings,
            ..Options::default()
        },
    )?;

    let progress = Progress::new(wishes.len());
    let mut failures = Vec::new();
    invent_many(&inventor, &wishes, engine.model().slots, |event| {
        match event {
            Event::Started { index } => progress.started(wishes[index].name.as_deref()),
            Event::Finished { index, character } => {
                let outcome = character.and_then(|character| {
                    write(&character, &paths[index])?;
                    Ok(character)
                });
                match outcome {
                    Ok(character) => progress.finished(&character, &paths[index])?,
                    Err(error) => failures.push(error.at(paths[index].display().to_string())),
                }
            }
        }
        Ok(())
    })?;
    progress.end(seed);
    let failed = failures.len();
    for error in &failures {
        output::error(error);
    }
    if failed > 0 {
        return Err(Error::new(
            Kind::Engine,
            format!(
                "{failed} of {} characters could not be written",
                wishes.len()
            ),
        ));
    }
    Ok(Answer::Yes)
}

/// A wish for each character: the given names first, drawn ones for the rest, no name twice.
fn wishes(arguments: &GenerateArgs, seed: u64) -> Vec<Wish> {
    let count = arguments.names.len().max(arguments.count as usize);
    let is_taken =
        |name: &String| arguments.names.contains(name) || arguments.user.as_ref() == Some(name);
    let drawn = Names::new(seed).filter(|name| !is_taken(name));
    let names = arguments.names.iter().cloned().chain(drawn);
    (names.take(count).zip(seed..))
        .map(|(name, seed)| Wish {
            name: Some(name),
            user: arguments.user.clone(),
            seed,
        })
        .collect()
}

/// A file for each wish, none of them there already and no two the same.
fn paths(wishes: &[Wish], folder: &Path, force: bool) -> Result<Vec<PathBuf>> {
    let mut seen = HashSet::new();
    wishes
        .iter()
        .map(|wish| {
            let name = wish.name.as_deref().unwrap_or_default();
            let mut path = folder.join(crate::file::file_name(name, "png"));
            let mut number = 2;
            while !seen.insert(path.clone()) {
                path = folder.join(crate::file::file_name(&format!("{name}-{number}"), "png"));
                number += 1;
            }
            card::keep_existing(&path, force)?;
            Ok(path)
        })
        .collect()
}

fn write(character: &Character, path: &Path) -> Result<()> {
    let portrait = portrait::draw(
        &portrait::Subject {
            name: &character.name,
            text: &format!("{} {}", character.persona, character.scenario),
        },
        character.seed,
        portrait::Size::Portrait,
    )?;
    file::write(path, &write_png(&portrait, &character.card()?)?)
}

/// How far the work is: a bar on a terminal; one line for each finished card anywhere.
struct Progress {
    bar: ProgressBar,
    begun: Instant,
    totals: std::cell::RefCell<Totals>,
}

#[derive(Default)]
struct Totals {
    tokens: usize,
    rejected: usize,
    prompt: usize,
    reused: usize,
}

impl Progress {
    fn new(count: usize) -> Self {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            begun: Instant::now(),
            totals: std::cell::RefCell::default(),
        }
    }

    fn started(&self, name: Option<&str>) {
        self.bar
            .set_message(output::escape(name.unwrap_or_default()));
    }

    fn finished(&self, character: &Character, path: &Path) -> Result<()> {
        self.bar.inc(1);
        let mut totals = self.totals.borrow_mut();
        totals.tokens += character.tokens;
        totals.rejected += character.rejected.len();
        totals.prompt += character.prompt_tokens;
        totals.reused += character.reused_tokens;
        let kept: Vec<_> = character
            .kept
            .iter()
            .map(|(section, fault)| format!("{section} {fault}"))
            .collect();
        self.bar.suspend(|| {
            if !kept.is_empty() {
                output::note(&format!(
                    "{}: kept after {} tries: {}",
                    character.name,
                    character.rejected.len() + 1,
                    kept.join("; ")
                ));
            }
            output::print(&format!("{}\n", path.display()))
        })
    }

    fn end(&self, seed: u64) {
        self.bar.finish_and_clear();
        let totals = self.totals.borrow();
        let seconds = self.begun.elapsed().as_secs_f64();
        output::note(&format!(
            "{} in {seconds:.1} s, {} tokens ({:.0}/s), {} sections written again, {} of {} prompt tokens reused, seed {seed}",
            match self.bar.position() {
                1 => "1 character".to_owned(),
                count => format!("{count} characters"),
            },
            totals.tokens,
            totals.tokens as f64 / seconds.max(1e-9),
            totals.rejected,
            totals.reused,
            totals.prompt,
        ));
    }
}
