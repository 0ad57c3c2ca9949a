//! Any container, sniffed from its bytes: what can be written comes back, and it goes into every other one.
#![no_main]

use cardwright::card::{CONTAINERS, Card, Conversion, Names, assets, convert, lint, picture, scrub_image};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(reading) = Card::from_bytes(data) else {
        return;
    };
    let _ = lint::check_reading(&reading, data);
    let mut names = Names::default();
    for asset in assets(&reading, data).map(|found| found.0).unwrap_or_default() {
        let name = names.place(&asset.path);
        assert!(!name.split('/').any(|part| matches!(part, "" | "." | "..")), "{name}");
    }
    let _ = (picture(&reading, data), scrub_image(data));
    for container in CONTAINERS {
        if let Ok(converted) = convert(&reading, data, container, Conversion::default()) {
            Card::from_bytes(&converted.bytes).expect("what was converted reads");
        }
    }
    let Some(write) = reading.container.write else {
        return;
    };
    if let Ok(written) = write(&reading.card, Some(data)) {
        let again = Card::from_bytes(&written).expect("what was written reads");
        assert_eq!(again.card.name(), reading.card.name());
    }
});
