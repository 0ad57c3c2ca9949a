//! Cards of other programs, in JSON, YAML and EXIF: read whole, edited in their own fields.

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cardwright::card::{Card, Container, Conversion, Version, convert, diff};
use serde_json::json;

use super::fixtures;
use super::png::{chunk, end, header, pixels, png};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cards/foreign")
}

#[test]
fn every_program_s_fields_become_a_card_s() {
    let mut table = String::new();
    for (name, bytes) in fixtures("foreign") {
        let reading = Card::from_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let _ = writeln!(
            table,
            "{name} ({} in {})",
            reading.card.version(),
            reading.container.name
        );
        for finding in &reading.findings {
            let _ = writeln!(table, "  [{}] {}", finding.code, finding.message);
        }
        let _ = writeln!(table, "{}\n", reading.card.json().replace("\\n", "\\n "));
        assert_eq!(reading.card.name(), "Tamsin", "{name}");
        assert_eq!(reading.payload, bytes, "{name}");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_is_not_edited_comes_back_byte_for_byte() {
    for (name, bytes) in fixtures("foreign") {
        let reading = Card::from_bytes(&bytes).unwrap();
        let written = (reading.container.write.unwrap())(&reading.card, Some(&bytes)).unwrap();
        let expected = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        assert!(
            written == expected,
            "{name}: {}",
            String::from_utf8_lossy(&written)
        );
    }
}

#[test]
fn an_edit_goes_into_the_program_s_own_field_and_nowhere_else() {
    for (name, bytes) in fixtures("foreign") {
        let reading = Card::from_bytes(&bytes).unwrap();
        for field in ["name", "description", "first_mes"] {
            let old = reading.card.get(&field.parse().unwrap());
            if
            // Its persona is laid out anew from attributes, with the name in it.
            old.is_none() || (name == "agnai-wpp.json" && field != "first_mes") {
                continue;
            }
            let mut edited = reading.card.clone();
            edited
                .set(&field.parse().unwrap(), &json!("§new§"))
                .unwrap();
            let written = (reading.container.write.unwrap())(&edited, Some(&bytes))
                .unwrap_or_else(|error| panic!("{name} {field}: {error}"));
            let again = Card::from_bytes(&written).unwrap();
            assert_eq!(again.card.json(), edited.json(), "{name} {field}");
            // One stretch of the text has changed, and it holds the value.
            let (before, after) = (
                String::from_utf8_lossy(&bytes),
                String::from_utf8_lossy(&written),
            );
            let before = before.trim_start_matches('\u{feff}');
            let head = before
                .bytes()
                .zip(after.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let tail = before
                .bytes()
                .rev()
                .zip(after.bytes().rev())
                .take_while(|(a, b)| a == b)
                .count();
            assert!(
                head + tail >= after.len() - "\"§new§\"".len() - 1,
                "{name} {field}: {after}"
            );
        }
    }
}

#[test]
fn an_edit_that_a_program_has_no_field_for_is_refused() {
    for (name, path, message) in [
        (
            "pygmalion.json",
            "tags[0]",
            "Pygmalion has no place for `tags[0]`",
        ),
        (
            "webui.yaml",
            "personality",
            "text-generation-webui has no place for `personality`",
        ),
        (
            "agnai-wpp.json",
            "description",
            "Agnai has no place for `description`",
        ),
        (
            "character-ai.json",
            "system_prompt",
            "CharacterAI has no place for `system_prompt`",
        ),
    ] {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let mut reading = Card::from_bytes(&bytes).unwrap();
        reading
            .card
            .set(&path.parse().unwrap(), &json!("x"))
            .unwrap();
        let error = (reading.container.write.unwrap())(&reading.card, Some(&bytes)).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.next_step().is_some());
    }
}

#[test]
fn a_converted_card_is_plain_and_a_whole_yaml_loses_nothing() {
    let container = |extension| Container::by_extension(extension).unwrap();
    for (name, bytes) in fixtures("foreign") {
        let reading = Card::from_bytes(&bytes).unwrap();
        let json = convert(&reading, &bytes, container("json"), Conversion::default()).unwrap();
        let plain = Card::from_bytes(&json.bytes).unwrap();
        assert_eq!(plain.card.json(), reading.card.json(), "{name}");
        assert!(
            plain
                .findings
                .iter()
                .all(|finding| !finding.code.starts_with("foreign")),
            "{name}"
        );
        let how = Conversion {
            whole: true,
            ..Conversion::default()
        };
        let yaml = convert(&plain, &json.bytes, container("yaml"), how).unwrap();
        let again = Card::from_bytes(&yaml.bytes).unwrap();
        assert_eq!(
            (again.container.name, yaml.lost.len()),
            ("YAML", 0),
            "{name}"
        );
        assert_eq!(diff(&plain.card, &again.card), [], "{name}");
    }
}

#[test]
fn a_yaml_for_other_programs_says_what_it_cannot_hold() {
    let mut card = Card::new("Carina");
    for (path, value) in [
        ("description", json!("Sails.")),
        ("scenario", json!("A harbour.")),
        ("first_mes", json!("\"Ahoy.\"\n\nShe waves.")),
        ("nickname", json!("Cari")),
    ] {
        card.set(&path.parse().unwrap(), &value).unwrap();
    }
    let source = card.json().to_owned();
    let reading = Card::from_bytes(source.as_bytes()).unwrap();
    let yaml = convert(
        &reading,
        source.as_bytes(),
        Container::by_extension("yml").unwrap(),
        Conversion::default(),
    )
    .unwrap();
    insta::assert_snapshot!(String::from_utf8(yaml.bytes.clone()).unwrap(), @r#"
    name: Carina
    greeting: |-
      "Ahoy."

      She waves.
    context: |-
      Sails.
      Scenario: A harbour.
    "#);
    let lost: Vec<_> = yaml
        .lost
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        lost,
        ["text-generation-webui's YAML has no place for `nickname`"]
    );
    assert_eq!(Card::from_bytes(&yaml.bytes).unwrap().card.name(), "Carina");
}

/// EXIF data with one field in the table of the image, or in the one of the camera.
fn exif(comment: &[u8], kind: u16, in_image: bool, big: bool) -> Vec<u8> {
    let u16 = |n: u16| {
        if big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let u32 = |n: u32| {
        if big {
            n.to_be_bytes()
        } else {
            n.to_le_bytes()
        }
    };
    let mut out = if big {
        b"MM\0\x2a".to_vec()
    } else {
        b"II\x2a\0".to_vec()
    };
    out.extend(u32(8));
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&u16(tag)[..], &u16(kind), &u32(count), &u32(value)].concat()
    };
    let length = u32::try_from(comment.len()).unwrap();
    if !in_image {
        out.extend(u16(1));
        out.extend(entry(0x8769, 4, 1, 26));
        out.extend(u32(0));
    }
    out.extend(u16(1));
    let data = u32::try_from(out.len()).unwrap() + 16;
    out.extend(entry(0x9286, kind, length, data));
    out.extend(u32(0));
    out.extend_from_slice(comment);
    out
}

fn webp(exif: &[u8]) -> Vec<u8> {
    let mut body = b"WEBPVP8X\x0a\0\0\0\x08\0\0\0\0\0\0\0\0\0EXIF".to_vec();
    body.extend(u32::try_from(exif.len()).unwrap().to_le_bytes());
    body.extend_from_slice(exif);
    if exif.len() % 2 == 1 {
        body.push(0);
    }
    [
        &b"RIFF"[..],
        &u32::try_from(body.len()).unwrap().to_le_bytes(),
        &body,
    ]
    .concat()
}

fn jpeg(exif: &[u8]) -> Vec<u8> {
    let body = [b"Exif\0\0", exif].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [
        &b"\xff\xd8\xff\xe0\0\x04ab\xff\xe1"[..],
        &length,
        &body,
        b"\xff\xda\0\x02pixels\xff\xd9",
    ]
    .concat()
}

#[test]
fn cards_in_exif_data_are_read_in_every_spelling() {
    let v2 = Card::new("Carina").to_version(Version::V2).unwrap().0;
    let json = v2.json().as_bytes();
    let numbers: Vec<_> = json.iter().map(u8::to_string).collect();
    let code = |text: &[u8]| [b"ASCII\0\0\0", text].concat();
    let spellings = [
        ("JSON", code(json)),
        ("JSON without a code", json.to_vec()),
        ("JSON after a NUL", [&b"ASCII\0\0\0\0"[..], json].concat()),
        ("numbers", code(numbers.join(",").as_bytes())),
        ("base64", code(STANDARD.encode(json).as_bytes())),
        (
            "base64 with NULs behind",
            [STANDARD.encode(json).as_bytes(), b"\0\0"].concat(),
        ),
    ];
    for (what, comment) in &spellings {
        for (big, in_image, kind) in [
            (false, false, 7),
            (true, false, 7),
            (false, true, 7),
            (true, true, 2),
        ] {
            let exif = exif(comment, kind, in_image, big);
            let in_png = png(&[header(), chunk(b"eXIf", &exif), pixels(), end()]);
            for (container, bytes) in [
                ("WEBP", webp(&exif)),
                ("JPEG", jpeg(&exif)),
                ("PNG", in_png),
            ] {
                let reading = Card::from_bytes(&bytes)
                    .unwrap_or_else(|error| panic!("{what} {container} {big} {in_image}: {error}"));
                assert_eq!(
                    (reading.container.name, reading.card.json()),
                    (container, v2.json()),
                    "{what}"
                );
                assert!(
                    reading
                        .findings
                        .iter()
                        .any(|finding| finding.code == "exif-card")
                );
            }
        }
    }
    let backyard = std::fs::read(folder().join("backyard-v1.json")).unwrap();
    let bytes = webp(&exif(
        STANDARD.encode(&backyard).as_bytes(),
        7,
        false,
        false,
    ));
    assert_eq!(
        Card::from_bytes(&bytes).unwrap().card.description(),
        "{{char}} repairs clocks for {{user}}."
    );
}

#[test]
fn pictures_without_a_card_and_files_of_others_are_refused_by_name() {
    let bare = exif(b"ASCII\0\0\0taken at noon", 7, false, false);
    for (bytes, message) in [
        (
            webp(b""),
            "no card found: looked for a user comment in the EXIF data of the WEBP",
        ),
        (
            jpeg(b"junk"),
            "no card found: looked for a user comment in the EXIF data of the JPEG",
        ),
        (
            webp(&bare),
            "EXIF at byte 38: text is neither base64 nor JSON",
        ),
        (
            b"\x1f\x8b\x08\0".to_vec(),
            "this is a gzip file, as Perchance exports characters; that format is not read",
        ),
        (
            br#"{"gamestarted":true,"memory":"","actions":[]}"#.to_vec(),
            "this is a story of KoboldAI, not a character card",
        ),
        (
            br#"{"type":"risu","ver":1,"data":[]}"#.to_vec(),
            "this is a lorebook (RisuAI), not a character card",
        ),
        (b"name: [unclosed\n".to_vec(), "YAML is broken"),
        (
            b"a: &x [1]\nb: *x\n".to_vec(),
            "YAML is none of: V1, V2, V3",
        ),
    ] {
        let error = Card::from_bytes(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn a_card_that_risuai_encrypted_without_a_password_is_read() {
    // Made with RisuAI's scheme: AES-256-GCM, the key is the SHA-256 of `RISU_NONE`, the nonce twelve zeros.
    let stored = std::fs::read_to_string(folder().join("../encrypted.txt")).unwrap();
    let image = png(&[
        header(),
        super::png::text("ccv3", STANDARD.encode(stored.trim())),
        pixels(),
        end(),
    ]);
    let reading = Card::from_bytes(&image).unwrap();
    assert_eq!(reading.card.name(), "Carina");
    assert!(
        reading
            .findings
            .iter()
            .any(|finding| finding.code == "txt-encrypted")
    );
}
