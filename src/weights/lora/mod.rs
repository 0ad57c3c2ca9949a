//! LoRA adapters made GGUF: those of PEFT (safetensors or PyTorch's `.bin`), and the `ggla` files of 2023.
//!
//! An adapter changes a matrix W of its base by B times A, both thin. llama.cpp keeps the rows of a LLaMA's query and key
//! matrices in another order than PyTorch, so the rows of their B are put in that order here; everything else is copied.

mod ggla;
mod peft;
mod pickle;
mod safetensors;

use std::fs;
use std::path::Path;

#[cfg(feature = "train")]
pub(crate) use peft::PARTS;

use super::gguf::{Gguf, Metadata, Tensor};
use super::source::{self, Watch};
use super::{TensorType, numbers};
use crate::{Error, Kind, Result, file};

/// What is known of the model that an adapter is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The architecture, such as `llama`.
    pub architecture: String,
    /// Attention heads.
    pub heads: u64,
    /// Heads of keys and values.
    pub key_heads: u64,
    /// The head of the model file, where there is one, to compare shapes with.
    pub gguf: Option<Gguf>,
}

impl Base {
    /// Reads a model file, or the `config.json` (or its folder) of a model of PyTorch's world.
    ///
    /// # Errors
    ///
    /// [`Kind::Model`] when it is neither, or of an architecture whose adapters cannot be converted.
    pub fn open(path: &Path) -> Result<Self> {
        let at = |e: Error| e.at(path.display().to_string());
        let is_config = path.is_dir() || path.extension().is_some_and(|e| e == "json");
        if is_config {
            let path = if path.is_dir() {
                path.join("config.json")
            } else {
                path.to_owned()
            };
            return Self::from_config(&file::read(&path)?)
                .map_err(|e| e.at(path.display().to_string()));
        }
        let gguf = Gguf::open(path)?;
        let architecture = gguf.architecture().unwrap_or_default();
        let number = |name: &str| gguf.parameter(name).and_then(super::gguf::Value::integer);
        let heads = number("attention.head_count").ok_or_else(|| {
            at(Error::new(
                Kind::Model,
                "this model does not tell how many attention heads it has",
            ))
        })?;
        let key_heads = number("attention.head_count_kv").unwrap_or(heads);
        check_architecture(&architecture).map_err(at)?;
        Ok(Self {
            architecture,
            heads,
            key_heads,
            gguf: Some(gguf),
        })
    }

    fn from_config(json: &[u8]) -> Result<Self> {
        let config: serde_json::Value = serde_json::from_slice(json).map_err(|e| {
            Error::new(Kind::Model, format!("not a model's configuration: {e}")).source(e)
        })?;
        let class = config["architectures"][0].as_str().unwrap_or_default();
        let architecture = match class {
            "LlamaForCausalLM" | "LLaMAForCausalLM" | "MistralForCausalLM" => "llama",
            "Qwen2ForCausalLM" => "qwen2",
            "Qwen3ForCausalLM" => "qwen3",
            other => other,
        };
        check_architecture(architecture)?;
        let heads = config["num_attention_heads"].as_u64().ok_or_else(|| {
            Error::new(
                Kind::Model,
                "the configuration does not tell `num_attention_heads`",
            )
        })?;
        Ok(Self {
            architecture: architecture.to_owned(),
            heads,
            key_heads: config["num_key_value_heads"].as_u64().unwrap_or(heads),
            gguf: None,
        })
    }

    /// How many heads the rows of this matrix are ordered by, where llama.cpp orders them in its own way.
    fn permuted_heads(&self, name: &str) -> Option<u64> {
        if self.architecture != "llama" {
            return None;
        }
        if name.ends_with(".attn_q.weight") {
            Some(self.heads)
        } else if name.ends_with(".attn_k.weight") {
            Some(self.key_heads)
        } else {
            None
        }
    }
}

