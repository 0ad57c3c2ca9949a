//! The `ggla` adapters that llama.cpp used from April 2023 to July 2024.

use std::fs::{self, File};
use std::io::{BufReader, Read as _};
use std::ops::Range;
use std::path::Path;

use super::super::cursor::Cursor;
use super::super::ggml::rename;
use super::super::source::Source;
use super::{Adapter, Array, Arrays, Part, Role};
use crate::weights::TensorType;
use crate::{Error, Kind, Result};

/// The first bytes of the file: `ggla` as a little-endian number.
pub(super) const MAGIC: [u8; 4] = *b"algg";

/// The longest array name believed.
const MAX_NAME: u64 = 4095;

pub(super) fn is_ggla(path: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    let mut file = File::open(path).map_err(|e| Error::file("open", path, e))?;
    Ok(file.read_exact(&mut magic).is_ok() && magic == MAGIC)
}

pub(super) fn open(path: &Path) -> Result<Adapter> {
    let wrong = |message: String| Error::new(Kind::Model, message);
    let length = fs::metadata(path)
        .map_err(|e| Error::file("read", path, e))?
        .len();
    let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
    let mut at = Cursor::new(BufReader::new(file), length, u64::MAX);
    let _magic: [u8; 4] = at.array("the magic number")?;
    let version = at.u32("the version")?;
    if version != 1 {
        return Err(wrong(format!("unknown version {version} at byte 4")));
    }
    let rank = u64::from(at.u32("the rank")?);
    let alpha = at.u32("alpha")? as i32 as f32;
    let (mut arrays, mut ranges, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    while at.left() > 0 {
        let begins = at.position;
        let what = "an array";
        let dimensions = at.u32(what)?;
        let name_length = at.u32(what)?;
        let id = at.u32(what)?;
        if dimensions != 2 {
            return Err(wrong(format!(
                "array at byte {begins} has {dimensions} dimensions and not 2"
            )));
        }
        let columns = u64::from(at.u32(what)?);
        let rows = u64::from(at.u32(what)?);
        let name = at.bytes(name_length.into(), MAX_NAME, "an array's name")?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let kind = match id {
            0 => TensorType::F32,
            1 => TensorType::F16,
            _ => {
                return Err(wrong(format!(
                    "array `{name}` at byte {begins} has the unknown type {id}"
                )));
            }
        };
        let padding = at.position.next_multiple_of(32) - at.position;
        at.skip(padding, what)?;
        let size = kind.size(&[columns, rows]).ok_or_else(|| {
            wrong(format!(
                "array `{name}` at byte {begins} is impossibly large"
            ))
        })?;
        let start = at.position;
        at.skip(size, &format!("the data of array `{name}`"))?;

        let (base, role) = match (name.strip_suffix(".loraA"), name.strip_suffix(".loraB")) {
            (Some(base), _) => (base, Role::A),
            (_, Some(base)) => (base, Role::B),
            _ => {
                return Err(wrong(format!(
                    "array `{name}` at byte {begins} is neither A nor B"
                )));
            }
        };
        // Names as in the model files of before or after August 2023.
        let base = match rename(base) {
            Some(new) => new,
            None if base.starts_with("blk.") && base.ends_with(".weight") => base.to_owned(),
            None => {
                return Err(wrong(format!(
                    "array `{name}` at byte {begins} belongs to no matrix of a LLaMA"
                )));
            }
        };
        if columns != rank {
            return Err(wrong(format!(
                "array `{name}` has the rank {columns} and not {rank}"
            )));
        }
        parts.push(Part {
            from: arrays.len(),
            base,
            role,
            factor: 1.0,
            // A was written with the rank as the length of its rows.
            transposed: role == Role::A,
        });
        arrays.push(Array {
            name,
            shape: vec![rows, columns],
            kind,
        });
        ranges.push(start..start + size);
    }
    Ok(Adapter {
        alpha,
        arrays: Box::new(Ggla {
            source: Source::open(path)?,
            arrays,
            ranges,
        }),
        parts,
    })
}

struct Ggla {
    source: Source,
    arrays: Vec<Array>,
    ranges: Vec<Range<u64>>,
}

impl Arrays for Ggla {
    fn list(&self) -> &[Array] {
        &self.arrays
    }

    fn data(&mut self, index: usize) -> Result<Vec<u8>> {
        self.source.read(self.ranges[index].clone())
    }
}
