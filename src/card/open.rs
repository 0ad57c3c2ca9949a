//! A card straight from its file, without reading the picture.
//!
//! A PNG card is a few kilobytes of text in megabytes of pixels. The chunks are walked from header to header and the
//! image data is left on the disk: a handful of small reads instead of a few megabytes. Where anything is odd about the
//! layout of the file it is read whole after all.

use std::fs::File;
use std::path::Path;

use super::png::SIGNATURE;
use super::{Card, Reading};
use crate::{Error, Finding, Place, Result, file};

/// The most that is taken of a file before its picture is given up on being skipped: text of this size is no card.
const MAX_SKELETON: u64 = 128 << 20;

/// What is read at first. Most cards stand in here whole when they stand before their picture.
const HEAD: usize = 32 << 10;

/// What is read behind a piece of image data: its checksum and the header of the next chunk, and a little more, so that
/// the small chunks at the end of a file come along.
const STEP: usize = 64;

impl Card {
    /// The card in a file, whatever container that is, with what was noticed on the way. Equal to
    /// [`Card::from_bytes`] of its bytes, and many times faster for a large PNG.
    ///
    /// # Errors
    ///
    /// As [`Card::from_bytes`], and [`Kind::File`](crate::Kind::File) when the file cannot be read.
    pub fn open(path: &Path) -> Result<Reading> {
        open(path).map(|opened| opened.reading)
    }
}

/// A card with what was read of its file; only a scan looks at more than the card.
#[cfg_attr(not(feature = "index"), allow(dead_code))]
pub(super) struct Opened {
    /// The card.
    pub(super) reading: Reading,
    /// The file's bytes; of a PNG whose picture was skipped, all but the image data.
    pub(super) bytes: Vec<u8>,
    /// Kinds, lengths and checksums of the image data that was skipped, which stand for it.
    pub(super) skipped: Vec<u8>,
}

/// Reads a card and no more of its file than that needs.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let failed = |e| Error::file("read", path, e);
    let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        // A pipe has no places to read at.
        return whole(path, file::read_from(file, path)?);
    }
    let mut window = Window {
        file: &file,
        length: about.len(),
        start: 0,
        bytes: Vec::new(),
    };
    window.load(0, HEAD).map_err(failed)?;
    let skeleton = window.skeleton().map_err(failed)?;
    if let Some(mut skeleton) = skeleton
        && let Ok(mut reading) = Card::from_bytes(&skeleton.bytes)
    {
        for finding in &mut reading.findings {
            skeleton.place(finding);
        }
        return Ok(Opened {
            reading,
            bytes: std::mem::take(&mut skeleton.bytes),
            skipped: skeleton.skipped,
        });
    }
    let is_here = window.start == 0 && window.bytes.len() as u64 == about.len();
    let bytes = if is_here {
        window.bytes
    } else {
        file::read(path)?
    };
    whole(path, bytes)
}

/// The card in the bytes of a whole file.
fn whole(path: &Path, bytes: Vec<u8>) -> Result<Opened> {
    let reading = Card::from_bytes(&bytes).map_err(|error| error.at(path.display().to_string()))?;
    Ok(Opened {
        reading,
        bytes,
        skipped: Vec::new(),
    })
}

/// A PNG without its image data.
struct Skeleton {
    bytes: Vec<u8>,
    skipped: Vec<u8>,
    /// At which byte of the skeleton how much of the file is missing.
    gaps: Vec<(usize, usize)>,
}

impl Skeleton {
    /// Moves a finding from its place in the skeleton to that in the file.
    fn place(&self, finding: &mut Finding) {
        if let Place::Bytes(span) = &mut finding.place {
            let missing = |at: usize| -> usize {
                let before = self.gaps.iter().take_while(|(gap, _)| *gap <= at);
                before.map(|(_, size)| size).sum()
            };
            let start = span.start + missing(span.start);
            *span = start..start + span.len();
        }
    }
}

/// A part of a file in memory.
struct Window<'a> {
    file: &'a File,
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Makes the window stand at `at` with `size` bytes, or as many as there are.
    fn load(&mut self, at: u64, size: usize) -> std::io::Result<()> {
        self.bytes.resize(size, 0);
        self.start = at;
        let mut filled = 0;
        while filled < size {
            match read_at(self.file, &mut self.bytes[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// The `size` bytes at `at`; `None` where the file ends before.
    fn get(&mut self, at: u64, size: usize) -> std::io::Result<Option<&[u8]>> {
        let within = |window: &Self| {
            let from = usize::try_from(at.checked_sub(window.start)?).ok()?;
            let end = from.checked_add(size)?;
            (end <= window.bytes.len()).then_some(from..end)
        };
        let span = match within(self) {
            Some(span) => Some(span),
            // Nothing is made room for that the file does not have.
            None if at + size as u64 > self.length => None,
            None => {
                self.load(at, size.max(STEP))?;
                within(self)
            }
        };
        Ok(span.map(|span| &self.bytes[span]))
    }

    /// A sound PNG without its image data; `None` for any other file.
    fn skeleton(&mut self) -> std::io::Result<Option<Skeleton>> {
        let mut at = SIGNATURE.len() as u64;
        if self.bytes.get(..SIGNATURE.len()) != Some(&SIGNATURE) {
            return Ok(None);
        }
        let mut skeleton = Skeleton {
            bytes: SIGNATURE.to_vec(),
            skipped: Vec::new(),
            gaps: Vec::new(),
        };
        loop {
            let Some(header) = self.get(at, 8)? else {
                return Ok(None);
            };
            let header: [u8; 8] = std::array::from_fn(|index| header[index]);
            let [a, b, c, d, kind @ ..] = header;
            let size = u32::from_be_bytes([a, b, c, d]) as usize;
            let end = at + 12 + size as u64;
            if !kind.iter().all(u8::is_ascii_alphabetic) {
                return Ok(None);
            }
            if matches!(&kind, b"IDAT" | b"fdAT") {
                // Its checksum stands right before the next header, so that one read takes both.
                let Some(sum) = self.get(end - 4, 4)? else {
                    return Ok(None);
                };
                skeleton.skipped.extend_from_slice(&header);
                skeleton.skipped.extend_from_slice(sum);
                skeleton.bytes.extend_from_slice(&[0; 4]);
                skeleton.bytes.extend_from_slice(&kind);
                skeleton.bytes.extend_from_slice(&[0; 4]);
                skeleton.gaps.push((skeleton.bytes.len(), size));
            } else {
                if skeleton.bytes.len() as u64 + size as u64 > MAX_SKELETON {
                    return Ok(None);
                }
                let Some(chunk) = self.get(at, size + 12)? else {
                    return Ok(None);
                };
                skeleton.bytes.extend_from_slice(chunk);
            }
            at = end;
            if &kind == b"IEND" {
                // Something behind the end is looked at whole.
                return Ok(self.get(at, 1)?.is_none().then_some(skeleton));
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(at))?;
    file.read(bytes)
}
