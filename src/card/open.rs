//! A card straight from its file, without reading the picture.
//!
//! A PNG card is a few kilobytes of text in megabytes of pixels. The chunks are walked with seeks and the image data is
//! left on the disk. Where anything at all is odd about the file it is read whole after all, so that findings name the
//! right bytes.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::png::SIGNATURE;
use super::{Card, Reading};
use crate::{Error, Place, Result, file};

/// The most that is taken of a file before its picture is given up on being skipped: text of this size is no card.
const MAX_SKELETON: u64 = 128 << 20;

impl Card {
    /// The card in a file, whatever container that is, with what was noticed on the way. Equal to
    /// [`Card::from_bytes`] of its bytes, and many times faster for a large PNG.
    ///
    /// # Errors
    ///
    /// As [`Card::from_bytes`], and [`Kind::File`](crate::Kind::File) when the file cannot be read.
    pub fn open(path: &Path) -> Result<Reading> {
        let skeleton = File::open(path)
            .map_err(|e| Error::file("open", path, e))
            .map(|mut file| skeleton(&mut file).unwrap_or(None))?;
        if let Some(Ok(reading)) = skeleton.map(|bytes| Self::from_bytes(&bytes))
            && !reading
                .findings
                .iter()
                .any(|finding| matches!(finding.place, Place::Bytes(_)))
        {
            return Ok(reading);
        }
        Self::from_bytes(&file::read(path)?).map_err(|error| error.at(path.display().to_string()))
    }
}

/// A sound PNG without its image data; `None` for any other file.
fn skeleton(file: &mut File) -> std::io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let mut bytes = vec![0; SIGNATURE.len()];
    file.read_exact(&mut bytes)?;
    if bytes != SIGNATURE {
        return Ok(None);
    }
    let mut at = SIGNATURE.len() as u64;
    loop {
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let [a, b, c, d, kind @ ..] = header;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        at += 12 + size;
        if at > length {
            return Ok(None);
        }
        if matches!(&kind, b"IDAT" | b"fdAT") {
            file.seek(SeekFrom::Current(
                i64::from(u32::from_be_bytes([a, b, c, d])) + 4,
            ))?;
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&kind);
            bytes.extend_from_slice(&[0; 4]);
            continue;
        }
        if bytes.len() as u64 + size > MAX_SKELETON {
            return Ok(None);
        }
        bytes.extend_from_slice(&header);
        file.take(size + 4).read_to_end(&mut bytes)?;
        if &kind == b"IEND" {
            return Ok((at == length).then_some(bytes));
        }
    }
}
