//! PNG cards: what is read, what is written, what stays.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cardwright::card::{Card, Reading, Version, write_png};
use proptest::prelude::*;
use serde_json::json;

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A chunk with its checksum.
pub(super) fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(data);
    let mut crc = crc32fast::Hasher::new();
    crc.update(kind);
    crc.update(data);
    bytes.extend_from_slice(&crc.finalize().to_be_bytes());
    bytes
}

pub(super) fn text(keyword: &str, text: impl AsRef<[u8]>) -> Vec<u8> {
    chunk(
        b"tEXt",
        &[keyword.as_bytes(), b"\0", text.as_ref()].concat(),
    )
}

pub(super) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn header() -> Vec<u8> {
    chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])
}

/// The pixels of the smallest image.
pub(super) fn pixels() -> Vec<u8> {
    chunk(b"IDAT", &deflate(&[0, 128]))
}

pub(super) fn end() -> Vec<u8> {
    chunk(b"IEND", b"")
}

pub(super) fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE.to_vec(), chunks.concat()].concat()
}

pub(super) fn encode(json: &str) -> String {
    STANDARD.encode(json)
}

fn kinds(png: &[u8]) -> Vec<String> {
    let mut kinds = Vec::new();
    let mut at = 8;
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        let kind = std::str::from_utf8(&png[at + 4..at + 8]).unwrap();
        let data = &png[at + 8..at + 8 + length];
        let keyword = data.split(|&b| b == 0).next().unwrap();
        kinds.push(match kind {
            "tEXt" | "zTXt" | "iTXt" => format!("{kind} {}", String::from_utf8_lossy(keyword)),
            _ => kind.to_owned(),
        });
        at += length + 12;
    }
    kinds
}

fn read(png: &[u8]) -> Reading {
    Card::from_bytes(png).unwrap()
}

#[test]
fn a_card_goes_first_and_every_other_byte_stays() {
    let foreign = [
        text("Author", "someone"),
        chunk(b"prVt", b"\0\xff"),
        pixels(),
    ];
    let image = png(&[&[header()], &foreign[..], &[end()], &[b"tail!".to_vec()]].concat());
    let card = Card::new("Carina");
    let written = write_png(&image, &card).unwrap();
    let reading = read(&written);
    assert_eq!(reading.card, card);
    assert_eq!(reading.container.name, "PNG");
    assert_eq!(reading.findings.len(), 1, "{:?}", reading.findings);
    assert_eq!(reading.findings[0].code, "png-trailing");
    let rest = written.len() - foreign.concat().len() - end().len() - 5;
    assert_eq!(
        written[rest..],
        [foreign.concat(), end(), b"tail!".to_vec()].concat()
    );
    assert_eq!(
        kinds(&written[..written.len() - 5]),
        [
            "IHDR",
            "tEXt chara",
            "tEXt ccv3",
            "tEXt Author",
            "prVt",
            "IDAT",
            "IEND"
        ]
    );
}

#[test]
fn both_chunks_hold_their_own_version() {
    let mut card = Card::new("Carina");
    card.set(&"nickname".parse().unwrap(), &json!("Cari"))
        .unwrap();
    let written = write_png(&png(&[header(), pixels(), end()]), &card).unwrap();
    let stored: Vec<_> = [&b"chara\0"[..], b"ccv3\0"]
        .iter()
        .map(|keyword| {
            let at = written
                .windows(keyword.len())
                .position(|w| w == *keyword)
                .unwrap();
            let length = u32::from_be_bytes(written[at - 8..at - 4].try_into().unwrap()) as usize;
            let text = &written[at + keyword.len()..at + length];
            String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
        })
        .collect();
    assert_eq!(stored[1], card.json());
    let v2 = Card::from_json(&stored[0]).unwrap();
    assert_eq!(v2.version(), Version::V2);
    assert_eq!(v2.get(&"nickname".parse().unwrap()), None);
    assert_eq!(v2.to_version(Version::V2).unwrap().1, []);
}

#[test]
fn every_stale_card_is_replaced_where_the_first_stood() {
    let json = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Old"}}"#;
    let itxt = [&b"ccv3\0\0\0\0\0"[..], encode(json).as_bytes()].concat();
    let ztxt = [&b"Chara\0\0"[..], &deflate(encode(json).as_bytes())].concat();
    let image = png(&[
        header(),
        pixels(),
        chunk(b"iTXt", &itxt),
        text("Title", "kept"),
        chunk(b"zTXt", &ztxt),
        text("chara", encode(json)),
        end(),
        text("chara", encode(json)),
    ]);
    let mut reading = read(&image);
    assert_eq!(reading.card.name(), "Old");
    reading
        .card
        .set(&"name".parse().unwrap(), &json!("New"))
        .unwrap();
    let written = write_png(&image, &reading.card).unwrap();
    assert_eq!(
        kinds(&written),
        [
            "IHDR",
            "IDAT",
            "tEXt chara",
            "tEXt ccv3",
            "tEXt Title",
            "IEND"
        ]
    );
    assert_eq!(read(&written).card.name(), "New");
    assert_eq!(read(&written).findings, []);
}

