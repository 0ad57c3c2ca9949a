//! The files that travel with a card: pictures, sounds, scripts; where they are stored and what the card calls them.
//!
//! A container stores bytes under paths ([`Stored`]); the card names them by URI in `assets` and, where RisuAI wrote it, in
//! its own lists. Here both are brought together. No URL is ever fetched, and no path is used as one: what is written to a
//! disk goes through [`Names`].

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::archive::charx;
use super::payload::note;
use super::{Card, Path, Reading};
use crate::{Finding, Place, Result, Severity};

/// A file as a container stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its path inside the container, untrusted.
    pub path: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A file that travels with a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// What it is for, such as `icon`, `emotion` or `background`; empty when the card does not name it.
    pub kind: String,
    /// What the card calls it; may be empty.
    pub name: String,
    /// Its file name extension, without a dot, in lower case; may be empty.
    pub extension: String,
    /// Where the card names it, as [`Card::get`] takes it; `None` when it does not.
    pub place: Option<Path>,
    /// Its path inside the container; empty when it stands in the card itself, as a `data:` URI.
    pub path: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Asset {
    /// Whether the bytes are a picture, by their first ones.
    #[must_use]
    pub fn is_picture(&self) -> bool {
        picture_extension(&self.data).is_some()
    }

    /// The path it gets in a CHARX: the one it has, if it was in an archive, else one made of kind and name.
    #[must_use]
    pub fn archive_path(&self) -> String {
        if is_safe(&self.path)
            && self.path.is_ascii()
            && (self.path.contains('/') || self.kind.is_empty())
        {
            return self.path.clone();
        }
        let part = |text: &str, empty: &str| {
            let safe: String = text
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                        c
                    } else {
                        '_'
                    }
                })
                .collect();
            if safe.trim_matches('_').is_empty() {
                empty.to_owned()
            } else {
                safe
            }
        };
        let extension = match &*self.extension {
            "" | "unknown" => picture_extension(&self.data).unwrap_or("bin"),
            extension => extension,
        };
        format!(
            "assets/{}/{}/{}.{}",
            part(&self.kind, "other"),
            folder(extension),
            part(&self.name, "asset"),
            part(extension, "bin")
        )
    }
}

/// The folder of the V3 specification for a file of this extension.
fn folder(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "png" | "apng" | "jpg" | "jpeg" | "jfif" | "webp" | "gif" | "avif" | "bmp" | "svg" => {
            "images"
        }
        "mp3" | "ogg" | "wav" | "flac" | "m4a" | "opus" | "aac" => "audio",
        "mp4" | "webm" | "mov" | "mkv" | "avi" => "video",
        "ttf" | "otf" | "woff" | "woff2" => "fonts",
        "js" | "ts" | "lua" | "css" | "html" => "code",
        "safetensors" | "gguf" | "onnx" | "ckpt" | "pt" => "ai",
        "mmd" | "obj" | "fbx" | "glb" | "gltf" | "vrm" => "3d",
        "moc3" => "l2d",
        _ => "other",
    }
}

/// The extension of a picture, by its first bytes.
#[must_use]
pub fn picture_extension(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [0xff, 0xd8, 0xff, ..] => Some("jpg"),
        [b'G', b'I', b'F', b'8', ..] => Some("gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => Some("avif"),
        [b'B', b'M', ..] => Some("bmp"),
        _ => None,
    }
}

/// The media type of an extension, for a `data:` URI.
fn media_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "png" | "apng" => "image/png",
        "jpg" | "jpeg" | "jfif" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "avif" => "image/avif",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

/// A file as a `data:` URI.
pub(super) fn data_uri(asset: &Asset) -> String {
    let extension = if asset.extension.is_empty() {
        picture_extension(&asset.data).unwrap_or_default()
    } else {
        &asset.extension
    };
    format!(
        "data:{};base64,{}",
        media_type(extension),
        STANDARD.encode(&asset.data)
    )
}

/// The path inside the container that a URI names: `embeded://` as the specification spells it, `embedded://`, `__asset:`.
pub(super) fn stored_path(uri: &str) -> Option<&str> {
    let uri = uri.trim();
    ["embeded://", "embedded://", "__asset:"]
        .into_iter()
        .find_map(|prefix| {
            let head = uri.get(..prefix.len())?;
            head.eq_ignore_ascii_case(prefix)
                .then(|| &uri[prefix.len()..])
        })
}

/// The bytes in a `data:` URI.
fn inline(uri: &str) -> Option<Vec<u8>> {
    let (head, body) = uri.trim().strip_prefix("data:")?.split_once(',')?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    head.ends_with(";base64")
        .then(|| STANDARD.decode(body).ok())
        .flatten()
}

/// A URI somewhere in a card.
struct Named {
    place: Path,
    uri: String,
    kind: String,
    name: String,
    extension: String,
}

