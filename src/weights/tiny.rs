//! A tiny Llama model with seeded weights: it talks nonsense, but the same nonsense everywhere.
//!
//! Tests of the engine and of the model tools, and the self-test of a build, need a model that every machine can make in
//! a moment and that has all the parts of a real one: grouped query heads, a tokenizer that can spell every byte, rows
//! that are multiples of 256 so that every quantization applies.
//!
//! ```
//! use cardwright::weights::{gguf::Gguf, tiny};
//!
//! let file = tiny::Model::default().bytes()?;
//! let gguf = Gguf::read(file.as_slice(), file.len() as u64)?;
//! assert_eq!(gguf.architecture().as_deref(), Some("llama"));
//! # Ok::<(), cardwright::Error>(())
//! ```

use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::TensorType;
use super::gguf::{Metadata, Tensor, Value, Writer};
use crate::{Result, file};

/// The shape of a tiny model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The seed of the weights. Default: 1.
    pub seed: u64,
    /// The width of a token's vector, a multiple of 256. Default: 256.
    pub width: u32,
    /// Default: 2.
    pub layers: u32,
    /// Attention heads. Default: 4.
    pub heads: u32,
    /// Heads of keys and values, a divisor of `heads`. Default: 2.
    pub key_heads: u32,
    /// The inner width of the feed-forward part, a multiple of 256. Default: 512.
    pub inner: u32,
    /// Tokens that the model claims to have been trained on. Default: 2048.
    pub context: u32,
    /// The chat template that it carries. Default: none.
    pub chat_template: Option<&'static str>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            seed: 1,
            width: 256,
            layers: 2,
            heads: 4,
            key_heads: 2,
            inner: 512,
            context: 2048,
            chat_template: None,
        }
    }
}

/// Whole words of the vocabulary; everything else is spelled in letters and bytes.
const WORDS: &[&str] = &[
    "the", "and", "she", "was", "her", "his", "that", "with", "you", "had", "for", "not", "but",
    "they", "from", "said", "smiled", "looked", "night", "door", "voice", "hand", "eyes",
    "Persona", "Scenario", "SYSTEM", "AIBOT", "HUMAN",
];

impl Model {
    /// Writes the model to `path` as GGUF, 6 MB of F32 weights with the default shape.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::File`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        file::write(path, &self.bytes()?)
    }

    /// The model as the bytes of a GGUF file.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Model`] when the shape is none that GGUF can hold.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let tensors = self.tensors()?;
        let infos = tensors.iter().map(|(tensor, _)| tensor.clone()).collect();
        let mut writer = Writer::start(Vec::new(), &self.metadata(), infos)?;
        for (_, numbers) in &tensors {
            let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
            writer.data(&bytes)?;
        }
        writer.finish()
    }

    /// The metadata: the shape and the tokenizer.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let vocabulary = vocabulary();
        let mut metadata = Metadata::new();
        metadata.set("general.architecture", "llama");
        metadata.set("general.name", "Tiny seeded Llama");
        metadata.set("general.file_type", 0);
        metadata.set("llama.context_length", self.context);
        metadata.set("llama.embedding_length", self.width);
        metadata.set("llama.block_count", self.layers);
        metadata.set("llama.feed_forward_length", self.inner);
        metadata.set("llama.rope.dimension_count", self.width / self.heads);
        metadata.set("llama.attention.head_count", self.heads);
        metadata.set("llama.attention.head_count_kv", self.key_heads);
        metadata.set("llama.attention.layer_norm_rms_epsilon", 1e-5_f32);
        metadata.set("llama.vocab_size", vocabulary.len() as u32);
        metadata.set("tokenizer.ggml.model", "llama");
        metadata.set("tokenizer.ggml.pre", "default");
        metadata.set(
            "tokenizer.ggml.tokens",
            Value::texts(vocabulary.iter().map(|token| token.text.as_str())),
        );
        metadata.set(
            "tokenizer.ggml.scores",
            Value::floats(vocabulary.iter().map(|token| token.score)),
        );
        metadata.set(
            "tokenizer.ggml.token_type",
            Value::integers(vocabulary.iter().map(|token| token.kind)),
        );
        metadata.set("tokenizer.ggml.bos_token_id", 1);
        metadata.set("tokenizer.ggml.eos_token_id", 2);
        metadata.set("tokenizer.ggml.unknown_token_id", 0);
        metadata.set("tokenizer.ggml.add_bos_token", true);
        metadata.set("tokenizer.ggml.add_eos_token", false);
        if let Some(template) = self.chat_template {
            metadata.set("tokenizer.chat_template", template);
        }
        metadata
    }

    /// The tensors with their weights, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Model`] when the shape is none that GGUF can hold.
    pub fn tensors(&self) -> Result<Vec<(Tensor, Vec<f32>)>> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let (width, inner) = (u64::from(self.width), u64::from(self.inner));
        let keys = width / u64::from(self.heads) * u64::from(self.key_heads);
        let tokens = vocabulary().len() as u64;
        let mut shapes: Vec<(String, Vec<u64>)> = vec![
            ("token_embd".into(), vec![width, tokens]),
            ("output_norm".into(), vec![width]),
            ("output".into(), vec![width, tokens]),
        ];
        for layer in 0..self.layers {
            for (name, shape) in [
                ("attn_norm", vec![width]),
                ("attn_q", vec![width, width]),
                ("attn_k", vec![width, keys]),
                ("attn_v", vec![width, keys]),
                ("attn_output", vec![width, width]),
                ("ffn_norm", vec![width]),
                ("ffn_gate", vec![width, inner]),
                ("ffn_down", vec![inner, width]),
                ("ffn_up", vec![width, inner]),
            ] {
                shapes.push((format!("blk.{layer}.{name}"), shape));
            }
        }
        shapes
            .into_iter()
            .map(|(name, shape)| {
                let tensor = Tensor::new(format!("{name}.weight"), shape, TensorType::F32)?;
                let numbers = weights(&mut random, &tensor);
                Ok((tensor, numbers))
            })
            .collect()
    }
}

