//! Writing: the card into an image whose every other byte stays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chunk::{Chunk, Layout, SIGNATURE, push, walk};
use super::read::{Keyword, keyword};
use crate::card::{Card, Version};
use crate::{Error, Kind, Result};

/// The image with the card in it: `chara` as V2 and `ccv3` as V3, in place of every card that was there.
///
/// All other chunks and whatever stands after the image come back byte for byte. A chunk that already says what would be
/// written stays as it is, so that writing a card that was read from this image, unedited and conforming, gives the
/// image back.
///
/// ```
/// use cardwright::card::{Card, write_png};
/// # let image = b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB\x60\x82";
///
/// let card = Card::new("Carina");
/// let written = write_png(image, &card)?;
/// assert_eq!(Card::from_bytes(&written)?.card, card);
/// # Ok::<(), cardwright::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Card`] when `image` is no PNG or is cut short.
pub fn write(image: &[u8], card: &Card) -> Result<Vec<u8>> {
    if !image.starts_with(&SIGNATURE) {
        return Err(Error::new(Kind::Card, "the picture is no PNG"));
    }
    let layout = walk(image);
    let cut = match layout.chunks.last() {
        Some(last) if !last.is_whole() => Some(last.span.start),
        _ if !layout.has_end && !layout.trailing.is_empty() => Some(layout.trailing.start),
        _ => None,
    };
    if let Some(at) = cut {
        return Err(Error::new(
            Kind::Card,
            format!("the picture ends inside a chunk at byte {at}"),
        )
        .hint("take a picture that is whole"));
    }
    let is_card = |chunk: &Chunk| keyword(image, chunk).is_some();
    let place = place(&layout, is_card);
    let texts = texts(image, &layout, card)?;
    let mut png = Vec::with_capacity(image.len() + texts[0].len() + texts[1].len() + 64);
    png.extend_from_slice(&SIGNATURE);
    for (index, chunk) in layout.chunks.iter().enumerate() {
        if index == place {
            push_card(&mut png, &texts);
        }
        if !is_card(chunk) {
            png.extend_from_slice(&image[chunk.span.clone()]);
        }
    }
    if place == layout.chunks.len() {
        push_card(&mut png, &texts);
    }
    if !layout.has_end {
        push(&mut png, b"IEND", &[]);
    }
    png.extend_from_slice(&image[layout.trailing.clone()]);
    Ok(png)
}

fn push_card(png: &mut Vec<u8>, texts: &[String; 2]) {
    for (keyword, text) in [Keyword::Chara, Keyword::Ccv3].into_iter().zip(texts) {
        push(
            png,
            b"tEXt",
            &[keyword.name().as_bytes(), b"\0", text.as_bytes()],
        );
    }
}

/// The image with what `replace` makes of the texts of its cards, of those that it gives another; `None` where that is none.
/// Texts in compressed chunks stay as they are.
pub(in crate::card) fn with_texts(
    image: &[u8],
    replace: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
) -> Result<Option<Vec<u8>>> {
    let mut png = SIGNATURE.to_vec();
    let mut is_new = false;
    let layout = walk(image);
    for chunk in &layout.chunks {
        let text = keyword(image, chunk)
            .and_then(|(name, _)| Some((name, plain_text(image, chunk, name)?)));
        let new = match text {
            Some((name, text)) => replace(text.as_bytes())?.map(|new| (name, new)),
            None => None,
        };
        if let Some((name, text)) = new {
            push(&mut png, b"tEXt", &[name.name().as_bytes(), b"\0", &text]);
            is_new = true;
        } else {
            png.extend_from_slice(&image[chunk.span.clone()]);
        }
    }
    png.extend_from_slice(&image[layout.trailing]);
    Ok(is_new.then_some(png))
}

/// Before which chunk the card goes: where the image had one, else before the first text and the image data.
fn place(layout: &Layout, is_card: impl Fn(&Chunk) -> bool) -> usize {
    let within = |chunk: &&Chunk| !chunk.after_end;
    let position =
        |wanted: &dyn Fn(&Chunk) -> bool| layout.chunks.iter().take_while(within).position(wanted);
    position(&is_card)
        .or_else(|| position(&|chunk| chunk.is_text() || &chunk.kind == b"IDAT"))
        .or_else(|| position(&|chunk| &chunk.kind == b"IEND"))
        .unwrap_or(layout.chunks.len())
}

/// What goes into `chara` and `ccv3`, as base64.
fn texts(image: &[u8], layout: &Layout, card: &Card) -> Result<[String; 2]> {
    let own = if card.version() == Version::V3 {
        Keyword::Ccv3
    } else {
        Keyword::Chara
    };
    let v2 = card.to_version(Version::V2)?.0;
    let v3 = card.to_version(Version::V3)?.0;
    let mut texts = [v2, v3].map(|card| STANDARD.encode(card.json()));
    // The other chunk of an image whose card was not edited stays too: it may say more than can be derived.
    let only = |wanted: Keyword| {
        let mut chunks = layout
            .chunks
            .iter()
            .filter(|chunk| keyword(image, chunk).is_some_and(|(found, _)| found == wanted));
        match (chunks.next(), chunks.next()) {
            (Some(chunk), None) => plain_text(image, chunk, wanted),
            _ => None,
        }
    };
    let other = match own {
        Keyword::Ccv3 => Keyword::Chara,
        Keyword::Chara => Keyword::Ccv3,
    };
    if own == Keyword::Ccv3
        && only(own).is_some_and(|stored| stored == texts[own as usize])
        && let Some(stored) = only(other)
        && is_conforming(stored, other)
    {
        texts[other as usize] = stored.to_owned();
    }
    Ok(texts)
}

/// The text of a sound, plain `tEXt` chunk.
fn plain_text<'a>(image: &'a [u8], chunk: &Chunk, keyword: Keyword) -> Option<&'a str> {
    if &chunk.kind != b"tEXt" || chunk.after_end || !chunk.is_sound(image) {
        return None;
    }
    let text = image[chunk.data.clone()]
        .strip_prefix(keyword.name().as_bytes())?
        .strip_prefix(b"\0")?;
    std::str::from_utf8(text).ok()
}

/// Whether a stored text is base64 of a card of the version its keyword stands for, with all that one requires.
fn is_conforming(stored: &str, keyword: Keyword) -> bool {
    let version = match keyword {
        Keyword::Chara => Version::V2,
        Keyword::Ccv3 => Version::V3,
    };
    let Some(document) = STANDARD
        .decode(stored)
        .ok()
        .and_then(|json| String::from_utf8(json).ok())
        .and_then(|json| crate::card::document::Document::parse(json).ok())
    else {
        return false;
    };
    Card::of(document).is_some_and(|card| {
        card.version() == version
            && card
                .to_version(version)
                .is_ok_and(|(complete, _)| complete == card)
    })
}
