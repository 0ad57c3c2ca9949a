//! From the bytes that hold a card to the card: base64 in its many spellings, text encodings, broken JSON.
//!
//! Each thing that had to be forgiven becomes a finding. What is found here is the same in every container.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::document::Document;
use super::scan;
use super::{Card, Container, Reading, Version, rcc, relaxed, shape};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The most text a card may hold, 64 MiB: what a bomb of a few kilobytes inflates to is cut off here.
pub(super) const MAX_TEXT: usize = 64 << 20;

/// How often a card may be wrapped, in base64 or in JSON strings, before it is called something else.
const MAX_LAYERS: usize = 3;

const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// The standard alphabet, with padding or without.
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, FORGIVING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, FORGIVING);

/// A finding without a fix.
pub(super) fn note(
    code: &'static str,
    severity: Severity,
    place: &Place,
    message: impl Into<String>,
) -> Finding {
    Finding {
        code,
        severity,
        place: place.clone(),
        message: message.into(),
        fix: None,
    }
}

/// Whether bytes look like JSON text.
pub(super) fn sniff(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0, b'{' | b'[' | b'"', ..] | [b'{' | b'[' | b'"', 0, ..] => true,
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            matches!(
                bytes.iter().find(|b| !b.is_ascii_whitespace()),
                Some(b'{' | b'[' | b'"' | b'/')
            )
        }
    }
}

/// The JSON bytes in a text chunk or a comment: base64 once or more often, or JSON as it is.
pub(super) fn unpack(stored: &[u8], place: &Place, findings: &mut Vec<Finding>) -> Result<Vec<u8>> {
    let mut bytes = Cow::Borrowed(stored);
    let mut layers = 0;
    let mut encrypted = false;
    loop {
        if rcc::is_encrypted(&bytes) {
            bytes = Cow::Owned(rcc::decrypt(&bytes, None)?);
            findings.push(Finding {
                fix: Some("store it as it is".into()),
                ..note(
                    "txt-encrypted",
                    Severity::Warning,
                    place,
                    "the card is encrypted without a password (RisuAI rcc), so only RisuAI can read it",
                )
            });
            encrypted = true;
            continue;
        }
        if sniff(&bytes) {
            break;
        }
        let Some(decoded) = decode_base64(&bytes, place, findings) else {
            return Err(Error::new(Kind::Card, "text is neither base64 nor JSON"));
        };
        layers += 1;
        if layers > MAX_LAYERS {
            return Err(Error::new(
                Kind::Card,
                format!("text is wrapped in base64 more than {MAX_LAYERS} times"),
            ));
        }
        bytes = Cow::Owned(decoded);
    }
    match layers {
        0 if encrypted => {}
        0 => findings.push(Finding {
            fix: Some("store it as base64".into()),
            ..note(
                "txt-raw-json",
                Severity::Warning,
                place,
                "the card is stored as plain JSON, which most programs cannot read",
            )
        }),
        1 => {}
        _ => findings.push(Finding {
            fix: Some("store it as base64 once".into()),
            ..note(
                "txt-double-b64",
                Severity::Warning,
                place,
                format!("the card is base64 {layers} times over"),
            )
        }),
    }
    Ok(bytes.into_owned())
}

/// Decodes base64 of either alphabet, with or without padding, broken by whitespace or not.
fn decode_base64(stored: &[u8], place: &Place, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    // The plain case first: no copy, no second look.
    if let Ok(decoded) = base64::engine::general_purpose::STANDARD.decode(stored) {
        return (!decoded.is_empty()).then_some(decoded);
    }
    let packed: Vec<u8> = stored
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let is_url_safe = packed.iter().any(|b| matches!(b, b'-' | b'_'));
    let engine = if is_url_safe { &URL_SAFE } else { &STANDARD };
    let decoded = engine.decode(&packed).ok().filter(|d| !d.is_empty())?;
    let fix = Some("store it as standard base64".to_owned());
    if packed.len() < stored.len() {
        findings.push(Finding {
            fix: fix.clone(),
            ..note(
                "txt-space",
                Severity::Info,
                place,
                "there is whitespace in the base64 text",
            )
        });
    }
    if is_url_safe {
        findings.push(Finding {
            fix: fix.clone(),
            ..note(
                "txt-b64url",
                Severity::Warning,
                place,
                "the text is in the URL-safe spelling of base64, which strict programs refuse",
            )
        });
    }
    if !packed.len().is_multiple_of(4) {
        findings.push(Finding {
            fix,
            ..note(
                "txt-no-pad",
                Severity::Info,
                place,
                "the base64 text lacks its padding",
            )
        });
    }
    Some(decoded)
}

/// The card in plain base64 of plain JSON, without a word about it; `None` where [`read`] would have one.
pub(super) fn sound_card(stored: &[u8]) -> Option<Card> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(stored)
        .ok()
        .filter(|bytes| bytes.len() <= MAX_TEXT)?;
    Card::of(Document::parse(String::from_utf8(bytes).ok()?).ok()?)
}

