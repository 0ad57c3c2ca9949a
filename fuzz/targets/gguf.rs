//! The head of a GGUF file.
#![no_main]

use cardwright::weights::Summary;
use cardwright::weights::gguf::Gguf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // A head may claim that a large file follows.
    for length in [data.len() as u64, 1 << 32] {
        if let Ok(gguf) = Gguf::read(data, length) {
            Summary::of(&gguf);
        }
    }
});
