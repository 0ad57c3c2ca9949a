//! The folder that a model is fetched into: one pull at a time, and nothing half-done under a model's name.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Options, Progress, Pulled, Step, Watch};
use crate::file::Scratch;
use crate::hex::hex;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result};

/// The names of folders that a pull works in.
const SCRATCH: &str = ".pull-";

/// How much is read and written at once, 1 MiB.
const CHUNK: usize = 1 << 20;

pub(super) struct Place {
    folder: PathBuf,
    name: Option<String>,
    replace: bool,
    /// Where to put what is not complete; removed in the end.
    pub(super) scratch: Scratch,
    /// Held until the pull is over.
    lock: File,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is being started at this moment holds a copy of it, and with it
        // the lock.
        let _ = self.lock.unlock();
    }
}

impl Place {
    pub(super) fn prepare(options: &Options) -> Result<Self> {
        let folder = options.folder.clone();
        fs::create_dir_all(&folder).map_err(|e| Error::file("create the folder", &folder, e))?;
        let lock_path = folder.join(".lock");
        let failed = |e| Error::file("lock", &lock_path, e);
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(Kind::File, "another pull is under way")
                    .at(folder.display().to_string())
                    .hint("wait for it to end"));
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        sweep(&folder);
        let scratch = Scratch::within(&folder, SCRATCH)?;
        Ok(Self {
            folder,
            name: options.name.clone(),
            replace: options.replace,
            scratch,
            lock,
        })
    }

    /// The file that a model called `name` at its source will be.
    pub(super) fn target(&self, name: &str) -> Result<PathBuf> {
        let mut name = self.name.as_deref().unwrap_or(name).to_owned();
        if !name.to_lowercase().ends_with(".gguf") {
            name.push_str(".gguf");
        }
        let fine = !name.starts_with('.')
            && name.len() <= 200
            && !name.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c));
        if !fine {
            return Err(
                Error::new(Kind::Usage, format!("`{name}` cannot be a model's name"))
                    .hint("choose another with `--name`"),
            );
        }
        Ok(self.folder.join(name))
    }

    /// Where a download that may be broken off and gone on with is kept.
    pub(super) fn incomplete(&self, name: &str) -> PathBuf {
        self.folder.join(format!(".{name}.incomplete"))
    }

    /// Removes what is left of broken off downloads of `name`.
    pub(super) fn forget_incomplete(&self, name: &str) {
        let start = format!(".{name}.");
        for file in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let called = file.file_name();
            let called = called.to_string_lossy();
            if called.starts_with(&start) && called.ends_with(".incomplete") {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_file(file.path());
            }
        }
    }

    /// Refuses to replace a model unless that was asked for.
    pub(super) fn expect_free(&self, target: &Path) -> Result<()> {
        if !self.replace && target.exists() {
            return Err(
                Error::new(Kind::Model, "there is a model of this name already")
                    .at(target.display().to_string())
                    .hint("choose another name with `--name`, or replace it with `--force`"),
            );
        }
        Ok(())
    }

    /// Whether `target` is a file of this size and checksum.
    pub(super) fn holds(
        &self,
        target: &Path,
        sha256: &str,
        size: u64,
        watch: &mut Watch<'_>,
    ) -> Result<bool> {
        if fs::metadata(target).map_or(0, |about| about.len()) != size {
            return Ok(false);
        }
        let mut hash = Sha256::new();
        hash_file(target, size, &mut hash, watch)?;
        Ok(hex(&hash.finalize()) == sha256)
    }

    /// Copies the model at `path`.
    pub(super) fn copy(&self, path: &Path, watch: &mut Watch<'_>) -> Result<Pulled> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Gguf::open(path)?;
        let target = self.target(&name)?;
        self.expect_free(&target)?;
        let failed = |e| Error::file("copy", path, e);
        let mut input = File::open(path).map_err(failed)?;
        let total = input.metadata().map_err(failed)?.len();
        let partial = self.scratch.path().join("model");
        let mut output = File::create(&partial).map_err(|e| Error::file("write", &target, e))?;
        let mut done = 0;
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = input.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            output
                .write_all(&buffer[..count])
                .map_err(|e| Error::file("write", &target, e))?;
            done += count as u64;
            watch(Progress {
                step: Step::Unpack,
                done,
                total: Some(total),
            });
        }
        drop(output);
        self.accept(&partial, target)
    }

    /// Gives a complete file its name.
    pub(super) fn accept(&self, partial: &Path, target: PathBuf) -> Result<Pulled> {
        let failed = |e| Error::file("write", &target, e);
        // A checksum only says that the file is what was sent.
        Gguf::read(
            io::BufReader::new(File::open(partial).map_err(failed)?),
            fs::metadata(partial).map_err(failed)?.len(),
        )
        .map_err(|e| e.at(target.file_name().unwrap_or_default().to_string_lossy()))?;
        let file = File::open(partial).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(partial, &target).map_err(failed)?;
        if let Ok(folder) = File::open(&self.folder) {
            // Not every file system can sync a folder; the rename itself has happened.
            let _ = folder.sync_all();
        }
        let size = fs::metadata(&target).map_err(failed)?.len();
        Ok(Pulled {
            path: target,
            size,
            already: false,
        })
    }
}

/// Removes what pulls left that were killed. We hold the lock, so none of it is in use.
fn sweep(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else {
        return;
    };
    for file in files.flatten() {
        if file.file_name().to_string_lossy().starts_with(SCRATCH) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(file.path());
        }
    }
}

/// Adds the first `size` bytes of the file at `path` to `hash`.
pub(super) fn hash_file(
    path: &Path,
    size: u64,
    hash: &mut Sha256,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let failed = |e| Error::file("read", path, e);
    let mut file = File::open(path).map_err(failed)?.take(size);
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(());
        }
        hash.update(&buffer[..count]);
        done += count as u64;
        watch(Progress {
            step: Step::Verify,
            done,
            total: Some(size),
        });
    }
}
