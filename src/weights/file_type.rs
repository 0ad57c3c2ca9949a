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

impl FileType {
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

    /// The mixture called `name`, in any case.
    fn from_str(name: &str) -> Result<Self> {
        Self::all()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let names: Vec<_> = Self::all().map(Self::name).collect();
                Error::new(Kind::Usage, format!("there is no quantization `{name}`"))
                    .hint(format!("one of {}", names.join(", ")))
            })
    }
}
