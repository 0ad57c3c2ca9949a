//! The files that models and adapters come in. Knows no cards and no prompts, and needs no llama.cpp.

pub mod gguf;
pub mod store;
mod tensor_type;
pub mod tiny;

pub use tensor_type::TensorType;
