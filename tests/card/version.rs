//! From one version to another, with a report.

use cardwright::card::{Card, Version};
use serde_json::json;

fn codes(findings: &[cardwright::Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|f| match &f.place {
            cardwright::Place::Path(path) => format!("{} {path}", f.code),
            other => format!("{} {other:?}", f.code),
        })
        .collect()
}

#[test]
fn a_new_card_is_a_complete_v3() {
    let card = Card::new("Ca\"rina");
    assert_eq!(card.version(), Version::V3);
    assert_eq!(card.name(), "Ca\"rina");
    let (same, findings) = card.to_version(Version::V3).unwrap();
    assert_eq!((same, findings), (card, Vec::new()));
}

#[test]
fn v1_moves_into_data_with_all_it_has() {
    let card = Card::from_json(
        "{\n  \"name\": \"Carina\",\n  \"x\": 1e3,\n  \"creatorcomment\": \"hi\",\n  \"talkativeness\": \"0.5\"\n}",
    )
    .unwrap();
    let (v2, findings) = card.to_version(Version::V2).unwrap();
    assert!(v2.json().starts_with(
        "{\n  \"spec\": \"chara_card_v2\",\n  \"spec_version\": \"2.0\",\n  \"data\": {\n    \"name\": \"Carina\",\n    \"x\": 1e3,\n"
    ));
    assert_eq!(v2.creator_notes(), "hi");
    assert_eq!(v2.extension("talkativeness"), Some(json!("0.5")));
    assert_eq!(
        codes(&findings)[..3],
        [
            "field-moved data.creatorcomment",
            "field-moved data.talkativeness",
            "field-missing data.description"
        ]
    );
    assert_eq!(v2.to_version(Version::V2).unwrap().1, []);
}

#[test]
fn leaving_v3_says_what_is_lost() {
    let mut card = Card::new("Carina");
    for (path, value) in [
        ("nickname", json!("Cari")),
        ("creation_date", json!(1_700_000_000)),
        ("assets", json!([])),
        (
            "character_book",
            json!({"extensions":{}, "entries":[{"keys":["sea"],"content":"@@depth 4\n@@@role user\nIt is blue.",
                "extensions":{},"enabled":true,"insertion_order":1,"use_regex":true}]}),
        ),
    ] {
        card.set(&path.parse().unwrap(), &value).unwrap();
    }
    let (v2, findings) = card.to_version(Version::V2).unwrap();
    assert_eq!(
        codes(&findings),
        [
            "field-lost data.nickname",
            "field-lost data.creation_date",
            "field-lost data.character_book.entries[0].use_regex",
            "field-lost data.character_book.entries[0].content",
        ]
    );
    assert_eq!(v2.lorebook().unwrap().entries[0].content, "It is blue.");
    assert_eq!(v2.version(), Version::V2);
    assert_eq!(v2.nickname(), "Carina");
}

#[test]
fn v1_keeps_what_it_has_a_place_for() {
    let mut card = Card::new("Carina");
    card.set(&"creator_notes".parse().unwrap(), &json!("mine"))
        .unwrap();
    card.set(&"system_prompt".parse().unwrap(), &json!("be kind"))
        .unwrap();
    card.set(&"tags".parse().unwrap(), &json!(["sea"])).unwrap();
    let (v1, findings) = card.to_version(Version::V1).unwrap();
    assert_eq!(
        v1.json(),
        r#"{"name":"Carina","description":"","personality":"","scenario":"","first_mes":"","mes_example":"","creatorcomment":"mine","tags":["sea"]}"#
    );
    assert_eq!(codes(&findings), ["field-lost data.system_prompt"]);
}

/// Found by fuzzing: a V1 card lost what V1 does not name.
#[test]
fn a_v1_card_stays_as_it_is_in_v1() {
    let text = r#"{"name":"C","description":"","personality":"","scenario":"","first_mes":"","mes_example":"","x":1e3,"talkativeness":"0.5"}"#;
    let card = Card::from_json(text).unwrap();
    let (same, findings) = card.to_version(Version::V1).unwrap();
    assert_eq!((same.json(), findings), (text, Vec::new()));
}

#[test]
fn a_lorebook_is_completed_too() {
    let card = Card::from_json(
        r#"{"spec":"chara_card_v3","spec_version":"3.1","data":{"name":"C","character_book":{"entries":
            {"10":{"keys":"b, c","content":"second","insertion_order":"5","enabled":1},"2":{"keys":["a"],"content":"first"}}}}}"#,
    )
    .unwrap();
    let book = card.lorebook().unwrap();
    let contents: Vec<_> = book.entries.iter().map(|e| e.content.as_str()).collect();
    assert_eq!(contents, ["first", "second"]);
    let (v3, _) = card.to_version(Version::V3).unwrap();
    assert_eq!(
        v3.get(&"$.spec_version".parse().unwrap()),
        Some(json!("3.1"))
    );
    let entries = v3.get(&"character_book.entries".parse().unwrap()).unwrap();
    assert_eq!(
        entries[1],
        json!({"keys":["b","c"],"content":"second","insertion_order":5.0,"enabled":true,"extensions":{},"use_regex":false})
    );
    assert_eq!(v3.to_version(Version::V3).unwrap().1, []);
}

#[test]
fn the_version_is_judged_by_what_is_there() {
    for (text, version) in [
        (
            r#"{"spec":"tavern_ai","spec_version":"1.0","name":"C"}"#,
            Some(Version::V1),
        ),
        (r#"{"data":{"name":"C"}}"#, Some(Version::V2)),
        (r#"{"data":{"name":"C","nickname":""}}"#, Some(Version::V3)),
        (r#"{"spec":"chara_card_v3","data":{}}"#, Some(Version::V3)),
        (
            r#"{"spec":"chara_card_v2","spec_version":2.0,"data":{}}"#,
            Some(Version::V2),
        ),
        (r#"{"name":"lore","entries":[]}"#, None),
        (r#"{"spec":"lorebook_v3","data":{"entries":[]}}"#, None),
        (r#"{"what":"else"}"#, None),
        ("[1]", None),
    ] {
        let card = Card::from_json(text);
        assert_eq!(card.ok().map(|card| card.version()), version, "{text}");
    }
}
