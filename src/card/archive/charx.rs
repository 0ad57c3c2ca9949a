//! CHARX: `card.json` (V3) at the root of a zip, and the files it names beside it; also behind a JPEG.

use std::collections::HashMap;

use super::zip::{self, Archive};
use super::{Sort, entry_findings, sort, text};
use crate::card::payload::{self, note};
use crate::card::{Card, Container, Reading, Version, asset};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The one name that counts.
pub(crate) const CARD: &str = "card.json";

/// Whether bytes are a zip, unless it is one of Backyard's.
pub(crate) fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && sort(bytes) != Some(Sort::Byaf)
}

/// Whether bytes are a JPEG with a card's zip behind it.
pub(crate) fn sniff_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
        && zip::is_at_end(bytes)
        && sort(bytes) == Some(Sort::Charx)
}

/// The card in an archive.
pub(crate) fn read(bytes: &[u8], container: &'static Container) -> Result<Reading> {
    let archive = Archive::open(bytes)?;
    let entry = archive.find(CARD).ok_or_else(|| super::no_card(&archive))?;
    if entry.is_link {
        return Err(Error::new(
            Kind::Card,
            format!("`{CARD}` in the zip is a symbolic link"),
        ));
    }
    let mut findings = entry_findings(&archive);
    let content = text(&archive, entry, &mut findings)?;
    let mut reading = payload::read(content.bytes, container, archive.place(entry))
        .map_err(|error| error.at(CARD))?;
    findings.append(&mut reading.findings);
    if reading.card.version() < Version::V3 {
        findings.push(Finding {
            fix: Some("write it as V3".into()),
            ..note(
                "charx-version",
                Severity::Warning,
                &Place::Path("spec".into()),
                format!(
                    "the card is {}; RisuAI takes only V3 out of a CHARX",
                    reading.card.version()
                ),
            )
        });
    }
    let paths = archive.entries().iter().map(|entry| entry.name.as_str());
    findings.extend(asset::missing(&reading.card, paths));
    reading.findings = findings;
    Ok(reading)
}

/// The files beside the card.
pub(crate) fn files(bytes: &[u8]) -> Result<Vec<asset::Stored>> {
    super::files(&Archive::open(bytes)?, &[CARD])
}

/// The archive with the card in it; all other entries and what stands around them stay as they are.
pub(crate) fn write(card: &Card, source: Option<&[u8]>) -> Result<Vec<u8>> {
    let card = as_v3(card)?;
    let Some(source) = source else {
        return Ok(build(&[], &card, &[]));
    };
    let archive = Archive::open(source)?;
    let stored = archive
        .find(CARD)
        .map(|entry| archive.read(entry, payload::MAX_TEXT));
    if let Some(Ok(content)) = stored
        && content.is_sound
        && content.bytes == card.json().as_bytes()
    {
        return Ok(source.to_vec());
    }
    let change = (CARD.to_owned(), Some(card.json().as_bytes().to_vec()));
    Ok(archive.rewrite(&HashMap::from([change])))
}

/// A card as V3, which a CHARX must hold; one that is V3 stays as it is.
fn as_v3(card: &Card) -> Result<Card> {
    match card.version() {
        Version::V3 => Ok(card.clone()),
        _ => Ok(card.to_version(Version::V3)?.0),
    }
}

/// A new archive of a V3 card and the files beside it, behind `prefix`.
pub(crate) fn build(prefix: &[u8], card: &Card, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let card = (CARD, card.json().as_bytes());
    let files = files
        .iter()
        .map(|(path, data)| (path.as_str(), data.as_slice()));
    zip::build(prefix, std::iter::once(card).chain(files))
}

/// The archive with the card and another picture in place of the icon at `path`; every other entry stays as it is.
pub(crate) fn with_picture(
    card: &Card,
    source: &[u8],
    path: &str,
    picture: &[u8],
) -> Result<Vec<u8>> {
    let archive = Archive::open(source)?;
    let changes = [(CARD, card.json().as_bytes()), (path, picture)];
    let changes = changes.map(|(name, bytes)| (name.to_owned(), Some(bytes.to_vec())));
    Ok(archive.rewrite(&HashMap::from(changes)))
}

/// What stands before the archive: the picture of a charx-jpeg.
pub(crate) fn prefix(bytes: &[u8]) -> Option<&[u8]> {
    let archive = Archive::open(bytes).ok()?;
    let first = archive
        .entries()
        .iter()
        .map(|entry| archive.header(entry))
        .min()?;
    Some(&bytes[..first])
}
