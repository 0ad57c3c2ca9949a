//! How the numbers of a tensor are stored: the type ids of ggml, with the size of their blocks.
//!
//! Every type is a row of one table, so that sizes can be checked before a byte is read and a file with a type that
//! this build cannot compute with can still be listed.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Kind, Result};

/// A tensor type of ggml, by its id in GGUF files.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorType(u32);

struct Row {
    id: u32,
    name: &'static str,
    /// Elements in a block.
    elements: u64,
    /// Bytes of a block.
    bytes: u64,
}

const fn row(id: u32, name: &'static str, elements: u64, bytes: u64) -> Row {
    Row {
        id,
        name,
        elements,
        bytes,
    }
}

/// Elements and bytes as in ggml-common.h of ggml 0.26.
static ROWS: &[Row] = &[
    row(0, "F32", 1, 4),
    row(1, "F16", 1, 2),
    row(2, "Q4_0", 32, 18),
    row(3, "Q4_1", 32, 20),
    row(6, "Q5_0", 32, 22),
    row(7, "Q5_1", 32, 24),
    row(8, "Q8_0", 32, 34),
    row(9, "Q8_1", 32, 36),
    row(10, "Q2_K", 256, 84),
    row(11, "Q3_K", 256, 110),
    row(12, "Q4_K", 256, 144),
    row(13, "Q5_K", 256, 176),
    row(14, "Q6_K", 256, 210),
    row(15, "Q8_K", 256, 292),
    row(16, "IQ2_XXS", 256, 66),
    row(17, "IQ2_XS", 256, 74),
    row(18, "IQ3_XXS", 256, 98),
    row(19, "IQ1_S", 256, 50),
    row(20, "IQ4_NL", 32, 18),
    row(21, "IQ3_S", 256, 110),
    row(22, "IQ2_S", 256, 82),
    row(23, "IQ4_XS", 256, 136),
    row(24, "I8", 1, 1),
    row(25, "I16", 1, 2),
    row(26, "I32", 1, 4),
    row(27, "I64", 1, 8),
    row(28, "F64", 1, 8),
    row(29, "IQ1_M", 256, 56),
    row(30, "BF16", 1, 2),
    row(34, "TQ1_0", 256, 54),
    row(35, "TQ2_0", 256, 66),
    row(39, "MXFP4", 32, 17),
    row(40, "NVFP4", 64, 36),
    row(41, "Q1_0", 128, 18),
    row(42, "Q2_0", 64, 18),
];

impl TensorType {
    /// 32-bit floating point.
    pub const F32: Self = Self(0);
    /// 16-bit floating point.
    pub const F16: Self = Self(1);
    /// 4 bits and a scale per 32 weights.
    pub const Q4_0: Self = Self(2);
    /// 4 bits, a scale and a minimum per 32 weights.
    pub const Q4_1: Self = Self(3);
    /// 5 bits and a scale per 32 weights.
    pub const Q5_0: Self = Self(6);
    /// 5 bits, a scale and a minimum per 32 weights.
    pub const Q5_1: Self = Self(7);
    /// 8 bits and a scale per 32 weights.
    pub const Q8_0: Self = Self(8);
    /// 2.6 bits, in super-blocks of 256 weights.
    pub const Q2_K: Self = Self(10);
    /// 3.4 bits, in super-blocks of 256 weights.
    pub const Q3_K: Self = Self(11);
    /// 4.5 bits, in super-blocks of 256 weights.
    pub const Q4_K: Self = Self(12);
    /// 5.5 bits, in super-blocks of 256 weights.
    pub const Q5_K: Self = Self(13);
    /// 6.6 bits, in super-blocks of 256 weights.
    pub const Q6_K: Self = Self(14);
    /// The upper half of a 32-bit floating point number.
    pub const BF16: Self = Self(30);

    /// The type with this id; `None` when ggml has no such type or removed it.
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        ROWS.iter().any(|row| row.id == id).then_some(Self(id))
    }

    /// The id in GGUF files.
    #[must_use]
    pub fn id(self) -> u32 {
        self.0
    }

    /// The name, such as `Q4_K`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The number of elements in a block; rows are whole blocks.
    #[must_use]
    pub fn block_elements(self) -> u64 {
        self.row().elements
    }

    /// The number of bytes of a block.
    #[must_use]
    pub fn block_bytes(self) -> u64 {
        self.row().bytes
    }

    /// Whether a block holds more than one element: everything but plain numbers.
    #[must_use]
    pub fn is_quantized(self) -> bool {
        self.row().elements > 1
    }

    /// The bytes that a tensor of `shape` (row length first) takes; `None` when a row is not made of whole blocks or the
    /// size does not fit 63 bits.
    #[must_use]
    pub fn size(self, shape: &[u64]) -> Option<u64> {
        let row = self.row();
        let length = shape.first().copied().unwrap_or(1);
        if !length.is_multiple_of(row.elements) {
            return None;
        }
        let mut bytes = (length / row.elements).checked_mul(row.bytes)?;
        for &extent in shape.get(1..).unwrap_or_default() {
            bytes = bytes.checked_mul(extent)?;
        }
        i64::try_from(bytes).ok().map(|_| bytes)
    }

    fn row(self) -> &'static Row {
        // Only ids of the table are ever wrapped.
        ROWS.iter().find(|row| row.id == self.0).unwrap_or(&ROWS[0])
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TensorType {
    type Err = Error;

    /// The type called `name`, in any case.
    fn from_str(name: &str) -> Result<Self> {
        ROWS.iter()
            .find(|row| row.name.eq_ignore_ascii_case(name))
            .map(|row| Self(row.id))
            .ok_or_else(|| Error::new(Kind::Usage, format!("there is no tensor type `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_blocks_and_never_overflow() {
        assert_eq!(TensorType::F16.size(&[3, 5]), Some(30));
        assert_eq!(TensorType::Q4_0.size(&[64, 2]), Some(72));
        assert_eq!(TensorType::Q4_0.size(&[33]), None);
        assert_eq!(TensorType::Q6_K.size(&[512, 0]), Some(0));
        assert_eq!(TensorType::F32.size(&[u64::MAX, u64::MAX]), None);
        assert_eq!(TensorType::F32.size(&[1 << 61, 1]), None);
    }

    #[test]
    fn every_type_is_found_by_its_own_name_and_id() {
        for row in ROWS {
            let kind: TensorType = row.name.to_lowercase().parse().unwrap();
            assert_eq!(Some(kind), TensorType::from_id(row.id));
        }
        assert_eq!(TensorType::from_id(4), None);
        assert!("Q4_2".parse::<TensorType>().is_err());
    }
}
