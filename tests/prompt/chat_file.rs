//! SillyTavern chat files, read and written back.

use std::path::{Path, PathBuf};

use cardwright::prompt::chat_file::{ChatFile, ChatMessage};
use serde_json::json;

fn lighthouse() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chats/lighthouse.jsonl")
}

#[test]
fn an_untouched_chat_comes_back_byte_for_byte() {
    let text = std::fs::read_to_string(lighthouse()).unwrap();
    for text in [
        text.clone(),
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}\n\n"),
    ] {
        assert_eq!(ChatFile::parse(&text).unwrap().to_jsonl(), text);
    }
}

#[test]
fn an_edit_changes_its_own_line_and_its_own_fields() {
    let text = std::fs::read_to_string(lighthouse()).unwrap();
    let mut chat = ChatFile::parse(&text).unwrap();
    chat.messages_mut()[1].set_text("\"Thanks.\"");
    let written = chat.to_jsonl();
    let changed: Vec<_> = text
        .lines()
        .zip(written.lines())
        .filter(|(old, new)| old != new)
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(
        changed[0].1,
        r#"{"name":"Finn","is_user":true,"is_system":false,"send_date":"November 20, 2026 7:03pm","mes":"\"Thanks.\"","extra":{"isSmallSys":false}}"#
    );
}

#[test]
fn a_swipe_comes_with_what_was_kept_about_it() {
    let mut chat = ChatFile::read(&lighthouse()).unwrap();
    let reply = chat.messages_mut().last_mut().unwrap();
    assert!(reply.choose(0));
    assert_eq!((reply.text(), reply.swipe()), ("\"Sit.\"", 0));
    assert_eq!(reply.fields()["extra"], json!({"api": "one"}));
    assert_eq!(reply.fields()["send_date"], "a");
    reply.add_swipe("\"Stand.\"");
    assert_eq!((reply.text(), reply.swipe()), ("\"Stand.\"", 2));
    assert_eq!(reply.fields()["swipe_info"][0]["extra"]["api"], "one");
    assert_eq!(reply.fields()["swipe_info"].as_array().unwrap().len(), 3);
    assert!(!reply.fields().contains_key("send_date"));
    assert!(!reply.choose(3));
    assert!(reply.choose(1));
    assert_eq!(reply.fields()["send_date"], "b");
    reply.set_text("\"Sit down.\"");
    assert_eq!(reply.swipes()[1], "\"Sit down.\"");
}

#[test]
fn the_first_other_reply_keeps_the_one_before() {
    let mut message = ChatMessage::new("Mara", false, "One.");
    message.set("send_date", json!("then"));
    message.add_swipe("Two.");
    assert_eq!(message.swipes(), ["One.", "Two."]);
    assert_eq!(message.fields()["swipe_info"][0]["send_date"], "then");
    assert!(message.choose(0));
    assert_eq!(message.fields()["send_date"], "then");
}

#[test]
fn names_come_from_the_header_or_from_whoever_spoke() {
    let chat = ChatFile::read(&lighthouse()).unwrap();
    assert_eq!(
        (chat.user_name(), chat.character_name()),
        (Some("Finn"), Some("Mara"))
    );
    let newer = r#"{"chat_metadata":{},"user_name":"unused","character_name":"unused"}
{"name":"Old","is_user":false,"mes":"a"}
{"name":"Ann","is_user":true,"mes":"b"}
{"name":"New","is_user":false,"mes":"c"}
{"name":"System","is_user":false,"is_system":true,"mes":"d"}"#;
    let chat = ChatFile::parse(newer).unwrap();
    assert_eq!(
        (chat.user_name(), chat.character_name()),
        (Some("Ann"), Some("New"))
    );
    let headless = ChatFile::parse(r#"{"name":"Ann","is_user":true,"mes":"b"}"#).unwrap();
    assert!(headless.header().is_none());
    assert_eq!(headless.character_name(), None);
}

#[test]
fn what_is_kept_about_the_chat_can_be_set() {
    let mut chat = ChatFile::new("Finn", "Mara");
    chat.set_metadata("note_prompt", json!("Be brief."));
    chat.push(ChatMessage::new("Finn", true, "Hello.\nAgain."));
    let again = ChatFile::parse(&chat.to_jsonl()).unwrap();
    assert_eq!(again.metadata("note_prompt").unwrap(), "Be brief.");
    assert_eq!(again.messages()[0].text(), "Hello.\nAgain.");
    chat.set_metadata("note_prompt", json!(null));
    assert_eq!(chat.metadata("note_prompt"), None);
}

#[test]
fn a_line_that_is_no_message_is_named() {
    let cases = [
        (
            "{\"mes\":\"a\"}\n\n{\"mes\":",
            "line 3: this line is not JSON",
        ),
        (
            "{\"mes\":\"a\"}\n[]",
            "line 2: this line is not a JSON object",
        ),
        (
            "{\"mes\":\"a\"}\n{}",
            "line 2: this line is not a message (it has no `mes`)",
        ),
        (
            "{\"spec\":1}",
            "line 1: this line is neither the first line of a chat (it has no `chat_metadata`) nor a message",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(ChatFile::parse(text).unwrap_err().to_string(), said);
    }
    assert!(ChatFile::parse("").unwrap().messages().is_empty());
}
