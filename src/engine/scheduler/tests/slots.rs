//! The thread that owns the model, and what is asked of it from outside.

use super::*;

fn slots(sequences: usize, queue: usize) -> Slots {
    let info = ModelInfo {
        context: 100,
        slots: sequences,
        ..ModelInfo::default()
    };
    let setup = Setup {
        model: info,
        vocabulary: Arc::new(Bytes),
        adapters: Vec::new(),
        queue,
        prompt_cache: 10_000,
        identify: Box::new(|| {
            let model = tempfile::NamedTempFile::new().unwrap();
            Identity::of(model.path(), [], "scripted", 100)
        }),
    };
    Slots::new(setup, move || Scripted::new(sequences, 1000)).unwrap()
}

fn greedy(prompt: &str, max_tokens: usize) -> Request {
    Request {
        settings: Settings {
            temperature: 0.0,
            ..Settings::neutral()
        },
        max_tokens,
        ..Request::new(prompt)
    }
}

#[test]
fn the_thread_answers_everybody() {
    let engine = slots(3, 100);
    let prompts: Vec<String> = (0..20).map(|i| format!("request {i}")).collect();
    let requests = prompts.iter().map(|prompt| greedy(prompt, 8)).collect();
    let completions = engine.start_all(requests).unwrap();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(completion.text().unwrap(), continuation(prompt, 8));
    }
    assert_eq!(engine.count("four").unwrap(), 4);
}

#[test]
fn a_queue_that_is_full_says_so() {
    let engine = slots(1, 2);
    let requests = (0..4).map(|_| greedy("too many", 8)).collect();
    let error = engine.start_all(requests).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    // Nothing was taken, so there is room for fewer.
    assert!(engine.start(greedy("one", 2)).unwrap().text().is_ok());
}

#[test]
fn a_prompt_longer_than_the_context_is_refused_with_both_lengths() {
    let error = slots(1, 1)
        .start(greedy(&"x".repeat(120), 1))
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.to_string().contains("120") && error.to_string().contains("100"),
        "{error}"
    );
    assert!(error.next_step().is_some());
    assert!(slots(1, 1).start(greedy("", 1)).is_err());
}

#[test]
fn the_oldest_turns_are_left_out_when_the_prompt_does_not_fit() {
    let engine = slots(1, 1);
    let head = "Head. ";
    let turns: Vec<String> = (0..12).map(|i| format!("turn {i:2} .. ")).collect();
    let mut request = greedy(&format!("{head}{}", turns.concat()), 20);
    request.turns = (0..12).map(|i| head.len() + 11 * i).collect();
    // 138 tokens, of which 80 fit beside the reply; they go by quarters of the context: three turns, five, seven.
    let (text, end) = engine.start(request.clone()).unwrap().finish().unwrap();
    let fitted = format!("{head}{}", turns[7..].concat());
    assert_eq!(end.prompt_tokens, fitted.len());
    assert_eq!(end.dropped_turns, 7);
    assert_eq!(text, continuation(&fitted, 20));
    // The next turns find the same beginning, until a quarter more must go.
    request.prompt.push_str("one more");
    let (_, end) = engine.start(request.clone()).unwrap().finish().unwrap();
    assert_eq!((end.dropped_turns, end.reused_tokens), (7, fitted.len()));
    // A reply may take half of the context at most.
    request.max_tokens = 1000;
    let (_, end) = engine.start(request.clone()).unwrap().finish().unwrap();
    assert!(
        end.prompt_tokens <= 50 && end.dropped_turns == 10,
        "{end:?}"
    );
    // What stands before the first turn always stays.
    request.prompt = format!("{}{}", "h".repeat(200), request.prompt);
    request.turns.iter_mut().for_each(|at| *at += 200);
    let error = engine.start(request.clone()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
    assert!(
        error.to_string().contains("all turns but the last"),
        "{error}"
    );
    request.turns = vec![5, 5];
    let error = engine.start(request).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn a_saved_conversation_goes_on_in_another_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (chat, whole) = (folder.path().join("chat"), folder.path().join("slot"));
    let prompt = "Good evening, said the host.";
    let engine = slots(2, 1);
    let (text, _) = engine.start(greedy(prompt, 8)).unwrap().finish().unwrap();
    let saved = engine
        .save_prefix(&format!("{prompt} And?"), false, &chat)
        .unwrap();
    // The last letter was never evaluated.
    assert_eq!(saved.tokens, prompt.len() + 7);
    assert_eq!(engine.save_slot(0, &whole).unwrap(), saved);
    assert_eq!(engine.save_slot(2, &whole).unwrap_err().kind(), Kind::Usage);
    assert_eq!(engine.save_slot(1, &whole).unwrap_err().kind(), Kind::Usage);
    let nothing = engine.save_prefix("Zero", false, &chat).unwrap_err();
    assert_eq!(nothing.kind(), Kind::Usage);

    let fresh = slots(2, 1);
    assert_eq!(fresh.load_prefix(&chat).unwrap(), saved);
    let next = format!("{prompt}{text} And then?");
    let (reply, end) = fresh.start(greedy(&next, 8)).unwrap().finish().unwrap();
    assert_eq!(reply, continuation(&next, 8));
    assert_eq!(end.reused_tokens, saved.tokens);
    assert_eq!(fresh.load_slot(1, &whole).unwrap(), saved);
    let state = fresh.slots().unwrap();
    assert_eq!((state[1].tokens, state[1].is_busy), (saved.tokens, false));
    assert_eq!(fresh.erase_slot(1).unwrap(), saved.tokens);
    assert_eq!(fresh.slots().unwrap()[1].tokens, 0);
    assert_eq!(fresh.erase_slot(5).unwrap_err().kind(), Kind::Usage);

    let mut bytes = std::fs::read(&chat).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&chat, bytes).unwrap();
    assert_eq!(fresh.load_slot(1, &chat).unwrap_err().kind(), Kind::Model);
    assert_eq!(fresh.slots().unwrap()[1].tokens, 0, "nothing was taken in");
}

#[test]
fn adapters_that_are_not_there_are_refused() {
    let engine = slots(1, 1);
    assert!(engine.adapters().is_empty());
    engine.set_adapters(&[]).unwrap();
    let error = engine.set_adapters(&[1.0]).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let request = Request {
        adapters: Some(vec![1.0]),
        ..greedy("x", 1)
    };
    let error = engine.start(request).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no adapter"), "{error}");
}

#[test]
fn a_grammar_and_a_schema_together_are_refused() {
    let request = Request {
        grammar: Some("a".into()),
        json_schema: Some("{}".into()),
        ..greedy("x", 1)
    };
    let error = slots(1, 1).start(request).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn dropping_the_engine_ends_what_is_still_running() {
    let engine = slots(1, 10);
    let completion = engine.start(greedy("long", 90)).unwrap();
    drop(engine);
    // It may have come to its end before; then the text is whole.
    match completion.text() {
        Ok(text) => assert_eq!(text, continuation("long", 90)),
        Err(error) => assert_eq!(error.kind(), Kind::Engine),
    }
}
