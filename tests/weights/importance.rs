//! Importance matrices in both formats.

use std::fs;
use std::path::Path;

use cardwright::weights::gguf::{Metadata, Tensor, Value, Writer};
use cardwright::weights::{Importance, TensorType, tiny};

/// An importance matrix for every matrix of `model`, whose columns matter more and more, over 40 chunks.
pub(super) fn matrices(model: &tiny::Model) -> Vec<(String, Vec<f32>)> {
    let tensors = model.tensors().unwrap();
    let matrices = tensors.iter().filter(|(tensor, _)| tensor.shape.len() == 2);
    matrices
        .map(|(tensor, _)| {
            let columns = 0..tensor.shape[0];
            let sums = columns.map(|column| 1.0 + column as f32 / 64.0).collect();
            (tensor.name.clone(), sums)
        })
        .collect()
}

/// Calls that the sums are of.
const CALLS: u32 = 40;

/// The older format.
pub(super) fn dat(matrices: &[(String, Vec<f32>)]) -> Vec<u8> {
    let mut file = (matrices.len() as u32).to_le_bytes().to_vec();
    for (name, sums) in matrices {
        file.extend((name.len() as u32).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(CALLS.to_le_bytes());
        file.extend((sums.len() as u32).to_le_bytes());
        file.extend(
            sums.iter()
                .flat_map(|sum| (sum * CALLS as f32).to_le_bytes()),
        );
    }
    file.extend(CALLS.to_le_bytes());
    let dataset = "some text";
    file.extend((dataset.len() as u32).to_le_bytes());
    file.extend(dataset.as_bytes());
    file
}

/// The same in GGUF.
pub(super) fn gguf(matrices: &[(String, Vec<f32>)]) -> Vec<u8> {
    let mut metadata = Metadata::new();
    metadata.set("general.type", "imatrix");
    metadata.set("imatrix.datasets", Value::texts(["some text"]));
    metadata.set("imatrix.chunk_count", CALLS);
    metadata.set("imatrix.chunk_size", 512);
    let tensor = |name: &str, count: u64| Tensor::new(name, [count, 1], TensorType::F32).unwrap();
    let mut tensors = Vec::new();
    for (name, sums) in matrices {
        tensors.push(tensor(&format!("{name}.in_sum2"), sums.len() as u64));
        tensors.push(tensor(&format!("{name}.counts"), 1));
    }
    let mut writer = Writer::start(Vec::new(), &metadata, tensors).unwrap();
    for (_, sums) in matrices {
        for sum in sums
            .iter()
            .map(|sum| sum * CALLS as f32)
            .chain([CALLS as f32])
        {
            writer.data(&sum.to_le_bytes()).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn open(path: &Path, bytes: &[u8]) -> cardwright::Result<Importance> {
    fs::write(path, bytes).unwrap();
    Importance::open(path)
}

#[test]
fn both_formats_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imatrix");
    let matrices = matrices(&tiny::Model::default());
    let read = open(&path, &gguf(&matrices)).unwrap();
    assert_eq!(read, open(&path, &dat(&matrices)).unwrap());
    assert_eq!(
        (read.dataset.as_deref(), read.chunks),
        (Some("some text"), 40)
    );
    assert_eq!(read.columns.into_iter().collect::<Vec<_>>(), {
        let mut sorted = matrices;
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        sorted
    });
}

#[test]
fn an_expert_that_was_never_asked_counts_as_average() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = |name: &str, shape: [u64; 2]| Tensor::new(name, shape, TensorType::F32).unwrap();
    let tensors = vec![
        tensor("blk.0.ffn_up_exps.weight.in_sum2", [2, 2]),
        tensor("blk.0.ffn_up_exps.weight.counts", [1, 2]),
    ];
    let mut writer = Writer::start(Vec::new(), &Metadata::new(), tensors).unwrap();
    for number in [6.0_f32, 9.0, 5.0, 5.0, 3.0, 0.0] {
        writer.data(&number.to_le_bytes()).unwrap();
    }
    let path = folder.path().join("imatrix.gguf");
    let read = open(&path, &writer.finish().unwrap()).unwrap();
    assert_eq!(
        read.columns["blk.0.ffn_up_exps.weight"],
        [2.0, 3.0, 1.0, 1.0]
    );
}

#[test]
fn what_is_no_importance_matrix_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("imatrix");
    let matrices = matrices(&tiny::Model::default());
    let whole = dat(&matrices);
    let mut told = String::new();
    let mut tell = |case: &str, bytes: &[u8]| {
        let error = open(&path, bytes).unwrap_err().to_string();
        let error = error.replace(&folder.path().display().to_string(), "FOLDER");
        told.push_str(&format!("{case}: {error}\n"));
    };
    tell("empty", b"");
    tell("none", &[0; 4]);
    tell("absurd count", &[0xff; 4]);
    tell(
        "absurd name",
        &[&1_u32.to_le_bytes()[..], &[0xff; 16]].concat(),
    );
    tell("cut short", &whole[..whole.len() / 2]);
    tell("a model", &tiny::Model::default().bytes().unwrap());
    let odd = [("blk.0.attn_q.weight".to_owned(), vec![1.0, f32::NAN])];
    tell("no number", &gguf(&odd));
    insta::assert_snapshot!(told);
}
