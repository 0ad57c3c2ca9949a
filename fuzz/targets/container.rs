//! Any container, sniffed from its bytes: what can be written comes back.
#![no_main]

use cardwright::card::{Card, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(reading) = Card::from_bytes(data) else {
        return;
    };
    lint::check_reading(&reading, data);
    let Some(write) = reading.container.write else {
        return;
    };
    if let Ok(written) = write(&reading.card, Some(data)) {
        let again = Card::from_bytes(&written).expect("what was written reads");
        assert_eq!(again.card.name(), reading.card.name());
    }
});
