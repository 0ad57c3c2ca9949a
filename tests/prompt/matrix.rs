//! Every format over every conversation of the fixtures, counted.

use std::fs;
use std::path::Path;

use cardwright::prompt::{Conversation, Format, Message, Role};
use serde_json::Value;

/// The conversations of the fixtures, by name.
fn conversations() -> Vec<(String, Conversation)> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt/conversations.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let role = |value: &Value| match value.as_str()? {
        "char" => Some(Role::Char),
        _ => Some(Role::User),
    };
    let read = |(name, value): (&String, &Value)| {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let message = |pair: &Value| Message {
            role: role(&pair[0]).unwrap(),
            text: pair[1].as_str().unwrap().to_owned(),
        };
        let conversation = Conversation {
            char: text("char"),
            user: text("user"),
            char_persona: text("char_persona"),
            user_persona: text("user_persona"),
            scenario: text("scenario"),
            messages: value["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(message)
                .collect(),
            open: role(&value["open"]),
            ..Conversation::default()
        };
        (name.clone(), conversation)
    };
    all.as_object().unwrap().iter().map(read).collect()
}

/// What was rendered reads back, renders to the same bytes again, and needs no mending.
#[test]
fn every_format_carries_every_conversation_of_the_fixtures() {
    let conversations = conversations();
    let mut table = Vec::new();
    let mut failures = Vec::new();
    for format in Format::all().unwrap() {
        let mut passed = 0;
        for (name, conversation) in &conversations {
            let carried = format.carried(conversation);
            let text = match format.render(conversation) {
                Ok(text) => text,
                Err(error) => {
                    failures.push(format!("{} / {name}: refused: {error}", format.name()));
                    continue;
                }
            };
            let parsed = format.parse(&text);
            if parsed.conversation.as_ref() != Some(&carried) {
                failures.push(format!("{} / {name}: reads back otherwise", format.name()));
            } else if format.render(&carried).unwrap() != text {
                failures.push(format!("{} / {name}: writes other bytes", format.name()));
            } else {
                passed += 1;
            }
        }
        table.push(format!(
            "{:18} {passed} of {}",
            format.name(),
            conversations.len()
        ));
    }
    println!("{}\n{}", table.join("\n"), failures.join("\n"));
    insta::assert_snapshot!(format!("{}\n\n{}", table.join("\n"), failures.join("\n")));
}
