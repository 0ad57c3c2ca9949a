//! `scrub`: a card without what tells about its owner.

use std::path::PathBuf;

use clap::Args;

use super::{bytes_of, keep_existing, read, write};
use crate::card::{lint, scrub as scrub_card, scrub_image};
use crate::cli::{Answer, output};
use crate::{Error, Kind, Result, Severity, file};

/// Take private fields and metadata out of a card.
#[derive(Debug, Args)]
#[command(after_help = "\
Goes: EXIF, generator parameters and other text of the picture, its time stamp, bytes behind it; names of chats, dates of
import, favourite marks, linked lorebooks. Stays: the card, its assets, the pixels. What stands in the texts is only named.")]
pub(in crate::cli) struct ScrubArgs {
    /// The card
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write here and leave the file as it is
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
}

/// Runs `scrub`.
pub(in crate::cli) fn scrub(arguments: &ScrubArgs) -> Result<Answer> {
    let bytes = bytes_of(&arguments.file)?;
    let reading = read(&arguments.file, &bytes)?;
    let target = arguments.output.as_ref().unwrap_or(&arguments.file);
    if target == std::path::Path::new("-") {
        return Err(
            Error::new(Kind::Usage, "standard input cannot be changed in place")
                .hint("say where to write with `-o`"),
        );
    }
    if arguments.output.is_some() {
        keep_existing(target, arguments.force)?;
    }
    let beside: Vec<_> = lint::check_reading(&reading, &bytes);
    let mut card = reading.card;
    for path in scrub_card(&mut card)? {
        output::say(&format!("taken out: `{path}`"));
    }
    let clean = scrub_image(&bytes);
    let written = write(
        reading.container,
        &card,
        None,
        Some((reading.container, &clean)),
    )?;
    for finding in beside
        .iter()
        .filter(|f| matches!(f.place, crate::Place::Bytes(_)))
    {
        if lint::rule(finding.code).is_some_and(|rule| rule.topic == lint::Topic::Privacy) {
            output::say(&format!("taken out: {}", output::escape(&finding.message)));
        }
    }
    file::write(target, &written)?;
    let left = lint::check(&card);
    let left = left.iter().filter(|finding| {
        finding.severity >= Severity::Warning
            && lint::rule(finding.code).is_some_and(|rule| rule.topic == lint::Topic::Privacy)
    });
    super::tell(
        &arguments.file,
        &left.cloned().collect::<Vec<_>>(),
        Severity::Warning,
    );
    Ok(Answer::Yes)
}
