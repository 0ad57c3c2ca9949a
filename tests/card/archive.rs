//! Archives: CHARX, and CHARX behind a JPEG; what an edit touches, and what a hostile zip may not do.

use std::io::{Cursor, Read as _, Write as _};

use cardwright::Kind;
use cardwright::card::{
    Card, Container, Conversion, Version, assets, convert, lint, picture, scrub_image,
};
use proptest::prelude::*;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::byaf::byaf;
use super::png::{end, header, pixels, png};

/// An archive as another program packs one: every other entry deflated, with comment, extra field and streamed sizes.
pub(super) fn packed(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (index, (name, data)) in entries.iter().enumerate() {
        let method = if index % 2 == 0 {
            CompressionMethod::Deflated
        } else {
            CompressionMethod::Stored
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .large_file(index % 3 == 0);
        writer.start_file(*name, options).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.set_comment("kept").unwrap();
    writer.finish().unwrap().into_inner()
}

/// The same as a program packs it that cannot go back: checksum and sizes follow the data.
fn streamed(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, data) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An entry that another reader finds: its compressed bytes and what they unpack to.
pub(super) fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..zip.len())
        .map(|index| {
            let (mut raw, mut data) = (Vec::new(), Vec::new());
            zip.by_index_raw(index)
                .unwrap()
                .read_to_end(&mut raw)
                .unwrap();
            let mut file = zip.by_index(index).unwrap();
            file.read_to_end(&mut data).unwrap();
            (file.name().unwrap().into_owned(), raw, data)
        })
        .collect()
}

fn v3(name: &str) -> Card {
    let mut card = Card::new(name);
    let icon = json!({"type": "icon", "uri": "embeded://assets/icon/image/main.png", "name": "main", "ext": "png"});
    let emotion = json!({"type": "emotion", "uri": "embeded://assets/emotion/image/joy.webp", "name": "joy", "ext": "webp"});
    card.set(&"assets".parse().unwrap(), &json!([icon, emotion]))
        .unwrap();
    card
}

pub(super) fn image() -> Vec<u8> {
    png(&[header(), pixels(), end()])
}

pub(super) fn charx(card: &Card) -> Vec<u8> {
    packed(&[
        ("assets/icon/image/main.png", &image()),
        ("assets/emotion/image/joy.webp", b"RIFF....WEBPjoy"),
        ("x_meta/main.json", br#"{"type":"PNG"}"#),
        ("module.risum", b"\x6f\0opaque"),
        ("card.json", card.json().as_bytes()),
    ])
}

pub(super) fn container(extension: &str) -> &'static Container {
    Container::by_extension(extension).unwrap()
}

pub(super) fn write(card: &Card, source: &[u8]) -> cardwright::Result<Vec<u8>> {
    let reading = Card::from_bytes(source).unwrap();
    (reading.container.write.unwrap())(card, Some(source))
}

#[test]
fn an_edit_of_a_charx_leaves_every_other_entry_as_it_was_packed() {
    let source = charx(&v3("Carina"));
    let mut reading = Card::from_bytes(&source).unwrap();
    assert_eq!(
        (reading.container.name, &*reading.card.name()),
        ("CHARX", "Carina")
    );
    assert_eq!(reading.findings, []);
    assert_eq!(reading.payload, v3("Carina").json().as_bytes());
    assert_eq!(write(&reading.card, &source).unwrap(), source);
    reading
        .card
        .set(&"description".parse().unwrap(), &json!("x".repeat(5000)))
        .unwrap();
    let written = write(&reading.card, &source).unwrap();
    let (before, after) = (entries(&source), entries(&written));
    assert_eq!(before[..4], after[..4]);
    assert_eq!(after[4].2, reading.card.json().as_bytes());
    assert_eq!(
        ZipArchive::new(Cursor::new(&written)).unwrap().comment(),
        b"kept"
    );
    assert_eq!(Card::from_bytes(&written).unwrap().card, reading.card);
}

