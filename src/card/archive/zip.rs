//! A zip archive as it stands in its file: where each entry is, and how to change one without touching the others.
//!
//! A library that unpacks and packs again forgets extra fields, gaps, comments and how an entry was compressed. Here the
//! directory is only measured, as the chunks of a PNG are: changing an entry splices its stretch of the file and moves the
//! offsets behind it; everything else, compressed data included, comes back byte for byte. Nothing that the headers say
//! about sizes is believed: what comes out is counted.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Read as _;
use std::ops::Range;

use flate2::read::DeflateDecoder;

pub(crate) use super::pack::build;
use super::pack::{Packed, push_new};

use crate::{Error, Kind, Result};

/// The most entries of an archive. The largest cards known carry some two thousand pictures.
pub(crate) const MAX_ENTRIES: usize = 20_000;
/// The most one entry may unpack to, 256 MiB: far above any picture or piece of music.
pub(crate) const MAX_ENTRY: usize = 256 << 20;
/// The most all entries together may unpack to, 1 GiB, as much as a file may hold.
pub(crate) const MAX_TOTAL: usize = 1 << 30;
/// How many bytes may come out for each that goes in, once [`RATIO_FREE`] have: text reaches 20, a bomb 1000.
pub(crate) const MAX_RATIO: usize = 200;
/// What may come out at any ratio, 8 MiB: a picture of one colour packs well.
pub(crate) const RATIO_FREE: usize = 8 << 20;
/// The longest comment, and so how far from the end the directory's end may be.
const MAX_COMMENT: usize = 0xffff;

pub(super) const LOCAL: &[u8; 4] = b"PK\x03\x04";
pub(super) const RECORD: &[u8; 4] = b"PK\x01\x02";
pub(super) const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
/// The flag of an encrypted entry.
const ENCRYPTED: u16 = 1;
/// The flag of sizes that follow the data.
pub(super) const SIZES_FOLLOW: u16 = 1 << 3;
/// The flag of a name in UTF-8.
pub(super) const UTF8: u16 = 1 << 11;
/// The extra field with sizes of 64 bits.
const WIDE: u16 = 1;

/// An archive inside `bytes`.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    /// Where offset 0 is: 0, or where the archive begins behind a picture.
    base: usize,
    entries: Vec<Entry>,
    /// The records of the directory.
    directory: Range<usize>,
    /// The end of the directory and everything behind it.
    end: usize,
    /// Where its 64-bit twin is.
    end64: Option<usize>,
    /// What was unpacked so far.
    unpacked: Cell<usize>,
}

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its path, with `/`.
    pub(crate) name: String,
    flags: u16,
    method: u16,
    crc: u32,
    size: u64,
    /// Header, data and what follows of its sizes.
    span: Range<usize>,
    /// The data as stored.
    data: Range<usize>,
    /// Its record in the directory.
    record: Range<usize>,
    /// Where in `record` the offset of its header is, and how many bytes that has.
    offset: (usize, usize),
    /// Whether it is a symbolic link.
    pub(crate) is_link: bool,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether checksum and size are what the directory says.
    pub(crate) is_sound: bool,
}

fn damaged(what: impl Into<String>) -> Error {
    Error::new(Kind::Card, format!("the zip is damaged: {}", what.into()))
        .hint("download the file again")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(
        bytes.get(at..at.checked_add(8)?)?.try_into().ok()?,
    ))
}

/// Where the end of the directory is.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(MAX_COMMENT);
    (first..=last).rev().find(|&at| {
        bytes[at..].starts_with(END)
            && u16_at(bytes, at + 20)
                .is_some_and(|comment| at + 22 + usize::from(comment) <= bytes.len())
    })
}

/// Whether an archive ends these bytes.
pub(crate) fn is_at_end(bytes: &[u8]) -> bool {
    find_end(bytes).is_some()
}

