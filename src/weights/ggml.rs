//! Model files of the time before GGUF, made GGUF: GGML, GGMF and GGJT, as LLaMA models came in from March to August 2023.
//!
//! The tensors are copied as they are, which is right for all types of GGJT version 3 and for plain numbers in the older
//! versions; the quantizations of the older versions were other ones and cannot be saved. What the old files do not tell
//! (context, epsilon of the norms) comes from [`Options`].

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::cursor::Cursor;
use super::gguf::{Metadata, Tensor, Value};
use super::source::{self, Source, Watch};
use super::{FileType, TensorType};
use crate::{Error, Kind, Result};

/// The first bytes of the three formats, in the order in which they came.
pub const MAGICS: [[u8; 4]; 3] = [*b"lmgg", *b"fmgg", *b"tjgg"];

/// The longest token and tensor name believed.
const MAX_TEXT: u64 = 4095;

/// The most layers believed; the largest LLaMA has 80.
const MAX_LAYERS: u32 = 1000;

/// What the old files do not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Tokens that the model was trained on. Default: 4096, as for Llama 2; Llama 1 had 2048.
    pub context: u32,
    /// The epsilon of the norms. Default: 1e-5, as for Llama 2; Llama 1 had 1e-6.
    pub epsilon: f32,
    /// The model's name. Default: the file's.
    pub name: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            context: 4096,
            epsilon: 1e-5,
            name: None,
        }
    }
}

/// Converts the file `from` to the GGUF file `to`, which appears when it is complete.
///
/// # Errors
///
/// [`Kind::Model`] when `from` is no such file, is damaged, or has quantizations that no program reads any more;
/// [`Kind::File`] when a file cannot be read or written.
pub fn convert(from: &Path, to: &Path, options: &Options, watch: &mut Watch<'_>) -> Result<()> {
    let at = |e: Error| e.at(from.display().to_string());
    let legacy = Legacy::open(from).map_err(at)?;
    let metadata = legacy.metadata(from, options).map_err(at)?;
    let tensors: Vec<Tensor> = legacy.tensors.iter().map(|t| t.tensor.clone()).collect();
    let total = tensors.iter().map(|tensor| tensor.size).sum();
    let mut source = Source::open(from)?;
    source::write(to, &metadata, tensors, |writer| {
        let mut done = 0;
        for placed in &legacy.tensors {
            source.copy(
                placed.start..placed.start + placed.tensor.size,
                writer,
                |count| {
                    done += count;
                    watch(done, total);
                },
            )?;
        }
        Ok(())
    })
}

/// What stands in an old file.
struct Legacy {
    format: Format,
    width: u32,
    heads: u32,
    layers: u32,
    file_type: u32,
    vocabulary: Vec<(Vec<u8>, f32)>,
    tensors: Vec<Placed>,
}

/// A tensor and the byte of the old file at which its data starts.
struct Placed {
    tensor: Tensor,
    start: u64,
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Format {
    /// No version, no scores, no padding.
    Ggml,
    /// Scores.
    Ggmf,
    /// Scores, and data at multiples of 32 bytes. Version 1 to 3.
    Ggjt(u32),
}

impl Format {
    fn name(self) -> String {
        match self {
            Self::Ggml => "GGMLv1".into(),
            Self::Ggmf => "GGMFv1".into(),
            Self::Ggjt(version) => format!("GGJTv{version}"),
        }
    }
}

impl Legacy {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
        let length = file
            .metadata()
            .map_err(|e| Error::file("read", path, e))?
            .len();
        Self::read(Cursor::new(BufReader::new(file), length, u64::MAX))
    }

