//! Where things of this program are kept, by the XDG base directory specification, on macOS too.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::{Error, Kind};

/// What is set by the person: `cardwright` in `XDG_CONFIG_HOME` or `~/.config`; `None` when there is no home folder.
#[must_use]
pub fn config() -> Option<PathBuf> {
    of("XDG_CONFIG_HOME", ".config")
}

/// What the person made: `cardwright` in `XDG_DATA_HOME` or `~/.local/share`; `None` when there is no home folder.
#[must_use]
pub fn data() -> Option<PathBuf> {
    of("XDG_DATA_HOME", ".local/share")
}

/// What is remembered from one run to the next: `cardwright` in `XDG_STATE_HOME` or `~/.local/state`; `None` when there is
/// no home folder.
#[must_use]
pub fn state() -> Option<PathBuf> {
    of("XDG_STATE_HOME", ".local/state")
}

/// What can be made again: `cardwright` in `XDG_CACHE_HOME` or `~/.cache`; `None` when there is no home folder.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    of("XDG_CACHE_HOME", ".cache")
}

fn of(variable: &str, below_home: &str) -> Option<PathBuf> {
    // The specification says that a relative path is to be ignored.
    let set = env::var_os(variable).map(PathBuf::from);
    let folder = set.filter(|path| path.is_absolute()).or_else(|| {
        let home = env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join(below_home))
    })?;
    Some(folder.join("cardwright"))
}

/// What to say where there is no folder to keep `what` in, such as `models`. Whoever says it hints at another way.
#[must_use]
pub fn missing(what: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!("there is no home folder to keep {what} in"),
    )
}

/// Makes a folder, and those it stands in, that only its owner can look into.
///
/// # Errors
///
/// When the file system refuses.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}
