//! `portrait`: draws the picture of a card anew, or one for a name.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::card::keep_existing;
use super::{Answer, output};
use crate::card::{self, Card};
use crate::generate::portrait::{self, Size, Subject};
use crate::sampling::drawn_seed;
use crate::{Error, Kind, Result, file};

/// Draws a portrait.
#[derive(Debug, Args)]
pub(super) struct PortraitArgs {
    /// A card, which gets a new picture, or a name
    #[arg(value_name = "CARD|NAME")]
    subject: PathBuf,
    /// Where to write; `-` is standard output. Without it a PNG card is changed in place, and a name's picture is
    /// written to NAME.png
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
    /// Repeat the picture of this seed; without it every picture is another one
    #[arg(long)]
    seed: Option<u64>,
    /// Words about the looks, in place of those in the card
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
    /// 400 by 400 pixels instead of 400 by 600
    #[arg(long)]
    square: bool,
}

/// Runs `portrait`.
pub(super) fn portrait(arguments: &PortraitArgs) -> Result<Answer> {
    let seed = arguments.seed.unwrap_or_else(fresh_seed);
    let size = if arguments.square {
        Size::Square
    } else {
        Size::Portrait
    };
    let draw = |name: &str, text: String| {
        let text = arguments.text.clone().unwrap_or(text);
        portrait::draw(&Subject { name, text: &text }, seed, size)
    };
    let subject = &arguments.subject;
    let (bytes, target) = if is_file(subject) {
        let place = |error: Error| error.at(subject.display().to_string());
        let bytes = file::read(subject)?;
        let reading = Card::from_bytes(&bytes).map_err(place)?;
        let target = match &arguments.output {
            Some(output) => output.clone(),
            None if reading.container.name == "PNG" => subject.clone(),
            None => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("a {} card has no picture to change", reading.container.name),
                )
                .at(subject.display().to_string())
                .hint("name the PNG to write with `-o FILE`"));
            }
        };
        let image = draw(&reading.card.name(), portrait::looks(&reading.card))?;
        let how = card::Conversion {
            picture: Some(&image),
            ..card::Conversion::default()
        };
        let png = card::Container::by_extension("png").unwrap_or(&card::CONTAINERS[0]);
        let converted = card::convert(&reading, &bytes, png, how).map_err(place)?;
        (converted.bytes, target)
    } else {
        let name = subject.to_string_lossy();
        let target = match &arguments.output {
            Some(output) => output.clone(),
            None => PathBuf::from(format!("{}.png", file_name(&name))),
        };
        (draw(&name, String::new())?, target)
    };
    if target.as_os_str() != "-" && target != *subject {
        keep_existing(&target, arguments.force)?;
    }
    write(&target, &bytes)?;
    output::say(&format!(
        "{}: seed {seed}",
        output::escape(&target.display().to_string())
    ));
    Ok(Answer::Yes)
}

/// Whether the argument means a file rather than a name: it exists, or is spelt as only a file is.
fn is_file(subject: &Path) -> bool {
    subject.is_file()
        || subject.components().count() > 1
        || subject.extension().is_some_and(|extension| {
            card::CONTAINERS
                .iter()
                .flat_map(|container| container.extensions)
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
}

/// A name with what file systems dislike made into hyphens.
fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == ' ' {
                c
            } else {
                '-'
            }
        })
        .collect();
    match safe.trim_matches([' ', '-']) {
        "" => "portrait".to_owned(),
        safe => safe.to_owned(),
    }
}

/// A seed short enough to be typed again.
fn fresh_seed() -> u64 {
    drawn_seed() % 1_000_000
}

fn write(target: &Path, bytes: &[u8]) -> Result<()> {
    if target.as_os_str() != "-" {
        return file::write(target, bytes);
    }
    if std::io::stdout().is_terminal() {
        return Err(Error::new(Kind::Usage, "a PNG is not for a terminal")
            .hint("redirect standard output, or name a file with `-o FILE`"));
    }
    output::print_raw(bytes)
}
