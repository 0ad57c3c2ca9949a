//! Scanning: the files of a folder, those that changed since read, and what they say put into the index.
//!
//! One thread walks, one reads (on all processors), this one writes; between them stand batches, so that a folder of any
//! size takes the same memory. Each batch is one transaction: a scan that is stopped goes on after its last batch.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::UNIX_EPOCH;

use ignore::WalkBuilder;
use rayon::prelude::*;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::rows::{Noted, absolute, below, bytes_of, path_of, range};
use super::summary::{HASH, Summary, short};
use super::{Collection, failed};
use crate::card::{Container, lint, open};
use crate::hex::hex;
use crate::{Error, Result, file};

/// Files that are read and written together.
const BATCH: usize = 64;

/// Batches that wait for the reader, so that it never waits for the walk.
const WAITING: usize = 2;

/// What to do in a scan beside reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scan {
    /// Check every card against every rule and keep the findings. Default: false.
    pub check: bool,
    /// Read every file, changed or not. Default: false.
    pub anew: bool,
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files that are done.
    pub done: u64,
    /// Files that were found so far; final soon after the start.
    pub found: u64,
    /// Files that had to be read.
    pub read: u64,
}

/// What a scan did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scanned {
    /// Files with a card.
    pub cards: u64,
    /// Files that look like cards and could not be read as one.
    pub unreadable: u64,
    /// Files that had to be read; the others had not changed.
    pub read: u64,
    /// Files that were in the index and are gone.
    pub gone: u64,
}

/// A file to read.
struct Job {
    path: PathBuf,
    size: u64,
    modified: i64,
}

/// A file that was read.
struct Done {
    job: Job,
    outcome: Result<Content, String>,
}

struct Content {
    content: [u8; HASH],
    container: &'static str,
    version: String,
    summary: Summary,
    checked: Option<String>,
}

