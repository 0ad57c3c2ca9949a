//! The engine on a tiny seeded model, which talks nonsense, but the same nonsense everywhere.
#![cfg(feature = "llama")]

mod adapters;
mod interrupt;
mod replies;
mod sessions;
mod soak;

use std::path::{Path, PathBuf};

use cardwright::Kind;
use cardwright::engine::{Adapter, Engine, Llama, Options, Reason, Request, self_test};
use cardwright::sampling::Settings;
use cardwright::weights::tiny;

/// A tiny model in a folder that goes when this does.
struct Tiny {
    folder: tempfile::TempDir,
}

impl Tiny {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tiny = Self { folder };
        tiny::Model::default().write(&tiny.path()).unwrap();
        tiny
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tiny.gguf")
    }

    fn options(&self, slots: usize) -> Options {
        Options {
            slots,
            threads: Some(1),
            ..Options::new(self.path())
        }
    }

    fn load(&self, slots: usize) -> Llama {
        Llama::load(&self.options(slots)).unwrap()
    }

    /// A file beside the model.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn greedy(prompt: &str, max_tokens: usize) -> Request {
    let settings = Settings {
        temperature: 0.0,
        ..Settings::neutral()
    };
    request(prompt, max_tokens, settings)
}

fn seeded(prompt: &str, max_tokens: usize, seed: u64) -> Request {
    let settings = Settings {
        seed: Some(seed),
        ..Settings::default()
    };
    request(prompt, max_tokens, settings)
}

fn request(prompt: &str, max_tokens: usize, settings: Settings) -> Request {
    Request {
        settings,
        max_tokens,
        ..Request::new(prompt)
    }
}

/// What the engine says.
fn say(engine: &Llama, request: Request) -> String {
    engine.start(request).unwrap().text().unwrap()
}

/// What the engine says to requests that are handed over together.
fn say_all(engine: &Llama, requests: Vec<Request>) -> Vec<String> {
    let completions = engine.start_all(requests).unwrap().into_iter();
    completions.map(|reply| reply.text().unwrap()).collect()
}

const PROMPTS: [&str; 6] = [
    "She looked at the door",
    "She looked at the night and smiled",
    "the",
    "AIBOT: you had not said that",
    "HUMAN: for the voice from her hand, and his eyes; they was with that night",
    "They said \u{00e9}\u{1F431}",
];

#[test]
fn many_requests_in_one_decode_get_the_text_they_get_alone() {
    // How many tokens share a decode changes the last bits of the logits, and this model is never sure of anything: in
    // the long run two nearly equal tokens change places.
    const TOKENS: usize = 12;
    let tiny = Tiny::new();
    let alone: Vec<String> = PROMPTS
        .iter()
        // A fresh engine each, so that nothing is reused either.
        .map(|prompt| say(&tiny.load(1), greedy(prompt, TOKENS)))
        .collect();
    let engine = tiny.load(4);
    let requests = PROMPTS.map(|prompt| greedy(prompt, TOKENS)).into();
    assert_eq!(say_all(&engine, requests), alone);
    assert!(alone.iter().all(|text| !text.is_empty()));
}

#[test]
fn a_seed_repeats_a_run_of_many() {
    let tiny = Tiny::new();
    let run = || {
        let requests = (0..8).map(|seed| seeded(PROMPTS[4], 30, seed)).collect();
        say_all(&tiny.load(3), requests)
    };
    let (first, second) = (run(), run());
    assert_eq!(first, second);
    assert_ne!(first[0], first[1]);
}

#[test]
fn a_conversation_evaluates_only_what_is_new() {
    let tiny = Tiny::new();
    let engine = tiny.load(1);
    let mut talk = PROMPTS[4].to_owned();
    let (text, end) = engine.start(greedy(&talk, 8)).unwrap().finish().unwrap();
    assert_eq!((end.reused_tokens, end.reply_tokens), (0, 8));
    talk.push_str(&text);
    talk.push_str(" the door");
    let (_, end) = engine.start(greedy(&talk, 8)).unwrap().finish().unwrap();
    assert!(end.reused_tokens >= end.prompt_tokens / 2, "{end:?}");
}

