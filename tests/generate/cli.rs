//! `generate` as it is typed, with a server in the place of a model.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cardwright::Result;
use cardwright::card::Card;
use cardwright::engine::{Completion, Engine, ModelInfo, Request};
use serde_json::Value;

use super::many::Answers;
use crate::serve::Server;

/// Answers after a while, and counts what it is asked.
struct Slow {
    answers: Answers,
    prompts: Mutex<HashMap<String, usize>>,
    wait: Duration,
}

impl Slow {
    fn server(wait: u64) -> (Arc<Self>, Server) {
        let engine = Arc::new(Self {
            answers: Answers::new(),
            prompts: Mutex::default(),
            wait: Duration::from_millis(wait),
        });
        let server = Server::new(Arc::clone(&engine) as Arc<dyn Engine>);
        (engine, server)
    }
}

impl Engine for Slow {
    fn model(&self) -> &ModelInfo {
        self.answers.model()
    }

    fn count(&self, text: &str) -> Result<usize> {
        self.answers.count(text)
    }

    fn start(&self, request: Request) -> Result<Completion> {
        thread::sleep(self.wait);
        *self
            .prompts
            .lock()
            .unwrap()
            .entry(request.prompt.clone())
            .or_default() += 1;
        self.answers.start(request)
    }
}

fn generate(server: &Server, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
    command
        .arg("generate")
        .args([
            "--shots",
            "0",
            "--user",
            "Tomas",
            "--engine",
            &server.address.to_string(),
            "-o",
        ])
        .arg(folder)
        .args(arguments)
        .env_remove("CARDWRIGHT_MODEL");
    command
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn said(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_run_that_was_killed_goes_on_without_redoing_or_losing_one() {
    let (engine, server) = Slow::server(15);
    let folder = tempfile::tempdir().unwrap();
    let run = ["-n", "8", "--seed", "3", "--parallel", "2", "--to", "json"];
    let mut child = generate(&server, folder.path(), &run)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while lines(folder.path()).len() < 4 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "three characters in time"
        );
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = lines(folder.path());
    let finished: Vec<String> = (before[1..].iter())
        .map(|line| line["name"].as_str().unwrap().to_owned())
        .collect();
    assert!((3..8).contains(&finished.len()), "{finished:?}");
    // The kill may come in the middle of a line, and a card may be lost later.
    let path = folder.path().join("manifest.jsonl");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"index\":7,\"name\":\"Ha");
    std::fs::write(&path, bytes).unwrap();
    let lost = folder.path().join(before[1]["file"].as_str().unwrap());
    let text = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();

    let (good, out) = said(&mut generate(
        &server,
        folder.path(),
        &["--to", "json", "--resume", "--report"],
    ));
    assert!(good, "{out}");
    let after = lines(folder.path());
    assert_eq!(
        after[..before.len()],
        before,
        "nothing that was there is changed"
    );
    let mut indexes: Vec<_> = after[1..]
        .iter()
        .map(|line| line["index"].as_u64().unwrap())
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..8).collect::<Vec<_>>());
    for line in &after[1..] {
        let card = Card::open(&folder.path().join(line["file"].as_str().unwrap()))
            .unwrap()
            .card;
        assert_eq!(card.name(), line["name"].as_str().unwrap());
    }
    assert_eq!(
        std::fs::read(&lost).unwrap(),
        text,
        "a lost card is put back"
    );
    for name in finished {
        let first = format!("<<SYSTEM>>\n{name}'s Persona: {name}");
        assert_eq!(
            engine.prompts.lock().unwrap()[&first],
            1,
            "{name} is written once"
        );
    }
    let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["characters"], &report["in_format"]),
        (&8.into(), &1.0.into())
    );
    assert!(
        std::fs::read_to_string(folder.path().join("report.svg"))
            .unwrap()
            .starts_with("<svg")
    );

    let (good, out) = said(&mut generate(
        &server,
        folder.path(),
        &["--resume", "--seed", "4"],
    ));
    assert!(!good && out.contains("the seed 3, not 4"), "{out}");
    let (good, out) = said(&mut generate(
        &server,
        folder.path(),
        &["--resume", "--length", "short"],
    ));
    assert!(
        !good && out.contains("other names, ideas, lengths"),
        "{out}"
    );
}

