//! Models and adapters in the formats of others, made from seeded numbers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use cardwright::weights::gguf::{Gguf, Metadata, Tensor, Writer};
use cardwright::weights::{FileType, TensorType, lora as convert, numbers, tiny};

/// Which of the formats of before GGUF.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Legacy {
    Ggml,
    Ggmf,
    Ggjt(u32),
}

/// The tiny model in an old format, its matrices in `kind`.
pub(super) fn legacy(model: &tiny::Model, format: Legacy, kind: TensorType) -> Vec<u8> {
    let mut file = Vec::new();
    match format {
        Legacy::Ggml => file.extend(b"lmgg"),
        Legacy::Ggmf => file.extend([*b"fmgg", 1_u32.to_le_bytes()].concat()),
        Legacy::Ggjt(version) => file.extend([*b"tjgg", version.to_le_bytes()].concat()),
    }
    let metadata = model.metadata();
    let tokens = metadata
        .get("tokenizer.ggml.tokens")
        .unwrap()
        .as_texts()
        .unwrap();
    let scores = metadata
        .get("tokenizer.ggml.scores")
        .unwrap()
        .array()
        .unwrap();
    let mixture: FileType = kind.name().parse().unwrap();
    for number in [
        tokens.len() as u32,
        model.width,
        256,
        model.heads,
        model.layers,
        model.width / model.heads,
        mixture.id(),
    ] {
        file.extend(number.to_le_bytes());
    }
    for (token, score) in tokens.iter().zip(scores) {
        let text = String::from_utf8_lossy(token).into_owned();
        // Bytes stood for themselves then, and spaces were spaces.
        let byte = text
            .strip_prefix("<0x")
            .and_then(|t| u8::from_str_radix(t.strip_suffix('>')?, 16).ok());
        let text = byte.map_or_else(
            || text.replace('\u{2581}', " ").into_bytes(),
            |byte| vec![byte],
        );
        file.extend((text.len() as u32).to_le_bytes());
        file.extend(text);
        if format != Legacy::Ggml {
            file.extend((score.float().unwrap() as f32).to_le_bytes());
        }
    }
    for (tensor, values) in model.tensors().unwrap() {
        let kind = if tensor.shape.len() == 1 {
            TensorType::F32
        } else {
            kind
        };
        let name = legacy_name(&tensor.name);
        for number in [tensor.shape.len() as u32, name.len() as u32, kind.id()] {
            file.extend(number.to_le_bytes());
        }
        for extent in &tensor.shape {
            file.extend((*extent as u32).to_le_bytes());
        }
        file.extend(name.as_bytes());
        if let Legacy::Ggjt(_) = format {
            file.resize(file.len().next_multiple_of(32), 0);
        }
        file.extend(encode(kind, &values));
    }
    file
}

/// Numbers in `kind`; for types that only llama.cpp writes, any bytes will do.
fn encode(kind: TensorType, values: &[f32]) -> Vec<u8> {
    if numbers::can_encode(kind) {
        return numbers::encode(kind, values).unwrap();
    }
    let size = kind.size(&[values.len() as u64]).unwrap();
    (0..size).map(|i| (i * 7 % 61) as u8).collect()
}

pub(super) fn legacy_name(name: &str) -> String {
    [
        ("token_embd", "tok_embeddings"),
        ("output_norm", "norm"),
        ("blk.", "layers."),
        ("attn_norm", "attention_norm"),
        ("attn_q", "attention.wq"),
        ("attn_k", "attention.wk"),
        ("attn_v", "attention.wv"),
        ("attn_output", "attention.wo"),
        ("ffn_gate", "feed_forward.w1"),
        ("ffn_down", "feed_forward.w2"),
        ("ffn_up", "feed_forward.w3"),
    ]
    .iter()
    .fold(name.to_owned(), |name, (new, old)| name.replace(new, old))
}

