//! What is read from a file that a command names, or from standard input for `-`.

use std::path::Path;

use crate::{Result, file};

/// The bytes of a file; `-` is standard input.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        file::read_from(std::io::stdin().lock(), Path::new("standard input"))
    } else {
        file::read(path)
    }
}