impl<'a> Archive<'a> {
    /// The archive at the end of `bytes`; something else may stand before it.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self> {
        let end = find_end(bytes).ok_or_else(|| damaged("it has no directory"))?;
        let number = |at: usize| u32_at(bytes, at).unwrap_or(0);
        let (mut size, mut start) = (u64::from(number(end + 12)), u64::from(number(end + 16)));
        let mut directory_end = end;
        let mut end64 = None;
        if end >= 20 && bytes[end - 20..].starts_with(LOCATOR64) {
            // Its offset has the same base as all others; the record stands right before the locator.
            let at = (0..=end - 20)
                .rev()
                .take(4096)
                .find(|&at| bytes[at..].starts_with(END64));
            let at = at.ok_or_else(|| damaged("its 64-bit directory end is missing"))?;
            size = u64_at(bytes, at + 40).unwrap_or(u64::MAX);
            start = u64_at(bytes, at + 48).unwrap_or(u64::MAX);
            directory_end = at;
            end64 = Some(at);
        }
        let (size, start) = (usize::try_from(size), usize::try_from(start));
        let (Ok(size), Ok(start)) = (size, start) else {
            return Err(damaged("its directory is larger than the file"));
        };
        let at = directory_end.checked_sub(size);
        let (base, at) = match at {
            // Offsets may count from the start of the file or from the start of the archive.
            Some(at) if at >= start && (size == 0 || bytes[at..].starts_with(RECORD)) => {
                (at - start, at)
            }
            _ if bytes
                .get(start..)
                .is_some_and(|rest| rest.starts_with(RECORD)) =>
            {
                (0, start)
            }
            _ => return Err(damaged("its directory is not where it says")),
        };
        let mut archive = Self {
            bytes,
            base,
            entries: Vec::new(),
            directory: at..at + size,
            end: directory_end,
            end64,
            unpacked: Cell::new(0),
        };
        archive.read_directory()?;
        Ok(archive)
    }

    fn read_directory(&mut self) -> Result<()> {
        let bytes = self.bytes;
        let mut at = self.directory.start;
        let limit = self.directory.end.min(self.end);
        while at < limit {
            if self.entries.len() == MAX_ENTRIES {
                return Err(Error::new(
                    Kind::Limit,
                    format!("the zip has more than {MAX_ENTRIES} entries"),
                ));
            }
            let record = record(bytes, at).ok_or_else(|| {
                damaged(format!("an entry of its directory at byte {at} is broken"))
            })?;
            let entry = self.entry(record)?;
            at = entry.record.end;
            self.entries.push(entry);
        }
        self.directory.end = at;
        let mut spans: Vec<_> = self
            .entries
            .iter()
            .map(|entry| (entry.span.clone(), &entry.name))
            .collect();
        spans.sort_by_key(|(span, _)| (span.start, span.end));
        for pair in spans.windows(2) {
            if pair[0].0.end > pair[1].0.start {
                return Err(damaged(format!(
                    "`{}` and `{}` overlap",
                    pair[0].1, pair[1].1
                )));
            }
        }
        Ok(())
    }

    /// The entry of a record, with what its own header says about where the data is.
    fn entry(&self, record: Record) -> Result<Entry> {
        let bytes = self.bytes;
        let name = String::from_utf8_lossy(&bytes[record.name.clone()]).into_owned();
        let broken = |what: &str| damaged(format!("`{name}` {what}"));
        let header = usize::try_from(record.header)
            .ok()
            .and_then(|offset| offset.checked_add(self.base))
            .filter(|&at| at + 30 <= self.directory.start && bytes[at..].starts_with(LOCAL))
            .ok_or_else(|| broken("has no header where the directory says"))?;
        let (name_length, extra) = (u16_at(bytes, header + 26), u16_at(bytes, header + 28));
        let name_end = header + 30 + usize::from(name_length.unwrap_or(0));
        let start = name_end + usize::from(extra.unwrap_or(0));
        if bytes.get(header + 30..name_end) != Some(&bytes[record.name.clone()]) {
            return Err(broken("has another name in its header"));
        }
        let end = usize::try_from(record.packed)
            .ok()
            .and_then(|packed| start.checked_add(packed))
            .filter(|&end| end <= self.directory.start)
            .ok_or_else(|| broken("is longer than the file"))?;
        let flags = record.flags | u16_at(bytes, header + 6).unwrap_or(0);
        let follows = match (
            flags & SIZES_FOLLOW != 0,
            bytes[end..].starts_with(DESCRIPTOR),
        ) {
            (false, _) => 0,
            (true, false) => 12,
            (true, true) => 16,
        };
        Ok(Entry {
            name,
            flags,
            method: record.method,
            crc: record.crc,
            size: record.size,
            span: header..(end + follows).min(self.directory.start),
            data: start..end,
            offset: record.offset,
            record: record.span,
            is_link: record.is_link,
        })
    }

    /// Every entry, in the order of the directory.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last entry called exactly `name`, which is the one that counts where there are several.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }

    /// What an entry holds, at most `most` bytes of it.
    pub(crate) fn read(&self, entry: &Entry, most: usize) -> Result<Content> {
        let name = &entry.name;
        if entry.flags & ENCRYPTED != 0 {
            return Err(Error::new(
                Kind::Card,
                format!("`{name}` in the zip is encrypted"),
            ));
        }
        let data = &self.bytes[entry.data.clone()];
        let by_ratio = data.len().saturating_mul(MAX_RATIO).max(RATIO_FREE);
        let most = most.min(MAX_ENTRY);
        let cap = most.min(by_ratio);
        let mut bytes = Vec::new();
        match entry.method {
            0 => bytes.extend_from_slice(&data[..data.len().min(cap + 1)]),
            8 => {
                DeflateDecoder::new(data)
                    .take(cap as u64 + 1)
                    .read_to_end(&mut bytes)
                    .map_err(|e| damaged(format!("`{name}` cannot be unpacked: {e}")).source(e))?;
            }
            other => {
                return Err(Error::new(
                    Kind::Card,
                    format!("`{name}` in the zip is compressed by method {other}"),
                )
                .hint(
                    "stored (0) and deflated (8) entries are read; pack it again with one of these",
                ));
            }
        }
        if bytes.len() > cap {
            let what = if cap < most {
                format!("unpacks to more than {MAX_RATIO} times its size")
            } else {
                format!("unpacks to more than {} MiB", most >> 20)
            };
            return Err(Error::new(
                Kind::Limit,
                format!("`{name}` in the zip {what}"),
            ));
        }
        let total = self.unpacked.get() + bytes.len();
        if total > MAX_TOTAL {
            return Err(Error::new(
                Kind::Limit,
                format!("the zip unpacks to more than {} MiB", MAX_TOTAL >> 20),
            ));
        }
        self.unpacked.set(total);
        let is_sound = bytes.len() as u64 == entry.size && crc32fast::hash(&bytes) == entry.crc;
        Ok(Content { bytes, is_sound })
    }

    /// Where the data of an entry is in the file, as it is stored.
    pub(crate) fn place(&self, entry: &Entry) -> Range<usize> {
        entry.data.clone()
    }

    /// Where an entry begins in the file.
    pub(crate) fn header(&self, entry: &Entry) -> usize {
        entry.span.start
    }

    /// The file with some entries changed, others taken out (`None`) and new ones at the end; every other byte stays.
    pub(crate) fn rewrite(&self, changes: &HashMap<String, Option<Vec<u8>>>) -> Vec<u8> {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|&index| self.entries[index].span.start);
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut copied = 0;
        // By entry: where its header is now, and the numbers of a new one.
        let mut placed: HashMap<usize, (usize, Option<Packed>)> = HashMap::new();
        for index in order {
            let entry = &self.entries[index];
            out.extend_from_slice(&self.bytes[copied..entry.span.start]);
            copied = entry.span.end;
            match changes.get(&entry.name) {
                None => {
                    placed.insert(index, (out.len(), None));
                    out.extend_from_slice(&self.bytes[entry.span.clone()]);
                }
                Some(None) => {}
                Some(Some(new)) => {
                    let packed = Packed::of(new, entry.method == 8);
                    placed.insert(index, (out.len(), Some(packed.numbers())));
                    self.push_changed(&mut out, entry, &packed);
                }
            }
        }
        out.extend_from_slice(&self.bytes[copied..self.directory.start]);
        let mut added: Vec<(&String, &Vec<u8>)> = changes
            .iter()
            .filter(|(name, _)| self.find(name).is_none())
            .filter_map(|(name, new)| Some((name, new.as_ref()?)))
            .collect();
        added.sort();
        let mut records = Vec::new();
        for (name, bytes) in &added {
            push_new(&mut out, &mut records, self.base, name, bytes);
        }
        let directory = out.len();
        let mut count = added.len();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some((header, packed)) = placed.get(&index) {
                count += 1;
                self.push_record(&mut out, entry, header - self.base, packed.as_ref());
            }
        }
        out.extend_from_slice(&records);
        let size = out.len() - directory;
        out.extend_from_slice(&self.bytes[self.directory.end..self.end]);
        self.push_end(&mut out, count as u64, size, directory - self.base);
        out
    }

    /// The header of an entry with other data behind it.
    fn push_changed(&self, out: &mut Vec<u8>, entry: &Entry, packed: &Packed) {
        let at = out.len();
        let name = 30 + entry.name_length(self.bytes);
        out.extend_from_slice(&self.bytes[entry.span.start..entry.span.start + name]);
        let extra = &self.bytes[entry.span.start + name..entry.data.start];
        let extra = without_wide(extra);
        out.extend_from_slice(&extra);
        packed.put(&mut out[at + 6..]);
        out[at + 28..at + 30].copy_from_slice(&(extra.len() as u16).to_le_bytes());
        out.extend_from_slice(&packed.bytes);
    }

    fn push_record(
        &self,
        out: &mut Vec<u8>,
        entry: &Entry,
        header: usize,
        packed: Option<&Packed>,
    ) {
        let record = &self.bytes[entry.record.clone()];
        let at = out.len();
        let Some(packed) = packed else {
            out.extend_from_slice(record);
            let (place, width) = entry.offset;
            let offset = (header as u64).to_le_bytes();
            out[at + place..at + place + width].copy_from_slice(&offset[..width]);
            return;
        };
        let length = |at: usize| usize::from(u16_at(record, at).unwrap_or(0));
        let (name, extra) = (46 + length(28), length(30));
        out.extend_from_slice(&record[..name]);
        let kept = without_wide(&record[name..name + extra]);
        out.extend_from_slice(&kept);
        out.extend_from_slice(&record[name + extra..]);
        packed.put(&mut out[at + 8..]);
        out[at + 30..at + 32].copy_from_slice(&(kept.len() as u16).to_le_bytes());
        out[at + 42..at + 46].copy_from_slice(&(header as u32).to_le_bytes());
    }

    /// The end of the directory, with new numbers where the old ones stood.
    fn push_end(&self, out: &mut Vec<u8>, count: u64, size: usize, start: usize) {
        let at = out.len();
        out.extend_from_slice(&self.bytes[self.end..]);
        let mut short = at;
        if let Some(end64) = self.end64 {
            for (offset, number) in [
                (24, count),
                (32, count),
                (40, size as u64),
                (48, start as u64),
            ] {
                out[at + offset..at + offset + 8].copy_from_slice(&number.to_le_bytes());
            }
            let end = find_end(self.bytes).unwrap_or(end64);
            short = at + end - self.end;
            let locator = short - 20;
            out[locator + 8..locator + 16]
                .copy_from_slice(&((at - self.base) as u64).to_le_bytes());
        }
        // A number of 64 bits is told by all ones; then it stands in the twin.
        let mut put = |offset: usize, width: usize, number: u64| {
            let place = short + offset..short + offset + width;
            if self.end64.is_some() && out[place.clone()].iter().all(|&b| b == 0xff) {
                return;
            }
            out[place].copy_from_slice(&number.to_le_bytes()[..width]);
        };
        put(8, 2, count);
        put(10, 2, count);
        put(12, 4, size as u64);
        put(16, 4, start as u64);
    }
}

