//! Portraits: the same everywhere, and small.
#![cfg(feature = "portrait")]

use std::collections::HashSet;

use cardwright::generate::portrait::{Size, Subject, draw};
use sha2::{Digest as _, Sha256};

#[cfg(feature = "cli")]
mod command;

/// Who shows most of what is drawn: name and persona.
const PEOPLE: [(&str, &str); 6] = [
    (
        "Carina",
        "She was an android with silver hair who lived on the moon.",
    ),
    ("Sol", "An AI assistant, friendly and disembodied."),
    (
        "Mika",
        "She was a cat-like adventurer with green eyes, in the forest, with a scarf.",
    ),
    (
        "Aurelian",
        "He was a courteous vampire with slicked back hair in an old castle.",
    ),
    ("Rex", "A cheerful robot in a workshop."),
    ("Wilhelmine Kessler", ""),
];

/// Width, height and RGB pixels.
fn decode(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    (info.width, info.height, pixels)
}

#[test]
fn a_portrait_is_the_same_on_every_machine() {
    let mut lines = String::new();
    for (name, text) in PEOPLE {
        for size in [Size::Portrait, Size::Square] {
            let png = draw(&Subject { name, text }, 1, size).unwrap();
            assert!(png.len() < 150_000, "{name}: {} bytes", png.len());
            let (width, height, pixels) = decode(&png);
            assert_eq!((width, height), size.pixels());
            let hash = Sha256::digest(&pixels);
            let short: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push_str(&format!("{name} {width}x{height} {short}\n"));
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn another_seed_draws_another_picture() {
    let subject = Subject {
        name: "Carina",
        text: "",
    };
    let pictures: HashSet<Vec<u8>> = (0..8)
        .map(|seed| draw(&subject, seed, Size::Square).unwrap())
        .collect();
    assert_eq!(pictures.len(), 8);
}

#[test]
fn hostile_names_and_texts_are_drawn_too() {
    let long = "hair ".repeat(10_000);
    for (name, text) in [
        ("", ""),
        ("\u{0}\u{202e}\u{1f98a}", "\u{feff}"),
        ("A", &long),
    ] {
        draw(&Subject { name, text }, u64::MAX, Size::Square).unwrap();
    }
}
