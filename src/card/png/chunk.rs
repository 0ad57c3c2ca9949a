//! The chunk walker: where every chunk of a PNG stands, however damaged the file is.
//!
//! Lengths are compared with the bytes that are left before anything is taken, and only headers are looked at.

use std::ops::Range;

/// The eight bytes every PNG begins with.
pub(crate) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its four letters.
    pub(super) kind: [u8; 4],
    /// The whole chunk: length, letters, data, checksum.
    pub(super) span: Range<usize>,
    /// Its data; ends early where the file does.
    pub(super) data: Range<usize>,
    /// How long its data should be.
    pub(super) length: usize,
    /// Whether it stands after `IEND`.
    pub(super) after_end: bool,
}

impl Chunk {
    /// Whether all of its data and its checksum are there.
    pub(super) fn is_whole(&self) -> bool {
        self.span.len() == self.length + 12
    }

    /// Whether this is one of the three kinds of text chunk.
    pub(super) fn is_text(&self) -> bool {
        matches!(&self.kind, b"tEXt" | b"zTXt" | b"iTXt")
    }

    /// Whether the checksum is right.
    pub(super) fn is_sound(&self, png: &[u8]) -> bool {
        let stored = &png[self.data.end..self.span.end];
        self.is_whole() && crc(&self.kind, &png[self.data.clone()]).to_be_bytes() == *stored
    }
}

/// What a PNG is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The chunks, in order; the last may be cut short.
    pub(super) chunks: Vec<Chunk>,
    /// Whether there is an `IEND`.
    pub(super) has_end: bool,
    /// What stands after the last chunk and is none.
    pub(super) trailing: Range<usize>,
}

/// Finds the chunks of `png`, which must begin with [`SIGNATURE`].
pub(super) fn walk(png: &[u8]) -> Layout {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut has_end = false;
    let mut at = SIGNATURE.len();
    while let Some(header) = png.get(at..at + 8) {
        let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = [header[4], header[5], header[6], header[7]];
        let left = png.len() - at - 8;
        let fits = length.checked_add(4).is_some_and(|needed| needed <= left);
        if !kind.iter().all(u8::is_ascii_alphabetic) || (has_end && !fits) {
            break;
        }
        let data = at + 8..at + 8 + length.min(left);
        let end = if fits { data.end + 4 } else { png.len() };
        chunks.push(Chunk {
            kind,
            span: at..end,
            data,
            length,
            after_end: has_end,
        });
        has_end |= &kind == b"IEND";
        at = end;
    }
    Layout {
        chunks,
        has_end,
        trailing: at..png.len(),
    }
}

/// The checksum of a chunk.
pub(super) fn crc(kind: &[u8; 4], data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind);
    hasher.update(data);
    hasher.finalize()
}

/// Appends a chunk.
pub(super) fn push(png: &mut Vec<u8>, kind: &[u8; 4], data: &[&[u8]]) {
    let length: usize = data.iter().map(|part| part.len()).sum();
    let start = png.len();
    // Text is capped far below what the length field can say.
    png.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    png.extend_from_slice(kind);
    for part in data {
        png.extend_from_slice(part);
    }
    let crc = crc32fast::hash(&png[start + 4..]);
    png.extend_from_slice(&crc.to_be_bytes());
}
