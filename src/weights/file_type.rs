//! The mixtures that whole models are quantized to, as `general.file_type` numbers them.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Kind, Result};

/// A mixture of tensor types, such as `Q4_K_M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType(u32);

/// As in llama.h; what llama.cpp removed is not here.
static ROWS: &[(u32, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4_MOE"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];

/// What a weight takes on average, measured on Llama 3 8B by llama.cpp's authors where the mixture has several types.
static BITS: &[(&str, f32)] = &[
    ("F32", 32.0),
    ("F16", 16.0),
    ("BF16", 16.0),
    ("Q8_0", 8.5),
    ("Q6_K", 6.56),
    ("Q5_1", 6.0),
    ("Q5_K_M", 5.70),
    ("Q5_K_S", 5.57),
    ("Q5_0", 5.54),
    ("Q4_1", 5.08),
    ("Q4_K_M", 4.89),
    ("Q4_K_S", 4.67),
    ("IQ4_NL", 4.68),
    ("Q4_0", 4.66),
    ("IQ4_XS", 4.46),
    ("Q3_K_L", 4.30),
    ("MXFP4_MOE", 4.25),
    ("Q3_K_M", 4.00),
    ("IQ3_M", 3.76),
    ("IQ3_S", 3.66),
    ("Q3_K_S", 3.64),
    ("IQ3_XS", 3.50),
    ("IQ3_XXS", 3.25),
    ("Q2_K", 3.16),
    ("Q2_K_S", 2.97),
    ("IQ2_M", 2.93),
    ("IQ2_S", 2.74),
    ("IQ2_XS", 2.59),
    ("IQ2_XXS", 2.38),
    ("Q2_0", 2.25),
    ("IQ1_M", 2.15),
    ("TQ2_0", 2.06),
    ("IQ1_S", 2.00),
    ("TQ1_0", 1.69),
    ("Q1_0", 1.13),
];

/// Other names of mixtures.
static ALIASES: &[(&str, &str)] = &[("Q3_K", "Q3_K_M"), ("Q4_K", "Q4_K_M"), ("Q5_K", "Q5_K_M")];

impl FileType {
    /// F32, which is no mixture.
    pub const F32: Self = Self(0);
    /// Q4_0 matrices: the fastest on most processors.
    pub const Q4_0: Self = Self(2);

    /// The mixture with this number; `None` when llama.cpp has none such.
    #[must_use]
    pub fn from_id(id: u64) -> Option<Self> {
        ROWS.iter()
            .find(|(known, _)| u64::from(*known) == id)
            .map(|(known, _)| Self(*known))
    }

    /// The number.
    #[must_use]
    pub fn id(self) -> u32 {
        self.0
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        ROWS.iter()
            .find(|(id, _)| *id == self.0)
            .map_or("", |(_, name)| name)
    }

    /// Bits for a weight of a large model, where the mixture is one that llama.cpp can quantize to.
    #[must_use]
    pub fn bits(self) -> Option<f32> {
        BITS.iter()
            .find(|(name, _)| *name == self.name())
            .map(|(_, bits)| *bits)
    }

    /// All mixtures, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|(id, _)| Self(*id))
    }
}

impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FileType {
    type Err = Error;

    /// The mixture called `name`, in any case; `Q4_K` is `Q4_K_M`, and so with `Q3_K` and `Q5_K`.
    fn from_str(name: &str) -> Result<Self> {
        let alias = ALIASES
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, name)| name);
        Self::all()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let names: Vec<_> = Self::all().map(Self::name).collect();
                Error::new(Kind::Usage, format!("there is no quantization `{name}`"))
                    .hint(format!("one of {}", names.join(", ")))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_every_size_belongs_to_a_name() {
        for kind in FileType::all() {
            let found: FileType = kind.name().to_lowercase().parse().unwrap();
            assert_eq!(found, kind);
            assert_eq!(FileType::from_id(kind.id().into()), Some(kind));
        }
        for (name, _) in BITS {
            assert_eq!(name.parse::<FileType>().unwrap().name(), *name);
        }
        assert_eq!("q4_k".parse::<FileType>().unwrap().name(), "Q4_K_M");
        let unknown = "Q4_2".parse::<FileType>().unwrap_err();
        assert!(unknown.next_step().unwrap().contains("Q4_K_S"));
    }
}
