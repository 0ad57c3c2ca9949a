//! `convert`: a card in another container or version, with a word about what that one cannot hold.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{bytes_of, container_for, convert_to, keep_existing, read, tell, tell_lost};
use crate::card::{CONTAINERS, Container, Reading, Version, unlock};
use crate::cli::{Answer, output};
use crate::{Error, Kind, Result, Severity, file};

/// Put cards into another container or version.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConvertArgs {
    /// The cards; `-` is standard input
    #[arg(required = true, value_name = "IN")]
    files: Vec<PathBuf>,
    /// The file to write, whose name says which container; a folder for several cards, `-` for JSON on standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The version to write; a PNG always holds V2 and V3, a CHARX V3; a YAML holds the whole card then, and without it
    /// what text-generation-webui and SillyTavern read
    #[arg(long, value_name = "v1|v2|v3")]
    to: Option<Version>,
    /// The container to write into a folder
    #[arg(long = "as", value_name = "CONTAINER", default_value = "png")]
    container: String,
    /// The picture of the card: a PNG, JPEG or WEBP
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// The password of a card that RisuAI has encrypted; what is written has none
    #[arg(long, value_name = "WORD")]
    password: Option<String>,
    /// Write over files that are there already
    #[arg(long)]
    force: bool,
}

/// Runs `convert`.
pub(in crate::cli) fn convert(arguments: &ConvertArgs) -> Result<Answer> {
    let image = arguments.image.as_deref().map(super::image).transpose()?;
    let is_folder = arguments.files.len() > 1
        || arguments.output.is_dir()
        || arguments
            .output
            .as_os_str()
            .to_string_lossy()
            .ends_with('/');
    if !is_folder {
        let input = &arguments.files[0];
        return one(arguments, input, &arguments.output, image.as_deref());
    }
    let container = by_name(&arguments.container)?;
    std::fs::create_dir_all(&arguments.output)
        .map_err(|e| Error::file("make the folder", &arguments.output, e))?;
    let mut failure = None;
    for input in &arguments.files {
        let stem = input.file_stem().unwrap_or_else(|| "card".as_ref());
        let mut name = stem.to_owned();
        name.push(format!(".{}", container.extensions[0]));
        let target = arguments.output.join(name);
        if let Err(error) = one(arguments, input, &target, image.as_deref())
            && let Some(earlier) = failure.replace(error)
        {
            output::error(&earlier);
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Answer::Yes),
    }
}

fn by_name(name: &str) -> Result<&'static Container> {
    Container::by_extension(name).ok_or_else(|| {
        let known: Vec<_> = CONTAINERS.iter().map(|c| c.extensions[0]).collect();
        Error::new(Kind::Usage, format!("`{name}` is no container"))
            .hint(format!("the containers are {}", known.join(", ")))
    })
}

fn one(
    arguments: &ConvertArgs,
    input: &Path,
    target: &Path,
    image: Option<&[u8]>,
) -> Result<Answer> {
    let to_stdout = target == Path::new("-");
    let container = if to_stdout {
        by_name("json")?
    } else {
        container_for(target)?
    };
    let is_png = container.name == "PNG";
    if arguments.to == Some(Version::V1) && (is_png || container.name.starts_with("CHARX")) {
        let name = container.name;
        return Err(Error::new(
            Kind::Usage,
            format!("a {name} card holds V2 and V3, not V1"),
        )
        .hint("write V1 as `.json`"));
    }
    if !to_stdout {
        keep_existing(target, arguments.force)?;
    }
    let mut bytes = bytes_of(input)?;
    if let Some(password) = &arguments.password {
        bytes = unlock(&bytes, password).map_err(|error| error.at(input.display().to_string()))?;
    }
    let reading = read(input, &bytes)?;
    tell(input, &reading.findings, Severity::Warning);
    let mut card = reading.card.clone();
    if let Some(version) = arguments.to {
        let (changed, findings) = card.to_version(version)?;
        tell(input, &findings, Severity::Warning);
        card = changed;
    }
    let reading = Reading { card, ..reading };
    let whole = arguments.to.is_some();
    let (written, lost) =
        convert_to(container, &reading, &bytes, image, whole).map_err(|error| match &arguments
            .image
        {
            Some(path) if is_png => error.at(path.display().to_string()),
            _ => error.at(input.display().to_string()),
        })?;
    tell_lost(input, &lost);
    if to_stdout {
        output::print_raw(&written)?;
        return Ok(Answer::Yes);
    }
    file::write(target, &written)?;
    output::say(&format!(
        "{} -> {}",
        output::escape(&input.display().to_string()),
        output::escape(&target.display().to_string())
    ));
    Ok(Answer::Yes)
}
