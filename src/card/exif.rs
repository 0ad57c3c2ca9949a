//! Cards in the EXIF data of a picture: the user comment of a WEBP, a JPEG or a PNG.
//!
//! Chub, Agnai and TavernAI wrote WEBP cards, Backyard (then Faraday) JPEG, WEBP and PNG ones. The comment holds JSON, JSON
//! as decimal numbers with commas, or base64, behind a character code of eight bytes or not. Such cards are only read.

use std::ops::Range;

use exif::{Exif, In, Reader, Tag, Value};

use super::payload::{self, note};
use super::{Container, Reading};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The most EXIF data that is looked at, 64 MiB, as much as a card may hold.
const MAX_EXIF: usize = payload::MAX_TEXT;

pub(super) fn sniff_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP")
}

pub(super) fn sniff_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff])
}

/// The card in a WEBP.
pub(super) fn read_webp(bytes: &[u8], container: &'static Container) -> Result<Reading> {
    let mut at = 12;
    let mut places = Vec::new();
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let end = (at + 8).saturating_add(length).min(bytes.len());
        if &header[..4] == b"EXIF" {
            places.push(at + 8..end);
        }
        // Chunks of odd length have a byte of padding.
        at = end + (length & 1);
    }
    read(bytes, &places, container)
}

/// The card in a JPEG.
pub(super) fn read_jpeg(bytes: &[u8], container: &'static Container) -> Result<Reading> {
    let mut at = 2;
    let mut places = Vec::new();
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        match marker {
            // Padding, and markers without a length.
            0xff => {
                at += 1;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            // The image data: nothing is looked for behind it.
            0xd9 | 0xda => break,
            _ => {}
        }
        let Some(length) = bytes.get(at + 2..at + 4) else {
            break;
        };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
        let end = (at + 2 + length).min(bytes.len());
        if marker == 0xe1 && bytes[at + 4..end].starts_with(b"Exif\0") {
            places.push(at + 4..end);
        }
        at = end;
    }
    read(bytes, &places, container)
}

/// The card in one of these stretches of EXIF data.
fn read(bytes: &[u8], places: &[Range<usize>], container: &'static Container) -> Result<Reading> {
    let mut first = None;
    for place in places {
        let Some(comment) = comment(&bytes[place.clone()]) else {
            continue;
        };
        match card(&comment, place.clone(), container) {
            Ok(reading) => return Ok(reading),
            Err(error) => {
                first.get_or_insert(error.at(format!("EXIF at byte {}", place.start)));
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        Error::new(
            Kind::Card,
            format!(
                "no card found: looked for a user comment in the EXIF data of the {}",
                container.name
            ),
        )
        .hint("photo tools and chat sites often strip it; download the original file")
    }))
}

/// The fields of EXIF data that begins with its byte order, as many as can be read.
pub(super) fn fields(tiff: &[u8]) -> Option<Exif> {
    Reader::new()
        .continue_on_error(true)
        .read_raw(tiff.to_vec())
        .or_else(|error| error.distill_partial_result(|_| {}))
        .ok()
}

/// The user comment in EXIF data, without its character code.
pub(super) fn comment(exif: &[u8]) -> Option<Vec<u8>> {
    if exif.len() > MAX_EXIF {
        return None;
    }
    // The data may or may not begin with its own name.
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let fields = fields(tiff)?;
    let field = fields
        .get_field(Tag::UserComment, In::PRIMARY)
        // Where it stands among the tags of the image itself, it is in another table.
        .or_else(|| fields.fields().find(|field| field.tag.number() == 0x9286))?;
    let bytes = match &field.value {
        Value::Undefined(bytes, _) | Value::Byte(bytes) => bytes.clone(),
        Value::Ascii(lines) => lines.join(&0),
        _ => return None,
    };
    Some(bytes)
}

/// The card in a user comment.
pub(super) fn card(
    comment: &[u8],
    place: Range<usize>,
    container: &'static Container,
) -> Result<Reading> {
    let mut findings = Vec::new();
    let mut rest = comment;
    let codes: [&[u8]; 4] = [b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0", &[0; 8]];
    if let Some(code) = codes.iter().find(|code| rest.starts_with(code)) {
        rest = &rest[code.len()..];
    }
    let trimmed = rest.trim_ascii_start();
    let kept = trimmed
        .iter()
        .position(|&b| b != 0)
        .map_or(&[][..], |start| &trimmed[start..]);
    let end = kept
        .iter()
        .rposition(|&b| b != 0)
        .map_or(0, |last| last + 1);
    let json = match numbers(&kept[..end]) {
        Some(decoded) => decoded,
        None if payload::sniff(kept) => kept[..end].to_vec(),
        None => {
            let place = Place::Bytes(place.clone());
            payload::unpack(&kept[..end], &place, &mut findings)?
        }
    };
    let mut reading = payload::read(json, container, place.clone())?;
    findings.push(Finding {
        fix: Some("write it as a PNG card".into()),
        ..note(
            "exif-card",
            Severity::Info,
            &Place::Bytes(place),
            "the card is in the EXIF data of the picture, where few programs still look",
        )
    });
    findings.append(&mut reading.findings);
    reading.findings = findings;
    Ok(reading)
}

/// Bytes that are written as decimal numbers with commas.
fn numbers(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.starts_with("123,") && !text.starts_with("239,187,191,") {
        return None;
    }
    text.split(',')
        .map(|number| number.trim().parse().ok())
        .collect()
}
