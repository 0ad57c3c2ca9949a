//! Cards as prompts, by the command and by the library.

use assert_cmd::Command;
use cardwright::card::Card;
use cardwright::prompt::{Cast, Conversation, Role};
use serde_json::json;

fn cardwright(arguments: &[&str], input: &[u8]) -> std::process::Output {
    Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CARDWRIGHT_TEMPLATES")
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap()
}

#[test]
fn the_example_cards_render_to_prompts_that_pass_the_check() {
    let cards = [
        "cards/anselm.png",
        "cards/basalt.png",
        "cards/marigold.png",
        "cards/okka.png",
        "cards/pell.png",
    ];
    let rendered = cardwright(&[&["prompt", "render"], &cards[..]].concat(), b"");
    assert!(rendered.status.success());
    assert_eq!(
        rendered.stdout.split(|byte| *byte == 0).count(),
        cards.len()
    );
    let checked = cardwright(&["prompt", "check", "-"], &rendered.stdout);
    insta::assert_snapshot!(String::from_utf8(checked.stdout).unwrap());
    assert!(checked.status.success());
}

#[test]
fn a_message_opens_the_characters_turn() {
    let rendered = cardwright(
        &[
            "prompt",
            "render",
            "cards/pell.png",
            "--message",
            "\"Hello?\"",
            "--human-tag",
            "user",
            "--length",
            "short",
        ],
        b"",
    );
    let prompt = String::from_utf8(rendered.stdout).unwrap();
    assert!(
        prompt.ends_with("\n\n<<USER>>\nDara: \"Hello?\"\n\n<<AIBOT>>\nPell:"),
        "{prompt}"
    );
    assert!(
        prompt.contains(" with messages of short length.\n\n<<AIBOT>>\nPell: "),
        "{prompt}"
    );
}

#[test]
fn what_a_card_lacks_or_cannot_have_replaced_is_told() {
    let card = Card::from_json(
        &json!({"spec": "chara_card_v2", "spec_version": "2.0", "data": {
            "name": "Mara", "description": "Mara's Persona: {{char}} keeps a lighthouse.\n\nShe owes {{unheard_of}} to {{user}}.",
            "personality": "patient", "scenario": "", "first_mes": "Hi.", "alternate_greetings": ["{{char}} waved."],
        }})
        .to_string(),
    )
    .unwrap();
    let cast = Cast {
        user: Some("Finn".into()),
        greeting: 1,
        ..Cast::default()
    };
    let (conversation, findings) = Conversation::from_card(&card, &cast);
    assert_eq!(
        conversation.char_persona,
        "Mara keeps a lighthouse. She owes {{unheard_of}} to Finn. patient"
    );
    assert_eq!(conversation.messages[0].text, "Mara waved.");
    assert_eq!(conversation.open, Some(Role::User));
    let said: Vec<_> = findings
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.message))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
