//! Pictures of other formats: a JPEG or WEBP made into the PNG that a card lives in, and small copies for looking at.
//!
//! A PNG is taken as it is, byte for byte; nothing here runs when a card is read.

use std::borrow::Cow;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::png::SIGNATURE;
use crate::{Error, Kind, Result};

/// The most memory a picture may take when it is decoded, 512 MiB: 8 bytes for each of 64 million pixels.
const MAX_DECODED: u64 = 512 << 20;

/// The longest side of a picture; what a few bytes may claim is limited before anything is made room for.
const MAX_SIDE: u32 = 32_768;

/// A picture in memory, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Red, green, blue and opacity of each pixel.
    pub rgba: Vec<u8>,
}

/// A picture as PNG: a PNG as it is, a JPEG or WEBP decoded, turned the way its camera data says, and without that data.
///
/// # Errors
///
/// [`Kind::Card`] when it is none of these or damaged, [`Kind::Limit`] when it is too large.
pub fn picture_as_png(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    if bytes.starts_with(&SIGNATURE) {
        return Ok(Cow::Borrowed(bytes));
    }
    let picture = decode(bytes)?;
    // Neither JPEG nor WEBP has more than 8 bits, so that nothing is lost.
    let picture = match picture.color().has_alpha() {
        true => DynamicImage::ImageRgba8(picture.into_rgba8()),
        false => DynamicImage::ImageRgb8(picture.into_rgb8()),
    };
    encode(&picture, ImageFormat::Png, "PNG").map(Cow::Owned)
}

/// A picture as JPEG, without opacity.
pub(super) fn as_jpeg(bytes: &[u8]) -> Result<Vec<u8>> {
    let picture = DynamicImage::ImageRgb8(decode(bytes)?.into_rgb8());
    encode(&picture, ImageFormat::Jpeg, "JPEG")
}

/// A copy of a picture that is no larger than `width` by `height`.
///
/// # Errors
///
/// As [`picture_as_png`].
pub fn thumbnail(bytes: &[u8], width: u32, height: u32) -> Result<Pixels> {
    let picture = decode(bytes)?;
    let small = if picture.width() > width || picture.height() > height {
        picture.thumbnail(width, height)
    } else {
        picture
    };
    Ok(Pixels {
        width: small.width(),
        height: small.height(),
        rgba: small.into_rgba8().into_raw(),
    })
}

impl Pixels {
    /// The pixels as a PNG.
    ///
    /// # Errors
    ///
    /// [`Kind::Card`] when there are more or fewer pixels than the size says.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let wrong = || Error::new(Kind::Card, "the pixels do not fill the picture");
        let picture = image::RgbaImage::from_raw(self.width, self.height, self.rgba.clone())
            .ok_or_else(wrong)?;
        let mut png = Vec::new();
        picture
            .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
            .map_err(|e| wrong().source(e))?;
        Ok(png)
    }
}

fn encode(picture: &DynamicImage, format: ImageFormat, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), format)
        .map_err(|e| {
            let message = format!("the picture cannot be written as {name}: {e}");
            Error::new(Kind::Card, message).source(e)
        })?;
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<DynamicImage> {
    let Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) =
        image::guess_format(bytes)
    else {
        return Err(Error::new(
            Kind::Card,
            "the picture is no PNG, JPEG or WEBP",
        ));
    };
    let failed = |error: image::ImageError| {
        let kind = match error {
            image::ImageError::Limits(_) => Kind::Limit,
            _ => Kind::Card,
        };
        Error::new(kind, format!("the picture cannot be decoded: {error}")).source(error)
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
