//! SillyTavern presets as formats.

use assert_cmd::Command;
use cardwright::prompt::{Conversation, Format, Role};
use serde_json::{Value, json};

/// Our presets of a format, imported again, write what the format writes.
#[test]
fn the_presets_of_our_formats_come_back_as_formats_that_write_the_same_bytes() {
    let mut exact = Vec::new();
    for format in Format::all().unwrap() {
        let Ok(presets) = format.presets(None) else {
            continue;
        };
        let (imported, findings) = Format::import("back", vec![presets.master()]).unwrap();
        assert!(findings.is_empty(), "{}: {findings:?}", format.name());
        let conversation = Conversation {
            length: None,
            ..super::museum(Some(Role::Char))
        };
        assert_eq!(
            imported.render(&conversation).unwrap(),
            format.render(&conversation).unwrap(),
            "{}",
            format.name()
        );
        let source = imported.to_source().unwrap();
        let again = Format::from_source("back", &source).unwrap();
        let presets = |format: &Format| format.presets(None).unwrap().master();
        assert_eq!(presets(&again), presets(&imported), "{}", format.name());
        assert_eq!(
            again.render(&conversation).unwrap(),
            imported.render(&conversation).unwrap()
        );
        exact.push(format.name().to_owned());
    }
    println!("{} formats: {}", exact.len(), exact.join(", "));
    assert!(exact.len() >= 10);
}

fn simple(story: &str, more: Value) -> Format {
    let mut instruct = json!({"input_sequence": "U:", "output_sequence": "B:", "wrap": true, "macro": true,
        "names_behavior": "none"});
    for (key, value) in more.as_object().unwrap() {
        instruct[key] = value.clone();
    }
    let context = json!({"story_string": story});
    Format::import("mine", vec![context, instruct]).unwrap().0
}

fn story(template: &str) -> String {
    let conversation = Conversation {
        char: "Mara".into(),
        user: "Finn".into(),
        char_persona: "keeps a lighthouse & <more>".into(),
        scenario: "It rains.".into(),
        ..Conversation::default()
    };
    simple(template, json!({})).render(&conversation).unwrap()
}

#[test]
fn story_strings_are_handlebars_and_then_macros() {
    for (template, text) in [
        ("{{description}}", "keeps a lighthouse & <more>\n"),
        ("{{#if persona}}P{{else}}no{{/if}}", "no\n"),
        ("{{#unless persona}}none{{/unless}}", "none\n"),
        (
            "{{#scenario}}[{{this}}]{{/scenario}}{{#persona}}x{{/persona}}",
            "[It rains.]\n",
        ),
        (
            "{{^persona}}nobody{{/persona}}{{^scenario}}x{{/scenario}}",
            "nobody\n",
        ),
        (
            "{{char}} and {{user}}: {{unheard}}",
            "Mara and Finn: {{unheard}}\n",
        ),
        ("a\n\n{{trim}}\n\nb", "ab\n"),
        ("{{// a comment }}x", "x\n"),
        ("{{!-- a comment --}}x", "x\n"),
        ("{{random::same::same}}", "same\n"),
        ("{{random: one,one}}", "one\n"),
        ("\n\nx\n\n", "x\n\n"),
        ("", ""),
    ] {
        assert_eq!(story(template), text, "{template:?}");
    }
}

