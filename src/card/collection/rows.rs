//! What the index says of a folder, row by row.

use std::path::{Path, PathBuf};

use rusqlite::{Row as SqlRow, params};
use serde::{Deserialize, Serialize};

use super::{Collection, failed};
use crate::{Finding, Result};

/// A card in the index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CardRow {
    /// The character's name, on one line.
    pub name: String,
    /// Who made the card.
    pub creator: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// How its description begins, on one line, at most 160 characters.
    pub summary: String,
    /// Characters that are in every prompt: description, personality, scenario, instructions.
    pub permanent: u64,
    /// Characters that are in the first prompts only: greeting and examples.
    pub temporary: u64,
    /// The number of greetings.
    pub greetings: u64,
    /// The number of lorebook entries.
    pub entries: u64,
}

/// A finding of a check, as the index keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The rule's name.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// A JSON path, or `byte N`; empty for the file as a whole.
    pub place: String,
    /// What is the matter.
    pub message: String,
}

impl Noted {
    pub(super) fn of(finding: &Finding) -> Self {
        Self {
            code: finding.code.to_owned(),
            severity: finding.severity.to_string(),
            place: finding.place.to_string(),
            message: finding.message.clone(),
        }
    }
}

/// A file in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The container, as [`Container::name`](crate::card::Container::name) says it; empty for a file that was not read.
    pub container: String,
    /// The version of the card; empty for a file that was not read.
    pub version: String,
    /// The card, or why there is none.
    pub card: Result<CardRow, String>,
    /// What a check found; `None` where none was asked for.
    pub findings: Option<Vec<Noted>>,
}

/// The columns of a card that [`CardRow::read`] takes.
pub(super) const FIELDS: &str = "card.name, card.creator, card.tags, card.summary, card.permanent, card.temporary, \
     card.greetings, card.entries";

impl CardRow {
    /// The card in a row of a query, from the column `at` on.
    pub(super) fn read(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<Self> {
        let tags: String = row.get(at + 2)?;
        Ok(Self {
            name: row.get(at)?,
            creator: row.get(at + 1)?,
            tags: serde_json::from_str(&tags).unwrap_or_default(),
            summary: row.get(at + 3)?,
            permanent: row.get(at + 4)?,
            temporary: row.get(at + 5)?,
            greetings: row.get(at + 6)?,
            entries: row.get(at + 7)?,
        })
    }
}

impl Row {
    fn read(row: &SqlRow<'_>) -> rusqlite::Result<Self> {
        let error: Option<String> = row.get(4)?;
        let checked: Option<String> = row.get(5)?;
        Ok(Self {
            path: path_of(row.get(0)?),
            size: row.get(1)?,
            container: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            version: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            card: match error {
                Some(error) => Err(error),
                None => Ok(CardRow::read(row, 6)?),
            },
            findings: checked.map(|checked| serde_json::from_str(&checked).unwrap_or_default()),
        })
    }
}

impl Collection {
    /// Hands out every file of a scanned folder, in the order of their paths.
    ///
    /// # Errors
    ///
    /// Those of `each`; [`Kind::File`](crate::Kind::File) when the index cannot be read.
    pub fn rows(&self, folder: &Path, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let (from, to) = range(folder)?;
        let mut query = self
            .index
            .prepare_cached(&format!(
                "SELECT file.path, file.size, file.container, file.version, file.error, file.checked, {FIELDS}
                 FROM file LEFT JOIN card ON card.id = file.card
                 WHERE file.path >= ?1 AND file.path < ?2 ORDER BY file.path"
            ))
            .map_err(failed)?;
        let mut rows = query.query(params![from, to]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(Row::read(row).map_err(failed)?)?;
        }
        Ok(())
    }
}

/// The bytes of the paths of everything below a folder: from the first, to before the second.
pub(super) fn range(folder: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let folder = absolute(folder)?;
    if folder.is_file() {
        let from = bytes_of(&folder);
        let to = [&from[..], b"\0"].concat();
        return Ok((from, to));
    }
    Ok(below(&folder))
}

/// As [`range`], of a folder that may be gone.
pub(super) fn below(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let from = bytes_of(&folder.join(""));
    let mut to = from.clone();
    // The separator of paths is one byte, and the next one ends everything that begins with it.
    let last = to.pop().unwrap_or(b'/');
    to.push(last + 1);
    (from, to)
}

/// A folder's one name in the index.
pub(super) fn absolute(folder: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(folder).map_err(|e| crate::Error::file("open the folder", folder, e))
}

/// A path as the index keeps it: any name a file can have on Unix, UTF-8 elsewhere.
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
    }
    #[cfg(not(unix))]
    {
        path.to_string_lossy().into_owned().into_bytes()
    }
}

pub(super) fn path_of(bytes: Vec<u8>) -> PathBuf {
    #[cfg(unix)]
    {
        PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
    }
}
