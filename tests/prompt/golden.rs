//! Files written by hand from the formats' definitions: the bytes that rendering must give.

use std::fs;
use std::path::Path;

use cardwright::prompt::{Format, Role};

use super::museum;

/// Renders the museum conversation for every golden file and compares bytes. The file's name says which format
/// (`limarp-v1`) and which end (`open` or `finished`).
#[test]
fn every_golden_file_is_rendered_byte_for_byte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt/golden");
    let mut table = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (name, end) = stem.split_once('.').unwrap();
        let format = Format::named(name).unwrap();
        let conversation = museum((end == "open").then_some(Role::Char));
        let golden = fs::read_to_string(&path).unwrap();
        assert_eq!(format.render(&conversation).unwrap(), golden, "{stem}");
        let parsed = format.parse(&golden);
        assert_eq!(
            parsed.conversation.unwrap(),
            format.carried(&conversation),
            "{stem}"
        );
        assert!(parsed.edits.is_empty(), "{stem}: {:?}", parsed.findings);
        table.push(stem);
    }
    table.sort();
    println!("{} golden files: {}", table.len(), table.join(", "));
    assert!(!table.is_empty());
}

/// Formats with the same tags are told apart by what else is wrong with the text; where nothing is, the first is right.
#[test]
fn golden_files_are_recognized() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prompt/golden");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let detected = Format::detect(&fs::read_to_string(&path).unwrap()).unwrap();
        if stem.split_once('.').unwrap().0 != detected.name() {
            wrong.push(format!("{stem} as {}", detected.name()));
        }
    }
    wrong.sort();
    insta::assert_snapshot!(wrong.join("\n"));
}
