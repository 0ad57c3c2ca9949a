//! A card from one container into another, with its picture and its files, and a list of what the new one cannot hold.
//!
//! Files keep their bytes and get the address of the new container: `__asset:` in a PNG, `embeded://` in a CHARX, `data:` in
//! JSON. Where a format holds less than a card, what was written is read back and compared, so the list of losses says
//! what is so.

use serde_json::{Value, json};

use super::archive::{byaf, charx};
use super::asset::{self, Asset, data_uri, is_default_icon, main_icon, picture_extension};
use super::container::needs_picture;
use super::payload::{MAX_TEXT, note};
use super::{Card, Container, Difference, Path, Reading, Step, Version, diff, png, yaml};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// How to convert.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversion<'a> {
    /// Another picture for the card, a PNG where a PNG is written.
    pub picture: Option<&'a [u8]>,
    /// Whether a YAML file holds the whole card instead of what text-generation-webui and SillyTavern read; false.
    pub whole: bool,
}

/// A card in another container.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// What the new container has no place for.
    pub lost: Vec<Finding>,
}

/// A card that was read from `source`, in the container `to`.
///
/// ```
/// use cardwright::card::{Card, Container, Conversion, convert};
///
/// let json = Card::new("Carina").json().to_owned();
/// let reading = Card::from_bytes(json.as_bytes())?;
/// let charx = Container::by_extension("charx").unwrap();
/// let archive = convert(&reading, json.as_bytes(), charx, Conversion::default())?;
/// assert_eq!(Card::from_bytes(&archive.bytes)?.card.json(), json);
/// assert!(archive.lost.is_empty());
/// # Ok::<(), cardwright::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Usage`] when cards are not written into this container, or it needs a picture and there is none.
pub fn convert(
    reading: &Reading,
    source: &[u8],
    to: &'static Container,
    how: Conversion<'_>,
) -> Result<Converted> {
    let Some(write) = to.write else {
        return Err(Error::new(
            Kind::Usage,
            format!("{} cards are read, not written", to.name),
        )
        .hint("write a `.png`, `.charx` or `.json` file"));
    };
    let is_archive = matches!(to.name, "PNG" | "CHARX" | "CHARX-JPEG" | "BYAF");
    let is_same = *to == *reading.container;
    if is_same && is_archive && how.picture.is_none() {
        return Ok(Converted {
            bytes: write(&reading.card, Some(source))?,
            lost: Vec::new(),
        });
    }
    let (mut assets, _) = asset::assets(reading, source)?;
    let own = asset::picture_among(&assets, reading, source)?;
    // A picture that is the card's own is no file beside it as well.
    if reading.container.picture.is_some() {
        assets.retain(|asset| asset.place.is_some() || Some(&asset.data) != own.as_ref());
    }
    let own = how.picture.map(<[u8]>::to_vec).or(own);
    if is_same
        && to.name == "CHARX"
        && let Some(picture) = how.picture
        && let Some(bytes) = new_icon(&reading.card, &assets, source, picture)?
    {
        return Ok(Converted {
            bytes,
            lost: Vec::new(),
        });
    }
    let mut move_ = Move {
        card: reading.card.clone(),
        assets,
        picture: own,
        lost: Vec::new(),
    };
    let bytes = match to.name {
        "PNG" => move_.png_card(how.picture.is_some())?,
        "CHARX" => move_.charx_card(false, how.picture.is_some())?,
        "CHARX-JPEG" => move_.charx_card(true, how.picture.is_some())?,
        "BYAF" => move_.byaf_card()?,
        "YAML" if !how.whole => {
            move_.lost = yaml::lost(&move_.card);
            move_.leave_files("YAML", |_| true);
            write(&move_.card, None)?
        }
        "YAML" => {
            move_.inline("YAML")?;
            yaml::whole(&move_.card).into_bytes()
        }
        _ => {
            move_.inline("JSON")?;
            move_.card.json().as_bytes().to_vec()
        }
    };
    Ok(Converted {
        bytes,
        lost: move_.lost,
    })
}