#[test]
fn a_grammar_holds_whatever_the_model_says() {
    let tiny = Tiny::new();
    let engine = tiny.load(1);
    let grammar = r#"root ::= "Persona: " [a-z]{3,8} "\nScenario: " ("night" | "door")"#;
    let request = Request {
        grammar: Some(grammar.into()),
        ..seeded("the", 60, 1)
    };
    let (text, end) = engine.start(request).unwrap().finish().unwrap();
    assert_eq!(end.reason, Reason::Grammar);
    let (persona, scenario) = text
        .strip_prefix("Persona: ")
        .and_then(|rest| rest.split_once("\nScenario: "))
        .unwrap();
    assert!((3..=8).contains(&persona.len()), "{text}");
    assert!(scenario == "night" || scenario == "door", "{text}");
}

#[test]
fn a_grammar_that_is_none_is_refused() {
    let engine = Tiny::new().load(1);
    for grammar in [
        "root ::= missing",
        "root ::= \"open",
        "rule ::= \"no root\"",
        "root ::= root \"a\"",
    ] {
        let request = Request {
            grammar: Some(grammar.into()),
            ..greedy("the", 5)
        };
        let error = engine.start(request).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{grammar}");
        assert!(error.next_step().is_some());
    }
}

#[test]
fn markup_is_text_unless_it_is_asked_to_be_tokens() {
    let engine = Tiny::new().load(1);
    let end = |special_tokens| {
        let request = Request {
            special_tokens,
            ..greedy("the</s>", 1)
        };
        engine
            .start(request)
            .unwrap()
            .finish()
            .unwrap()
            .1
            .prompt_tokens
    };
    assert!(end(true) < end(false));
}

#[test]
fn files_that_are_no_models_are_refused() {
    let tiny = Tiny::new();
    let whole = std::fs::read(tiny.path()).unwrap();
    let load = |path: &Path| Llama::load(&Options::new(path)).map(|_| ()).unwrap_err();
    let error = load(&tiny.folder.path().join("missing.gguf"));
    assert_eq!(error.kind(), Kind::File);
    let cases = [
        tiny.file("empty.gguf", b""),
        tiny.file("text.gguf", b"this is no model, whatever its name says"),
        tiny.file("cut.gguf", &whole[..whole.len() / 2]),
        tiny.file("head.gguf", &whole[..1000]),
    ];
    for path in cases {
        let error = load(&path);
        assert_eq!(error.kind(), Kind::Model, "{}: {error}", path.display());
    }
}

#[test]
fn a_model_that_is_no_model_of_llama_cpp_says_why() {
    let tiny = Tiny::new();
    let mut bytes = std::fs::read(tiny.path()).unwrap();
    // The architecture's name is the first text of that content.
    let at = bytes
        .windows(5)
        .position(|window| window == b"llama")
        .unwrap();
    bytes[at..at + 5].copy_from_slice(b"lemon");
    let path = tiny.file("lemon.gguf", &bytes);
    let error = Llama::load(&Options::new(path)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("lemon"), "{error}");
}

#[test]
fn an_adapter_that_is_none_is_refused() {
    let tiny = Tiny::new();
    let options = Options {
        adapters: vec![Adapter {
            path: tiny.path(),
            scale: 1.0,
        }],
        ..Options::new(tiny.path())
    };
    let error = Llama::load(&options).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Model);
}

#[test]
fn more_context_than_the_model_has_is_refused() {
    let tiny = Tiny::new();
    let options = Options {
        context: Some(100_000),
        ..Options::new(tiny.path())
    };
    let error = Llama::load(&options).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.next_step().unwrap().contains("2048"));
}

#[test]
fn a_prompt_longer_than_the_context_is_refused() {
    let engine = Tiny::new().load(1);
    let prompt = "the door ".repeat(2000);
    let error = engine.start(greedy(&prompt, 5)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[test]
fn dropped_requests_leave_room_for_others() {
    let tiny = Tiny::new();
    let engine = tiny.load(2);
    for round in 0..20 {
        let mut completion = engine.start(seeded("the night", 500, round)).unwrap();
        completion.next().unwrap().unwrap();
    }
    let text = say(&engine, greedy(PROMPTS[0], 24));
    let alone = say(&tiny.load(1), greedy(PROMPTS[0], 24));
    assert_eq!(text, alone);
}

#[test]
fn this_build_computes_right() {
    self_test().unwrap();
}
