//! BYAF: read as a card, edited where its values stand, and made of a card.

use cardwright::Kind;
use cardwright::card::{Card, Conversion, Version, convert, picture};
use serde_json::{Value, json};

use super::archive::{container, entries, image, packed, write};

pub(super) fn byaf() -> Vec<u8> {
    let manifest = r#"{"schemaVersion":1,"createdAt":"2025-01-02T03:04:05.000Z","characters":["characters/c1/character.json"],
        "scenarios":["scenarios/scenario1.json","scenarios/scenario2.json"],"author":{"name":"me","backyardURL":"https://example.org/me"}}"#;
    let character = r#"{"schemaVersion":1,"id":"c1","name":"Carina","displayName":"Captain Carina","isNSFW":false,
        "persona":"{character} sails with {user}.","createdAt":"2025-01-02T03:04:05.000Z","updatedAt":"2025-01-02T03:04:05.000Z",
        "loreItems":[{"id":"l1","order":"a","key":"sea, ocean","value":"Where {character} lives."}],
        "images":[{"path":"images/main.png","label":"x"}]}"#;
    let scenario = |greeting: &str| {
        format!(
            r##"{{"schemaVersion":1,"formattingInstructions":"Write well.","minP":0.10,"minPEnabled":true,"temperature":1.2,
        "repeatPenalty":1.05,"repeatLastN":256,"topK":30,"topP":0.9,"exampleMessages":[{{"characterID":"c1","text":"#{{user}}: Hi.\n#{{character}}: Ahoy."}}],
        "canDeleteExampleMessages":true,"firstMessages":[{{"characterID":"c1","text":"{greeting}"}}],"narrative":"A harbour.",
        "promptTemplate":"general","grammar":null,"messages":[{{"type":"human","text":"private"}}]}}"##
        )
    };
    packed(&[
        ("manifest.json", manifest.as_bytes()),
        ("characters/c1/character.json", character.as_bytes()),
        ("characters/c1/images/main.png", &image()),
        (
            "scenarios/scenario1.json",
            scenario("Ahoy, {user}.").as_bytes(),
        ),
        ("scenarios/scenario2.json", scenario("Again.").as_bytes()),
    ])
}

#[test]
fn a_byaf_is_read_whole_and_edited_where_its_values_stand() {
    let source = byaf();
    let reading = Card::from_bytes(&source).unwrap();
    let card = &reading.card;
    assert_eq!(
        (reading.container.name, card.version()),
        ("BYAF", Version::V2)
    );
    assert_eq!(
        (&*card.name(), &*card.description()),
        ("Carina", "{{char}} sails with {{user}}.")
    );
    assert_eq!(
        (&*card.first_message(), card.alternate_greetings()),
        ("Ahoy, {{user}}.", vec!["Again.".to_owned()])
    );
    assert_eq!(
        card.example_messages(),
        "<START>\n{{user}}: Hi.\n{{char}}: Ahoy."
    );
    assert_eq!(
        (&*card.scenario(), &*card.system_prompt(), &*card.creator()),
        ("A harbour.", "Write well.", "me")
    );
    assert_eq!(card.lorebook().unwrap().entries[0].keys, ["sea", "ocean"]);
    assert_eq!(
        card.extension("display_name"),
        Some(json!("Captain Carina"))
    );
    let codes: Vec<_> = reading
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, ["byaf-messages"]);
    assert_eq!(picture(&reading, &source).unwrap(), Some(image()));
    assert_eq!(write(card, &source).unwrap(), source);

    let mut edited = card.clone();
    for (path, value) in [
        ("description", json!("{{char}} rests.")),
        ("alternate_greetings[0]", json!("Once more, {{user}}.")),
        ("character_book.entries[0].content", json!("Salt.")),
        ("extensions.backyard.scenario.topK", json!(7)),
        ("creator", json!("you")),
    ] {
        edited.set(&path.parse().unwrap(), &value).unwrap();
    }
    let written = write(&edited, &source).unwrap();
    assert_eq!(
        Card::from_bytes(&written).unwrap().card.json(),
        edited.json()
    );
    let (before, after) = (entries(&source), entries(&written));
    assert_eq!(before[2], after[2]);
    let text = |entries: &[(String, Vec<u8>, Vec<u8>)], index: usize| {
        String::from_utf8(entries[index].2.clone()).unwrap()
    };
    let expected = text(&before, 3).replace("\"topK\":30", "\"topK\":7");
    assert_eq!(text(&after, 3), expected);
    let expected = text(&before, 1)
        .replace("{character} sails with {user}.", "{character} rests.")
        .replace("Where {character} lives.", "Salt.");
    assert_eq!(
        serde_json::from_str::<Value>(&text(&after, 1)).unwrap(),
        serde_json::from_str::<Value>(&expected).unwrap()
    );

    let mut impossible = card.clone();
    impossible
        .set(&"personality".parse().unwrap(), &json!("calm"))
        .unwrap();
    let error = write(&impossible, &source).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Usage, "BYAF has no place for `personality`")
    );
}

#[test]
fn a_card_goes_into_a_byaf_and_back_but_for_what_is_named() {
    let source = byaf();
    let reading = Card::from_bytes(&source).unwrap();
    let png = convert(&reading, &source, container("png"), Conversion::default()).unwrap();
    assert_eq!(png.lost, []);
    let mut from_png = Card::from_bytes(&png.bytes).unwrap();
    assert_eq!(picture(&from_png, &png.bytes).unwrap(), Some(image()));
    let back = convert(
        &from_png,
        &png.bytes,
        container("byaf"),
        Conversion::default(),
    )
    .unwrap();
    assert_eq!(back.lost, []);
    let again = Card::from_bytes(&back.bytes).unwrap();
    assert_eq!(again.card.json(), reading.card.json());
    assert_eq!(picture(&again, &back.bytes).unwrap(), Some(image()));

    from_png
        .card
        .set(&"personality".parse().unwrap(), &json!("calm"))
        .unwrap();
    from_png
        .card
        .set(&"tags".parse().unwrap(), &json!(["sea"]))
        .unwrap();
    let lost = convert(
        &from_png,
        &png.bytes,
        container("byaf"),
        Conversion::default(),
    )
    .unwrap()
    .lost;
    let lost: Vec<_> = lost
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        lost,
        [
            "BYAF has no place for `personality`, which is `\"calm\"`",
            "BYAF has no place for `tags[0]`, which is `\"sea\"`"
        ]
    );
}
