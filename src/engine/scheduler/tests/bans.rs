//! Replies that are taken back because of a banned string, and what is told of tokens.

use super::*;

#[test]
fn a_banned_string_is_taken_back_and_the_rest_follows_what_stands_there() {
    let plain = continuation("Tell me", 40);
    let (one, two) = (&plain[3..4], &plain[10..14]);
    for bans in [vec![one], vec![two], vec![two, &plain[20..22]]] {
        let mut stage = Stage::new(Scripted::new(1, 1000));
        let mut settings = Request::new("Tell me");
        settings.settings.banned_strings = bans.iter().map(|&ban| ban.to_owned()).collect();
        // Token 0 would end the text, so it is banned as the request's own settings do.
        settings.settings.banned_tokens = vec![0];
        settings.max_tokens = 40;
        let completion = stage.request(settings);
        stage.finish();
        let (text, end) = said(completion);
        assert_eq!(text, continuation_without("Tell me", 40, &bans), "{bans:?}");
        assert!(bans.iter().all(|ban| !text.contains(ban)), "{text}");
        assert!(end.rewinds > 0);
        assert_eq!(end.reply_tokens, 40);
    }
}

#[test]
fn nothing_of_a_banned_string_is_shown_before_it_is_taken_back() {
    let plain = continuation("Tell me", 40);
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let mut completion = stage.banning("Tell me", 40, &[&plain[10..15]]);
    let mut shown = String::new();
    while stage.scheduler.is_busy() {
        stage.step();
        while let std::task::Poll::Ready(Some(piece)) =
            completion.wait_piece(std::time::Duration::ZERO)
        {
            shown.push_str(&piece.unwrap());
            assert!(!shown.contains(&plain[10..15]) && !shown.ends_with(&plain[10..14]));
        }
    }
    assert_eq!(shown[..10], plain[..10]);
}

#[test]
fn a_reply_taken_back_does_not_disturb_its_neighbours_nor_its_successors() {
    let plain = continuation("second", 30);
    let mut stage = Stage::new(Scripted::new(3, 1000));
    let first = stage.submit("first", 30);
    let second = stage.banning("second", 30, &[&plain[4..9]]);
    let third = stage.submit("third", 30);
    stage.finish();
    assert_eq!(said(first).0, continuation("first", 30));
    assert_eq!(said(third).0, continuation("third", 30));
    let talk = format!("second{}", said(second).0);
    let next = stage.submit(&talk, 10);
    stage.finish();
    assert_eq!(said(next).0, continuation(&talk, 10));
}

#[test]
fn a_reply_that_cannot_do_without_a_banned_string_still_ends() {
    let letters: Vec<String> = ('a'..='z').map(String::from).collect();
    let mut bans: Vec<&str> = letters.iter().map(String::as_str).collect();
    let rest: Vec<String> = (1..128_u8)
        .filter(|byte| !byte.is_ascii_lowercase())
        .map(|byte| char::from(byte).to_string())
        .collect();
    bans.extend(rest.iter().map(String::as_str));
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let mut request = Request {
        max_tokens: 20,
        ..Request::new("x")
    };
    request.settings.banned_strings = bans.iter().map(|&ban| ban.to_owned()).collect();
    request.settings.banned_tokens = vec![0];
    let completion = stage.request(request);
    stage.finish();
    assert_eq!(said(completion).1.reply_tokens, 20);
}

#[test]
fn a_grammar_prevails_over_a_banned_string() {
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let mut request = Request {
        grammar: Some("exactly this".into()),
        ..Request::new("say")
    };
    request.settings.banned_strings = vec!["ly th".into()];
    let completion = stage.request(request);
    stage.finish();
    let (text, end) = said(completion);
    assert_eq!(
        (text.as_str(), end.reason),
        ("exactly this", Reason::Grammar)
    );
}

#[test]
fn tokens_come_with_the_text_they_complete_and_none_of_a_stop_string() {
    let whole = continuation("tokens", 20);
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let mut completion = stage.request(Request {
        stop: vec![whole[7..10].to_owned()],
        logprobs: Some(3),
        ..Request::new("tokens")
    });
    stage.finish();
    let (mut text, mut told) = (String::new(), Vec::new());
    while let Some(piece) = completion.next() {
        text.push_str(&piece.unwrap());
        told.extend(completion.take_chosen());
        let bytes: Vec<u8> = told.iter().flat_map(|t| t.choice.bytes.clone()).collect();
        assert_eq!(bytes, text.as_bytes());
    }
    assert_eq!(told.len(), 7);
    for chosen in &told {
        // One logit of 9 among 127 of 0.
        let expected = 9.0 - (9.0_f32.exp() + 127.0).ln();
        assert!((chosen.choice.logprob - expected).abs() < 1e-4);
        assert_eq!(chosen.alternatives.len(), 3);
        assert_eq!(chosen.alternatives[0], chosen.choice);
        assert!(chosen.alternatives[1].logprob < -9.0);
    }
}

#[test]
fn tokens_that_were_taken_back_are_not_told() {
    let plain = continuation("Tell me", 40);
    let mut stage = Stage::new(Scripted::new(1, 1000));
    let mut request = Request {
        max_tokens: 30,
        logprobs: Some(0),
        ..Request::new("Tell me")
    };
    request.settings.banned_strings = vec![plain[10..14].to_owned()];
    request.settings.banned_tokens = vec![0];
    let mut completion = stage.request(request);
    stage.finish();
    let text: String = completion.by_ref().map(|piece| piece.unwrap()).collect();
    let told = completion.take_chosen();
    let bytes: Vec<u8> = told.iter().flat_map(|t| t.choice.bytes.clone()).collect();
    assert_eq!(bytes, text.as_bytes());
    assert_eq!(told.len(), 30);
}