#[test]
fn the_files_of_a_charx_are_found_by_their_address() {
    let source = charx(&v3("Carina"));
    let reading = Card::from_bytes(&source).unwrap();
    let (found, findings) = assets(&reading, &source).unwrap();
    assert_eq!(findings, []);
    let list: Vec<_> = found
        .iter()
        .map(|asset| format!("{} {} {}", asset.kind, asset.name, asset.path))
        .collect();
    assert_eq!(
        list,
        [
            "icon main assets/icon/image/main.png",
            "emotion joy assets/emotion/image/joy.webp",
            "  x_meta/main.json",
            "  module.risum",
        ]
    );
    assert_eq!(picture(&reading, &source).unwrap(), Some(image()));
}

#[test]
fn a_charx_goes_through_png_and_back_with_every_file() {
    let source = charx(&v3("Carina"));
    let reading = Card::from_bytes(&source).unwrap();
    let png = convert(&reading, &source, container("png"), Conversion::default()).unwrap();
    assert_eq!(png.lost, []);
    let reading = Card::from_bytes(&png.bytes).unwrap();
    assert_eq!(reading.findings, []);
    assert_eq!(
        reading.card.get(&"assets[0].uri".parse().unwrap()),
        Some(json!("ccdefault:"))
    );
    assert_eq!(picture(&reading, &png.bytes).unwrap(), Some(image()));
    let back = convert(
        &reading,
        &png.bytes,
        container("charx"),
        Conversion::default(),
    )
    .unwrap();
    assert_eq!(back.lost, []);
    let mut names: Vec<_> = entries(&back.bytes)
        .into_iter()
        .map(|(name, _, data)| (name, data))
        .collect();
    names.sort();
    let mut expected: Vec<_> = entries(&source)
        .into_iter()
        .map(|(name, _, data)| (name, data))
        .collect();
    expected.retain(|(name, _)| name != "card.json" && !name.contains("icon"));
    expected.push(("assets/icon/images/main.png".into(), image()));
    let card = Card::from_bytes(&back.bytes).unwrap().card;
    expected.push(("card.json".into(), card.json().as_bytes().to_vec()));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn json_takes_files_into_its_text_and_says_what_it_cannot() {
    let source = charx(&v3("Carina"));
    let reading = Card::from_bytes(&source).unwrap();
    let json = convert(&reading, &source, container("json"), Conversion::default()).unwrap();
    let lost: Vec<_> = json
        .lost
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        lost,
        [
            "JSON has no place for the file `x_meta/main.json`",
            "JSON has no place for the file `module.risum`"
        ]
    );
    let reading = Card::from_bytes(&json.bytes).unwrap();
    let (found, _) = assets(&reading, &json.bytes).unwrap();
    assert_eq!(found[1].data, b"RIFF....WEBPjoy");
    assert_eq!(picture(&reading, &json.bytes).unwrap(), Some(image()));
}

#[test]
fn a_charx_behind_a_jpeg_is_read_with_either_base_of_offsets() {
    let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xd9".to_vec();
    let plain = charx(&v3("Carina"));
    let from_zip = [jpeg.clone(), plain.clone()].concat();
    let mut writer = Cursor::new(from_zip.clone());
    writer.set_position(from_zip.len() as u64);
    // As a program writes it that counts from the start of the file.
    let from_file = {
        let mut shifted = from_zip.clone();
        let mut at = jpeg.len();
        while let Some(found) = shifted[at..].windows(4).position(|w| w == b"PK\x01\x02") {
            let place = at + found + 42;
            let offset = u32::from_le_bytes(shifted[place..place + 4].try_into().unwrap())
                + jpeg.len() as u32;
            shifted[place..place + 4].copy_from_slice(&offset.to_le_bytes());
            at = place;
        }
        let end = shifted
            .windows(4)
            .rposition(|w| w == b"PK\x05\x06")
            .unwrap();
        let start =
            u32::from_le_bytes(shifted[end + 16..end + 20].try_into().unwrap()) + jpeg.len() as u32;
        shifted[end + 16..end + 20].copy_from_slice(&start.to_le_bytes());
        shifted
    };
    for source in [from_zip, from_file] {
        let mut reading = Card::from_bytes(&source).unwrap();
        assert_eq!(
            (reading.container.name, reading.findings.len()),
            ("CHARX-JPEG", 0)
        );
        assert_eq!(write(&reading.card, &source).unwrap(), source);
        reading
            .card
            .set(
                &"name".parse().unwrap(),
                &json!("Corina with a longer name"),
            )
            .unwrap();
        let written = write(&reading.card, &source).unwrap();
        assert!(written.starts_with(&jpeg));
        assert_eq!(Card::from_bytes(&written).unwrap().card, reading.card);
        assert_eq!(entries(&written)[..4], entries(&source)[..4]);
    }
}

