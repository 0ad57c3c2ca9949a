//! An edit changes its own place and nothing else.

use cardwright::card::{Card, Path};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON value, small.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é\u{1f600}\n\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z.\\[\"]{1,6}", inner), 0..4)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// A card with unknown fields of every kind, and its text in one of three looks.
fn card_text() -> impl Strategy<Value = String> {
    let members = || prop::collection::vec(("[a-z_]{1,8}", value()), 0..6);
    (members(), members(), 0..3).prop_map(|(data, root, look)| {
        let mut fields = Map::from_iter([("name".to_owned(), json!("Carina"))]);
        fields.extend(data);
        fields.insert("scenario".into(), json!("a harbour"));
        let mut card = Map::from_iter([("spec".to_owned(), json!("chara_card_v2"))]);
        card.extend(root);
        card.insert("data".into(), Value::Object(fields));
        let card = Value::Object(card);
        match look {
            0 => card.to_string(),
            1 => serde_json::to_string_pretty(&card).unwrap(),
            _ => card.to_string().replace('/', "\\/"),
        }
    })
}

/// Every path into a value, outermost first.
fn paths(value: &Value, here: &Path, all: &mut Vec<Path>) {
    let below: Vec<(Path, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (here.key(k), v)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, v)| (here.index(i), v))
            .collect(),
        _ => Vec::new(),
    };
    for (path, value) in below {
        all.push(path.clone());
        paths(value, &path, all);
    }
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &str, b: &str) -> usize {
    a.bytes()
        .rev()
        .zip(b.bytes().rev())
        .take_while(|(a, b)| a == b)
        .count()
}

proptest! {
    #[test]
    fn an_edit_there_and_back_gives_the_text_back(text in card_text(), pick in any::<prop::sample::Index>()) {
        let card = Card::from_json(&text).unwrap();
        prop_assert_eq!(card.json(), &text);
        let mut all = Vec::new();
        paths(&card.get(&Path::root()).unwrap(), &Path::root(), &mut all);
        let path = pick.get(&all);
        // Its own path, written and read, leads to the same place.
        prop_assert_eq!(&path.to_string().parse::<Path>().unwrap(), path);
        let old = card.get(path).unwrap();
        let mut edited = card.clone();
        if edited.set(path, &json!("§edited§")).is_ok() {
            prop_assert_eq!(edited.get(path), Some(json!("§edited§")));
            let marker = "\"§edited§\"";
            let at = edited.json().find(marker).unwrap();
            prop_assert_eq!(&edited.json()[..at], &text[..at]);
            let after = &edited.json()[at + marker.len()..];
            prop_assert!(text.ends_with(after));
            let gone: Value = serde_json::from_str(&text[at..text.len() - after.len()]).unwrap();
            prop_assert_eq!(gone, old);
        }
    }

    #[test]
    fn taking_a_value_out_takes_one_stretch_of_text(text in card_text(), pick in any::<prop::sample::Index>()) {
        let card = Card::from_json(&text).unwrap();
        let mut all = Vec::new();
        paths(&card.get(&Path::root()).unwrap(), &Path::root(), &mut all);
        let path = pick.get(&all);
        let mut edited = card.clone();
        if edited.unset(path).is_ok() {
            let kept = edited.json().len();
            prop_assert!(
                common_prefix(&text, edited.json()) + common_suffix(&text, edited.json()) >= kept
            );
            let mut expected = card.get(&Path::root()).unwrap();
            remove(&mut expected, path);
            prop_assert_eq!(edited.get(&Path::root()).unwrap(), expected);
        }
    }

    #[test]
    fn a_new_value_is_added_in_one_stretch_of_text(text in card_text(), new in value()) {
        let mut card = Card::from_json(&text).unwrap();
        let before = card.get(&Path::root()).unwrap();
        let path: Path = "extensions_of_mine.deep[0]".parse().unwrap();
        card.set(&path, &new).unwrap();
        prop_assert_eq!(card.get(&path), Some(new));
        let mut after = card.get(&Path::root()).unwrap();
        after["data"].as_object_mut().unwrap().remove("extensions_of_mine");
        prop_assert_eq!(after, before);
        prop_assert!(common_prefix(&text, card.json()) + common_suffix(&text, card.json()) >= text.len());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}\",:a-e0-9\\\\u/*' \n-]{0,64}") {
        let _ = Card::from_json(&text);
        let _ = Card::from_bytes(text.as_bytes());
    }
}

fn remove(value: &mut Value, path: &Path) {
    use cardwright::card::Step;
    let (last, before) = path.steps.split_last().unwrap();
    let mut at = value;
    for step in before {
        at = match step {
            Step::Key(key) => &mut at[key.as_str()],
            Step::Index(index) => &mut at[*index],
        };
    }
    match last {
        Step::Key(key) => {
            at.as_object_mut().unwrap().shift_remove(key);
        }
        Step::Index(index) => {
            at.as_array_mut().unwrap().remove(*index);
        }
    }
}

#[test]
fn odd_spellings_survive_an_edit_beside_them() {
    let text = r#"{"data":{"name":"a\/b","n":1e3,"id":12345678901234567890,"x":"\ud83d","dup":1,"dup":null,"y":1.0,"scenario":""}}"#;
    let mut card = Card::from_json(text).unwrap();
    card.set(&"scenario".parse().unwrap(), &json!("here"))
        .unwrap();
    assert_eq!(
        card.json(),
        text.replace(r#""scenario":"""#, r#""scenario":"here""#)
    );
    assert_eq!(card.get(&"x".parse().unwrap()), Some(json!("\u{fffd}")));
}

#[test]
fn paths_of_findings_lead_to_the_same_fields() {
    let mut card = Card::new("Carina");
    card.set(&"data.tags[0]".parse().unwrap(), &json!("sea"))
        .unwrap();
    card.set(&"spec_version".parse().unwrap(), &json!("3.1"))
        .unwrap();
    assert_eq!(card.tags(), ["sea"]);
    assert_eq!(
        card.get(&"$.spec_version".parse().unwrap()),
        Some(json!("3.1"))
    );
    assert_eq!(card.get(&"$.data.spec_version".parse().unwrap()), None);
}

#[test]
fn an_edit_that_leaves_no_card_is_refused() {
    let mut card = Card::from_json(r#"{"name":"Carina"}"#).unwrap();
    let error = card.unset(&"name".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "name: after this edit nothing would be left that makes it a character card"
    );
    assert_eq!(card.json(), r#"{"name":"Carina"}"#);
}

#[test]
fn wrong_types_read_as_what_was_meant() {
    let card = Card::from_json(
        r#"{"data":{"name":7,"description":null,"first_mes":["a","b"],"tags":"sea, ship ,","alternate_greetings":"hi",
            "group_only_greetings":null,"extensions":[]},"scenario":"from the root"}"#,
    )
    .unwrap();
    assert_eq!(card.name(), "7");
    assert_eq!(card.description(), "");
    assert_eq!(card.first_message(), "a\nb");
    assert_eq!(card.scenario(), "from the root");
    assert_eq!(card.tags(), ["sea", "ship"]);
    assert_eq!(card.alternate_greetings(), ["hi"]);
    assert!(card.group_only_greetings().is_empty());
    assert_eq!(card.extension("x"), None);
}
