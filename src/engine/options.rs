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
    /// Requests that run at the same time, at most 256. Default: 1.
    pub slots: usize,
    /// Requests that may wait for a slot. Default: 256.
    pub queue: usize,
    /// CPU threads. Default: the physical cores that this process may use.
    pub threads: Option<usize>,
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