#[test]
fn lines_of_cards_go_to_a_file_or_to_standard_output() {
    let (_, server) = Slow::server(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.jsonl");
    let (good, out) = said(&mut generate(
        &server,
        &file,
        &["Nameb", "Namec", "--to", "jsonl", "--seed", "1"],
    ));
    assert!(good, "{out}");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut names: Vec<_> = text
        .lines()
        .map(|line| Card::from_json(line).unwrap().name().into_owned())
        .collect();
    // Which of the two is written first is the chance of two requests to a server.
    names.sort();
    assert_eq!(names, ["Nameb", "Namec"]);
    let is_first = |line: &&str| Card::from_json(line).unwrap().name() == "Nameb";
    let line = text.lines().find(is_first).unwrap();
    let output = generate(
        &server,
        Path::new("-"),
        &["Nameb", "--to", "jsonl", "--seed", "1"],
    )
    .output()
    .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        line.to_owned() + "\n"
    );
}

#[test]
fn a_part_by_itself_is_printed() {
    let (_, server) = Slow::server(0);
    let output = generate(
        &server,
        Path::new("-"),
        &["Carina", "--only", "persona", "--to", "text"],
    )
    .output()
    .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!(
            "Carina{}\n",
            Answers::answer("<<SYSTEM>>\nCarina's Persona: Carina")
        )
    );
}

#[test]
fn a_card_is_completed_in_place_and_keeps_what_it_has() {
    let (_, server) = Slow::server(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carina.json");
    let text = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Carina","description":"Carina sells lamps.","x":1e3}}"#;
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
    command
        .args([
            "generate",
            "--shots",
            "0",
            "--user",
            "Tomas",
            "--engine",
            &server.address.to_string(),
            "--from",
        ])
        .arg(&path);
    let (good, out) = said(&mut command);
    assert!(good, "{out}");
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(
        after.contains(r#""description":"Carina sells lamps.","x":1e3"#),
        "{after}"
    );
    let card = Card::from_json(&after).unwrap();
    assert!(
        card.first_message().starts_with("{{char}} set the lamp"),
        "{after}"
    );
    assert!(
        card.scenario()
            .contains("{{user}} comes to the shop of {{char}}")
    );
}

#[test]
fn names_come_from_a_file() {
    let (_, server) = Slow::server(0);
    let folder = tempfile::tempdir().unwrap();
    let names = folder.path().join("names.txt");
    std::fs::write(&names, "# ours\nNameb\n\nNamec # twice\nNamec\nNamed\n").unwrap();
    let names = names.display().to_string();
    let (good, out) = said(&mut generate(
        &server,
        folder.path(),
        &["--names", &names, "--to", "json"],
    ));
    assert!(good, "{out}");
    for name in ["nameb", "namec", "named"] {
        assert!(
            folder.path().join(format!("{name}.json")).is_file(),
            "{out}"
        );
    }
    std::fs::write(folder.path().join("bad.txt"), "Good\nBad: {{char}}\n").unwrap();
    let bad = folder.path().join("bad.txt").display().to_string();
    let (good, out) = said(&mut generate(&server, folder.path(), &["--names", &bad]));
    assert!(!good && out.contains("bad.txt: line 2"), "{out}");
}

#[test]
fn what_makes_no_sense_is_refused_before_a_model_is_loaded() {
    let (_, server) = Slow::server(0);
    let folder = tempfile::tempdir().unwrap();
    for (arguments, why) in [
        (&["--idea", "a girl who sells matches"][..], "no adult"),
        (&["Ann\nBob"], "is no name"),
        (&["--length", "endless"], "no length of format"),
    ] {
        let (good, out) = said(&mut generate(&server, folder.path(), arguments));
        assert!(!good, "{arguments:?}: {out}");
        assert!(out.contains(why), "{arguments:?}: {out}");
    }
    let (good, out) = said(&mut generate(
        &server,
        Path::new("-"),
        &["Ann", "--to", "png"],
    ));
    assert!(!good && out.contains("standard output takes"), "{out}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn the_chat_template_has_no_place_for_the_ways_of_the_layout() {
    for other in [&["--raw"][..], &["--shots", "1"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cardwright"))
            .args(["generate", "--format", "model"])
            .args(other)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("leave out `{}` or `--format`", other[0])),
            "{said}"
        );
    }
}