/// The archive with another picture where its icon stands; `None` when it has no icon of the same format.
fn new_icon(
    card: &Card,
    assets: &[Asset],
    source: &[u8],
    picture: &[u8],
) -> Result<Option<Vec<u8>>> {
    let icon = main_icon(assets)
        .map(|index| &assets[index])
        .filter(|icon| {
            !icon.path.is_empty() && picture_extension(&icon.data) == picture_extension(picture)
        });
    match icon {
        Some(icon) if card.version() == Version::V3 => {
            charx::with_picture(card, source, &icon.path, picture).map(Some)
        }
        _ => Ok(None),
    }
}

/// A card on its way.
struct Move {
    card: Card,
    assets: Vec<Asset>,
    picture: Option<Vec<u8>>,
    lost: Vec<Finding>,
}

impl Move {
    fn lose(&mut self, path: &str, message: String) {
        let place = if path.is_empty() {
            Place::Whole
        } else {
            Place::Path(path.to_owned())
        };
        self.lost
            .push(note("file-lost", Severity::Warning, &place, message));
    }

    /// Says of each file that `is_lost` that it stays behind.
    fn leave_files(&mut self, container: &str, is_lost: impl Fn(&Asset) -> bool) {
        let lost: Vec<(String, String)> = self
            .assets
            .iter()
            .filter(|asset| is_lost(asset))
            .map(|asset| {
                let place = asset
                    .place
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let name = if asset.path.is_empty() {
                    &asset.name
                } else {
                    &asset.path
                };
                (
                    place,
                    format!("{container} has no place for the file `{name}`"),
                )
            })
            .collect();
        for (place, message) in lost {
            self.lose(&place, message);
        }
    }

    /// Gives the file at `index` another address in the card.
    fn address(&mut self, index: usize, uri: &str) -> Result<()> {
        match self.assets[index].place.clone() {
            Some(place) => self.card.set(&place, &uri.into()),
            None => Ok(()),
        }
    }

    /// The icon that is the picture itself, or is to be.
    fn default_icon(&self) -> Option<Path> {
        let assets = Path::default().key("assets");
        let Some(Value::Array(list)) = self.card.get(&assets) else {
            return None;
        };
        let is_default = |asset: &Value| {
            let text = |key: &str| asset.get(key).and_then(Value::as_str).unwrap_or_default();
            text("type") == "icon" && is_default_icon(text("uri"))
        };
        list.iter()
            .position(is_default)
            .map(|index| assets.index(index))
    }

    fn png_card(&mut self, is_given: bool) -> Result<Vec<u8>> {
        let icon = main_icon(&self.assets);
        let picture = self.picture.take().ok_or_else(|| needs_picture("PNG"))?;
        let image = png::picture(&as_png(&picture)?);
        let mut files = Vec::new();
        let mut names = asset::Names::default();
        for index in 0..self.assets.len() {
            let asset = &self.assets[index];
            if Some(index) == icon && (is_given || asset.data == picture) {
                self.address(index, "ccdefault:")?;
                if let Some(place) = self.assets[index].place.clone()
                    && place.steps.last() == Some(&Step::Key("uri".into()))
                {
                    self.card.set(&beside(&place, "ext"), &"png".into())?;
                }
                continue;
            }
            if asset.path.is_empty() {
                // It stands in the card itself and stays there.
                continue;
            }
            let extension = if asset.extension.is_empty() {
                "bin"
            } else {
                &asset.extension
            };
            let path = if asset.path.len() <= png::MAX_PATH
                && asset::is_safe(&asset.path)
                && asset.path.is_ascii()
            {
                asset.path.clone()
            } else {
                format!("{index}.{extension}")
            };
            let path = names.place(&path);
            self.address(index, &format!("__asset:{path}"))?;
            files.push((path, std::mem::take(&mut self.assets[index].data)));
        }
        let written = png::write(&image, &self.card)?;
        Ok(png::with_files(
            &written,
            files
                .iter()
                .map(|(path, data)| (path.as_str(), data.as_slice())),
        ))
    }

