//! Lorebooks: a file of any format written as every other, and the one of a card with every rule about it.
#![no_main]

use cardwright::card::{Book, Card, LOREBOOK_FORMATS, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(book) = Book::from_bytes(data) {
        for format in LOREBOOK_FORMATS {
            let (text, _) = book.write(format);
            Book::from_bytes(text.as_bytes()).expect("what was written reads");
        }
    }
    let Ok(book) = std::str::from_utf8(data) else {
        return;
    };
    let text = format!(
        r#"{{"spec":"chara_card_v3","spec_version":"3.0","data":{{"name":"A","description":"B","character_book":{book}}}}}"#
    );
    let Ok(mut card) = Card::from_json(&text) else {
        return;
    };
    let _ = lint::check(&card);
    if let Some(book) = card.lorebook() {
        // Entries say where they stand.
        for entry in &book.entries {
            let _ = format!("{:?}", entry.place);
        }
    }
    let _ = lint::repair(&mut card);
});
