//! Reading: which text chunk holds the card, and everything that is odd about it.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::chunk::{Chunk, Layout, SIGNATURE, walk};
use super::files::paths;
use crate::card::payload::{self, MAX_TEXT, note};
use crate::card::{Card, Container, Reading, asset, exif};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The longest keyword the format allows.
const MAX_KEYWORD: usize = 79;

pub(crate) fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Which of the two cards a text chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// `chara`: V1 or V2.
    Chara,
    /// `ccv3`: V3.
    Ccv3,
}

impl Keyword {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chara => "chara",
            Self::Ccv3 => "ccv3",
        }
    }

    fn of(keyword: &[u8]) -> Option<Self> {
        [Self::Chara, Self::Ccv3]
            .into_iter()
            .find(|known| keyword.eq_ignore_ascii_case(known.name().as_bytes()))
    }
}

/// Which card a chunk holds, and where its keyword ends; `None` for any other chunk.
pub(super) fn keyword(png: &[u8], chunk: &Chunk) -> Option<(Keyword, usize)> {
    if !chunk.is_text() {
        return None;
    }
    let data = &png[chunk.data.clone()];
    let head = &data[..data.len().min(MAX_KEYWORD + 1)];
    if let Some(end) = head.iter().position(|&b| b == 0) {
        return Keyword::of(&head[..end]).map(|keyword| (keyword, end));
    }
    // The separator may be missing: the text then follows at once.
    [Keyword::Chara, Keyword::Ccv3]
        .into_iter()
        .find_map(|known| {
            let end = known.name().len();
            (Keyword::of(head.get(..end)?)? == known).then_some((known, end))
        })
}

/// A chunk with a card in it.
struct Candidate<'a> {
    chunk: &'a Chunk,
    keyword: Keyword,
    keyword_end: usize,
}

