//! Model files: what is read, what is refused, what is written.

#[cfg(feature = "cli")]
mod command;
mod convert;
pub(crate) mod fixtures;
mod gguf;
mod hostile;
mod importance;
mod merge;
mod peers;
#[cfg(feature = "pull")]
mod pull;
#[cfg(feature = "llama")]
mod quantize;
#[cfg(feature = "pull")]
mod server;
#[cfg(all(feature = "cli", feature = "llama", unix))]
mod stopped;
