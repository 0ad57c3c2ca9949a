//! The manifest of a run: a file that only grows, so that a run which was killed goes on where it was.
//!
//! The first line of a run says what was asked for; then comes a line for each finished character, with all its texts,
//! flushed to the disk before the next. A card is written before its line, so after a kill a character is either in the
//! manifest or will be written again, over the card that may be there. A last line that was cut off by the kill is dropped.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::wish::Wish;
use crate::hex::hex;
use crate::{Error, Kind, Result, file};

/// Its name in the folder of the cards.
pub const FILE: &str = "manifest.jsonl";

/// What was asked for. A run goes on only as it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The version of this program.
    pub cardwright: String,
    /// The seed of the run.
    pub seed: u64,
    /// How many characters.
    pub count: usize,
    /// The model.
    pub model: String,
    /// The way it is asked.
    pub method: String,
    /// The format.
    pub format: String,
    /// Everything else that a character depends on: a digest of the wishes and the settings.
    pub wishes: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Head {
    Run(Run),
}

/// A manifest that is being written.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    file: File,
}

/// What a manifest holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// The last run.
    pub run: Option<Run>,
    /// Its characters, in the order they were finished.
    pub records: Vec<Record>,
    /// The characters of the runs before it.
    pub earlier: Vec<Record>,
}

impl Manifest {
    /// Opens the manifest in a folder, or begins one, and reads what is there.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be read or written, or another process writes it; [`Kind::Usage`] when a line of it
    /// is none of ours.
    pub fn open(folder: &Path) -> Result<(Self, Contents)> {
        let path = folder.join(FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|e| Error::file("open", &path, e))?;
        if file.try_lock().is_err() {
            return Err(Error::new(
                Kind::File,
                "another process is writing characters to this folder",
            )
            .at(path.display().to_string())
            .hint("wait for it, or choose another folder with `-o`"));
        }
        let bytes = file::read(&path)?;
        // A kill may have cut the last line off.
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let contents = read(&bytes[..whole], &path)?;
        if whole < bytes.len() {
            file.set_len(whole as u64)
                .and_then(|()| file.seek(SeekFrom::End(0)))
                .map_err(|e| Error::file("write", &path, e))?;
        }
        Ok((Self { path, file }, contents))
    }

    /// Begins a run.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be written.
    pub fn begin(&mut self, run: &Run) -> Result<()> {
        self.append(&Head::Run(run.clone()))
    }

    /// Adds a character; it is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be written.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        self.append(record)
    }

    fn append(&mut self, line: &impl Serialize) -> Result<()> {
        let failed = |e: std::io::Error| Error::file("write", &self.path, e);
        let mut text = serde_json::to_string(line).map_err(|e| failed(e.into()))?;
        text.push('\n');
        // One write: a line is there whole or as the cut-off end of the file.
        self.file.write_all(text.as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }
}

fn read(bytes: &[u8], path: &Path) -> Result<Contents> {
    let mut contents = Contents::default();
    let text = std::str::from_utf8(bytes).map_err(|e| strange(path, 1).source(e))?;
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        if let Ok(Head::Run(run)) = serde_json::from_str(line) {
            contents.earlier.append(&mut contents.records);
            contents.run = Some(run);
        } else {
            let record = serde_json::from_str(line);
            contents
                .records
                .push(record.map_err(|e| strange(path, number + 1).source(e))?);
        }
    }
    Ok(contents)
}

fn strange(path: &Path, line: usize) -> Error {
    Error::new(
        Kind::Usage,
        format!("line {line} is neither a run nor a character"),
    )
    .at(path.display().to_string())
    .hint("move this file away, or choose another folder with `-o`")
}

/// A digest of what the characters of a run depend on: the wishes, and `settings` in words.
#[must_use]
pub fn digest(wishes: &[Wish], settings: &str) -> String {
    let mut hash = Sha256::new();
    for wish in wishes {
        hash.update(format!("{wish:?}\n"));
    }
    hash.update(settings);
    hex(&hash.finalize()[..8])
}

impl Run {
    /// Whether a run that began as `self` can go on as `other`, and if not, what differs.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] that says what differs.
    pub fn goes_on_as(&self, other: &Self) -> Result<()> {
        let differs = |what: &str, was: &str, is: &str| {
            Err(Error::new(
                Kind::Usage,
                format!("the run in this folder was begun with the {what} {was}, not {is}"),
            )
            .hint(
                "give the same arguments as at the beginning, or choose another folder with `-o`",
            ))
        };
        for (what, was, is) in [
            ("model", &self.model, &other.model),
            ("format", &self.format, &other.format),
            ("method", &self.method, &other.method),
        ] {
            if was != is {
                return differs(what, &format!("`{was}`"), &format!("`{is}`"));
            }
        }
        if self.seed != other.seed {
            return differs("seed", &self.seed.to_string(), &other.seed.to_string());
        }
        if self.wishes != other.wishes {
            return Err(Error::new(
                Kind::Usage,
                "the run in this folder was begun with other names, ideas, lengths or sampler settings",
            )
            .hint("give the same arguments as at the beginning, or choose another folder with `-o`"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Character;

    fn record(index: usize) -> Record {
        let character = Character {
            name: format!("Ann {index}"),
            persona: "Ann bakes.".into(),
            seed: index as u64,
            ..Character::default()
        };
        Record::of(index, &character, Some(format!("ann-{index}.png")))
    }

    fn run(seed: u64) -> Run {
        Run {
            cardwright: "0".into(),
            seed,
            count: 3,
            model: "m".into(),
            method: "layout".into(),
            format: "limarp-v1".into(),
            wishes: String::new(),
        }
    }

    #[test]
    fn a_line_that_a_kill_cut_off_is_dropped_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut manifest, contents) = Manifest::open(folder.path()).unwrap();
        assert_eq!(contents, Contents::default());
        manifest.begin(&run(1)).unwrap();
        manifest.add(&record(0)).unwrap();
        manifest.begin(&run(2)).unwrap();
        manifest.add(&record(1)).unwrap();
        drop(manifest);
        let path = folder.path().join(FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let whole = bytes.clone();
        bytes.extend_from_slice(b"{\"index\":2,\"na");
        std::fs::write(&path, bytes).unwrap();

        let (mut manifest, contents) = Manifest::open(folder.path()).unwrap();
        assert_eq!(contents.run, Some(run(2)));
        assert_eq!(contents.records, [record(1)]);
        assert_eq!(contents.earlier, [record(0)]);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        manifest.add(&record(2)).unwrap();
        drop(manifest);
        let (_, contents) = Manifest::open(folder.path()).unwrap();
        assert_eq!(contents.records, [record(1), record(2)]);
    }

    #[test]
    fn two_processes_do_not_write_one_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let first = Manifest::open(folder.path()).unwrap();
        let error = Manifest::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(first);
        Manifest::open(folder.path()).unwrap();
    }

    #[test]
    fn a_run_goes_on_only_as_it_began() {
        assert!(run(1).goes_on_as(&run(1)).is_ok());
        let error = run(1).goes_on_as(&run(2)).unwrap_err();
        assert!(error.to_string().contains("the seed 1, not 2"), "{error}");
        let other = Run {
            model: "n".into(),
            ..run(1)
        };
        assert!(run(1).goes_on_as(&other).is_err());
    }
}
