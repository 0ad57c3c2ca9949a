//! Which quantization is fastest on this machine: the same small model in each of them.
//!
//! What decides is which types have code for the processor at hand, and that differs between machines and compilers by
//! more than a factor of two. So it is measured, not looked up.

use std::path::Path;

use super::super::Options;
use super::super::quantize::pack;
use super::{Bench, TYPES_WITH_KERNELS};
use crate::weights::tiny;
use crate::{Error, Result};

/// How fast a type is.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeSpeed {
    /// The type, such as `Q4_0`.
    pub name: &'static str,
    /// Bytes of the model in it.
    pub size: u64,
    /// Tokens of a prompt per second.
    pub prompt: f64,
    /// Tokens written per second by one sequence.
    pub single: f64,
    /// Tokens written per second by eight sequences together.
    pub eight: f64,
}

/// Measures every type that has code of its own for some processors, with `threads` threads or the default.
///
/// # Errors
///
/// [`Kind::File`](crate::Kind::File) when no temporary file can be written, and errors of llama.cpp.
pub fn compare_types(threads: Option<usize>) -> Result<Vec<TypeSpeed>> {
    let folder = tempfile::tempdir()
        .map_err(|e| Error::file("write a temporary file in", &std::env::temp_dir(), e))?;
    let original = folder.path().join("original.gguf");
    // Too large for the caches of most processors in any type, so that memory counts as it does for real models.
    tiny::Model {
        width: 1024,
        layers: 8,
        heads: 16,
        key_heads: 4,
        inner: 3072,
        ..tiny::Model::default()
    }
    .write(&original)?;
    let packed = folder.path().join("packed.gguf");
    TYPES_WITH_KERNELS
        .iter()
        .map(|&name| {
            pack(&original, &packed, name.parse()?)?;
            measure(name, &packed, threads)
        })
        .collect()
}

fn measure(name: &'static str, path: &Path, threads: Option<usize>) -> Result<TypeSpeed> {
    const PROMPT: usize = 256;
    const REPLY: usize = 32;
    let mut bench = Bench::load(&Options {
        threads,
        ..Options::new(path)
    })?;
    let best = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max);
    let eight = bench.parallel(16, REPLY, 8)?;
    Ok(TypeSpeed {
        name,
        size: bench.size(),
        prompt: best(&bench.prompt(PROMPT, 2)?.samples),
        single: best(&bench.generate(REPLY, 3)?.samples),
        eight: (eight.sequences * eight.generated) as f64 / eight.generation_time.as_secs_f64(),
    })
}
