//! Cards, chats and lorebooks as prompts: what stands where, and what goes when there is no room.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use cardwright::card::Card;
use cardwright::prompt::chat_file::{ChatFile, ChatMessage};
use cardwright::prompt::{Budget, Cast, Fit, Format, Scene, Stage};
use cardwright::{Kind, Result};
use serde_json::json;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chats")
}

fn words(text: &str) -> Result<usize> {
    Ok(text.split_whitespace().count())
}

fn mara() -> Card {
    Card::from_json(&std::fs::read_to_string(fixtures().join("mara.json")).unwrap()).unwrap()
}

fn scene(card: &Card, chat: &ChatFile) -> Scene {
    let stage = Stage {
        chat: Some(chat),
        counter: &words,
        ..Stage::default()
    };
    Scene::of_card(card, &Cast::default(), stage).unwrap().0
}

/// SillyTavern's presets of ChatML, as far as they matter here.
fn presets() -> Format {
    let context = json!({"story_string": "{{#if system}}{{system}}\n{{/if}}{{#if wiBefore}}{{wiBefore}}\n{{/if}}{{description}}\n{{scenario}}\n{{#if wiAfter}}{{wiAfter}}\n{{/if}}{{persona}}{{trim}}",
        "example_separator": "An example:", "chat_start": "The chat:"});
    let instruct = json!({"input_sequence": "<|im_start|>user", "output_sequence": "<|im_start|>assistant",
        "system_sequence": "<|im_start|>system", "input_suffix": "<|im_end|>\n", "output_suffix": "<|im_end|>\n",
        "system_suffix": "<|im_end|>\n", "last_input_sequence": "<|im_start|>user (last)", "wrap": true, "macro": true,
        "names_behavior": "always", "story_string_prefix": "<|im_start|>system", "story_string_suffix": "<|im_end|>\n"});
    let sysprompt = json!({"content": "Write {{char}}'s next reply.", "post_history": ""});
    Format::import("presets", vec![context, instruct, sysprompt])
        .unwrap()
        .0
}

#[test]
fn a_chat_stands_in_sillytaverns_order() {
    let chat = ChatFile::read(&fixtures().join("lighthouse.jsonl")).unwrap();
    let scene = scene(&mara(), &chat);
    let mut shown = String::new();
    for format in [Format::named("limarp-v1").unwrap(), presets()] {
        shown.push_str(&format!(
            "== {}\n{}\n",
            format.name(),
            scene.write(&format).unwrap()
        ));
    }
    insta::assert_snapshot!(shown);
}

/// A chat of so many messages, ten words each.
fn long_chat(messages: usize) -> ChatFile {
    let mut chat = ChatFile::new("Finn", "Mara");
    chat.set_metadata("note_prompt", json!("Keep the weather in view."));
    for at in 0..messages {
        let is_user = at % 2 == 1;
        let name = if is_user { "Finn" } else { "Mara" };
        chat.push(ChatMessage::new(
            name,
            is_user,
            &format!("{at} two three four five six seven eight nine ten"),
        ));
    }
    chat
}

fn fit(format: &Format, messages: usize, context: usize) -> Fit {
    let budget = Budget {
        context,
        reply: 20,
        block: 4,
    };
    scene(&mara(), &long_chat(messages))
        .fit(format, budget, &words)
        .unwrap()
}

#[test]
fn the_oldest_turns_go_and_what_is_inserted_stays() {
    let fit = fit(&presets(), 31, 250);
    let table: Vec<String> = fit
        .parts
        .iter()
        .map(|part| {
            let state = if part.kept { "kept" } else { "cut" };
            format!(
                "{:36} {:>3} {state:4} {}",
                part.name, part.tokens, part.reason
            )
        })
        .collect();
    insta::assert_snapshot!(format!(
        "{} of {}\n{}\n\n{}",
        fit.tokens,
        fit.limit,
        table.join("\n"),
        fit.prompt
    ));
    assert!(fit.tokens < fit.limit);
    assert!(fit.prompt.contains("Keep the weather in view."));
    assert!(fit.prompt.contains("Mara never raises her voice."));
}

#[test]
fn examples_get_the_room_that_the_messages_leave() {
    let kept = |messages: usize| {
        let fit = fit(&presets(), messages, 160);
        let examples = fit
            .parts
            .iter()
            .filter(|part| part.name.starts_with("example"));
        (examples.filter(|part| part.kept).count(), fit.dropped())
    };
    assert_eq!(kept(1), (2, 0));
    // Until turns go, examples do; a block of turns that went leaves room for some again.
    let all: Vec<_> = (1..12).map(kept).collect();
    let until = all.iter().take_while(|(_, dropped)| *dropped == 0);
    let until: Vec<_> = until.map(|(examples, _)| *examples).collect();
    assert_eq!(until, [2, 2, 2, 2, 1, 0]);
    assert!(all.iter().all(|(_, dropped)| dropped % 4 == 0), "{all:?}");
}

