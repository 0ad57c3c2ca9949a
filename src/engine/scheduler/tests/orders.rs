//! Who is served when.

use super::*;

#[test]
fn a_request_gets_its_text_and_its_counts() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.submit("Once upon", 5);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(text, continuation("Once upon", 5));
    assert_eq!(end.reason, Reason::Length);
    assert_eq!(
        (end.prompt_tokens, end.reused_tokens, end.reply_tokens),
        (9, 0, 5)
    );
}

#[test]
fn a_long_prompt_does_not_stall_those_who_write() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let writer = stage.submit("abc", 200);
    stage.step();
    let reader = stage.submit(&"z".repeat(500), 1);
    for _ in 0..20 {
        stage.step();
        let batch = stage.last_batch();
        assert_eq!(batch.iter().filter(|entry| entry.logits).count(), 1);
        assert_eq!(
            batch.len(),
            1 + 16,
            "one letter, and a small chunk of the prompt"
        );
    }
    stage.finish();
    assert_eq!(said(writer).0, continuation("abc", 200));
    assert_eq!(said(reader).0, continuation(&"z".repeat(500), 1));
}

/// How many tokens of each sequence the last decode evaluated.
fn read<const N: usize>(stage: &Stage, sequences: [usize; N]) -> [usize; N] {
    let batch = stage.last_batch();
    sequences.map(|sequence| batch.iter().filter(|e| e.sequence == sequence).count())
}

#[test]
fn prompts_are_read_one_after_the_other_and_in_few_pieces() {
    let mut stage = Stage::new(Scripted::new(4, 4000));
    let _writer = stage.submit("abc", 200);
    stage.step();
    let prompts = ["x".repeat(24), "y".repeat(24), "z".repeat(42)];
    let completions = prompts.each_ref().map(|prompt| stage.submit(prompt, 9));
    let mut counts = Vec::new();
    for _ in 0..4 {
        stage.step();
        counts.push(read(&stage, [1, 2, 3]));
    }
    // Half a chunk of 16 more is read where a prompt ends with it.
    assert_eq!(counts, [[24, 0, 0], [1, 24, 0], [1, 1, 16], [1, 1, 16]]);
    stage.finish();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(said(completion).0, continuation(prompt, 9));
    }
}

#[test]
fn prompts_that_wait_keep_neighbours_together_where_only_they_share_a_pass() {
    let mut backend = Scripted::new(5, 4000);
    backend.limits.separate = true;
    let mut stage = Stage::new(backend);
    let _writer = stage.submit("abc", 200);
    stage.step();
    let _waiting: Vec<_> = ["w", "x", "y", "z"]
        .map(|letter| stage.submit(&letter.repeat(30), 9))
        .into();
    stage.step();
    assert_eq!(read(&stage, [0, 1, 2, 3, 4]), [1, 16, 1, 1, 1]);
}

#[test]
fn a_prompt_alone_takes_large_chunks() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let _completion = stage.submit(&"z".repeat(150), 1);
    let mut sizes = Vec::new();
    for _ in 0..3 {
        stage.step();
        sizes.push(stage.last_batch().len());
    }
    assert_eq!(sizes, [64, 64, 22]);
}

#[test]
fn who_comes_first_is_served_first() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let _completions: Vec<_> = (0..5)
        .map(|i| stage.submit(&format!("{i} says"), 3))
        .collect();
    let mut order = Vec::new();
    while stage.scheduler.is_busy() {
        stage.step();
        for number in 1..=5 {
            let ended = !stage.is_here(number);
            if ended && !order.contains(&number) {
                order.push(number);
            }
        }
    }
    assert_eq!(order, [1, 2, 3, 4, 5]);
}

#[test]
fn a_dropped_completion_is_in_no_further_decode() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let stays = stage.submit("stays", 20);
    let goes = stage.submit("goes", 20);
    stage.step();
    stage.step();
    assert_eq!(stage.last_batch().len(), 2);
    drop(goes);
    stage.step();
    assert_eq!(stage.last_batch().len(), 1);
    stage.finish();
    assert_eq!(said(stays).0, continuation("stays", 20));
}

#[test]
fn a_request_dropped_in_the_queue_is_never_evaluated() {
    let mut stage = Stage::new(Scripted::new(1, 4000));
    let first = stage.submit("first", 3);
    drop(stage.submit("second", 3));
    stage.finish();
    assert_eq!(said(first).0, continuation("first", 3));
    assert_eq!(stage.evaluated(), "first".len() + 2);
}

#[test]
fn an_interrupted_decode_leaves_no_trace() {
    let mut backend = Scripted::new(1, 4000);
    backend.limits.chunk = 8;
    let mut stage = Stage::new(backend);
    let dropped = stage.submit("a prompt of some length", 3);
    stage.step();
    // The reader goes while the decode runs: the scheduler cannot know yet, the decode asks.
    let Stage { scheduler, .. } = &mut stage;
    let batch = scheduler.plan();
    drop(dropped);
    assert!(matches!(scheduler.decode(&batch), Err(Stall::Aborted)));
    scheduler.roll_back();
    let again = stage.submit("a prompt of some length", 3);
    stage.finish();
    assert_eq!(said(again).0, continuation("a prompt of some length", 3));
}

