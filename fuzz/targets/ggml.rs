//! A model file from before GGUF: converting it fails, or gives a GGUF that reads.
#![no_main]

use cardwright::weights::ggml::{Options, convert};
use cardwright::weights::gguf::Gguf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("there is room");
    let (from, to) = (folder.path().join("a.bin"), folder.path().join("a.gguf"));
    std::fs::write(&from, data).expect("there is room");
    if convert(&from, &to, &Options::default(), &mut |_, _| {}).is_ok() {
        Gguf::open(&to).expect("what was written reads");
    } else {
        assert!(!to.exists());
    }
});
