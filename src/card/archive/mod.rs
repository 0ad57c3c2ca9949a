//! Cards in zip archives: CHARX, the same behind a JPEG, and Backyard's BYAF.
//!
//! All three are a few JSON files among pictures. [`zip`] measures the archive and splices single entries; what an entry
//! means is the business of the file of its format.

pub(super) mod backyard;
pub(super) mod byaf;
pub(super) mod charx;
mod pack;
pub(super) mod zip;

use super::asset::Stored;
use super::payload::{MAX_TEXT, note};
use crate::{Error, Finding, Kind, Place, Result, Severity};
use zip::{Archive, Content, Entry};

/// What a zip archive is, by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A card at the root.
    Charx,
    /// A manifest of characters.
    Byaf,
    /// A package of Voxta.
    Voxta,
    /// Anything else.
    Other,
}

/// What the archive in `bytes` is; `None` when there is none.
fn sort(bytes: &[u8]) -> Option<Sort> {
    Archive::open(bytes).ok().map(|archive| sort_of(&archive))
}

/// What an archive is.
fn sort_of(archive: &Archive<'_>) -> Sort {
    let has = |name: &str| archive.find(name).is_some();
    let under = |folder: &str| {
        archive
            .entries()
            .iter()
            .any(|entry| entry.name.starts_with(folder))
    };
    if has("card.json") {
        Sort::Charx
    } else if has("manifest.json") {
        Sort::Byaf
    } else if has("package.json") && (under("Characters/") || under("Scenarios/")) {
        Sort::Voxta
    } else {
        Sort::Other
    }
}

/// The files of an archive besides those called in `without`.
fn files(archive: &Archive<'_>, without: &[&str]) -> Result<Vec<Stored>> {
    let mut files = Vec::new();
    for entry in archive.entries() {
        if entry.is_folder() || entry.is_link || without.contains(&entry.name.as_str()) {
            continue;
        }
        files.push(Stored {
            path: entry.name.clone(),
            data: archive.read(entry, zip::MAX_ENTRY)?.bytes,
        });
    }
    Ok(files)
}

/// A text of an archive, at most as long as a card may be.
fn text(archive: &Archive<'_>, entry: &Entry, findings: &mut Vec<Finding>) -> Result<Content> {
    let content = archive.read(entry, MAX_TEXT)?;
    if !content.is_sound {
        findings.push(Finding {
            fix: Some("write the card anew".into()),
            ..note(
                "zip-bad-crc",
                Severity::Warning,
                &Place::Bytes(archive.place(entry)),
                format!(
                    "the checksum or size of `{}` is wrong; strict programs refuse the file",
                    entry.name
                ),
            )
        });
    }
    Ok(content)
}

/// What is odd about the entries of an archive, whatever they mean.
fn entry_findings(archive: &Archive<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut say = |code, severity, entry: &Entry, message: String| {
        findings.push(note(
            code,
            severity,
            &Place::Bytes(archive.place(entry)),
            message,
        ));
    };
    let mut seen = std::collections::HashSet::new();
    for entry in archive.entries() {
        let name = &entry.name;
        if entry.is_link {
            say(
                "zip-link",
                Severity::Error,
                entry,
                format!("`{name}` is a symbolic link; it is not followed"),
            );
        } else if !super::asset::is_safe(name) {
            say(
                "zip-path",
                Severity::Error,
                entry,
                format!("`{name}` is a path that may leave its folder"),
            );
        }
        if !seen.insert(name.to_lowercase()) {
            say(
                "zip-dup-entry",
                Severity::Warning,
                entry,
                format!("`{name}` is there more than once, at least but for case"),
            );
        }
    }
    findings
}

/// Where entries stand that tell how its pictures came to be: RisuAI keeps their text chunks there.
pub(super) fn picture_metadata(bytes: &[u8]) -> Vec<(String, std::ops::Range<usize>)> {
    match Archive::open(bytes) {
        Ok(archive) if sort_of(&archive) == Sort::Charx => metadata(&archive),
        _ => Vec::new(),
    }
}

fn metadata(archive: &Archive<'_>) -> Vec<(String, std::ops::Range<usize>)> {
    let entries = archive
        .entries()
        .iter()
        .filter(|entry| entry.name.starts_with(METADATA) && !entry.is_folder());
    entries
        .map(|entry| (entry.name.clone(), archive.place(entry)))
        .collect()
}

/// The folder RisuAI keeps the metadata of pictures in.
const METADATA: &str = "x_meta/";

/// The archive without what tells about its owner: metadata of pictures, messages of chats.
pub(super) fn scrub(bytes: &[u8]) -> Option<Vec<u8>> {
    let archive = Archive::open(bytes).ok()?;
    match sort_of(&archive) {
        Sort::Charx => {
            let gone = metadata(&archive)
                .into_iter()
                .map(|(name, _)| (name, None))
                .collect();
            Some(archive.rewrite(&gone))
        }
        Sort::Byaf => byaf::without_chats(&archive).ok(),
        Sort::Voxta | Sort::Other => None,
    }
}

/// The refusal of an archive without a card.
fn no_card(archive: &Archive<'_>) -> Error {
    if sort_of(archive) == Sort::Voxta {
        return Error::new(Kind::Card, "this is a Voxta package, which is not read")
            .hint("export the character from Voxta as a PNG card");
    }
    let nested: Vec<_> = archive
        .entries()
        .iter()
        .filter(|entry| {
            let file = entry.name.rsplit('/').next().unwrap_or_default();
            file.eq_ignore_ascii_case("card.json") || file.eq_ignore_ascii_case("manifest.json")
        })
        .map(|entry| format!("`{}`", entry.name))
        .take(3)
        .collect();
    if nested.is_empty() {
        return Error::new(Kind::Card, "zip has no `card.json` at its root");
    }
    Error::new(
        Kind::Card,
        format!(
            "zip has no `card.json` at its root (found {})",
            nested.join(", ")
        ),
    )
    .hint("pack the folder's contents, not the folder")
}