/// The card in a PNG.
pub(crate) fn read(png: &[u8], container: &'static Container) -> Result<Reading> {
    let layout = walk(png);
    let candidates: Vec<Candidate<'_>> = layout
        .chunks
        .iter()
        .filter_map(|chunk| {
            let (keyword, keyword_end) = keyword(png, chunk)?;
            Some(Candidate {
                chunk,
                keyword,
                keyword_end,
            })
        })
        .collect();
    let mut findings = image_findings(png, &layout);
    let mut first_error = None;
    let mut chosen: Option<(&Candidate<'_>, Reading)> = None;
    for wanted in [Keyword::Ccv3, Keyword::Chara] {
        let mut seen = 0;
        for candidate in candidates.iter().filter(|c| c.keyword == wanted) {
            seen += 1;
            if chosen
                .as_ref()
                .is_some_and(|(first, _)| first.keyword == wanted)
            {
                continue;
            }
            if let Some((first, winner)) = &chosen {
                if candidate.says_the_same(png, first, winner) {
                    continue;
                }
                if let Some(card) = candidate.sound_card(png) {
                    findings.extend(differences(&winner.card, &card));
                    continue;
                }
            }
            match candidate.read(png, container) {
                Ok(reading) => match &chosen {
                    None => chosen = Some((candidate, reading)),
                    Some((_, winner)) => {
                        findings.extend(differences(&winner.card, &reading.card));
                    }
                },
                Err(error) => {
                    findings.push(candidate.failure(&error));
                    first_error.get_or_insert(error);
                }
            }
        }
        if seen > 1 {
            findings.push(Finding {
                fix: Some("keep the one that is used".into()),
                ..note(
                    "png-dup-chunk",
                    Severity::Warning,
                    &Place::Whole,
                    format!(
                        "there are {seen} `{}` chunks; the first that can be read is used",
                        wanted.name()
                    ),
                )
            });
        }
    }
    let Some((_, mut reading)) = chosen else {
        let in_exif = layout
            .chunks
            .iter()
            .filter(|chunk| &chunk.kind == b"eXIf")
            .find_map(|chunk| {
                let comment = exif::comment(&png[chunk.data.clone()])?;
                exif::card(&comment, chunk.span.clone(), container).ok()
            });
        return match (in_exif, first_error) {
            (Some(mut reading), _) => {
                findings.append(&mut reading.findings);
                reading.findings = findings;
                Ok(reading)
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(no_card(png, &layout)),
        };
    };
    findings.append(&mut reading.findings);
    let paths = paths(png, &layout);
    findings.extend(asset::missing(
        &reading.card,
        paths.iter().map(String::as_str),
    ));
    reading.findings = findings;
    Ok(reading)
}

fn no_card(png: &[u8], layout: &Layout) -> Error {
    if let Some(last) = layout.chunks.last()
        && last.is_text()
        && !last.is_whole()
    {
        return cut_short(png, last);
    }
    Error::new(
        Kind::Card,
        "no card found: looked for `chara` and `ccv3` in tEXt, zTXt and iTXt, and in EXIF",
    )
    .hint("chat sites and photo tools often strip the card; download the original file")
}

fn cut_short(png: &[u8], chunk: &Chunk) -> Error {
    let name = keyword(png, chunk).map_or("tEXt", |(keyword, _)| keyword.name());
    Error::new(
        Kind::Card,
        format!(
            "PNG ends inside `{name}` at byte {}: {} of {} bytes",
            chunk.span.start,
            chunk.data.len(),
            chunk.length
        ),
    )
    .hint("download the file again")
}

impl Candidate<'_> {
    fn place(&self) -> Place {
        Place::Bytes(self.chunk.span.clone())
    }

    fn read(&self, png: &[u8], container: &'static Container) -> Result<Reading> {
        let mut findings = Vec::new();
        if !self.chunk.is_whole() && self.chunk.data.len() < self.chunk.length {
            return Err(cut_short(png, self.chunk));
        }
        let text = self.text(png, &mut findings)?;
        if text.trim_ascii().is_empty() {
            return Err(Error::new(
                Kind::Card,
                format!(
                    "`{}` at byte {} is empty",
                    self.keyword.name(),
                    self.chunk.span.start
                ),
            ));
        }
        let place = self.place();
        let named = |error: Error| {
            error.at(format!(
                "`{}` at byte {}",
                self.keyword.name(),
                self.chunk.span.start
            ))
        };
        let json = payload::unpack(&text, &place, &mut findings).map_err(|error| {
            if findings.iter().any(|finding| finding.code == "png-no-nul") {
                let at = self.chunk.span.start;
                return Error::new(
                    Kind::Card,
                    format!("text chunk at byte {at} has no keyword separator"),
                );
            }
            named(error)
        })?;
        let mut reading = payload::read(json, container, self.chunk.span.clone()).map_err(named)?;
        if self.keyword == Keyword::Chara && reading.card.version() == super::super::Version::V3 {
            findings.push(Finding {
                fix: Some("write `chara` as V2 and `ccv3` as V3".into()),
                ..note(
                    "card-v3-in-chara",
                    Severity::Warning,
                    &place,
                    "`chara` holds a V3 card; V2 programs expect V2 there",
                )
            });
        }
        findings.append(&mut reading.findings);
        reading.findings = findings;
        Ok(reading)
    }

    /// The text of the chunk as it stands there, where there is nothing to forgive about the chunk.
    fn plain_text<'p>(&self, png: &'p [u8]) -> Option<&'p [u8]> {
        if &self.chunk.kind != b"tEXt" || !self.chunk.is_whole() {
            return None;
        }
        let text = png[self.chunk.data.clone()].get(self.keyword_end..)?;
        text.strip_prefix(b"\0")
    }

    /// The card of a chunk that is only compared with the one that counts, where there is nothing to forgive about it.
    fn sound_card(&self, png: &[u8]) -> Option<Card> {
        payload::sound_card(self.plain_text(png)?)
    }

    /// Whether nothing but the version tells this chunk from the one that counts. SillyTavern writes both from one object,
    /// so that this needs no more than a comparison in most cards; `false` only means that it takes a closer look.
    fn says_the_same(&self, png: &[u8], first: &Self, winner: &Reading) -> bool {
        match (self.plain_text(png), first.plain_text(png)) {
            (Some(text), Some(winning)) => payload::is_same_but_for_version(text, winning, winner),
            _ => false,
        }
    }

    /// The text of the chunk, inflated.
    fn text<'p>(&self, png: &'p [u8], findings: &mut Vec<Finding>) -> Result<Cow<'p, [u8]>> {
        let (chunk, place, name) = (self.chunk, self.place(), self.keyword.name());
        let data = &png[chunk.data.clone()];
        let rewrite = Some("write it as tEXt".to_owned());
        if data.get(..self.keyword_end) != Some(name.as_bytes()) {
            findings.push(Finding {
                fix: Some(format!("spell it `{name}`")),
                ..note(
                    "png-keyword-case",
                    Severity::Warning,
                    &place,
                    format!("the keyword is not spelt `{name}`, which strict programs look for"),
                )
            });
        }
        if chunk.after_end {
            findings.push(Finding {
                fix: Some("move it before the image data".into()),
                ..note(
                    "png-after-iend",
                    Severity::Warning,
                    &place,
                    "the card stands after the end of the image, where most programs do not look",
                )
            });
        }
        if !chunk.is_sound(png) {
            findings.push(Finding {
                fix: Some("write the right one".into()),
                ..note(
                    "png-bad-crc",
                    Severity::Warning,
                    &place,
                    format!("the checksum of `{name}` is wrong; strict programs refuse the file"),
                )
            });
        }
        let Some((0, text)) = data[self.keyword_end..].split_first() else {
            findings.push(Finding {
                fix: rewrite,
                ..note(
                    "png-no-nul",
                    Severity::Warning,
                    &place,
                    format!("nothing separates the keyword `{name}` from its text"),
                )
            });
            return Ok(Cow::Borrowed(&data[self.keyword_end..]));
        };
        match &chunk.kind {
            b"zTXt" => {
                findings.push(Finding {
                    fix: rewrite,
                    ..note(
                        "png-ztxt",
                        Severity::Warning,
                        &place,
                        "the card is in a compressed chunk (zTXt), which most programs do not read",
                    )
                });
                inflate(text.get(1..).unwrap_or_default(), name).map(Cow::Owned)
            }
            b"iTXt" => {
                findings.push(Finding {
                    fix: rewrite,
                    ..note(
                        "png-itxt",
                        Severity::Warning,
                        &place,
                        "the card is in an international text chunk (iTXt), which most programs do not read",
                    )
                });
                let broken = || {
                    Error::new(
                        Kind::Card,
                        format!(
                            "the header of the iTXt chunk at byte {} is broken",
                            chunk.span.start
                        ),
                    )
                };
                let (head, rest) = text.split_at_checked(2).ok_or_else(broken)?;
                let mut parts = rest.splitn(3, |&b| b == 0);
                let (Some(_language), Some(_keyword), Some(text)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return Err(broken());
                };
                if head[0] == 1 {
                    inflate(text, name).map(Cow::Owned)
                } else {
                    Ok(Cow::Borrowed(text))
                }
            }
            _ => Ok(Cow::Borrowed(text)),
        }
    }

    /// Why this chunk is not used.
    fn failure(&self, error: &Error) -> Finding {
        let place = self.place();
        let is_empty = error.message().ends_with("is empty");
        let fix = Some("write the chunk anew from the one that is used".to_owned());
        let (code, severity) = match self.keyword {
            _ if is_empty => ("png-empty-chunk", Severity::Warning),
            Keyword::Ccv3 => ("png-ccv3-bad", Severity::Error),
            Keyword::Chara => ("png-chara-bad", Severity::Error),
        };
        Finding {
            fix,
            ..note(code, severity, &place, error.to_string())
        }
    }
}

