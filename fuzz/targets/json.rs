//! A card as text: what was repaired needs no second repair, and every version has a form of it.
#![no_main]

use cardwright::card::{Card, Version, diff, lint, scrub};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(reading) = Card::from_bytes(data) else {
        return;
    };
    let card = reading.card;
    let again = Card::from_bytes(card.json().as_bytes()).expect("a card's own text reads");
    assert_eq!(again.card, card);
    assert!(
        again
            .findings
            .iter()
            .all(|finding| finding.code != "json-relaxed")
    );
    assert!(diff(&card, &again.card).is_empty());
    lint::check(&card);
    for version in [Version::V1, Version::V2, Version::V3] {
        let (other, _) = card
            .to_version(version)
            .expect("every card has a form in every version");
        assert_eq!(other.version(), version);
        let (same, findings) = other.to_version(version).expect("it conforms");
        assert_eq!((same, findings.len()), (other, 0));
    }
    let mut mended = card.clone();
    if lint::repair(&mut mended).is_ok() {
        let once = mended.clone();
        lint::repair(&mut mended).expect("what was mended can be");
        assert_eq!(mended, once);
    }
    let mut scrubbed = card;
    if scrub(&mut scrubbed).is_ok() {
        assert!(scrub(&mut scrubbed).expect("nothing is left").is_empty());
    }
});
