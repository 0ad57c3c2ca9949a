//! Packing: data as it goes into an archive, and a new archive.

use super::zip::{END, LOCAL, RECORD, SIZES_FOLLOW, UTF8};

/// Data as it goes into an archive.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    length: usize,
    size: usize,
    crc: u32,
    method: u16,
}

impl Packed {
    pub(super) fn of(bytes: &[u8], deflated: bool) -> Self {
        let crc = crc32fast::hash(bytes);
        let packed = if deflated {
            deflate(bytes)
        } else {
            bytes.to_vec()
        };
        Self {
            length: packed.len(),
            bytes: packed,
            size: bytes.len(),
            crc,
            method: if deflated { 8 } else { 0 },
        }
    }

    /// The same without the data.
    pub(super) fn numbers(&self) -> Self {
        Self {
            bytes: Vec::new(),
            ..*self
        }
    }

    /// Writes flags and numbers into `header`, which begins at its flags. Behind them a local header and a record of the
    /// directory are alike.
    pub(super) fn put(&self, header: &mut [u8]) {
        let flags = u16::from_le_bytes([header[0], header[1]]) & !SIZES_FOLLOW;
        header[..2].copy_from_slice(&flags.to_le_bytes());
        header[2..4].copy_from_slice(&self.method.to_le_bytes());
        header[8..12].copy_from_slice(&self.crc.to_le_bytes());
        // A card is capped far below what 32 bits hold.
        header[12..16].copy_from_slice(&(self.length as u32).to_le_bytes());
        header[16..20].copy_from_slice(&(self.size as u32).to_le_bytes());
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Whether deflating a file of this name is worth the time: pictures, sound and film are packed already.
fn is_worth_packing(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    [
        "json", "txt", "md", "lua", "js", "html", "css", "svg", "xml", "yaml", "bmp", "wav",
    ]
    .iter()
    .any(|known| extension.eq_ignore_ascii_case(known))
}

/// 1 January 1980, the first day a zip knows: an archive does not tell when it was made.
const DATE: [u8; 4] = [0, 0, 0x21, 0];

/// Appends an entry to an archive that begins at `base`, and its record to `records`.
pub(super) fn push_new(
    out: &mut Vec<u8>,
    records: &mut Vec<u8>,
    base: usize,
    name: &str,
    bytes: &[u8],
) {
    let packed = Packed::of(bytes, is_worth_packing(name));
    let flags = if name.is_ascii() { 0 } else { UTF8 };
    let header = out.len();
    let mut common = Vec::new();
    common.extend_from_slice(&20u16.to_le_bytes());
    common.extend_from_slice(&flags.to_le_bytes());
    common.extend_from_slice(&packed.method.to_le_bytes());
    common.extend_from_slice(&DATE);
    common.extend_from_slice(&packed.crc.to_le_bytes());
    common.extend_from_slice(&(packed.length as u32).to_le_bytes());
    common.extend_from_slice(&(packed.size as u32).to_le_bytes());
    common.extend_from_slice(&(name.len() as u16).to_le_bytes());
    common.extend_from_slice(&[0; 2]);
    out.extend_from_slice(LOCAL);
    out.extend_from_slice(&common);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&packed.bytes);
    records.extend_from_slice(RECORD);
    records.extend_from_slice(&20u16.to_le_bytes());
    records.extend_from_slice(&common);
    records.extend_from_slice(&[0; 10]);
    records.extend_from_slice(&((header - base) as u32).to_le_bytes());
    records.extend_from_slice(name.as_bytes());
}

/// An archive of `files` behind `prefix`, with offsets that count from the start of the archive.
pub(crate) fn build<'f>(
    prefix: &[u8],
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> Vec<u8> {
    let mut out = prefix.to_vec();
    let mut records = Vec::new();
    let mut count = 0u16;
    for (name, bytes) in files {
        push_new(&mut out, &mut records, prefix.len(), name, bytes);
        count += 1;
    }
    let start = out.len() - prefix.len();
    out.extend_from_slice(&records);
    out.extend_from_slice(END);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&(records.len() as u32).to_le_bytes());
    out.extend_from_slice(&(start as u32).to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out
}
