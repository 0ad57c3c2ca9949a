//! `check`, `diff` and `scrub` as a user types them.

use std::fs;

use cardwright::card::{Card, write_png};
use serde_json::{Value, json};

use super::cli::run;
use super::png::{chunk, encode, end, header, pixels, png, text};

/// A folder with a sound card, one with quirks and one that cannot be read.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut card = Card::new("Carina");
    for (path, value) in [
        (
            "description",
            json!("{{char}} keeps the lamp of a lighthouse."),
        ),
        (
            "first_mes",
            json!("\"You are late,\" said {{char}}. ".repeat(8).trim_end()),
        ),
    ] {
        card.set(&path.parse().unwrap(), &value).unwrap();
    }
    let image = png(&[header(), pixels(), end()]);
    fs::write(
        folder.path().join("a-good.png"),
        write_png(&image, &card).unwrap(),
    )
    .unwrap();
    let odd = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Okka ","tags":null,"description":"<script>","first_mes":"Hi"}}"#;
    let mut bad_crc = text("Chara", encode(odd));
    *bad_crc.last_mut().unwrap() ^= 1;
    fs::write(
        folder.path().join("b-odd.png"),
        png(&[header(), pixels(), bad_crc, end()]),
    )
    .unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    fs::write(folder.path().join("deep/c-lost.png"), image).unwrap();
    fs::write(folder.path().join("notes.txt"), "no card").unwrap();
    folder
}

