//! What an image holds beside pixels and card, and an image without it.

use std::ops::Range;

use super::chunk::{Chunk, SIGNATURE, walk};
use super::read::keyword;

/// Something beside the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) kind: Extra,
    /// Where it is.
    pub(crate) span: Range<usize>,
}

/// What stands in an image beside pixels and card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Camera data.
    Exif,
    /// How an image generator made it, under this keyword.
    Prompt(String),
    /// Any other text, under this keyword.
    Text(String),
    /// When it was changed.
    Time,
    /// A zip archive after its end.
    Archive,
}

/// Keywords of image generators.
const GENERATORS: [&str; 8] = [
    "parameters",
    "prompt",
    "workflow",
    "Dream",
    "sd-metadata",
    "invokeai_metadata",
    "Comment",
    "generation_data",
];

/// Keywords of files that belong to the card.
const ASSETS: &str = "chara-ext-asset_";

/// What `png` holds beside pixels and card; nothing for anything but a PNG.
pub(crate) fn inspect(png: &[u8]) -> Vec<Found> {
    if !png.starts_with(&SIGNATURE) {
        return Vec::new();
    }
    let layout = walk(png);
    let mut found: Vec<Found> = layout
        .chunks
        .iter()
        .filter_map(|chunk| {
            Some(Found {
                kind: extra(png, chunk)?,
                span: chunk.span.clone(),
            })
        })
        .collect();
    let tail = &png[layout.trailing.clone()];
    if tail.windows(4).any(|window| window == b"PK\x03\x04") {
        found.push(Found {
            kind: Extra::Archive,
            span: layout.trailing,
        });
    }
    found
}

fn extra(png: &[u8], chunk: &Chunk) -> Option<Extra> {
    match &chunk.kind {
        b"eXIf" => return Some(Extra::Exif),
        b"tIME" => return Some(Extra::Time),
        _ => {}
    }
    if !chunk.is_text() || keyword(png, chunk).is_some() {
        return None;
    }
    let data = &png[chunk.data.clone()];
    let end = data
        .iter()
        .take(80)
        .position(|&b| b == 0)
        .unwrap_or(data.len().min(80));
    let name = String::from_utf8_lossy(&data[..end]).into_owned();
    if name.starts_with(ASSETS) || name == "naidata" {
        return None;
    }
    Some(if GENERATORS.contains(&name.as_str()) {
        Extra::Prompt(name)
    } else {
        Extra::Text(name)
    })
}

/// The image without what [`inspect`] finds and without anything after its end.
pub(crate) fn scrub(png: &[u8]) -> Vec<u8> {
    if !png.starts_with(&SIGNATURE) {
        return png.to_vec();
    }
    let mut clean = SIGNATURE.to_vec();
    for chunk in &walk(png).chunks {
        if extra(png, chunk).is_none() && !(chunk.after_end && keyword(png, chunk).is_none()) {
            clean.extend_from_slice(&png[chunk.span.clone()]);
        }
    }
    clean
}

/// The compressed pixels, chunk by chunk; `None` for anything but a PNG.
pub(crate) fn pixels(png: &[u8]) -> Option<impl Iterator<Item = u8> + '_> {
    let chunks = png.starts_with(&SIGNATURE).then(|| walk(png).chunks)?;
    Some(
        chunks
            .into_iter()
            .filter(|chunk| matches!(&chunk.kind, b"IHDR" | b"PLTE" | b"IDAT" | b"fdAT" | b"tRNS"))
            .flat_map(|chunk| png[chunk.data].iter().copied()),
    )
}
