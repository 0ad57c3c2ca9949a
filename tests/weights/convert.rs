//! Old models and adapters made GGUF.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use cardwright::weights::{TensorType, ggml, lora, tiny};
use cardwright::{Error, Kind, Result};
use proptest::prelude::*;
use tempfile::TempDir;

use super::fixtures::{self, Legacy, Whole};

fn small() -> tiny::Model {
    tiny::Model {
        layers: 1,
        ..tiny::Model::default()
    }
}

/// An old model and an adapter of 2023 to damage.
static OLD: LazyLock<Vec<u8>> =
    LazyLock::new(|| fixtures::legacy(&small(), Legacy::Ggjt(3), TensorType::Q4_0));
static ADAPTER: LazyLock<Vec<u8>> =
    LazyLock::new(|| fixtures::ggla(&fixtures::lora(&small())[..2], 8));

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    fn ggml(&self, bytes: &[u8]) -> Result<Whole> {
        let from = self.write("old.bin", bytes);
        let to = self.path("new.gguf");
        let _ = fs::remove_file(&to);
        let done = ggml::convert(&from, &to, &ggml::Options::default(), &mut |_, _| {});
        self.outcome(done)
    }

    fn lora(&self, from: &str, options: &lora::Options) -> Result<Whole> {
        let to = self.path("new.gguf");
        let _ = fs::remove_file(&to);
        let done = lora::convert(&self.path(from), &to, options, &mut |_, _| {});
        self.outcome(done)
    }

    /// The file, or the error and no file at all.
    fn outcome(&self, done: Result<()>) -> Result<Whole> {
        let to = self.path("new.gguf");
        if done.is_err() {
            assert!(!to.exists());
            let left = fs::read_dir(self.0.path()).unwrap().flatten();
            assert!(
                left.into_iter()
                    .all(|f| !f.file_name().to_string_lossy().starts_with('.'))
            );
        }
        done.map(|()| Whole::open(&to))
    }

    /// The error and its hint, without the folder.
    fn told(&self, error: &Error) -> String {
        let told = format!("{error}; {}", error.next_step().unwrap_or("-"));
        told.replace(&self.0.path().display().to_string(), "FOLDER")
    }
}

#[test]
fn every_old_format_becomes_the_model_it_was() {
    let desk = Desk::new();
    let model = small();
    let expected = desk.write("expected.gguf", &model.bytes().unwrap());
    let expected = Whole::open(&expected);
    for format in [
        Legacy::Ggml,
        Legacy::Ggmf,
        Legacy::Ggjt(1),
        Legacy::Ggjt(2),
        Legacy::Ggjt(3),
    ] {
        let new = desk
            .ggml(&fixtures::legacy(&model, format, TensorType::F32))
            .unwrap();
        assert_eq!(new.names(), expected.names());
        for tensor in &expected.gguf.tensors {
            let same = new.gguf.tensor(&tensor.name).unwrap();
            assert_eq!((same.kind, &same.shape), (tensor.kind, &tensor.shape));
            assert!(new.data(same) == expected.data(tensor), "{}", tensor.name);
        }
        let mut differing = fixtures::differences(&new.gguf.metadata, &expected.gguf.metadata);
        if format == Legacy::Ggml {
            differing.retain(|key| key != "tokenizer.ggml.scores");
        }
        // What the old files do not say, and what they say of themselves.
        assert_eq!(
            differing,
            [
                "general.description",
                "general.name",
                "llama.context_length",
                "llama.vocab_size",
                "tokenizer.ggml.add_bos_token",
                "tokenizer.ggml.add_eos_token",
            ]
        );
    }
}