/// What is odd about the image around the card.
fn image_findings(png: &[u8], layout: &Layout) -> Vec<Finding> {
    let mut findings = Vec::new();
    for chunk in &layout.chunks {
        if !chunk.is_text() || keyword(png, chunk).is_some() {
            continue;
        }
        let data = &png[chunk.data.clone()];
        let nuls = data.iter().filter(|&&b| b == 0).count();
        if &chunk.kind == b"tEXt" && nuls > 1 {
            findings.push(note(
                "png-nul-in-text",
                Severity::Info,
                &Place::Bytes(chunk.span.clone()),
                "a text chunk has a NUL in its text, for which SillyTavern refuses the file",
            ));
        }
    }
    if !layout.has_end {
        findings.push(Finding {
            fix: Some("write the end chunk".into()),
            ..note(
                "png-no-iend",
                Severity::Warning,
                &Place::Bytes(png.len()..png.len()),
                "the PNG has no end chunk (IEND); the file may be cut short",
            )
        });
    }
    if !layout.trailing.is_empty() {
        findings.push(note(
            "png-trailing",
            Severity::Info,
            &Place::Bytes(layout.trailing.clone()),
            format!(
                "{} bytes stand after the end of the image",
                layout.trailing.len()
            ),
        ));
    }
    findings
}

/// Where `chara` says something else than the `ccv3` that won.
fn differences(winner: &Card, other: &Card) -> Option<Finding> {
    let fields = super::super::spec::V1_FIELDS
        .into_iter()
        .chain(super::super::spec::V2_TEXTS)
        .filter(|key| winner.text(key) != other.text(key))
        .collect::<Vec<_>>();
    if fields.is_empty() {
        return None;
    }
    Some(Finding {
        fix: Some("write `chara` anew from `ccv3`".into()),
        ..note(
            "png-chunks-differ",
            Severity::Warning,
            &Place::Whole,
            format!(
                "`chara` and `ccv3` disagree about {}; `ccv3` is used",
                fields.join(", ")
            ),
        )
    })
}

/// Inflates, counting what comes out.
pub(super) fn inflate(compressed: &[u8], name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    ZlibDecoder::new(compressed)
        .take(MAX_TEXT as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|e| {
            Error::new(
                Kind::Card,
                format!("the compressed text in `{name}` is damaged: {e}"),
            )
            .source(e)
        })?;
    if text.len() > MAX_TEXT {
        return Err(Error::new(
            Kind::Limit,
            format!("compressed text in `{name}` exceeds {} MiB", MAX_TEXT >> 20),
        ));
    }
    Ok(text)
}
