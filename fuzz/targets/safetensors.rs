//! An adapter in safetensors: it becomes GGUF or is refused, and nothing half-written stays.
#![no_main]

use cardwright::weights::lora::{Base, Options, convert};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("there is room");
    write("adapter_model.safetensors", data);
    write("adapter_config.json", br#"{"peft_type":"LORA","r":4,"lora_alpha":8.0}"#);
    let base = Base {
        architecture: "llama".into(),
        heads: 4,
        key_heads: 2,
        gguf: None,
    };
    let options = Options {
        base: Some(base),
        ..Options::default()
    };
    let to = folder.path().join("out.gguf");
    if convert(folder.path(), &to, &options, &mut |_, _| {}).is_err() {
        assert!(!to.exists());
    }
});
