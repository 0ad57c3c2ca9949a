//! Arrays in a safetensors file: a JSON head that says where each array lies.
//! The format: <https://github.com/huggingface/safetensors#format>.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;

use super::super::source::Source;
use super::{Array, Arrays};
use crate::weights::TensorType;
use crate::{Error, Kind, Result};

/// The largest head that the format allows.
const MAX_HEAD: u64 = 100_000_000;

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

pub(super) struct Safetensors {
    source: Source,
    arrays: Vec<Array>,
    ranges: Vec<Range<u64>>,
}

impl Safetensors {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut source = Source::open(path)?;
        let length = fs::metadata(path)
            .map_err(|e| Error::file("read", path, e))?
            .len();
        let wrong = |message: String| Error::new(Kind::Model, message);
        if length < 8 {
            return Err(wrong(
                "not a safetensors file: it has not even 8 bytes".into(),
            ));
        }
        let mut size = [0; 8];
        size.copy_from_slice(&source.read(0..8)?);
        let size = u64::from_le_bytes(size);
        if size > MAX_HEAD || size > length - 8 {
            return Err(wrong(format!(
                "not a safetensors file, or one that is cut short: its head of {size} bytes does not fit"
            )));
        }
        let head = source.read(8..8 + size)?;
        let head: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&head).map_err(|e| {
                wrong(format!("the head of the safetensors file is damaged: {e}")).source(e)
            })?;
        let mut entries = Vec::new();
        for (name, value) in head {
            if name == "__metadata__" {
                continue;
            }
            let entry: Entry = serde_json::from_value(value).map_err(|e| {
                wrong(format!("array `{name}` is described wrongly: {e}")).source(e)
            })?;
            entries.push((name, entry));
        }
        // As they lie in the file, which is the order to read them in.
        entries.sort_by_key(|(_, entry)| entry.data_offsets);
        let (mut arrays, mut ranges) = (Vec::new(), Vec::new());
        for (name, entry) in entries {
            let kind = match entry.dtype.as_str() {
                "F32" => TensorType::F32,
                "F16" => TensorType::F16,
                "BF16" => TensorType::BF16,
                other => {
                    return Err(wrong(format!("array `{name}` has the type {other}"))
                        .hint("F32, F16 and BF16 can be converted"));
                }
            };
            let [start, end] = entry.data_offsets;
            // Rows come last here, which does not matter to the size of plain numbers.
            let expected = kind.size(&entry.shape);
            if start > end || end > length - 8 - size || expected != Some(end - start) {
                return Err(wrong(format!(
                    "array `{name}` of shape {:?} cannot lie at {start}..{end} of {} bytes",
                    entry.shape,
                    length - 8 - size
                ))
                .hint("the file is incomplete or damaged: get it again"));
            }
            ranges.push(8 + size + start..8 + size + end);
            arrays.push(Array {
                name,
                shape: entry.shape,
                kind,
            });
        }
        Ok(Self {
            source,
            arrays,
            ranges,
        })
    }
}

impl Arrays for Safetensors {
    fn list(&self) -> &[Array] {
        &self.arrays
    }

    fn data(&mut self, index: usize) -> Result<Vec<u8>> {
        self.source.read(self.ranges[index].clone())
    }
}
