//! Model files: what is read, what is refused, what is written.

mod gguf;
#[cfg(feature = "pull")]
mod pull;
#[cfg(feature = "pull")]
mod server;
