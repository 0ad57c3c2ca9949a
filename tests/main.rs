//! The integration tests, in one binary so that llama.cpp is linked once.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout)]

mod card;
mod chat;
mod engine;
mod generate;
mod macros;
mod portrait;
mod prompt;
#[cfg(feature = "serve")]
mod serve;
mod weights;
