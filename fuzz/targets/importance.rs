//! An importance matrix in either format.
#![no_main]

use cardwright::weights::Importance;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("there is room");
    std::fs::write(file.path(), data).expect("there is room");
    if let Ok(importance) = Importance::open(file.path()) {
        let mut columns = importance.columns.values().flatten();
        assert!(columns.all(|weight| weight.is_finite()));
    }
});