    fn read<R: std::io::Read + std::io::Seek>(mut at: Cursor<R>) -> Result<Self> {
        let format = format(&mut at)?;
        let mut parameter = || at.u32("the model's shape");
        let tokens = parameter()?;
        let width = parameter()?;
        let _multiple = parameter()?;
        let heads = parameter()?;
        let layers = parameter()?;
        let _rotated = parameter()?;
        let file_type = parameter()?;
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) || layers > MAX_LAYERS {
            return Err(wrong(format!(
                "impossible shape: {layers} layers, {width} wide, {heads} heads"
            )));
        }
        refuse_lost_types(format, file_type)?;
        let score_bytes = if format == Format::Ggml { 0 } else { 4 };
        at.expect_room(tokens.into(), 4 + score_bytes, "tokens")?;
        let mut vocabulary = Vec::new();
        for _ in 0..tokens {
            let length = at.u32("a token")?;
            let text = at.bytes(length.into(), MAX_TEXT, "a token")?;
            let score = match format {
                Format::Ggml => 0.0,
                _ => f32::from_le_bytes(at.array("a token's score")?),
            };
            vocabulary.push((text, score));
        }
        if vocabulary.len() < 3 {
            return Err(wrong(
                "the vocabulary has fewer than the three special tokens",
            ));
        }
        let mut tensors = Vec::new();
        while at.left() > 0 {
            if let Some(tensor) = tensor(&mut at, format)? {
                tensors.push(tensor);
            }
        }
        let legacy = Self {
            format,
            width,
            heads,
            layers,
            file_type,
            vocabulary,
            tensors,
        };
        let embedding = legacy.shape("token_embd.weight")?;
        if embedding != [u64::from(width), u64::from(tokens)] {
            return Err(wrong(format!(
                "the embedding has the shape {embedding:?} and not [{width}, {tokens}]"
            ))
            .hint("models in several parts cannot be converted: get one in a single file"));
        }
        Ok(legacy)
    }

    fn shape(&self, name: &str) -> Result<&[u64]> {
        self.tensors
            .iter()
            .find(|placed| placed.tensor.name == name)
            .map(|placed| placed.tensor.shape.as_slice())
            .filter(|shape| shape.len() == 2)
            .ok_or_else(|| {
                wrong(format!(
                    "there is no matrix `{name}`, which every LLaMA has"
                ))
            })
    }

    fn metadata(&self, from: &Path, options: &Options) -> Result<Metadata> {
        let inner = self.shape("blk.0.ffn_gate.weight")?[1];
        let per_head = u64::from(self.width / self.heads);
        let keys = self.shape("blk.0.attn_k.weight")?[1];
        if !keys.is_multiple_of(per_head) {
            return Err(wrong(format!(
                "{keys} key rows are no whole heads of {per_head}"
            )));
        }
        let small = |n: u64| u32::try_from(n).map_err(|_| wrong(format!("impossible shape: {n}")));
        let kind = match self.file_type {
            0 => "ALL_F32".to_owned(),
            4 => "MOSTLY_Q4_1_SOME_F16".to_owned(),
            id => format!(
                "MOSTLY_{}",
                FileType::from_id(id.into()).map_or("", FileType::name)
            ),
        };
        let name = options.name.clone().unwrap_or_else(|| {
            from.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        });
        let mut metadata = Metadata::new();
        metadata.set("general.architecture", "llama");
        metadata.set("general.name", name);
        metadata.set(
            "general.description",
            format!("converted from legacy {} {kind} format", self.format.name()),
        );
        metadata.set("general.file_type", self.file_type);
        metadata.set("llama.context_length", options.context);
        metadata.set("llama.embedding_length", self.width);
        metadata.set("llama.block_count", self.layers);
        metadata.set("llama.feed_forward_length", small(inner)?);
        metadata.set("llama.rope.dimension_count", self.width / self.heads);
        metadata.set("llama.attention.head_count", self.heads);
        metadata.set("llama.attention.head_count_kv", small(keys / per_head)?);
        metadata.set("llama.attention.layer_norm_rms_epsilon", options.epsilon);
        metadata.set("tokenizer.ggml.model", "llama");
        metadata.set("tokenizer.ggml.pre", "default");
        let tokens: Vec<(Vec<u8>, i32)> = self
            .vocabulary
            .iter()
            .enumerate()
            .map(|(id, (text, _))| token(id, text))
            .collect();
        metadata.set(
            "tokenizer.ggml.tokens",
            Value::texts(tokens.iter().map(|(text, _)| text)),
        );
        metadata.set(
            "tokenizer.ggml.scores",
            Value::floats(self.vocabulary.iter().map(|(_, score)| *score)),
        );
        metadata.set(
            "tokenizer.ggml.token_type",
            Value::integers(tokens.iter().map(|(_, kind)| *kind)),
        );
        metadata.set("tokenizer.ggml.unknown_token_id", 0);
        metadata.set("tokenizer.ggml.bos_token_id", 1);
        metadata.set("tokenizer.ggml.eos_token_id", 2);
        Ok(metadata)
    }
}

fn format<R: std::io::Read>(at: &mut Cursor<R>) -> Result<Format> {
    let magic: [u8; 4] = at.array("the magic number")?;
    let format = match &magic {
        b"lmgg" => return Ok(Format::Ggml),
        b"fmgg" | b"tjgg" => magic,
        _ => {
            let error = wrong(format!(
                "this is no GGML, GGMF or GGJT file: it starts with the bytes `{}`",
                magic.escape_ascii()
            ));
            return Err(if magic == super::gguf::MAGIC {
                error.hint("it is GGUF already and needs no conversion")
            } else {
                error
            });
        }
    };
    match (&format, at.u32("the version")?) {
        (b"fmgg", 1) => Ok(Format::Ggmf),
        (b"tjgg", version @ 1..=3) => Ok(Format::Ggjt(version)),
        (_, version) => Err(wrong(format!("unknown version {version} at byte 4"))),
    }
}