#[test]
fn quantized_tensors_are_copied_and_lost_quantizations_refused() {
    let desk = Desk::new();
    let model = small();
    for kind in [
        TensorType::F16,
        TensorType::Q4_0,
        TensorType::Q5_1,
        TensorType::Q8_0,
        TensorType::Q6_K,
    ] {
        let new = desk
            .ggml(&fixtures::legacy(&model, Legacy::Ggjt(3), kind))
            .unwrap();
        let expected = desk.write("expected.gguf", &fixtures::gguf(&model, kind));
        let expected = Whole::open(&expected);
        for tensor in &expected.gguf.tensors {
            let same = new.gguf.tensor(&tensor.name).unwrap();
            assert_eq!(same.kind, tensor.kind);
            assert!(
                new.data(same) == expected.data(tensor),
                "{kind} {}",
                tensor.name
            );
        }
    }
    for (format, kind) in [
        (Legacy::Ggml, TensorType::Q4_0),
        (Legacy::Ggmf, TensorType::Q4_1),
        (Legacy::Ggjt(1), TensorType::Q5_0),
        (Legacy::Ggjt(2), TensorType::Q4_0),
        (Legacy::Ggjt(2), TensorType::Q8_0),
    ] {
        let error = desk
            .ggml(&fixtures::legacy(&model, format, kind))
            .err()
            .unwrap();
        assert!(
            error.message().contains("means something else today"),
            "{error}"
        );
    }
    desk.ggml(&fixtures::legacy(&model, Legacy::Ggjt(2), TensorType::Q5_0))
        .unwrap();
}

#[test]
fn a_damaged_old_model_is_an_error_wherever_it_is_cut() {
    let desk = Desk::new();
    let whole = &*OLD;
    let cuts = (0..300).chain((300..whole.len()).step_by(9973));
    for length in cuts {
        let error = desk.ggml(&whole[..length]).err().unwrap();
        assert_eq!(error.kind(), Kind::Model, "{length}");
    }
    let mut told = String::new();
    let mut tell = |case: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        let error = desk.ggml(&bytes).err().unwrap();
        told.push_str(&format!("{case}: {}\n", desk.told(&error)));
    };
    let put = |at: usize, number: u32| {
        move |bytes: &mut Vec<u8>| bytes[at..at + 4].copy_from_slice(&number.to_le_bytes())
    };
    tell("GGUF", &|bytes| bytes[..4].copy_from_slice(b"GGUF"));
    tell("version", &put(4, 4));
    tell("absurd vocabulary", &put(8, u32::MAX));
    tell("no heads", &put(20, 0));
    tell("absurd layers", &put(24, u32::MAX));
    tell("unknown mixture", &put(32, 5));
    tell("absurd token", &put(36, u32::MAX));
    tell("fewer rows", &put(12, 128));
    tell("one tensor less than nothing", &|bytes| {
        bytes.truncate(bytes.len() - 1);
    });
    tell("something behind", &|bytes| bytes.extend([0; 12]));
    insta::assert_snapshot!(told);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_corrupted_old_file_never_panics(changes in prop::collection::vec((0..9000_usize, any::<u8>()), 1..6), adapter in any::<bool>()) {
        let desk = Desk::new();
        let mut bytes = if adapter { ADAPTER.clone() } else { OLD.clone() };
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if adapter {
            desk.write("a.bin", &bytes);
            let _ = desk.lora("a.bin", &lora::Options { permute: false, ..Default::default() });
        } else {
            let _ = desk.ggml(&bytes);
        }
    }
}

fn based(desk: &Desk, model: &tiny::Model) -> lora::Options {
    let base = desk.write("base.gguf", &model.bytes().unwrap());
    lora::Options {
        base: Some(lora::Base::open(&base).unwrap()),
        ..lora::Options::default()
    }
}

