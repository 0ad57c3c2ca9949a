//! The settings file under the environment under the flags, as a person meets it.

use std::path::Path;

use assert_cmd::Command;

/// Runs the program with a settings file of this text.
fn run(
    text: Option<&str>,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    if let Some(text) = text {
        std::fs::write(&path, text).unwrap();
    }
    run_with(&path, variables, arguments)
}

fn run_with(
    path: &Path,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("cardwright").unwrap();
    command.env("CARDWRIGHT_CONFIG", path).env("NO_COLOR", "1");
    for name in [
        "CARDWRIGHT_MODEL",
        "CARDWRIGHT_MODELS",
        "CARDWRIGHT_TEMPLATES",
    ] {
        command.env_remove(name);
    }
    let output = command
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&path.parent().unwrap().display().to_string(), "[folder]")
    };
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let card = concat!(env!("CARGO_MANIFEST_DIR"), "/cards/marigold.png");
    let file = "user = \"Filomena\"\nuser_persona = \"{{user}} reads files.\"\n";
    let variable = [("CARDWRIGHT_USER", "Enzo")];
    let render = |variables: &[(&str, &str)], more: &[&str]| {
        let arguments = [&["prompt", "render", card][..], more].concat();
        let (code, prompt, error) = run(Some(file), variables, &arguments);
        assert_eq!(code, Some(0), "{error}");
        prompt
    };
    assert!(render(&[], &[]).contains("Filomena's Persona: Filomena reads files."));
    assert!(render(&variable, &[]).contains("Enzo's Persona: Enzo reads files."));
    assert!(render(&variable, &["--user", "Flavia"]).contains("Flavia's Persona:"));
}

#[test]
fn the_settings_are_shown_with_where_they_come_from() {
    let file = "user = \"Filomena\"\n\n[sampler]\ntfs = 0.95\n";
    let (code, table, _) = run(
        Some(file),
        &[("CARDWRIGHT_USER", "Enzo")],
        &["config", "show", "--changed"],
    );
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(table);
    let (_, json, _) = run(Some(file), &[], &["config", "show", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(row("sampler.tail_free")["place"], "[folder]/config.toml:4");
    assert_eq!(row("sampler.temperature")["from"], "default");
    assert_eq!(row("sampler.temperature")["value"], "0.7");
    assert_eq!(row("user")["from"], "file");
}

#[test]
fn a_mistake_in_the_file_stops_what_it_matters_to_and_nothing_else() {
    let file = "[sampler]\ntemprature = 0.7\n";
    let (code, out, error) = run(Some(file), &[], &["config", "show"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(
        error,
        "error: [folder]/config.toml:2: there is no setting `sampler.temprature`\nhint: did you mean `temperature` in the table `[sampler]`?\n"
    );
    let (code, ..) = run(
        Some(file),
        &[],
        &["prompt", "check", "--explain", "tag-case"],
    );
    assert_eq!(code, Some(2), "`templates` matters to it");
    let (code, ..) = run(Some(file), &[], &["check", "--rules"]);
    assert_eq!(code, Some(0));
    let (code, _, error) = run(None, &[], &["config", "show"]);
    assert_eq!(code, Some(2), "a file that is named must be there");
    assert!(
        error.contains("`CARDWRIGHT_CONFIG` names this file"),
        "{error}"
    );
}

#[test]
fn a_file_is_begun_edited_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/config.toml");
    assert_eq!(
        run_with(&path, &[], &["config", "path"]).1,
        "[folder]/config.toml\n"
    );
    assert_eq!(run_with(&path, &[], &["config", "init"]).0, Some(0));
    let (code, _, error) = run_with(&path, &[], &["config", "init"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("`--force`"), "{error}");
    assert_eq!(run_with(&path, &[], &["config", "show", "--changed"]).1, "");
    let editor = [("VISUAL", ""), ("EDITOR", "sed -i s/^#user.=.*/usr=1/")];
    let (code, _, error) = run_with(&path, &editor, &["config", "edit"]);
    assert_eq!(code, Some(2), "what was edited is checked");
    assert!(
        error.contains("there is no setting `usr`") && error.contains("did you mean `user`"),
        "{error}"
    );
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("none");
    std::fs::write(&config, "").unwrap();
    let pages = folder.path().join("man");
    let (code, _, error) = run_with(&config, &[], &["man", "-o", &pages.display().to_string()]);
    assert_eq!(code, Some(0), "{error}");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("cardwright.1").contains(".TH cardwright 1"));
    assert!(page("cardwright-chat.1").contains("\\-\\-resume"));
    assert!(page("cardwright-prompt-render.1").contains("cardwright\\-prompt\\-render"));
    let (_, root, _) = run_with(&config, &[], &["man"]);
    assert_eq!(root, page("cardwright.1"));
}
