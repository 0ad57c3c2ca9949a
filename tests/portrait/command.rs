//! The `portrait` command.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use cardwright::card::{Card, write_png};
use cardwright::generate::portrait::{Size, Subject, draw};

const CARD: &str = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Ines",
    "description":"Ines was a pirate with red hair.","x_mine": 1e3}}"#;

fn cardwright(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("cardwright").unwrap();
    command.current_dir(folder).arg("portrait").args(arguments);
    command
}

#[test]
fn a_name_gets_a_picture_named_after_it() {
    let folder = tempfile::tempdir().unwrap();
    cardwright(folder.path(), &["Mary Ann: \"M\"", "--seed", "5"])
        .assert()
        .success()
        .stdout("")
        .stderr("Mary Ann- -M.png: seed 5\n");
    let png = fs::read(folder.path().join("Mary Ann- -M.png")).unwrap();
    let subject = Subject {
        name: "Mary Ann: \"M\"",
        text: "",
    };
    assert_eq!(png, draw(&subject, 5, Size::Portrait).unwrap());
}

#[test]
fn a_png_card_gets_a_new_picture_and_stays_the_same_card() {
    let folder = tempfile::tempdir().unwrap();
    let card = Card::from_json(CARD).unwrap();
    let old = draw(&Subject::default(), 0, Size::Square).unwrap();
    let path = folder.path().join("ines.png");
    fs::write(&path, write_png(&old, &card).unwrap()).unwrap();
    cardwright(folder.path(), &["ines.png", "--seed", "9"])
        .assert()
        .success();
    let bytes = fs::read(&path).unwrap();
    let text = "Ines was a pirate with red hair.";
    let expected = draw(&Subject { name: "Ines", text }, 9, Size::Portrait).unwrap();
    assert_eq!(super::decode(&bytes), super::decode(&expected));
    let reading = Card::from_bytes(&bytes).unwrap();
    assert_eq!(reading.card.description(), text);
    assert_eq!(reading.findings, []);
}

#[test]
fn a_card_without_pixels_needs_a_target() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ines.json"), CARD).unwrap();
    cardwright(folder.path(), &["ines.json"])
        .assert()
        .code(2)
        .stderr("error: ines.json: a JSON card has no picture to change\nhint: name the PNG to write with `-o FILE`\n");
    cardwright(
        folder.path(),
        &[
            "ines.json",
            "-o",
            "ines.png",
            "--square",
            "--text",
            "an elf",
        ],
    )
    .assert()
    .success();
    let bytes = fs::read(folder.path().join("ines.png")).unwrap();
    let (width, height, _) = super::decode(&bytes);
    assert_eq!((width, height), (400, 400));
    assert_eq!(Card::from_bytes(&bytes).unwrap().card.name(), "Ines");
}

#[test]
fn a_file_that_is_no_card_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.json"), "[1, 2]").unwrap();
    cardwright(folder.path(), &["notes.json", "-o", "a.png"])
        .assert()
        .code(2);
    assert!(!folder.path().join("a.png").exists());
    cardwright(folder.path(), &["gone.png"]).assert().code(2);
}

#[test]
fn a_file_that_is_there_already_is_kept_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Ines.png");
    fs::write(&path, "mine").unwrap();
    cardwright(folder.path(), &["Ines"]).assert().code(2);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    cardwright(folder.path(), &["Ines", "--force"])
        .assert()
        .success();
    assert_ne!(fs::read(&path).unwrap(), b"mine");
}
