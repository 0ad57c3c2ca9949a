//! GGUF, the file format of models for llama.cpp: metadata, tensor descriptions, tensor data.
//!
//! Reading takes the head of a file only and trusts nothing in it: no size is believed before it was compared with the
//! file's, so that a damaged or hostile file costs an error and not the machine's memory. Writing streams, because
//! models are larger than memory.
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Versions 2 and 3 are read, 3 is written.
//!
//! ```
//! use cardwright::weights::gguf::{Gguf, Metadata, Tensor, Writer};
//! use cardwright::weights::TensorType;
//!
//! let mut metadata = Metadata::new();
//! metadata.set("general.architecture", "llama");
//! let tensor = Tensor::new("output_norm.weight", [2], TensorType::F32)?;
//! let mut writer = Writer::start(Vec::new(), &metadata, vec![tensor])?;
//! writer.data(&[0; 8])?;
//! let file = writer.finish()?;
//!
//! let gguf = Gguf::read(file.as_slice(), file.len() as u64)?;
//! assert_eq!(gguf.metadata.text("general.architecture").as_deref(), Some("llama"));
//! assert_eq!(gguf.tensors[0].shape, [2]);
//! # Ok::<(), cardwright::Error>(())
//! ```

mod read;
mod value;
mod write;

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

pub use value::{Metadata, Texts, Value, ValueType};
pub use write::{Writer, size};

use super::TensorType;
use crate::{Error, Kind, Result};

/// The first bytes of every GGUF file.
pub const MAGIC: [u8; 4] = *b"GGUF";

/// Where tensor data is aligned to when the file does not say otherwise.
pub const ALIGNMENT: u64 = 32;

/// Bytes that are read at a time; the head of a model with its vocabulary has some megabytes.
const BUFFER: usize = 1 << 17;

/// The head of a GGUF file.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    /// The version of the format, 2 or 3.
    pub version: u32,
    /// What the model is and how it reads text.
    pub metadata: Metadata,
    /// The tensors in the order of the file.
    pub tensors: Vec<Tensor>,
    /// Where tensor data is aligned to, a power of two.
    pub alignment: u64,
    /// The byte of the file at which tensor data starts.
    pub data_start: u64,
}

/// What is known of a tensor before its data is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// The name, such as `blk.0.attn_q.weight`: fewer than 64 bytes.
    pub name: String,
    /// Up to four extents, the length of a row first (the reverse of what PyTorch prints).
    pub shape: Vec<u64>,
    /// How the numbers are stored.
    pub kind: TensorType,
    /// Where the data starts, counted from the start of all tensor data.
    pub offset: u64,
    /// The bytes of the data.
    pub size: u64,
}

impl Tensor {
    /// A tensor that has no place in a file yet.
    ///
    /// # Errors
    ///
    /// [`Kind::Model`] when the name is too long, there are more than four extents, or rows are not whole blocks.
    pub fn new(
        name: impl Into<String>,
        shape: impl Into<Vec<u64>>,
        kind: TensorType,
    ) -> Result<Self> {
        let (name, shape) = (name.into(), shape.into());
        if name.len() >= MAX_NAME {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "tensor name of {} bytes, the longest is {}",
                    name.len(),
                    MAX_NAME - 1
                ),
            ));
        }
        if shape.len() > MAX_EXTENTS {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "tensor `{name}` has {} dimensions, the most is {MAX_EXTENTS}",
                    shape.len()
                ),
            ));
        }
        let Some(size) = kind.size(&shape) else {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "tensor `{name}` has the impossible shape {shape:?} for type {kind}, whose rows are multiples of {}",
                    kind.block_elements()
                ),
            ));
        };
        Ok(Self {
            name,
            shape,
            kind,
            offset: 0,
            size,
        })
    }

    /// The number of elements.
    #[must_use]
    pub fn elements(&self) -> u64 {
        (self.size / self.kind.block_bytes()).saturating_mul(self.kind.block_elements())
    }
}

/// The longest tensor name of ggml, with its closing zero.
const MAX_NAME: usize = 64;

/// The most dimensions of a tensor of ggml.
const MAX_EXTENTS: usize = 4;

impl Gguf {
    /// Reads the head of the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the file cannot be read; [`Kind::Model`] when it is no GGUF file, of another version or byte
    /// order, cut short, or describes tensors that cannot be; [`Kind::Limit`] when its head is larger than any real one.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
        let about = file.metadata().map_err(|e| Error::file("read", path, e))?;
        if about.is_dir() {
            return Err(
                Error::new(Kind::Model, "this is a folder, not a model file")
                    .at(path.display().to_string()),
            );
        }
        Self::read(BufReader::with_capacity(BUFFER, file), about.len())
            .map_err(|e| e.at(path.display().to_string()))
    }

    /// The tensor called `name`.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The bytes of the file that hold the data of `tensor`.
    #[must_use]
    pub fn range(&self, tensor: &Tensor) -> Range<u64> {
        let start = self.data_start + tensor.offset;
        start..start + tensor.size
    }

    /// The architecture, such as `llama`.
    #[must_use]
    pub fn architecture(&self) -> Option<String> {
        self.metadata
            .text("general.architecture")
            .map(std::borrow::Cow::into_owned)
    }

    /// The metadata value that the architecture prefixes: `context_length` finds `llama.context_length`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        let architecture = self.architecture()?;
        self.metadata.get(&format!("{architecture}.{name}"))
    }
}
