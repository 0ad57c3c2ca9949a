//! Where models are kept, and how a name finds one.
//!
//! A folder of files and nothing else: no index that could disagree with what is there, so a model that was copied into
//! the folder by hand is found like one that was pulled.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Error, Kind, Result, folders};

/// The name that stands for the default model.
pub const DEFAULT: &str = "default";

/// The file of the default model, SmolLM2-135M-Instruct: small enough for any machine, and free (Apache-2.0).
pub const DEFAULT_FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// The file of the adapter for the default model, in the folder `adapters` of [`models_dir`].
#[cfg(feature = "llama")]
const ADAPTER_FILE: &str = "smollm2-135m-limarp.gguf";

/// The adapter, which taught the default model the LimaRP format; see `training/adapter/README.md`.
#[cfg(feature = "llama")]
static ADAPTER: &[u8] = include_bytes!("../../training/adapter/smollm2-135m-limarp.gguf");

/// A model in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What to call it: the file's name without `.gguf`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The bytes of the file.
    pub size: u64,
}

/// The folder that [`keep_in`] set.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Keeps models in `folder` where `CARDWRIGHT_MODELS` does not say otherwise, for the rest of the process. The first call
/// counts.
pub fn keep_in(folder: PathBuf) {
    let _ = FOLDER.set(folder);
}

/// The folder of models: `CARDWRIGHT_MODELS`, else that of [`keep_in`], else `cardwright/models` in `XDG_DATA_HOME` or `~/.local/share`.
///
/// # Errors
///
/// [`Kind::Usage`] when there is neither such a variable nor a home folder.
pub fn models_dir() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("CARDWRIGHT_MODELS").filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    if let Some(folder) = FOLDER.get() {
        return Ok(folder.clone());
    }
    let data = folders::data().ok_or_else(|| {
        folders::missing("models").hint("name a folder in the variable `CARDWRIGHT_MODELS`")
    })?;
    Ok(data.join("models"))
}

/// The adapter that comes with this program, where `model` is the default model. It is kept in the program and put into a
/// folder when it is first needed, because llama.cpp loads files.
///
/// # Errors
///
/// [`Kind::File`] when it cannot be put there.
#[cfg(feature = "llama")]
pub fn default_adapter(model: &Path) -> Result<Option<PathBuf>> {
    if model.file_name().is_none_or(|name| name != DEFAULT_FILE) {
        return Ok(None);
    }
    let folder = models_dir()?.join("adapters");
    let path = folder.join(ADAPTER_FILE);
    if fs::read(&path).is_ok_and(|bytes| bytes == ADAPTER) {
        return Ok(Some(path));
    }
    fs::create_dir_all(&folder)
        .map_err(|e| Error::file("make the folder", &folder, e))
        .and_then(|()| crate::file::write(&path, ADAPTER))
        .map_err(|e| e.hint("free some space, or go without the adapter: `--no-adapter`"))?;
    Ok(Some(path))
}

/// The file that `name` means: a path of a file, or the name of a model in [`models_dir`] with or without `.gguf`, in any
/// case. `default` is the default model.
///
/// # Errors
///
/// [`Kind::Model`] when there is no such model; the hint says how to get it.
pub fn resolve(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path.is_file() || is_path(name) {
        return existing(path);
    }
    resolve_in(&models_dir()?, name)
}

/// As [`resolve`], for a name in `folder`.
///
/// # Errors
///
/// As [`resolve`].
pub fn resolve_in(folder: &Path, name: &str) -> Result<PathBuf> {
    let entries = list_in(folder)?;
    let found = |name: &str| {
        let name = strip(name);
        entries.iter().find(|entry| entry.name == name).or_else(|| {
            entries
                .iter()
                .find(|entry| entry.name.eq_ignore_ascii_case(name))
        })
    };
    let file = if name == DEFAULT { DEFAULT_FILE } else { name };
    if let Some(entry) = found(name).or_else(|| found(file)) {
        return Ok(entry.path.clone());
    }
    if name == DEFAULT {
        return Err(Error::new(Kind::Model, "the default model is not here yet")
            .hint("`cardwright model pull default` gets it (98 MB)"));
    }
    let error = Error::new(Kind::Model, format!("there is no model `{name}`"));
    let wanted = name.to_lowercase();
    let near = entries
        .iter()
        .find(|entry| entry.name.to_lowercase().contains(&wanted));
    Err(error.hint(match near {
        Some(entry) => format!("did you mean `{}`", entry.name),
        None => "give a file's path, or a name that `cardwright model list` shows".to_owned(),
    }))
}

