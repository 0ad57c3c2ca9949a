//! The matrices that are learned: which there are, where each lies, how they begin, and the files they become.
//!
//! All lie in one array, so that an optimizer step, a checkpoint and a norm are one operation each.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::json;

use super::llama::Shape;
use crate::weights::gguf::{Metadata, Tensor};
use crate::weights::lora::{PARTS, unpermute_rows};
use crate::weights::source;
use crate::weights::{TensorType, numbers};
use crate::{Error, Kind, Result, file};

/// A linear part of a layer that an adapter can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Module {
    /// Queries of attention.
    Query,
    /// Keys of attention.
    Key,
    /// Values of attention.
    Value,
    /// The output of attention.
    Output,
    /// The gate of the feed-forward part.
    Gate,
    /// What the gate lets through.
    Up,
    /// The output of the feed-forward part.
    Down,
}

impl Module {
    /// All, in the order in which they are applied.
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Output,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// The name in GGUF files, such as `attn_q`.
    #[must_use]
    pub fn name(self) -> &'static str {
        PARTS[self as usize].1
    }

    /// The name in PyTorch models, such as `q_proj`.
    #[must_use]
    pub fn peft_name(self) -> &'static str {
        let place = self.peft_place();
        place.split_once('.').map_or(place, |(_, name)| name)
    }

    /// Where it is in a layer of a PyTorch model, such as `self_attn.q_proj`.
    fn peft_place(self) -> &'static str {
        PARTS[self as usize].0
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.peft_name())
    }
}

impl FromStr for Module {
    type Err = Error;

    /// Reads the name in GGUF or in PyTorch.
    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL
            .into_iter()
            .find(|module| [module.name(), module.peft_name()].contains(&text));
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.map(Self::peft_name).into();
            Error::new(Kind::Usage, format!("`{text}` is no part of a layer"))
                .hint(format!("the parts are: {}", names.join(", ")))
        })
    }
}

/// Where the two matrices of a module lie. `a` has `rank` rows as long as the module's input, `b` as many rows as the
/// module's output, `rank` long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) a: usize,
    pub(super) b: usize,
}

/// Where all matrices lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Places {
    pub(super) rank: usize,
    places: Vec<[Option<Place>; Module::ALL.len()]>,
    /// Numbers in all.
    pub(super) length: usize,
}

impl Places {
    pub(super) fn new(shape: &Shape, rank: usize, modules: &[Module]) -> Self {
        let mut length = 0;
        let places = (0..shape.layers)
            .map(|_| {
                Module::ALL.map(|module| {
                    modules.contains(&module).then(|| {
                        let (rows, columns) = shape.module(module);
                        let a = length;
                        let b = a + rank * columns;
                        length = b + rows * rank;
                        Place { a, b }
                    })
                })
            })
            .collect();
        Self {
            rank,
            places,
            length,
        }
    }

    pub(super) fn of(&self, layer: usize, module: Module) -> Option<Place> {
        self.places[layer][module as usize]
    }

    fn all(&self) -> impl Iterator<Item = (usize, Module, Place)> {
        self.places.iter().enumerate().flat_map(|(layer, places)| {
            Module::ALL
                .into_iter()
                .filter_map(move |module| Some((layer, module, places[module as usize]?)))
        })
    }

    /// The matrices as they begin: `b` is zero, so that the adapter changes nothing; `a` is drawn as PEFT draws it, evenly
    /// within one over the root of the input's width.
    pub(super) fn begin(&self, shape: &Shape, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut values = vec![0.0; self.length];
        for (_, module, place) in self.all() {
            let (_, columns) = shape.module(module);
            let bound = 1.0 / (columns as f32).sqrt();
            for value in &mut values[place.a..place.a + self.rank * columns] {
                *value = (random.random::<f32>() * 2.0 - 1.0) * bound;
            }
        }
        values
    }
}

