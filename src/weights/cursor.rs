//! Reads a file from its start without believing what it says about its own sizes.

use std::io::{self, Read, Seek, SeekFrom};

use crate::{Error, Kind, Result};

/// What to do about a file that ends too early.
pub(super) const INCOMPLETE: &str = "the file is incomplete or damaged: get it again";

/// Memory that is taken before the bytes for it have come: beyond that it grows with them.
const AT_ONCE: u64 = 1 << 16;

/// A place in a file of known length.
pub(super) struct Cursor<R> {
    reader: R,
    /// The byte that is read next.
    pub(super) position: u64,
    /// The bytes of the file.
    pub(super) length: u64,
    limit: u64,
}

impl<R: Read> Cursor<R> {
    /// The start of a file of `length` bytes, in which nothing is read beyond byte `limit`.
    pub(super) fn new(reader: R, length: u64, limit: u64) -> Self {
        Self {
            reader,
            position: 0,
            length,
            limit,
        }
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    pub(super) fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let at = self.position;
        self.advance(N as u64, what)?;
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(e) => Err(self.missing(e, at, N as u64, what)),
        }
    }

    /// The next `count` bytes, of which there may be at most `most`.
    pub(super) fn bytes(&mut self, count: u64, most: u64, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.append(&mut bytes, count, most, what)?;
        Ok(bytes)
    }

    /// As [`Cursor::bytes`], at the end of `bytes`.
    pub(super) fn append(
        &mut self,
        bytes: &mut Vec<u8>,
        count: u64,
        most: u64,
        what: &str,
    ) -> Result<()> {
        let at = self.position;
        if count > self.left() {
            return Err(self.too_long(at, count, what));
        }
        if count > most {
            return Err(Error::new(
                Kind::Limit,
                format!("{what} of {count} bytes at byte {at}, the longest is {most}"),
            ));
        }
        self.advance(count, what)?;
        // A vocabulary is a hundred thousand short texts.
        let before = bytes.len();
        bytes.resize(before + count.min(AT_ONCE) as usize, 0);
        self.reader
            .read_exact(&mut bytes[before..])
            .map_err(|e| self.missing(e, at, count, what))?;
        if count > AT_ONCE {
            (&mut self.reader)
                .take(count - AT_ONCE)
                .read_to_end(bytes)
                .map_err(|e| unreadable(what, e))?;
        }
        if (bytes.len() - before) as u64 != count {
            return Err(self.too_long(at, count, what));
        }
        Ok(())
    }

    /// The bytes between here and the end.
    pub(super) fn left(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    /// Refuses a count of things that the rest of the file cannot hold.
    pub(super) fn expect_room(&self, count: u64, least_bytes: u64, what: &str) -> Result<()> {
        if count > self.left() / least_bytes {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "{count} {what} are announced before byte {}, but the file ends at byte {}",
                    self.position, self.length
                ),
            )
            .hint(INCOMPLETE));
        }
        Ok(())
    }

    /// Counts bytes that are about to be read.
    fn advance(&mut self, count: u64, what: &str) -> Result<()> {
        if count > self.left() {
            return Err(self.too_long(self.position, count, what));
        }
        self.position += count;
        if self.position > self.limit {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "{what} lies beyond byte {}, where no model has it",
                    self.limit
                ),
            ));
        }
        Ok(())
    }

    /// Why `count` bytes at byte `at` could not be read.
    fn missing(&self, error: io::Error, at: u64, count: u64, what: &str) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.too_long(at, count, what),
            _ => unreadable(what, error),
        }
    }

    fn too_long(&self, at: u64, count: u64, what: &str) -> Error {
        Error::new(
            Kind::Model,
            format!(
                "the file ends inside {what}: {count} bytes are needed at byte {at}, it has {}",
                self.length
            ),
        )
        .hint(INCOMPLETE)
    }
}

impl<R: Read + Seek> Cursor<R> {
    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, count: u64, what: &str) -> Result<()> {
        self.advance(count, what)?;
        self.reader
            .seek(SeekFrom::Start(self.position))
            .map_err(|e| unreadable(what, e))?;
        Ok(())
    }
}

fn unreadable(what: &str, error: io::Error) -> Error {
    Error::system(&format!("read {what}"), error)
}