#[test]
fn a_card_that_is_not_at_the_root_is_refused_with_the_path_where_one_is() {
    let card = Card::new("C");
    for (name, message) in [
        (
            "folder/card.json",
            "zip has no `card.json` at its root (found `folder/card.json`)",
        ),
        (
            "Card.json",
            "zip has no `card.json` at its root (found `Card.json`)",
        ),
        ("mycard.json", "zip has no `card.json` at its root"),
        ("readme.txt", "zip has no `card.json` at its root"),
    ] {
        let error = Card::from_bytes(&packed(&[(name, card.json().as_bytes())])).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = Card::from_bytes(&packed(&[
        ("package.json", b"{}"),
        ("Characters/x.json", b"{}"),
    ]))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is a Voxta package, which is not read"
    );
}

#[test]
fn bombs_are_cut_off_by_what_comes_out_of_them() {
    let bomb = vec![b' '; 65 << 20];
    let error = Card::from_bytes(&packed(&[("card.json", &bomb)])).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (
            Kind::Limit,
            "`card.json` in the zip unpacks to more than 200 times its size"
        )
    );
    // Its header lies about the size; that changes nothing.
    let mut lying = streamed(&[("card.json", &bomb)]);
    let record = lying.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    lying[record + 24..record + 28].copy_from_slice(&100u32.to_le_bytes());
    assert_eq!(Card::from_bytes(&lying).unwrap_err().kind(), Kind::Limit);
    // Text that does not pack so well meets the cap on the text itself.
    let mut seed = 1u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 28) as u8
    })
    .take(65 << 20)
    .collect();
    let stored = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .start_file(
                "card.json",
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
            )
            .unwrap();
        writer.write_all(&noise).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let error = Card::from_bytes(&stored).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`card.json` in the zip unpacks to more than 64 MiB"
    );
}

#[test]
fn too_many_entries_and_too_much_in_all_are_refused() {
    let card = Card::new("C");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("card.json", SimpleFileOptions::default())
        .unwrap();
    writer.write_all(card.json().as_bytes()).unwrap();
    for index in 0..20_000 {
        writer
            .start_file(
                format!("{index}"),
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
            )
            .unwrap();
    }
    let error = Card::from_bytes(&writer.finish().unwrap().into_inner()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Limit, "the zip has more than 20000 entries")
    );
    // 170 files that each stay under the ratio's free part, and together do not stay under the total.
    let zeros = vec![0u8; 8 << 20];
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("card.json", SimpleFileOptions::default())
        .unwrap();
    writer.write_all(card.json().as_bytes()).unwrap();
    for index in 0..130 {
        writer
            .start_file(format!("{index}.bin"), SimpleFileOptions::default())
            .unwrap();
        writer.write_all(&zeros).unwrap();
    }
    let source = writer.finish().unwrap().into_inner();
    let reading = Card::from_bytes(&source).unwrap();
    let error = assets(&reading, &source).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Limit, "the zip unpacks to more than 1024 MiB")
    );
}

