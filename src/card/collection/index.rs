//! The index file: its tables, and how it is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::failed;
use crate::{Error, Kind, Result};

/// Stands in the header of every index, so that no other database is mistaken for one: `card` in ASCII.
const APPLICATION: i32 = 0x6361_7264;

/// The version of the tables below; an index of another one is begun anew, and keeps the folders that it is made of.
const VERSION: i32 = 4;

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// `file` is one row for every file, `card` one for every different card in them, and `words` the texts of those cards
/// by word. The texts themselves are not kept: the files have them.
///
/// The first column of `words` holds how the words of the others begin (see `words::beginnings`); what stands in the first
/// column takes the least room. `first` has the words of the first fields once more: so few that a beginning, a phrase, or
/// a word that is everywhere else too, is found there in a moment. In both, `exact` holds a word for each whole tag and for
/// the creator, so that FTS5 goes through the cards with a tag and through those with a word at the same time.
const TABLES: &str = "
CREATE TABLE file(
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    content BLOB,
    card INTEGER,
    container TEXT,
    version TEXT,
    error TEXT,
    checked TEXT
);
CREATE INDEX file_by_card ON file(card, path);
CREATE TABLE card(
    id INTEGER PRIMARY KEY,
    says BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    creator TEXT NOT NULL,
    tags TEXT NOT NULL,
    summary TEXT NOT NULL,
    permanent INTEGER NOT NULL,
    temporary INTEGER NOT NULL,
    greetings INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    sketch BLOB
);
CREATE INDEX card_by_name ON card(name);
CREATE TABLE folder(path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
    beginnings, name, creator, tags, description, personality, scenario, greetings, examples, instructions, notes,
    lorebook, exact,
    content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE first USING fts5(
    name, creator, tags, exact,
    content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
";

/// The columns of `words` with the texts of a card, in their order.
pub(super) const COLUMNS: [&str; 11] = [
    "name",
    "creator",
    "tags",
    "description",
    "personality",
    "scenario",
    "greetings",
    "examples",
    "instructions",
    "notes",
    "lorebook",
];

/// The first of them, where words say most.
pub(super) const FIRST: [&str; 3] = ["name", "creator", "tags"];

/// Opens the index at `path`.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let place = |error: Error| error.at(path.display().to_string());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::file("make the folder", folder, e))?;
    }
    let index = Connection::open(path).map_err(|e| place(failed(e)))?;
    prepare(&index).map_err(place)?;
    Ok(index)
}

/// An index in a temporary file, which SQLite deletes.
pub(super) fn temporary() -> Result<Connection> {
    let index = Connection::open("").map_err(failed)?;
    prepare(&index)?;
    Ok(index)
}

fn prepare(index: &Connection) -> Result<()> {
    index.busy_timeout(PATIENCE).map_err(failed)?;
    let number = |name: &str| {
        index
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0))
            .map_err(failed)
    };
    // A cache: a crash of the machine may cost the last rows, never the file.
    index
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = FILE; PRAGMA cache_size = -16000;",
        )
        .map_err(failed)?;
    if number("application_id")? == APPLICATION && number("user_version")? == VERSION {
        return Ok(());
    }
    // Two processes that begin at the same time must not both make the tables.
    index.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let made = make(index, number("application_id")?, number("user_version")?);
    let end = if made.is_ok() { "COMMIT" } else { "ROLLBACK" };
    index.execute_batch(end).map_err(failed)?;
    made
}

fn make(index: &Connection, application: i32, version: i32) -> Result<()> {
    if application == APPLICATION && version == VERSION {
        return Ok(());
    }
    let tables: Vec<String> = index
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%'")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .map_err(failed)?;
    if application != APPLICATION && !tables.is_empty() {
        return Err(
            Error::new(Kind::Usage, "this database is no index of cards")
                .hint("name another file in the variable `CARDWRIGHT_INDEX`"),
        );
    }
    // What was scanned once is worth scanning again. A version that kept its folders otherwise has none to tell.
    let folders: Vec<Vec<u8>> = index
        .prepare("SELECT path FROM folder")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .unwrap_or_default();
    for table in tables {
        index
            .execute_batch(&format!("DROP TABLE \"{table}\""))
            .map_err(failed)?;
    }
    index
        .execute_batch(&format!(
            "{TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
        ))
        .map_err(failed)?;
    let mut insert = index
        .prepare("INSERT INTO folder VALUES (?1)")
        .map_err(failed)?;
    for folder in folders {
        insert.execute([folder]).map_err(failed)?;
    }
    Ok(())
}
