//! How far a training has come, on disk, so that it goes on after a kill as if nothing had happened.
//!
//! A checkpoint is a GGUF file of its own kind: the learned matrices and the two running means of the optimizer in F32,
//! and in the metadata the step, the losses so far and what the training was told, which has to be the same to go on.

use std::path::Path;

use crate::weights::gguf::{Gguf, Metadata, Tensor, Value};
use crate::weights::source::{self, Source};
use crate::weights::{TensorType, numbers};
use crate::{Error, Kind, Result};

/// The names of the arrays, in order.
const ARRAYS: [&str; 3] = ["values", "first", "second"];

/// The state after a number of steps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checkpoint {
    /// What must be the same for the training to go on.
    pub(super) told: String,
    /// Steps that are done.
    pub(super) steps: usize,
    /// The loss of each of them.
    pub(super) losses: Vec<f32>,
    /// Step and loss of each evaluation.
    pub(super) held_out: Vec<(usize, f32)>,
    /// Values, first and second means.
    pub(super) arrays: [Vec<f32>; 3],
}

impl Checkpoint {
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut metadata = Metadata::new();
        metadata.set("general.type", "checkpoint");
        metadata.set("train.told", self.told.as_str());
        metadata.set("train.steps", Value::U64(self.steps as u64));
        metadata.set("train.losses", Value::floats(self.losses.iter().copied()));
        let flat = self
            .held_out
            .iter()
            .flat_map(|(step, loss)| [*step as f32, *loss]);
        metadata.set("train.held_out", Value::floats(flat));
        let tensors = (ARRAYS.iter().zip(&self.arrays))
            .map(|(name, array)| Tensor::new(*name, [array.len() as u64], TensorType::F32))
            .collect::<Result<_>>()?;
        source::write(path, &metadata, tensors, |writer| {
            self.arrays
                .iter()
                .try_for_each(|array| writer.data(&numbers::encode(TensorType::F32, array)?))
        })
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let head = Gguf::open(path)?;
        let damaged = || {
            Error::new(Kind::Model, "this is no checkpoint, or a damaged one")
                .at(path.display().to_string())
                .hint("remove it to train from the beginning")
        };
        let floats = |key: &str| -> Option<Vec<f32>> {
            let values = head.metadata.get(key)?.array()?;
            values
                .iter()
                .map(|value| Some(value.float()? as f32))
                .collect()
        };
        let mut file = Source::open(path)?;
        let mut array = |name: &str| {
            let tensor = head
                .tensor(name)
                .filter(|t| t.kind == TensorType::F32)
                .ok_or_else(damaged)?;
            numbers::decode(tensor.kind, &file.read(head.range(tensor))?)
        };
        let arrays = [array(ARRAYS[0])?, array(ARRAYS[1])?, array(ARRAYS[2])?];
        let held_out = floats("train.held_out").ok_or_else(damaged)?;
        Ok(Self {
            told: head
                .metadata
                .text("train.told")
                .ok_or_else(damaged)?
                .into_owned(),
            steps: head.metadata.integer("train.steps").ok_or_else(damaged)? as usize,
            losses: floats("train.losses").ok_or_else(damaged)?,
            held_out: held_out
                .chunks_exact(2)
                .map(|pair| (pair[0] as usize, pair[1]))
                .collect(),
            arrays,
        })
    }
}