#[test]
fn a_growing_chat_keeps_the_beginning_of_its_prompt() {
    let mut starts: Vec<String> = (20..60)
        .map(|messages| {
            let prompt = fit(&Format::named("limarp-v1").unwrap(), messages, 300).prompt;
            let (_, turns) = prompt.split_once("<<AIBOT>>").unwrap();
            turns[..20].to_owned()
        })
        .collect();
    starts.dedup();
    assert!(
        starts.len() <= 11,
        "the beginning changed {} times in 40",
        starts.len()
    );
}

#[test]
fn the_greeting_of_a_chat_decides_and_so_does_its_scenario() {
    let mut chat = ChatFile::new("Ann", "Mara");
    chat.set_metadata("scenario", json!("{{user}} writes a letter."));
    let scene = scene(&mara(), &chat);
    assert_eq!(scene.cast().scenario, "Ann writes a letter.");
    assert_eq!(scene.cast().user, "Ann");
}

#[test]
fn what_is_always_there_has_to_fit() {
    let budget = Budget {
        context: 60,
        reply: 20,
        block: 4,
    };
    let error = scene(&mara(), &long_chat(9))
        .fit(&presets(), budget, &words)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}

#[test]
fn an_authors_note_comes_when_it_is_due() {
    let with = |key: &str, value: serde_json::Value| {
        let mut chat = long_chat(6);
        chat.set_metadata(key, value);
        scene(&mara(), &chat).write(&presets()).unwrap()
    };
    let note = "Keep the weather in view.";
    assert!(with("note_interval", json!(1)).contains(note));
    assert!(with("note_interval", json!(3)).contains(note));
    assert!(!with("note_interval", json!(2)).contains(note));
    assert!(!with("note_interval", json!(0)).contains(note));
    let above = with("note_position", json!(0));
    assert!(!above.contains(note), "these presets have no place for it");
    let last = with("note_depth", json!(0));
    let (_, after) = last.split_once(note).unwrap();
    assert!(!after.contains("ten"), "{after}");
}

/// A command run in the folder of the fixtures, without a model.
fn transcript(arguments: &[&str]) -> String {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(fixtures())
        .env_remove("CARDWRIGHT_TEMPLATES")
        .env_remove("CARDWRIGHT_MODEL")
        .env("CARDWRIGHT_MODELS", empty.path())
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let err = text(output.stderr);
    format!(
        "$ cardwright {}\n{}{}--- exit {}\n",
        arguments.join(" "),
        text(output.stdout),
        if err.is_empty() {
            err
        } else {
            format!("--- stderr\n{err}")
        },
        output.status.code().unwrap()
    )
}

#[test]
fn the_command_explains_what_stands_in_a_prompt() {
    let shown = [
        transcript(&[
            "prompt",
            "render",
            "mara.json",
            "--chat",
            "lighthouse.jsonl",
            "--explain",
        ]),
        transcript(&[
            "prompt",
            "render",
            "mara.json",
            "--chat",
            "lighthouse.jsonl",
            "--message",
            "\"Why jars?\"",
            "--explain",
            "--context",
            "480",
            "--reply-tokens",
            "200",
            "--block",
            "2",
            "--format",
            "chatml",
        ]),
        transcript(&[
            "prompt",
            "render",
            "mara.json",
            "--explain",
            "--context",
            "100",
        ]),
        transcript(&["prompt", "render", "mara.json", "--chat", "mara.json"]),
        transcript(&["prompt", "render", "mara.json", "--format", "model"]),
        transcript(&["prompt", "render", "mara.json", "--format", "nothing"]),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_chat_begins_with_every_greeting_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("chat.jsonl");
    let out = out.to_str().unwrap();
    transcript(&[
        "prompt",
        "render",
        "mara.json",
        "--user",
        "Ann",
        "--greeting",
        "1",
        "--message",
        "Hello.",
        "--chat-out",
        out,
    ]);
    let chat = ChatFile::read(Path::new(out)).unwrap();
    assert_eq!(chat.messages().len(), 2);
    assert_eq!(chat.messages()[0].swipes().len(), 2);
    assert_eq!(chat.messages()[0].swipe(), 1);
    assert_eq!(chat.messages()[1].text(), "Hello.");
    let prompt = transcript(&["prompt", "render", "mara.json", "--chat", out]);
    assert!(prompt.contains("The door is open, Ann."), "{prompt}");
    assert!(prompt.contains("<<HUMAN>>\nAnn: Hello."), "{prompt}");
}