#[test]
fn a_broken_decode_fails_who_was_in_it_and_nobody_after() {
    let mut stage = Stage::new(Scripted::new(2, 1000));
    let broken = stage.submit("hello", 5);
    stage.step();
    stage.scheduler.backend.fails = true;
    stage.step();
    assert!(broken.text().is_err());
    let whole = stage.submit("hello", 5);
    stage.finish();
    assert_eq!(said(whole).0, continuation("hello", 5));
}

#[test]
fn a_stop_string_ends_a_reply_and_is_not_part_of_it() {
    let prompt = "stop me";
    let whole = continuation(prompt, 20);
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.request(Request {
        stop: vec![whole[7..10].to_owned()],
        ..Request::new(prompt)
    });
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(text, whole[..7]);
    assert_eq!(end.reason, Reason::Stop(whole[7..10].to_owned()));
}

#[test]
fn a_grammar_decides_against_the_model_and_ends_the_reply() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.request(Request {
        grammar: Some("exactly this".into()),
        ..Request::new("say")
    });
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(
        (text.as_str(), end.reason),
        ("exactly this", Reason::Grammar)
    );
}

#[test]
fn a_panic_in_one_request_is_not_the_others() {
    let mut stage = Stage::new(Scripted::new(2, 1000));
    let calm = stage.submit("calm", 10);
    let panics = stage.request(Request {
        grammar: Some("ab!c".into()),
        ..Request::new("panics")
    });
    stage.finish();
    assert_eq!(said(calm).0, continuation("calm", 10));
    assert!(panics.text().unwrap_err().to_string().contains("panicked"));
}

#[test]
fn no_tokens_are_asked_for_and_none_come() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let completion = stage.submit("warm up", 0);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!((text.as_str(), end.reply_tokens), ("", 0));
}

#[test]
fn a_short_prompt_does_not_wait_for_a_long_one() {
    let mut stage = Stage::new(Scripted::new(3, 4000));
    let long = stage.submit(&"z".repeat(600), 1);
    let other = stage.submit(&"y".repeat(600), 1);
    stage.step();
    let short = stage.submit("short", 1);
    stage.step();
    assert_eq!(read(&stage, [0, 1, 2]), [59, 0, 5]);
    assert!(!stage.is_here(3), "the short one is answered already");
    stage.finish();
    assert_eq!(said(short).0, continuation("short", 1));
    assert_eq!(said(long).0, continuation(&"z".repeat(600), 1));
    assert_eq!(said(other).0, continuation(&"y".repeat(600), 1));
}

#[test]
fn the_oldest_prompt_goes_on_however_many_short_ones_come() {
    let mut stage = Stage::new(Scripted::new(4, 8000));
    let long = stage.submit(&"z".repeat(640), 1);
    let mut steps = 0;
    while stage.is_here(1) {
        for i in 0..3 {
            drop(stage.submit(&format!("{i} {steps} is short"), 1));
            let _listening = stage.submit(&format!("{i} {steps} comes between"), 1);
        }
        stage.step();
        steps += 1;
        assert!(steps <= 20, "half of each decode of 64 is the oldest one's");
    }
    assert_eq!(said(long).0, continuation(&"z".repeat(640), 1));
}

#[test]
fn what_a_grammar_forces_is_evaluated_in_one_decode() {
    let mut stage = Stage::new(Scripted::new(1, 64));
    let completion = stage.request(Request {
        grammar: Some("root ::= \"exactly this\"".into()),
        max_tokens: 100,
        ..Request::new("prompt")
    });
    stage.finish();
    let (text, end) = completion.finish().unwrap();
    assert_eq!(
        (text.as_str(), end.reason),
        ("exactly this", Reason::Grammar)
    );
    assert_eq!(end.reply_tokens, 12);
    let sizes: Vec<_> = stage
        .scheduler
        .backend
        .batches
        .iter()
        .map(Vec::len)
        .collect();
    assert_eq!(sizes, [6, 12]);
}

#[test]
fn requests_move_together_where_only_neighbours_share_a_pass() {
    let mut backend = Scripted::new(6, 4000);
    backend.limits.separate = true;
    let mut stage = Stage::with_shelf(backend, 100_000);
    let lengths = [40, 3, 40, 5, 8, 40];
    let completions: Vec<_> = lengths
        .iter()
        .enumerate()
        .map(|(i, &length)| {
            stage.submit(&format!("{i} says something that is long enough"), length)
        })
        .collect();
    for _ in 0..20 {
        stage.step();
    }
    let busy: Vec<usize> = stage.last_batch().iter().map(|e| e.sequence).collect();
    assert_eq!(busy, [0, 1, 2]);
    stage.finish();
    for (i, (completion, length)) in completions.into_iter().zip(lengths).enumerate() {
        let prompt = format!("{i} says something that is long enough");
        assert_eq!(said(completion).0, continuation(&prompt, length));
        // Those that had to make way are still known.
        let again = stage.submit(&prompt, 1);
        stage.finish();
        assert_eq!(said(again).1.reused_tokens, prompt.len() - 1);
    }
}

#[test]
fn a_slot_that_nobody_listens_to_is_free_at_once() {
    let mut stage = Stage::new(Scripted::new(2, 4000));
    let writer = stage.submit("abc", 200);
    let leaver = stage.submit("xyz", 200);
    stage.step();
    assert_eq!(stage.busy(), [true, true]);
    drop(leaver);
    assert_eq!(stage.busy(), [true, false], "without another decode");
    drop(writer);
    assert_eq!(stage.busy(), [false, false]);
}
