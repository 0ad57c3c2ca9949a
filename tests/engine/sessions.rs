//! Conversations that go on after they lost their slot, or the program ended.

use cardwright::engine::CacheType;

use super::*;

/// Prompts of nearly equal tokens change places in the last bits, so what follows a long one is compared briefly.
const BRIEF: usize = 6;

fn reply(engine: &Llama, prompt: &str) -> (String, usize, usize) {
    let completion = engine.start(greedy(prompt, BRIEF)).unwrap();
    let (text, end) = completion.finish().unwrap();
    (text, end.reused_tokens, end.prompt_tokens)
}

#[test]
fn a_conversation_that_lost_its_slot_is_not_evaluated_again() {
    let tiny = Tiny::new();
    let engine = tiny.load(1);
    let (first, other) = ("the night ".repeat(20), "her voice ".repeat(20));
    let (text, reused, _) = reply(&engine, &first);
    assert_eq!(reused, 0);
    reply(&engine, &other);
    let (again, reused, prompt) = reply(&engine, &first);
    assert_eq!((again, reused), (text, prompt - 1));
    // Without memory for it, it is.
    let forgetful = Llama::load(&Options {
        prompt_cache: Some(0),
        ..tiny.options(1)
    })
    .unwrap();
    reply(&forgetful, &first);
    reply(&forgetful, &other);
    assert!(reply(&forgetful, &first).1 <= 1);
}

#[test]
fn a_saved_conversation_goes_on_in_another_process_as_if_it_had_never_ended() {
    let tiny = Tiny::new();
    let path = tiny.folder.path().join("chat.kv");
    let talk = "she looked at the door and said ".repeat(30);
    let engine = tiny.load(2);
    let (text, _, prompt) = reply(&engine, &talk);
    let saved = engine.save_prefix(&talk, false, &path).unwrap();
    assert_eq!(saved.tokens, prompt + BRIEF - 1);
    let next = format!("{talk}{text} that night");
    let (expected, ..) = reply(&engine, &next);

    let fresh = tiny.load(2);
    assert_eq!(fresh.load_prefix(&path).unwrap(), saved);
    let (text, reused, _) = reply(&fresh, &next);
    assert!(
        reused > saved.tokens - BRIEF,
        "{reused} of {}",
        saved.tokens
    );
    assert_eq!(text, expected);
}

#[test]
fn what_was_saved_by_another_model_or_in_another_type_is_refused_and_evaluated_again() {
    let tiny = Tiny::new();
    let path = tiny.folder.path().join("chat.kv");
    let engine = tiny.load(1);
    let (text, ..) = reply(&engine, PROMPTS[4]);
    engine.save_slot(0, &path).unwrap();

    let q8 = Llama::load(&Options {
        cache_type: CacheType::Q8_0,
        ..tiny.options(1)
    })
    .unwrap();
    let other = Tiny::new();
    let seeded = tiny::Model {
        seed: 2,
        ..tiny::Model::default()
    };
    seeded.write(&other.path()).unwrap();
    for engine in [q8, other.load(1)] {
        let error = engine.load_prefix(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Model);
        assert!(
            error.to_string().contains("another model, cache type"),
            "{error}"
        );
        assert_eq!(engine.slots().unwrap()[0].tokens, 0);
        reply(&engine, PROMPTS[4]);
    }
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&path, &bytes).unwrap();
    let fresh = tiny.load(1);
    let error = fresh.load_slot(0, &path).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(
        reply(&fresh, PROMPTS[4]),
        (text, 0, fresh.count(PROMPTS[4]).unwrap() + 1)
    );
}

#[test]
fn keys_and_values_of_8_bits_say_almost_the_same() {
    let tiny = Tiny::new();
    let q8 = Llama::load(&Options {
        cache_type: CacheType::Q8_0,
        ..tiny.options(2)
    })
    .unwrap();
    let told = |engine: &Llama| {
        let request = Request {
            logprobs: Some(0),
            ..greedy(PROMPTS[4], 1)
        };
        let mut completion = engine.start(request).unwrap();
        completion.by_ref().for_each(|piece| drop(piece.unwrap()));
        completion.take_chosen().remove(0).choice
    };
    let (full, half) = (told(&tiny.load(2)), told(&q8));
    assert_eq!(full.token, half.token);
    assert!(
        (full.logprob - half.logprob).abs() < 0.1,
        "{full:?} {half:?}"
    );
}

#[test]
fn the_state_of_the_slots_is_told_and_can_be_erased() {
    let engine = Tiny::new().load(3);
    let (_, _, prompt) = reply(&engine, PROMPTS[0]);
    let slots = engine.slots().unwrap();
    assert_eq!(slots.len(), 3);
    assert_eq!(slots[0].tokens, prompt + BRIEF - 1);
    assert!(slots.iter().all(|slot| !slot.is_busy));
    assert_eq!(engine.erase_slot(0).unwrap(), prompt + BRIEF - 1);
    assert_eq!(reply(&engine, PROMPTS[0]).1, 0);
    let error = engine.erase_slot(3).unwrap_err();
    assert!(error.next_step().unwrap().contains("0 to 2"));
}