impl Collection {
    /// Brings the index up to date with everything below `folder`. Links are not followed and hidden files are left alone;
    /// a file that cannot be read is a row of its own, never an end.
    ///
    /// # Errors
    ///
    /// [`Kind::File`](crate::Kind::File) when the folder itself cannot be opened or the index cannot be written.
    pub fn scan(
        &mut self,
        folder: &Path,
        options: &Scan,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Scanned> {
        let folder = absolute(folder)?;
        let found = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        self.forget_other_rules()?;
        let index = &self.index;
        if folder.is_dir() {
            index
                .execute(
                    "INSERT OR IGNORE INTO folder VALUES (?1)",
                    params![bytes_of(&folder)],
                )
                .map_err(failed)?;
        }
        thread::scope(|scope| {
            scope.spawn(|| count(&folder, &found, &stop));
            let (jobs, todo) = sync_channel::<Vec<Job>>(WAITING);
            let (results, done) = channel();
            let check = options.check;
            scope.spawn(move || read_all(&todo, &results, check));
            let mut writer = Writer {
                index,
                scanned: Scanned::default(),
                progress: Progress::default(),
                show: progress,
                found: &found,
            };
            let outcome = writer.walk(&folder, *options, jobs, &done);
            stop.store(true, Ordering::Relaxed);
            // The reader ends when nobody waits for it.
            drop(done);
            outcome?;
            Ok(writer.scanned)
        })
    }

    /// The folders that were scanned, in the order of their paths.
    ///
    /// # Errors
    ///
    /// [`Kind::File`](crate::Kind::File) when the index cannot be read.
    pub fn folders(&self) -> Result<Vec<PathBuf>> {
        self.index
            .prepare_cached("SELECT path FROM folder ORDER BY path")
            .and_then(|mut query| {
                query
                    .query_map([], |row| row.get(0).map(path_of))?
                    .collect()
            })
            .map_err(failed)
    }

    /// Takes a folder that was scanned, and all that was below it, out of the index.
    ///
    /// # Errors
    ///
    /// [`Kind::File`](crate::Kind::File) when the index cannot be written.
    pub fn forget(&mut self, folder: &Path) -> Result<()> {
        let (from, to) = below(folder);
        together(&self.index, |index| {
            index.execute(
                "DELETE FROM folder WHERE path = ?1",
                params![bytes_of(folder)],
            )?;
            index.execute(
                "DELETE FROM file WHERE path >= ?1 AND path < ?2",
                params![from, to],
            )?;
            forget_orphans(index)
        })
    }

    /// Findings that another set of rules made are of no use.
    fn forget_other_rules(&self) -> Result<()> {
        let mut codes = Sha256::new();
        codes.update(env!("CARGO_PKG_VERSION"));
        for rule in lint::rules() {
            codes.update(rule.code);
            codes.update(rule.summary);
        }
        let rules = hex(&short(&codes.finalize()));
        let known: Option<String> = self
            .index
            .query_row("SELECT value FROM about WHERE key = 'rules'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(failed)?;
        if known.as_deref() == Some(&rules) {
            return Ok(());
        }
        self.index
            .execute(
                "UPDATE file SET checked = NULL WHERE checked IS NOT NULL",
                [],
            )
            .and_then(|_| {
                self.index.execute(
                    "INSERT OR REPLACE INTO about VALUES ('rules', ?1)",
                    params![rules],
                )
            })
            .map(drop)
            .map_err(failed)
    }
}

/// The files below a folder, in the order of their names.
fn files(folder: &Path) -> ignore::Walk {
    WalkBuilder::new(folder)
        .standard_filters(false)
        .hidden(true)
        .follow_links(false)
        .sort_by_file_name(Ord::cmp)
        .build()
}

/// Whether a walk came upon something that may be a card.
fn is_wanted(entry: &ignore::DirEntry) -> bool {
    let extension = entry
        .path()
        .extension()
        .and_then(|extension| extension.to_str());
    entry.file_type().is_some_and(|kind| kind.is_file())
        && extension.is_some_and(|extension| {
            Container::by_extension(extension).is_some()
                // Half of the cards called so are PNG.
                || ["webp", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        })
}

/// Counts the files that the walk will come upon.
fn count(folder: &Path, found: &AtomicU64, stop: &AtomicBool) {
    for entry in files(folder).flatten() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if is_wanted(&entry) {
            found.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn read_all(todo: &Receiver<Vec<Job>>, results: &Sender<Vec<Done>>, check: bool) {
    while let Ok(batch) = todo.recv() {
        let done = batch.into_par_iter().map(|job| read(job, check)).collect();
        if results.send(done).is_err() {
            break;
        }
    }
}

fn read(job: Job, check: bool) -> Done {
    let outcome = content(&job, check).map_err(|error| error.message().to_owned());
    Done { job, outcome }
}

fn content(job: &Job, check: bool) -> Result<Content> {
    if job.size > file::MAX_FILE {
        return Err(Error::new(
            crate::Kind::Limit,
            format!("file is larger than {} MiB", file::MAX_FILE >> 20),
        ));
    }
    let opened = open::open(&job.path)?;
    let reading = &opened.reading;
    let checked = check.then(|| {
        let findings = lint::check_reading(reading, &opened.bytes);
        let noted: Vec<_> = findings.iter().map(Noted::of).collect();
        serde_json::to_string(&noted).unwrap_or_default()
    });
    let hash = Sha256::new()
        .chain_update(&opened.bytes)
        .chain_update(&opened.skipped)
        .finalize();
    Ok(Content {
        content: short(&hash),
        container: reading.container.name,
        version: reading.card.version().to_string(),
        summary: Summary::of(&reading.card),
        checked,
    })
}

struct Writer<'a> {
    index: &'a Connection,
    scanned: Scanned,
    progress: Progress,
    show: &'a mut dyn FnMut(Progress),
    found: &'a AtomicU64,
}

impl Writer<'_> {
    fn walk(
        &mut self,
        folder: &Path,
        options: Scan,
        jobs: SyncSender<Vec<Job>>,
        done: &Receiver<Vec<Done>>,
    ) -> Result<()> {
        self.forget_gone(folder)?;
        let mut batch = Vec::with_capacity(BATCH);
        for entry in files(folder) {
            let entry = match entry {
                Ok(entry) if is_wanted(&entry) => entry,
                Ok(_) => continue,
                // A folder that may not be entered; the rest of the walk goes on.
                Err(error) => {
                    self.unreachable(folder, &error)?;
                    continue;
                }
            };
            let about = entry.metadata().map_err(|e| e.to_string());
            let job = Job {
                path: entry.into_path(),
                size: about.as_ref().map_or(0, std::fs::Metadata::len),
                modified: about.ok().and_then(|about| modified(&about)).unwrap_or(0),
            };
            match self.known(&job, options)? {
                Some(true) => self.scanned.cards += 1,
                Some(false) => self.scanned.unreadable += 1,
                None => {
                    batch.push(job);
                    if batch.len() == BATCH {
                        // The reader only ends before us when it panicked, and the scope passes that on.
                        let _ = jobs.send(std::mem::take(&mut batch));
                        while let Ok(results) = done.try_recv() {
                            self.write(results)?;
                        }
                    }
                    continue;
                }
            }
            self.progress.done += 1;
            if self.progress.done.is_multiple_of(BATCH as u64) {
                self.tell();
            }
        }
        if !batch.is_empty() {
            let _ = jobs.send(batch);
        }
        drop(jobs);
        while let Ok(results) = done.recv() {
            self.write(results)?;
        }
        self.tell();
        together(self.index, forget_orphans)
    }

    fn tell(&mut self) {
        self.progress.found = self.found.load(Ordering::Relaxed).max(self.progress.done);
        (self.show)(self.progress);
    }

    /// Whether the index knows this very state of a file, and a card in it.
    fn known(&self, job: &Job, options: Scan) -> Result<Option<bool>> {
        if options.anew {
            return Ok(None);
        }
        let mut query = self
            .index
            .prepare_cached(
                "SELECT card IS NOT NULL, checked IS NOT NULL FROM file WHERE path = ?1 AND size = ?2 AND modified = ?3",
            )
            .map_err(failed)?;
        let known: Option<(bool, bool)> = query
            .query_row(
                params![bytes_of(&job.path), job.size, job.modified],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(failed)?;
        Ok(match known {
            Some((true, false)) if options.check => None,
            known => known.map(|(is_card, _)| is_card),
        })
    }

    /// Takes out of the index what is no longer in the folder.
    fn forget_gone(&mut self, folder: &Path) -> Result<()> {
        let (from, to) = range(folder)?;
        let mut query = self
            .index
            .prepare_cached("SELECT id, path FROM file WHERE path >= ?1 AND path < ?2")
            .map_err(failed)?;
        let mut rows = query.query(params![from, to]).map_err(failed)?;
        let mut gone: Vec<i64> = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let path = path_of(row.get(1).map_err(failed)?);
            let is_there = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
            if !is_there {
                gone.push(row.get(0).map_err(failed)?);
            }
        }
        drop(rows);
        self.scanned.gone = gone.len() as u64;
        together(self.index, |index| {
            let mut forget = index.prepare_cached("DELETE FROM file WHERE id = ?1")?;
            for id in gone {
                forget.execute(params![id])?;
            }
            Ok(())
        })
    }

    /// A row for what the walk could not enter.
    fn unreachable(&mut self, folder: &Path, error: &ignore::Error) -> Result<()> {
        let path = blamed(error).unwrap_or(folder).to_owned();
        let message = match error.io_error() {
            Some(error) => format!("cannot open: {error}"),
            None => error.to_string(),
        };
        let job = Job {
            path,
            size: 0,
            modified: 0,
        };
        self.write(vec![Done {
            job,
            outcome: Err(message),
        }])
    }

    fn write(&mut self, results: Vec<Done>) -> Result<()> {
        for done in &results {
            match done.outcome {
                Ok(_) => self.scanned.cards += 1,
                Err(_) => self.scanned.unreadable += 1,
            }
        }
        let count = results.len() as u64;
        self.scanned.read += count;
        self.progress.read += count;
        self.progress.done += count;
        together(self.index, |index| {
            results.iter().try_for_each(|done| put(index, done))
        })?;
        self.tell();
        Ok(())
    }
}

/// One transaction.
fn together(
    index: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<()> {
    // Of two scans at the same time the second waits here, rather than fail when it has read and wants to write.
    let transaction =
        Transaction::new_unchecked(index, TransactionBehavior::Immediate).map_err(failed)?;
    work(&transaction)
        .and_then(|()| transaction.commit())
        .map_err(failed)
}

/// Takes out of the index the cards that no file says any more.
fn forget_orphans(index: &Connection) -> rusqlite::Result<()> {
    index.execute_batch(
        "CREATE TEMP TABLE orphan AS SELECT id FROM card WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.card = card.id);
         DELETE FROM words WHERE rowid IN (SELECT id FROM orphan);
         DELETE FROM first WHERE rowid IN (SELECT id FROM orphan);
         DELETE FROM card WHERE id IN (SELECT id FROM orphan);
         DROP TABLE orphan;",
    )
}

/// Which path an error of the walk is about.
fn blamed(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            blamed(err)
        }
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

/// When a file was last changed, in nanoseconds since 1970.
fn modified(about: &std::fs::Metadata) -> Option<i64> {
    let since = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// One file into the index.
fn put(index: &Connection, done: &Done) -> rusqlite::Result<()> {
    let mut file = index.prepare_cached(
        "INSERT INTO file(path, size, modified, content, card, container, version, error, checked)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT(path) DO UPDATE SET size = ?2, modified = ?3, content = ?4, card = ?5, container = ?6, version = ?7,
         error = ?8, checked = ?9",
    )?;
    let (path, size, modified) = (bytes_of(&done.job.path), done.job.size, done.job.modified);
    match &done.outcome {
        Ok(content) => {
            let card = card(index, &content.summary)?;
            file.execute(params![
                path,
                size,
                modified,
                content.content,
                card,
                content.container,
                content.version,
                None::<String>,
                content.checked
            ])?;
        }
        Err(error) => {
            let nothing = None::<String>;
            file.execute(params![
                path, size, modified, nothing, nothing, nothing, nothing, error, nothing
            ])?;
        }
    }
    Ok(())
}

/// The row of a card, made when nobody said the same before.
pub(super) fn card(index: &Connection, summary: &Summary) -> rusqlite::Result<i64> {
    let known: Option<i64> = index
        .prepare_cached("SELECT id FROM card WHERE says = ?1")?
        .query_row(params![summary.says], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let sketch: Option<Vec<u8>> = summary
        .sketch
        .map(|bins| bins.iter().flat_map(|bin| bin.to_le_bytes()).collect());
    index
        .prepare_cached(
            "INSERT INTO card(says, name, creator, tags, summary, permanent, temporary, greetings, entries, sketch)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            summary.says,
            summary.name,
            summary.creator,
            serde_json::to_string(&summary.tags).unwrap_or_default(),
            summary.summary,
            summary.permanent,
            summary.temporary,
            summary.greetings,
            summary.entries,
            sketch
        ])?;
    let id = index.last_insert_rowid();
    let [a, b, c, d, e, f, g, h, i, j, k] = &summary.columns;
    let (starts, exact) = (&summary.beginnings, &summary.exact);
    index
        .prepare_cached(
            "INSERT INTO words(rowid, name, creator, tags, description, personality, scenario, greetings, examples,
             instructions, notes, lorebook, beginnings, exact)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![id, a, b, c, d, e, f, g, h, i, j, k, starts, exact])?;
    index
        .prepare_cached(
            "INSERT INTO first(rowid, name, creator, tags, exact) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id, a, b, c, exact])?;
    Ok(id)
}
