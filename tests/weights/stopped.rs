//! What is left when a command is interrupted or the disk is full: what was there before, and nothing else.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cardwright::weights::gguf::{Tensor, Writer};
use cardwright::weights::{TensorType, tiny};

use super::fixtures::{self, Legacy};

/// The bytes of the large files, which are holes: more than a machine reads, converts and writes before it is interrupted.
const LARGE: u64 = 3 << 30;

/// Longer than it may ever take to end, and shorter than any of the work.
const PATIENCE: Duration = Duration::from_secs(20);

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn model(&self) -> tiny::Model {
        tiny::Model {
            layers: 1,
            key_heads: 4,
            ..tiny::Model::default()
        }
    }

    /// A model whose last matrix is a hole of [`LARGE`] bytes.
    fn large_model(&self) -> PathBuf {
        let tensors = self.model().tensors().unwrap();
        let mut infos: Vec<Tensor> = tensors.iter().map(|(tensor, _)| tensor.clone()).collect();
        let rows = LARGE / 4 / 256;
        infos.push(Tensor::new("blk.0.large.weight", [256, rows], TensorType::F32).unwrap());
        let mut file = File::create(self.path("large.gguf")).unwrap();
        let mut writer = Writer::start(&mut file, &self.model().metadata(), infos).unwrap();
        for (_, values) in tensors {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            writer.data(&bytes).unwrap();
        }
        drop(writer);
        let length = file.metadata().unwrap().len();
        file.set_len(length + LARGE).unwrap();
        self.path("large.gguf")
    }

    /// A model of the time before GGUF, likewise.
    fn large_legacy(&self) -> PathBuf {
        let path = self.path("large.bin");
        let mut bytes = fixtures::legacy(&self.model(), Legacy::Ggml, TensorType::F16);
        let name = "layers.7.feed_forward.w1.weight";
        for number in [2, name.len() as u32, 1, 256, (LARGE / 2 / 256) as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(name.as_bytes());
        fs::write(&path, &bytes).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(bytes.len() as u64 + LARGE).unwrap();
        path
    }

    /// An adapter for the tiny model.
    fn adapter(&self, base: &Path) -> PathBuf {
        let adapter = self.path("lora.gguf");
        fixtures::adapter(&fixtures::lora(&self.model()), base, &adapter);
        adapter
    }

    /// The folder that things are written to.
    fn out(&self) -> PathBuf {
        let out = self.path("out");
        fs::create_dir_all(&out).unwrap();
        out
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
        command
            .current_dir(self.0.path())
            .env("CARDWRIGHT_MODELS", self.out())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command, interrupts it when something unfinished is in [`Desk::out`], and tells what it said and left.
    fn interrupt(&self, mut command: Command) -> (String, Vec<String>) {
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while !files(&self.out()).iter().any(|name| is_unfinished(name)) {
            assert!(begun.elapsed() < PATIENCE, "it never began");
            assert!(child.try_wait().unwrap().is_none(), "{}", said(child));
            thread::sleep(Duration::from_millis(5));
        }
        // In the middle of it, not at its start.
        thread::sleep(Duration::from_millis(50));
        let sent = Instant::now();
        interrupt(&child);
        while child.try_wait().unwrap().is_none() {
            assert!(sent.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
        eprintln!(
            "{:?} ended after {:?}",
            command.get_args().nth(1).unwrap(),
            sent.elapsed()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{}", said(child));
        (said(child), files(&self.out()))
    }
}

fn is_unfinished(name: &str) -> bool {
    [".cardwright-", ".pull-"]
        .iter()
        .any(|start| name.starts_with(start))
        || name.ends_with(".incomplete")
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".lock")
        .collect();
    names.sort();
    names
}

fn interrupt(child: &Child) {
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
}

fn said(mut child: Child) -> String {
    let mut text = String::new();
    let _ = child.kill();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn an_interrupted_quantize_leaves_nothing() {
    let desk = Desk::new();
    let model = desk.large_model();
    fs::write(desk.out().join("out.gguf"), b"old").unwrap();
    let from = model.to_str().unwrap();
    let arguments = [
        "model",
        "quantize",
        from,
        "Q3_K_M",
        "-o",
        "out/out.gguf",
        "--force",
    ];
    let (said, left) = desk.interrupt(desk.command(&arguments));
    assert!(
        said.ends_with("interrupted: nothing was written\n"),
        "{said}"
    );
    assert_eq!(left, ["out.gguf"]);
    assert_eq!(fs::read(desk.out().join("out.gguf")).unwrap(), b"old");
}

#[test]
fn an_interrupted_merge_leaves_nothing() {
    let desk = Desk::new();
    let model = desk.large_model();
    let adapter = desk.adapter(&model);
    let (model, adapter) = (model.to_str().unwrap(), adapter.to_str().unwrap());
    let arguments = [
        "model",
        "merge",
        model,
        "--lora",
        adapter,
        "-o",
        "out/out.gguf",
    ];
    let (said, left) = desk.interrupt(desk.command(&arguments));
    assert!(
        said.ends_with("interrupted: nothing was written\n"),
        "{said}"
    );
    assert!(left.is_empty(), "{left:?}");
    // With a file between the two steps.
    let quantized = [&arguments[..], &["--type", "Q4_0"]].concat();
    let (_, left) = desk.interrupt(desk.command(&quantized));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_convert_leaves_nothing() {
    let desk = Desk::new();
    let old = desk.large_legacy();
    let arguments = [
        "model",
        "convert",
        old.to_str().unwrap(),
        "-o",
        "out/out.gguf",
    ];
    let (said, left) = desk.interrupt(desk.command(&arguments));
    assert!(
        said.ends_with("interrupted: nothing was written\n"),
        "{said}"
    );
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_pull_of_a_file_leaves_nothing() {
    let desk = Desk::new();
    let model = desk.large_model();
    let (_, left) = desk.interrupt(desk.command(&["model", "pull", model.to_str().unwrap()]));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_interrupted_pull_from_a_hub_that_hangs_leaves_what_it_goes_on_with() {
    let desk = Desk::new();
    let hub = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", hub.local_addr().unwrap());
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in hub.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap_or(0) > 2 {}
            let mut stream = reader.into_inner();
            let close = if head.starts_with("HEAD") {
                "close"
            } else {
                "keep-alive"
            };
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: \"a\"\r\nConnection: {close}\r\n\r\n"
            );
            if !head.starts_with("HEAD") {
                let _ = stream.write_all(&[7; 5000]);
                held.push(stream);
            }
        }
    });
    let mut command = desk.command(&["model", "pull", "hf:someone/a-model/tiny.gguf"]);
    command
        .env("HF_ENDPOINT", address)
        .env_remove("HF_HUB_OFFLINE");
    let (said, left) = desk.interrupt(command);
    assert!(said.contains("run it again to go on"), "{said}");
    assert_eq!(left, [".tiny.gguf.a-100000.incomplete"]);
}

#[test]
fn an_interrupted_pull_ends_pip_too() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let folder = desk.path("bin");
    fs::create_dir(&folder).unwrap();
    let python = folder.join("python3");
    let noted = desk.path("pid");
    let script = format!(
        "#!/bin/sh\necho $$ > '{}.new'\nmv '{0}.new' '{0}'\nexec sleep 100\n",
        noted.display()
    );
    fs::write(&python, script).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = desk.command(&["model", "pull", "pip:some-model"]);
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", folder.display()))
        .env_remove("HF_HUB_OFFLINE");
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while !noted.exists() {
        assert!(begun.elapsed() < PATIENCE, "it never began");
        thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(files(&desk.out()).is_empty());
    let pid = fs::read_to_string(noted).unwrap();
    let alive = Command::new("kill")
        .args(["-0", pid.trim()])
        .stderr(Stdio::null())
        .status();
    assert!(!alive.unwrap().success(), "pip goes on");
}

/// Everything that writes, with an output in [`Desk::out`].
fn writers(desk: &Desk) -> Vec<Vec<String>> {
    let model = desk.path("tiny.gguf");
    desk.model().write(&model).unwrap();
    desk.adapter(&model);
    let old = fixtures::legacy(&desk.model(), Legacy::Ggml, TensorType::F16);
    fs::write(desk.path("old.bin"), old).unwrap();
    let mut wheel = zip::ZipWriter::new(File::create(desk.path("w.whl")).unwrap());
    wheel
        .start_file("m/packed.gguf", zip::write::SimpleFileOptions::default())
        .unwrap();
    wheel.write_all(&fs::read(&model).unwrap()).unwrap();
    wheel.finish().unwrap();
    [
        "model quantize tiny.gguf Q8_0 -o out/out.gguf",
        "model merge tiny.gguf --lora lora.gguf -o out/out.gguf",
        "model merge tiny.gguf --lora lora.gguf -o out/out.gguf --type Q8_0",
        "model convert old.bin -o out/out.gguf",
        "model pull tiny.gguf",
        "model pull w.whl",
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect()
}

/// The last line but the hint, without what differs between machines.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let error = said.lines().find(|line| line.starts_with("error:"));
    error.map(str::to_owned).unwrap_or(said)
}

#[test]
fn where_files_may_not_grow_nothing_is_left() {
    let desk = Desk::new();
    let out = desk.out();
    for arguments in writers(&desk) {
        // In blocks of 512 or 1024 bytes: less than any of the files.
        let output = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_cardwright"))
            .args(&arguments)
            .current_dir(desk.0.path())
            .env("CARDWRIGHT_MODELS", &out)
            .output()
            .unwrap();
        let told = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("File too large"), "{arguments:?}: {told}");
        assert_eq!(files(&out), [""; 0], "{arguments:?}");
    }
}

#[test]
fn on_a_full_disk_nothing_is_left() {
    let desk = Desk::new();
    let script = desk.path("script.sh");
    // A disk of 256 KiB, in a namespace of its own; afterwards it is gone, so what is left is listed inside.
    fs::write(
        &script,
        "mount -t tmpfs -o size=256k none \"$1\" || exit 77\nout=$1\nshift\n\"$@\"\ncode=$?\nls -A \"$out\" | grep -v '^.lock$' >&2\nexit $code\n",
    )
    .unwrap();
    let out = desk.out();
    for arguments in writers(&desk) {
        let run = |flags: &str| {
            Command::new("unshare")
                .args([flags, "sh"])
                .arg(&script)
                .arg(&out)
                .arg(env!("CARGO_BIN_EXE_cardwright"))
                .args(&arguments)
                .current_dir(desk.0.path())
                .env("CARDWRIGHT_MODELS", &out)
                .output()
        };
        // As root, or as anybody where the kernel allows it.
        let ran = ["-m", "-rm"].iter().filter_map(|flags| run(flags).ok());
        let Some(output) = ran
            .into_iter()
            .find(|output| output.status.code() == Some(2))
        else {
            eprintln!("skipped: no file system can be mounted here");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("No space left on device"),
            "{arguments:?}: {said}"
        );
        let (_, left) = said
            .split_once("hint: free some space and run it again\n")
            .unwrap();
        assert_eq!(left, "", "{arguments:?}: {said}");
    }
}

#[test]
fn a_model_larger_than_memory_is_refused_before_it_is_loaded() {
    let desk = Desk::new();
    let mut infos: Vec<Tensor> = Vec::new();
    for (tensor, _) in desk.model().tensors().unwrap() {
        infos.push(tensor);
    }
    // A hole of a tebibyte, which costs no disk.
    let rows = (1 << 40) / 4 / 256;
    infos.push(Tensor::new("blk.0.large.weight", [256, rows], TensorType::F32).unwrap());
    let size = cardwright::weights::gguf::size(&desk.model().metadata(), infos.clone()).unwrap();
    let mut file = File::create(desk.path("huge.gguf")).unwrap();
    drop(Writer::start(&mut file, &desk.model().metadata(), infos).unwrap());
    file.set_len(size).unwrap();
    let output = desk
        .command(&["complete", "-", "--model", "huge.gguf"])
        .output()
        .unwrap();
    let told = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("not enough memory to load the model: it takes 1048"),
        "{told}"
    );
}

#[test]
fn absurd_heads_cost_little_memory() {
    let desk = Desk::new();
    let huge = u64::MAX.to_le_bytes();
    let gguf =
        |tensors: &[u8], keys: &[u8]| [b"GGUF\x03\0\0\0", tensors, keys, &[0xff; 64]].concat();
    let one = 1_u64.to_le_bytes();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("tensors.gguf", gguf(&huge, &one)),
        ("keys.gguf", gguf(&one, &huge)),
        ("text.gguf", gguf(&one, &one)),
        ("ggjt.bin", [b"tjgg\x03\0\0\0", &[0xff; 64][..]].concat()),
        ("ggml.bin", [b"lmgg", &[0x7f; 64][..]].concat()),
        ("ggla.bin", [b"algg\x01\0\0\0", &[0x7f; 64][..]].concat()),
        (
            "head.safetensors",
            [&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat(),
        ),
        ("shape.safetensors", {
            let head = br#"{"a.lora_A.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
            [&(head.len() as u64).to_le_bytes()[..], head, &[0; 8]].concat()
        }),
        ("adapter.bin", [b"PK\x03\x04", &[0xff; 64][..]].concat()),
    ];
    fs::write(desk.path("adapter_config.json"), fixtures::CONFIG).unwrap();
    for (name, bytes) in files {
        fs::write(desk.path(name), bytes).unwrap();
        let verb: &[&str] = if name.ends_with(".gguf") {
            &["model", "show", name]
        } else {
            &["model", "convert", name, "-o", "out.gguf"]
        };
        let output = Command::new("sh")
            .args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_cardwright"))
            .args(verb)
            .current_dir(desk.0.path())
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