/// The architectures whose matrices have the names that we know.
fn check_architecture(architecture: &str) -> Result<()> {
    if ["llama", "qwen2", "qwen3"].contains(&architecture) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Model,
        format!("adapters for the architecture `{architecture}` cannot be converted"),
    )
    .hint("llama (with Mistral), qwen2 and qwen3 can"))
}

/// How to convert.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The model that the adapter is for; needed when it changes queries or keys, as nearly all do. Default: none.
    pub base: Option<Base>,
    /// The type of the adapter's matrices: F32, F16 or BF16. Default: F32.
    pub kind: TensorType,
    /// Put the rows of queries and keys in llama.cpp's order. Default: true; the converter of 2023 did not, so that the
    /// `ggla` files were used wrongly then, and false brings that back.
    pub permute: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base: None,
            kind: TensorType::F32,
            permute: true,
        }
    }
}

/// Whether the file or folder at `path` looks like an adapter that [`convert`] takes.
#[must_use]
pub fn is_adapter(path: &Path) -> bool {
    if path.is_dir() {
        return path.join(peft::CONFIG).is_file();
    }
    let mut magic = [0; 4];
    let starts = fs::File::open(path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic))
        .is_ok();
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    (starts && magic == ggla::MAGIC)
        || extension == "safetensors"
        || (starts && magic == *b"PK\x03\x04" && matches!(extension, "bin" | "pt" | "pth"))
}

/// Converts the adapter `from` (a folder of PEFT, its weights file, or a `ggla` file) to the GGUF file `to`, which appears
/// when it is complete.
///
/// # Errors
///
/// [`Kind::Model`] when `from` is no adapter, is of a kind that GGUF cannot hold, or is for another base;
/// [`Kind::Usage`] when the base is needed and not given; [`Kind::File`] when a file cannot be read or written.
pub fn convert(from: &Path, to: &Path, options: &Options, watch: &mut Watch<'_>) -> Result<()> {
    if !matches!(
        options.kind,
        TensorType::F32 | TensorType::F16 | TensorType::BF16
    ) {
        return Err(Error::new(
            Kind::Usage,
            format!("an adapter cannot be of type {}", options.kind),
        )
        .hint("choose F32, F16 or BF16"));
    }
    let at = |e: Error| e.at(from.display().to_string());
    let Adapter {
        alpha,
        mut arrays,
        parts,
    } = if from.is_dir() || !ggla::is_ggla(from)? {
        peft::open(from).map_err(at)?
    } else {
        ggla::open(from).map_err(at)?
    };
    let plan = plan(&parts, arrays.list(), options).map_err(at)?;
    let mut metadata = Metadata::new();
    let architecture = options
        .base
        .as_ref()
        .map_or("llama", |base| &base.architecture);
    metadata.set("general.architecture", architecture);
    metadata.set("general.type", "adapter");
    metadata.set("adapter.type", "lora");
    let name = from.file_stem().unwrap_or_default().to_string_lossy();
    metadata.set("general.name", name.as_ref());
    metadata.set("adapter.lora.alpha", alpha);
    metadata.set("general.quantization_version", 2);
    let tensors: Vec<Tensor> = plan.iter().map(|step| step.tensor.clone()).collect();
    let total = tensors.iter().map(|tensor| tensor.size).sum();
    source::write(to, &metadata, tensors, |writer| {
        let mut done = 0;
        for step in &plan {
            let kind = arrays.list()[step.from].kind;
            let bytes = arrays.data(step.from).map_err(at)?;
            let numbers = step.apply(numbers::decode(kind, &bytes)?);
            writer.data(&numbers::encode(step.tensor.kind, &numbers)?)?;
            done += step.tensor.size;
            watch(done, total);
        }
        Ok(())
    })
}

/// An adapter as its file has it.
struct Adapter {
    /// The scale, which is divided by the rank when it is used.
    alpha: f32,
    arrays: Box<dyn Arrays>,
    /// What each array is; arrays that are of no use have no part.
    parts: Vec<Part>,
}

