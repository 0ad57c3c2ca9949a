//! A SillyTavern chat file: unedited, it comes back byte for byte.
#![no_main]

use cardwright::prompt::chat_file::ChatFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(chat) = ChatFile::parse(text) {
        let written = chat.to_jsonl();
        let again = ChatFile::parse(&written).expect("what was written reads");
        assert_eq!(again.to_jsonl(), written);
    }
});