impl Entry {
    fn name_length(&self, bytes: &[u8]) -> usize {
        usize::from(u16_at(bytes, self.span.start + 26).unwrap_or(0))
    }

    /// Whether this is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }
}

/// What a record of the directory says.
struct Record {
    span: Range<usize>,
    name: Range<usize>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    header: u64,
    offset: (usize, usize),
    is_link: bool,
}

fn record(bytes: &[u8], at: usize) -> Option<Record> {
    if !bytes[at..].starts_with(RECORD) {
        return None;
    }
    let length = |offset: usize| Some(usize::from(u16_at(bytes, at + offset)?));
    let name = at + 46..at + 46 + length(28)?;
    let extra = name.end..name.end + length(30)?;
    let span = at..extra.end + length(32)?;
    bytes.get(span.clone())?;
    let mut packed = u64::from(u32_at(bytes, at + 20)?);
    let mut size = u64::from(u32_at(bytes, at + 24)?);
    let mut header = u64::from(u32_at(bytes, at + 42)?);
    let mut offset = (42, 4);
    let mut field = extra.start;
    while let (Some(id), Some(length)) = (u16_at(bytes, field), u16_at(bytes, field + 2)) {
        let body = field + 4;
        field = body + usize::from(length);
        if field > extra.end {
            break;
        }
        if id == WIDE {
            let mut next = body;
            for number in [&mut size, &mut packed, &mut header] {
                if *number == u64::from(u32::MAX) && next + 8 <= field {
                    *number = u64_at(bytes, next)?;
                    offset = (next - at, 8);
                    next += 8;
                }
            }
            // Only the last of the three is the offset.
            if u32_at(bytes, at + 42)? != u32::MAX {
                offset = (42, 4);
            }
        }
    }
    // The upper half of the attributes is the mode, where a Unix wrote the entry.
    let is_link = bytes[at + 5] == 3 && u32_at(bytes, at + 38)? >> 28 == 0xa;
    Some(Record {
        span,
        name,
        flags: u16_at(bytes, at + 8)?,
        method: u16_at(bytes, at + 10)?,
        crc: u32_at(bytes, at + 16)?,
        packed,
        size,
        header,
        offset,
        is_link,
    })
}

/// Extra fields without the one of 64-bit sizes.
fn without_wide(extra: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(extra.len());
    let mut at = 0;
    while let (Some(id), Some(length)) = (u16_at(extra, at), u16_at(extra, at + 2)) {
        let end = (at + 4 + usize::from(length)).min(extra.len());
        if id != WIDE {
            kept.extend_from_slice(&extra[at..end]);
        }
        at = end;
    }
    kept.extend_from_slice(&extra[at..]);
    kept
}