#[test]
fn entries_that_overlap_or_lie_about_their_place_are_refused() {
    let card = Card::new("C");
    let source = packed(&[
        ("card.json", card.json().as_bytes()),
        ("a", b"aaaa"),
        ("b", b"bbbb"),
    ]);
    let records: Vec<usize> = source
        .windows(4)
        .enumerate()
        .filter(|(_, w)| *w == b"PK\x01\x02")
        .map(|(at, _)| at)
        .collect();
    let patched = |record: usize, offset: usize, bytes: &[u8]| {
        let mut patched = source.clone();
        let at = records[record] + offset;
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        Card::from_bytes(&patched).unwrap_err().to_string()
    };
    let a_offset: [u8; 4] = source[records[1] + 42..records[1] + 46].try_into().unwrap();
    assert_eq!(
        patched(2, 42, &a_offset),
        "the zip is damaged: `b` has another name in its header"
    );
    assert_eq!(
        patched(2, 42, &[0xff; 3]),
        "the zip is damaged: `b` has no header where the directory says"
    );
    assert_eq!(
        patched(1, 20, &40u32.to_le_bytes()),
        "the zip is damaged: `a` and `b` overlap"
    );
    assert_eq!(
        patched(2, 20, &4000u32.to_le_bytes()),
        "the zip is damaged: `b` is longer than the file"
    );
    assert_eq!(
        patched(0, 10, &[99, 0]),
        "`card.json` in the zip is compressed by method 99"
    );
    assert_eq!(
        patched(0, 8, &[1, 0]),
        "`card.json` in the zip is encrypted"
    );
}

#[test]
fn a_wrong_checksum_and_two_cards_are_read_with_a_finding() {
    let card = Card::new("Carina");
    let mut source = packed(&[("card.json", card.json().as_bytes())]);
    let record = source.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    source[record + 16] ^= 1;
    let codes = |source: &[u8]| -> Vec<&str> {
        Card::from_bytes(source)
            .unwrap()
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect()
    };
    assert_eq!(codes(&source), ["zip-bad-crc"]);
    let written = write(&Card::from_bytes(&source).unwrap().card, &source).unwrap();
    assert_eq!(codes(&written), [""; 0]);
    let twice = packed(&[("CARD.json", b"{}"), ("card.json", card.json().as_bytes())]);
    assert_eq!(codes(&twice), ["zip-dup-entry"]);
    let v2 = card.to_version(Version::V2).unwrap().0;
    assert_eq!(
        codes(&packed(&[("card.json", v2.json().as_bytes())])),
        ["charx-version"]
    );
    let hostile = packed(&[
        ("card.json", card.json().as_bytes()),
        ("../up", b""),
        ("C:/x", b""),
        ("a\\..\\b", b""),
        ("NUL.txt", b""),
    ]);
    assert_eq!(codes(&hostile), ["zip-path"; 4]);
}

/// Makes the entry called `name` a symbolic link, as a Unix would have packed it.
pub(super) fn linked(mut archive: Vec<u8>, name: &str) -> Vec<u8> {
    let mut at = 0;
    while let Some(found) = archive[at..].windows(4).position(|w| w == b"PK\x01\x02") {
        let record = at + found;
        if archive[record + 46..].starts_with(name.as_bytes()) {
            archive[record + 5] = 3;
            archive[record + 38..record + 42].copy_from_slice(&(0o120_777u32 << 16).to_le_bytes());
        }
        at = record + 4;
    }
    archive
}

#[test]
fn a_link_in_an_archive_is_never_followed() {
    let card = v3("C");
    let source = linked(charx(&card), "assets/icon");
    let reading = Card::from_bytes(&source).unwrap();
    assert_eq!(reading.findings[0].code, "zip-link");
    let (found, findings) = assets(&reading, &source).unwrap();
    assert!(found.iter().all(|asset| !asset.path.contains("icon")));
    assert_eq!(findings[0].code, "asset-missing");
    let error = Card::from_bytes(&linked(charx(&card), "card.json")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`card.json` in the zip is a symbolic link"
    );
}

