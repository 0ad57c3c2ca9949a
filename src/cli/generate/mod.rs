//! `generate`: characters from nothing, a name, an idea, a card or a conversation; one, or a thousand.

mod bench;
mod progress;
mod sink;
mod wishes;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use clap::{Args, ValueEnum};

pub(super) use self::bench::characters;
use self::progress::Progress;
use self::sink::Sink;
use super::Answer;
use super::engine::{Load, ModelArgs, SamplerArgs};
use super::output;
use crate::engine::MODEL_FORMAT;
use crate::generate::manifest::{Manifest, Run, digest};
use crate::generate::{
    Character, Event, Inventor, Options, Record, Report, Section, Wish, invent_many, svg,
};
use crate::prompt::Format;
use crate::sampling::drawn_seed;
use crate::{Error, Kind, Result, file};

/// Characters that are written at the same time at the most, where `--parallel` does not say otherwise: on two cores
/// more gain little, and each takes its share of memory.
const SLOTS: usize = 8;
/// The same for a long run, where a slot more is worth its memory.
const MANY_SLOTS: usize = 32;
/// Tokens that a character with the longest of greetings takes.
pub(super) const LEAST_CONTEXT: usize = 2560;
/// Bytes for conversations that have lost their slot: a character keeps its own until it is done, and is not needed after.
pub(super) const PROMPT_CACHE: u64 = 64 << 20;
/// So many characters are a long run.
const MANY: usize = 64;

/// Invent characters: persona, scenario, greeting and portrait, as cards.
#[derive(Debug, Args)]
#[command(after_help = "\
Out of a folder with a manifest a run goes on after a kill: the same command with `--resume`.
One card again: `generate NAME --seed N` with the name and the seed that `show --json` or the manifest tells.")]
pub(super) struct GenerateArgs {
    /// Names of the characters; without any, names are drawn
    names: Vec<String>,
    /// How many characters to invent [default: one, or as many as there are names]
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// The seed; the same seed gives the same characters
    #[arg(short, long)]
    seed: Option<u64>,
    /// Write only this, and what it goes on from; may be repeated. A single section is printed unless `--to` or `-o` says
    /// otherwise
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// What the characters are about, in a line such as `a ferrywoman who has never left her river`
    #[arg(long, value_name = "TEXT", conflicts_with = "chat")]
    idea: Option<String>,
    /// Names to take, one on each line; `-` is standard input
    #[arg(long = "names", value_name = "FILE", conflicts_with_all = ["names", "from", "chat"])]
    names_file: Option<PathBuf>,
    /// A card to complete: what is missing is written, what is there is kept; may be repeated
    #[arg(long, value_name = "CARD", conflicts_with_all = ["names", "count", "idea", "chat", "raw"])]
    from: Vec<PathBuf>,
    /// Write the parts of `--only` anew where the card of `--from` has them already
    #[arg(long, requires = "from", requires = "only")]
    rewrite: bool,
    /// A chat (SillyTavern JSONL) to infer the two and their scenario from
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "count", "raw"])]
    chat: Option<PathBuf>,
    /// The plain LimaRP way: the prompt is the head of the system text and the name, and nothing holds what follows to
    /// the layout; versions that are not in it are rejected
    #[arg(long, conflicts_with = "shots", conflicts_with = "idea")]
    raw: bool,
    /// The folder for the cards, or a file for `--to jsonl`; `-` is standard output
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// What to write [default: png, or text for a single part]
    #[arg(long, value_enum)]
    to: Option<To>,
    /// Replace cards that are there already
    #[arg(long)]
    force: bool,
    /// Go on with the run in the folder: what is finished is kept
    #[arg(long)]
    resume: bool,
    /// Measure what was written: a table, and `report.json` and `report.svg` beside the cards
    #[arg(long)]
    report: bool,
    /// Tell of every version that is written again, and why
    #[arg(short, long)]
    verbose: bool,
    /// The name of the user's role; without it, one is drawn for each character
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Write in the bare layout, after so many example characters [default: by the model]
    #[arg(long, value_name = "COUNT")]
    shots: Option<usize>,
    /// The length of the greeting, as a length word of the format; of several, each character gets the next
    #[arg(long, value_name = "WORD,...", value_delimiter = ',')]
    length: Vec<String>,
    /// How often a section is written at the most before its best version is taken
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..))]
    attempts: u16,
    /// The prompt format to ask in, or `model` for instructions in the model's own chat template [default: by the model;
    /// the layout is limarp-v1, for `--chat` limarp-flipped]
    #[arg(long)]
    format: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

