//! A prompt in the format that its first byte chooses: what is in format renders to itself.
#![no_main]

use std::sync::LazyLock;

use cardwright::prompt::Format;
use libfuzzer_sys::fuzz_target;

static FORMATS: LazyLock<Vec<Format>> =
    LazyLock::new(|| Format::all().expect("the formats are sound"));

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let format = &FORMATS[usize::from(*first) % FORMATS.len()];
    let parsed = format.parse(text);
    if parsed.findings.is_empty()
        && let Some(conversation) = &parsed.conversation
        // A turn of somebody without a name cannot be told from one of another such.
        && !conversation.char.is_empty()
        && !conversation.user.is_empty()
        && let Ok(rendered) = format.render(conversation)
    {
        let again = format.parse(&rendered);
        assert_eq!(again.conversation, parsed.conversation, "{rendered}");
    }
});
