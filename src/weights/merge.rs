//! Adapters made part of their base: one model file that needs no adapter, tensor by tensor.
//!
//! A matrix W becomes W + scale · alpha / rank · B·A, in single precision, whatever type it has in the base. The arithmetic
//! is that of llama-export-lora, which always writes F16; here the type can be chosen.

use std::path::{Path, PathBuf};
use std::thread;

use super::gguf::{Gguf, Tensor, Writer};
use super::source::{self, Source, Watch};
use super::{FileType, TensorType, numbers};
use crate::{Error, Kind, Result};

/// An adapter and how strongly it is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// The GGUF file.
    pub path: PathBuf,
    /// The scale, 1 for the adapter as it was trained.
    pub scale: f32,
}

/// How to merge.
#[derive(Debug, Clone)]
pub struct Options {
    /// The type of the merged matrices, and of those that have a wider plain type in the base. Default: F16, or F32 where
    /// the base has it; everything that is not merged stays as it is.
    pub kind: Option<TensorType>,
    /// Reads the numbers of the base. Default: [`numbers::decode`]; llama.cpp reads more types than that.
    pub decode: fn(TensorType, &[u8]) -> Result<Vec<f32>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kind: None,
            decode: numbers::decode,
        }
    }
}

/// What was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Matrices that an adapter changed.
    pub merged: usize,
    /// Tensors in the model.
    pub tensors: usize,
    /// Tensors of adapters that no engine applies, such as norms.
    pub ignored: Vec<String>,
}

