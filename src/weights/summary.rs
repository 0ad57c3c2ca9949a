//! What a model file is, in the terms of somebody who wants to run it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::gguf::{Gguf, Value};
use super::{FileType, TensorType};

/// What a model file is. A field that the file does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The name that the file gives itself.
    pub name: Option<String>,
    /// The architecture, such as `llama`.
    pub architecture: Option<String>,
    /// `model`, `adapter` and so on.
    pub kind: String,
    /// The licence that the file names.
    pub license: Option<String>,
    /// The number of weights.
    pub parameters: u64,
    /// The bytes of all tensors.
    pub tensor_bytes: u64,
    /// The mixture of tensor types that the file says it has.
    pub quantization: Option<&'static str>,
    /// The tensor types in the file, the largest share first.
    pub types: Vec<TypeShare>,
    /// The tokens that the model was trained to remember.
    pub context: Option<u64>,
    /// Layers.
    pub layers: Option<u64>,
    /// The width of a token's vector.
    pub width: Option<u64>,
    /// The inner width of the feed-forward part.
    pub inner: Option<u64>,
    /// Attention heads.
    pub heads: Option<u64>,
    /// Heads of keys and values, where they are fewer.
    pub key_heads: Option<u64>,
    /// How text becomes tokens; adapters have none.
    pub tokenizer: Option<Tokenizer>,
    /// The chat template (Jinja) in the file.
    pub chat_template: Option<String>,
    /// The scale of an adapter.
    pub adapter_alpha: Option<f64>,
    /// How many files the model is split into, where it is.
    pub parts: Option<u64>,
    /// Bytes of keys and values for one token of context, at 16 bits.
    pub cache_bytes_per_token: Option<u64>,
}

/// What share of a file has one tensor type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeShare {
    /// The type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many tensors.
    pub tensors: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// How text becomes tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tokenizer {
    /// The algorithm: `llama` is SentencePiece, `gpt2` byte pair encoding.
    pub model: String,
    /// How text is split before it is encoded.
    pub split: Option<String>,
    /// The number of tokens.
    pub tokens: u64,
    /// The number and text of the token that begins a text.
    pub begin: Option<(u64, String)>,
    /// The number and text of the token that ends a text.
    pub end: Option<(u64, String)>,
}

/// The memory that a model needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The tokens of context that it is for.
    pub context: u64,
    /// The weights.
    pub weights: u64,
    /// Keys and values of the context, at 16 bits.
    pub cache: u64,
    /// What evaluating a batch takes: an estimate for llama.cpp's default of 512 tokens at once.
    pub compute: u64,
}

impl Memory {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights
            .saturating_add(self.cache)
            .saturating_add(self.compute)
    }
}

/// Tokens that llama.cpp evaluates at once.
const BATCH: u64 = 512;

impl Summary {
    /// Sums up the head of a file.
    #[must_use]
    pub fn of(gguf: &Gguf) -> Self {
        let text = |key: &str| gguf.metadata.text(key).map(std::borrow::Cow::into_owned);
        let number = |name: &str| gguf.parameter(name).and_then(largest);
        let mut types: BTreeMap<TensorType, TypeShare> = BTreeMap::new();
        for tensor in &gguf.tensors {
            let share = types.entry(tensor.kind).or_insert(TypeShare {
                kind: tensor.kind.name(),
                tensors: 0,
                bytes: 0,
            });
            share.tensors += 1;
            share.bytes += tensor.size;
        }
        let mut types: Vec<TypeShare> = types.into_values().collect();
        types.sort_by_key(|share| std::cmp::Reverse(share.bytes));
        Self {
            name: text("general.name"),
            architecture: gguf.architecture(),
            kind: text("general.type").unwrap_or_else(|| "model".into()),
            license: text("general.license"),
            parameters: gguf
                .tensors
                .iter()
                .fold(0, |sum: u64, t| sum.saturating_add(t.elements())),
            tensor_bytes: types.iter().map(|share| share.bytes).sum(),
            quantization: gguf
                .metadata
                .integer("general.file_type")
                .and_then(FileType::from_id)
                .map(FileType::name),
            types,
            context: number("context_length"),
            layers: number("block_count"),
            width: number("embedding_length"),
            inner: number("feed_forward_length"),
            heads: number("attention.head_count"),
            key_heads: number("attention.head_count_kv"),
            tokenizer: tokenizer(gguf),
            chat_template: text("tokenizer.chat_template"),
            adapter_alpha: gguf.metadata.float("adapter.lora.alpha"),
            parts: gguf
                .metadata
                .integer("split.count")
                .filter(|count| *count > 1),
            cache_bytes_per_token: cache_bytes_per_token(gguf),
        }
    }

    /// The memory that the model needs for a context of this many tokens; `None` when the file does not tell.
    #[must_use]
    pub fn memory(&self, context: u64) -> Option<Memory> {
        let cache = self.cache_bytes_per_token?.checked_mul(context)?;
        let vocabulary = self.tokenizer.as_ref().map_or(0, |t| t.tokens);
        // Logits of a batch or, where these are few, the widest layer; and the attention mask.
        let layer = self
            .inner?
            .checked_mul(2)?
            .checked_add(self.width?.checked_mul(4)?)?;
        let widest = vocabulary.max(layer);
        let compute = widest
            .checked_add(context)?
            .checked_mul(BATCH * size_of::<f32>() as u64)?;
        Some(Memory {
            context,
            weights: self.tensor_bytes,
            cache,
            compute,
        })
    }
}

/// The number, or the largest of a list: some architectures give one per layer.
fn largest(value: &Value) -> Option<u64> {
    match value.array() {
        Some(values) => values.iter().filter_map(Value::integer).max(),
        None => value.integer(),
    }
}

fn cache_bytes_per_token(gguf: &Gguf) -> Option<u64> {
    let number = |name: &str| gguf.parameter(name).and_then(largest);
    let layers = number("block_count")?;
    let heads = number("attention.head_count")?;
    let own = number("embedding_length")?.checked_div(heads);
    let keys = number("attention.key_length").or(own)?;
    let values = number("attention.value_length").or(own)?;
    let both = keys.checked_add(values)?;
    let two_bytes = both.checked_mul(2)?;
    // One number for all layers, or one for each.
    let key_heads = match gguf.parameter("attention.head_count_kv") {
        Some(Value::Array(_, each)) => each
            .iter()
            .filter_map(Value::integer)
            .try_fold(0_u64, u64::checked_add)?,
        Some(one) => one.integer()?.checked_mul(layers)?,
        None => heads.checked_mul(layers)?,
    };
    two_bytes.checked_mul(key_heads)
}

fn tokenizer(gguf: &Gguf) -> Option<Tokenizer> {
    let tokens = gguf.metadata.get("tokenizer.ggml.tokens")?.as_texts()?;
    let special = |key: &str| {
        let id = gguf.metadata.integer(key)?;
        let token = tokens.text(usize::try_from(id).ok()?)?;
        Some((id, token.into_owned()))
    };
    Some(Tokenizer {
        model: gguf.metadata.text("tokenizer.ggml.model")?.into_owned(),
        split: gguf
            .metadata
            .text("tokenizer.ggml.pre")
            .map(std::borrow::Cow::into_owned),
        tokens: tokens.len() as u64,
        begin: special("tokenizer.ggml.bos_token_id"),
        end: special("tokenizer.ggml.eos_token_id"),
    })
}
