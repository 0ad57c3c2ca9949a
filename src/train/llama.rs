//! A frozen model of the Llama architecture: its sizes and its weights, dequantized once (the idea of QLoRA,
//! <https://arxiv.org/abs/2305.14314>).

use std::path::Path;

use super::device::{Device, Heads};
use super::lora::Module;
use crate::weights::gguf::{Gguf, Value};
use crate::weights::numbers;
use crate::weights::source::Source;
use crate::{Error, Kind, Result};

/// The sizes of a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) width: usize,
    pub(super) inner: usize,
    pub(super) heads: usize,
    pub(super) key_heads: usize,
    /// The width of a head.
    pub(super) head: usize,
    pub(super) vocabulary: usize,
    /// Tokens that the model was trained on.
    pub(super) context: usize,
    pub(super) epsilon: f32,
    /// The base of the rotation's angles.
    base: f64,
    /// What places are divided by.
    stretch: f64,
}

impl Shape {
    /// The sizes that the head of a model file states.
    pub(super) fn of(model: &Gguf) -> Result<Self> {
        let architecture = model.architecture().unwrap_or_default();
        if architecture != "llama" {
            let message =
                format!("the architecture is `{architecture}`, and only `llama` can be trained");
            return Err(Error::new(Kind::Model, message)
                .hint("use a model of the Llama family, such as Llama 2, Mistral 7B or SmolLM2"));
        }
        let whole = |name: &str| {
            model
                .parameter(name)
                .and_then(Value::integer)
                .and_then(|n| usize::try_from(n).ok())
                .filter(|&n| n > 0)
        };
        let needed = |name: &str| {
            whole(name).ok_or_else(|| {
                Error::new(Kind::Model, format!("the model file has no `llama.{name}`"))
            })
        };
        let number = |name: &str| model.parameter(name).and_then(Value::float);
        if let Some(experts) = whole("expert_count") {
            let message =
                format!("the model has {experts} experts a layer, which cannot be trained");
            return Err(Error::new(Kind::Model, message).hint("use a model without experts"));
        }
        let heads = needed("attention.head_count")?;
        let width = needed("embedding_length")?;
        let embedding = model
            .tensor("token_embd.weight")
            .ok_or_else(|| no_tensor("token_embd.weight"))?;
        let scaling = model.parameter("rope.scaling.type").and_then(Value::text);
        let stretch = match scaling.as_deref() {
            None | Some("none") => 1.0,
            Some("linear") => number("rope.scaling.factor").unwrap_or(1.0),
            Some(other) => {
                let message =
                    format!("the rotation is stretched by `{other}`, which cannot be trained");
                return Err(
                    Error::new(Kind::Model, message).hint("use a model without stretched context")
                );
            }
        };
        let shape = Self {
            layers: needed("block_count")?,
            width,
            inner: needed("feed_forward_length")?,
            heads,
            key_heads: whole("attention.head_count_kv").unwrap_or(heads),
            head: whole("attention.key_length").unwrap_or(width / heads),
            vocabulary: embedding.shape.get(1).map_or(0, |&rows| rows as usize),
            context: needed("context_length")?,
            epsilon: number("attention.layer_norm_rms_epsilon").unwrap_or(1e-5) as f32,
            base: number("rope.freq_base").unwrap_or(10_000.0),
            stretch,
        };
        let turned = whole("rope.dimension_count").unwrap_or(shape.head);
        if !shape.heads.is_multiple_of(shape.key_heads)
            || turned != shape.head
            || !shape.head.is_multiple_of(2)
        {
            return Err(Error::new(
                Kind::Model,
                "the attention heads have a form that cannot be trained",
            ));
        }
        Ok(shape)
    }

    pub(super) fn heads(&self, length: usize) -> Heads {
        Heads {
            length,
            heads: self.heads,
            key_heads: self.key_heads,
            width: self.head,
        }
    }

    /// Rows and columns of a module's weight: what it gives and what it takes.
    pub(super) fn module(&self, module: Module) -> (usize, usize) {
        let (queries, keys) = (self.heads * self.head, self.key_heads * self.head);
        match module {
            Module::Query => (queries, self.width),
            Module::Key | Module::Value => (keys, self.width),
            Module::Output => (self.width, queries),
            Module::Gate | Module::Up => (self.inner, self.width),
            Module::Down => (self.width, self.inner),
        }
    }
}

