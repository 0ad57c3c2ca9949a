//! Requests with different adapters.

use super::*;

#[test]
fn requests_with_other_adapters_are_never_in_one_decode() {
    let mut stage = Stage::new(Scripted::new(4, 1000));
    let sets: [&[f32]; 4] = [&[], &[1.0], &[0.5, 1.0], &[1.0]];
    let prompt = "the same prompt for all of them";
    let completions: Vec<_> = sets.map(|set| stage.adapted(prompt, 30, set)).into();
    stage.finish();
    for completion in completions {
        assert_eq!(said(completion).0, continuation(prompt, 30));
    }
    let backend = &stage.scheduler.backend;
    for (batch, adapters) in backend.batches.iter().zip(&backend.adapters_of) {
        for entry in batch {
            // First come, first slot.
            assert_eq!(adapters, sets[entry.sequence]);
        }
    }
    // What was evaluated with one set is of no use to another, but two share.
    assert_eq!(stage.evaluated(), 3 * prompt.len() + 1 + 4 * 29);
}

#[test]
fn requests_with_different_adapters_take_turns() {
    let mut stage = Stage::new(Scripted::new(3, 1000));
    let sets: [&[f32]; 3] = [&[], &[1.0], &[0.5]];
    let _completions: Vec<_> = sets.map(|set| stage.adapted("go", 100, set)).into();
    for _ in 0..150 {
        stage.step();
    }
    let of = &stage.scheduler.backend.adapters_of;
    for set in sets {
        let share = of.iter().filter(|other| *other == set).count();
        assert!(
            (40..=60).contains(&share),
            "{set:?}: {share} of {}",
            of.len()
        );
    }
    let longest = of.chunk_by(|a, b| a == b).map(<[_]>::len).max();
    assert_eq!(longest, Some(8));
}

#[test]
fn a_conversation_of_other_adapters_is_not_gone_on_with() {
    let mut stage = Stage::with_shelf(Scripted::new(2, 1000), 10_000);
    let prompt = "a prompt that was evaluated before";
    for (set, reused) in [
        (&[][..], 0),
        (&[1.0], 0),
        (&[1.0], prompt.len() - 1),
        (&[2.0], 0),
        (&[], prompt.len() - 1),
    ] {
        let completion = stage.adapted(prompt, 3, set);
        stage.finish();
        let (text, end) = said(completion);
        assert_eq!(text, continuation(prompt, 3));
        assert_eq!(end.reused_tokens, reused, "{set:?}");
    }
}
