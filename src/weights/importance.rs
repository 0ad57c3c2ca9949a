//! Importance matrices: how much each column of each matrix matters, as `llama-imatrix` measures it on a text.
//!
//! Quantizing with one spends its few bits where they count; the smallest types need one. Both formats are read: GGUF, and
//! the older `.dat`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;

use super::TensorType;
use super::cursor::Cursor;
use super::gguf::{Gguf, MAGIC, Tensor};
use super::numbers;
use super::source::Source;
use crate::{Error, Kind, Result};

/// What is known of the importance of a model's weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// The file it comes from.
    pub file: String,
    /// The text that it was measured on.
    pub dataset: Option<String>,
    /// How many pieces of that text.
    pub chunks: u32,
    /// For each matrix the weight of each column, of one expert after the other.
    pub columns: BTreeMap<String, Vec<f32>>,
}

/// The longest name believed.
const MAX_NAME: u64 = 4095;

impl Importance {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be read; [`Kind::Model`] when it is no importance matrix or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|e| Error::file("open", path, e))?;
        let length = file
            .metadata()
            .map_err(|e| Error::file("read", path, e))?
            .len();
        let mut magic = [0; 4];
        let is_gguf = file.read_exact(&mut magic).is_ok() && magic == MAGIC;
        let read = if is_gguf {
            Self::from_gguf(path)?
        } else {
            file.rewind().map_err(|e| Error::file("read", path, e))?;
            Self::from_dat(Cursor::new(BufReader::new(file), length, u64::MAX))
                .map_err(|e| e.at(path.display().to_string()))?
        };
        for (name, columns) in &read.columns {
            if columns.iter().any(|weight| !weight.is_finite()) {
                let message = format!("`{name}` has a weight that is no number");
                return Err(wrong(message).at(path.display().to_string()));
            }
        }
        Ok(Self {
            file: path.to_string_lossy().into_owned(),
            ..read
        })
    }

    fn from_gguf(path: &Path) -> Result<Self> {
        let at = |e: Error| e.at(path.display().to_string());
        let gguf = Gguf::open(path)?;
        let mut source = Source::open(path)?;
        let mut columns = BTreeMap::new();
        for tensor in &gguf.tensors {
            let Some(name) = tensor.name.strip_suffix(".in_sum2") else {
                continue;
            };
            let counts = gguf.tensor(&format!("{name}.counts"));
            let counts =
                counts.ok_or_else(|| at(wrong(format!("there are no counts of `{name}`"))));
            let sums = plain(&gguf, &mut source, tensor).map_err(at)?;
            let counts = plain(&gguf, &mut source, counts?).map_err(at)?;
            columns.insert(name.to_owned(), means(&sums, &counts));
        }
        if columns.is_empty() {
            return Err(at(wrong("there is no importance matrix in this file")));
        }
        let dataset = gguf.metadata.get("imatrix.datasets");
        Ok(Self {
            file: String::new(),
            dataset: dataset
                .and_then(|list| list.as_texts()?.text(0))
                .map(std::borrow::Cow::into_owned),
            chunks: gguf
                .metadata
                .integer("imatrix.chunk_count")
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or_default(),
            columns,
        })
    }

    fn from_dat(mut at: Cursor<BufReader<File>>) -> Result<Self> {
        let entries = at.u32("the number of matrices")?;
        if entries == 0 {
            return Err(wrong("there is no importance matrix in this file"));
        }
        at.expect_room(entries.into(), 16, "matrices")?;
        let mut columns = BTreeMap::new();
        for _ in 0..entries {
            let length = at.u32("a name")?;
            let name = at.bytes(length.into(), MAX_NAME, "a name")?;
            let name = String::from_utf8(name)
                .map_err(|_| wrong(format!("name that is no UTF-8 before byte {}", at.position)))?;
            let calls = at.u32("a count")? as i32;
            let count = at.u32("a count")?;
            let bytes = u64::from(count) * 4;
            let sums = numbers::decode(TensorType::F32, &at.bytes(bytes, bytes, "weights")?)?;
            let calls = if calls > 0 { calls as f32 } else { 1.0 };
            columns.insert(name, sums.iter().map(|sum| sum / calls).collect());
        }
        // The rest came later and may be missing.
        let chunks = at.u32("the number of chunks").unwrap_or_default();
        let dataset = at.u32("the dataset").ok().and_then(|length| {
            let name = at.bytes(length.into(), MAX_NAME, "the dataset").ok()?;
            Some(String::from_utf8_lossy(&name).into_owned())
        });
        Ok(Self {
            file: String::new(),
            dataset: dataset.filter(|name| !name.is_empty()),
            chunks,
            columns,
        })
    }
}

fn plain(gguf: &Gguf, source: &mut Source, tensor: &Tensor) -> Result<Vec<f32>> {
    if tensor.kind != TensorType::F32 || tensor.size == 0 {
        return Err(wrong(format!("`{}` is no list of F32", tensor.name)));
    }
    numbers::decode(tensor.kind, &source.read(gguf.range(tensor))?)
}

/// The sums of each expert over how often it was asked; one that never was counts as average.
fn means(sums: &[f32], counts: &[f32]) -> Vec<f32> {
    let columns = (sums.len() / counts.len()).max(1);
    let mut means = Vec::with_capacity(sums.len());
    for (expert, sums) in sums.chunks(columns).enumerate() {
        match counts.get(expert).copied().unwrap_or_default().round() {
            count if count > 0.0 => means.extend(sums.iter().map(|sum| sum / count)),
            _ => means.extend(sums.iter().map(|_| 1.0)),
        }
    }
    means
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Model, message)
}
