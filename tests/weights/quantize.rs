//! Quantizing: every type, the sizes that are foretold, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use cardwright::engine::quantize::{self, Options, quantize};
use cardwright::weights::gguf::{Gguf, Metadata, Tensor, Value, Writer};
use cardwright::weights::merge::{self, merge};
use cardwright::weights::{FileType, Importance, TensorType, numbers, tiny};

use super::fixtures::{self, Whole};
use super::importance;

struct Desk {
    folder: tempfile::TempDir,
    model: tiny::Model,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            // The smallest types take long.
            model: tiny::Model {
                layers: 1,
                inner: 256,
                ..tiny::Model::default()
            },
        };
        desk.model.write(&desk.path("F32.gguf")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn importance(&self) -> Importance {
        let path = self.path("imatrix.dat");
        fs::write(&path, importance::dat(&importance::matrices(&self.model))).unwrap();
        Importance::open(&path).unwrap()
    }

    fn quantize(&self, from: &Path, options: &Options) -> cardwright::Result<Whole> {
        let to = self.path("to.gguf");
        quantize(from, &to, options, &mut |_, _| {})?;
        Ok(Whole::open(&to))
    }

    fn refusal(&self, from: &Path, options: &Options) -> String {
        let to = self.path("refused.gguf");
        let error = quantize(from, &to, options, &mut |_, _| {}).unwrap_err();
        assert_eq!(
            quantize::plan(from, options).unwrap_err().to_string(),
            error.to_string()
        );
        assert!(!to.exists());
        format!("{error}; {}", error.next_step().unwrap_or("-"))
            .replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

fn of(kind: &str) -> Options {
    Options {
        kind: Some(kind.parse().unwrap()),
        ..Options::default()
    }
}

#[test]
fn every_type_has_the_size_that_was_foretold() {
    let desk = Desk::new();
    let from = desk.path("F32.gguf");
    let importance = desk.importance();
    for kind in FileType::all().filter(|kind| kind.bits().is_some()) {
        for pure in [false, matches!(kind.name(), "Q4_K_M" | "IQ2_XS")] {
            let options = Options {
                kind: Some(kind),
                pure,
                importance: Some(importance.clone()),
                ..Options::default()
            };
            let plan = quantize::plan(&from, &options).unwrap();
            let to = desk.path("to.gguf");
            let mut steps = Vec::new();
            let done = quantize(&from, &to, &options, &mut |done, total| {
                steps.push((done, total));
            });
            assert_eq!(done.unwrap(), plan);
            assert_eq!(fs::metadata(&to).unwrap().len(), plan.after, "{kind}");
            assert!(steps.is_sorted() && steps[0].0 == 0, "{kind}: {steps:?}");
            let (last, total) = steps[steps.len() - 1];
            assert_eq!(last, total);
            assert!(steps.len() > 12, "{kind}: {steps:?}");
            let gguf = Gguf::open(&to).unwrap();
            assert_eq!(
                gguf.metadata.integer("general.file_type"),
                Some(kind.id().into())
            );
            for change in &plan.tensors {
                assert_eq!(gguf.tensor(&change.tensor.name).unwrap().kind, change.to);
            }
        }
    }
}

#[test]
fn simple_types_hold_the_numbers_that_we_would_write() {
    let desk = Desk::new();
    for name in ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] {
        let kind: TensorType = name.parse().unwrap();
        let options = Options {
            pure: true,
            ..of(name)
        };
        let whole = desk.quantize(&desk.path("F32.gguf"), &options).unwrap();
        for (tensor, values) in desk.model.tensors().unwrap() {
            let written = whole.gguf.tensor(&tensor.name).unwrap();
            let kind = if tensor.shape.len() == 1 {
                TensorType::F32
            } else {
                kind
            };
            assert_eq!(written.kind, kind, "{name}: {}", tensor.name);
            assert!(
                whole.data(written) == numbers::encode(kind, &values).unwrap(),
                "{name}: {}",
                tensor.name
            );
        }
    }
}

#[test]
fn output_and_embeddings_are_kept_or_get_a_type_of_their_own() {
    let desk = Desk::new();
    let from = desk.path("F32.gguf");
    let types = |options: &Options| {
        let whole = desk.quantize(&from, options).unwrap();
        ["output.weight", "token_embd.weight", "blk.0.ffn_up.weight"]
            .map(|name| whole.gguf.tensor(name).unwrap().kind.name())
    };
    assert_eq!(types(&of("Q4_0")), ["Q6_K", "Q4_0", "Q4_0"]);
    let pure = Options {
        pure: true,
        ..of("Q4_0")
    };
    assert_eq!(types(&pure), ["Q4_0", "Q4_0", "Q4_0"]);
    let kept = Options {
        keep_output: true,
        ..of("Q4_0")
    };
    assert_eq!(types(&kept), ["F32", "Q4_0", "Q4_0"]);
    let own = Options {
        output: Some(TensorType::Q8_0),
        embedding: Some(TensorType::Q5_K),
        ..of("Q4_0")
    };
    assert_eq!(types(&own), ["Q8_0", "Q5_K", "Q4_0"]);
}

#[test]
fn what_llama_cpp_would_stop_at_is_refused_before() {
    let desk = Desk::new();
    let from = desk.path("F32.gguf");
    let small = desk.path("Q8_0.gguf");
    quantize(&from, &small, &of("Q8_0"), &mut |_, _| {}).unwrap();
    let mut told = String::new();
    let mut tell = |case: &str, refusal: String| told.push_str(&format!("{case}: {refusal}\n"));
    tell("quantized", desk.refusal(&small, &of("Q4_0")));
    for kind in ["IQ2_XXS", "IQ1_S", "IQ1_M", "Q2_K_S", "IQ3_XXS"] {
        tell(kind, desk.refusal(&from, &of(kind)));
    }
    let embedding = Options {
        embedding: Some("IQ2_XS".parse().unwrap()),
        ..of("Q4_0")
    };
    tell("embedding", desk.refusal(&from, &embedding));
    let output = Options {
        output: Some("I32".parse().unwrap()),
        ..of("Q4_0")
    };
    tell("output", desk.refusal(&from, &output));
    let mut partial = desk.importance();
    partial.columns.remove("token_embd.weight");
    let pure = Options {
        pure: true,
        importance: Some(partial),
        ..of("IQ2_XXS")
    };
    tell("a part of the importance", desk.refusal(&from, &pure));
    let mut narrow = desk.importance();
    narrow
        .columns
        .insert("blk.0.ffn_up.weight".into(), vec![1.0; 10]);
    let wrong = Options {
        importance: Some(narrow),
        ..of("Q4_K_M")
    };
    tell("another model's importance", desk.refusal(&from, &wrong));
    let unknown = Options {
        kind: Some("NVFP4".parse().unwrap()),
        ..Options::default()
    };
    tell("no writer", desk.refusal(&from, &unknown));
    tell(
        "missing",
        desk.refusal(&desk.path("missing.gguf"), &of("Q4_0")),
    );
    fs::write(desk.path("other.gguf"), b"GGUF and nothing more").unwrap();
    tell(
        "damaged",
        desk.refusal(&desk.path("other.gguf"), &of("Q4_0")),
    );
    let mut metadata = desk.model.metadata();
    metadata.set("general.architecture", "no-such");
    write(
        &desk.path("foreign.gguf"),
        &metadata,
        &desk.model.tensors().unwrap(),
    );
    tell(
        "foreign",
        desk.refusal(&desk.path("foreign.gguf"), &of("Q4_0")),
    );
    let mut metadata = desk.model.metadata();
    metadata.set("general.alignment", 64);
    write(
        &desk.path("aligned.gguf"),
        &metadata,
        &desk.model.tensors().unwrap(),
    );
    tell(
        "aligned",
        desk.refusal(&desk.path("aligned.gguf"), &of("Q4_0")),
    );
    let mut tensors = desk.model.tensors().unwrap();
    tensors[4].1[7] = f32::NAN;
    write(&desk.path("nan.gguf"), &desk.model.metadata(), &tensors);
    let error = desk
        .quantize(&desk.path("nan.gguf"), &of("Q4_0"))
        .err()
        .unwrap();
    let error = error
        .to_string()
        .replace(&desk.folder.path().display().to_string(), "FOLDER");
    tell("no number", error);
    assert!(!desk.path("to.gguf").exists());
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_quantized_already_can_be_quantized_again() {
    let desk = Desk::new();
    let small = desk.path("Q8_0.gguf");
    quantize(&desk.path("F32.gguf"), &small, &of("Q8_0"), &mut |_, _| {}).unwrap();
    let again = Options {
        requantize: true,
        ..of("Q4_K_M")
    };
    let whole = desk.quantize(&small, &again).unwrap();
    assert_eq!(
        whole.gguf.tensor("blk.0.attn_q.weight").unwrap().kind,
        TensorType::Q4_K
    );
    // The same type again changes nothing, so it need not be asked for.
    let same = desk.quantize(&small, &of("Q8_0")).unwrap();
    for tensor in &Whole::open(&small).gguf.tensors {
        let data = |whole: &Whole| {
            whole
                .data(whole.gguf.tensor(&tensor.name).unwrap())
                .to_vec()
        };
        assert!(data(&same) == data(&Whole::open(&small)), "{}", tensor.name);
    }
}

fn write(path: &Path, metadata: &Metadata, tensors: &[(Tensor, Vec<f32>)]) {
    let infos = tensors.iter().map(|(tensor, _)| tensor.clone()).collect();
    let mut writer = Writer::start(Vec::new(), metadata, infos).unwrap();
    for (_, values) in tensors {
        writer
            .data(&numbers::encode(TensorType::F32, values).unwrap())
            .unwrap();
    }
    fs::write(path, writer.finish().unwrap()).unwrap();
}

/// The tiny model in two files.
fn split(desk: &Desk) -> PathBuf {
    let tensors = desk.model.tensors().unwrap();
    let parts = tensors.split_at(5);
    for (number, part) in [parts.0, parts.1].into_iter().enumerate() {
        let mut metadata = if number == 0 {
            desk.model.metadata()
        } else {
            Metadata::new()
        };
        metadata.set("split.no", Value::U16(number as u16));
        metadata.set("split.count", Value::U16(2));
        metadata.set("split.tensors.count", Value::I32(tensors.len() as i32));
        write(
            &desk.path(&format!("tiny-0000{}-of-00002.gguf", number + 1)),
            &metadata,
            part,
        );
    }
    desk.path("tiny-00001-of-00002.gguf")
}

#[test]
fn a_model_in_several_files_becomes_one() {
    let desk = Desk::new();
    let first = split(&desk);
    let copy = Options {
        kind: None,
        ..Options::default()
    };
    let whole = desk.quantize(&first, &copy).unwrap();
    let original = Whole::open(&desk.path("F32.gguf"));
    assert_eq!(whole.gguf.tensors.len(), original.gguf.tensors.len());
    for tensor in &original.gguf.tensors {
        let copied = whole.gguf.tensor(&tensor.name).unwrap();
        assert!(
            whole.data(copied) == original.data(tensor),
            "{}",
            tensor.name
        );
    }
    assert_eq!(whole.gguf.metadata.get("split.count"), None);
    desk.quantize(&first, &of("Q4_0")).unwrap();
    let second = desk.path("tiny-00002-of-00002.gguf");
    assert!(
        desk.refusal(&second, &copy)
            .contains("not the first of the 2 files")
    );
    fs::remove_file(second).unwrap();
    assert!(
        desk.refusal(&first, &copy)
            .starts_with("FOLDER/tiny-00002-of-00002.gguf: cannot open")
    );
}

#[test]
fn a_base_of_every_type_gets_its_adapter() {
    let desk = Desk::new();
    let (plain, adapter) = (desk.path("F32.gguf"), desk.path("lora.gguf"));
    fixtures::adapter(&fixtures::lora(&desk.model), &plain, &adapter);
    let merged = |base: &Path, scale: f32| {
        let to = desk.path("merged.gguf");
        let adapters = [merge::Adapter {
            path: adapter.clone(),
            scale,
        }];
        let options = merge::Options {
            decode: quantize::decode,
            ..merge::Options::default()
        };
        merge(base, &adapters, &to, &options, &mut |_, _| {}).unwrap();
        Whole::open(&to).numbers("blk.0.attn_v.weight")
    };
    let (before, after) = (merged(&plain, 0.0), merged(&plain, 1.0));
    let importance = desk.importance();
    for kind in FileType::all().filter(|kind| kind.bits().is_some()) {
        let options = Options {
            kind: Some(kind),
            pure: true,
            importance: Some(importance.clone()),
            ..Options::default()
        };
        let base = desk.path("base.gguf");
        quantize(&plain, &base, &options, &mut |_, _| {}).unwrap();
        let (quantized, merged) = (merged(&base, 0.0), merged(&base, 1.0));
        // What was added is what is added to the exact numbers, but for the last of the 11 bits of F16.
        for (i, added) in merged
            .iter()
            .zip(&quantized)
            .map(|(a, b)| a - b)
            .enumerate()
        {
            let wanted = after[i] - before[i];
            assert!(
                (added - wanted).abs() < 0.004,
                "{kind} {i}: {added} {wanted}"
            );
        }
        let off: f32 = quantized
            .iter()
            .zip(&before)
            .map(|(a, b)| (a - b).powi(2))
            .sum();
        let all: f32 = before.iter().map(|x| x.powi(2)).sum();
        assert!(off < all * 0.7, "{kind} keeps too little: {}", off / all);
    }
}
