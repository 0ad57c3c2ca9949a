//! The containers a card lives in, one row each: how to tell, read and write it.
//!
//! A file is judged by its bytes, never by its name: half of the cards called `.webp` are PNG. A new container is one
//! file and one row.

use super::archive::{byaf, charx};
use super::asset::Stored;
use super::{Card, exif, foreign, payload, png, yaml};
use crate::{Error, Finding, Kind, Result};

/// The card in the bytes of a file; the second argument is the container they are.
pub type Read = fn(&[u8], &'static Container) -> Result<Reading>;
/// A card as the bytes of a file; the second argument is what it goes into.
pub type Write = fn(&Card, Option<&[u8]>) -> Result<Vec<u8>>;
/// The files beside the card in the bytes of a file.
pub type Files = fn(&[u8]) -> Result<Vec<Stored>>;
/// The picture of the character in the bytes of a file.
pub type Picture = fn(&[u8]) -> Result<Option<Vec<u8>>>;

/// A container a card can live in.
#[derive(Debug)]
pub struct Container {
    /// Its name, as people say it.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// File name extensions, without a dot; the first is the one to write.
    pub extensions: &'static [&'static str],
    /// Whether bytes begin like this container.
    pub sniff: fn(&[u8]) -> bool,
    /// The card in the bytes of a file; the second argument is this container.
    pub read: Read,
    /// The bytes of a file with the card in it; `None` where cards are only read. The second argument is what the card
    /// goes into, an image or the archive it came from: everything else in it is kept.
    pub write: Option<Write>,
    /// The files beside the card.
    pub files: Files,
    /// The picture, where that is the container itself; `None` where the card names one.
    pub picture: Option<Picture>,
}

/// No files stand beside the card.
fn no_files(_: &[u8]) -> Result<Vec<Stored>> {
    Ok(Vec::new())
}

/// The file is the picture.
fn itself(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    Ok(Some(bytes.to_vec()))
}

/// The refusal to make a card of this format out of nothing.
pub(super) fn needs_picture(format: &str) -> Error {
    Error::new(Kind::Usage, format!("a {format} card needs a picture"))
        .hint("name one with `--image FILE`")
}

/// The card as JSON; into JSON of another program by that one's table.
fn write_json(card: &Card, source: Option<&[u8]>) -> Result<Vec<u8>> {
    if let Some(source) = source
        && let Ok(document) = payload::document(source, &mut Vec::new())
        && let Some(foreign) = foreign::of(&document)
    {
        return foreign.write(&document, card).map(String::into_bytes);
    }
    Ok(card.json().as_bytes().to_vec())
}

impl PartialEq for Container {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Every container, in the order they are tried.
pub static CONTAINERS: &[Container] = &[
    Container {
        name: "PNG",
        about: "an image with the card in text chunks",
        extensions: &["png", "apng"],
        sniff: png::sniff,
        read: png::read,
        write: Some(|card, image| match image {
            Some(image) => png::write(image, card),
            None => Err(needs_picture("PNG")),
        }),
        files: |bytes| Ok(png::files(bytes)),
        picture: Some(|bytes| Ok(png::sniff(bytes).then(|| png::picture(bytes)))),
    },
    Container {
        name: "CHARX",
        about: "a zip archive with the card and its files",
        extensions: &["charx"],
        sniff: charx::sniff,
        read: charx::read,
        write: Some(charx::write),
        files: charx::files,
        picture: None,
    },
    Container {
        name: "CHARX-JPEG",
        about: "the same archive behind a JPEG picture",
        extensions: &["jpeg", "jpg"],
        sniff: charx::sniff_jpeg,
        read: charx::read,
        write: Some(|card, source| match source {
            Some(source) => charx::write(card, Some(source)),
            None => Err(needs_picture("JPEG")),
        }),
        files: charx::files,
        picture: None,
    },
    Container {
        name: "BYAF",
        about: "a zip archive of Backyard AI",
        extensions: &["byaf"],
        sniff: byaf::sniff,
        read: byaf::read,
        write: Some(byaf::write),
        files: byaf::files,
        picture: Some(byaf::picture),
    },
    Container {
        name: "JPEG",
        about: "an image with the card in its EXIF data",
        extensions: &["jpg", "jpeg"],
        sniff: exif::sniff_jpeg,
        read: exif::read_jpeg,
        write: None,
        files: no_files,
        picture: Some(itself),
    },
    Container {
        name: "WEBP",
        about: "an image with the card in its EXIF data",
        extensions: &["webp"],
        sniff: exif::sniff_webp,
        read: exif::read_webp,
        write: None,
        files: no_files,
        picture: Some(itself),
    },
    Container {
        name: "JSON",
        about: "the card as text",
        extensions: &["json"],
        sniff: payload::sniff,
        read: |bytes, container| payload::read(bytes.to_vec(), container, 0..bytes.len()),
        write: Some(write_json),
        files: no_files,
        picture: None,
    },
    Container {
        name: "YAML",
        about: "the card as text for people, and the characters of text-generation-webui",
        extensions: &["yaml", "yml"],
        sniff: yaml::sniff,
        read: yaml::read,
        write: Some(yaml::write),
        files: no_files,
        picture: None,
    },
];

/// The row called `name`.
pub(super) fn row(name: &str) -> &'static Container {
    CONTAINERS
        .iter()
        .find(|container| container.name == name)
        .unwrap_or(&CONTAINERS[0])
}

impl Container {
    /// The container that files with this extension (without a dot, in any case) usually are.
    #[must_use]
    pub fn by_extension(extension: &str) -> Option<&'static Self> {
        CONTAINERS.iter().find(|container| {
            container
                .extensions
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension))
        })
    }
}

/// A card that was read, and what was noticed on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The card.
    pub card: Card,
    /// The container it was in.
    pub container: &'static Container,
    /// What had to be forgiven, in the order it was met.
    pub findings: Vec<Finding>,
    /// The card's JSON as it was stored: after base64 and inflating, before any repair.
    pub payload: Vec<u8>,
}

/// The card in the bytes of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Reading> {
    if bytes.is_empty() {
        return Err(Error::new(Kind::Card, "the file is empty"));
    }
    match CONTAINERS.iter().find(|container| (container.sniff)(bytes)) {
        Some(container) => (container.read)(bytes, container),
        None if bytes.starts_with(&[0x1f, 0x8b]) => Err(Error::new(
            Kind::Card,
            "this is a gzip file, as Perchance exports characters; that format is not read",
        )
        .hint("unpack it with `gzip -d` and look for JSON inside")),
        None => {
            let known: Vec<_> = CONTAINERS.iter().map(|container| container.name).collect();
            Err(Error::new(
                Kind::Card,
                format!("this is none of the containers known: {}", known.join(", ")),
            ))
        }
    }
}
