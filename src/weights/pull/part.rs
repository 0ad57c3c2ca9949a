//! The part of a file that has arrived so far.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::place::hash_file;
use super::{Progress, Step, Watch};
use crate::hex::hex;
use crate::{Error, Result};

/// A file that grows at its end, with the hash of what is there.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    hash: Sha256,
    size: u64,
    /// The bytes that are there.
    pub(super) done: u64,
}

impl Part {
    /// Opens the part at `path` of a file of `size` bytes, or begins it.
    pub(super) fn open(path: &Path, size: u64, watch: &mut Watch<'_>) -> Result<Self> {
        let failed = |e| Error::file("write", path, e);
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        let done = file.metadata().map_err(failed)?.len();
        let mut part = Self {
            path: path.to_owned(),
            file,
            hash: Sha256::new(),
            size,
            done,
        };
        if done > size {
            part.start_over()?;
        } else if done > 0 {
            hash_file(path, done, &mut part.hash, watch)?;
        }
        Ok(part)
    }

    /// Forgets what is there.
    pub(super) fn start_over(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|e| self.failed(e))?;
        self.hash = Sha256::new();
        self.done = 0;
        Ok(())
    }

    /// Adds what `body` gives. That it breaks off is no error here: [`Part::done`] tells.
    pub(super) fn fill(&mut self, body: &mut impl Read, watch: &mut Watch<'_>) -> Result<()> {
        let mut buffer = vec![0; 1 << 17];
        while let Ok(count @ 1..) = body.read(&mut buffer) {
            let chunk = &buffer[..count];
            self.file.write_all(chunk).map_err(|e| self.failed(e))?;
            self.hash.update(chunk);
            self.done += count as u64;
            watch(Progress {
                step: Step::Download,
                done: self.done,
                total: Some(self.size),
            });
        }
        Ok(())
    }

    /// Makes sure that all is on the disk and returns its SHA-256.
    pub(super) fn finish(self) -> Result<String> {
        self.file.sync_all().map_err(|e| self.failed(e))?;
        Ok(hex(&self.hash.finalize()))
    }

    /// Removes the file: there is nothing in it to go on with.
    pub(super) fn remove(&self) {
        // What cannot be removed is in nobody's way.
        let _ = fs::remove_file(&self.path);
    }

    fn failed(&self, error: io::Error) -> Error {
        // A part that filled the disk is better gone than kept to go on with.
        if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        ) {
            self.remove();
        }
        Error::file("write", &self.path, error)
    }
}