/// Whether the base64 in `stored` is that of `winner`, which was read from `winning`, but for the letters of `spec` and
/// `spec_version`; `false` where that is not seen at once.
pub(super) fn is_same_but_for_version(stored: &[u8], winning: &[u8], winner: &Reading) -> bool {
    let (card, json) = (&winner.card, &winner.payload[..]);
    let is_plain = stored.len() == winning.len()
        && stored.len() == json.len().div_ceil(3) * 4
        && card.json().as_bytes() == json
        && card.version() > Version::V1
        && !winner
            .findings
            .iter()
            .any(|finding| finding.code.starts_with("txt-"));
    if !is_plain {
        return false;
    }
    // The groups of four letters from the first to the last that differ; the last of all may be padded, and is left out.
    let differs = |(a, b): (&[u8], &[u8])| a != b;
    let groups = || stored.chunks_exact(4).zip(winning.chunks_exact(4));
    let (Some(from), Some(to)) = (groups().position(differs), groups().rposition(differs)) else {
        return true;
    };
    let groups = from..to + 1;
    let Ok(other) =
        base64::engine::general_purpose::STANDARD.decode(&stored[groups.start * 4..groups.end * 4])
    else {
        return false;
    };
    let span = groups.start * 3..groups.end * 3;
    if groups.end * 4 == stored.len() || other.len() != span.len() {
        return false;
    }
    let mut same = json.to_vec();
    same[span].copy_from_slice(&other);
    let root = card.document.root();
    for (key, known) in [
        ("spec", &["chara_card_v2", "chara_card_v3"][..]),
        ("spec_version", &["2.0", "3.0"][..]),
    ] {
        let Some(member) = card.document.member(root, key) else {
            continue;
        };
        let value = member.value;
        let is_known = |text: &[u8]| {
            known
                .iter()
                .any(|known| text == format!("\"{known}\"").as_bytes())
        };
        if !is_known(&same[value.clone()]) {
            return false;
        }
        same[value.clone()].copy_from_slice(&json[value]);
    }
    same == json
}

/// The card in the bytes of a JSON text; `place` is where they stand in the file.
pub(super) fn read(
    bytes: Vec<u8>,
    container: &'static Container,
    place: Range<usize>,
) -> Result<Reading> {
    let mut findings = Vec::new();
    let document = document_at(&bytes, &place, &mut findings)?;
    let (card, more) = shape::read(document)?;
    findings.extend(more);
    Ok(Reading {
        card,
        container,
        findings,
        payload: bytes,
    })
}

/// The document in the bytes of a JSON text that is a file of its own.
pub(super) fn document(bytes: &[u8], findings: &mut Vec<Finding>) -> Result<Document> {
    document_at(bytes, &(0..bytes.len()), findings)
}

/// Refuses a text that no card has.
pub(super) fn check_size(bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_TEXT {
        return Err(Error::new(
            Kind::Limit,
            format!("the card's text is larger than {} MiB", MAX_TEXT >> 20),
        ));
    }
    Ok(())
}

fn document_at(
    bytes: &[u8],
    place: &Range<usize>,
    findings: &mut Vec<Finding>,
) -> Result<Document> {
    check_size(bytes)?;
    let whole = Place::Bytes(place.clone());
    let text = decode_text(bytes, &whole, findings);
    // Offsets in the text are offsets in the file only where nothing was decoded.
    let base = (place.len() == bytes.len() && text.len() == bytes.len()).then_some(place.start);
    let mut document = parse(text, base, &whole, findings)?;
    let mut layers = 0;
    while document.is(document.root(), b'"') && layers < MAX_LAYERS {
        let inner = scan::string(document.text(), document.root()).into_owned();
        document = parse(inner, None, &whole, findings)?;
        layers += 1;
    }
    if layers > 0 {
        findings.push(Finding {
            fix: Some("store the JSON itself".into()),
            ..note(
                "json-wrapped",
                Severity::Warning,
                &whole,
                "the card is JSON inside a JSON string",
            )
        });
    }
    Ok(document)
}

fn parse(
    text: String,
    base: Option<usize>,
    whole: &Place,
    findings: &mut Vec<Finding>,
) -> Result<Document> {
    let (text, fault) = match Document::parse(text) {
        Ok(document) => return Ok(document),
        Err(broken) => broken,
    };
    let (repaired, repairs) = relaxed::repair(&text);
    let Ok(document) = Document::parse(repaired) else {
        return Err(fault.error(&text));
    };
    for repair in repairs {
        let place = match base {
            Some(base) => Place::Bytes(base + repair.at.start..base + repair.at.end),
            None => whole.clone(),
        };
        findings.push(repair.finding(&place));
    }
    Ok(document)
}

/// The text in bytes of UTF-8 or UTF-16, with or without a byte order mark.
pub(super) fn decode_text(bytes: &[u8], place: &Place, findings: &mut Vec<Finding>) -> String {
    let (big_endian, rest) = match bytes {
        [0xff, 0xfe, rest @ ..] => (false, rest),
        [0xfe, 0xff, rest @ ..] => (true, rest),
        [0, b'{' | b'[' | b'"', ..] => (true, bytes),
        [b'{' | b'[' | b'"', 0, ..] => (false, bytes),
        _ => return decode_utf8(bytes, place, findings),
    };
    findings.push(Finding {
        fix: Some("store it as UTF-8".into()),
        ..note(
            "json-utf16",
            Severity::Warning,
            place,
            "the text is UTF-16, which most programs cannot read",
        )
    });
    let units = rest.chunks_exact(2).map(|pair| {
        if big_endian {
            u16::from_be_bytes([pair[0], pair[1]])
        } else {
            u16::from_le_bytes([pair[0], pair[1]])
        }
    });
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn decode_utf8(bytes: &[u8], place: &Place, findings: &mut Vec<Finding>) -> String {
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            findings.push(Finding {
                fix: Some("take the mark out".into()),
                ..note(
                    "json-bom",
                    Severity::Warning,
                    place,
                    "the text begins with a byte order mark, which strict JSON forbids",
                )
            });
            rest
        }
        None => bytes,
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let broken = text.matches('\u{fffd}').count();
    findings.push(note(
        "json-bad-utf8",
        Severity::Warning,
        place,
        format!("the text is not UTF-8 in {broken} places, which now read as U+FFFD"),
    ));
    text
}
