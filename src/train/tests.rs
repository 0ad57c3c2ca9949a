//! The trainer against finite differences, against llama.cpp, and against itself after a kill.

use super::*;
use crate::sampling::Token;
use crate::weights::lora;
use crate::weights::tiny;

/// A tiny model in a folder of its own.
fn tiny(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.gguf");
    tiny::Model {
        layers: 2,
        ..tiny::Model::default()
    }
    .write(&path)
    .unwrap();
    path
}

fn texts(count: usize, length: usize) -> Vec<Text> {
    (0..count)
        .map(|text| Text {
            tokens: (0..length)
                .map(|at| 3 + (at * 7 + text * 31 + at * at) as u32 % 250)
                .collect(),
            targets: vec![0..length / 3, length / 2..length],
        })
        .collect()
}

fn options(model: &Path, folder: &Path) -> Options {
    Options {
        rank: 4,
        rate: 3e-3,
        save_every: 3,
        threads: Some(2),
        ..Options::new(model, folder)
    }
}

/// Matrices in which nothing is zero.
fn drawn(places: &Places, shape: &Shape) -> Vec<f32> {
    let mut values = places.begin(shape, 5);
    for (index, value) in values.iter_mut().enumerate() {
        if *value == 0.0 {
            *value = ((index % 17) as f32 - 8.0) * 0.01;
        }
    }
    values
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let folder = tempfile::tempdir().unwrap();
    let path = tiny(folder.path());
    let device = Cpu::new(Some(2)).unwrap();
    let head = Gguf::open(&path).unwrap();
    let model = Model::load(&device, &path, &head, &mut |_, _| {}).unwrap();
    let places = Places::new(&model.shape, 4, &Module::ALL);
    // Longer than a block of attention, so that blocks are put together too.
    let text = &texts(1, 150)[0];
    for dropout in [None, Some(Dropout { rate: 0.2, key: 77 })] {
        let loss = |values: &Vec<f32>, gradients: Option<&mut Vec<f32>>| -> f64 {
            let pass = Pass {
                device: &device,
                model: &model,
                adapter: Adapter {
                    places: &places,
                    values,
                    scale: 2.0,
                    dropout,
                },
            };
            let learned = gradients.map(|gradients| (gradients, 1.0));
            let losses = pass.losses(&text.tokens, &text.targets, learned).unwrap();
            losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64
        };
        let mut values = drawn(&places, &model.shape);
        let mut gradients = vec![0.0; places.length];
        loss(&values, Some(&mut gradients));
        for layer in 0..model.shape.layers {
            for module in Module::ALL {
                let place = places.of(layer, module).unwrap();
                for (start, end) in [(place.a, place.b), (place.b, place.b + 64)] {
                    // Along the gradient itself the difference is largest, and the noise of single precision smallest.
                    let norm = (gradients[start..end].iter().map(|g| g * g).sum::<f32>()).sqrt();
                    assert!(norm > 0.0);
                    let step = 0.02;
                    let kept = values[start..end].to_vec();
                    let mut at = |sign: f32| {
                        for (index, value) in values[start..end].iter_mut().enumerate() {
                            *value = kept[index] + sign * step * gradients[start + index] / norm;
                        }
                        loss(&values, None)
                    };
                    let slope = (at(1.0) - at(-1.0)) / f64::from(2.0 * step);
                    at(0.0);
                    let error = (slope - f64::from(norm)).abs() / f64::from(norm);
                    assert!(
                        error < 0.02,
                        "layer {layer}, {module}: {slope} instead of {norm}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_training_that_was_stopped_goes_on_to_the_same_curve() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let (texts, held_out) = (texts(5, 40), texts(2, 30));
    let run = |name: &str, most: usize| {
        let options = Options {
            dropout: 0.1,
            accumulate: 2,
            ..options(&model, &folder.path().join(name))
        };
        train(
            &options,
            &texts,
            &held_out,
            &mut |news| !matches!(news, News::Step(step, ..) if step == most),
        )
        .unwrap()
    };
    let whole = run("whole", usize::MAX).unwrap();
    assert_eq!(whole.losses.len(), 6);
    assert!(run("parts", 2).is_none());
    assert!(run("parts", 5).is_none());
    let parts = run("parts", usize::MAX).unwrap();
    assert_eq!(parts.losses, whole.losses);
    assert_eq!(parts.held_out, whole.held_out);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("parts/adapter.gguf"), read("whole/adapter.gguf"));
    assert!(whole.held_out.last().unwrap().1 < whole.held_out[0].1);

    let other = Options {
        rank: 2,
        ..options(&model, &folder.path().join("whole"))
    };
    let error = train(&other, &texts, &held_out, &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("another training"), "{error}");
}

#[test]
fn the_two_files_of_an_adapter_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let out = folder.path().join("out");
    train(&options(&model, &out), &texts(4, 40), &[], &mut |_| true)
        .unwrap()
        .unwrap();
    let converted = folder.path().join("converted.gguf");
    let conversion = lora::Options {
        base: Some(lora::Base::open(&model).unwrap()),
        ..lora::Options::default()
    };
    lora::convert(&out, &converted, &conversion, &mut |_, _| {}).unwrap();
    let (ours, theirs) = (
        Gguf::open(&out.join(ADAPTER)).unwrap(),
        Gguf::open(&converted).unwrap(),
    );
    assert_eq!(ours.tensors.len(), 2 * 7 * 2);
    let bytes = |gguf: &Gguf, path: &Path, name: &str| {
        let tensor = gguf.tensor(name).unwrap();
        let range = gguf.range(tensor);
        let file = std::fs::read(path).unwrap();
        let numbers = crate::weights::numbers::decode(
            tensor.kind,
            &file[range.start as usize..range.end as usize],
        );
        (tensor.shape.clone(), numbers.unwrap())
    };
    for tensor in &ours.tensors {
        let (shape, numbers) = bytes(&ours, &out.join(ADAPTER), &tensor.name);
        let (other_shape, others) = bytes(&theirs, &converted, &tensor.name);
        assert_eq!(shape, other_shape, "{}", tensor.name);
        for (a, b) in numbers.iter().zip(others) {
            assert!(
                (a - b).abs() <= 1e-3 * a.abs().max(1e-3),
                "{}: {a} {b}",
                tensor.name
            );
        }
    }
}

#[test]
fn what_cannot_be_trained_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let out = folder.path().join("out");
    let refused = |options: Options, texts: &[Text], reason: &str| {
        let error = train(&options, texts, &[], &mut |_| true).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    };
    let right = options(&model, &out);
    refused(
        Options {
            rank: 0,
            ..right.clone()
        },
        &texts(1, 9),
        "the rank",
    );
    refused(
        Options {
            dropout: 1.0,
            ..right.clone()
        },
        &texts(1, 9),
        "the dropout",
    );
    refused(
        Options {
            rate: f32::NAN,
            ..right.clone()
        },
        &texts(1, 9),
        "learning rate",
    );
    refused(right.clone(), &texts(1, 5000), "sample 1 has 5000 tokens");
    let unknown = [Text {
        tokens: vec![1, 1 << 20],
        targets: std::iter::once(0..2).collect(),
    }];
    refused(right, &unknown, "does not know");
    assert!(!out.join(CHECKPOINT).exists());
}

#[cfg(feature = "llama")]
mod beside_llama_cpp {
    use super::*;
    use crate::engine::{self, Scorer};

    fn tokens(text: &Text) -> Vec<Token> {
        text.tokens.iter().map(|&token| token as Token).collect()
    }

    #[test]
    fn scores_are_those_of_llama_cpp() {
        let folder = tempfile::tempdir().unwrap();
        let path = tiny(folder.path());
        let device = Cpu::new(Some(2)).unwrap();
        let head = Gguf::open(&path).unwrap();
        let model = Model::load(&device, &path, &head, &mut |_, _| {}).unwrap();
        let places = Places::new(&model.shape, 1, &[]);
        let values = Vec::new();
        let adapter = Adapter {
            places: &places,
            values: &values,
            scale: 1.0,
            dropout: None,
        };
        let pass = Pass {
            device: &device,
            model: &model,
            adapter,
        };
        let text = &texts(1, 200)[0];
        let rows: Vec<u32> = (0..200).collect();
        let ours = pass
            .logits(&pass.forward(&text.tokens).unwrap(), &rows)
            .unwrap();
        let mut scorer = Scorer::load(&engine::Options::new(&path), 256).unwrap();
        let mut worst = 0.0_f32;
        scorer
            .logits(&tokens(text), |place, theirs| {
                for (ours, theirs) in ours[place * theirs.len()..].iter().zip(theirs) {
                    worst = worst.max((ours - theirs).abs());
                }
            })
            .unwrap();
        // Keys and values are kept in half precision there.
        assert!(worst < 0.02, "{worst}");
    }

    #[test]
    fn an_adapter_does_in_llama_cpp_what_it_did_in_training() {
        let folder = tempfile::tempdir().unwrap();
        let path = tiny(folder.path());
        let out = folder.path().join("out");
        let (texts, held_out) = (texts(4, 60), texts(2, 60));
        let learned = train(&options(&path, &out), &texts, &held_out, &mut |_| true)
            .unwrap()
            .unwrap();
        let measured = |adapters: Vec<engine::Adapter>| {
            let options = engine::Options {
                adapters,
                ..engine::Options::new(&path)
            };
            let mut scorer = Scorer::load(&options, 64).unwrap();
            let (mut sum, mut count) = (0.0, 0);
            for text in &held_out {
                let losses = scorer.losses(&tokens(text)).unwrap();
                for at in text
                    .targets
                    .iter()
                    .flat_map(Clone::clone)
                    .filter(|&at| at > 0)
                {
                    sum += losses[at - 1];
                    count += 1;
                }
            }
            sum / count as f32
        };
        let adapter = engine::Adapter {
            path: learned.adapter,
            scale: 1.0,
        };
        let (without, with) = (measured(Vec::new()), measured(vec![adapter]));
        assert!(
            (without - learned.held_out[0].1).abs() < 2e-3,
            "{without} {:?}",
            learned.held_out
        );
        assert!(
            (with - learned.held_out[2].1).abs() < 2e-3,
            "{with} {:?}",
            learned.held_out
        );
        assert!(with < without - 0.01);
    }
}
