//! Where things of this program are kept, by the XDG base directory specification, on macOS too.

use std::env;
use std::path::PathBuf;

/// What is set by the person: `XDG_CONFIG_HOME` or `~/.config`.
pub(super) fn config() -> Option<PathBuf> {
    of("XDG_CONFIG_HOME", ".config")
}

/// What the person made: `XDG_DATA_HOME` or `~/.local/share`.
pub(super) fn data() -> Option<PathBuf> {
    of("XDG_DATA_HOME", ".local/share")
}

/// What is remembered from one run to the next: `XDG_STATE_HOME` or `~/.local/state`.
pub(super) fn state() -> Option<PathBuf> {
    of("XDG_STATE_HOME", ".local/state")
}

/// What can be made again: `XDG_CACHE_HOME` or `~/.cache`.
pub(super) fn cache() -> Option<PathBuf> {
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

/// Makes a folder that only its owner can look into.
pub(super) fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}
