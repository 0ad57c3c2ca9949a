//! Cards: lossless edits, versions, PNG chunks.

mod edit;
mod png;
mod version;
