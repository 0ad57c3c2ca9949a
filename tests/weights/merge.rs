//! Adapters merged into models of every type.

use std::fs;
use std::path::{Path, PathBuf};

use cardwright::weights::merge::{Adapter, Options, Report, merge};
use cardwright::weights::{TensorType, numbers, tiny};
use cardwright::{Kind, Result};
use tempfile::TempDir;

use super::fixtures::{self, Whole};

struct Desk {
    folder: TempDir,
    model: tiny::Model,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            model: tiny::Model {
                layers: 1,
                ..tiny::Model::default()
            },
        };
        desk.base("f32.gguf", TensorType::F32);
        let arrays = fixtures::lora(&desk.model);
        fixtures::adapter(&arrays, &desk.path("f32.gguf"), &desk.path("lora.gguf"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn base(&self, name: &str, kind: TensorType) -> PathBuf {
        fs::write(self.path(name), fixtures::gguf(&self.model, kind)).unwrap();
        self.path(name)
    }

    fn merge(
        &self,
        base: &Path,
        scales: &[f32],
        kind: Option<TensorType>,
    ) -> Result<(Whole, Report)> {
        let adapters: Vec<Adapter> = scales
            .iter()
            .map(|scale| Adapter {
                path: self.path("lora.gguf"),
                scale: *scale,
            })
            .collect();
        let out = self.path("out.gguf");
        let report = merge(
            base,
            &adapters,
            &out,
            &Options {
                kind,
                ..Options::default()
            },
            &mut |_, _| {},
        )?;
        Ok((Whole::open(&out), report))
    }
}

/// The matrix with the adapter in it, in double precision: `scale` times 8 / 4 times B times A.
fn expected(base: &Whole, adapter: &Whole, name: &str, scale: f64) -> Vec<f64> {
    let shape = &base.gguf.tensor(name).unwrap().shape;
    let (columns, rank) = (shape[0] as usize, fixtures::RANK as usize);
    let a = adapter.numbers(&format!("{name}.lora_a"));
    let b = adapter.numbers(&format!("{name}.lora_b"));
    base.numbers(name)
        .iter()
        .enumerate()
        .map(|(at, w)| {
            let (row, column) = (at / columns, at % columns);
            let delta: f64 = (0..rank)
                .map(|k| f64::from(b[row * rank + k]) * f64::from(a[k * columns + column]))
                .sum();
            f64::from(*w) + scale * 2.0 * delta
        })
        .collect()
}

#[test]
fn a_base_of_any_type_gets_the_adapter_added() {
    let desk = Desk::new();
    let adapter = Whole::open(&desk.path("lora.gguf"));
    for kind in [
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q4_0,
        TensorType::Q4_1,
        TensorType::Q8_0,
    ] {
        let path = desk.base("base.gguf", kind);
        let base = Whole::open(&path);
        let (merged, report) = desk.merge(&path, &[0.5], None).unwrap();
        assert_eq!((report.merged, report.tensors), (4, 12));
        assert_eq!(merged.gguf.metadata.integer("general.file_type"), Some(1));
        for tensor in &base.gguf.tensors {
            let new = merged.gguf.tensor(&tensor.name).unwrap();
            if adapter
                .gguf
                .tensor(&format!("{}.lora_a", tensor.name))
                .is_none()
            {
                assert_eq!(new.kind, tensor.kind);
                assert!(merged.data(new) == base.data(tensor), "{}", tensor.name);
                continue;
            }
            let plain = if kind == TensorType::F32 {
                TensorType::F32
            } else {
                TensorType::F16
            };
            assert_eq!(new.kind, plain);
            let wanted = expected(&base, &adapter, &tensor.name, 0.5);
            let tolerance = if plain == TensorType::F32 {
                1e-6
            } else {
                1.0 / 1024.0
            };
            for (got, wanted) in merged.numbers(&tensor.name).iter().zip(wanted) {
                let off = (f64::from(*got) - wanted).abs();
                assert!(
                    off <= tolerance * wanted.abs().max(0.1),
                    "{} {got} {wanted}",
                    tensor.name
                );
            }
        }
    }
}

#[test]
fn the_type_can_be_chosen_and_two_adapters_add_up() {
    let desk = Desk::new();
    let path = desk.path("f32.gguf");
    let (plain, _) = desk.merge(&path, &[1.0], None).unwrap();
    let (twice, _) = desk.merge(&path, &[0.25, 0.75], None).unwrap();
    for tensor in &plain.gguf.tensors {
        let pairs = plain
            .numbers(&tensor.name)
            .into_iter()
            .zip(twice.numbers(&tensor.name));
        assert!(
            pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5),
            "{}",
            tensor.name
        );
    }
    for kind in [
        TensorType::F16,
        TensorType::Q8_0,
        TensorType::Q4_0,
        TensorType::Q4_1,
    ] {
        let (chosen, _) = desk.merge(&path, &[1.0], Some(kind)).unwrap();
        assert_eq!(
            chosen
                .gguf
                .metadata
                .integer("general.quantization_version")
                .is_some(),
            kind.is_quantized()
        );
        for tensor in &chosen.gguf.tensors {
            if tensor.shape.len() == 1 {
                assert_eq!(tensor.kind, TensorType::F32);
                continue;
            }
            assert_eq!(tensor.kind, kind, "{}", tensor.name);
            let wanted = numbers::encode(kind, &plain.numbers(&tensor.name)).unwrap();
            assert!(chosen.data(tensor) == wanted, "{kind} {}", tensor.name);
        }
    }
}

#[test]
fn an_adapter_that_does_not_fit_is_refused_and_nothing_is_written() {
    let desk = Desk::new();
    let wide = tiny::Model {
        width: 512,
        ..desk.model.clone()
    };
    fs::write(desk.path("wide.gguf"), wide.bytes().unwrap()).unwrap();
    let mut told = String::new();
    let mut tell = |case: &str, base: &str, lora: &str, kind: Option<TensorType>| {
        let adapters = [Adapter {
            path: desk.path(lora),
            scale: 1.0,
        }];
        let out = desk.path("out.gguf");
        let error = merge(
            &desk.path(base),
            &adapters,
            &out,
            &Options {
                kind,
                ..Options::default()
            },
            &mut |_, _| {},
        )
        .unwrap_err();
        assert!(!out.exists());
        let text = format!("{case}: {error}; {}\n", error.next_step().unwrap_or("-"));
        told.push_str(&text.replace(&desk.folder.path().display().to_string(), "FOLDER"));
        error.kind()
    };
    tell("another width", "wide.gguf", "lora.gguf", None);
    tell("a model as adapter", "f32.gguf", "f32.gguf", None);
    tell("an adapter as model", "lora.gguf", "lora.gguf", None);
    assert_eq!(
        tell("a K type", "f32.gguf", "lora.gguf", Some(TensorType::Q4_K)),
        Kind::Usage
    );
    assert_eq!(tell("no file", "f32.gguf", "none.gguf", None), Kind::File);
    desk.base("odd.gguf", "IQ4_XS".parse().unwrap());
    tell("a type that cannot be read", "odd.gguf", "lora.gguf", None);
    insta::assert_snapshot!(told);
}