    fn charx_card(&mut self, behind_jpeg: bool, is_given: bool) -> Result<Vec<u8>> {
        if self.card.version() < Version::V3 {
            self.card = self.card.to_version(Version::V3)?.0;
            // Fields have moved below `data`, and so have the places of the files.
        }
        let mut names = asset::Names::default();
        names.place(charx::CARD);
        let mut files = Vec::new();
        let icon = main_icon(&self.assets);
        for index in 0..self.assets.len() {
            let asset = &self.assets[index];
            if asset.path.is_empty() || (is_given && Some(index) == icon) {
                continue;
            }
            let path = names.place(&asset.archive_path());
            self.address(index, &format!("embeded://{path}"))?;
            files.push((path, std::mem::take(&mut self.assets[index].data)));
        }
        let picture = self.picture.take();
        if let Some(picture) = picture.as_ref().filter(|_| is_given || icon.is_none()) {
            let extension = picture_extension(picture).unwrap_or("png");
            let own = if extension == "png" {
                png::picture(picture)
            } else {
                picture.clone()
            };
            let path = names.place(&format!("assets/icon/images/main.{extension}"));
            let uri = format!("embeded://{path}");
            let given = icon
                .filter(|_| is_given)
                .and_then(|index| self.assets[index].place.clone());
            match (given, self.default_icon()) {
                (Some(place), _) => {
                    self.card.set(&place, &uri.as_str().into())?;
                    self.card.set(&beside(&place, "ext"), &extension.into())?;
                }
                (None, Some(icon)) => {
                    self.card.set(&icon.key("uri"), &uri.as_str().into())?;
                    self.card.set(&icon.key("ext"), &extension.into())?;
                }
                (None, None) => {
                    let assets = Path::default().key("assets");
                    let count = match self.card.get(&assets) {
                        Some(Value::Array(list)) => list.len(),
                        _ => {
                            self.card.set(&assets, &json!([]))?;
                            0
                        }
                    };
                    let icon =
                        json!({ "type": "icon", "uri": uri, "name": "main", "ext": extension });
                    self.card.set(&assets.index(count), &icon)?;
                }
            }
            files.insert(0, (path, own));
        }
        if !behind_jpeg {
            return Ok(charx::build(&[], &self.card, &files));
        }
        let picture = picture.ok_or_else(|| needs_picture("JPEG"))?;
        Ok(charx::build(&as_jpeg(&picture)?, &self.card, &files))
    }

    fn byaf_card(&mut self) -> Result<Vec<u8>> {
        let icon = main_icon(&self.assets);
        let mut pictures: Vec<(String, String, &[u8])> = Vec::new();
        let mut names = asset::Names::default();
        let own = self
            .picture
            .as_ref()
            .map(|picture| match picture_extension(picture) {
                Some("png") => png::picture(picture),
                _ => picture.clone(),
            });
        if let Some(own) = &own {
            let extension = picture_extension(own).unwrap_or("png");
            pictures.push((
                names.place(&format!("images/main.{extension}")),
                String::new(),
                own,
            ));
        }
        for (index, asset) in self.assets.iter().enumerate() {
            if asset.is_picture() && (Some(index) != icon || own.is_none()) {
                let extension = picture_extension(&asset.data).unwrap_or("png");
                let name = if asset.name.is_empty() {
                    "picture"
                } else {
                    &asset.name
                };
                pictures.push((
                    names.place(&format!("images/{}.{extension}", name.replace('/', "-"))),
                    asset.name.clone(),
                    &asset.data,
                ));
            }
        }
        let bytes = byaf::build(&self.card, &pictures);
        let back = Card::from_bytes(&bytes)?.card;
        self.leave_files("BYAF", |asset| !asset.is_picture());
        let whole = |card: &Card| card.to_version(Version::V3).map(|(card, _)| card);
        let lost = diff(&whole(&self.card)?, &whole(&back)?);
        let lost = lost.into_iter().filter(|difference| {
            !difference.path.starts_with("assets") && !difference.path.starts_with("$.spec")
        });
        self.lost
            .extend(losses("BYAF", "field-lost", &self.card.body(), lost));
        Ok(bytes)
    }

