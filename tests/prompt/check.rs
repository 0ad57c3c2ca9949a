//! What the validator says of good and bad prompts.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use cardwright::prompt::{Format, RULES};

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt")
}

/// A transcript of a command run in the folder of the fixtures.
fn transcript(arguments: &[&str], input: &str) -> String {
    let output = Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(fixtures())
        .env_remove("CARDWRIGHT_TEMPLATES")
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    let err = if err.is_empty() {
        err
    } else {
        format!("--- stderr\n{err}")
    };
    format!(
        "$ cardwright {}\n{out}{err}--- exit {code}\n",
        arguments.join(" ")
    )
}

#[test]
fn bad_prompts_are_taken_apart_line_by_line() {
    insta::glob!("../fixtures/prompt/bad", "*.txt", |path| {
        let name = format!("bad/{}", path.file_name().unwrap().to_str().unwrap());
        let checked = transcript(&["prompt", "check", &name], "");
        let fixed = transcript(
            &["prompt", "check", "--fix", "-"],
            &fs::read_to_string(path).unwrap(),
        );
        insta::assert_snapshot!(format!("{checked}\n{fixed}"));
    });
}

#[test]
fn good_prompts_pass_without_a_word() {
    let files = ["golden/limarp-v1.open.txt", "golden/limarp-v1.finished.txt"];
    insta::assert_snapshot!(transcript(&["prompt", "check", files[0], files[1]], ""));
}

#[test]
fn prompts_in_one_stream_are_separated_by_nul() {
    let good = fs::read_to_string(fixtures().join("golden/limarp-v1.open.txt")).unwrap();
    let stream = format!("{good}\0{good}\n");
    insta::assert_snapshot!(transcript(&["prompt", "check", "-"], &stream));
}

#[test]
fn what_is_no_text_cannot_be_checked() {
    let missing = transcript(&["prompt", "check", "missing.txt"], "");
    let empty = transcript(&["prompt", "check", "-"], "");
    insta::assert_snapshot!(format!(
        "{missing}
{empty}"
    ));
}

/// Each rule has a file of its name that breaks it, and the golden files break none.
#[test]
fn every_rule_is_broken_by_its_file() {
    for rule in RULES {
        let path = fixtures().join(format!("rules/{}.txt", rule.code));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|_| panic!("{} has no file", rule.code));
        let format = Format::detect(&text).unwrap();
        let parsed = format.parse(&text);
        let codes: Vec<_> = parsed.findings.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&rule.code), "{}: {codes:?}", rule.code);
        let fixed = format.fix(&text);
        assert_eq!(format.fix(&fixed.text).text, fixed.text, "{}", rule.code);
        if fixed.edits > 0 {
            let left: Vec<_> = fixed
                .parsed
                .findings
                .iter()
                .map(|finding| finding.code)
                .collect();
            assert!(
                left.len() < codes.len(),
                "{}: mending leaves {left:?}",
                rule.code
            );
        }
    }
}

#[test]
fn mending_the_order_keeps_lines_that_belong_to_no_section() {
    let text = "<<SYSTEM>>\nWelcome.\n\nScenario: It rains.\n\nAnn's Persona: Ann bakes.\n\n<<AIBOT>>\nAnn:";
    let fixed = Format::named("limarp-v1").unwrap().fix(text).text;
    assert!(
        fixed.starts_with(
            "<<SYSTEM>>\nWelcome.\n\nAnn's Persona: Ann bakes.\n\nScenario: It rains."
        ),
        "{fixed}"
    );
}

#[test]
fn blanks_after_a_name_are_no_part_of_it() {
    let format = Format::named("limarp-v1").unwrap();
    let text = "<<SYSTEM>>\nAnn\t's Persona: Ann bakes.\n\n<<AIBOT>>\nAnn:";
    let parsed = format.parse(text);
    let label = parsed
        .findings
        .iter()
        .find(|finding| finding.code == "section-label")
        .unwrap();
    assert!(label.message.contains("not `'s Persona:`"), "{label:?}");
    assert_eq!(parsed.conversation.unwrap().char, "Ann");
    let fixed = format.fix(text).text;
    assert!(fixed.contains("\nAnn's Persona: Ann bakes."), "{fixed}");
}