/// A part of a card to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What the character is like
    Persona,
    /// Where the two meet
    Scenario,
    /// The first message
    Greeting,
    /// A dialogue that shows how the two talk
    Examples,
    /// A few entries about the world
    Lorebook,
    /// Persona, scenario and greeting: what is written anyway
    Card,
}

/// What is written of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// A card in a drawn portrait
    Png,
    /// A card as a JSON file
    Json,
    /// A card with its portrait in an archive
    Charx,
    /// One file with a card on each line
    Jsonl,
    /// The plain texts, on standard output
    Text,
}

impl Part {
    fn sections(self) -> Vec<Section> {
        match self {
            Self::Persona => vec![Section::Persona],
            Self::Scenario => vec![Section::Scenario],
            Self::Greeting => vec![Section::Greeting],
            Self::Examples => vec![Section::Examples],
            Self::Lorebook => vec![Section::Lorebook],
            Self::Card => Section::CARD.to_vec(),
        }
    }
}

impl GenerateArgs {
    /// The sections that were asked for.
    fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<_> = self.only.iter().flat_map(|part| part.sections()).collect();
        sections.sort_unstable();
        sections.dedup();
        if sections.is_empty() {
            Section::CARD.to_vec()
        } else {
            sections
        }
    }

    /// What is written: a part by itself is for reading.
    fn to(&self) -> To {
        let is_part = !self.only.is_empty() && !self.only.contains(&Part::Card);
        match self.to {
            Some(to) => to,
            None if is_part && self.output.is_none() && self.from.is_empty() => To::Text,
            None => To::Png,
        }
    }

    fn format(&self) -> Result<Format> {
        let default = if self.chat.is_some() {
            "limarp-flipped"
        } else {
            "limarp-v1"
        };
        // The chat template says how the model is asked; lengths and reports go by a format of ours all the same.
        let named = self.format.as_deref().filter(|name| *name != MODEL_FORMAT);
        Format::named(named.unwrap_or(default))
    }

    /// Whether the model is asked in its own chat template.
    fn is_by_template(&self) -> Result<bool> {
        if self.format.as_deref() != Some(MODEL_FORMAT) {
            return Ok(false);
        }
        let other = match (self.raw, self.shots) {
            (true, _) => "--raw",
            (false, Some(_)) => "--shots",
            (false, None) => return Ok(true),
        };
        let message = format!(
            "`{other}` writes in the LimaRP layout, and `--format model` asks in the chat template"
        );
        Err(Error::new(Kind::Usage, message).hint(format!("leave out `{other}` or `--format`")))
    }
}

