//! What is held, shared, kept and forgotten of conversations.

use super::*;

#[test]
fn a_prompt_shared_by_many_is_evaluated_once() {
    let mut stage = Stage::new(Scripted::new(8, 2000));
    let prompt = "x".repeat(300);
    let prompts: Vec<String> = (0..8).map(|i| format!("{prompt}{i}")).collect();
    let completions: Vec<_> = prompts.iter().map(|p| stage.submit(p, 4)).collect();
    stage.finish();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(said(completion).0, continuation(prompt, 4));
    }
    // The prompt, then for each its own last letter and all letters written but the last.
    assert_eq!(stage.evaluated(), 300 + 8 * (1 + 3));
}

#[test]
fn the_same_prompt_needs_only_its_last_token_again() {
    let mut stage = Stage::new(Scripted::new(2, 2000));
    let prompt = "y".repeat(100);
    for reused in [0, 99, 99] {
        let completion = stage.submit(&prompt, 3);
        stage.finish();
        let (text, end) = said(completion);
        assert_eq!(text, continuation(&prompt, 3));
        assert_eq!(end.reused_tokens, reused);
    }
}

#[test]
fn a_conversation_goes_on_where_it_ended_while_another_goes_on_too() {
    let mut stage = Stage::new(Scripted::new(2, 2000));
    let mut talks = ["Anna: hello".to_owned(), "Bert: good day".to_owned()];
    for turn in 0..4 {
        for talk in &mut talks {
            let completion = stage.submit(talk, 6);
            stage.finish();
            let (text, end) = said(completion);
            assert_eq!(text, continuation(talk, 6));
            if turn > 0 {
                // All but the last written letter, which was never evaluated, and what was added since.
                assert_eq!(end.reused_tokens, talk.len() - 3);
            }
            talk.push_str(&text);
            talk.push_str("\n>");
        }
    }
}

#[test]
fn a_full_cache_forgets_the_conversation_unused_longest() {
    let mut stage = Stage::new(Scripted::new(3, 100));
    for prompt in ["one", "two", "six"] {
        let prompt = prompt.repeat(10);
        let completion = stage.submit(&prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(&prompt, 5));
    }
    let again = stage.submit(&"six".repeat(10), 5);
    stage.finish();
    assert_eq!(said(again).1.reused_tokens, 29);
    let gone = stage.submit(&"one".repeat(10), 5);
    stage.finish();
    assert_eq!(said(gone).1.reused_tokens, 0);
}

#[test]
fn when_nothing_can_be_forgotten_the_latest_starts_over() {
    let mut stage = Stage::new(Scripted::new(3, 100));
    let prompts = ["ab".repeat(10), "cd".repeat(10), "ef".repeat(10)];
    let completions: Vec<_> = prompts.iter().map(|p| stage.submit(p, 40)).collect();
    stage.finish();
    for (completion, prompt) in completions.into_iter().zip(&prompts) {
        assert_eq!(said(completion).0, continuation(prompt, 40));
    }
}

#[test]
fn a_reply_that_fills_the_whole_cache_ends() {
    let mut stage = Stage::new(Scripted::new(2, 30));
    let completion = stage.submit(&"x".repeat(20), 50);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(end.reason, Reason::Length);
    assert_eq!(text, continuation(&"x".repeat(20), text.len()));
    assert!(text.len() >= 10);
}

#[test]
fn a_prompt_that_never_fits_is_refused() {
    let mut stage = Stage::new(Scripted::new(2, 30));
    let completion = stage.submit(&"x".repeat(60), 5);
    stage.finish();
    assert_eq!(completion.text().unwrap_err().kind(), Kind::Limit);
}

#[test]
fn a_model_that_cannot_forget_a_part_starts_over() {
    let mut backend = Scripted::new(2, 1000);
    backend.partial = false;
    backend.limits.shares = false;
    let mut stage = Stage::new(backend);
    for prompt in [
        "the same beginning",
        "the same ending",
        "the same beginning",
    ] {
        let completion = stage.submit(prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(prompt, 5));
    }
}

#[test]
fn the_context_ends_a_reply() {
    let mut backend = Scripted::new(1, 1000);
    backend.limits.context = 12;
    let mut stage = Stage::new(backend);
    let completion = stage.submit("12345678", 100);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!((text.len(), end.reason), (4, Reason::Length));
}

#[test]
fn a_conversation_that_lost_its_slot_goes_on_from_the_shelf() {
    let mut stage = Stage::with_shelf(Scripted::new(1, 1000), 10_000);
    let (anna, bert) = ("Anna speaks at length. ", "Bert does not agree with her. ");
    for (prompt, reused) in [
        (anna, 0),
        (bert, 0),
        (anna, anna.len() - 1),
        (bert, bert.len() - 1),
    ] {
        let completion = stage.submit(prompt, 5);
        stage.finish();
        let (text, end) = said(completion);
        assert_eq!(text, continuation(prompt, 5));
        assert_eq!(end.reused_tokens, reused);
    }
}

#[test]
fn a_reply_that_is_asked_for_anew_is_kept_where_it_is_longer_than_what_one_decode_reads() {
    let prompt = "so they walk along the old wall and say little, ".repeat(2);
    for (length, is_kept) in [(20, false), (40, true)] {
        let mut backend = Scripted::new(1, 4000);
        backend.limits.shared_chunk = 32;
        let mut stage = Stage::with_shelf(backend, 100_000);
        let mut say = |prompt: &str, length| {
            let completion = stage.submit(prompt, length);
            stage.finish();
            said(completion)
        };
        let (first, _) = say(&prompt, length);
        say(&prompt, length);
        say(&format!("{prompt}Another reply"), length);
        let (_, end) = say(&format!("{prompt}{first} and then"), 1);
        // All but the last letter of the reply, which was never evaluated.
        let kept = prompt.len() + if is_kept { length - 1 } else { 0 };
        assert_eq!(end.reused_tokens, kept, "a reply of {length}");
    }
}

#[test]
fn a_shelf_that_cannot_be_loaded_from_costs_nothing_but_time() {
    let mut stage = Stage::with_shelf(Scripted::new(1, 1000), 10_000);
    for prompt in ["Anna speaks at length. ", "Bert does not agree. "] {
        let completion = stage.submit(prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(prompt, 5));
    }
    stage.scheduler.backend.loads = false;
    let completion = stage.submit("Anna speaks at length. ", 5);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(text, continuation("Anna speaks at length. ", 5));
    assert_eq!(end.reused_tokens, 0);
}

#[test]
fn the_shelf_never_holds_more_than_it_may() {
    let mut stage = Stage::with_shelf(Scripted::new(1, 1000), 600);
    for i in 0..20 {
        let prompt = format!("{i} and what was said then");
        let completion = stage.submit(&prompt, 5);
        stage.finish();
        assert_eq!(said(completion).0, continuation(&prompt, 5));
    }
    // Four bytes a token twice over, for its state and its number: so two conversations.
    let held = |stage: &Stage, i| {
        let prompt = format!("{i} and what was said then");
        let tokens: Vec<Token> = prompt.bytes().map(Token::from).collect();
        let none = Arc::from([]);
        stage.scheduler.shelf.covers(&tokens, &none)
    };
    let kept: Vec<i32> = (0..20).filter(|&i| held(&stage, i)).collect();
    assert_eq!(kept, [17, 18]);
}