/// The arrays of numbers in a file.
trait Arrays {
    fn list(&self) -> &[Array];
    /// The bytes of an array.
    fn data(&mut self, index: usize) -> Result<Vec<u8>>;
}

/// An array in a file.
struct Array {
    name: String,
    /// The extents, the length of a row last.
    shape: Vec<u64>,
    kind: TensorType,
}

/// What an array is in an adapter.
struct Part {
    /// The index of the array.
    from: usize,
    /// The name of the base's matrix, as in GGUF.
    base: String,
    role: Role,
    /// A factor for its numbers.
    factor: f32,
    /// Whether the file has columns where rows are wanted.
    transposed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    A,
    B,
    /// A norm of the base, replaced.
    Norm,
}

/// A tensor to write, and how it comes from an array.
struct Step {
    tensor: Tensor,
    from: usize,
    /// Rows and columns of the array as it is in the file.
    rows: usize,
    columns: usize,
    transpose: bool,
    heads: Option<u64>,
    factor: f32,
}

impl Step {
    fn apply(&self, mut numbers: Vec<f32>) -> Vec<f32> {
        if self.factor != 1.0 {
            for number in &mut numbers {
                *number *= self.factor;
            }
        }
        if self.transpose {
            let mut turned = Vec::with_capacity(numbers.len());
            for column in 0..self.columns {
                turned.extend((0..self.rows).map(|row| numbers[row * self.columns + column]));
            }
            numbers = turned;
        }
        if let Some(heads) = self.heads {
            numbers = permute_rows(&numbers, self.columns, self.rows, heads as usize);
        }
        numbers
    }
}

/// Rows of queries or keys in llama.cpp's order: in each head, the two halves of its rows take turns.
fn permute_rows(numbers: &[f32], columns: usize, rows: usize, heads: usize) -> Vec<f32> {
    let mut permuted = Vec::with_capacity(numbers.len());
    for row in 0..rows {
        let old = old_row(row, rows / heads);
        permuted.extend(&numbers[old * columns..(old + 1) * columns]);
    }
    permuted
}

/// Rows of queries or keys in the order of PyTorch models: what [`permute_rows`] was given.
#[cfg(feature = "train")]
pub(crate) fn unpermute_rows(numbers: &[f32], columns: usize, heads: usize) -> Vec<f32> {
    let rows = numbers.len() / columns;
    let mut ordered = vec![0.0; numbers.len()];
    for (row, numbers) in numbers.chunks_exact(columns).enumerate() {
        let old = old_row(row, rows / heads);
        ordered[old * columns..(old + 1) * columns].copy_from_slice(numbers);
    }
    ordered
}

/// Where a row of llama.cpp's order is in PyTorch's, for heads of `head` rows.
fn old_row(row: usize, head: usize) -> usize {
    let (start, within) = (row / head * head, row % head);
    start + within % 2 * (head / 2) + within / 2
}

