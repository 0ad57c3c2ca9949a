//! The folder of cards: what is in it, and the only place that opens or writes its files.
//!
//! Nothing outside that folder is touched: a name is one plain component, and neither it nor what is listed may be a link.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::view;
use crate::card::{Card, Container, Path as CardPath, Reading};
use crate::hex::hex;
use crate::serve::parts::is_plain;
use crate::serve::{limits, seconds};
use crate::{Error, Kind, Result, file};

/// The most cards in one list.
const MOST: usize = 5000;

/// The folder, and what is remembered of it.
#[derive(Debug)]
pub(in crate::serve) struct Shelf {
    folder: PathBuf,
    /// What was told of each file, as long as it stays as it was. Held while a card is written, so that two writers do
    /// not overwrite each other.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    changed: Option<SystemTime>,
    length: u64,
    told: Result<Value, String>,
}

/// A card as it stands in the folder.
pub(super) struct Found {
    pub(super) reading: Reading,
    pub(super) bytes: Vec<u8>,
    /// Changes whenever the bytes do.
    pub(super) version: String,
}

/// A change of one value; `None` takes it out.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) path: CardPath,
    pub(super) value: Option<Value>,
}

impl Shelf {
    pub(in crate::serve) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            known: Mutex::default(),
        }
    }

    /// Every card, by file name.
    pub(super) fn list(&self) -> Result<Value> {
        let entries =
            fs::read_dir(&self.folder).map_err(|e| Error::file("list", &self.folder, e))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| Path::new(name).extension().is_some_and(is_of_a_card))
            .collect();
        names.sort_unstable();
        let complete = names.len() <= MOST;
        names.truncate(MOST);
        let mut known = self.known();
        known.retain(|name, _| names.binary_search(name).is_ok());
        let (mut cards, mut unreadable) = (Vec::new(), Vec::new());
        for name in names {
            let Some((path, metadata)) = self.place(&name) else {
                continue;
            };
            let changed = metadata.modified().ok();
            let length = metadata.len();
            let is_same = |known: &&Known| {
                known.changed.is_some() && known.changed == changed && known.length == length
            };
            let told = match known.get(&name).filter(is_same) {
                Some(known) => known.told.clone(),
                None => summary(&name, &path, &metadata),
            };
            match &told {
                Ok(card) => cards.push(card.clone()),
                Err(reason) => unreadable.push(json!({ "file": name, "reason": reason })),
            }
            known.insert(
                name,
                Known {
                    changed,
                    length,
                    told,
                },
            );
        }
        Ok(json!({ "cards": cards, "unreadable": unreadable, "complete": complete }))
    }

    /// The card in the file of that name; `None` when there is no such file, or it is none that may be opened.
    pub(super) fn read(&self, name: &str) -> Result<Option<Found>> {
        let Some(bytes) = self.bytes(name)? else {
            return Ok(None);
        };
        let reading = Card::from_bytes(&bytes)?;
        let version = version(&bytes);
        Ok(Some(Found {
            reading,
            bytes,
            version,
        }))
    }

    /// The bytes of the file of that name, whatever they are.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some((path, metadata)) = self.place(name) else {
            return Ok(None);
        };
        check_size(metadata.len())?;
        file::read(&path).map(Some)
    }

    /// Puts a card that was sent into the folder, under a name that is free, and says which.
    pub(super) fn add(&self, wanted: &str, bytes: &[u8]) -> Result<String> {
        let reading = Card::from_bytes(bytes)?;
        let stem = Path::new(wanted).file_stem().and_then(OsStr::to_str);
        let stem = match stem {
            Some(stem) if !stem.trim().is_empty() => stem.to_owned(),
            _ => reading.card.name().into_owned(),
        };
        let extension = reading.container.extensions[0];
        let known = self.known();
        for number in 1..=MOST {
            let stem = match number {
                1 => stem.clone(),
                number => format!("{stem}-{number}"),
            };
            let name = file::file_name(&stem, extension);
            let path = self.folder.join(&name);
            // A broken link is in the way too.
            if fs::symlink_metadata(&path).is_err() {
                file::write(&path, bytes)?;
                drop(known);
                return Ok(name);
            }
        }
        let message = format!("there are {MOST} cards of the name `{stem}`");
        Err(Error::new(Kind::Limit, message))
    }

    /// Edits the card in the file of that name, if it still is the one that was read as `version`.
    ///
    /// Nothing but the edited values changes.
    pub(super) fn edit(&self, name: &str, version: &str, edits: &[Edit]) -> Result<Option<Edited>> {
        let known = self.known();
        let Some(found) = self.read(name)? else {
            return Ok(None);
        };
        if found.version != version {
            return Ok(Some(Edited::Stale));
        }
        let bytes = edited(&found.reading, &found.bytes, edits)?;
        file::write(&self.folder.join(name), &bytes)?;
        drop(known);
        Ok(Some(Edited::Written))
    }

    /// Where the file of that name is, if it is one that may be opened.
    fn place(&self, name: &str) -> Option<(PathBuf, Metadata)> {
        // A backslash separates elsewhere, a colon names a stream or a drive.
        if !is_plain(name) || name.contains(['\\', ':', '\0']) {
            return None;
        }
        let path = self.folder.join(name);
        let metadata = fs::symlink_metadata(&path).ok()?;
        let is_card = metadata.is_file() && path.extension().is_some_and(is_of_a_card);
        is_card.then_some((path, metadata))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an edit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    Written,
    /// Somebody else has changed the card meanwhile.
    Stale,
}

/// The file of a card with other values in it.
pub(super) fn edited(reading: &Reading, bytes: &[u8], edits: &[Edit]) -> Result<Vec<u8>> {
    let card = edited_card(&reading.card, edits)?;
    let Some(write) = reading.container.write else {
        let name = reading.container.name;
        let message = format!("cards in {name} are only read");
        return Err(Error::new(Kind::Usage, message).hint("convert it to PNG or JSON first"));
    };
    write(&card, Some(bytes))
}

/// A card with other values in it.
pub(super) fn edited_card(card: &Card, edits: &[Edit]) -> Result<Card> {
    let mut card = card.clone();
    for edit in edits {
        match &edit.value {
            Some(value) => card.set(&edit.path, value)?,
            None => card.unset(&edit.path).map(|_| ())?,
        }
    }
    Ok(card)
}

fn version(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..12])
}

fn check_size(length: u64) -> Result<()> {
    if length > limits::CARD as u64 {
        let message = format!("the card is larger than {} MiB", limits::CARD >> 20);
        return Err(Error::new(Kind::Limit, message));
    }
    Ok(())
}

fn is_of_a_card(extension: &OsStr) -> bool {
    extension
        .to_str()
        .is_some_and(|extension| Container::by_extension(extension).is_some())
}

/// What a list says of a card, or why it cannot be read. Reasons name no path.
fn summary(name: &str, path: &Path, metadata: &Metadata) -> Result<Value, String> {
    let said = |error: Error| error.message().to_owned();
    check_size(metadata.len()).map_err(said)?;
    let reading = Card::open(path).map_err(said)?;
    let mut told = view::summary(&reading.card);
    told["file"] = name.into();
    told["container"] = reading.container.name.into();
    let mut head = [0; 12];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    told["picture"] = (read.is_ok() && view::image_type(&head).is_some()).into();
    told["size"] = metadata.len().into();
    told["changed"] = metadata.modified().map_or(0, seconds).into();
    Ok(told)
}