#[test]
fn scrubbing_takes_the_history_of_pictures_and_chats_out_of_an_archive() {
    let source = charx(&v3("Carina"));
    let codes = |bytes: &[u8]| -> Vec<&str> {
        let reading = Card::from_bytes(bytes).unwrap();
        lint::check_reading(&reading, bytes)
            .iter()
            .map(|finding| finding.code)
            .filter(|code| code.starts_with("privacy") || code.starts_with("byaf"))
            .collect()
    };
    assert_eq!(codes(&source), ["privacy-image-prompt"]);
    let clean = scrub_image(&source);
    assert_eq!(codes(&clean), [""; 0]);
    let mut kept = entries(&source);
    kept.remove(2);
    assert_eq!(entries(&clean), kept);
    let source = byaf();
    assert_eq!(codes(&source), ["byaf-messages"]);
    let clean = scrub_image(&source);
    assert_eq!(codes(&clean), [""; 0]);
    assert_eq!(entries(&clean)[..3], entries(&source)[..3]);
    assert_eq!(
        Card::from_bytes(&clean).unwrap().card,
        Card::from_bytes(&source).unwrap().card
    );
}

#[test]
fn another_picture_goes_where_the_icon_stood() {
    let source = charx(&v3("Carina"));
    let other = png(&[
        header(),
        super::png::text("Title", "another"),
        pixels(),
        end(),
    ]);
    let reading = Card::from_bytes(&source).unwrap();
    let how = Conversion {
        picture: Some(&other),
        ..Conversion::default()
    };
    let written = convert(&reading, &source, container("charx"), how).unwrap();
    let again = Card::from_bytes(&written.bytes).unwrap();
    assert_eq!(again.card, reading.card);
    assert_eq!(
        picture(&again, &written.bytes).unwrap(),
        Some(other.clone())
    );
    assert_eq!(entries(&written.bytes)[1..4], entries(&source)[1..4]);
    // A card with files beside a PNG keeps them under another picture too.
    let in_png = convert(&reading, &source, container("png"), Conversion::default()).unwrap();
    let reading = Card::from_bytes(&in_png.bytes).unwrap();
    let written = convert(&reading, &in_png.bytes, container("png"), how).unwrap();
    let again = Card::from_bytes(&written.bytes).unwrap();
    assert_eq!(
        assets(&again, &written.bytes).unwrap(),
        assets(&reading, &in_png.bytes).unwrap()
    );
    assert_eq!(picture(&again, &written.bytes).unwrap(), Some(other));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_edit_of_any_archive_keeps_the_rest(
        names in prop::collection::btree_set("[a-z]{1,8}(/[a-z]{1,8})?\\.[a-z]{3}", 0..6), data in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(), text in "\\PC{0,60}", prefix in prop::collection::vec(any::<u8>(), 0..20), is_jpeg in any::<bool>(), is_streamed in any::<bool>(),
    ) {
        let card = Card::new("Carina");
        let mut list: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), data.as_slice())).collect();
        let at = at.index(list.len() + 1);
        list.insert(at, ("card.json", card.json().as_bytes()));
        let mut source = if is_streamed { streamed(&list) } else { packed(&list) };
        if is_jpeg {
            source = [b"\xff\xd8\xff".to_vec(), prefix, source].concat();
        }
        let mut reading = Card::from_bytes(&source).unwrap();
        prop_assert_eq!(&write(&reading.card, &source).unwrap(), &source);
        reading.card.set(&"scenario".parse().unwrap(), &text.into()).unwrap();
        let written = write(&reading.card, &source).unwrap();
        prop_assert_eq!(Card::from_bytes(&written).unwrap().card, reading.card);
        let (before, after) = (entries(&source), entries(&written));
        prop_assert_eq!(before.len(), after.len());
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            prop_assert!(index == at || before == after);
        }
    }

    #[test]
    fn no_bytes_of_an_archive_make_the_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 1..12), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), which in any::<bool>(),
    ) {
        let mut source = if which { charx(&v3("C")) } else { byaf() };
        let at = at.index(source.len());
        for (old, new) in source[at..].iter_mut().zip(&bytes) {
            *old = *new;
        }
        for source in [&source[..], &source[..cut.index(source.len())]] {
            if let Ok(reading) = Card::from_bytes(source) {
                let _ = assets(&reading, source);
                let _ = picture(&reading, source);
                let mut card = reading.card.clone();
                card.set(&"name".parse().unwrap(), &json!("other")).unwrap();
                let _ = (reading.container.write.unwrap())(&card, Some(source));
            }
        }
    }
}