#[test]
fn the_same_adapter_in_three_formats_becomes_the_same_gguf() {
    let desk = Desk::new();
    let model = small();
    let arrays = fixtures::lora(&model);
    let options = based(&desk, &model);
    fixtures::peft(&desk.path("peft"), fixtures::CONFIG, &arrays);
    fixtures::peft(&desk.path("torch"), fixtures::CONFIG, &arrays);
    fs::remove_file(desk.path("torch/adapter_model.safetensors")).unwrap();
    fixtures::torch(
        &desk.path("torch/adapter_model.bin"),
        &fixtures::pickle(&arrays),
        &arrays,
    );
    desk.write("old.bin", &fixtures::ggla(&arrays, 8));

    let peft = desk.lora("peft", &options).unwrap();
    assert_eq!(
        peft.names(),
        [
            "blk.0.attn_k.weight.lora_a",
            "blk.0.attn_k.weight.lora_b",
            "blk.0.attn_q.weight.lora_a",
            "blk.0.attn_q.weight.lora_b",
            "blk.0.attn_v.weight.lora_a",
            "blk.0.attn_v.weight.lora_b",
            "blk.0.ffn_down.weight.lora_a",
            "blk.0.ffn_down.weight.lora_b",
        ]
    );
    assert_eq!(peft.gguf.metadata.float("adapter.lora.alpha"), Some(8.0));
    let a = peft.gguf.tensor("blk.0.attn_q.weight.lora_a").unwrap();
    let b = peft.gguf.tensor("blk.0.attn_q.weight.lora_b").unwrap();
    assert_eq!((&a.shape[..], &b.shape[..]), (&[256, 4][..], &[4, 256][..]));
    // A is as it was; the rows of B take turns within each head of 64.
    assert_eq!(peft.numbers(&a.name), arrays[0].3);
    let old = &arrays[1].3;
    let new = peft.numbers(&b.name);
    for (row, old_row) in [(0, 0), (1, 32), (2, 1), (63, 63), (64, 64), (65, 96)] {
        assert_eq!(
            new[row * 4..row * 4 + 4],
            old[old_row * 4..old_row * 4 + 4],
            "{row}"
        );
    }
    assert_eq!(peft.numbers("blk.0.attn_v.weight.lora_b"), arrays[5].3);

    for other in ["torch", "old.bin", "torch/adapter_model.bin"] {
        let other = desk.lora(other, &options).unwrap();
        assert_eq!(other.names(), peft.names());
        for name in peft.names() {
            assert!(other.numbers(name) == peft.numbers(name), "{name}");
        }
    }
    let config = desk.write("config.json", fixtures::base_config(&model).as_bytes());
    let by_config = lora::Options {
        base: Some(lora::Base::open(&config).unwrap()),
        ..lora::Options::default()
    };
    let same = desk.lora("peft", &by_config).unwrap();
    assert_eq!(same.numbers(&b.name), new);
    let half = lora::Options {
        kind: TensorType::F16,
        ..options
    };
    let half = desk.lora("peft", &half).unwrap();
    assert_eq!(half.gguf.tensors[0].kind, TensorType::F16);
}

#[test]
fn scales_that_gguf_cannot_say_are_put_into_the_numbers() {
    let desk = Desk::new();
    let model = small();
    let options = based(&desk, &model);
    let arrays = fixtures::lora(&model);
    let config = fixtures::CONFIG.replace("\"use_rslora\": false", "\"use_rslora\": true");
    fixtures::peft(&desk.path("peft"), &config, &arrays);
    let rooted = desk.lora("peft", &options).unwrap();
    // 16 / 4 is 8 / sqrt(4).
    assert_eq!(rooted.gguf.metadata.float("adapter.lora.alpha"), Some(16.0));
    assert_eq!(rooted.numbers("blk.0.attn_v.weight.lora_b"), arrays[5].3);

    let config =
        fixtures::CONFIG.replace("\"bias\"", "\"alpha_pattern\": {\"v_proj\": 2}, \"bias\"");
    fixtures::peft(&desk.path("peft"), &config, &arrays);
    let scaled = desk.lora("peft", &options).unwrap();
    let expected: Vec<f32> = arrays[5].3.iter().map(|n| n / 4.0).collect();
    assert_eq!(scaled.numbers("blk.0.attn_v.weight.lora_b"), expected);
    assert_eq!(scaled.numbers("blk.0.ffn_down.weight.lora_b"), arrays[7].3);
}