/// Norms are near one. Matrices keep the size of what passes through them, and the last one spreads the logits, so that
/// the model has clear favourites among the tokens as a trained one has.
fn weights(random: &mut ChaCha8Rng, tensor: &Tensor) -> Vec<f32> {
    let (middle, reach) = match (tensor.shape.as_slice(), tensor.name.as_str()) {
        ([_], _) => (1.0, 0.1),
        (_, "token_embd.weight") => (0.0, 1.0),
        ([row, ..], name) => {
            let gain = if name == "output.weight" { 3.0 } else { 1.0 };
            (0.0, gain * (3.0 / *row as f32).sqrt())
        }
        ([], _) => (0.0, 0.0),
    };
    (0..tensor.elements())
        .map(|_| {
            // 24 bits, which a float holds exactly.
            let unit = (random.next_u32() >> 8) as f32 / (1 << 24) as f32;
            middle + reach * (2.0 * unit - 1.0)
        })
        .collect()
}

struct Token {
    text: String,
    score: f32,
    /// 1 normal, 2 unknown, 3 control, 6 byte.
    kind: i32,
}

/// A SentencePiece vocabulary: the three special tokens, every byte, the printable ASCII characters, and some words with
/// the steps that merge their letters.
fn vocabulary() -> Vec<Token> {
    let token = |text: String, score: f32, kind: i32| Token { text, score, kind };
    let mut tokens = vec![
        token("<unk>".into(), 0.0, 2),
        token("<s>".into(), 0.0, 3),
        token("</s>".into(), 0.0, 3),
    ];
    tokens.extend((0..=255_u8).map(|byte| token(format!("<0x{byte:02X}>"), 0.0, 6)));
    let mut texts = vec!["\u{2581}".to_owned()];
    texts.extend((b'!'..=b'~').map(|byte| char::from(byte).to_string()));
    for word in WORDS {
        let word = format!("\u{2581}{word}");
        for (end, _) in word.char_indices().skip(2) {
            texts.push(word[..end].to_owned());
        }
        texts.push(word);
    }
    let mut rank = 0.0;
    let mut seen = std::collections::HashSet::new();
    for text in texts {
        if seen.insert(text.clone()) {
            // A merge with a higher score happens first, as in a trained vocabulary.
            rank -= 1.0;
            tokens.push(token(text, rank, 1));
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::gguf::Gguf;

    #[test]
    fn the_same_seed_gives_the_same_file_and_another_seed_another() {
        let model = Model::default();
        let bytes = model.bytes().unwrap();
        assert_eq!(bytes, model.bytes().unwrap());
        let other = Model { seed: 2, ..model };
        assert_ne!(bytes, other.bytes().unwrap());
    }

    #[test]
    fn every_row_of_a_matrix_can_be_quantized_in_super_blocks() {
        let bytes = Model::default().bytes().unwrap();
        let gguf = Gguf::read(bytes.as_slice(), bytes.len() as u64).unwrap();
        assert_eq!(gguf.tensors.len(), 21);
        for tensor in &gguf.tensors {
            assert_eq!(tensor.shape[0] % 256, 0, "{}", tensor.name);
        }
        let tokens = gguf.metadata.get("tokenizer.ggml.tokens").unwrap();
        assert_eq!(
            tokens.as_texts().unwrap().len() as u64,
            gguf.tensor("token_embd.weight").unwrap().shape[1]
        );
    }
}
