//! Model files: what is read, what is refused, what is written.

#[cfg(feature = "cli")]
mod command;
mod convert;
pub(crate) mod fixtures;
mod gguf;
mod merge;
mod peers;
#[cfg(feature = "pull")]
mod pull;
#[cfg(feature = "pull")]
mod server;