/// Merges `adapters` into the model `base` and writes the model `to`, which appears when it is complete.
///
/// # Errors
///
/// [`Kind::Model`] when a file is none of its kind, an adapter is for another base, or a matrix of the base has a type
/// that cannot be read; [`Kind::Usage`] for an impossible type; [`Kind::File`] when a file cannot be read or written.
pub fn merge(
    base: &Path,
    adapters: &[Adapter],
    to: &Path,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Report> {
    if let Some(kind) = options.kind
        && !numbers::can_encode(kind)
    {
        return Err(
            Error::new(Kind::Usage, format!("a model cannot be merged into {kind}"))
                .hint("merge into F16 and quantize that"),
        );
    }
    let at_base = |e: Error| e.at(base.display().to_string());
    let gguf = Gguf::open(base)?;
    if gguf
        .metadata
        .integer("split.count")
        .is_some_and(|count| count > 1)
    {
        return Err(
            at_base(Error::new(Kind::Model, "this is a model in several files"))
                .hint("join them with `llama-gguf-split --merge` of llama.cpp"),
        );
    }
    if gguf
        .metadata
        .text("general.type")
        .is_some_and(|kind| kind == "adapter")
    {
        return Err(at_base(Error::new(
            Kind::Model,
            "this is an adapter and no model",
        )));
    }
    let mut loaded = Vec::new();
    for adapter in adapters {
        let own = Gguf::open(&adapter.path)?;
        let opened = Opened::open(adapter, own, &gguf);
        loaded.push(opened.map_err(|e| e.at(adapter.path.display().to_string()))?);
    }
    let mut plan = Vec::new();
    for tensor in &gguf.tensors {
        let touched = loaded.iter().any(|adapter| adapter.touches(&tensor.name));
        plan.push(Step::new(tensor, touched, options).map_err(at_base)?);
    }
    let mut metadata = gguf.metadata.clone();
    let mixture: FileType = options.kind.unwrap_or(TensorType::F16).name().parse()?;
    metadata.set("general.file_type", mixture.id());
    if options.kind.is_some_and(TensorType::is_quantized) {
        metadata.set("general.quantization_version", 2);
    }
    let tensors: Vec<Tensor> = plan.iter().map(|step| step.out.clone()).collect();
    let total = tensors.iter().map(|tensor| tensor.size).sum();
    let mut source = Source::open(base)?;
    source::write(to, &metadata, tensors, |writer| {
        let mut done = 0;
        for step in &plan {
            let mut told = |count: u64| {
                done += count;
                watch(done, total);
            };
            if step.verbatim {
                source.copy(gguf.range(&step.tensor), writer, told)?;
                continue;
            }
            let mut deltas = Vec::new();
            for adapter in &mut loaded {
                deltas.extend(adapter.delta(&step.tensor)?);
            }
            step.write(&gguf, &mut source, &deltas, writer, &mut told)
                .map_err(at_base)?;
        }
        Ok(())
    })?;
    Ok(Report {
        merged: plan.iter().filter(|step| step.touched).count(),
        tensors: plan.len(),
        ignored: loaded.iter().flat_map(Opened::ignored).collect(),
    })
}

/// An adapter whose tensors are known to fit the base.
struct Opened {
    gguf: Gguf,
    source: Source,
    scale: f32,
    alpha: f32,
}

impl Opened {
    fn open(adapter: &Adapter, gguf: Gguf, base: &Gguf) -> Result<Self> {
        let wrong = |message: String| Error::new(Kind::Model, message);
        let text = |key: &str| gguf.metadata.text(key).unwrap_or_default();
        if text("general.type") != "adapter" || text("adapter.type") != "lora" {
            return Err(wrong("this is no LoRA adapter in GGUF".into())
                .hint("`cardwright model convert` makes one of an adapter in another format"));
        }
        let (own, bases) = (gguf.architecture(), base.architecture());
        if own != bases {
            return Err(wrong(format!(
                "the adapter is for `{}` and the base is `{}`",
                own.unwrap_or_default(),
                bases.unwrap_or_default()
            )));
        }
        let opened = Self {
            source: Source::open(&adapter.path)?,
            scale: adapter.scale,
            alpha: gguf
                .metadata
                .float("adapter.lora.alpha")
                .unwrap_or_default() as f32,
            gguf,
        };
        for tensor in &opened.gguf.tensors {
            let Some(name) = base_name(&tensor.name) else {
                continue;
            };
            let Some(matrix) = base.tensor(name) else {
                return Err(wrong(format!(
                    "the base has no `{name}`: the adapter is for another model"
                )));
            };
            opened.shapes(matrix)?;
        }
        Ok(opened)
    }

    fn pair(&self, name: &str) -> Result<(&Tensor, &Tensor)> {
        let find = |half: &str| {
            let wanted = format!("{name}.{half}");
            self.gguf
                .tensor(&wanted)
                .ok_or_else(|| Error::new(Kind::Model, format!("there is no `{wanted}`")))
        };
        Ok((find("lora_a")?, find("lora_b")?))
    }

    /// Checks the shapes of A and B and returns the rank.
    fn shapes(&self, matrix: &Tensor) -> Result<u64> {
        let (a, b) = self.pair(&matrix.name)?;
        let fits = match (
            matrix.shape.as_slice(),
            a.shape.as_slice(),
            b.shape.as_slice(),
        ) {
            ([columns, rows], [a0, a1], [b0, b1]) if is_embedding(&matrix.name) => {
                a0 == b0 && a1 == rows && b1 == columns
            }
            ([columns, rows], [a0, a1], [b0, b1]) => a1 == b0 && a0 == columns && b1 == rows,
            _ => false,
        };
        if !fits || b.shape[0] == 0 {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "A {:?} and B {:?} do not fit `{}` {:?}: the adapter is for another model",
                    a.shape, b.shape, matrix.name, matrix.shape
                ),
            ));
        }
        Ok(b.shape[0])
    }

    fn touches(&self, name: &str) -> bool {
        self.gguf
            .tensors
            .iter()
            .any(|tensor| base_name(&tensor.name) == Some(name))
    }

    fn ignored(&self) -> impl Iterator<Item = String> {
        let names = self.gguf.tensors.iter().map(|tensor| &tensor.name);
        names.filter(|name| base_name(name).is_none()).cloned()
    }

    /// What this adapter adds to `matrix`.
    fn delta(&mut self, matrix: &Tensor) -> Result<Option<Delta>> {
        if !self.touches(&matrix.name) {
            return Ok(None);
        }
        let rank = self.shapes(matrix)? as usize;
        let (a, b) = self.pair(&matrix.name)?;
        let (a, b) = ((a.kind, self.gguf.range(a)), (b.kind, self.gguf.range(b)));
        let a = numbers::decode(a.0, &self.source.read(a.1)?)?;
        let b = numbers::decode(b.0, &self.source.read(b.1)?)?;
        // A row of the matrix is a row of `left` times `right`. The embedding's A has tokens as rows.
        let (left, right) = if is_embedding(&matrix.name) {
            let columns = matrix.shape[0] as usize;
            let turned = (0..rank * columns).map(|at| b[at % columns * rank + at / columns]);
            (a, turned.collect())
        } else {
            (b, a)
        };
        let scale = match self.alpha {
            0.0 => self.scale,
            alpha => self.scale * alpha / rank as f32,
        };
        Ok(Some(Delta {
            left,
            right,
            rank,
            scale,
        }))
    }
}

/// The matrix that a tensor of an adapter belongs to.
fn base_name(name: &str) -> Option<&str> {
    name.strip_suffix(".lora_a")
        .or_else(|| name.strip_suffix(".lora_b"))
}

fn is_embedding(name: &str) -> bool {
    name == "token_embd.weight"
}

/// What is added to a matrix: `scale` times `left` times `right`.
struct Delta {
    /// Rows of the matrix, each `rank` long.
    left: Vec<f32>,
    /// `rank` rows, each as long as one of the matrix.
    right: Vec<f32>,
    rank: usize,
    scale: f32,
}