#[test]
fn fields_of_older_versions_are_brought_up() {
    let instruct = json!({
        "name": "Old", "system_prompt": "Be {{char}}.", "input_sequence": "### Input:", "output_sequence": "### Response:",
        "last_output_sequence": "### Response: (length = medium)", "system_sequence": "", "stop_sequence": "",
        "separator_sequence": "\n\n", "wrap": true, "macro": true, "names": true, "names_force_groups": true,
        "system_sequence_prefix": "### Instruction:", "system_sequence_suffix": "", "activation_regex": "", "enabled": true,
    });
    let context = json!({"name": "Old", "story_string": "{{#if system}}{{system}}\n{{/if}}{{description}}", "chat_start": "***",
        "example_separator": "***"});
    let (format, findings) = Format::import("old", vec![instruct, context]).unwrap();
    let said: Vec<_> = findings
        .iter()
        .map(|finding| finding.message.clone())
        .collect();
    let conversation = super::museum(Some(Role::Char));
    insta::assert_snapshot!(format!(
        "{}\n\n{}\n\nstops: {:?}",
        said.join("\n"),
        format.render(&conversation).unwrap(),
        format.stop_strings(&conversation)
    ));
}

#[test]
fn what_is_no_preset_is_refused() {
    let refusal = |presets: Vec<Value>| Format::import("x", presets).unwrap_err().to_string();
    let instruct = json!({"input_sequence": "a", "output_sequence": "b"});
    assert_eq!(
        refusal(vec![json!({"colour": 1, "size": 2})]),
        "is no context, instruct, sysprompt or sampler preset: it has `colour`, `size`"
    );
    assert_eq!(refusal(vec![json!([])]), "is no preset: not a JSON object");
    assert_eq!(
        refusal(vec![instruct.clone(), instruct.clone()]),
        "two presets of the same kind: give one context and one instruct preset"
    );
    assert_eq!(
        refusal(vec![json!({"content": "x"})]),
        "there is neither an instruct nor a context preset"
    );
    let broken = json!({"story_string": "{{#if system}}never closed"});
    assert!(refusal(vec![instruct, broken]).starts_with("story string: "));
}

#[test]
fn an_imported_format_is_a_file_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    };
    let presets = Format::named("chatml").unwrap().presets(None).unwrap();
    write("context.json", &presets.context);
    write("instruct.json", &presets.instruct);
    write("sysprompt.json", &presets.sysprompt);
    let run = |arguments: &[&str]| {
        let output = Command::cargo_bin("cardwright")
            .unwrap()
            .current_dir(folder.path())
            .env("CARDWRIGHT_TEMPLATES", folder.path())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let files = [
        "prompt",
        "import",
        "context.json",
        "instruct.json",
        "sysprompt.json",
        "-o",
        "mine.hbs",
    ];
    assert_eq!(run(&files), (0, "mine.hbs\n".into(), String::new()));
    // By its name in the user's folder, and by its path.
    let card = format!("{}/cards/pell.png", env!("CARGO_MANIFEST_DIR"));
    let rendered = run(&[
        "prompt",
        "render",
        &card,
        "--format",
        "mine",
        "--message",
        "Hello.",
    ]);
    assert_eq!(rendered.0, 0, "{}", rendered.2);
    let by_path = run(&[
        "prompt",
        "render",
        &card,
        "--format",
        "mine.hbs",
        "--message",
        "Hello.",
    ]);
    assert_eq!(rendered.1, by_path.1);
    assert!(
        rendered.1.ends_with("<|im_start|>assistant\n"),
        "{}",
        rendered.1
    );
    let (_, listed, _) = run(&["prompt", "formats"]);
    assert!(listed.starts_with("mine "), "{listed}");
    let (code, page, _) = run(&["prompt", "formats", "mine"]);
    assert!(code == 0 && page.contains("<|im_start|>"), "{page}");
    let (code, _, said) = run(&["prompt", "check", "--format", "mine", "context.json"]);
    assert!(
        code == 2 && said.contains("nothing reads them back"),
        "{said}"
    );
    let (code, _, said) = run(&["prompt", "import", "context.json", "-o", "mine.txt"]);
    assert!(code == 2 && said.contains("ends in `.hbs`"), "{said}");
    std::fs::write(folder.path().join("bad.json"), "{").unwrap();
    let (code, _, said) = run(&["prompt", "import", "bad.json"]);
    assert!(code == 2 && said.contains("bad.json: is no JSON"), "{said}");
}
