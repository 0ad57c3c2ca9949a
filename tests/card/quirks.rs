//! Every known way in which a card in a PNG is odd: read with a finding, or refused by name.

use std::fmt::Write as _;

use cardwright::card::{Card, write_png};
use serde_json::{Value, json};

use super::png::{chunk, deflate, encode, end, header, pixels, png, text};

const V2: &str = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Carina","description":"d","personality":"","scenario":"","first_mes":"Hi","mes_example":"","creator_notes":"","system_prompt":"","post_history_instructions":"","alternate_greetings":[],"tags":[],"creator":"","character_version":"","extensions":{}}}"#;
const V1: &str = r#"{"name":"Carina","description":"d","personality":"","scenario":"","first_mes":"Hi","mes_example":""}"#;

fn v3() -> String {
    Card::from_json(V2)
        .unwrap()
        .to_version(cardwright::card::Version::V3)
        .unwrap()
        .0
        .json()
        .to_owned()
}

/// A card with one field of `data` changed.
fn with(path: &str, value: Value) -> String {
    let mut card = Card::from_json(V2).unwrap();
    card.set(&path.parse().unwrap(), &value).unwrap();
    card.json().to_owned()
}

fn without(path: &str) -> String {
    let mut card = Card::from_json(V2).unwrap();
    card.unset(&path.parse().unwrap()).unwrap();
    card.json().to_owned()
}

/// A PNG with these chunks between header and pixels.
fn front(chunks: &[Vec<u8>]) -> Vec<u8> {
    png(&[&[header()], chunks, &[pixels(), end()]].concat())
}

fn chara(stored: impl AsRef<[u8]>) -> Vec<u8> {
    front(&[text("chara", stored)])
}

/// A PNG with this JSON in `chara`.
fn of(json: &str) -> Vec<u8> {
    chara(encode(json))
}

fn bytes_of(json: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    chara(base64::engine::general_purpose::STANDARD.encode(json))
}

fn book(entry: Value) -> Vec<u8> {
    of(&with(
        "character_book",
        json!({"extensions":{},"entries":[entry]}),
    ))
}

