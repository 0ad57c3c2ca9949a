//! The files that models and adapters come in. Knows no cards and no prompts, and needs no llama.cpp.

mod cursor;
mod file_type;
pub mod ggml;
pub mod gguf;
mod importance;
pub mod lora;
pub mod merge;
pub mod numbers;
mod parts;
#[cfg(feature = "pull")]
pub mod pull;
pub(crate) mod source;
pub mod store;
mod summary;
mod tensor_type;
pub mod tiny;

pub use file_type::FileType;
pub use importance::Importance;
pub use parts::Parts;
pub use source::Watch;
pub use summary::{Memory, Summary, Tokenizer, TypeShare};
pub use tensor_type::TensorType;
