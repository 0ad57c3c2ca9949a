//! Long conversations in small contexts.

use std::cell::Cell;

use cardwright::prompt::{Budget, Conversation, Format, Message, Role};
use cardwright::{Kind, Result};

/// A chat of `turns` turns of ten words each.
fn chat(turns: usize) -> Conversation {
    let turn = |at: usize| Message {
        role: if at.is_multiple_of(2) {
            Role::Char
        } else {
            Role::User
        },
        text: format!("{at} two three four five six seven eight nine ten"),
    };
    Conversation {
        messages: (0..turns).map(turn).collect(),
        ..super::museum(Some(Role::Char))
    }
}

fn words(text: &str) -> Result<usize> {
    Ok(text.split_whitespace().count())
}

#[test]
fn the_beginning_of_the_prompt_stays_the_same_for_many_turns() {
    let format = Format::named("limarp-v1").unwrap();
    let budget = Budget {
        context: 400,
        reply: 50,
        block: 8,
    };
    let mut firsts = Vec::new();
    for turns in 1..60 {
        let fit = format.fit(&chat(turns), budget, &words).unwrap();
        assert!(fit.tokens < fit.limit);
        assert_eq!(fit.dropped() + fit.conversation.messages.len(), turns);
        assert_eq!(
            fit.conversation.messages.last(),
            chat(turns).messages.last()
        );
        firsts.push(fit.conversation.messages[0].text.clone());
    }
    firsts.dedup();
    assert!(
        firsts.len() < 8,
        "the first turn changed {} times in 59",
        firsts.len()
    );
}

#[test]
fn a_conversation_that_fits_is_left_alone() {
    let conversation = super::museum(Some(Role::Char));
    let fit = Format::named("limarp-v1")
        .unwrap()
        .fit(&conversation, Budget::default(), &words)
        .unwrap();
    assert_eq!(fit.conversation, conversation);
    assert_eq!(fit.dropped(), 0);
}

#[test]
fn what_cannot_fit_is_told_with_numbers() {
    let budget = Budget {
        context: 100,
        reply: 50,
        block: 2,
    };
    let error = Format::named("limarp-v1")
        .unwrap()
        .fit(&chat(9), budget, &words)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
    assert_eq!(
        error.to_string(),
        "the system text and the last turn take 106 tokens, and there is room for fewer than 50"
    );
}

#[test]
fn each_turn_is_counted_once() {
    let calls = Cell::new(0);
    let counter = |text: &str| {
        calls.set(calls.get() + 1);
        words(text)
    };
    Format::named("limarp-v1")
        .unwrap()
        .fit(
            &chat(50),
            Budget {
                context: 400,
                reply: 50,
                block: 8,
            },
            &counter,
        )
        .unwrap();
    // The turns, the four fields of the system text, and the whole a few times.
    assert!(calls.get() <= 50 + 4 + 4, "{} calls", calls.get());
}
