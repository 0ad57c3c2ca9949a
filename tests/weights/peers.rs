//! Our conversions against those of llama.cpp's own tools, tensor for tensor and key for key.
//!
//! Runs where `CARDWRIGHT_PEERS` names a folder with llama.cpp's sources and programs and a Python that has what they need,
//! as `tests/interop/weights.sh` makes it; elsewhere there is nothing to compare with.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cardwright::weights::gguf::Gguf;
use cardwright::weights::merge::{self, Adapter, merge};
use cardwright::weights::{TensorType, ggml, lora, numbers, tiny};

use super::fixtures::{self, Legacy, Whole};

struct Peers {
    folder: PathBuf,
    desk: tempfile::TempDir,
}

impl Peers {
    /// The peers, or `None` with a word about it.
    fn find(test: &str) -> Option<Self> {
        let Some(folder) = env::var_os("CARDWRIGHT_PEERS") else {
            eprintln!("{test}: skipped, `tests/interop/weights.sh` fetches what it compares with");
            return None;
        };
        Some(Self {
            folder: folder.into(),
            desk: tempfile::tempdir().unwrap(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desk.path().join(name)
    }

    /// Runs a program of llama.cpp.
    fn program(&self, name: &str, arguments: &[&str]) {
        let done = Command::new(self.folder.join("out/bin").join(name))
            .current_dir(self.desk.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{name} {arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// What becomes of `base.gguf` with three quarters of `lora.gguf` in it: ours, and theirs.
    fn merged(&self, options: &merge::Options) -> (Whole, Whole) {
        let [base, path, ours, theirs] =
            ["base", "lora", "ours", "theirs"].map(|name| self.path(&format!("{name}.gguf")));
        let adapters = [Adapter { path, scale: 0.75 }];
        merge(&base, &adapters, &ours, options, &mut |_, _| {}).unwrap();
        let arguments = [
            ["-m", "base.gguf"],
            ["--lora-scaled", "lora.gguf:0.75"],
            ["-o", "theirs.gguf"],
        ];
        self.program("llama-export-lora", &arguments.concat());
        (Whole::open(&ours), Whole::open(&theirs))
    }

    fn python(&self, script: &str, arguments: &[&Path]) -> String {
        let done = Command::new(self.folder.join("venv/bin/python"))
            .current_dir(self.folder.join("llama.cpp"))
            .env("HF_HUB_OFFLINE", "1")
            .arg(script)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

/// Compares all keys, and all tensors, whose numbers may be off by the share of them that `step` allows for their type: sums
/// are added up in another order, so the last bit may differ. Tells how far they are off at most.
fn assert_close(ours: &Whole, theirs: &Whole, step: impl Fn(TensorType) -> f32) -> f32 {
    assert!(fixtures::differences(&ours.gguf.metadata, &theirs.gguf.metadata).is_empty());
    let mut off = 0.0_f32;
    for tensor in &ours.gguf.tensors {
        let name = &tensor.name;
        let their = theirs.gguf.tensor(name).unwrap();
        assert_eq!(
            (tensor.kind, &tensor.shape),
            (their.kind, &their.shape),
            "{name}"
        );
        let step = step(tensor.kind);
        if step == 0.0 {
            assert!(ours.data(tensor) == theirs.data(their), "{name}");
            continue;
        }
        for (a, b) in ours.numbers(name).iter().zip(theirs.numbers(name)) {
            assert!((a - b).abs() <= step * a.abs().max(1.0), "{name} {a} {b}");
            off = off.max((a - b).abs());
        }
    }
    off
}

/// Compares all tensors, and all keys but those named.
fn assert_same(ours: &Whole, theirs: &Whole, differing: &[&str]) {
    let sorted = |whole: &Whole| {
        let mut names: Vec<String> = whole.names().into_iter().map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(ours), sorted(theirs));
    for tensor in &ours.gguf.tensors {
        let their = theirs.gguf.tensor(&tensor.name).unwrap();
        assert_eq!(
            (tensor.kind, &tensor.shape),
            (their.kind, &their.shape),
            "{}",
            tensor.name
        );
        assert!(ours.data(tensor) == theirs.data(their), "{}", tensor.name);
    }
    assert_eq!(
        fixtures::differences(&ours.gguf.metadata, &theirs.gguf.metadata),
        differing
    );
}

#[test]
fn old_models_convert_as_llama_cpp_converts_them() {
    let Some(peers) = Peers::find("old models") else {
        return;
    };
    let model = tiny::Model {
        layers: 1,
        key_heads: 4,
        ..tiny::Model::default()
    };
    // Since gguf-py takes the shape of raw bytes for one in bytes, the converter writes narrow tensors or fails; with the
    // shape left alone it does what it is meant to.
    let driver = peers.path("driver.py");
    fs::write(
        &driver,
        "import os, runpy, sys\nsys.path[0:0] = [os.getcwd(), 'gguf-py']\nimport gguf.gguf_writer\n\
         gguf.gguf_writer.quant_shape_from_byte_shape = lambda shape, kind: shape\n\
         runpy.run_path('convert_llama_ggml_to_gguf.py', run_name='__main__')\n",
    )
    .unwrap();
    for (format, kind) in [
        (Legacy::Ggml, TensorType::F32),
        (Legacy::Ggml, TensorType::F16),
        (Legacy::Ggmf, TensorType::F16),
        (Legacy::Ggjt(1), TensorType::F16),
        (Legacy::Ggjt(2), TensorType::Q5_0),
        (Legacy::Ggjt(2), TensorType::Q5_1),
        (Legacy::Ggjt(3), TensorType::F16),
        (Legacy::Ggjt(3), TensorType::Q4_0),
        (Legacy::Ggjt(3), TensorType::Q4_1),
        (Legacy::Ggjt(3), TensorType::Q5_0),
        (Legacy::Ggjt(3), TensorType::Q5_1),
        (Legacy::Ggjt(3), TensorType::Q8_0),
        (Legacy::Ggjt(3), TensorType::Q6_K),
    ] {
        let old = peers.path("old.bin");
        fs::write(&old, fixtures::legacy(&model, format, kind)).unwrap();
        let (ours, theirs) = (peers.path("ours.gguf"), peers.path("theirs.gguf"));
        let options = ggml::Options::default();
        ggml::convert(&old, &ours, &options, &mut |_, _| {}).unwrap();
        peers.python(
            driver.to_str().unwrap(),
            &[
                "--input".as_ref(),
                &old,
                "--output".as_ref(),
                &theirs,
                "--eps".as_ref(),
                "1e-5".as_ref(),
                "--context-length".as_ref(),
                "4096".as_ref(),
            ],
        );
        assert_same(&Whole::open(&ours), &Whole::open(&theirs), &[]);
        eprintln!("{format:?} {kind}: equal");
    }
}

#[test]
fn adapters_convert_as_llama_cpp_converts_them() {
    let Some(peers) = Peers::find("adapters") else {
        return;
    };
    let model = tiny::Model::default();
    let arrays = fixtures::lora(&model);
    let folder = peers.path("peft");
    fixtures::peft(&folder, fixtures::CONFIG, &arrays);
    let base = peers.path("base");
    fs::create_dir(&base).unwrap();
    fs::write(base.join("config.json"), fixtures::base_config(&model)).unwrap();
    for (kind, name) in [
        (TensorType::F32, "f32"),
        (TensorType::F16, "f16"),
        (TensorType::BF16, "bf16"),
    ] {
        let (ours, theirs) = (peers.path("ours.gguf"), peers.path("theirs.gguf"));
        let options = lora::Options {
            base: Some(lora::Base::open(&base).unwrap()),
            kind,
            ..lora::Options::default()
        };
        lora::convert(&folder, &ours, &options, &mut |_, _| {}).unwrap();
        let convert = || {
            peers.python(
                "convert_lora_to_gguf.py",
                &[
                    &folder,
                    "--base".as_ref(),
                    &base,
                    "--outfile".as_ref(),
                    &theirs,
                    "--outtype".as_ref(),
                    name.as_ref(),
                ],
            );
        };
        convert();
        // They make a title of the folder's name.
        assert_same(
            &Whole::open(&ours),
            &Whole::open(&theirs),
            &["general.name"],
        );
        // The same from a file that PyTorch itself wrote.
        let script = peers.path("save.py");
        fs::write(&script, "import sys, torch\nfrom safetensors.torch import load_file\ntorch.save(load_file(sys.argv[1]), sys.argv[2])\n").unwrap();
        let pickled = peers.path("pickled");
        fs::create_dir_all(&pickled).unwrap();
        fs::write(pickled.join("adapter_config.json"), fixtures::CONFIG).unwrap();
        peers.python(
            script.to_str().unwrap(),
            &[
                &folder.join("adapter_model.safetensors"),
                &pickled.join("adapter_model.bin"),
            ],
        );
        let again = peers.path("again.gguf");
        lora::convert(&pickled, &again, &options, &mut |_, _| {}).unwrap();
        assert_same(
            &Whole::open(&again),
            &Whole::open(&theirs),
            &["general.name"],
        );
        eprintln!("PEFT {kind}: equal");
    }
}

#[test]
fn numbers_are_read_as_llama_cpp_reads_them() {
    let Some(peers) = Peers::find("numbers") else {
        return;
    };
    let script = peers.path("decode.py");
    fs::write(
        &script,
        "import sys\nsys.path.insert(1, 'gguf-py')\nimport gguf, numpy as np\n\
         data = np.fromfile(sys.argv[2], dtype=np.uint8)\n\
         gguf.quants.dequantize(data, gguf.GGMLQuantizationType(int(sys.argv[1]))).astype(np.float32).tofile(sys.argv[3])\n",
    )
    .unwrap();
    for id in 0..43 {
        let Some(kind) = TensorType::from_id(id)
            .filter(|kind| numbers::can_decode(*kind) && kind.is_quantized())
        else {
            continue;
        };
        let mut number = id + 1;
        let mut bytes: Vec<u8> = (0..kind.block_bytes() * 64)
            .map(|_| {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (number >> 24) as u8
            })
            .collect();
        // Scales that are no numbers would be equal to nothing.
        for byte in &mut bytes {
            *byte &= if *byte & 0x7c == 0x7c { 0xbf } else { 0xff };
        }
        let (packed, plain) = (peers.path("packed"), peers.path("plain"));
        fs::write(&packed, &bytes).unwrap();
        peers.python(
            script.to_str().unwrap(),
            &[id.to_string().as_ref(), &packed, &plain],
        );
        let theirs = numbers::decode(TensorType::F32, &fs::read(&plain).unwrap()).unwrap();
        assert_eq!(numbers::decode(kind, &bytes).unwrap(), theirs, "{kind}");
        eprintln!("{kind}: equal");
    }
}

#[test]
fn numbers_are_written_as_llama_cpp_writes_them() {
    let Some(peers) = Peers::find("numbers written") else {
        return;
    };
    let script = peers.path("encode.py");
    fs::write(
        &script,
        "import sys\nsys.path.insert(1, 'gguf-py')\nimport gguf, numpy as np\n\
         data = np.fromfile(sys.argv[2], dtype=np.float32)\n\
         gguf.quants.quantize(data, gguf.GGMLQuantizationType(int(sys.argv[1]))).tofile(sys.argv[3])\n",
    )
    .unwrap();
    let tensors = tiny::Model::default().tensors().unwrap();
    let mut values = tensors[4].1.clone();
    values[..64].fill(0.0);
    let (plain, packed) = (peers.path("plain"), peers.path("packed"));
    fs::write(&plain, numbers::encode(TensorType::F32, &values).unwrap()).unwrap();
    for kind in ["F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] {
        let kind: TensorType = kind.parse().unwrap();
        let id = kind.id().to_string();
        peers.python(script.to_str().unwrap(), &[id.as_ref(), &plain, &packed]);
        assert!(
            numbers::encode(kind, &values).unwrap() == fs::read(&packed).unwrap(),
            "{kind}"
        );
        eprintln!("{kind}: written equal");
    }
}

#[test]
fn merged_models_are_those_of_llama_export_lora() {
    let Some(peers) = Peers::find("merging") else {
        return;
    };
    let model = tiny::Model::default();
    for kind in [
        TensorType::F32,
        TensorType::F16,
        TensorType::Q8_0,
        TensorType::Q4_0,
        TensorType::Q4_1,
    ] {
        let base = peers.path("base.gguf");
        fs::write(&base, fixtures::gguf(&model, kind)).unwrap();
        fixtures::adapter(&fixtures::lora(&model), &base, &peers.path("lora.gguf"));
        let (ours, theirs) = peers.merged(&merge::Options::default());
        let off = assert_close(&ours, &theirs, |kind| match kind {
            TensorType::F32 => f32::EPSILON * 4.0,
            _ => 1.0 / 1024.0,
        });
        eprintln!("merged {kind}: equal, but for at most {off}");
    }
}

#[test]
fn the_tiny_model_is_one_that_llama_cpp_reads() {
    let Some(peers) = Peers::find("the tiny model") else {
        return;
    };
    let path = peers.path("tiny.gguf");
    tiny::Model::default().write(&path).unwrap();
    let script = peers.path("read.py");
    fs::write(
        &script,
        "import sys\nsys.path.insert(1, 'gguf-py')\nimport gguf\nr = gguf.GGUFReader(sys.argv[1])\n\
         print(len(r.tensors), len(r.fields))\n",
    )
    .unwrap();
    let said = peers.python(script.to_str().unwrap(), &[&path]);
    let gguf = Gguf::open(&path).unwrap();
    // gguf-py counts the version and the two counts as fields.
    let expected = format!("{} {}", gguf.tensors.len(), gguf.metadata.iter().len() + 3);
    assert_eq!(said.trim(), expected);
}

/// Quantizes as `llama-quantize` does, byte for byte: every type, with and without an importance matrix.
#[cfg(feature = "llama")]
#[test]
fn quantized_models_are_those_of_llama_quantize() {
    use cardwright::engine::quantize::{Options, quantize};
    use cardwright::weights::{FileType, Importance};

    let Some(peers) = Peers::find("quantizing") else {
        return;
    };
    let model = tiny::Model::default();
    model.write(&peers.path("base.gguf")).unwrap();
    // Named as their tool was told, which is written into the file.
    let matrices = super::importance::matrices(&model);
    fs::write(peers.path("new.gguf"), super::importance::gguf(&matrices)).unwrap();
    fs::write(peers.path("old.dat"), super::importance::dat(&matrices)).unwrap();
    let importance = |name: &str| Importance {
        file: name.to_owned(),
        ..Importance::open(&peers.path(name)).unwrap()
    };
    let compare = |kind: FileType, options: &Options, flags: &[&str]| {
        let (base, ours) = (peers.path("base.gguf"), peers.path("ours.gguf"));
        quantize(&base, &ours, options, &mut |_, _| {}).unwrap();
        let all = [flags, &["base.gguf", "theirs.gguf", kind.name()]].concat();
        peers.program("llama-quantize", &all);
        let theirs = fs::read(peers.path("theirs.gguf")).unwrap();
        assert!(fs::read(&ours).unwrap() == theirs, "{kind} {flags:?}");
        eprintln!("{kind} {flags:?}: equal, {} bytes", theirs.len());
    };
    for kind in FileType::all().filter(|kind| kind.bits().is_some()) {
        let plain = Options {
            kind: Some(kind),
            ..Options::default()
        };
        let small = ["IQ1", "IQ2", "IQ3_XXS", "IQ3_XS", "Q2_K_S"];
        if !small.iter().any(|start| kind.name().starts_with(start)) {
            compare(kind, &plain, &[]);
        }
        let measured = Options {
            importance: Some(importance("new.gguf")),
            ..plain.clone()
        };
        compare(kind, &measured, &["--imatrix", "new.gguf"]);
        let pure = Options {
            pure: true,
            importance: Some(importance("old.dat")),
            ..plain
        };
        compare(kind, &pure, &["--pure", "--imatrix", "old.dat"]);
    }
    let kind: FileType = "Q4_K_M".parse().unwrap();
    let own = Options {
        kind: Some(kind),
        output: Some(TensorType::Q8_0),
        embedding: Some(TensorType::Q5_0),
        ..Options::default()
    };
    let flags = [
        "--output-tensor-type",
        "q8_0",
        "--token-embedding-type",
        "q5_0",
    ];
    compare(kind, &own, &flags);
    let kept = Options {
        keep_output: true,
        kind: Some(kind),
        ..Options::default()
    };
    compare(kind, &kept, &["--leave-output-tensor"]);
}

/// Types that only llama.cpp itself reads and writes.
#[cfg(feature = "llama")]
#[test]
fn merging_into_a_base_of_any_type_is_what_llama_export_lora_does() {
    use cardwright::engine::quantize::{self, Options, quantize};
    use cardwright::weights::Importance;

    let Some(peers) = Peers::find("merging into any type") else {
        return;
    };
    let model = tiny::Model::default();
    let [plain, base, adapter] =
        ["plain", "base", "lora"].map(|name| peers.path(&format!("{name}.gguf")));
    model.write(&plain).unwrap();
    fixtures::adapter(&fixtures::lora(&model), &plain, &adapter);
    let matrices = super::importance::matrices(&model);
    fs::write(peers.path("old.dat"), super::importance::dat(&matrices)).unwrap();
    let importance = Importance::open(&peers.path("old.dat")).unwrap();
    for name in [
        "Q4_K_M", "Q2_K", "IQ4_XS", "IQ4_NL", "IQ3_S", "IQ2_XXS", "IQ1_M", "TQ2_0", "Q1_0",
    ] {
        let options = Options {
            kind: Some(name.parse().unwrap()),
            importance: Some(importance.clone()),
            ..Options::default()
        };
        quantize(&plain, &base, &options, &mut |_, _| {}).unwrap();
        let options = merge::Options {
            decode: quantize::decode,
            ..merge::Options::default()
        };
        let (ours, theirs) = peers.merged(&options);
        assert_close(&ours, &theirs, |kind| match kind {
            TensorType::F16 => 1.0 / 1024.0,
            _ => 0.0,
        });
        eprintln!("merged into {name}: equal, but for the last bit of a sum");
    }
}
