//! `extract`, `lorebook` and `convert` between containers, as a user types them; and paths that would leave the folder.

use std::fs;
use std::path::Path;

use cardwright::card::{Card, Names};
use proptest::prelude::*;
use serde_json::json;

use super::archive::{charx, image, linked, packed};
use super::byaf::byaf;
use super::cli::run;

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(
                    entry
                        .path()
                        .strip_prefix(folder)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    found.sort();
    found
}

fn card() -> Card {
    let mut card = Card::new("Carina");
    let icon = json!({"type": "icon", "uri": "embeded://assets/icon/image/main.png", "name": "main", "ext": "png"});
    card.set(&"assets".parse().unwrap(), &json!([icon]))
        .unwrap();
    card.set(&"character_book".parse().unwrap(), &json!({"extensions":{},"entries":[{"keys":["sea"],"content":"Blue.","extensions":{},"enabled":true,"insertion_order":1,"use_regex":false}]})).unwrap();
    card
}

#[test]
fn everything_in_a_charx_becomes_a_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.charx"), charx(&card())).unwrap();
    let (code, out, err) = run(folder.path(), &["extract", "a.charx", "-o", "out"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
    assert_eq!(
        fs::read(folder.path().join("out/card.json")).unwrap(),
        card().json().as_bytes()
    );
    assert_eq!(
        fs::read(folder.path().join("out/assets/icon/image/main.png")).unwrap(),
        image()
    );
    let (code, _, err) = run(folder.path(), &["extract", "a.charx", "-o", "out"]);
    assert_eq!(
        (code, err.as_str()),
        (
            2,
            "error: out/card.json: this file is there already\nhint: `--force` writes over it\n"
        )
    );
    assert_eq!(
        run(
            folder.path(),
            &["extract", "a.charx", "-o", "out", "--force", "--json"]
        )
        .0,
        0
    );
}

#[test]
fn no_entry_of_an_archive_gets_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let card = card();
    let source = packed(&[
        ("card.json", card.json().as_bytes()),
        ("../../up.txt", b"1"),
        ("/etc/absolute.txt", b"2"),
        ("a\\..\\..\\back.txt", b"3"),
        ("C:\\drive.txt", b"4"),
        ("..", b"5"),
        ("CON", b"6"),
        ("lpt1.txt", b"7"),
        ("dot. ", b"8"),
        ("Same.txt", b"9"),
        ("same.TXT", b"10"),
        ("nul\u{0}byte\u{1b}[31m", b"11"),
        ("\u{202e}gnp.exe", b"12"),
        ("same.txt/below", b"13"),
        (&"long".repeat(100), b"14"),
        ("CARD.json", b"15"),
    ]);
    fs::write(folder.path().join("a.charx"), &source).unwrap();
    let (code, out, err) = run(folder.path(), &["extract", "a.charx", "-o", "in/out"]);
    assert_eq!(code, 0, "{err}");
    let all = files(folder.path());
    assert!(
        all.iter()
            .all(|path| path == "a.charx" || path.starts_with("in/out/")),
        "{all:?}"
    );
    assert_eq!(all.len(), 1 + 2 + 15);
    insta::assert_snapshot!(format!("{out}\n{err}"));
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("out/assets")).unwrap();
    fs::write(folder.path().join("a.charx"), charx(&card())).unwrap();
    let (code, _, err) = run(
        folder.path(),
        &["extract", "a.charx", "-o", "out", "--force"],
    );
    assert_eq!(code, 2);
    assert!(
        err.starts_with(
            "error: out/assets: this is a symbolic link, through which nothing is written"
        ),
        "{err}"
    );
    assert_eq!(files(elsewhere.path()), [""; 0]);
    assert_eq!(files(folder.path()).len(), 2);
    // And a link in the archive is no file at all.
    fs::write(
        folder.path().join("b.charx"),
        linked(charx(&card()), "module.risum"),
    )
    .unwrap();
    assert_eq!(run(folder.path(), &["extract", "b.charx", "-o", "b"]).0, 0);
    assert!(!folder.path().join("b/module.risum").exists());
}

#[test]
fn containers_are_converted_by_the_name_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.byaf"), byaf()).unwrap();
    let mut said = String::new();
    for arguments in [
        &["convert", "a.byaf", "-o", "a.png"][..],
        &["convert", "a.png", "-o", "a.charx"],
        &["convert", "a.charx", "-o", "a.jpeg"],
        &["convert", "a.jpeg", "-o", "a.yaml"],
        &["convert", "a.jpeg", "--to", "v2", "-o", "whole.yaml"],
        &["convert", "whole.yaml", "-o", "a.json"],
        &["convert", "a.json", "-o", "b.byaf"],
        &["convert", "a.charx", "--to", "v1", "-o", "b.charx"],
        &["edit", "a.jpeg", "--set", "name=Corina"],
        &["edit", "a.byaf", "--set", "name=Corina"],
        &["edit", "a.byaf", "--set", "nickname=Cori"],
        &["convert", "a.png", "-o", "a.webp"],
        &["show", "whole.yaml", "a.jpeg", "a.byaf", "--raw"],
    ] {
        let (code, out, err) = run(folder.path(), arguments);
        said.push_str(&format!("$ {} -> {code}\n{err}", arguments.join(" ")));
        if arguments[0] != "show" {
            assert_eq!(out, "");
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_lorebook_is_converted_with_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cards/lorebooks");
    for name in ["lorebook_v3.json", "world.json"] {
        fs::copy(fixtures.join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("a.charx"), charx(&card())).unwrap();
    let mut said = String::new();
    for arguments in [
        &["lorebook", "lorebook_v3.json", "-o", "out.lorebook"][..],
        &[
            "lorebook",
            "lorebook_v3.json",
            "-o",
            "risu.json",
            "--to",
            "risu",
        ],
        &["lorebook", "risu.json", "-o", "back.json", "--to", "v3"],
        &[
            "lorebook",
            "world.json",
            "-o",
            "agnai.json",
            "--to",
            "agnai",
        ],
        &["lorebook", "a.charx", "-o", "-", "--to", "world"],
        &["lorebook", "world.json", "-o", "x.json", "--to", "kobold"],
        &["lorebook", "world.json", "-o", "back.json"],
    ] {
        let (code, out, err) = run(folder.path(), arguments);
        said.push_str(&format!("$ {} -> {code}\n{err}{out}", arguments.join(" ")));
    }
    insta::assert_snapshot!(said);
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(folder.path().join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("back.json"), read("lorebook_v3.json"));
}

proptest! {
    #[test]
    fn every_name_is_harmless_and_there_once(paths in prop::collection::vec("(\\PC|[./\\\\:~\u{0}\u{1b}a]){0,20}", 1..8)) {
        let mut names = Names::default();
        let mut seen: Vec<String> = Vec::new();
        for path in paths {
            let name = names.place(&path);
            for part in name.split('/') {
                prop_assert!(!part.is_empty() && part != "." && part != ".." && part.len() <= 140, "{name:?}");
                prop_assert!(!part.contains(['\\', ':', '\0', '\u{1b}']) && !part.ends_with(['.', ' ']), "{name:?}");
            }
            let lower = name.to_lowercase();
            for other in &seen {
                prop_assert!(*other != lower && !other.starts_with(&format!("{lower}/")) && !lower.starts_with(&format!("{other}/")), "{name:?}");
            }
            seen.push(lower);
        }
    }
}