#[test]
fn a_folder_is_checked_whole_and_one_lost_file_does_not_stop_it() {
    let folder = folder();
    let (code, out, err) = run(folder.path(), &["check", "."]);
    assert_eq!(code, 1, "{err}");
    insta::assert_snapshot!(format!("{out}--\n{err}"));
    let (code, out, _) = run(folder.path(), &["check", "a-good.png", "--strict"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(run(folder.path(), &["check", "deep/c-lost.png"]).0, 2);
    assert_eq!(run(folder.path(), &["check", "missing.png"]).0, 2);
}

#[test]
fn sarif_names_rules_places_and_levels() {
    let folder = folder();
    let (code, out, _) = run(folder.path(), &["check", ".", "--format", "sarif"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(results).unwrap());
}

#[test]
fn a_fix_mends_the_file_and_keeps_what_needs_a_person() {
    let folder = folder();
    let file = folder.path().join("b-odd.png");
    let good = fs::read(folder.path().join("a-good.png")).unwrap();
    let (code, out, err) = run(
        folder.path(),
        &["check", "--fix", "a-good.png", "b-odd.png"],
    );
    assert_eq!(code, 1, "{err}");
    insta::assert_snapshot!(format!("{out}--\n{err}"));
    assert_eq!(fs::read(folder.path().join("a-good.png")).unwrap(), good);
    let mended = fs::read(&file).unwrap();
    let reading = Card::from_bytes(&mended).unwrap();
    assert_eq!(reading.findings, []);
    assert_eq!(reading.card.name(), "Okka");
    assert_eq!(run(folder.path(), &["check", "--fix", "b-odd.png"]).0, 1);
    assert_eq!(fs::read(&file).unwrap(), mended);
}

#[test]
fn every_rule_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run(folder.path(), &["check", "--explain", "png-bad-crc"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r"
    png-bad-crc: the checksum of the card's chunk is right
    storage, warning; mended: yes, by `check --fix`

    SillyTavern refuses a file with a wrong one; it also hints at damage.

    For example:
        a `chara` chunk with checksum 0
    ");
    let (code, _, err) = run(folder.path(), &["check", "--explain", "bad-crc"]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: there is no rule `bad-crc`\nhint: did you mean `png-bad-crc`?\n"
    );
    let (code, out, _) = run(folder.path(), &["check", "--rules"]);
    assert_eq!(
        (code, out.lines().count()),
        (0, cardwright::card::lint::rules().count())
    );
}

#[test]
fn diff_tells_fields_apart_and_not_bytes() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    let card = Card::open(&path("a-good.png")).unwrap().card;
    let value: Value = serde_json::from_str(card.json()).unwrap();
    fs::write(path("same.json"), format!("{value:#}")).unwrap();
    assert_eq!(
        run(folder.path(), &["diff", "a-good.png", "same.json"]),
        (0, String::new(), String::new())
    );
    let mut other = card.clone();
    for (field, value) in [
        ("tags", json!(["sea"])),
        ("description", json!("One.\nTwo.")),
        ("x", json!({"a": 1})),
        ("$.y", json!(1.0)),
    ] {
        other.set(&field.parse().unwrap(), &value).unwrap();
    }
    other.unset(&"creator".parse().unwrap()).unwrap();
    fs::write(path("other.json"), other.json()).unwrap();
    let (code, out, err) = run(folder.path(), &["diff", "a-good.png", "other.json"]);
    assert_eq!((code, err.as_str()), (1, ""));
    insta::assert_snapshot!(out);
    let (_, out, _) = run(
        folder.path(),
        &["diff", "--json", "a-good.png", "other.json"],
    );
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["differences"].as_array().unwrap().len(), 5);
    assert_eq!(
        report["differences"][2],
        json!({"path":"creator","before":"","after":null})
    );
}

#[test]
fn scrub_says_what_is_gone() {
    let folder = folder();
    let mut card = Card::new("Carina");
    card.set(&"$.chat".parse().unwrap(), &json!("today"))
        .unwrap();
    card.set(
        &"creator_notes".parse().unwrap(),
        &json!("anna@example.com"),
    )
    .unwrap();
    let image = png(&[header(), chunk(b"eXIf", b"MM\0*"), pixels(), end()]);
    fs::write(
        folder.path().join("own.png"),
        write_png(&image, &card).unwrap(),
    )
    .unwrap();
    let (code, out, err) = run(folder.path(), &["scrub", "own.png"]);
    assert_eq!((code, out.as_str()), (0, ""));
    insta::assert_snapshot!(err, @r"
    taken out: `$.chat`
    taken out: the picture has EXIF data
    warning[privacy-email]: own.png: data.creator_notes: an e-mail address
    ");
    let (_, out, _) = run(
        folder.path(),
        &["check", "own.png", "--level", "info", "--format", "json"],
    );
    assert!(
        !out.contains("privacy-exif") && !out.contains("privacy-chat-name"),
        "{out}"
    );
}

#[test]
fn opening_a_file_is_reading_its_bytes() {
    let folder = folder();
    for name in ["a-good.png", "b-odd.png"] {
        let path = folder.path().join(name);
        assert_eq!(
            Card::open(&path).unwrap(),
            Card::from_bytes(&fs::read(&path).unwrap()).unwrap()
        );
    }
    let error = Card::open(&folder.path().join("deep/c-lost.png")).unwrap_err();
    assert!(error.message().starts_with("no card found"), "{error}");
    assert!(Card::open(&folder.path().join("notes.txt")).is_err());
    assert_eq!(
        Card::open(&folder.path().join("missing.png"))
            .unwrap_err()
            .kind(),
        cardwright::Kind::File
    );
}

/// The folder of cards that break rules of every family, and what a code scanner is told about them.
#[test]
fn the_fixture_folder_gives_the_expected_sarif() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cards/check");
    let (code, out, err) = run(&folder, &["check", ".", "--format", "sarif"]);
    assert_eq!(code, 1, "{err}");
    let mut report: Value = serde_json::from_str(&out).unwrap();
    let run = &mut report["runs"][0];
    // The table of rules grows; its own tests look after it.
    let rules = run["tool"]["driver"]["rules"].take();
    for result in run["results"].as_array_mut().unwrap() {
        let index = usize::try_from(result["ruleIndex"].take().as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        result.as_object_mut().unwrap().remove("ruleIndex");
    }
    run["tool"]["driver"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key == "name");
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
    let results = report["runs"][0]["results"].as_array().unwrap();
    let of = |file: &str| {
        results
            .iter()
            .filter(|r| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == file)
            .count()
    };
    assert_eq!(of("clean.json"), 0);
}