#[allow(clippy::too_many_lines)]
fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let entry = |extra: Value| {
        let mut entry = json!({"keys":["sea"],"content":"blue","extensions":{},"enabled":true,"insertion_order":1});
        entry
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        entry
    };
    let b64 = encode(V2);
    let itxt =
        |flag: u8, body: &[u8]| chunk(b"iTXt", &[&b"chara\0"[..], &[flag, 0, 0, 0], body].concat());
    let bad_crc = {
        let mut bad = text("chara", &b64);
        *bad.last_mut().unwrap() ^= 1;
        bad
    };
    let utf16: Vec<u8> = V2.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cut = {
        let whole = of(V2);
        whole[..90].to_vec()
    };
    let depth = format!("{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        ("plain V2", of(V2)),
        ("V1", of(V1)),
        ("ccv3 only", front(&[text("ccv3", encode(&v3()))])),
        (
            "chara and ccv3",
            front(&[text("chara", &b64), text("ccv3", encode(&v3()))]),
        ),
        (
            "ccv3 before chara",
            front(&[text("ccv3", encode(&v3())), text("chara", &b64)]),
        ),
        (
            "card after the pixels",
            png(&[header(), pixels(), text("chara", &b64), end()]),
        ),
        (
            "other text first",
            front(&[text("Comment", "x"), text("chara", &b64)]),
        ),
        (
            "APNG",
            png(&[
                header(),
                chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0]),
                text("chara", &b64),
                pixels(),
                end(),
            ]),
        ),
        (
            "16-bit pixels",
            png(&[
                chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 16, 0, 0, 0, 0]),
                text("chara", &b64),
                pixels(),
                end(),
            ]),
        ),
        ("keyword `Chara`", front(&[text("Chara", &b64)])),
        ("keyword `CHARA`", front(&[text("CHARA", &b64)])),
        (
            "zTXt",
            front(&[chunk(
                b"zTXt",
                &[b"chara\0\0", &deflate(b64.as_bytes())[..]].concat(),
            )]),
        ),
        ("iTXt", front(&[itxt(0, b64.as_bytes())])),
        (
            "compressed iTXt",
            front(&[itxt(1, &deflate(b64.as_bytes()))]),
        ),
        ("wrong checksum", front(&[bad_crc])),
        (
            "card after the end",
            png(&[header(), pixels(), end(), text("chara", &b64)]),
        ),
        (
            "bytes after the end",
            [of(V2), b"\0\0tail".to_vec()].concat(),
        ),
        (
            "no end chunk",
            png(&[header(), text("chara", &b64), pixels()]),
        ),
        ("file ends inside the card", cut),
        (
            "no NUL after the keyword",
            front(&[chunk(b"tEXt", format!("chara{b64}").as_bytes())]),
        ),
        ("no NUL and no text", front(&[chunk(b"tEXt", b"chara????")])),
        (
            "NUL in another text",
            front(&[text("Comment", "a\0b"), text("chara", &b64)]),
        ),
        (
            "two `chara`",
            front(&[text("chara", &b64), text("chara", encode(V1))]),
        ),
        (
            "empty `chara`, then a good one",
            front(&[text("chara", ""), text("chara", &b64)]),
        ),
        (
            "bad `ccv3`, good `chara`",
            front(&[text("chara", &b64), text("ccv3", "!!!")]),
        ),
        (
            "`chara` and `ccv3` disagree",
            front(&[
                text("chara", encode(&with("name", json!("Other")))),
                text("ccv3", encode(&v3())),
            ]),
        ),
        ("V3 in `chara`", of(&v3())),
        ("raw JSON", chara(V2)),
        ("double base64", chara(encode(&b64))),
        (
            "URL-safe base64",
            chara(
                encode(&with("name", json!("Carina \u{fe}\u{3ff}\u{fff}?>~")))
                    .replace('+', "-")
                    .replace('/', "_"),
            ),
        ),
        (
            "base64 without padding",
            chara(encode(&format!("{V2} ")).trim_end_matches('=')),
        ),
        (
            "line breaks in base64",
            chara(
                b64.as_bytes()
                    .chunks(76)
                    .map(|l| std::str::from_utf8(l).unwrap())
                    .collect::<Vec<_>>()
                    .join("\r\n"),
            ),
        ),
        ("blank before base64", chara(format!(" {b64}"))),
        (
            "scrambled by RisuAI without a password",
            chara(include_str!("../fixtures/cards/encrypted.txt").trim()),
        ),
        (
            "encrypted by RisuAI",
            chara("rcc||rccv1||AAAA||00||eyJ1c2VQYXNzd29yZCI6dHJ1ZX0="),
        ),
        (
            "byte order mark",
            bytes_of(&[b"\xef\xbb\xbf", V2.as_bytes()].concat()),
        ),
        ("UTF-16", bytes_of(&utf16)),
        (
            "mojibake",
            of(&with("description", json!("Caf\u{c3}\u{a9}"))),
        ),
        (
            "invalid UTF-8",
            bytes_of(
                &V2.replace("\"d\"", "\"\u{1}\"")
                    .bytes()
                    .map(|b| if b == 1 { 0xff } else { b })
                    .collect::<Vec<_>>(),
            ),
        ),
        (
            "trailing comma",
            of(&V2
                .replace("\"d\",", "\"d\",/* note */")
                .replace("{}}}", "{},}}")),
        ),
        (
            "raw line break in a string",
            of(&V2.replace("\"d\"", "\"d\ne\"")),
        ),
        (
            "NaN",
            of(&V2.replace("\"extensions\":{}", "\"extensions\":{\"x\":NaN}")),
        ),
        ("lone surrogate", of(&V2.replace("\"d\"", "\"\\ud83d\""))),
        ("JSON in a JSON string", of(&Value::from(V2).to_string())),
        (
            "duplicate keys",
            of(&V2.replace(
                "\"description\":\"d\"",
                "\"description\":\"c\",\"description\":\"d\"",
            )),
        ),
        (
            "padded keys",
            of(&V2
                .replace("\"data\"", "\" data \"")
                .replace("\"name\"", "\"name \"")),
        ),
        (
            "zTXt bomb",
            front(&[chunk(
                b"zTXt",
                &[b"chara\0\0", &deflate(&vec![b'A'; 65 << 20])[..]].concat(),
            )]),
        ),
        (
            "nested 200 deep",
            of(&V2.replace(
                "\"extensions\":{}",
                &format!("\"extensions\":{{\"x\":{depth}}}"),
            )),
        ),
        ("`data` without `spec`", of(&without("$.spec"))),
        ("foreign `spec`", of(&with("$.spec", json!("tavern_ai")))),
        (
            "greetings as a text",
            of(&with("alternate_greetings", json!("Hi"))),
        ),
        ("tags null", of(&with("tags", json!(null)))),
        (
            "version as a number",
            of(&with("$.spec_version", json!(2.0))),
        ),
        ("required field missing", of(&without("creator_notes"))),
        ("empty name", of(&with("name", json!("")))),
        ("lorebook null", of(&with("character_book", json!(null)))),
        (
            "entries as an object",
            of(&with(
                "character_book",
                json!({"extensions":{},"entries":{"0":entry(json!({}))}}),
            )),
        ),
        (
            "lorebook without extensions",
            of(&with("character_book", json!({"entries":[]}))),
        ),
        (
            "entry with fields of a program",
            book(entry(json!({"probability":50}))),
        ),
        ("entry position 4", book(entry(json!({"position":4})))),
        (
            "depth as an empty text",
            of(&with("extensions.depth_prompt.depth", json!(""))),
        ),
        (
            "talkativeness as a text",
            of(&with("extensions.talkativeness", json!("0.5"))),
        ),
        ("root copies disagree", of(&with("$.name", json!("Other")))),
        ("nested json_data", of(&with("$.json_data", json!("{}")))),
        (
            "version `undefined`",
            of(&with("character_version", json!("undefined"))),
        ),
        (
            "date in milliseconds",
            of(&with("creation_date", json!(1_683_927_149_228_i64))),
        ),
        (
            "date as a text",
            of(&with(
                "modification_date",
                json!("2023-5-12 @21h 32m 29s 228ms"),
            )),
        ),
        ("no card", front(&[text("Comment", "x")])),
        ("a lorebook", of(r#"{"entries":{"0":{"key":["a"]}}}"#)),
        ("other JSON", of(r#"{"a":1}"#)),
        ("no JSON", of("not a card")),
    ]
}

#[test]
fn every_quirk_is_read_with_a_finding_or_refused_by_name() {
    let mut table = String::new();
    let mut read = 0;
    for (class, bytes) in cases() {
        match Card::from_bytes(&bytes) {
            Ok(reading) => {
                read += 1;
                let codes: Vec<_> = reading
                    .findings
                    .iter()
                    .map(|finding| finding.code)
                    .collect();
                let _ = writeln!(table, "{class:<32} read     {}", codes.join(" "));
                let wanted = if class == "empty name" { "" } else { "Carina" };
                assert!(reading.card.name().starts_with(wanted), "{class}");
                // What is written from it is read without a word about how it is stored.
                let whole = png(&[header(), pixels(), end()]);
                let written = write_png(&whole, &reading.card).unwrap();
                let again = Card::from_bytes(&written).unwrap();
                assert_eq!(again.card.name(), reading.card.name(), "{class}");
                let storage: Vec<_> = again
                    .findings
                    .iter()
                    .map(|finding| finding.code)
                    .filter(|code| {
                        code.starts_with("png-")
                            || code.starts_with("txt-b")
                            || code.starts_with("field-m")
                    })
                    .collect();
                assert!(storage.is_empty(), "{class}: {storage:?}");
            }
            Err(error) => {
                let _ = writeln!(table, "{class:<32} refused  {error}");
            }
        }
    }
    println!("{table}");
    assert!(
        cases().len() >= 49 && read >= 45,
        "{read} of {}",
        cases().len()
    );
    insta::assert_snapshot!(table);
}