/// What to write, in the order of the layers.
fn plan(parts: &[Part], arrays: &[Array], options: &Options) -> Result<Vec<Step>> {
    let wrong = |message: String| Error::new(Kind::Model, message);
    let mut steps: Vec<(Role, String, Step)> = Vec::new();
    for part in parts {
        let array = &arrays[part.from];
        let name = &part.base;
        if part.role == Role::Norm {
            let tensor = Tensor::new(name.clone(), array.shape.clone(), TensorType::F32)?;
            steps.push((
                part.role,
                name.clone(),
                Step {
                    from: part.from,
                    rows: 1,
                    columns: array.shape.first().copied().unwrap_or_default() as usize,
                    transpose: false,
                    heads: None,
                    factor: 1.0,
                    tensor,
                },
            ));
            continue;
        }
        let &[rows, columns] = array.shape.as_slice() else {
            return Err(wrong(format!(
                "`{}` is no matrix but {:?}",
                array.name, array.shape
            )));
        };
        // llama.cpp looks tokens up in A, so that it wants them as rows.
        let transpose = part.transposed != (part.role == Role::A && name == "token_embd.weight");
        let shape = if transpose {
            [rows, columns]
        } else {
            [columns, rows]
        };
        let suffix = if part.role == Role::A {
            "lora_a"
        } else {
            "lora_b"
        };
        let tensor = Tensor::new(format!("{name}.{suffix}"), shape, options.kind)?;
        let ordered = name.ends_with(".attn_q.weight") || name.ends_with(".attn_k.weight");
        let mut heads = None;
        if part.role == Role::B && ordered && options.permute {
            let base = options.base.as_ref().ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    "the adapter changes queries or keys, whose order depends on the base model",
                )
                .hint("name it with `--base`: a GGUF file, or the `config.json` of the model")
            })?;
            heads = base.permuted_heads(name);
            let fits = heads.is_none_or(|heads| heads > 0 && rows.is_multiple_of(2 * heads));
            if !fits {
                return Err(wrong(format!(
                    "the {rows} rows of `{}` are not the heads of the base: the adapter is for another model",
                    array.name
                )));
            }
        }
        steps.push((
            part.role,
            name.clone(),
            Step {
                tensor,
                from: part.from,
                rows: rows as usize,
                columns: columns as usize,
                transpose,
                heads,
                factor: part.factor,
            },
        ));
    }
    if steps.is_empty() {
        return Err(wrong("there are no LoRA matrices in this file".into()));
    }
    check_pairs(&steps, options)?;
    steps.sort_by_cached_key(|(role, name, _)| (order(name), name.clone(), *role == Role::B));
    Ok(steps.into_iter().map(|(_, _, step)| step).collect())
}

/// Checks that every A has a B of its rank, and that both fit the base.
fn check_pairs(steps: &[(Role, String, Step)], options: &Options) -> Result<()> {
    let find = |role: Role, name: &str| {
        let mut found = steps.iter().filter(|(r, n, _)| *r == role && n == name);
        (found.next(), found.next())
    };
    for (role, name, _) in steps {
        if *role == Role::Norm {
            continue;
        }
        let wrong = |message: String| Err(Error::new(Kind::Model, message));
        let (Some((.., a)), None) = find(Role::A, name) else {
            return wrong(format!("there is not one A for `{name}`"));
        };
        let (Some((.., b)), None) = find(Role::B, name) else {
            return wrong(format!("there is not one B for `{name}`"));
        };
        let (a, b) = (&a.tensor.shape, &b.tensor.shape);
        let embedding = name == "token_embd.weight";
        let (rank, input) = if embedding {
            (a[0], a[1])
        } else {
            (a[1], a[0])
        };
        if rank != b[0] || rank == 0 {
            return wrong(format!(
                "A and B of `{name}` have the ranks {rank} and {}",
                b[0]
            ));
        }
        let base = options.base.as_ref().and_then(|base| base.gguf.as_ref());
        if let Some(gguf) = base {
            let Some(tensor) = gguf.tensor(name) else {
                return wrong(format!(
                    "the base has no `{name}`: the adapter is for another model"
                ));
            };
            let wanted = if embedding {
                [b[1], input]
            } else {
                [input, b[1]]
            };
            if tensor.shape != wanted {
                return wrong(format!(
                    "`{name}` is {:?} in the base and {wanted:?} in the adapter, which is for another model",
                    tensor.shape
                ));
            }
        }
    }
    Ok(())
}

/// The place of a matrix in the order of a model: by layer, those without one first.
fn order(name: &str) -> Option<u32> {
    name.strip_prefix("blk.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_two_heads_take_turns_within_each_head() {
        let numbers: Vec<f32> = (0..8).map(|n| n as f32).collect();
        assert_eq!(
            permute_rows(&numbers, 1, 8, 2),
            [0.0, 2.0, 1.0, 3.0, 4.0, 6.0, 5.0, 7.0]
        );
    }
}