/// The models in [`models_dir`], by name; none when the folder does not exist.
///
/// # Errors
///
/// [`Kind::File`] when the folder cannot be read.
pub fn list() -> Result<Vec<Entry>> {
    list_in(&models_dir()?)
}

/// As [`list`], in `folder`.
///
/// # Errors
///
/// As [`list`].
pub fn list_in(folder: &Path) -> Result<Vec<Entry>> {
    let failed = |e| Error::file("read", folder, e);
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut entries = Vec::new();
    for file in files {
        let path = file.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(OsStr::to_str) else {
            continue;
        };
        // What is still on its way has a name that starts with a dot.
        if name.starts_with('.') || !has_extension(&path) {
            continue;
        }
        // Follows links, and passes over those that lead nowhere.
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };
        if about.is_file() {
            entries.push(Entry {
                name: strip(name).to_owned(),
                size: about.len(),
                path,
            });
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn existing(path: &Path) -> Result<PathBuf> {
    let shown = path.display().to_string();
    match fs::metadata(path) {
        Ok(about) if about.is_file() => Ok(path.to_owned()),
        Ok(_) => Err(Error::new(Kind::Model, "this is no file").at(shown)),
        Err(e) => Err(Error::file("open", path, e)),
    }
}

/// Whether `name` can only be meant as a path.
fn is_path(name: &str) -> bool {
    name.contains('/') || name.contains(std::path::MAIN_SEPARATOR) || matches!(name, "." | "..")
}

fn has_extension(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

fn strip(name: &str) -> &str {
    match name.len().checked_sub(5) {
        Some(at) if name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(".gguf") => {
            &name[..at]
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Carina-7B.Q4_0.gguf", "b.GGUF", ".pull-b.gguf", "notes.txt"] {
            fs::write(folder.path().join(name), b"GGUF").unwrap();
        }
        fs::create_dir(folder.path().join("folder.gguf")).unwrap();
        folder
    }

    #[test]
    fn the_list_holds_models_only_and_is_sorted() {
        let folder = folder();
        let names: Vec<_> = list_in(folder.path())
            .unwrap()
            .into_iter()
            .map(|e| e.name)
            .collect();
        assert_eq!(names, ["Carina-7B.Q4_0", "b"]);
        assert_eq!(list_in(&folder.path().join("missing")).unwrap(), []);
    }

    #[test]
    fn a_name_finds_its_model_in_any_case_with_or_without_extension() {
        let folder = folder();
        for name in [
            "Carina-7B.Q4_0",
            "carina-7b.q4_0.gguf",
            "Carina-7B.Q4_0.GGUF",
        ] {
            let path = resolve_in(folder.path(), name).unwrap();
            assert!(path.ends_with("Carina-7B.Q4_0.gguf"));
        }
    }

    #[test]
    fn an_unknown_name_says_what_to_do() {
        let folder = folder();
        let hint = |name: &str| {
            let error = resolve_in(folder.path(), name).unwrap_err();
            format!("{error}; {}", error.next_step().unwrap())
        };
        assert_eq!(
            hint("carina"),
            "there is no model `carina`; did you mean `Carina-7B.Q4_0`"
        );
        assert_eq!(
            hint("x"),
            "there is no model `x`; give a file's path, or a name that `cardwright model list` shows"
        );
        assert_eq!(
            hint("default"),
            "the default model is not here yet; `cardwright model pull default` gets it (98 MB)"
        );
        fs::write(folder.path().join(DEFAULT_FILE), b"GGUF").unwrap();
        assert!(
            resolve_in(folder.path(), "default")
                .unwrap()
                .ends_with(DEFAULT_FILE)
        );
    }

    #[test]
    fn a_path_that_is_missing_is_no_name() {
        let error = resolve("./no/such.gguf").unwrap_err();
        assert_eq!(error.kind(), Kind::File);
    }
}
