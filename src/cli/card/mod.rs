//! Commands about cards: look at them, check them, compare them, convert them, edit them in place.

mod check;
mod convert;
mod diff;
mod edit;
mod extract;
mod lorebook;
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
pub(super) use extract::{ExtractArgs, extract};
pub(super) use lorebook::{LorebookArgs, lorebook};
#[cfg(feature = "index")]
pub(super) use scan::{ScanArgs, scan};
pub(super) use scrub::{ScrubArgs, scrub};
#[cfg(feature = "index")]
pub(super) use search::{SearchArgs, search};
pub(super) use show::{ShowArgs, show};

use super::input::bytes as bytes_of;
use super::output;
use crate::card::{
    CONTAINERS, Card, Container, Conversion, Reading, convert as convert_card, picture,
};
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

/// The card as the bytes of a file. Into a file of the same container it goes where it stood; into another with the
/// picture and the files of its `source`, and with a drawn portrait where a picture is needed and there is none.
pub(super) fn write(
    container: &'static Container,
    card: &Card,
    image: Option<&[u8]>,
    source: Option<(&'static Container, &[u8])>,
) -> Result<Vec<u8>> {
    if let (Some((from, bytes)), None, Some(write)) = (source, image, container.write)
        && from == container
    {
        return write(card, Some(bytes));
    }
    let (from, bytes) = source.unwrap_or((container, &[]));
    let reading = Reading {
        card: card.clone(),
        container: from,
        findings: Vec::new(),
        payload: Vec::new(),
    };
    let (written, lost) = convert_to(container, &reading, bytes, image, false)?;
    tell_lost(Path::new(container.name), &lost);
    Ok(written)
}

/// A card that was read from `bytes` in a container, and what that one cannot hold.
fn convert_to(
    container: &'static Container,
    reading: &Reading,
    bytes: &[u8],
    image: Option<&[u8]>,
    whole: bool,
) -> Result<(Vec<u8>, Vec<Finding>)> {
    let needs_picture = matches!(container.name, "PNG" | "CHARX-JPEG");
    let drawn = if needs_picture && image.is_none() && picture(reading, bytes)?.is_none() {
        drawn(&reading.card)?
    } else {
        None
    };
    let how = Conversion {
        picture: image.or(drawn.as_deref()),
        whole,
    };
    let converted = convert_card(reading, bytes, container, how)?;
    Ok((converted.bytes, converted.lost))
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

/// Tells all that a container could not hold.
fn tell_lost(path: &Path, lost: &[Finding]) {
    for finding in lost {
        tell(path, std::slice::from_ref(finding), Severity::Info);
    }
}

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
            place => format!(" {place}:"),
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

/// So many of something.
fn number<N: std::fmt::Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{plural}")
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
