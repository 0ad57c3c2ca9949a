//! Commands about cards: look at them, check them, compare them, convert them, edit them in place.

mod check;
mod convert;
mod diff;
mod edit;
#[cfg(feature = "index")]
mod scan;
mod scrub;
#[cfg(feature = "index")]
mod search;
mod show;
mod tokens;

use std::io::IsTerminal as _;
use std::path::Path;

pub(super) use check::{CheckArgs, check};
pub(super) use convert::{ConvertArgs, convert};
pub(super) use diff::{DiffArgs, diff};
pub(super) use edit::{EditArgs, edit};
#[cfg(feature = "index")]
pub(super) use scan::{ScanArgs, scan};
pub(super) use scrub::{ScrubArgs, scrub};
#[cfg(feature = "index")]
pub(super) use search::{SearchArgs, search};
pub(super) use show::{ShowArgs, show};

use super::input::bytes as bytes_of;
use super::output;
use crate::card::{CONTAINERS, Card, Container, Reading};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The card in the bytes of the file at `path`.
fn read(path: &Path, bytes: &[u8]) -> Result<Reading> {
    Card::from_bytes(bytes).map_err(|error| error.at(path.display().to_string()))
}

/// The card in the file at `path`, without what was noticed on the way.
pub(super) fn open(path: &Path) -> Result<Card> {
    let reading = if path == Path::new("-") {
        read(path, &bytes_of(path)?)
    } else {
        // Skips the picture.
        Card::open(path)
    };
    Ok(reading?.card)
}

/// The container that a file of this name should be.
pub(super) fn container_for(path: &Path) -> Result<&'static Container> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let known = || {
        let names = CONTAINERS
            .iter()
            .filter(|container| container.write.is_some());
        let names: Vec<_> = names.map(|c| format!("`.{}`", c.extensions[0])).collect();
        format!("end the name in {}", names.join(" or "))
    };
    extension.and_then(Container::by_extension).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "the name does not say which container to write",
        )
        .at(path.display().to_string())
        .hint(known())
    })
}

/// The card as the bytes of a file. A PNG goes into `image`, else into `source` when that is one, else into a drawn
/// portrait.
pub(super) fn write(
    container: &'static Container,
    card: &Card,
    image: Option<&[u8]>,
    source: Option<(&'static Container, &[u8])>,
) -> Result<Vec<u8>> {
    let Some(write) = container.write else {
        return Err(Error::new(
            Kind::Usage,
            format!("{} cards are read, not written", container.name),
        )
        .hint("write a PNG or a JSON file with `-o`"));
    };
    let own = source
        .filter(|(from, _)| *from == container)
        .map(|(_, bytes)| bytes);
    match image.or(own) {
        Some(bytes) => write(card, Some(bytes)),
        None if container.name == "PNG" => write(card, drawn(card)?.as_deref()),
        None => write(card, None),
    }
}

/// The picture in a file, as PNG.
fn image(path: &Path) -> Result<Vec<u8>> {
    let bytes = crate::file::read(path)?;
    #[cfg(feature = "pictures")]
    let bytes = match crate::card::picture_as_png(&bytes) {
        Ok(std::borrow::Cow::Borrowed(_)) => bytes,
        Ok(std::borrow::Cow::Owned(png)) => png,
        Err(error) => return Err(error.at(path.display().to_string())),
    };
    Ok(bytes)
}

/// A portrait for a card that has no picture.
#[cfg(feature = "portrait")]
fn drawn(card: &Card) -> Result<Option<Vec<u8>>> {
    use crate::generate::portrait::{self, Size, Subject};
    let (name, text) = (card.name(), card.description());
    let subject = Subject {
        name: &name,
        text: &text,
    };
    output::say("no picture given, so one is drawn; `--image FILE` takes your own");
    portrait::draw(&subject, 0, Size::Portrait).map(Some)
}

#[cfg(not(feature = "portrait"))]
#[allow(clippy::unnecessary_wraps)]
fn drawn(_: &Card) -> Result<Option<Vec<u8>>> {
    Ok(None)
}

/// How many findings are told before the rest is only counted.
const MAX_TOLD: usize = 5;

/// Tells what was noticed, from `least` up.
fn tell(path: &Path, findings: &[Finding], least: Severity) {
    let told: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity >= least)
        .collect();
    if told.len() > MAX_TOLD {
        output::say(&format!(
            "{}: {} more findings; `cardwright check` lists them",
            output::escape(&path.display().to_string()),
            told.len() - MAX_TOLD
        ));
    }
    for finding in told.into_iter().take(MAX_TOLD) {
        let style = match finding.severity {
            Severity::Error => output::RED,
            Severity::Warning => output::YELLOW,
            Severity::Info => output::CYAN,
        };
        let place = match &finding.place {
            Place::Whole => String::new(),
            Place::Path(path) => format!(" {path}:"),
            Place::Bytes(range) => format!(" byte {}:", range.start),
        };
        output::say(&format!(
            "{style}{}[{}]:{style:#} {}:{} {}",
            finding.severity,
            finding.code,
            output::escape(&path.display().to_string()),
            output::escape(&place),
            output::escape(&finding.message),
        ));
    }
}

/// Refuses to write over a file that is there already.
pub(super) fn keep_existing(path: &Path, force: bool) -> Result<()> {
    if !force && path.exists() {
        return Err(Error::new(Kind::Usage, "this file is there already")
            .at(path.display().to_string())
            .hint("`--force` writes over it"));
    }
    Ok(())
}

/// Text from a card for standard output: harmless on a terminal, as it is elsewhere.
fn for_output(text: &str) -> String {
    if std::io::stdout().is_terminal() {
        output::escape(text)
    } else {
        text.to_owned()
    }
}
