//! Files that lie about themselves: whatever a head says, reading it ends in a value or an error, in little memory.

use std::fs;
use std::path::Path;

use cardwright::weights::gguf::Gguf;
use cardwright::weights::{Importance, Parts, ggml, lora, tiny};
use cardwright::{Kind, Result};
use proptest::prelude::*;

use super::fixtures::{self, Legacy};
use super::importance;

/// A small file of each format that is read, with its name.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let model = tiny::Model {
        layers: 1,
        key_heads: 4,
        ..tiny::Model::default()
    };
    let mut arrays = fixtures::lora(&model);
    arrays.truncate(2);
    let torch = tempfile::NamedTempFile::new().unwrap();
    fixtures::torch(torch.path(), &fixtures::pickle(&arrays), &arrays);
    let matrices = importance::matrices(&model);
    let kind = "Q4_0".parse().unwrap();
    vec![
        ("model.gguf", fixtures::gguf(&model, kind)),
        (
            "ggml.bin",
            fixtures::legacy(&model, Legacy::Ggml, "F16".parse().unwrap()),
        ),
        (
            "ggmf.bin",
            fixtures::legacy(&model, Legacy::Ggmf, "F16".parse().unwrap()),
        ),
        ("ggjt.bin", fixtures::legacy(&model, Legacy::Ggjt(3), kind)),
        ("ggla.bin", fixtures::ggla(&arrays, 8)),
        ("adapter_model.safetensors", fixtures::safetensors(&arrays)),
        ("adapter_model.bin", fs::read(torch.path()).unwrap()),
        ("imatrix.dat", importance::dat(&matrices[..2])),
        ("imatrix.gguf", importance::gguf(&matrices[..2])),
    ]
}

/// Reads the file at `path` as what its name says.
fn read(path: &Path) -> Result<()> {
    let to = path.with_file_name("out");
    let name = path.file_name().unwrap().to_str().unwrap();
    let done = match name {
        "model.gguf" => Gguf::open(path).and_then(|_| Parts::open(path)).map(drop),
        "ggml.bin" | "ggmf.bin" | "ggjt.bin" => {
            ggml::convert(path, &to, &ggml::Options::default(), &mut |_, _| {})
        }
        "imatrix.dat" | "imatrix.gguf" => Importance::open(path).map(drop),
        _ => {
            fs::write(path.with_file_name("adapter_config.json"), fixtures::CONFIG).unwrap();
            let base = lora::Base {
                architecture: "llama".into(),
                heads: 4,
                key_heads: 4,
                gguf: None,
            };
            let options = lora::Options {
                base: Some(base),
                ..lora::Options::default()
            };
            lora::convert(path, &to, &options, &mut |_, _| {})
        }
    };
    if done.is_err() {
        assert!(!to.exists(), "{name} left a file");
    }
    done
}

fn check(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    if let Err(error) = read(&path) {
        let kinds = [Kind::Model, Kind::Limit, Kind::Usage];
        assert!(kinds.contains(&error.kind()), "{name}: {error:?}");
    }
}

#[test]
fn the_samples_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in samples() {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read(&path).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_file_with_a_huge_number_anywhere_never_panics(
        which in any::<prop::sample::Index>(),
        // Heads are where the sizes are.
        place in prop_oneof![0..64_usize, 0..2000_usize, any::<usize>()],
        number in prop_oneof![Just(u64::MAX), Just(1 << 63), Just(u64::MAX / 8), Just(1 << 40), Just(1 << 31), any::<u64>()],
        short in any::<bool>(),
    ) {
        let samples = samples();
        let (name, mut bytes) = samples[which.index(samples.len())].clone();
        let place = place % (bytes.len() - 8);
        let width = if short { 4 } else { 8 };
        bytes[place..place + width].copy_from_slice(&number.to_le_bytes()[..width]);
        check(name, &bytes);
    }

    #[test]
    fn a_file_that_is_cut_or_changed_anywhere_never_panics(
        which in any::<prop::sample::Index>(),
        end in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0..4000_usize, any::<u8>()), 0..8),
    ) {
        let samples = samples();
        let (name, mut bytes) = samples[which.index(samples.len())].clone();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        check(name, &bytes);
    }

    #[test]
    fn any_bytes_after_the_first_never_panic(
        which in any::<prop::sample::Index>(),
        kept in 0..12_usize,
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let samples = samples();
        let (name, sample) = &samples[which.index(samples.len())];
        check(name, &[&sample[..kept], &bytes].concat());
    }
}