/// Where a card names files: `assets` and the lists of RisuAI's V2 cards.
fn named(card: &Card) -> Vec<Named> {
    let mut found = Vec::new();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let assets = Path::default().key("assets");
    if let Some(Value::Array(list)) = card.get(&assets) {
        for (index, asset) in list.iter().enumerate() {
            found.push(Named {
                place: assets.index(index).key("uri"),
                uri: text(asset.get("uri")),
                kind: text(asset.get("type")),
                name: text(asset.get("name")),
                extension: text(asset.get("ext"))
                    .trim_start_matches('.')
                    .to_ascii_lowercase(),
            });
        }
    }
    let risu = Path::default().key("extensions").key("risuai");
    for (key, kind) in [
        ("emotions", "emotion"),
        ("additionalAssets", "x-risu-asset"),
    ] {
        let list = risu.key(key);
        let Some(Value::Array(items)) = card.get(&list) else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            found.push(Named {
                place: list.index(index).index(1),
                uri: text(item.get(1)),
                kind: kind.to_owned(),
                name: text(item.get(0)),
                extension: text(item.get(2)).to_ascii_lowercase(),
            });
        }
    }
    found
}

/// Whether a URI stands for the picture of the container itself.
pub(super) fn is_default_icon(uri: &str) -> bool {
    uri.trim().is_empty() || uri.trim().starts_with("ccdefault:")
}

/// The files that travel with a card that was read from `bytes`, those it names first, and what is wrong with them.
///
/// # Errors
///
/// [`Kind::Card`](crate::Kind::Card) when a file in a zip is damaged, [`Kind::Limit`](crate::Kind::Limit) when it unpacks
/// to too much.
pub fn assets(reading: &Reading, bytes: &[u8]) -> Result<(Vec<Asset>, Vec<Finding>)> {
    let files = (reading.container.files)(bytes)?;
    Ok(join(&reading.card, files))
}

fn join(card: &Card, files: Vec<Stored>) -> (Vec<Asset>, Vec<Finding>) {
    let by_path: HashMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(i, f)| (f.path.as_str(), i))
        .collect();
    let mut used = HashSet::new();
    let mut assets = Vec::new();
    let mut findings = Vec::new();
    for named in named(card) {
        let asset = |path: String, data: Vec<u8>| Asset {
            kind: named.kind.clone(),
            name: named.name.clone(),
            extension: match &*named.extension {
                "" | "unknown" => extension_of(&path)
                    .or(picture_extension(&data))
                    .unwrap_or_default()
                    .to_owned(),
                extension => extension.to_owned(),
            },
            place: Some(named.place.clone()),
            path,
            data,
        };
        if let Some(data) = inline(&named.uri) {
            assets.push(asset(String::new(), data));
            continue;
        }
        let Some(path) = stored_path(&named.uri) else {
            continue;
        };
        let trimmed = path.trim_start_matches('/');
        let index = by_path
            .get(path)
            .or_else(|| by_path.get(trimmed))
            .copied()
            .or_else(|| {
                files
                    .iter()
                    .position(|file| file.path.eq_ignore_ascii_case(trimmed))
            });
        match index {
            Some(index) => {
                used.insert(index);
                assets.push(asset(files[index].path.clone(), files[index].data.clone()));
            }
            None => findings.push(absent(&named.place, path)),
        }
    }
    for (index, file) in files.into_iter().enumerate() {
        if !used.contains(&index) {
            assets.push(Asset {
                kind: String::new(),
                name: String::new(),
                extension: extension_of(&file.path).unwrap_or_default().to_owned(),
                place: None,
                path: file.path,
                data: file.data,
            });
        }
    }
    (assets, findings)
}

/// The files a card names that are not among the paths of its container.
pub(super) fn missing<'p>(card: &Card, paths: impl IntoIterator<Item = &'p str>) -> Vec<Finding> {
    let paths: HashSet<String> = paths.into_iter().map(str::to_ascii_lowercase).collect();
    let mut findings = Vec::new();
    for named in named(card) {
        let path = stored_path(&named.uri).map(|path| path.trim_start_matches('/'));
        if let Some(path) = path.filter(|path| !paths.contains(&path.to_ascii_lowercase())) {
            findings.push(absent(&named.place, path));
        }
    }
    findings
}

fn absent(place: &Path, path: &str) -> Finding {
    note(
        "asset-missing",
        Severity::Warning,
        &Place::Path(place.to_string()),
        format!("the card names `{path}`, which is not in the file"),
    )
}

/// The index of the picture of the character among its assets: the icon called `main`, else the first icon.
pub(super) fn main_icon(assets: &[Asset]) -> Option<usize> {
    let is_icon = |asset: &Asset| asset.kind.eq_ignore_ascii_case("icon") && asset.is_picture();
    assets
        .iter()
        .position(|asset| is_icon(asset) && asset.name.eq_ignore_ascii_case("main"))
        .or_else(|| assets.iter().position(is_icon))
}

/// The picture of the character in a card's file, in whatever format it is; `None` when there is none.
///
/// A PNG and a JPEG are their own picture; in an archive it is the icon called `main`.
///
/// # Errors
///
/// As [`assets`].
pub fn picture(reading: &Reading, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let assets = match reading.container.picture {
        Some(_) => Vec::new(),
        None => assets(reading, bytes)?.0,
    };
    picture_among(&assets, reading, bytes)
}