    /// Files into the card's text, as far as it can still be read afterwards.
    fn inline(&mut self, container: &str) -> Result<()> {
        let mut size = self.card.json().len();
        let mut lost = Vec::new();
        for index in 0..self.assets.len() {
            let asset = &self.assets[index];
            if asset.path.is_empty() {
                continue;
            }
            let grown = size + asset.data.len() / 3 * 4 + 64;
            if asset.place.is_none() || grown > MAX_TEXT {
                lost.push(asset.clone());
                continue;
            }
            size = grown;
            let uri = data_uri(asset);
            self.address(index, &uri)?;
        }
        let all = std::mem::replace(&mut self.assets, lost);
        self.leave_files(container, |_| true);
        let has_icon = main_icon(&all).is_some();
        if self.picture.is_some() && !has_icon {
            self.lose("", format!("{container} has no place for the picture"));
        }
        self.assets = all;
        Ok(())
    }
}

/// The field `key` of the object that has the one at `path`.
fn beside(path: &Path, key: &str) -> Path {
    let mut beside = path.clone();
    beside.steps.pop();
    beside.key(key)
}

/// What did not come back from a file that was written, one finding for each field however often it occurs.
pub(super) fn losses(
    format: &str,
    code: &'static str,
    body: &[Step],
    differences: impl IntoIterator<Item = Difference>,
) -> Vec<Finding> {
    let mut found: Vec<(String, bool, String, Value, usize)> = Vec::new();
    for difference in differences {
        let Some(before) = difference
            .before
            .filter(|before| !super::spec::is_empty(before) && *before != json!(false))
        else {
            continue;
        };
        let is_gone = difference.after.as_ref().is_none_or(super::spec::is_empty);
        let field = without_indexes(&difference.path);
        match found
            .iter_mut()
            .find(|(known, gone, ..)| *known == field && *gone == is_gone)
        {
            Some((.., times)) => *times += 1,
            None => found.push((field, is_gone, difference.path, before, 1)),
        }
    }
    found
        .into_iter()
        .map(|(field, is_gone, path, before, times)| {
            let what = if is_gone {
                "has no place for"
            } else {
                "changes"
            };
            let message = match times {
                1 => format!(
                    "{format} {what} `{path}`, which is {}",
                    super::spec::shorten(&before)
                ),
                times => format!("{format} {what} `{field}`, {times} times"),
            };
            let mut steps = body.to_vec();
            if let Ok(path) = path.parse::<Path>() {
                steps.extend(path.steps);
            }
            note(
                code,
                Severity::Warning,
                &Place::Path(super::path::write(&steps)),
                message,
            )
        })
        .collect()
}

/// A path with `[]` for every place in a list; the list alone where that is its end.
fn without_indexes(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']').map(|close| open + close) else {
            break;
        };
        let is_index = rest[open + 1..close].bytes().all(|b| b.is_ascii_digit());
        out.push_str(&rest[..open]);
        out.push_str(if is_index { "[]" } else { &rest[open..=close] });
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    match out.strip_suffix("[]") {
        Some(list) => list.to_owned(),
        None => out,
    }
}

/// A picture as PNG; one that is PNG stays as it is.
fn as_png(picture: &[u8]) -> Result<Vec<u8>> {
    if picture_extension(picture) == Some("png") {
        return Ok(picture.to_vec());
    }
    #[cfg(feature = "pictures")]
    return super::picture_as_png(picture).map(std::borrow::Cow::into_owned);
    #[cfg(not(feature = "pictures"))]
    Err(not_converted("PNG"))
}

/// A picture as JPEG; one that is JPEG stays as it is, without the archive that may stand behind it.
fn as_jpeg(picture: &[u8]) -> Result<Vec<u8>> {
    if picture_extension(picture) == Some("jpg") {
        return Ok(charx::prefix(picture).unwrap_or(picture).to_vec());
    }
    #[cfg(feature = "pictures")]
    return super::picture::as_jpeg(picture);
    #[cfg(not(feature = "pictures"))]
    Err(not_converted("JPEG"))
}

#[cfg(not(feature = "pictures"))]
fn not_converted(format: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!("the picture is no {format}, and this build converts none"),
    )
    .hint(format!("name a {format} with `--image FILE`"))
}
