//! Folders of cards: scanned once, remembered in an index, searched and compared without opening the files again.
//!
//! The index is one SQLite file in the user's cache. It holds nothing that the cards do not say, so that it may be
//! deleted at any time; it is what makes a second scan cheap, an interrupted one go on where it stopped, and a search
//! over a hundred thousand cards take milliseconds. Files that did not change since are not opened; what a card says is
//! kept once, however many files say it. Memory does not grow with the number of cards: files come in batches, and rows
//! are handed out one by one.
//!
//! ```
//! use cardwright::card::collection::{Collection, Scan, Search};
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("a.json"), r#"{"name":"Carina","description":"She keeps a lighthouse."}"#)?;
//!
//! let mut cards = Collection::temporary()?;
//! let scanned = cards.scan(folder.path(), &Scan::default(), &mut |_| {})?;
//! assert_eq!((scanned.cards, scanned.unreadable), (1, 0));
//! assert_eq!(cards.search(&Search::new("lighthouses OR lighthouse"))?[0].card.name, "Carina");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod duplicates;
mod index;
mod rows;
mod scan;
mod search;
mod sketch;
mod summary;
#[cfg(test)]
mod tests;
mod words;

use std::env;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use duplicates::{Group, Likeness};
pub use rows::{CardRow, Noted, Row};
pub use scan::{Progress, Scan, Scanned};
pub use search::{Hit, Search};

use crate::{Error, Kind, Result, folders};

/// Cards of scanned folders.
pub struct Collection {
    index: Connection,
}

/// Where the index is kept: `CARDWRIGHT_INDEX`, else `cardwright/cards.sqlite` in `XDG_CACHE_HOME` or `~/.cache`.
///
/// # Errors
///
/// [`Kind::Usage`] when there is neither such a variable nor a home folder.
pub fn location() -> Result<PathBuf> {
    if let Some(file) = env::var_os("CARDWRIGHT_INDEX").filter(|value| !value.is_empty()) {
        return Ok(file.into());
    }
    let cache = folders::cache().ok_or_else(|| {
        folders::missing("the index").hint("name a file in the variable `CARDWRIGHT_INDEX`")
    })?;
    Ok(cache.join("cards.sqlite"))
}

impl Collection {
    /// The collection whose index is kept in the file at `path`, which is made when it is not there. An index that another
    /// version of this program wrote is begun anew: it has no cards, and still the [`folders`](Self::folders) to scan.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the file cannot be opened or written, [`Kind::Usage`] when it is something else than an index.
    pub fn open(path: &Path) -> Result<Self> {
        index::open(path).map(|index| Self { index })
    }

    /// A collection that is forgotten when it is dropped.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when there is no room for it.
    pub fn temporary() -> Result<Self> {
        index::temporary().map(|index| Self { index })
    }
}

/// What SQLite complains about, in our words.
fn failed(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another scan is writing to it; wait for its end"
        }
        Some(ErrorCode::DiskFull) => "free some space and run it again",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "delete the file; the next scan makes it anew"
        }
        _ => "`CARDWRIGHT_INDEX` names another file for the index",
    };
    Error::new(
        Kind::File,
        format!("the index of cards cannot be used: {error}"),
    )
    .source(error)
    .hint(hint)
}
