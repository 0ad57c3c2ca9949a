//! Cards: lossless edits, versions, PNG chunks, and the commands about them.

mod check;
mod cli;
mod edit;
mod png;
mod quirks;
mod rules;
mod version;
