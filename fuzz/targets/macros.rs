//! A text with macros: bounded in depth, steps and size, and the same every time.
#![no_main]

use cardwright::prompt::macros::{Context, expand};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let context = Context {
        char: "Carina".into(),
        user: "Anna".into(),
        seed: 1,
        ..Context::default()
    };
    let once = expand(text, &context);
    assert_eq!(expand(text, &context), once);
});
