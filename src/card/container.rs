//! The containers a card lives in, one row each: how to tell, read and write it.
//!
//! A file is judged by its bytes, never by its name: half of the cards called `.webp` are PNG. A new container is one
//! file and one row.

use super::{Card, payload, png};
use crate::{Error, Finding, Kind, Result};

/// A card as the bytes of a file; the second argument is what it goes into.
pub type Write = fn(&Card, Option<&[u8]>) -> Result<Vec<u8>>;

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
    /// The card in the bytes of a file.
    pub read: fn(&[u8]) -> Result<Reading>,
    /// The bytes of a file with the card in it; `None` where cards are only read. The second argument is what the card
    /// goes into, an image or the archive it came from: everything else in it is kept.
    pub write: Option<Write>,
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
            None => Err(Error::new(Kind::Usage, "a PNG card needs a picture")
                .hint("name one with `--image FILE`")),
        }),
    },
    Container {
        name: "JSON",
        about: "the card as text",
        extensions: &["json"],
        sniff: payload::sniff,
        read: |bytes| payload::read(bytes, json(), 0..bytes.len()),
        write: Some(|card, _| Ok(card.json().as_bytes().to_vec())),
    },
];

/// The row for JSON.
pub(super) fn json() -> &'static Container {
    row("JSON")
}

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
        Some(container) => (container.read)(bytes),
        None => {
            let known: Vec<_> = CONTAINERS.iter().map(|container| container.name).collect();
            Err(Error::new(
                Kind::Card,
                format!("this is none of the containers known: {}", known.join(", ")),
            ))
        }
    }
}
