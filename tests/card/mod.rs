//! Cards: lossless edits, versions, PNG chunks, and the commands about them.

mod check;
mod cli;
#[cfg(feature = "index")]
mod collection;
mod edit;
mod png;
mod quirks;
mod rules;
mod version;