fn no_tensor(name: &str) -> Error {
    Error::new(
        Kind::Model,
        format!("the model file has no tensor `{name}`"),
    )
}

/// The frozen weights of a layer.
pub(super) struct Layer<B> {
    pub(super) before_attention: B,
    pub(super) before_inner: B,
    /// In the order of [`Module::ALL`].
    pub(super) modules: Vec<B>,
}

/// The frozen weights.
pub(super) struct Model<D: Device> {
    pub(super) shape: Shape,
    pub(super) embedding: D::Buffer,
    pub(super) layers: Vec<Layer<D::Buffer>>,
    pub(super) before_output: D::Buffer,
    /// `None` when the embedding serves.
    pub(super) output: Option<D::Buffer>,
    /// The angle of each pair of a head at place 1.
    angles: Vec<f64>,
}

impl<D: Device> Model<D> {
    /// Reads the model file at `path` whose head is `head`.
    pub(super) fn load(
        device: &D,
        path: &Path,
        head: &Gguf,
        watch: &mut dyn FnMut(u64, u64),
    ) -> Result<Self> {
        let shape = Shape::of(head)?;
        let mut source = Source::open(path)?;
        let total = head.tensors.iter().map(|tensor| tensor.size).sum();
        let mut done = 0;
        let mut read = |name: &str, extents: &[usize]| -> Result<Vec<f32>> {
            let tensor = head.tensor(name).ok_or_else(|| no_tensor(name))?;
            let length: usize = extents.iter().product();
            if tensor.elements() != length as u64 {
                let message = format!(
                    "tensor `{name}` has the shape {:?}, not {extents:?}",
                    tensor.shape
                );
                return Err(Error::new(Kind::Model, message));
            }
            let numbers = numbers::decode(tensor.kind, &source.read(head.range(tensor))?)
                .map_err(|e| e.at(format!("tensor `{name}`")))?;
            done += tensor.size;
            watch(done, total);
            Ok(numbers)
        };
        for module in Module::ALL {
            let bias = format!("blk.0.{}.bias", module.name());
            if head.tensor(&bias).is_some() {
                let message =
                    format!("the model has `{bias}`, and models with biases cannot be trained");
                return Err(Error::new(Kind::Model, message));
            }
        }
        let mut layers = Vec::with_capacity(shape.layers);
        for layer in 0..shape.layers {
            let mut put = |name: &str, extents: &[usize]| {
                device.upload(&read(&format!("blk.{layer}.{name}.weight"), extents)?)
            };
            layers.push(Layer {
                before_attention: put("attn_norm", &[shape.width])?,
                before_inner: put("ffn_norm", &[shape.width])?,
                modules: Module::ALL
                    .iter()
                    .map(|module| {
                        let (rows, columns) = shape.module(*module);
                        put(module.name(), &[columns, rows])
                    })
                    .collect::<Result<_>>()?,
            });
        }
        let table = [shape.width, shape.vocabulary];
        let output = match head.tensor("output.weight") {
            Some(_) => Some(device.upload(&read("output.weight", &table)?)?),
            None => None,
        };
        let pairs = shape.head / 2;
        let mut angles: Vec<f64> = (0..pairs)
            .map(|pair| shape.base.powf(-(pair as f64) / pairs as f64) / shape.stretch)
            .collect();
        if head.tensor("rope_freqs.weight").is_some() {
            for (angle, factor) in angles.iter_mut().zip(read("rope_freqs.weight", &[pairs])?) {
                *angle /= f64::from(factor);
            }
        }
        Ok(Self {
            embedding: device.upload(&read("token_embd.weight", &table)?)?,
            before_output: device.upload(&read("output_norm.weight", &[shape.width])?)?,
            output,
            layers,
            angles,
            shape,
        })
    }

    /// Cosine and sine of each place and pair.
    pub(super) fn turns(&self, device: &D, length: usize) -> Result<D::Buffer> {
        let turns: Vec<f32> = (0..length)
            .flat_map(|place| {
                self.angles.iter().flat_map(move |angle| {
                    let (sine, cosine) = (place as f64 * angle).sin_cos();
                    [cosine as f32, sine as f32]
                })
            })
            .collect();
        device.upload(&turns)
    }
}
