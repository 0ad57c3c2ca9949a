//! Conversations: turns, alternatives, chat files, and what is dropped when the context is full.

use cardwright::chat::{Chat, ReplyOptions};
use cardwright::engine::Script;
use cardwright::prompt::{Conversation, Format, Message, Role};

fn conversation() -> Conversation {
    Conversation {
        char: "Okka".into(),
        user: "Perrin".into(),
        char_persona: "Okka returns stolen treasure.".into(),
        user_persona: "Perrin counts vases.".into(),
        scenario: "A museum at night.".into(),
        messages: vec![Message {
            role: Role::Char,
            text: "Okka put the vase down.".into(),
        }],
        ..Conversation::default()
    }
}

/// Says something and takes the script's next reply.
fn exchange(chat: &mut Chat, engine: &Script, text: &str) {
    let format = Format::named("limarp-v1").unwrap();
    chat.say(text);
    let reply = chat.reply(engine, &format, &seeded()).unwrap();
    chat.take_reply(&reply.text().unwrap());
}

/// The default options with a seed.
fn seeded() -> ReplyOptions {
    let mut options = ReplyOptions::default();
    options.settings.seed = Some(1);
    options
}

fn said(chat: &Chat) -> Vec<&str> {
    chat.turns()
        .iter()
        .map(cardwright::chat::Turn::text)
        .collect()
}

#[test]
fn a_reply_is_asked_for_in_the_exact_format_and_ends_where_the_user_would_speak() {
    let engine = Script::new([" She smiled.", "\n\n<<HUMAN>>\nPerrin: I"]);
    let mut chat = Chat::new(conversation());
    exchange(&mut chat, &engine, "Perrin gasped.");
    assert_eq!(
        said(&chat),
        ["Okka put the vase down.", "Perrin gasped.", "She smiled."]
    );
    let request = &engine.requests()[0];
    assert!(
        request.prompt.ends_with(
            "<<AIBOT>>\nOkka: Okka put the vase down.\n\n<<HUMAN>>\nPerrin: Perrin gasped.\n\n<<AIBOT>>\nOkka:"
        ),
        "{}",
        request.prompt
    );
    assert!(!request.special_tokens);
}

#[test]
fn a_regenerated_reply_is_an_alternative_and_the_prompt_is_the_same() {
    let engine = Script::replies([["One."], ["Two."]]);
    let format = Format::named("limarp-v1").unwrap();
    let mut chat = Chat::new(conversation());
    assert!(
        !chat.regenerate(),
        "the greeting is the card's, not the model's"
    );
    exchange(&mut chat, &engine, "Perrin gasped.");
    assert!(chat.regenerate());
    let reply = chat.reply(&engine, &format, &seeded()).unwrap();
    chat.take_reply(&reply.text().unwrap());
    let last = chat.last().unwrap();
    assert_eq!(
        (last.text(), last.swipes()),
        ("Two.", &["One.".to_owned(), "Two.".to_owned()][..])
    );
    let requests = engine.requests();
    assert_eq!(requests[0].prompt, requests[1].prompt);
    assert_ne!(requests[0].settings.seed, requests[1].settings.seed);
}

#[test]
fn undo_takes_back_the_last_exchange_and_nothing_more() {
    let engine = Script::new(["One."]);
    let mut chat = Chat::new(conversation());
    assert!(!chat.undo());
    exchange(&mut chat, &engine, "Perrin gasped.");
    assert!(chat.undo());
    assert_eq!(said(&chat), ["Okka put the vase down."]);
}

#[test]
fn a_sillytavern_chat_file_comes_back_with_its_unknown_fields_and_alternatives() {
    let file = concat!(
        r#"{"user_name":"Perrin","character_name":"Okka","create_date":"2026-01-02@03h04m05s","chat_metadata":{"note":"x"}}"#,
        "\n",
        r#"{"name":"Okka","is_user":false,"is_system":false,"send_date":"a","mes":"Two.","extra":{"api":"b"},"swipes":["One.","Two."],"swipe_id":1}"#,
        "\n",
        r#"{"name":"Perrin","is_user":true,"is_system":false,"send_date":"c","mes":"Hm.","extra":{}}"#,
        "\n",
    );
    let mut chat = Chat::new(conversation());
    chat.read_jsonl(file).unwrap();
    assert_eq!(said(&chat), ["Two.", "Hm."]);
    let values = |text: &str| -> Vec<serde_json::Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(values(&chat.to_jsonl()), values(file));
}

#[test]
fn a_damaged_chat_file_names_its_line_and_changes_nothing() {
    let mut chat = Chat::new(conversation());
    let before = chat.clone();
    let error = chat
        .read_jsonl("{\"user_name\":\"A\"}\n{\"mes\":\"x\"}\n{oops\n")
        .unwrap_err();
    assert_eq!(error.to_string(), "line 3: this line is not JSON");
    assert_eq!(chat, before);
}

#[test]
fn whole_oldest_turns_are_dropped_and_the_beginning_stays_put_for_a_while() {
    let engine = Script::new(["unused"]);
    let format = Format::named("limarp-v1").unwrap();
    let mut chat = Chat::new(conversation());
    let mut beginnings = Vec::new();
    for number in 0..60 {
        chat.say(&format!("Message {number} has exactly these seven words."));
        let prompt = chat.prompt(&engine, &format, 400).unwrap();
        assert!(prompt.split_whitespace().count() <= 400);
        assert!(prompt.starts_with("<<SYSTEM>>\nOkka's Persona:"));
        assert!(prompt.contains(&format!("Message {number} ")));
        let first = prompt.find("Message ").unwrap();
        beginnings.push(
            prompt[first..]
                .split_whitespace()
                .nth(1)
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(
        chat.turns().len(),
        61,
        "nothing is dropped from the chat itself"
    );
    beginnings.dedup();
    assert!(
        (2..10).contains(&beginnings.len()),
        "the prefix moved {} times",
        beginnings.len()
    );
}

#[test]
fn a_context_too_small_for_the_system_text_is_an_error_with_a_way_out() {
    let engine = Script::new(["unused"]);
    let format = Format::named("limarp-v1").unwrap();
    let mut chat = Chat::new(conversation());
    chat.say("Hm.");
    let error = chat.prompt(&engine, &format, 20).unwrap_err();
    assert!(error.to_string().contains("only 20 fit"), "{error}");
    assert!(error.next_step().unwrap().contains("--ctx"));
}
