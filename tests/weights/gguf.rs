//! The GGUF reader against files that are wrong in every way.

use cardwright::Kind;
use cardwright::weights::TensorType;
use cardwright::weights::gguf::{Gguf, Metadata, Tensor, Value, ValueType, Writer};
use cardwright::weights::tiny;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> cardwright::Result<Gguf> {
    Gguf::read(bytes, bytes.len() as u64)
}

/// A small file with a value of every type.
fn sample() -> Vec<u8> {
    let mut metadata = Metadata::new();
    metadata.set("general.architecture", "llama");
    metadata.set("u8", Value::U8(200));
    metadata.set("i8", Value::I8(-2));
    metadata.set("u16", Value::U16(60_000));
    metadata.set("i16", Value::I16(-3));
    metadata.set("u32", 7_u32);
    metadata.set("i32", Value::I32(-7));
    metadata.set("f32", 0.1_f32);
    metadata.set("bool", true);
    metadata.set("not utf-8", Value::Text(vec![0xff, 0]));
    metadata.set("u64", Value::U64(1 << 40));
    metadata.set("i64", Value::I64(-1));
    metadata.set("f64", Value::F64(f64::NEG_INFINITY));
    metadata.set("empty", Value::Array(ValueType::U16, vec![]));
    metadata.set("texts", Value::texts(["a", "", "c"]));
    metadata.set(
        "nested",
        Value::Array(
            ValueType::Array,
            vec![Value::floats([1.0, 2.0]), Value::texts(["x"])],
        ),
    );
    let tensors = vec![
        Tensor::new("a", [3, 2], TensorType::F32).unwrap(),
        Tensor::new("none", [0], TensorType::F32).unwrap(),
        Tensor::new("b", [64], TensorType::Q4_0).unwrap(),
        Tensor::new("scalar", [], TensorType::F16).unwrap(),
    ];
    let mut writer = Writer::start(Vec::new(), &metadata, tensors).unwrap();
    for byte in 0..24 + 36 + 2 {
        writer.data(&[byte]).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_written_file_reads_back_with_every_type_of_value() {
    let file = sample();
    let gguf = read(&file).unwrap();
    assert_eq!(gguf.version, 3);
    assert_eq!(gguf.metadata.integer("u64"), Some(1 << 40));
    assert_eq!(gguf.metadata.get("i32"), Some(&Value::I32(-7)));
    assert_eq!(
        gguf.metadata.get("not utf-8"),
        Some(&Value::Text(vec![0xff, 0]))
    );
    assert_eq!(
        gguf.metadata.get("f32").unwrap().to_json().to_string(),
        "0.1"
    );
    assert_eq!(
        gguf.metadata.get("f64").unwrap().to_json().to_string(),
        "null"
    );
    assert_eq!(
        gguf.metadata.get("nested").unwrap().to_json().to_string(),
        r#"[[1.0,2.0],["x"]]"#
    );
    let scalar = gguf.range(gguf.tensor("scalar").unwrap());
    assert_eq!(&file[scalar.start as usize..scalar.end as usize], [60, 61]);
    for tensor in &gguf.tensors {
        assert_eq!(gguf.range(tensor).start % 32, 0);
    }

    let mut again = Writer::start(Vec::new(), &gguf.metadata, gguf.tensors.clone()).unwrap();
    for tensor in &gguf.tensors {
        let range = gguf.range(tensor);
        again
            .data(&file[range.start as usize..range.end as usize])
            .unwrap();
    }
    assert_eq!(again.finish().unwrap(), file);
}

#[test]
fn every_truncation_is_an_error_that_tells_where() {
    let file = sample();
    let gguf = read(&file).unwrap();
    let end = gguf.range(&gguf.tensors[3]).end as usize;
    for length in 0..end {
        let error = read(&file[..length]).unwrap_err();
        assert_eq!(error.kind(), Kind::Model, "{length}: {error}");
        assert!(error.next_step().is_some(), "{length}: {error}");
    }
    // Padding after the last tensor holds nothing.
    for length in end..file.len() {
        read(&file[..length]).unwrap();
    }
}

#[test]
fn a_file_that_is_shorter_than_it_claims_is_an_error() {
    let file = sample();
    for length in (0..file.len()).step_by(7) {
        if let Ok(gguf) = Gguf::read(&file[..length], file.len() as u64) {
            assert!(length as u64 >= gguf.data_start - 32);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_corrupted_file_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut file = sample();
        for (place, byte) in changes {
            let at = place.index(file.len());
            file[at] = byte;
        }
        if let Ok(gguf) = read(&file) {
            for tensor in &gguf.tensors {
                prop_assert!(gguf.range(tensor).end <= file.len() as u64);
            }
        }
    }

    #[test]
    fn a_file_with_a_huge_number_anywhere_never_panics(place in any::<prop::sample::Index>(), number in prop_oneof![Just(u64::MAX), Just(1 << 63), Just(u64::MAX / 8), Just(1 << 40), any::<u64>()]) {
        let mut file = sample();
        let at = place.index(file.len() - 8);
        file[at..at + 8].copy_from_slice(&number.to_le_bytes());
        let _ = read(&file);
    }

    #[test]
    fn any_bytes_after_the_magic_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(bytes);
        let _ = read(&file);
    }
}

/// The little-endian pieces of a hand-made file.
fn file(tensors: u64, keys: u64, rest: &[&[u8]]) -> Vec<u8> {
    let mut file = b"GGUF\x03\0\0\0".to_vec();
    file.extend(tensors.to_le_bytes());
    file.extend(keys.to_le_bytes());
    for piece in rest {
        file.extend(*piece);
    }
    file
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn tensor(name: &str, shape: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend((shape.len() as u32).to_le_bytes());
    bytes.extend(shape.iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

#[test]
fn hostile_and_foreign_files_are_refused_in_words() {
    let u32_key = |key: &str, value: u32| {
        [text(key), vec![4, 0, 0, 0], value.to_le_bytes().to_vec()].concat()
    };
    let list = |count: u64| {
        [
            text("k"),
            vec![9, 0, 0, 0, 8, 0, 0, 0],
            count.to_le_bytes().to_vec(),
        ]
        .concat()
    };
    let data = [0_u8; 4096];
    let deep = [
        text("k"),
        vec![9, 0, 0, 0],
        [vec![9, 0, 0, 0], 1_u64.to_le_bytes().to_vec()]
            .concat()
            .repeat(6),
    ]
    .concat();
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("ggjt", b"tjgg\x03\0\0\0".to_vec()),
        ("web page", b"<!DOCTYPE html>".to_vec()),
        ("lfs pointer", b"version https://git-lfs".to_vec()),
        ("big endian", b"GGUF\0\0\0\x03".to_vec()),
        ("version 1", b"GGUF\x01\0\0\0".to_vec()),
        ("version 9", b"GGUF\x09\0\0\0".to_vec()),
        ("absurd tensors", file(u64::MAX, 0, &[&data])),
        ("absurd keys", file(0, 1 << 60, &[&data])),
        ("absurd text", file(0, 1, &[&u64::MAX.to_le_bytes(), &data])),
        ("absurd list", file(0, 1, &[&list(1 << 61), &data])),
        ("list too deep", file(0, 1, &[&deep, &data])),
        (
            "key twice",
            file(0, 2, &[&u32_key("k", 1), &u32_key("k", 2)]),
        ),
        ("key without name", file(0, 1, &[&u32_key("", 1)])),
        (
            "unknown value type",
            file(0, 1, &[&text("k"), &[13, 0, 0, 0, 0]]),
        ),
        (
            "neither true nor false",
            file(0, 1, &[&text("k"), &[7, 0, 0, 0, 2]]),
        ),
        (
            "alignment zero",
            file(0, 1, &[&u32_key("general.alignment", 0)]),
        ),
        (
            "alignment odd",
            file(0, 1, &[&u32_key("general.alignment", 48)]),
        ),
        (
            "alignment huge",
            file(0, 1, &[&u32_key("general.alignment", 1 << 31)]),
        ),
        (
            "tensor twice",
            file(
                2,
                0,
                &[&tensor("a", &[8], 0, 0), &tensor("a", &[8], 0, 32), &data],
            ),
        ),
        (
            "overlap",
            file(
                2,
                0,
                &[&tensor("a", &[64], 0, 0), &tensor("b", &[8], 0, 32), &data],
            ),
        ),
        ("misaligned", file(1, 0, &[&tensor("a", &[8], 0, 8), &data])),
        (
            "outside",
            file(1, 0, &[&tensor("a", &[8], 0, 1 << 20), &data]),
        ),
        (
            "outside by overflow",
            file(1, 0, &[&tensor("a", &[8], 0, u64::MAX - 31), &data]),
        ),
        (
            "size overflow",
            file(1, 0, &[&tensor("a", &[1 << 40, 1 << 40], 0, 0), &data]),
        ),
        (
            "broken rows",
            file(1, 0, &[&tensor("a", &[33], 2, 0), &data]),
        ),
        (
            "five dimensions",
            file(1, 0, &[&tensor("a", &[1, 1, 1, 1, 1], 0, 0), &data]),
        ),
        (
            "removed type",
            file(1, 0, &[&tensor("a", &[32], 31, 0), &data]),
        ),
        (
            "unknown type",
            file(1, 0, &[&tensor("a", &[32], 99, 0), &data]),
        ),
        (
            "long name",
            file(1, 0, &[&tensor(&"n".repeat(64), &[8], 0, 0), &data]),
        ),
    ];
    let mut told = String::new();
    for (name, file) in cases {
        let error = read(file).unwrap_err();
        told.push_str(&format!("{name}: {error}\n"));
        if let Some(hint) = error.next_step() {
            told.push_str(&format!("    hint: {hint}\n"));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_writer_refuses_too_much_and_too_little_data() {
    let start = || {
        let tensors = vec![Tensor::new("a", [2], TensorType::F32).unwrap()];
        Writer::start(Vec::new(), &Metadata::new(), tensors).unwrap()
    };
    assert!(start().data(&[0; 9]).is_err());
    let mut short = start();
    short.data(&[0; 7]).unwrap();
    assert_eq!(
        short.finish().unwrap_err().to_string(),
        "tensor `a` has 7 of its 8 bytes"
    );
}

#[test]
fn the_tiny_model_is_written_whole_and_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    tiny::Model::default().write(&path).unwrap();
    let gguf = Gguf::open(&path).unwrap();
    assert_eq!(gguf.parameter("block_count").unwrap().integer(), Some(2));
    let error = Gguf::open(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("this is a folder, not a model file")
    );
}