/// The model as GGUF with its matrices in `kind`.
pub(super) fn gguf(model: &tiny::Model, kind: TensorType) -> Vec<u8> {
    let tensors = model.tensors().unwrap();
    let kind_of = |tensor: &Tensor| {
        if tensor.shape.len() == 1 {
            TensorType::F32
        } else {
            kind
        }
    };
    let infos = tensors
        .iter()
        .map(|(t, _)| Tensor::new(t.name.clone(), t.shape.clone(), kind_of(t)).unwrap())
        .collect();
    let mut writer = Writer::start(Vec::new(), &model.metadata(), infos).unwrap();
    for (tensor, values) in &tensors {
        writer.data(&encode(kind_of(tensor), values)).unwrap();
    }
    writer.finish().unwrap()
}

/// An array of an adapter: PEFT's name, rows, columns, numbers.
pub(crate) type Array = (String, u64, u64, Vec<f32>);

pub(super) const RANK: u64 = 4;

/// A LoRA on queries, keys, values and the feed-forward part of the tiny model.
pub(crate) fn lora(model: &tiny::Model) -> Vec<Array> {
    let (width, inner) = (u64::from(model.width), u64::from(model.inner));
    let keys = width / u64::from(model.heads) * u64::from(model.key_heads);
    let mut arrays = Vec::new();
    let mut number = 12345_u32;
    let mut numbers = |count: u64| -> Vec<f32> {
        (0..count)
            .map(|_| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (number >> 16) as f32 / 65536.0 - 0.5
            })
            .collect()
    };
    for layer in 0..model.layers {
        for (module, input, output) in [
            ("self_attn.q_proj", width, width),
            ("self_attn.k_proj", width, keys),
            ("self_attn.v_proj", width, keys),
            ("mlp.down_proj", inner, width),
        ] {
            let name = format!("base_model.model.model.layers.{layer}.{module}");
            arrays.push((
                format!("{name}.lora_A.weight"),
                RANK,
                input,
                numbers(RANK * input),
            ));
            arrays.push((
                format!("{name}.lora_B.weight"),
                output,
                RANK,
                numbers(RANK * output),
            ));
        }
    }
    arrays
}

pub(crate) const CONFIG: &str = r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
    "bias": "none", "fan_in_fan_out": false, "modules_to_save": null, "use_rslora": false}"#;

/// The configuration of the tiny model as PyTorch's world writes it.
pub(super) fn base_config(model: &tiny::Model) -> String {
    format!(
        r#"{{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": {}, "num_hidden_layers": {},
        "num_attention_heads": {}, "num_key_value_heads": {}, "intermediate_size": {}, "max_position_embeddings": {},
        "rms_norm_eps": 1e-05, "vocab_size": 512}}"#,
        model.width, model.layers, model.heads, model.key_heads, model.inner, model.context
    )
}

/// A folder of PEFT with the weights as safetensors.
pub(crate) fn peft(folder: &Path, config: &str, arrays: &[Array]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("adapter_config.json"), config).unwrap();
    fs::write(
        folder.join("adapter_model.safetensors"),
        safetensors(arrays),
    )
    .unwrap();
}

/// Writes the adapter of `arrays` in GGUF, for the model file `base`, to `to`.
pub(crate) fn adapter(arrays: &[Array], base: &Path, to: &Path) {
    let desk = tempfile::tempdir().unwrap();
    // Its name becomes the adapter's.
    let folder = desk.path().join("peft");
    peft(&folder, CONFIG, arrays);
    let options = convert::Options {
        base: Some(convert::Base::open(base).unwrap()),
        ..convert::Options::default()
    };
    convert::convert(&folder, to, &options, &mut |_, _| {}).unwrap();
}

pub(super) fn safetensors(arrays: &[Array]) -> Vec<u8> {
    let mut head = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, rows, columns, values) in arrays {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": [rows, columns], "data_offsets": [start, data.len()],
        });
        head.insert(name.clone(), entry);
    }
    let head = serde_json::to_vec(&head).unwrap();
    [&(head.len() as u64).to_le_bytes()[..], &head, &data].concat()
}