#[test]
fn an_adapter_that_cannot_be_used_says_why() {
    let desk = Desk::new();
    let model = small();
    let options = based(&desk, &model);
    let arrays = fixtures::lora(&model);
    let mut told = String::new();
    let mut tell =
        |case: &str, config: &str, arrays: &[fixtures::Array], options: &lora::Options| {
            fixtures::peft(&desk.path("peft"), config, arrays);
            let error = desk.lora("peft", options).err().unwrap();
            told.push_str(&format!("{case}: {}\n", desk.told(&error)));
        };
    let config = |from: &str, to: &str| {
        assert!(fixtures::CONFIG.contains(from));
        fixtures::CONFIG.replace(from, to)
    };
    tell(
        "no base",
        fixtures::CONFIG,
        &arrays,
        &lora::Options::default(),
    );
    let wide = tiny::Model {
        width: 512,
        ..small()
    };
    tell(
        "other width",
        fixtures::CONFIG,
        &fixtures::lora(&wide),
        &options,
    );
    let deep = tiny::Model {
        layers: 3,
        ..small()
    };
    tell(
        "more layers",
        fixtures::CONFIG,
        &fixtures::lora(&deep),
        &options,
    );
    tell("half missing", fixtures::CONFIG, &arrays[1..], &options);
    tell("nothing", fixtures::CONFIG, &[], &options);
    let extra = |name: &str| {
        let mut more = arrays.clone();
        more.push((format!("base_model.model.{name}"), 1, 4, vec![0.0; 4]));
        more
    };
    tell(
        "saved module",
        fixtures::CONFIG,
        &extra("lm_head.weight"),
        &options,
    );
    tell(
        "bias",
        fixtures::CONFIG,
        &extra("model.layers.0.self_attn.q_proj.bias"),
        &options,
    );
    tell(
        "magnitude",
        fixtures::CONFIG,
        &extra("model.layers.0.self_attn.q_proj.lora_magnitude_vector"),
        &options,
    );
    tell(
        "other module",
        fixtures::CONFIG,
        &extra("model.layers.0.conv.lora_A.weight"),
        &options,
    );
    tell(
        "dora",
        &config("\"bias\"", "\"use_dora\": true, \"bias\""),
        &arrays,
        &options,
    );
    tell(
        "prompt tuning",
        &config("LORA", "PROMPT_TUNING"),
        &arrays,
        &options,
    );
    tell(
        "pattern",
        &config("\"bias\"", "\"alpha_pattern\": {\".*q\": 2}, \"bias\""),
        &arrays,
        &options,
    );
    tell("no JSON", "{", &arrays, &options);
    let quantized = lora::Options {
        kind: TensorType::Q4_0,
        ..options.clone()
    };
    tell("quantized", fixtures::CONFIG, &arrays, &quantized);

    let mut broken = |case: &str, bytes: &[u8]| {
        fs::write(desk.path("peft/adapter_model.safetensors"), bytes).unwrap();
        let error = desk.lora("peft", &options).err().unwrap();
        told.push_str(&format!("{case}: {}\n", desk.told(&error)));
    };
    let whole = fixtures::safetensors(&arrays);
    broken("short", &whole[..4]);
    broken("short head", &whole[..100]);
    broken("short data", &whole[..whole.len() - 1]);
    broken("absurd head", &[0xff; 64]);
    let missing = fs::remove_file(desk.path("peft/adapter_model.safetensors"));
    missing.unwrap();
    let error = desk.lora("peft", &options).err().unwrap();
    told.push_str(&format!("no weights: {}\n", desk.told(&error)));
    insta::assert_snapshot!(told);
}

#[test]
fn a_pickle_that_would_run_something_is_refused_and_none_can_panic() {
    let desk = Desk::new();
    let model = small();
    let options = based(&desk, &model);
    let arrays = fixtures::lora(&model);
    fs::create_dir(desk.path("peft")).unwrap();
    fs::write(desk.path("peft/adapter_config.json"), fixtures::CONFIG).unwrap();
    let run = |program: &[u8]| {
        fixtures::torch(&desk.path("peft/adapter_model.bin"), program, &arrays[..2]);
        desk.lora("peft", &options)
    };
    let mut told = String::new();
    for (case, program) in [
        ("a shell", &b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."[..]),
        ("an object", b"\x80\x02cbuiltins\nobject\n)\x81."),
        ("a number", b"\x80\x02K\x01."),
        ("nothing", b""),
        ("no end", b"\x80\x02}"),
        ("a reference to nothing", b"h\x07."),
        ("below a mark", b"}(K\x01s."),
        ("a dictionary of numbers", b"}X\x01\0\0\0aK\x01s."),
        ("a long text", b"X\xff\xff\xff\xffa."),
    ] {
        let error = run(program).err().unwrap();
        told.push_str(&format!("{case}: {}\n", desk.told(&error)));
    }
    insta::assert_snapshot!(told);
    let whole = fixtures::pickle(&arrays[..2]);
    run(&whole).unwrap();
    for at in 0..whole.len() {
        assert!(run(&whole[..at]).is_err(), "{at}");
        let mut changed = whole.clone();
        changed[at] = b"(.Ru\x00\xff"[at % 6];
        let _ = run(&changed);
    }
}
