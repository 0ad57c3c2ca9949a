//! Every rule has a case that breaks it, and every repair mends its case.

use cardwright::Place;
use cardwright::card::lint::{self, Topic, rules};
use cardwright::card::{Card, scrub, scrub_image, write_png};
use serde_json::{Map, Value, json};

use super::png::{chunk, end, header, pixels, png, text};

const CASES: &str = include_str!("../fixtures/cards/rules.json");

/// A card that breaks no rule.
fn clean() -> Card {
    let mut card = Card::new("Carina");
    for (path, value) in [
        (
            "description",
            json!("{{char}} is an android who keeps the lamp of a lighthouse."),
        ),
        ("scenario", json!("{{user}} comes ashore at night.")),
        (
            "first_mes",
            json!("\"You are late,\" said {{char}}. ".repeat(8).trim_end()),
        ),
        (
            "mes_example",
            json!("<START>\n{{user}}: Who are you?\n{{char}}: \"Nobody yet.\""),
        ),
        ("tags", json!(["sea"])),
        (
            "character_book",
            json!({"extensions":{},"entries":[{"keys":["sea"],"content":"blue","extensions":{},"enabled":true,
                "insertion_order":1,"use_regex":false}]}),
        ),
    ] {
        card.set(&path.parse().unwrap(), &value).unwrap();
    }
    card
}

fn codes(card: &Card) -> Vec<&'static str> {
    lint::check(card)
        .iter()
        .map(|finding| finding.code)
        .collect()
}

#[test]
fn a_clean_card_breaks_no_rule() {
    assert_eq!(codes(&clean()), [""; 0]);
    assert_eq!(
        Card::from_bytes(clean().json().as_bytes())
            .unwrap()
            .findings,
        []
    );
}

#[test]
fn every_case_breaks_its_rule_and_every_repair_mends_it() {
    let cases: Map<String, Value> = serde_json::from_str(CASES).unwrap();
    for (code, edits) in &cases {
        let mut card = clean();
        for (path, value) in edits.as_object().unwrap() {
            card.set(&path.parse().unwrap(), value).unwrap();
        }
        assert!(
            codes(&card).contains(&code.as_str()),
            "{code}: {:?}",
            codes(&card)
        );
        let rule = lint::rule(code).unwrap();
        if rule.is_fixable() {
            let mended = lint::repair(&mut card).unwrap();
            assert!(!codes(&card).contains(&code.as_str()), "{code} is left");
            assert!(
                mended.iter().any(|finding| finding.code == code),
                "{code}: {mended:?}"
            );
        }
    }
    // Sizes are easier made than written.
    let mut card = clean();
    card.set(
        &"description".parse().unwrap(),
        &"word ".repeat(3000).trim_end().into(),
    )
    .unwrap();
    card.set(
        &"extensions.x".parse().unwrap(),
        &"A".repeat(200_000).into(),
    )
    .unwrap();
    let found = codes(&card);
    let made = ["text-huge", "limarp-persona-long", "security-inline-data"];
    assert!(made.iter().all(|code| found.contains(code)), "{found:?}");
    let in_files = [
        "privacy-exif",
        "privacy-gps",
        "privacy-image-prompt",
        "privacy-image-time",
        "foreign-chunk",
        "security-trailing-archive",
        "security-bomb",
    ];
    for rule in rules() {
        let is_read =
            matches!(rule.topic, Topic::Storage | Topic::Spec) || in_files.contains(&rule.code);
        assert!(
            is_read || made.contains(&rule.code) || cases.contains_key(rule.code),
            "{} has no case",
            rule.code
        );
    }
}

#[test]
fn every_rule_has_a_page_and_a_code_of_its_own() {
    let mut codes: Vec<_> = rules().map(|rule| rule.code).collect();
    assert!(codes.len() >= 60);
    for rule in rules() {
        assert!(
            rule.explanation.ends_with('.') && !rule.example.is_empty(),
            "{}",
            rule.code
        );
        assert!(!rule.summary.ends_with('.'), "{}", rule.code);
    }
    codes.sort_unstable();
    let all = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), all);
}

#[test]
fn every_finding_of_reading_has_a_page() {
    for code in [
        "png-ccv3-bad",
        "json-dup-key",
        "field-lost",
        "card-no-spec",
        "unreadable",
    ] {
        assert!(lint::rule(code).is_some(), "{code}");
    }
    let source = [
        include_str!("../../src/card/tolerant.rs"),
        include_str!("../../src/card/payload.rs"),
        include_str!("../../src/card/png/read.rs"),
        include_str!("../../src/card/spec.rs"),
    ]
    .concat();
    let heads = [
        "png-", "txt-", "json-", "card-", "field-", "book-", "entry-", "root-", "date-", "nested-",
        "name-",
    ];
    for literal in source.split('"').skip(1).step_by(2) {
        let is_code = heads.iter().any(|head| literal.starts_with(head))
            && literal
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        assert!(
            !is_code || lint::rule(literal).is_some(),
            "{literal} has no page"
        );
    }
}

