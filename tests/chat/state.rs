//! The chat without a session: turns, alternatives, prompts, and the file that holds them.

use cardwright::card::Card;
use cardwright::chat::{Ask, Chat};
use cardwright::engine::Script;
use cardwright::prompt::chat_file::ChatFile;
use cardwright::prompt::{Conversation, Field, Format, Message, Role};

use super::{card, cast, chat, said, seeded};

fn limarp() -> Format {
    Format::named("limarp-v1").unwrap()
}

/// Says something and takes the script's next reply.
fn exchange(chat: &mut Chat, engine: &Script, text: &str) {
    chat.say(text);
    answer(chat, engine, Ask::Reply);
}

fn answer(chat: &mut Chat, engine: &Script, ask: Ask) -> Option<String> {
    let reply = chat.ask(ask, engine, &limarp(), &seeded()).unwrap();
    chat.take(ask, &reply.text().unwrap(), "script")
}

#[test]
fn a_reply_is_asked_for_in_the_exact_format_and_ends_where_the_user_would_speak() {
    let engine = Script::new([" She smiled.", "\n\n<<HUMAN>>\nPerrin: I"]);
    let mut chat = chat();
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
    assert!(limarp().parse(&request.prompt).is_in_format());
}

#[test]
fn a_regenerated_reply_is_an_alternative_and_the_prompt_is_the_same() {
    let engine = Script::replies([["One."], ["Two."]]);
    let mut chat = chat();
    assert!(
        chat.refusal(Ask::Swipe).unwrap().contains("greeting"),
        "the greeting is the card's, not the model's"
    );
    exchange(&mut chat, &engine, "Perrin gasped.");
    answer(&mut chat, &engine, Ask::Swipe);
    let last = chat.last().unwrap();
    assert_eq!(
        (last.text(), last.swipes(), last.swipe()),
        ("Two.", vec!["One.", "Two."], 1)
    );
    let requests = engine.requests();
    assert_eq!(requests[0].prompt, requests[1].prompt);
    assert_ne!(requests[0].settings.seed, requests[1].settings.seed);
}

#[test]
fn a_reply_that_goes_on_is_asked_for_with_what_there_is_of_it() {
    let engine = Script::replies([["She smiled"], [" and bowed."]]);
    let mut chat = chat();
    exchange(&mut chat, &engine, "Perrin gasped.");
    answer(&mut chat, &engine, Ask::Continue);
    assert_eq!(chat.last().unwrap().text(), "She smiled and bowed.");
    assert_eq!(chat.turns().len(), 3);
    let requests = engine.requests();
    assert_eq!(
        requests[1].prompt,
        format!("{} She smiled", requests[0].prompt),
        "everything that was evaluated is used again"
    );
}

#[test]
fn a_begun_turn_is_the_beginning_of_the_finished_one_in_every_format() {
    let formats = Format::all().unwrap().into_iter();
    for format in formats.filter(|format| !format.loses().contains(&Field::Open)) {
        let mut conversation = Conversation {
            char: "Okka".into(),
            user: "Perrin".into(),
            char_persona: "Okka returns treasure.".into(),
            messages: vec![Message {
                role: Role::User,
                text: "Perrin gasped.".into(),
            }],
            open: Some(Role::Char),
            ..Conversation::default()
        };
        let mut begun = format.render(&conversation).unwrap();
        // Where the length stands in the open turn alone, the finished one has none.
        let has_length = begun
            .lines()
            .rev()
            .take(2)
            .any(|line| line.contains("(length"));
        format.begin_turn(&mut begun, Role::Char, "Okka bowed");
        conversation.messages.push(Message {
            role: Role::Char,
            text: "Okka bowed low.".into(),
        });
        conversation.open = None;
        let finished = format.render(&conversation).unwrap();
        if !has_length {
            assert!(
                finished.starts_with(&begun),
                "{}: {begun:?} does not begin {finished:?}",
                format.name()
            );
        }
    }
}

#[test]
fn a_draft_for_the_user_is_written_in_the_user_s_turn_and_stays_out_of_the_chat() {
    let engine = Script::new([" I would", " like it back.", "\nOkka: No"]);
    let mut chat = chat();
    let draft = answer(&mut chat, &engine, Ask::Impersonate);
    assert_eq!(draft.as_deref(), Some("I would like it back."));
    assert_eq!(said(&chat), ["Okka put the vase down."]);
    let request = &engine.requests()[0];
    assert!(request.prompt.ends_with("<<HUMAN>>\nPerrin:"));
    assert!(
        request.stop.contains(&"\nOkka:".to_owned()),
        "{:?}",
        request.stop
    );
}

#[test]
fn undo_takes_back_the_last_exchange_and_nothing_more() {
    let engine = Script::new(["One."]);
    let mut chat = chat();
    assert_eq!(chat.undo(), 0);
    exchange(&mut chat, &engine, "Perrin gasped.");
    assert_eq!(chat.undo(), 2);
    assert_eq!(said(&chat), ["Okka put the vase down."]);
}

