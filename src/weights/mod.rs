//! The files that models and adapters come in. Knows no cards and no prompts, and needs no llama.cpp.

mod file_type;
pub mod gguf;
#[cfg(feature = "pull")]
pub mod pull;
pub mod store;
mod summary;
mod tensor_type;
pub mod tiny;

pub use file_type::FileType;
pub use summary::{Memory, Summary, Tokenizer, TypeShare};
pub use tensor_type::TensorType;
