//! The `model` command as a person meets it.

use std::path::Path;

use cardwright::weights::tiny;
use tempfile::TempDir;

use super::fixtures;

/// What the command prints and its exit code, without what differs between machines.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = assert_cmd::cargo::cargo_bin_cmd!("cardwright")
        .current_dir(folder)
        .env("CARDWRIGHT_MODELS", folder.join("models"))
        .args(arguments)
        .output()
        .unwrap();
    let text = format!(
        "$ cardwright {}\n{}{}[{}]\n\n",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    );
    text.replace(&folder.display().to_string(), "FOLDER")
}

/// A folder with a tiny model of this name, and an adapter for it as PEFT writes one.
fn desk(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny::Model {
        layers: 1,
        ..tiny::Model::default()
    };
    model.write(&folder.path().join(name)).unwrap();
    fixtures::peft(
        &folder.path().join("peft"),
        fixtures::CONFIG,
        &fixtures::lora(&model),
    );
    folder
}

/// What a person sees who enters these lines one after the other.
fn transcript(folder: &TempDir, lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| {
        let arguments: Vec<&str> = line.split(' ').collect();
        run(folder.path(), &arguments)
    });
    lines.collect()
}

#[test]
fn models_are_listed_shown_converted_and_merged() {
    let folder = desk("tiny.gguf");
    let lines = [
        "model list",
        "model show",
        "model pull tiny.gguf",
        "model pull tiny.gguf",
        "model list",
        "model list --json",
        "model show tiny",
        "model show tini",
        "model show tiny --json --context 100",
        "model show tiny --template",
        "model convert peft -o lora.gguf",
        "model convert peft -o lora.gguf --base tiny",
        "model convert peft -o lora.gguf --base tiny",
        "model show lora.gguf",
        "model merge tiny --lora lora.gguf:0.5 -o merged.gguf --type Q8_0",
        "model show merged.gguf",
        "model convert tiny.gguf -o again.gguf",
    ];
    insta::assert_snapshot!(transcript(&folder, &lines));
}

#[cfg(feature = "llama")]
#[test]
fn models_are_quantized_and_refused() {
    let folder = desk("tiny-F32.gguf");
    let lines = [
        "model quantize tiny-F32.gguf Q4_0 --dry-run",
        "model quantize tiny-F32.gguf Q4_0 --dry-run --json --pure",
        "model quantize tiny-F32.gguf q4_0",
        "model quantize tiny-F32.gguf q4_0",
        "model show tiny-Q4_0.gguf",
        "model quantize tiny-Q4_0.gguf Q8_0",
        "model quantize tiny-Q4_0.gguf q4_k --requantize -o again.gguf",
        "model quantize tiny-F32.gguf Q5_0 -o own.gguf --output-type Q8_0 --embedding-type F16 --threads 1",
        "model show own.gguf",
        "model quantize tiny-F32.gguf IQ2_XS",
        "model quantize tiny-F32.gguf Q4_9",
        "model quantize tiny-F32.gguf NVFP4",
        "model convert peft -o lora.gguf --base tiny-F32.gguf",
        "model merge tiny-Q4_0.gguf --lora lora.gguf -o merged.gguf --type Q4_K_M",
        "model show merged.gguf",
        "model merge tiny-F32.gguf --lora lora.gguf -o small.gguf --type IQ1_S",
    ];
    insta::assert_snapshot!(transcript(&folder, &lines));
    let mut left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "again.gguf",
            "lora.gguf",
            "merged.gguf",
            "own.gguf",
            "peft",
            "tiny-F32.gguf",
            "tiny-Q4_0.gguf"
        ]
    );
}