#[test]
fn a_repaired_card_conforms_and_says_what_was_mended() {
    let mut card = Card::from_json(
        r#"{"spec":"chara_card_v2","data":{"name":"Caf\u00c3\u00a9 ","tags":null,"creation_date":"2023-05-12","creator":"Unknown",
            "alternate_greetings":["","Ahoy"],"first_mes":7,"extensions":{"talkativeness":"0.5"},"x":1e3},"name":"old","json_data":"{}"}"#,
    )
    .unwrap();
    lint::repair(&mut card).unwrap();
    assert_eq!(card.name(), "Café");
    assert_eq!(
        card.get(&"creation_date".parse().unwrap()),
        Some(json!(1_683_849_600))
    );
    assert_eq!(card.alternate_greetings(), ["Ahoy"]);
    assert_eq!(card.extension("talkativeness"), Some(json!(0.5)));
    assert!(card.json().contains(r#""x":1e3"#));
    assert!(!card.json().contains("json_data"));
    let left = Card::from_json(card.json()).unwrap();
    assert_eq!(left.to_version(left.version()).unwrap().1, []);
    let before = card.clone();
    lint::repair(&mut card).unwrap();
    assert_eq!(card, before);
}

#[test]
fn scrubbing_leaves_card_and_pixels() {
    let mut card = clean();
    card.set(&"$.chat".parse().unwrap(), &json!("Carina - today"))
        .unwrap();
    card.set(&"extensions.world".parse().unwrap(), &json!("mine"))
        .unwrap();
    let image = png(&[
        header(),
        chunk(b"eXIf", b"MM\0*"),
        text("parameters", "a lighthouse"),
        text("chara-ext-asset_:1", "AAAA"),
        pixels(),
        chunk(b"tIME", &[0; 7]),
        text("Software", "x"),
        end(),
        b"PK\x03\x04zip".to_vec(),
    ]);
    let file = write_png(&image, &card).unwrap();
    let reading = Card::from_bytes(&file).unwrap();
    let found: Vec<_> = lint::check_reading(&reading, &file)
        .iter()
        .map(|f| f.code)
        .collect();
    for code in [
        "privacy-exif",
        "privacy-image-prompt",
        "privacy-image-time",
        "foreign-chunk",
        "security-trailing-archive",
    ] {
        assert!(found.contains(&code), "{code}: {found:?}");
    }
    assert_eq!(scrub(&mut card).unwrap(), ["$.chat", "extensions.world"]);
    let bare = png(&[
        header(),
        text("chara-ext-asset_:1", "AAAA"),
        pixels(),
        end(),
    ]);
    let scrubbed = write_png(&scrub_image(&file), &card).unwrap();
    assert_eq!(scrubbed, write_png(&bare, &card).unwrap());
    assert_eq!(scrub(&mut card).unwrap(), [""; 0]);
}

#[test]
fn a_field_that_makes_the_card_a_card_may_stand_twice_and_is_mended() {
    for text in [
        r#"{"name":"A","name":"B","description":"x"}"#,
        r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"A"},"data":{"name":"B"}}"#,
    ] {
        let mut card = Card::from_json(text).unwrap();
        lint::repair(&mut card).unwrap();
        assert_eq!(card.name(), "B");
        assert!(
            lint::check(&card)
                .iter()
                .all(|finding| finding.code != "json-dup-key")
        );
    }
}

#[test]
fn a_finding_in_a_lorebook_names_the_entry_it_is_about() {
    let place = |entries: &str| {
        let text = format!(
            r#"{{"spec":"chara_card_v2","spec_version":"2.0","data":{{"name":"A","character_book":{{"entries":{entries}}}}}}}"#
        );
        let findings = lint::check(&Card::from_json(&text).unwrap());
        let mut empty = findings.into_iter().filter(|f| f.code == "lore-no-keys");
        match empty.next().unwrap().place {
            Place::Path(path) => path,
            other => panic!("{other:?}"),
        }
    };
    let lost = r#"{"keys":[],"content":"x","enabled":true,"constant":false}"#;
    assert!(place(&format!("[null,{lost}]")).starts_with("data.character_book.entries[1]"));
    assert!(
        place(&format!(r#"{{"7":{lost}}}"#)).starts_with(r#"data.character_book.entries["7"]"#)
            || place(&format!(r#"{{"7":{lost}}}"#)).starts_with("data.character_book.entries.7")
    );
}

#[test]
fn a_position_in_the_camera_data_is_told_from_camera_data() {
    // Little endian TIFF: IFD0 with a pointer to the GPS directory, which has a reference and a latitude.
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(b"\x01\0\x01\0\x02\0\x02\0\0\0N\0\0\0\0\0\0\0");
    let image = png(&[header(), chunk(b"eXIf", &exif), pixels(), end()]);
    let file = write_png(&image, &clean()).unwrap();
    let codes = |file: &[u8]| -> Vec<&'static str> {
        let reading = Card::from_bytes(file).unwrap();
        lint::check_reading(&reading, file)
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    assert_eq!(codes(&file), ["privacy-gps"]);
    assert_eq!(codes(&scrub_image(&file)), [""; 0]);
}