#[test]
fn the_greetings_of_the_card_are_alternatives_of_the_first_message() {
    let mut chat = chat();
    assert_eq!(
        chat.last().unwrap().swipes(),
        ["Okka put the vase down.", "Okka waved at Perrin."]
    );
    assert!(chat.greet(1));
    assert_eq!(said(&chat), ["Okka waved at Perrin."]);
    assert!(!chat.greet(2));
    chat.say("Hm.");
    assert!(!chat.greet(0), "the conversation has gone on");
}

#[test]
fn what_the_user_types_has_its_macros_replaced() {
    let mut chat = chat();
    chat.say("{{user}} looked at {{char}}.");
    assert_eq!(chat.last().unwrap().text(), "Perrin looked at Okka.");
}

#[test]
fn a_sillytavern_chat_file_comes_back_byte_for_byte_but_for_what_was_changed() {
    let text = include_str!("../fixtures/chats/lighthouse.jsonl");
    let card = Card::from_json(r#"{"name":"Mara","description":"Mara keeps a lighthouse.","personality":"","scenario":"","first_mes":"","mes_example":""}"#).unwrap();
    let (mut chat, _) = Chat::resume(card, cast(), ChatFile::parse(text).unwrap());
    assert_eq!(chat.to_jsonl(), text);
    assert_eq!(chat.cast().user, "Finn", "the names are those of the chat");
    assert_eq!(chat.turns().len(), 4, "hidden messages are not shown");
    assert!(chat.edit(2, "Changed."));
    let lines: Vec<_> = text
        .lines()
        .zip(
            chat.to_jsonl()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
        .collect();
    let changed = lines.iter().filter(|(old, new)| old != new).count();
    assert_eq!(changed, 1);
    assert!(
        chat.to_jsonl()
            .contains(r#""mes":"Changed.","extra":{"isSmallSys":false}"#)
    );
}

#[test]
fn what_was_set_in_a_chat_is_there_when_it_is_resumed() {
    let mut chat = chat();
    chat.set_length(Some("long"));
    chat.set_persona(Some("Perrin is a thief."));
    chat.set_note("It is dark.");
    chat.set_note_depth(1);
    let file = ChatFile::parse(&chat.to_jsonl()).unwrap();
    let (again, _) = Chat::resume(card(), cast(), file);
    assert_eq!(again.length(), Some("long"));
    assert_eq!(again.cast().user_persona, "Perrin is a thief.");
    assert_eq!(
        (again.note().text.as_str(), again.note().depth),
        ("It is dark.", 1)
    );
    assert_eq!(again.to_jsonl(), chat.to_jsonl());
}

#[test]
fn the_note_stands_so_many_messages_from_the_end_and_the_prompt_stays_in_format() {
    let engine = Script::new([""]);
    let mut chat = chat();
    chat.say("One.");
    chat.set_note("[It is dark.]");
    chat.set_note_depth(1);
    let fit = chat
        .prompt(Ask::Reply, &engine, &limarp(), &seeded())
        .unwrap();
    assert!(
        fit.prompt
            .contains("Okka: Okka put the vase down.\n\n[It is dark.]\n\n<<HUMAN>>\nPerrin: One."),
        "{}",
        fit.prompt
    );
    assert!(limarp().parse(&fit.prompt).is_in_format());
    chat.set_note("");
    let fit = chat
        .prompt(Ask::Reply, &engine, &limarp(), &seeded())
        .unwrap();
    assert!(!fit.prompt.contains("dark"));
}

#[test]
fn whole_oldest_turns_are_dropped_and_the_beginning_stays_put_for_a_while() {
    let engine = Script::new(["unused"]);
    let mut chat = chat();
    let options = cardwright::chat::ReplyOptions {
        max_tokens: 4096 - 400,
        ..seeded()
    };
    let mut beginnings = Vec::new();
    for number in 0..120 {
        chat.say(&format!(
            "Message {number} has exactly these seven words. {}",
            "word ".repeat(20)
        ));
        let fit = chat
            .prompt(Ask::Reply, &engine, &limarp(), &options)
            .unwrap();
        assert!(fit.prompt.split_whitespace().count() < 2048);
        assert!(fit.prompt.starts_with("<<SYSTEM>>\nOkka's Persona:"));
        assert!(fit.prompt.contains(&format!("Message {number} ")));
        let first = fit.prompt.find("Message ").unwrap();
        beginnings.push(
            fit.prompt[first..]
                .split_whitespace()
                .nth(1)
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(
        chat.turns().len(),
        121,
        "nothing is dropped from the chat itself"
    );
    beginnings.dedup();
    assert!(
        (2..12).contains(&beginnings.len()),
        "the prefix moved {} times",
        beginnings.len()
    );
}
