//! Cards: lossless edits, versions, PNG chunks, and the commands about them.

mod archive;
mod byaf;
mod check;
mod cli;
#[cfg(feature = "index")]
mod collection;
mod edit;
mod extract;
mod foreign;
mod lorebooks;
mod png;
mod quirks;
mod rules;
mod samples;
mod version;