/// As [`picture`], for who has the [`assets`] already.
pub(super) fn picture_among(
    assets: &[Asset],
    reading: &Reading,
    bytes: &[u8],
) -> Result<Option<Vec<u8>>> {
    if let Some(own) = reading.container.picture {
        return own(bytes);
    }
    let icon = main_icon(assets).map(|index| assets[index].data.clone());
    // A card's archive may stand behind a picture that it does not hold itself.
    let before = || charx::prefix(bytes).filter(|prefix| picture_extension(prefix).is_some());
    Ok(icon.or_else(|| before().map(<[u8]>::to_vec)))
}

fn extension_of(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    let (stem, extension) = file.rsplit_once('.')?;
    let fits = !stem.is_empty() && !extension.is_empty() && extension.len() <= 12;
    (fits && extension.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(extension)
}

/// The longest part of a path that is written, in bytes: file systems take 255, and a number may be added.
const MAX_PART: usize = 120;

/// Names that Windows keeps for devices, whatever follows a dot.
fn is_device(part: &str) -> bool {
    let stem = part
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | "clock$" => true,
        _ => ["com", "lpt"].iter().any(|prefix| {
            stem.strip_prefix(prefix).is_some_and(|rest| {
                matches!(
                    rest,
                    "0" | "1"
                        | "2"
                        | "3"
                        | "4"
                        | "5"
                        | "6"
                        | "7"
                        | "8"
                        | "9"
                        | "\u{b9}"
                        | "\u{b2}"
                        | "\u{b3}"
                )
            })
        }),
    }
}

fn is_safe_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.len() <= MAX_PART
        && !part.ends_with(['.', ' '])
        && !part.starts_with(' ')
        && !part.contains(is_forbidden)
        && !is_device(part)
}

/// Characters that mean something to some file system, steer a terminal or turn the reading order.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\\' | '/' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a path inside a container is harmless as one on a disk as it is; a `/` at its end marks a folder.
pub(super) fn is_safe(path: &str) -> bool {
    path.strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .all(is_safe_part)
}

/// Paths to write to: each inside its folder, valid on every system, and no two the same but for case.
///
/// ```
/// use cardwright::card::Names;
///
/// let mut names = Names::default();
/// assert_eq!(names.place("assets/icon/main.png"), "assets/icon/main.png");
/// assert_eq!(names.place("../../etc/passwd"), "etc/passwd");
/// assert_eq!(names.place("Assets/ICON/main.png"), "Assets/ICON/main-2.png");
/// assert_eq!(names.place("C:\\NUL"), "C/_NUL");
/// ```
#[derive(Debug, Default)]
pub struct Names {
    /// Every path taken, and every folder above one, in lower case.
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// A harmless path for the untrusted `path`; never the same twice.
    pub fn place(&mut self, path: &str) -> String {
        let parts: Vec<String> = path
            .split(['/', '\\', ':'])
            .filter(|part| !part.trim_matches(['.', ' ']).is_empty())
            .map(safe_part)
            .collect();
        let wanted = if parts.is_empty() {
            "file".to_owned()
        } else {
            parts.join("/")
        };
        let mut number = 1;
        loop {
            let name = if number == 1 {
                wanted.clone()
            } else {
                numbered(&wanted, number)
            };
            let key = name.to_lowercase();
            let mut above: Vec<&str> = key.match_indices('/').map(|(at, _)| &key[..at]).collect();
            let is_free = !self.files.contains(&key)
                && !self.folders.contains(&key)
                && !above.iter().any(|folder| self.files.contains(*folder));
            if is_free {
                self.folders.extend(above.drain(..).map(str::to_owned));
                self.files.insert(key);
                return name;
            }
            number += 1;
            // A folder of that name is a file already: then the number goes to the front.
            if number > 2 && above.iter().any(|folder| self.files.contains(*folder)) {
                return self.place(&format!("{number}-{}", wanted.replace('/', "-")));
            }
        }
    }
}

fn numbered(path: &str, number: usize) -> String {
    let (folder, file) = path
        .rsplit_once('/')
        .map_or(("", path), |(folder, file)| (folder, file));
    let slash = if folder.is_empty() { "" } else { "/" };
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => {
            format!("{folder}{slash}{stem}-{number}.{extension}")
        }
        _ => format!("{folder}{slash}{file}-{number}"),
    }
}

/// One part of a path, made harmless.
fn safe_part(part: &str) -> String {
    let mut safe: String = part
        .chars()
        .map(|c| if is_forbidden(c) { '_' } else { c })
        .collect();
    safe = safe
        .trim_start_matches(' ')
        .trim_end_matches(['.', ' '])
        .to_owned();
    if safe.len() > MAX_PART {
        let extension = extension_of(&safe)
            .map(|e| format!(".{e}"))
            .unwrap_or_default();
        let mut end = MAX_PART - extension.len();
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe = format!("{}{extension}", safe[..end].trim_end_matches(['.', ' ']));
    }
    if safe.is_empty() || is_device(&safe) {
        safe.insert(0, '_');
    }
    safe
}
