//! Adapters, chosen by each request.

use cardwright::engine::{Scorer, quantize};
use cardwright::weights::{TensorType, merge};

use super::*;
use crate::weights::fixtures;

/// Writes an adapter for a model of this shape, strong enough to change what a model of random weights says.
fn adapter(model: &tiny::Model, strength: f32, path: &Path) {
    let base = tempfile::NamedTempFile::new().unwrap();
    model.write(base.path()).unwrap();
    let mut arrays = fixtures::lora(model);
    for (.., numbers) in &mut arrays {
        numbers.iter_mut().for_each(|number| *number *= strength);
    }
    fixtures::adapter(&arrays, base.path(), path);
}

struct Two {
    tiny: Tiny,
}

impl Two {
    /// A model with two adapters.
    fn new() -> Self {
        let tiny = Tiny::new();
        for (name, strength) in [("one.gguf", 1.0), ("two.gguf", -1.5)] {
            let path = tiny.folder.path().join(name);
            adapter(&tiny::Model::default(), strength, &path);
        }
        Self { tiny }
    }

    fn load(&self, slots: usize, scales: [f32; 2]) -> Llama {
        let adapters = ["one.gguf", "two.gguf"].into_iter().zip(scales);
        Llama::load(&Options {
            adapters: adapters
                .map(|(name, scale)| Adapter {
                    path: self.tiny.folder.path().join(name),
                    scale,
                })
                .collect(),
            ..self.tiny.options(slots)
        })
        .unwrap()
    }
}

fn with(adapters: &[f32]) -> Request {
    Request {
        adapters: Some(adapters.to_vec()),
        ..greedy(PROMPTS[4], 12)
    }
}

const SETS: [&[f32]; 5] = [&[0.0, 0.0], &[1.0], &[0.0, 1.0], &[0.5, 0.5], &[1.0]];

#[test]
fn each_request_gets_the_adapters_it_asks_for_whoever_else_is_there() {
    let two = Two::new();
    let alone = |scales| {
        let engine = two.load(1, scales);
        say(&engine, greedy(PROMPTS[4], 12))
    };
    let expected = [
        alone([0.0, 0.0]),
        alone([1.0, 0.0]),
        alone([0.0, 1.0]),
        alone([0.5, 0.5]),
        alone([1.0, 0.0]),
    ];
    let mut different = expected.to_vec();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 4, "each set says something else");
    let engine = two.load(3, [0.0, 0.0]);
    assert_eq!(say_all(&engine, SETS.map(with).into()), expected);
}

