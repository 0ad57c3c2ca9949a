//! Ctrl-C: whatever the model is doing, the command ends within a second.
#![cfg(all(unix, feature = "cli"))]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// Starts a command on a model that is busy for minutes, interrupts it, and says how long it took to end.
fn interrupted(arguments: &[&str]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("slow.gguf");
    let slow = tiny::Model {
        width: 512,
        layers: 8,
        heads: 8,
        inner: 2048,
        context: 1 << 17,
        ..tiny::Model::default()
    };
    slow.write(&model).unwrap();
    std::fs::write(folder.path().join("prompt"), "the door ".repeat(20_000)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cardwright"))
        .args(arguments)
        .arg("--model")
        .arg(&model)
        .args(["--threads", "1"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it is still busy");
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}

#[test]
fn commands_that_are_busy_with_a_prompt_end_within_a_second() {
    for arguments in [
        &["complete", "prompt", "--ctx", "100000"][..],
        &["bench", "--repetitions", "10000"],
    ] {
        let time = interrupted(arguments);
        assert!(time < Duration::from_secs(1), "{arguments:?}: {time:?}");
    }
}