impl Delta {
    fn add_to(&self, row: usize, numbers: &mut [f32], sum: &mut [f32]) {
        sum.fill(0.0);
        let factors = &self.left[row * self.rank..(row + 1) * self.rank];
        for (factor, right) in factors.iter().zip(self.right.chunks_exact(numbers.len())) {
            for (sum, x) in sum.iter_mut().zip(right) {
                *sum += factor * x;
            }
        }
        for (number, sum) in numbers.iter_mut().zip(sum) {
            *number += self.scale * *sum;
        }
    }
}

/// What becomes of a tensor of the base.
struct Step {
    tensor: Tensor,
    out: Tensor,
    /// Whether an adapter changes it.
    touched: bool,
    /// Whether its bytes are copied.
    verbatim: bool,
    decode: fn(TensorType, &[u8]) -> Result<Vec<f32>>,
}

/// Numbers that are in memory at once, 16 MiB of them.
const CHUNK: usize = 4 << 20;

impl Step {
    fn new(tensor: &Tensor, touched: bool, options: &Options) -> Result<Self> {
        let is_matrix = tensor.shape.len() == 2;
        let is_plain = matches!(
            tensor.kind,
            TensorType::F32 | TensorType::F16 | TensorType::BF16
        );
        let kind = match options.kind {
            None if !touched => tensor.kind,
            None if tensor.kind == TensorType::F32 => TensorType::F32,
            None => TensorType::F16,
            Some(kind) if touched || (is_matrix && is_plain && narrower(kind, tensor.kind)) => kind,
            Some(_) => tensor.kind,
        };
        let kind = match kind.size(&tensor.shape) {
            Some(_) => kind,
            // Rows that are not whole blocks.
            None => TensorType::F16,
        };
        let verbatim = !touched && kind == tensor.kind;
        // No bytes are whole blocks of every type, so this asks for the type alone.
        if !verbatim && (options.decode)(tensor.kind, &[]).is_err() {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "`{}` is of type {}, which cannot be merged into",
                    tensor.name, tensor.kind
                ),
            )
            .hint("merge into the model in F16, Q8_0 or a K quantization"));
        }
        Ok(Self {
            tensor: tensor.clone(),
            out: Tensor::new(tensor.name.clone(), tensor.shape.clone(), kind)?,
            touched,
            verbatim,
            decode: options.decode,
        })
    }

    fn write<W: std::io::Write>(
        &self,
        gguf: &Gguf,
        source: &mut Source,
        deltas: &[Delta],
        writer: &mut Writer<W>,
        told: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let [columns, rows] = self.tensor.shape[..] else {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "`{}` is no matrix but {:?}",
                    self.tensor.name, self.tensor.shape
                ),
            ));
        };
        if columns == 0 {
            return Ok(());
        }
        let range = gguf.range(&self.tensor);
        let row_bytes = self.tensor.size / rows.max(1);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let per_thread = (CHUNK / columns as usize / threads).max(1);
        let mut row = 0;
        while row < rows as usize {
            let count = (per_thread * threads).min(rows as usize - row);
            let start = range.start + row as u64 * row_bytes;
            let bytes = source.read(start..start + count as u64 * row_bytes)?;
            let share = count.div_ceil(threads) * row_bytes as usize;
            let pieces: Vec<Result<Vec<u8>>> = thread::scope(|scope| {
                let workers: Vec<_> = bytes
                    .chunks(share)
                    .enumerate()
                    .map(|(index, bytes)| {
                        let first = row + index * (share / row_bytes as usize);
                        scope.spawn(move || self.rows(first, columns as usize, bytes, deltas))
                    })
                    .collect();
                workers
                    .into_iter()
                    .map(|worker| {
                        worker.join().unwrap_or_else(|_| {
                            Err(Error::new(
                                Kind::Model,
                                "merging came to a halt inside a thread",
                            ))
                        })
                    })
                    .collect()
            });
            for piece in pieces {
                let piece = piece?;
                writer.data(&piece)?;
                told(piece.len() as u64);
            }
            row += count;
        }
        Ok(())
    }

    /// Rows from `first` on, which are `bytes` in the base, with what is added to them.
    fn rows(
        &self,
        first: usize,
        columns: usize,
        bytes: &[u8],
        deltas: &[Delta],
    ) -> Result<Vec<u8>> {
        let mut decoded = (self.decode)(self.tensor.kind, bytes)?;
        let mut sum = vec![0.0; columns];
        for (index, row) in decoded.chunks_exact_mut(columns).enumerate() {
            for delta in deltas {
                delta.add_to(first + index, row, &mut sum);
            }
        }
        numbers::encode(self.out.kind, &decoded)
    }
}

/// Whether a number takes less room in `kind` than in `than`.
fn narrower(kind: TensorType, than: TensorType) -> bool {
    kind.block_bytes() * than.block_elements() < than.block_bytes() * kind.block_elements()
}
