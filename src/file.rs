//! Files on disk: bounded reads, and writes that are there whole or not at all.
//!
//! A write goes to a temporary file beside its target, is flushed to the disk and then renamed over it, so that a
//! full disk, a kill or a power cut leaves the old file as it was.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::unfinished::{Undo, Unfinished};
use crate::{Error, Kind, Result};

pub use crate::unfinished::abandon;

/// The largest file that [`read`] takes, 1 GiB: cards with assets reach 400 MB, nothing real is larger.
pub const MAX_FILE: u64 = 1 << 30;

/// What the names of files and folders begin with that are half-done.
const UNFINISHED: &str = ".cardwright-";

/// The bytes of the file at `path`.
///
/// # Errors
///
/// [`Kind::File`] when it cannot be read, [`Kind::Limit`] when it is larger than [`MAX_FILE`].
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
    read_from(file, path)
}

/// Everything that `reader` gives; errors call it `name`.
///
/// # Errors
///
/// [`Kind::File`] when it cannot be read, [`Kind::Limit`] when it is more than [`MAX_FILE`].
pub fn read_from(reader: impl Read, name: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::file("read", name, e))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::new(
            Kind::Limit,
            format!("file is larger than {} MiB", MAX_FILE >> 20),
        )
        .at(name.display().to_string()));
    }
    Ok(bytes)
}

/// Writes `bytes` to `path`, whole or not at all. The mode of a file that is replaced is kept, and a symbolic link is
/// followed to the file it names.
///
/// # Errors
///
/// [`Kind::File`] when the folder cannot be written; the old file is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| {
        file.write_all(bytes)
            .map_err(|e| Error::file("write", path, e))
    })
}

/// Writes to `path` what `fill` writes to the file it is given, whole or not at all: for what is too large for memory.
/// When `fill` fails, nothing is left behind and the old file is untouched. Otherwise as [`write`].
///
/// # Errors
///
/// Those of `fill`; [`Kind::File`] when the folder cannot be written.
pub fn write_with<T>(path: &Path, fill: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    replace(path, |temporary| fill(temporary.as_file_mut()))
}

/// As [`write_with`], for code that opens the file itself: `fill` is given the path of an empty file beside `path`.
///
/// # Errors
///
/// As [`write_with`].
pub fn write_by_path<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    replace(path, |temporary| fill(temporary.path()))
}

fn replace<T>(path: &Path, fill: impl FnOnce(&mut NamedTempFile) -> Result<T>) -> Result<T> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = folder_of(&target);
    let failed = |e| Error::file("write", path, e);
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Asked for at creation, so that the umask applies as it does to any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let (unfinished, mut temporary) = Unfinished::begin(|| {
        let temporary = builder.tempfile_in(folder)?;
        let written = temporary.path().to_owned();
        let undo: Undo = Box::new(move || drop(fs::remove_file(&written)));
        Ok((temporary, undo))
    })
    .map_err(failed)?;
    let filled = fill(&mut temporary)?;
    if let Ok(old) = fs::metadata(&target) {
        temporary
            .as_file()
            .set_permissions(old.permissions())
            .map_err(failed)?;
    }
    temporary.as_file().sync_all().map_err(failed)?;
    unfinished
        .end(|| temporary.persist(&target))
        .map_err(|e| failed(e.error))?;
    if let Ok(folder) = File::open(folder) {
        // Not every file system can sync a folder; the rename itself has happened.
        let _ = folder.sync_all();
    }
    Ok(filled)
}

/// The folder that the file `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file name for something with this name: its letters and digits, joined by hyphens, that every file system takes.
#[must_use]
pub fn file_name(name: &str, extension: &str) -> String {
    let mut stem = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() || c == '_' {
            stem.extend(c.to_lowercase());
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    // Most file systems take 255 bytes; a name need not be half as long.
    while stem.len() > 100 {
        stem.pop();
    }
    let stem = stem.trim_end_matches('-');
    let is_reserved = matches!(stem, "" | "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    let stem = if is_reserved {
        format!("card-{stem}")
    } else {
        stem.to_owned()
    };
    format!("{}.{extension}", stem.trim_end_matches('-'))
}

/// A folder for what is half-done, which goes away with its contents.
#[derive(Debug)]
pub struct Scratch {
    // In this order, so that the folder is gone before it is forgotten.
    folder: TempDir,
    _unfinished: Unfinished,
}

impl Scratch {
    /// A folder inside `folder`, whose name begins with `prefix`.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when `folder` cannot be written.
    pub fn within(folder: &Path, prefix: &str) -> Result<Self> {
        let (unfinished, made) = Unfinished::begin(|| {
            let made = tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?;
            let path = made.path().to_owned();
            let undo: Undo = Box::new(move || drop(fs::remove_dir_all(&path)));
            Ok((made, undo))
        })
        .map_err(|e| Error::file("write to", folder, e))?;
        Ok(Self {
            folder: made,
            _unfinished: unfinished,
        })
    }

    /// A folder beside the file `path`.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when its folder cannot be written.
    pub fn beside(path: &Path) -> Result<Self> {
        Self::within(folder_of(path), UNFINISHED)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The path that a person wrote, in which `~/` at the beginning is the home folder, as in a shell.
#[must_use]
pub fn from_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert!(write(&folder.path().join("missing/b.json"), b"x").is_err());
        let stopped: Result<()> = write_with(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(Error::new(Kind::File, "the disk is full"))
        });
        assert!(stopped.is_err());
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
