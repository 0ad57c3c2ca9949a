//! What to load, and how much room to give it.

use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, Kind};

/// What to load, and how much room to give it.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The model, a GGUF file.
    pub model: PathBuf,
    /// LoRA adapters on top of it. Default: none.
    pub adapters: Vec<Adapter>,
    /// Tokens that one conversation can hold, prompt and reply together. Default: what the model was trained with, but
    /// no more than 4096.
    pub context: Option<usize>,
    /// Tokens that a conversation can do with: where `context` is not given and all slots together would take more memory
    /// than they may, each gets less, but no less than this, so that each has cells of its own, which is faster by a half
    /// than sharing them. Default: none.
    pub least_context: Option<usize>,
    /// Requests that run at the same time, at most 256. Default: 1.
    pub slots: usize,
    /// Requests that may wait for a slot. Default: 256.
    pub queue: usize,
    /// CPU threads. Default: the physical cores that this process may use.
    pub threads: Option<usize>,
    /// How keys and values are stored. Default: 16 bit.
    pub cache_type: CacheType,
    /// Bytes of memory for conversations that have lost their slot, so that they can go on without being evaluated again.
    /// Default: an eighth of what is available, but no more than 2 GiB.
    pub prompt_cache: Option<u64>,
    /// Layers to keep on the GPU. Default: all of them, where llama.cpp was built for a GPU and finds one.
    pub gpu_layers: Option<u32>,
}

/// A LoRA adapter and how strongly it works.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// The adapter, a GGUF file.
    pub path: PathBuf,
    /// Its strength; 1 is as trained, 0 off.
    pub scale: f32,
}

/// How the keys and values of a conversation are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheType {
    /// 16 bits a number.
    #[default]
    F16,
    /// 8.5 bits a number: half the memory, hardly any loss.
    Q8_0,
}

impl CacheType {
    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        }
    }

    /// The bytes that `bytes` of 16-bit numbers become.
    #[must_use]
    pub fn of_f16(self, bytes: u64) -> u64 {
        match self {
            Self::F16 => bytes,
            // 34 bytes for 32 numbers.
            Self::Q8_0 => bytes.div_ceil(64).saturating_mul(34),
        }
    }
}

impl FromStr for CacheType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::F16, Self::Q8_0]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                Error::new(Kind::Usage, format!("`{text}` is no cache type"))
                    .hint("use f16 or q8_0")
            })
    }
}

impl Options {
    /// The defaults for `model`.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            adapters: Vec::new(),
            context: None,
            slots: 1,
            queue: 256,
            threads: None,
            cache_type: CacheType::F16,
            least_context: None,
            prompt_cache: None,
            gpu_layers: None,
        }
    }

    /// The threads to compute with: as asked, else as many as the machine has for us.
    #[cfg(feature = "llama")]
    pub(super) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(super::machine::threads).max(1)
    }
}

impl FromStr for Adapter {
    type Err = Error;

    /// Reads `FILE` or `FILE:SCALE`.
    ///
    /// ```
    /// use cardwright::engine::Adapter;
    ///
    /// let adapter: Adapter = "limarp.gguf:0.66".parse()?;
    /// assert_eq!((adapter.path.to_str(), adapter.scale), (Some("limarp.gguf"), 0.66));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    fn from_str(text: &str) -> Result<Self, Error> {
        // A colon can be part of a path, so only a number after the last one is a scale.
        let (path, scale) = match text.rsplit_once(':') {
            Some((path, scale)) => match scale.parse::<f32>() {
                Ok(scale) => (path, scale),
                Err(_) => (text, 1.0),
            },
            None => (text, 1.0),
        };
        if path.is_empty() || !scale.is_finite() {
            let message = format!("`{text}` is no adapter");
            return Err(Error::new(Kind::Usage, message).hint("write FILE or FILE:SCALE"));
        }
        Ok(Self {
            path: path.into(),
            scale,
        })
    }
}