/// Runs `generate`.
pub(super) fn generate(arguments: &GenerateArgs) -> Result<Answer> {
    let format = arguments.format()?;
    let instructions = arguments.is_by_template()?;
    for word in &arguments.length {
        format.check_length(word)?;
    }
    let sections = arguments.sections();
    if arguments.raw
        && let Some(section) = sections
            .iter()
            .find(|section| **section > Section::Greeting)
    {
        return Err(Error::new(
            Kind::Usage,
            format!("the plain LimaRP way knows no {section}"),
        )
        .hint("leave `--raw` out"));
    }
    let folder = Sink::folder(arguments)?;
    let mut manifest = match &folder {
        Some(folder) if needs_manifest(arguments) => Some(Manifest::open(folder)?),
        _ => None,
    };
    let begun = (manifest.as_ref())
        .filter(|_| arguments.resume)
        .and_then(|(_, contents)| contents.run.clone());
    let seed = (arguments.seed)
        .or_else(|| begun.as_ref().map(|run| run.seed))
        .unwrap_or_else(drawn_seed);
    let wishes = wishes::wishes(arguments, seed, begun.as_ref().map(|run| run.count))?;
    let done = match &mut manifest {
        Some((_, contents)) if arguments.resume => std::mem::take(&mut contents.records),
        _ => Vec::new(),
    };
    let targets = wishes::targets(arguments, &wishes, folder.as_deref())?;

    let slots = if wishes.len() >= MANY {
        MANY_SLOTS
    } else {
        SLOTS
    };
    // Examples and what is there already may be of any length.
    let is_short =
        arguments.shots.unwrap_or(0) == 0 && arguments.chat.is_none() && arguments.from.is_empty();
    let engine = arguments.model.load_for(Load {
        conversations: wishes.len().min(slots),
        least_context: is_short.then_some(LEAST_CONTEXT),
        prompt_cache: Some(PROMPT_CACHE),
    })?;
    let mut settings = arguments.sampler.settings()?;
    settings.seed = None;
    let inventor = Inventor::new(
        engine.as_ref(),
        &format,
        Options {
            shots: arguments.shots,
            instructions,
            raw: arguments.raw,
            attempts: arguments.attempts.into(),
            settings: settings.clone(),
            ..Options::default()
        },
    )?;
    if let Some((manifest, contents)) = &mut manifest {
        let run = Run {
            cardwright: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            count: wishes.len(),
            model: engine.model().name.clone(),
            method: inventor.method().name(),
            format: format.name().to_owned(),
            wishes: digest(
                &wishes[..begun
                    .as_ref()
                    .map_or(wishes.len(), |run| run.count.min(wishes.len()))],
                &format!("{settings:?} {}", arguments.attempts),
            ),
        };
        match &begun {
            Some(begun) => begun.goes_on_as(&run)?,
            None => manifest.begin(&run)?,
        }
        for record in contents
            .earlier
            .iter()
            .chain(&contents.records)
            .chain(&done)
        {
            inventor.remember(&record.character());
        }
    }

    let finished: HashSet<usize> = done.iter().map(|record| record.index).collect();
    let left: Vec<usize> = (0..wishes.len())
        .filter(|index| !finished.contains(index))
        .collect();
    let progress = Progress::new(wishes.len(), done.len(), arguments.verbose);
    let sink = Sink::open(
        arguments,
        folder.as_deref(),
        targets,
        manifest.map(|(manifest, _)| manifest),
        &done,
    )?;
    let records = work(
        &inventor,
        &wishes,
        &left,
        engine.model().slots,
        sink,
        &progress,
    );
    progress.end(seed);
    let records = records?;
    let failed = left.len() - records.len();
    let mut all = done;
    all.extend(records);
    all.sort_by_key(|record| record.index);
    if arguments.report {
        report(folder.as_deref(), &all, failed, &format)?;
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

/// A manifest is for runs that someone may want to go on with, or to look back at.
fn needs_manifest(arguments: &GenerateArgs) -> bool {
    let is_long = arguments.count.is_some_and(|count| count > 1) || arguments.names_file.is_some();
    arguments.from.is_empty()
        && arguments.chat.is_none()
        && (is_long || arguments.resume || arguments.report)
}

/// Has the characters of `left` written, and takes them to the disk on a thread of its own: the model does not wait for
/// pictures.
fn work(
    inventor: &Inventor<'_>,
    wishes: &[Wish],
    left: &[usize],
    slots: usize,
    mut sink: Sink<'_>,
    progress: &Progress,
) -> Result<Vec<Record>> {
    let mine: Vec<Wish> = left.iter().map(|index| wishes[*index].clone()).collect();
    let stop = AtomicBool::new(false);
    let (sender, finished) = mpsc::channel::<(usize, Box<Character>)>();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut records, mut broken) = (Vec::new(), None);
            for (index, character) in finished {
                match sink.write(index, &character, progress) {
                    Ok(record) => records.push(record),
                    // No more are begun; those that are finished may still find their place.
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        broken.get_or_insert(error);
                    }
                }
            }
            (records, broken)
        });
        let outcome = invent_many(inventor, &mine, slots, |event| {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::new(Kind::File, "the cards cannot be written"));
            }
            match event {
                Event::Started { index } => progress.started(mine[index].name.as_deref()),
                Event::Answered {
                    index,
                    section,
                    tokens,
                    rejected,
                } => {
                    let name = mine[index].name.as_deref().unwrap_or_default();
                    progress.answered(name, section, tokens, rejected.as_ref());
                }
                Event::Lost { index, error } => {
                    let name = mine[index].name.as_deref().unwrap_or_default();
                    progress.lost(name, &error);
                }
                Event::Finished { index, character } => match character {
                    // The other end is there until this one is dropped.
                    Ok(character) => drop(sender.send((left[index], character))),
                    Err(error) => {
                        let name = mine[index].name.clone().unwrap_or_default();
                        progress.failed(&error.at(name));
                    }
                },
            }
            Ok(())
        });
        drop(sender);
        let (records, broken) = writer.join().unwrap_or_default();
        match broken {
            Some(error) => Err(error),
            None => outcome.map(|()| records),
        }
    })
}

/// Prints the report, and writes it beside the cards.
fn report(folder: Option<&Path>, records: &[Record], lost: usize, format: &Format) -> Result<()> {
    let report = Report::of(records, lost, format)?;
    output::say(report.table().trim_end());
    let Some(folder) = folder else {
        return Ok(());
    };
    let json = serde_json::to_string_pretty(&report)
        .map_err(|e| Error::new(Kind::File, "the report cannot be written as JSON").source(e))?;
    write_beside(folder, "report.json", &json)?;
    write_beside(folder, "report.svg", &svg(&report))
}

fn write_beside(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    file::write(&path, text.as_bytes())?;
    output::note(&path.display().to_string());
    Ok(())
}
