//! The pickle in a PyTorch file of an adapter: it describes tensors or is refused, and nothing is ever called.
#![no_main]

use std::io::{Cursor, Write as _};

use cardwright::weights::lora::{Base, Options, convert};
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("there is room")
    };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [
        ("archive/data.pkl", data),
        ("archive/data/0", &[7; 4096][..]),
    ] {
        zip.start_file(name, stored).expect("the name is sound");
        zip.write_all(bytes).expect("it fits");
    }
    write(
        "adapter_model.bin",
        &zip.finish().expect("it fits").into_inner(),
    );
    write(
        "adapter_config.json",
        br#"{"peft_type":"LORA","r":4,"lora_alpha":8.0}"#,
    );
    write("config.json", br#"{"model_type":"llama","num_attention_heads":4,"num_key_value_heads":2,"hidden_size":32}"#);
    let options = Options {
        base: Base::open(folder.path()).ok(),
        ..Options::default()
    };
    let to = folder.path().join("out.gguf");
    if convert(folder.path(), &to, &options, &mut |_, _| {}).is_err() {
        assert!(!to.exists());
    }
});
