//! A PNG card: reading never panics, and what was read is what is written.
#![no_main]

use cardwright::card::{Card, lint, scrub_image, write_png};
use libfuzzer_sys::fuzz_target;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

fuzz_target!(|data: &[u8]| {
    let image = [SIGNATURE, data].concat();
    let Ok(reading) = Card::from_bytes(&image) else {
        return;
    };
    lint::check_reading(&reading, &image);
    // A cut image takes no card; all others give the same card again.
    for image in [&image, &scrub_image(&image)] {
        if let Ok(written) = write_png(image, &reading.card) {
            let again = Card::from_bytes(&written).expect("what was written reads");
            assert_eq!(again.card.name(), reading.card.name());
            assert_eq!(
                write_png(&written, &again.card).expect("it is whole"),
                written
            );
        }
    }
});
