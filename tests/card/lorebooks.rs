//! Lorebooks from format to format: what is lost is said, and the way back is exact.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cardwright::card::{Book, Format, LOREBOOK_FORMATS};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::fixtures;
use super::png::{end, header, pixels, png, text};

fn format(key: &str) -> &'static Format {
    Format::by_key(key).unwrap()
}

#[test]
fn every_conversion_says_what_it_loses() {
    let mut table = String::new();
    for (name, bytes) in fixtures("lorebooks") {
        let book = Book::from_bytes(&bytes).unwrap();
        for target in LOREBOOK_FORMATS {
            let (_, lost) = book.write(target);
            let _ = writeln!(table, "{name} ({}) -> {}", book.origin, target.name);
            for finding in lost {
                let _ = writeln!(table, "  [{}] {}", finding.code, finding.message);
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_file_that_is_read_and_written_in_its_own_format_says_the_same() {
    for (name, bytes) in fixtures("lorebooks") {
        let book = Book::from_bytes(&bytes).unwrap();
        let own = LOREBOOK_FORMATS
            .iter()
            .find(|format| format.name == book.origin)
            .unwrap();
        let (text, lost) = book.write(own);
        assert_eq!(lost, [], "{name}");
        let text = text
            .as_bytes()
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(text.as_bytes());
        let (before, after): (Value, Value) = (
            serde_json::from_slice(&bytes).unwrap(),
            serde_json::from_slice(text).unwrap(),
        );
        contains(&after, &before, &name);
    }
}

/// Whether every value of `small` stands in `large` too; a format's writer may add what its program expects.
fn contains(large: &Value, small: &Value, place: &str) {
    match (large, small) {
        (Value::Object(large), Value::Object(small)) => {
            for (key, value) in small {
                let place = format!("{place}.{key}");
                contains(
                    large.get(key).unwrap_or_else(|| panic!("{place} is gone")),
                    value,
                    &place,
                );
            }
        }
        (Value::Array(large), Value::Array(small)) => {
            assert_eq!(large.len(), small.len(), "{place}");
            for (large, small) in large.iter().zip(small) {
                contains(large, small, place);
            }
        }
        _ => assert_eq!(large, small, "{place}"),
    }
}

#[test]
fn the_way_through_a_format_with_extensions_and_back_is_exact() {
    for (name, bytes) in fixtures("lorebooks") {
        let book = Book::from_bytes(&bytes).unwrap();
        for through in ["v3", "world", "agnai", "risu", "book"] {
            let there = Book::from_bytes(book.write(format(through)).0.as_bytes()).unwrap();
            let own = LOREBOOK_FORMATS
                .iter()
                .find(|format| format.name == book.origin)
                .unwrap();
            let back: Value = serde_json::from_str(&there.write(own).0).unwrap();
            contains(
                &back,
                &serde_json::from_slice(&bytes).unwrap(),
                &format!("{name} through {through}"),
            );
        }
    }
}

#[test]
fn novelai_s_lorebook_in_a_png_and_the_one_of_a_card_are_read() {
    let novelai = fixtures("lorebooks")
        .into_iter()
        .find(|(name, _)| name.ends_with(".lorebook"))
        .unwrap()
        .1;
    let image = png(&[
        header(),
        text("naidata", STANDARD.encode(&novelai)),
        pixels(),
        end(),
    ]);
    let book = Book::from_bytes(&image).unwrap();
    assert_eq!((book.origin, book.len()), ("NovelAI", 1));
    let card = br#"{"name":"C","description":"","data":{"name":"C","character_book":{"entries":[{"keys":["a"],"content":"b"}]}},"spec":"chara_card_v2"}"#;
    assert_eq!(Book::from_bytes(card).unwrap().len(), 1);
    let error = Book::from_bytes(br#"{"name":"C","description":""}"#).unwrap_err();
    assert_eq!(error.to_string(), "the card has no lorebook");
    let error = Book::from_bytes(b"{}").unwrap_err();
    assert!(error.to_string().starts_with("JSON is none of"), "{error}");
}

fn entry() -> impl Strategy<Value = Value> {
    let keys = || prop::collection::vec("[a-z ,/]{1,6}", 0..3);
    let fields = (
        keys(),
        keys(),
        "\\PC{0,20}",
        any::<[bool; 5]>(),
        -5i64..300,
        0u64..9,
        any::<bool>(),
    );
    fields.prop_map(|(keys, secondary, content, flags, order, number, is_text)| {
        json!({
            "keys": keys, "secondary_keys": secondary, "content": content, "enabled": flags[0], "constant": flags[1],
            "selective": flags[2], "use_regex": flags[3], "case_sensitive": flags[4], "insertion_order": order,
            "id": if is_text { json!(format!("id{number}")) } else { json!(number) }, "priority": number, "comment": "c",
            "position": if flags[1] { "before_char" } else { "after_char" },
            "extensions": { "depth": number, "probability": order, "other": { "x": [null, 1.5] } },
        })
    })
}

proptest! {
    #[test]
    fn any_book_comes_back_from_any_format_that_has_extensions(entries in prop::collection::vec(entry(), 0..4), name in "[a-z]{0,6}") {
        let mut book = Map::from_iter([("name".to_owned(), json!(name)), ("extensions".to_owned(), json!({"k": 1}))]);
        book.insert("scan_depth".into(), json!(3));
        book.insert("entries".into(), entries.into());
        let v3 = json!({ "spec": "lorebook_v3", "data": book }).to_string();
        let book = Book::from_bytes(v3.as_bytes()).unwrap();
        for key in ["world", "agnai", "risu"] {
            let (text, lost) = book.write(format(key));
            prop_assert!(lost.iter().all(|finding| finding.code == "lore-parked"), "{} {:?}", key, lost);
            let back = Book::from_bytes(text.as_bytes()).unwrap();
            contains(&back.value, &book.value, key);
        }
    }

    #[test]
    fn no_text_makes_the_lorebook_reader_panic(text in "[\\[\\]{}\",:a-e0-9\\\\ -]{0,48}", which in 0usize..6, at in any::<prop::sample::Index>()) {
        let _ = Book::from_bytes(text.as_bytes());
        let mut bytes = fixtures("lorebooks").swap_remove(which).1;
        let at = at.index(bytes.len());
        bytes.splice(at..at, text.bytes());
        if let Ok(book) = Book::from_bytes(&bytes) {
            for format in LOREBOOK_FORMATS {
                let _ = book.write(format);
            }
        }
    }
}