#[test]
fn adapters_are_swapped_between_requests() {
    let two = Two::new();
    let engine = two.load(1, [1.0, 0.0]);
    let say = || {
        let completion = engine.start(greedy(PROMPTS[4], 12)).unwrap();
        completion.finish().unwrap()
    };
    let (first, _) = say();
    assert_eq!(engine.adapters()[0].scale, 1.0);
    engine.set_adapters(&[0.0, 1.0]).unwrap();
    let (second, end) = say();
    assert_ne!(first, second);
    assert_eq!(
        end.reused_tokens, 0,
        "the other adapter's work is of no use"
    );
    engine.set_adapters(&[1.0]).unwrap();
    assert_eq!(say().0, first);
    let scales: Vec<f32> = engine.adapters().iter().map(|a| a.scale).collect();
    assert_eq!(scales, [1.0, 0.0]);
    for wrong in [&[1.0, 1.0, 1.0][..], &[f32::NAN]] {
        let error = engine.set_adapters(wrong).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
}

#[test]
fn an_adapter_of_another_base_is_refused_with_what_does_not_fit() {
    let tiny = Tiny::new();
    let wide = tiny::Model {
        width: 512,
        ..tiny::Model::default()
    };
    let deep = tiny::Model {
        layers: 3,
        ..tiny::Model::default()
    };
    for (model, says) in [(wide, "incorrect shape"), (deep, "blk.2")] {
        let path = tiny.folder.path().join("other.gguf");
        adapter(&model, 1.0, &path);
        let options = Options {
            adapters: vec![Adapter {
                path: path.clone(),
                scale: 1.0,
            }],
            ..tiny.options(1)
        };
        let error = Llama::load(&options).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        let text = error.to_string();
        assert!(text.starts_with(path.to_str().unwrap()), "{text}");
        assert!(text.contains(says), "{text}");
        assert!(error.next_step().unwrap().contains("base model"));
    }
}

#[test]
fn a_conversation_saved_with_an_adapter_goes_on_with_it_only() {
    let two = Two::new();
    let engine = two.load(1, [0.0, 1.0]);
    let chat = two.tiny.folder.path().join("chat");
    let (text, _) = engine
        .start(greedy(PROMPTS[4], 8))
        .unwrap()
        .finish()
        .unwrap();
    engine.save_prefix(PROMPTS[4], false, &chat).unwrap();
    let next = format!("{}{text} the door", PROMPTS[4]);
    let reply = |engine: &Llama| engine.start(greedy(&next, 8)).unwrap().finish().unwrap();
    let (expected, _) = reply(&engine);

    let fresh = two.load(1, [0.0, 1.0]);
    fresh.load_prefix(&chat).unwrap();
    let (text, end) = reply(&fresh);
    assert!(end.reused_tokens > end.prompt_tokens / 2);
    assert_eq!(text, expected);
    let other = two.load(1, [0.0, 0.5]);
    other.load_prefix(&chat).unwrap();
    assert_eq!(reply(&other).1.reused_tokens, 0);
    let error = two.tiny.load(1).load_prefix(&chat).unwrap_err();
    assert!(error.to_string().contains("adapter"), "{error}");
}

/// How far the logits after a text lie apart, on average.
fn apart(one: &Options, other: &Options) -> f32 {
    let scores = |options: &Options| {
        let mut scores = Vec::new();
        let mut scorer = Scorer::load(options, 128).unwrap();
        let tokens: Vec<_> = (0..100).map(|at| 3 + (at * 7 + at * at) % 250).collect();
        scorer
            .logits(&tokens, |_, row| scores.extend_from_slice(row))
            .unwrap();
        scores
    };
    let (one, other) = (scores(one), scores(other));
    let squares: f32 = one.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum();
    (squares / one.len() as f32).sqrt()
}

#[test]
fn an_adapter_that_was_merged_and_quantized_says_what_it_says_at_run_time() {
    /// Gentle: an adapter changes a model, it does not outweigh it.
    const SCALE: f32 = 0.03;
    let two = Two::new();
    let folder = two.tiny.folder.path();
    let base = two.tiny.options(1);
    let applied = Options {
        adapters: vec![Adapter {
            path: folder.join("one.gguf"),
            scale: SCALE,
        }],
        ..base.clone()
    };
    let with_model = |name: &str| Options {
        model: folder.join(name),
        ..base.clone()
    };
    let merge_options = merge::Options {
        kind: Some(TensorType::F32),
        ..merge::Options::default()
    };
    let adapters = [merge::Adapter {
        path: folder.join("one.gguf"),
        scale: SCALE,
    }];
    let merged = with_model("merged.gguf");
    merge::merge(
        &base.model,
        &adapters,
        &merged.model,
        &merge_options,
        &mut |_, _| {},
    )
    .unwrap();

    let texts = |options: &Options| {
        let engine = Llama::load(options).unwrap();
        PROMPTS.map(|prompt| say(&engine, greedy(prompt, 12)))
    };
    let spoken = texts(&applied);
    assert_ne!(spoken, texts(&base));
    assert_eq!(spoken, texts(&merged));
    assert!(apart(&applied, &merged) < 1e-3);

    let change = apart(&applied, &base);
    for (kind, same_texts) in [("Q8_0", 4), ("Q6_K", 0), ("Q5_K_M", 0)] {
        let options = quantize::Options {
            kind: Some(kind.parse().unwrap()),
            ..quantize::Options::default()
        };
        let quantized = |from: &Options, name: &str| {
            let to = with_model(name);
            quantize::quantize(&from.model, &to.model, &options, &mut |_, _| {}).unwrap();
            to
        };
        // Quantizing costs the merged model what it costs the base, and far less than the adapter gave.
        let cost = apart(&base, &quantized(&base, "base-small.gguf"));
        let small = quantized(&merged, "merged-small.gguf");
        let off = apart(&applied, &small);
        assert!(
            off < cost * 1.5 && off < change / 3.0,
            "{kind}: {off} {cost} {change}"
        );
        // This model is never sure of anything; a real one says the same for longer.
        let written = texts(&small);
        let same = written.iter().zip(&spoken).filter(|(a, b)| a == b);
        assert!(same.count() >= same_texts, "{kind}");
    }
}
