//! The program itself over a pipe, with a tiny model that talks nonsense: what is printed, what is kept, and a kill in
//! the middle.
#![cfg(feature = "llama")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cardwright::prompt::chat_file::ChatFile;
use cardwright::weights::tiny;

use super::CARD;
use crate::prompt::CHATML;

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self::of(&tiny::Model::default())
    }

    fn of(model: &tiny::Model) -> Self {
        let folder = tempfile::tempdir().unwrap();
        model.write(&folder.path().join("tiny.gguf")).unwrap();
        std::fs::write(folder.path().join("okka.json"), CARD).unwrap();
        std::fs::write(
            folder.path().join("config.toml"),
            "model = \"./tiny.gguf\"\nuser = \"Perrin\"\n",
        )
        .unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn chat(&self, arguments: &[&str]) -> Child {
        Command::new(assert_cmd::cargo::cargo_bin("cardwright"))
            .current_dir(self.0.path())
            .env("CARDWRIGHT_CONFIG", self.path("config.toml"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("CARDWRIGHT_MODEL")
            .args(["chat", "okka.json", "--seed", "1", "--threads", "1"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What the program says to these lines: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str], lines: &str) -> (Option<i32>, String, String) {
        let mut child = self.chat(arguments);
        // The program may have left before everything was said.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

fn texts(path: &Path) -> Vec<String> {
    let file = ChatFile::read(path).unwrap();
    file.messages()
        .iter()
        .map(|message| message.text().to_owned())
        .collect()
}

#[test]
fn messages_of_many_lines_and_commands_come_over_a_pipe() {
    let scratch = Scratch::new();
    let lines = "One,\\\ntwo.\n/length long\n\"\"\"\n/three\nfour\n\"\"\"\n/prompt\n";
    let (code, out, error) = scratch.run(&["--reply-tokens", "4", "--resume", "a.jsonl"], lines);
    assert_eq!(code, Some(0), "{error}");
    let said = texts(&scratch.path("a.jsonl"));
    assert_eq!(
        (said[1].as_str(), said[3].as_str()),
        ("One,\ntwo.", "/three\nfour")
    );
    assert!(out.contains("<<HUMAN>>\nPerrin: One,\ntwo."), "{out}");
    assert!(out.contains("messages of long length"));
    assert!(!out.contains('\u{1b}'), "no colour in a pipe");
}

#[test]
fn a_mistyped_command_ends_a_script_before_anything_is_said() {
    let scratch = Scratch::new();
    let (code, out, error) = scratch.run(&[], "/lenght long\nHello.\n");
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(error.contains("did you mean `/length`"), "{error}");
}

#[test]
fn nothing_is_kept_of_a_chat_over_a_pipe_unless_it_is_asked_for() {
    let scratch = Scratch::new();
    let (code, ..) = scratch.run(&["--reply-tokens", "2"], "Hello.\n");
    assert_eq!(code, Some(0));
    assert!(!scratch.path("data").exists());
    let (code, _, error) = scratch.run(&["--resume", "--reply-tokens", "2"], "Hello.\n");
    assert_eq!(code, Some(0), "{error}");
    let kept = std::fs::read_dir(scratch.path("data/cardwright/chats/okka")).unwrap();
    assert_eq!(kept.count(), 1);
    let (_, out, error) = scratch.run(&["--resume", "--reply-tokens", "2"], "/show\n");
    assert!(out.contains("2 Perrin: Hello."), "{out}");
    assert!(
        error.contains("need not be evaluated again"),
        "the engine goes on too: {error}"
    );
}

#[test]
fn a_kill_loses_no_message_and_little_of_a_reply() {
    let scratch = Scratch::new();
    let path = scratch.path("a.jsonl");
    let mut child = scratch.chat(&["--resume", "a.jsonl", "--reply-tokens", "1900"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"Hello.\n").unwrap();
    let begun = Instant::now();
    while !path.exists() || texts(&path).len() < 3 {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "nothing was kept"
        );
        if let Some(status) = child.try_wait().unwrap() {
            panic!("it ended by itself: {status}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // This is SIGKILL: the program can do nothing about it.
    child.kill().unwrap();
    child.wait().unwrap();
    let said = texts(&path);
    assert_eq!(said[1], "Hello.");
    assert!(!said[2].is_empty(), "what there was of the reply is there");
    let (code, out, error) = scratch.run(
        &["--resume", "a.jsonl", "--reply-tokens", "2"],
        "/show\nAgain.\n",
    );
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("2 Perrin: Hello."), "{out}");
    assert_eq!(texts(&path).len(), 5);
    let hidden = std::fs::read_dir(scratch.0.path())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with(".cardwright-")
        });
    assert!(
        hidden.count() <= 1,
        "at most the file that was being written is left"
    );
}

#[test]
fn alternatives_and_continued_replies_use_what_was_evaluated() {
    let scratch = Scratch::new();
    let engine = cardwright::engine::Llama::load(&cardwright::engine::Options::new(
        scratch.path("tiny.gguf"),
    ))
    .unwrap();
    let format = cardwright::prompt::Format::named("limarp-v1").unwrap();
    let options = cardwright::chat::ReplyOptions {
        max_tokens: 8,
        ..super::seeded()
    };
    let mut session = cardwright::chat::Session::new(super::chat(), &engine, format, options);
    let mut ask = |typed: &str| {
        let cardwright::chat::Outcome::Ask(ask) = session.obey(typed).unwrap() else {
            panic!("{typed} asks the model");
        };
        let (text, end) = session.ask(ask).unwrap().finish().unwrap();
        session.take(ask, &text).unwrap();
        end
    };
    let first = ask("Hello.");
    for typed in ["/swipe", "/regen"] {
        let end = ask(typed);
        assert_eq!(end.prompt_tokens, first.prompt_tokens);
        assert!(
            end.reused_tokens + 1 >= end.prompt_tokens,
            "{typed}: {end:?}"
        );
    }
    let end = ask("/continue");
    assert!(end.reused_tokens + 1 >= first.prompt_tokens, "{end:?}");

    // The vase keeps its lorebook entry, and with it the beginning of the prompt, where it was.
    let next = ask("And the vase?");
    assert!(next.reused_tokens >= first.prompt_tokens, "{next:?}");
}

/// The template is the model's own, its turn ends with its own token, and what it has no place for says so.
#[test]
fn a_chat_goes_by_the_chat_template_of_the_model() {
    let scratch = Scratch::of(&tiny::Model {
        chat_template: Some(CHATML),
        ..tiny::Model::default()
    });
    let options = ["--format", "model", "--reply-tokens", "4", "--no-save"];
    let (code, out, error) = scratch.run(&options, "Hello.\n/prompt\n/check\n");
    assert_eq!(code, Some(0), "{error}");
    assert!(
        out.contains("<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"),
        "{out}"
    );
    assert!(error.contains("only written"), "{error}");
    let (code, _, error) = scratch.run(&options, "/impersonate\n");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("opens no turn of the user's"), "{error}");
    assert!(error.contains("another `--format`"), "{error}");
    let (code, _, error) = Scratch::new().run(&options, "Hello.\n");
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains("has no chat template") && error.contains("prompt formats"),
        "{error}"
    );
}

#[test]
fn lorebooks_are_looked_through_as_the_flags_say() {
    let scratch = Scratch::new();
    let lines = "The guard?\nNo.\nWell.\n/lore\n";
    let tokens = ["--reply-tokens", "2", "--no-save"];
    let (_, out, error) = scratch.run(&tokens, lines);
    assert!(!out.contains("key `guard`"), "{out}{error}");
    let deeper = [&tokens[..], &["--lore", "depth=9,world_info_recursive=no"]].concat();
    let (code, out, error) = scratch.run(&deeper, lines);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("key `guard`"), "{out}");
    let (code, _, error) = scratch.run(&["--lore", "dept=9"], "");
    assert_eq!(code, Some(2));
    assert!(error.contains("did you mean `depth`?"), "{error}");
}