/// The pickle that PyTorch writes for a dictionary of arrays, the n-th in the storage n.
pub(super) fn pickle(arrays: &[Array]) -> Vec<u8> {
    let text = |text: &str| {
        [
            b"X",
            &(text.len() as u32).to_le_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    };
    let integer = |n: u64| [b"J", &(n as u32).to_le_bytes()[..]].concat();
    let mut program = vec![0x80, 2, b'}', b'q', 0, b'('];
    for (index, (name, rows, columns, values)) in arrays.iter().enumerate() {
        program.extend(text(name));
        program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        program.extend(text("storage"));
        program.extend(b"ctorch\nFloatStorage\n");
        program.extend(text(&index.to_string()));
        program.extend(text("cpu"));
        program.extend(integer(values.len() as u64));
        program.extend(b"tQK\x00");
        program.extend([integer(*rows), integer(*columns), vec![0x86]].concat());
        program.extend([integer(*columns), integer(1), vec![0x86]].concat());
        program.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    program.extend(b"u.");
    program
}

/// PyTorch's `.bin` of a pickle and the numbers of its storages.
pub(super) fn torch(path: &Path, pickle: &[u8], arrays: &[Array]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive
        .start_file("adapter_model/data.pkl", stored)
        .unwrap();
    archive.write_all(pickle).unwrap();
    for (index, (.., values)) in arrays.iter().enumerate() {
        archive
            .start_file(format!("adapter_model/data/{index}"), stored)
            .unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// The same adapter as llama.cpp's converter of 2023 wrote it: A transposed, names of the old model files.
pub(super) fn ggla(arrays: &[Array], alpha: u32) -> Vec<u8> {
    let mut file = b"algg".to_vec();
    for number in [1, RANK as u32, alpha] {
        file.extend(number.to_le_bytes());
    }
    for (name, rows, columns, values) in arrays {
        let module = name.strip_prefix("base_model.model.model.").unwrap();
        let (module, half) = module.split_once(".lora_").unwrap();
        let module = [
            ("self_attn.q_proj", "attention.wq"),
            ("self_attn.k_proj", "attention.wk"),
            ("self_attn.v_proj", "attention.wv"),
            ("mlp.down_proj", "feed_forward.w2"),
        ]
        .iter()
        .fold(module.to_owned(), |name, (new, old)| name.replace(new, old));
        let is_a = half.starts_with('A');
        let (name, columns, values) = if is_a {
            let turned = (0..columns * rows)
                .map(|at| values[(at % rows * columns + at / rows) as usize])
                .collect();
            (format!("{module}.weight.loraA"), (*rows, *columns), turned)
        } else {
            (
                format!("{module}.weight.loraB"),
                (*columns, *rows),
                values.clone(),
            )
        };
        for number in [2, name.len() as u32, 0, columns.0 as u32, columns.1 as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend(name.as_bytes());
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
    file
}

/// A GGUF file in memory.
pub(super) struct Whole {
    pub(super) gguf: Gguf,
    bytes: Vec<u8>,
}

impl Whole {
    pub(super) fn open(path: &Path) -> Self {
        Self {
            gguf: Gguf::open(path).unwrap(),
            bytes: fs::read(path).unwrap(),
        }
    }

    pub(super) fn data(&self, tensor: &Tensor) -> &[u8] {
        let range = self.gguf.range(tensor);
        &self.bytes[range.start as usize..range.end as usize]
    }

    pub(super) fn numbers(&self, name: &str) -> Vec<f32> {
        let tensor = self.gguf.tensor(name).unwrap();
        numbers::decode(tensor.kind, self.data(tensor)).unwrap()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.gguf
            .tensors
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect()
    }
}

/// The keys that two files do not agree on.
pub(super) fn differences(a: &Metadata, b: &Metadata) -> Vec<String> {
    let keys = a.iter().chain(b.iter()).map(|(key, _)| key.to_owned());
    let mut differing: Vec<String> = keys.filter(|key| a.get(key) != b.get(key)).collect();
    differing.sort();
    differing.dedup();
    differing
}
