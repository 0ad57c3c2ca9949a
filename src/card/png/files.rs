//! Files in a PNG card: text chunks `chara-ext-asset_:PATH` with base64 behind them.
//!
//! RisuAI writes them and V3 calls them by `__asset:PATH`; its older versions leave out the colon.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chunk::{Chunk, Layout, SIGNATURE, push, walk};
use super::read::keyword;
use crate::card::asset::Stored;
use crate::card::payload;

const PREFIX: &[u8] = b"chara-ext-asset_";
/// The longest path that fits into a keyword which RisuAI still reads: it takes 70 bytes.
pub(crate) const MAX_PATH: usize = 53;

/// The path of the file in a chunk, and its base64.
fn file<'a>(png: &'a [u8], chunk: &Chunk) -> Option<(String, &'a [u8])> {
    if &chunk.kind != b"tEXt" {
        return None;
    }
    let rest = png[chunk.data.clone()].strip_prefix(PREFIX)?;
    let end = rest.iter().take(80).position(|&b| b == 0)?;
    let path = rest[..end].strip_prefix(b":").unwrap_or(&rest[..end]);
    // Keywords are Latin-1.
    Some((
        path.iter().map(|&b| char::from(b)).collect(),
        &rest[end + 1..],
    ))
}

/// The paths of the files in a PNG.
pub(super) fn paths(png: &[u8], layout: &Layout) -> Vec<String> {
    layout
        .chunks
        .iter()
        .filter_map(|chunk| Some(file(png, chunk)?.0))
        .collect()
}

/// The files in a PNG; what is no base64 is passed over.
pub(crate) fn files(png: &[u8]) -> Vec<Stored> {
    if !png.starts_with(&SIGNATURE) {
        return Vec::new();
    }
    walk(png)
        .chunks
        .iter()
        .filter_map(|chunk| {
            let (path, text) = file(png, chunk)?;
            let data = payload::STANDARD.decode(text).ok()?;
            Some(Stored { path, data })
        })
        .collect()
}

/// The lorebook that NovelAI puts into a PNG, as base64.
pub(crate) fn naidata(png: &[u8]) -> Option<Vec<u8>> {
    if !png.starts_with(&SIGNATURE) {
        return None;
    }
    walk(png).chunks.iter().find_map(|chunk| {
        let text = png[chunk.data.clone()].strip_prefix(b"naidata\0")?;
        (&chunk.kind == b"tEXt").then(|| text.to_vec())
    })
}

/// The picture alone: without card and files.
pub(crate) fn picture(png: &[u8]) -> Vec<u8> {
    let mut picture = SIGNATURE.to_vec();
    let layout = walk(png);
    for chunk in &layout.chunks {
        if keyword(png, chunk).is_none() && file(png, chunk).is_none() {
            picture.extend_from_slice(&png[chunk.span.clone()]);
        }
    }
    picture
}

/// The PNG with these files instead of those it had, behind the card.
pub(crate) fn with_files<'f>(
    png: &[u8],
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> Vec<u8> {
    let layout = walk(png);
    let mut out = SIGNATURE.to_vec();
    let last = layout
        .chunks
        .iter()
        .rposition(|chunk| keyword(png, chunk).is_some());
    let mut files = Some(files);
    for (index, chunk) in layout.chunks.iter().enumerate() {
        if file(png, chunk).is_none() {
            out.extend_from_slice(&png[chunk.span.clone()]);
        }
        if last == Some(index) {
            for (path, data) in files.take().into_iter().flatten() {
                let text = STANDARD.encode(data);
                push(
                    &mut out,
                    b"tEXt",
                    &[PREFIX, b":", path.as_bytes(), b"\0", text.as_bytes()],
                );
            }
        }
    }
    out.extend_from_slice(&png[layout.trailing.clone()]);
    out
}
