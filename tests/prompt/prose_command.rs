//! `prompt prose`: what the command prints and changes.

/// A command about files in a folder of their own.
fn run(folder: &std::path::Path, arguments: &[&str], input: &str) -> String {
    let output = assert_cmd::Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(folder)
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    format!(
        "$ cardwright {}\n{}--- stderr\n{}--- exit {}\n",
        arguments.join(" "),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    )
}

#[test]
fn the_command_rewrites_personas_and_tells_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let card = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Mara","x_kept":1e3,"description":"[Character(\"Mara\")\n{\nAge(\"61\")\nLikes(\"tea\" + \"storms\")\n}]","personality":"patient","scenario":"It rains.\nIt is night."}}"#;
    std::fs::write(folder.path().join("mara.json"), card).unwrap();
    let shown = [
        run(folder.path(), &["prompt", "prose", "mara.json"], ""),
        run(
            folder.path(),
            &["prompt", "prose", "-", "--name", "Mara"],
            "Hair: grey\nLikes:\n- tea\n- old maps",
        ),
        run(
            folder.path(),
            &["prompt", "prose", "mara.json", "--fix"],
            "",
        ),
        run(
            folder.path(),
            &["prompt", "prose", "mara.json", "--json"],
            "",
        ),
        run(
            folder.path(),
            &["prompt", "prose", "-", "--fix"],
            "Hair: grey",
        ),
        run(folder.path(), &["prompt", "prose", "missing.json"], ""),
        std::fs::read_to_string(folder.path().join("mara.json")).unwrap(),
    ];
    insta::assert_snapshot!(shown.join("\n"));
}