/// A finished adapter, to be written.
pub(super) struct Learned<'a> {
    pub(super) shape: &'a Shape,
    pub(super) places: &'a Places,
    pub(super) values: &'a [f32],
    pub(super) alpha: f32,
    /// The name of the base model.
    pub(super) base: &'a str,
    /// The name of the adapter.
    pub(super) name: &'a str,
}

impl Learned<'_> {
    /// The matrices of a module: `a` and `b`.
    fn matrices(&self, module: Module, place: Place) -> (&[f32], &[f32]) {
        let (rows, columns) = self.shape.module(module);
        let rank = self.places.rank;
        let (a, b) = (
            place.a..place.a + rank * columns,
            place.b..place.b + rows * rank,
        );
        (&self.values[a], &self.values[b])
    }

    /// Writes the adapter as llama.cpp loads it, in F16.
    pub(super) fn write_gguf(&self, path: &Path) -> Result<()> {
        let mut metadata = Metadata::new();
        metadata.set("general.architecture", "llama");
        metadata.set("general.type", "adapter");
        metadata.set("general.name", self.name);
        metadata.set("general.base_model.count", 1_u32);
        metadata.set("general.base_model.0.name", self.base);
        metadata.set("adapter.type", "lora");
        metadata.set("adapter.lora.alpha", self.alpha);
        let rank = self.places.rank as u64;
        let (mut tensors, mut data) = (Vec::new(), Vec::new());
        for (layer, module, place) in self.places.all() {
            let (rows, columns) = self.shape.module(module);
            let (a, b) = self.matrices(module, place);
            let name = format!("blk.{layer}.{}.weight", module.name());
            for (end, shape, values) in [
                ("lora_a", [columns as u64, rank], a),
                ("lora_b", [rank, rows as u64], b),
            ] {
                tensors.push(Tensor::new(
                    format!("{name}.{end}"),
                    shape,
                    TensorType::F16,
                )?);
                data.push(numbers::encode(TensorType::F16, values)?);
            }
        }
        source::write(path, &metadata, tensors, |writer| {
            data.iter().try_for_each(|bytes| writer.data(bytes))
        })
    }

    /// Writes the adapter as PEFT loads it: `adapter_model.safetensors` in F32 and `adapter_config.json`.
    pub(super) fn write_peft(&self, folder: &Path) -> Result<()> {
        let mut head = serde_json::Map::new();
        head.insert("__metadata__".into(), json!({ "format": "pt" }));
        let mut data = Vec::new();
        let mut put = |name: String, shape: [usize; 2], values: &[f32]| {
            let start = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let entry =
                json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] });
            head.insert(name, entry);
        };
        let rank = self.places.rank;
        let mut modules: Vec<&str> = Vec::new();
        for (layer, module, place) in self.places.all() {
            let (rows, columns) = self.shape.module(module);
            let (a, b) = self.matrices(module, place);
            let heads = match module {
                Module::Query => Some(self.shape.heads),
                Module::Key => Some(self.shape.key_heads),
                _ => None,
            };
            let b = heads.map_or_else(|| b.to_vec(), |heads| unpermute_rows(b, rank, heads));
            let place = module.peft_place();
            let name = format!("base_model.model.model.layers.{layer}.{place}");
            put(format!("{name}.lora_A.weight"), [rank, columns], a);
            put(format!("{name}.lora_B.weight"), [rows, rank], &b);
            if !modules.contains(&module.peft_name()) {
                modules.push(module.peft_name());
            }
        }
        let mut head = serde_json::Value::Object(head).to_string().into_bytes();
        // The data begins at a multiple of eight.
        head.resize(head.len().next_multiple_of(8), b' ');
        let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
        bytes.append(&mut head);
        bytes.append(&mut data);
        let config = json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base,
            "r": rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "target_modules": modules,
        });
        file::write(&folder.join("adapter_model.safetensors"), &bytes)?;
        let config = format!("{config:#}\n");
        file::write(&folder.join("adapter_config.json"), config.as_bytes())
    }
}
