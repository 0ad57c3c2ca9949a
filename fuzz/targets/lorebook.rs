//! The lorebook of a card, and every rule about it.
#![no_main]

use cardwright::card::{Card, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(book) = std::str::from_utf8(data) else {
        return;
    };
    let text = format!(
        r#"{{"spec":"chara_card_v3","spec_version":"3.0","data":{{"name":"A","description":"B","character_book":{book}}}}}"#
    );
    let Ok(mut card) = Card::from_json(&text) else {
        return;
    };
    lint::check(&card);
    if let Some(book) = card.lorebook() {
        // Entries say where they stand.
        for entry in &book.entries {
            let _ = format!("{:?}", entry.place);
        }
    }
    let _ = lint::repair(&mut card);
});