#[test]
fn the_end_that_was_missing_is_written() {
    let written = write_png(&png(&[header(), pixels()]), &Card::new("Carina")).unwrap();
    assert!(written.ends_with(&end()));
    assert_eq!(read(&written).findings, []);
}

#[test]
fn a_picture_that_is_cut_short_is_refused() {
    let image = png(&[header(), pixels(), end()]);
    for (bytes, message) in [
        (&image[..40], "the picture ends inside a chunk at byte 33"),
        (&b"JFIF"[..], "the picture is no PNG"),
    ] {
        let error = write_png(bytes, &Card::new("C")).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

proptest! {
    #[test]
    fn writing_what_was_read_gives_the_file_back(
        name in "\\PC{0,20}", before in any::<bool>(), extra in prop::collection::vec(any::<u8>(), 0..64),
        tail in prop::collection::vec(any::<u8>(), 0..16), pretty in any::<bool>(),
    ) {
        let mut card = Card::new(&name);
        card.set(&"extensions.x".parse().unwrap(), &json!([1.5, null])).unwrap();
        if pretty {
            let value: serde_json::Value = serde_json::from_str(card.json()).unwrap();
            card = Card::from_json(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
        }
        let private = chunk(b"prVt", &extra);
        let mut chunks = vec![header(), pixels(), end(), tail];
        chunks.insert(if before { 1 } else { 2 }, private);
        let first = write_png(&png(&chunks), &card).unwrap();
        let reading = Card::from_bytes(&first).unwrap();
        prop_assert_eq!(&reading.card, &card);
        prop_assert_eq!(&reading.payload, card.json().as_bytes());
        prop_assert_eq!(write_png(&first, &reading.card).unwrap(), first);
    }

    #[test]
    fn no_bytes_make_the_reader_or_the_writer_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..80), cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
    ) {
        let mut image = write_png(&png(&[header(), pixels(), end()]), &Card::new("Carina")).unwrap();
        let at = at.index(image.len());
        for (old, new) in image[at..].iter_mut().zip(&bytes) {
            *old = *new;
        }
        image.truncate(cut.index(image.len()));
        let _ = Card::from_bytes(&image);
        let _ = write_png(&image, &Card::new("Other"));
        let _ = Card::from_bytes(&[SIGNATURE, &bytes].concat());
    }
}

/// A card as SillyTavern writes both chunks: one object, of which only the version is changed.
fn one_object(spec: &str, version: &str) -> String {
    json!({
        "spec": spec, "spec_version": version, "name": "Mara",
        "data": {
            "name": "Mara", "description": "She keeps a lighthouse; \"spec\":\"chara_card_v2\" is a text here.",
            "personality": "", "scenario": "", "first_mes": "Hello.", "mes_example": "", "creator_notes": "",
            "system_prompt": "", "post_history_instructions": "", "creator": "Anna", "character_version": "1.0",
            "tags": [], "alternate_greetings": [], "extensions": {},
        },
    })
    .to_string()
}

/// What reading both chunks notices.
fn noticed(chara: &str, ccv3: &str) -> Vec<(&'static str, String)> {
    let file = png(&[
        header(),
        text("chara", encode(chara)),
        text("ccv3", encode(ccv3)),
        pixels(),
        end(),
    ]);
    let reading = Card::from_bytes(&file).unwrap();
    assert_eq!(reading.payload, ccv3.as_bytes());
    let findings = reading.findings.into_iter();
    // Where broken JSON breaks is not compared: a blank behind it may move that.
    let message =
        |f: &cardwright::Finding| (f.code == "png-chunks-differ").then(|| f.message.clone());
    findings
        .map(|f| (f.code, message(&f).unwrap_or_default()))
        .collect()
}

#[test]
fn two_chunks_that_only_differ_in_their_version_agree() {
    let (v2, v3) = (
        one_object("chara_card_v2", "2.0"),
        one_object("chara_card_v3", "3.0"),
    );
    let differ = |findings: &[(&str, String)]| {
        findings
            .iter()
            .any(|(code, _)| *code == "png-chunks-differ")
    };
    for chara in [&v2, &v3] {
        assert!(!differ(&noticed(chara, &v3)), "{chara}");
    }
    // One letter in the text of the same length, also where the text looks like the version.
    for (from, to) in [
        ("Hello.", "Hallo."),
        ("\\\"chara_card_v2", "\\\"chara_card_v3"),
        ("Anna", "Anne"),
    ] {
        let other = v2.replace(from, to);
        assert_ne!(other, v2);
        assert!(differ(&noticed(&other, &v3)), "{to}");
    }
}

proptest! {
    #[test]
    fn chunks_of_the_same_length_are_compared_like_any(
        at in 0..1_000_usize, letter in "[ -~]", more in 0..1_000_usize, other in "[ -~]",
    ) {
        let v3 = one_object("chara_card_v3", "3.0");
        let mut chara = one_object("chara_card_v2", "2.0");
        for (at, letter) in [(at % chara.len(), &letter), (more % chara.len(), &other)] {
            chara.replace_range(at..at + 1, letter);
        }
        // A blank behind the text makes it longer, so that it is decoded and parsed.
        prop_assert_eq!(noticed(&chara, &v3), noticed(&format!("{chara} "), &v3));
    }
}