/// Refuses the quantizations that ggml changed the meaning of in May 2023.
fn refuse_lost_types(format: Format, file_type: u32) -> Result<()> {
    if file_type != 4 && !(file_type <= 18 && FileType::from_id(file_type.into()).is_some()) {
        return Err(wrong(format!("unknown quantization {file_type}")));
    }
    let lost = match format {
        Format::Ggjt(3) => false,
        Format::Ggjt(2) => matches!(file_type, 2 | 3 | 4 | 7),
        _ => file_type > 1,
    };
    if lost {
        return Err(wrong(format!(
            "the quantization of this {} file means something else today",
            format.name()
        ))
        .hint("convert the F16 file of the same model, or get it as GGJT version 3 (`ggmlv3`)"));
    }
    Ok(())
}

/// The next tensor; `None` for one that is of no use.
fn tensor<R: std::io::Read + std::io::Seek>(
    at: &mut Cursor<R>,
    format: Format,
) -> Result<Option<Placed>> {
    let begins = at.position;
    let what = "a tensor";
    let dimensions = at.u32(what)?;
    let name_length = at.u32(what)?;
    let id = at.u32(what)?;
    if dimensions > 4 {
        return Err(wrong(format!(
            "tensor at byte {begins} has {dimensions} dimensions, the most is 4"
        )));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        shape.push(u64::from(at.u32(what)?));
    }
    let name = at.bytes(name_length.into(), MAX_TEXT, "a tensor name")?;
    let name = String::from_utf8(name)
        .map_err(|_| wrong(format!("tensor name that is no UTF-8 at byte {begins}")))?;
    if let Format::Ggjt(_) = format {
        let padding = at.position.next_multiple_of(32) - at.position;
        at.skip(padding, what)?;
    }
    let kind = TensorType::from_id(id).ok_or_else(|| {
        wrong(format!(
            "tensor `{name}` at byte {begins} has the unknown type {id}"
        ))
    })?;
    let new_name = rename(&name);
    let tensor = Tensor::new(new_name.clone().unwrap_or_default(), shape, kind)
        .map_err(|e| wrong(format!("{} (at byte {begins})", e.message())))?;
    let start = at.position;
    at.skip(tensor.size, &format!("the data of tensor `{name}`"))?;
    match new_name {
        Some(_) => Ok(Some(Placed { tensor, start })),
        // A table that every engine computes for itself.
        None if name.ends_with("rope.freqs") => Ok(None),
        None => Err(wrong(format!(
            "tensor `{name}` at byte {begins} is in no LLaMA"
        ))),
    }
}

/// The name of a tensor today.
pub(super) fn rename(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".weight")?;
    match stem {
        "tok_embeddings" => return Some("token_embd.weight".into()),
        "norm" => return Some("output_norm.weight".into()),
        "output" => return Some("output.weight".into()),
        _ => {}
    }
    let (layer, part) = stem.strip_prefix("layers.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok()?;
    let part = match part {
        "attention_norm" => "attn_norm",
        "attention.wq" => "attn_q",
        "attention.wk" => "attn_k",
        "attention.wv" => "attn_v",
        "attention.wo" => "attn_output",
        "ffn_norm" => "ffn_norm",
        "feed_forward.w1" => "ffn_gate",
        "feed_forward.w2" => "ffn_down",
        "feed_forward.w3" => "ffn_up",
        _ => return None,
    };
    Some(format!("blk.{layer}.{part}.weight"))
}

/// A token as GGUF spells it, and its type: 1 normal, 2 unknown, 3 control, 6 byte.
fn token(id: usize, text: &[u8]) -> (Vec<u8>, i32) {
    match (id, text) {
        (0, _) => (b"<unk>".to_vec(), 2),
        (1, _) => (b"<s>".to_vec(), 3),
        (2, _) => (b"</s>".to_vec(), 3),
        (_, []) => (Vec::new(), 3),
        (3..=258, [byte]) => (format!("<0x{byte:02X}>").into_bytes(), 6),
        _ => {
            let mut spelled = Vec::with_capacity(text.len());
            for &byte in text {
                match byte {
                    b' ' => spelled.extend("\u{2581}".as_bytes()),
                    other => spelled.push(other),
                }
            }
            (spelled, 1)
        }
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Model, message)
}
