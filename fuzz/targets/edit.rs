//! A card, a path and a value, separated by bytes 0xff: an edit is seen and leaves what it does not name.
#![no_main]

use cardwright::card::{Card, Path};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0xff);
    let (Some(json), Some(path), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return;
    };
    let (Ok(path), Ok(value)) = (
        std::str::from_utf8(path),
        serde_json::from_slice::<Value>(value),
    ) else {
        return;
    };
    let (Ok(reading), Ok(path)) = (Card::from_bytes(json), path.parse::<Path>()) else {
        return;
    };
    let before = reading.card;
    let old = before.get(&path);
    let mut card = before.clone();
    if card.set(&path, &value).is_err() {
        assert_eq!(card, before);
    } else {
        let again = Card::from_bytes(card.json().as_bytes()).expect("an edited card reads");
        assert!(
            again
                .findings
                .iter()
                .all(|finding| finding.code != "json-relaxed")
        );
        let mut again = card.clone();
        if again.set(&path, &value).is_ok() && again.version() == card.version() {
            assert_eq!(again.json().len(), card.json().len());
        }
    }
    let mut card = before.clone();
    match card.unset(&path) {
        Ok(found) => assert_eq!(found, old.is_some()),
        Err(_) => assert_eq!(card, before),
    }
});
