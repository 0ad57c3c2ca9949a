//! Adapters of PEFT: a folder with `adapter_config.json` and the weights as safetensors or as PyTorch's `.bin`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::pickle::Checkpoint;
use super::safetensors::Safetensors;
use super::{Adapter, Arrays, Part, Role};
use crate::{Error, Kind, Result, file};

/// The file that makes a folder an adapter.
pub(super) const CONFIG: &str = "adapter_config.json";

#[derive(Deserialize)]
struct Config {
    peft_type: Option<String>,
    r: Option<u64>,
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    rank_pattern: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    alpha_pattern: Option<BTreeMap<String, f64>>,
}

pub(super) fn open(path: &Path) -> Result<Adapter> {
    let wrong = |message: String| Error::new(Kind::Model, message);
    let (folder, weights) = locate(path)?;
    let json = file::read(&folder.join(CONFIG))?;
    let config: Config = serde_json::from_slice(&json)
        .map_err(|e| wrong(format!("`{CONFIG}` is none of a LoRA: {e}")).source(e))?;
    match &config {
        Config {
            peft_type: Some(kind),
            ..
        } if kind != "LORA" => {
            return Err(wrong(format!("the adapter is a {kind} and no LoRA")));
        }
        Config { use_dora: true, .. } => {
            return Err(
                wrong("the adapter is a DoRA, which GGUF has no place for".into())
                    .hint("merge it with PEFT and convert the merged model"),
            );
        }
        Config {
            fan_in_fan_out: true,
            ..
        } => {
            return Err(wrong(
                "the adapter was trained with `fan_in_fan_out`, which no LLaMA is".into(),
            ));
        }
        _ => {}
    }
    let arrays: Box<dyn Arrays> = if weights.extension().is_some_and(|e| e == "safetensors") {
        Box::new(Safetensors::open(&weights)?)
    } else {
        Box::new(Checkpoint::open(&weights)?)
    };
    let mut parts = Vec::new();
    for (from, array) in arrays.list().iter().enumerate() {
        let Some((module, role)) = role(&array.name)? else {
            continue;
        };
        let base = rename(&module)
            .ok_or_else(|| wrong(format!("`{}` belongs to no matrix of a LLaMA", array.name)))?;
        let rank = array.shape.last().copied().unwrap_or_default();
        let factor = if role == Role::B {
            config.scale(&module, rank)? / config.scale_of_all(rank)
        } else {
            1.0
        };
        parts.push(Part {
            from,
            base,
            role,
            factor: factor as f32,
            transposed: false,
        });
    }
    Ok(Adapter {
        alpha: config.alpha() as f32,
        arrays,
        parts,
    })
}

impl Config {
    /// The alpha of the whole adapter. llama.cpp divides by the rank where rsLoRA divides by its root.
    fn alpha(&self) -> f64 {
        match self.r {
            Some(rank) if self.use_rslora => self.lora_alpha * (rank as f64).sqrt(),
            _ => self.lora_alpha,
        }
    }

    /// What B times A of rank `rank` is multiplied with because of [`Config::alpha`].
    fn scale_of_all(&self, rank: u64) -> f64 {
        self.alpha() / rank.max(1) as f64
    }

    /// What B times A of a module is to be multiplied with.
    fn scale(&self, module: &str, rank: u64) -> Result<f64> {
        let alpha = pattern(self.alpha_pattern.as_ref(), module)?.unwrap_or(self.lora_alpha);
        let rank = pattern(self.rank_pattern.as_ref(), module)?
            .unwrap_or(rank)
            .max(1) as f64;
        Ok(alpha / if self.use_rslora { rank.sqrt() } else { rank })
    }
}

/// The value of the pattern that names `module`: its whole path, or the end of it.
fn pattern<T: Copy>(patterns: Option<&BTreeMap<String, T>>, module: &str) -> Result<Option<T>> {
    for (pattern, value) in patterns.into_iter().flatten() {
        if pattern.contains(|c: char| !c.is_ascii_alphanumeric() && !"._".contains(c)) {
            return Err(Error::new(
                Kind::Model,
                format!("the pattern `{pattern}` of `{CONFIG}` is a regular expression"),
            )
            .hint("merge the adapter with PEFT and convert the merged model"));
        }
        let ends = module.strip_suffix(pattern.as_str());
        if ends.is_some_and(|start| start.is_empty() || start.ends_with('.')) {
            return Ok(Some(*value));
        }
    }
    Ok(None)
}

/// The folder of the adapter and the file with its weights.
fn locate(path: &Path) -> Result<(PathBuf, PathBuf)> {
    if !path.is_dir() {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        return Ok((folder, path.to_owned()));
    }
    for name in ["adapter_model.safetensors", "adapter_model.bin"] {
        let weights = path.join(name);
        if weights.is_file() {
            return Ok((path.to_owned(), weights));
        }
    }
    Err(Error::new(
        Kind::Model,
        "there is no `adapter_model.safetensors` or `adapter_model.bin` in this folder",
    ))
}

/// The module that an array belongs to, and what it is there; `None` for what is passed over.
fn role(name: &str) -> Result<Option<(String, Role)>> {
    let name = name.strip_prefix("base_model.model.").unwrap_or(name);
    for (mark, role) in [
        (".lora_A", Role::A),
        (".lora_B", Role::B),
        (".lora_embedding_A", Role::A),
        (".lora_embedding_B", Role::B),
    ] {
        // Perhaps with the adapter's name between.
        if let Some((module, rest)) = name.split_once(mark)
            && matches!(rest, "" | ".weight" | ".default" | ".default.weight")
        {
            return Ok(Some((module.to_owned(), role)));
        }
    }
    if name.contains(".base_layer.") {
        return Ok(None);
    }
    if let Some(module) = name.strip_suffix(".weight")
        && (module.ends_with("layernorm") || module.ends_with(".norm"))
    {
        return Ok(Some((module.to_owned(), Role::Norm)));
    }
    let why = if name.contains("lora_magnitude_vector") {
        "is of a DoRA, which GGUF has no place for"
    } else if name.ends_with(".bias") {
        "is a bias, which an adapter in GGUF cannot change"
    } else {
        "is a whole matrix (`modules_to_save`), which an adapter in GGUF cannot hold"
    };
    Err(Error::new(Kind::Model, format!("`{name}` {why}"))
        .hint("merge the adapter with PEFT and convert the merged model"))
}

/// The parts of a layer: their names in PyTorch models and in GGUF. First those that multiply by a matrix, in the order in
/// which they are applied.
pub(crate) const PARTS: [(&str, &str); 9] = [
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
];

/// The name of a module's matrix in GGUF.
fn rename(module: &str) -> Option<String> {
    match module {
        "model.embed_tokens" => return Some("token_embd.weight".into()),
        "model.norm" => return Some("output_norm.weight".into()),
        "lm_head" => return Some("output.weight".into()),
        _ => {}
    }
    let (layer, part) = module.strip_prefix("model.layers.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok()?;
    let (_, part) = PARTS.iter().find(|(theirs, _)| *theirs == part)?;
    Some(format!("blk.{layer}.{part}.weight"))
}
