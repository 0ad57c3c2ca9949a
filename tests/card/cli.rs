//! `show`, `convert` and `edit` as a user types them.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use super::png::{end, header, pixels, png};
use cardwright::card::{Card, write_png};

/// Runs the command in `folder`: exit code, standard output, standard error.
pub(super) fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn folder_with_card() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = png(&[header(), pixels(), end()]);
    fs::write(folder.path().join("image.png"), &image).unwrap();
    let written = write_png(&image, &Card::new("Carina")).unwrap();
    fs::write(folder.path().join("carina.png"), written).unwrap();
    folder
}

#[test]
fn an_edit_in_place_is_seen_by_show() {
    let folder = folder_with_card();
    fs::write(folder.path().join("greeting.txt"), "\"Ahoy,\" she said.\n").unwrap();
    let edit = [
        "edit",
        "carina.png",
        "--set",
        "tags[0]=sea",
        "--set",
        "first_mes=@greeting.txt",
    ];
    assert_eq!(run(folder.path(), &edit), (0, String::new(), String::new()));
    let (code, out, err) = run(folder.path(), &["show", "carina.png"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @r#"
    Carina  V3 in PNG, carina.png
    Tags      sea

    Greeting  18 characters
      "Ahoy," she said.
    "#);
}

#[test]
fn a_hostile_card_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.json"),
        r#"{"name":"\u001b[31mRed\u202e","scenario":"x\u0007\u0000y","tags":["\u009b2J"]}"#,
    )
    .unwrap();
    let (code, out, _) = run(folder.path(), &["show", "a.json"]);
    assert_eq!(code, 0);
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    assert!(out.contains(r"\u{1b}[31mRed\u{202e}"), "{out}");
}

#[test]
fn no_file_is_written_over_unasked() {
    let folder = folder_with_card();
    let convert = ["convert", "carina.png", "-o", "carina.json"];
    assert_eq!(run(folder.path(), &convert).0, 0);
    fs::write(folder.path().join("carina.json"), "mine").unwrap();
    let (code, _, err) = run(folder.path(), &convert);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: carina.json: this file is there already\nhint: `--force` writes over it\n"
    );
    let edit = ["edit", "carina.png", "--set", "name=X", "-o", "carina.json"];
    assert_eq!(run(folder.path(), &edit).0, 2);
    assert_eq!(
        fs::read(folder.path().join("carina.json")).unwrap(),
        b"mine"
    );
    assert_eq!(
        run(folder.path(), &[&convert[..], &["--force"]].concat()).0,
        0
    );
}

#[test]
fn a_failed_edit_leaves_the_file() {
    let folder = folder_with_card();
    let before = fs::read(folder.path().join("carina.png")).unwrap();
    for arguments in [
        &["edit", "carina.png"][..],
        &["edit", "carina.png", "--set", "name"],
        &["edit", "carina.png", "--set", "name.x=1"],
        &["edit", "carina.png", "--unset", "nowhere"],
        &[
            "edit",
            "carina.png",
            "--set",
            "name=X",
            "--image",
            "missing.png",
        ],
        &["edit", "-", "--set", "name=X"],
    ] {
        assert_eq!(run(folder.path(), arguments).0, 2, "{arguments:?}");
    }
    assert_eq!(fs::read(folder.path().join("carina.png")).unwrap(), before);
}

#[test]
fn a_card_goes_there_and_back() {
    let folder = folder_with_card();
    let convert = |arguments: &[&str]| {
        let (code, out, err) = run(folder.path(), &[&["convert"], arguments].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    convert(&["carina.png", "-o", "carina.json"]);
    convert(&["carina.json", "--image", "image.png", "-o", "again.png"]);
    assert_eq!(
        fs::read(folder.path().join("again.png")).unwrap(),
        fs::read(folder.path().join("carina.png")).unwrap()
    );
    let v1 = convert(&["carina.png", "--to", "v1", "-o", "-"]);
    assert!(v1.starts_with(r#"{"name":"Carina","#), "{v1}");
    convert(&["carina.json", "again.png", "--as", "json", "-o", "out"]);
    assert_eq!(
        fs::read(folder.path().join("out/again.json")).unwrap(),
        fs::read(folder.path().join("carina.json")).unwrap()
    );
}
