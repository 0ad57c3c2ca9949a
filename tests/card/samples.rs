//! Every card in the repository, in whatever container: what is not edited comes back, and an edit changes its own path.

use std::path::{Path, PathBuf};

use cardwright::card::{Card, assets, diff, picture, same_picture};
use serde_json::json;

/// The cards of `cards/` and of the fixtures.
fn all() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        "cards",
        "tests/fixtures/cards/foreign",
        "tests/fixtures/interop",
    ];
    let mut found = Vec::new();
    for entry in folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
    {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "md") {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    assert!(found.len() > 15);
    found
}

#[test]
fn there_is_a_sample_of_every_container_that_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cards");
    let containers: std::collections::BTreeSet<_> = all()
        .iter()
        .filter(|(path, _)| path.starts_with(&folder))
        .map(|(path, bytes)| (Card::from_bytes(bytes).unwrap().container.name, path))
        .map(|(name, path)| {
            let extension = path.extension().unwrap().to_str().unwrap();
            format!("{name} .{extension}")
        })
        .collect();
    let expected = [
        "BYAF .byaf",
        "CHARX .charx",
        "JSON .json",
        "PNG .png",
        "YAML .yaml",
    ];
    assert!(containers.iter().eq(expected.iter()), "{containers:?}");
}

#[test]
fn what_is_not_edited_comes_back_byte_for_byte() {
    for (path, bytes) in all() {
        let reading = Card::from_bytes(&bytes).unwrap();
        let written = (reading.container.write.unwrap())(&reading.card, Some(&bytes)).unwrap();
        // A byte order mark is a fault, which writing mends.
        let expected = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        assert!(written == expected, "{}", path.display());
    }
}

#[test]
fn an_edit_changes_its_path_and_nothing_else() {
    for (path, bytes) in all() {
        let reading = Card::from_bytes(&bytes).unwrap();
        let write = reading.container.write.unwrap();
        for field in ["name", "first_mes"] {
            // Its persona is laid out anew from attributes, with the name in it.
            if path.ends_with("agnai-wpp.json") && field == "name" {
                continue;
            }
            let mut edited = reading.card.clone();
            edited
                .set(&field.parse().unwrap(), &json!("Another {{user}}."))
                .unwrap();
            let written = write(&edited, Some(&bytes)).unwrap();
            let again = Card::from_bytes(&written).unwrap();
            let paths: Vec<_> = diff(&reading.card, &again.card)
                .into_iter()
                .map(|difference| difference.path)
                .collect();
            assert_eq!(paths, [field], "{}", path.display());
            assert_eq!(
                assets(&reading, &bytes).unwrap(),
                assets(&again, &written).unwrap(),
                "{}",
                path.display()
            );
            assert_eq!(
                picture(&reading, &bytes).is_ok(),
                picture(&again, &written).is_ok()
            );
            assert_ne!(
                same_picture(&bytes, &written),
                Some(false),
                "{}",
                path.display()
            );
            // And back again: what the text of the card does not decide is as it was.
            let back = write(&reading.card, Some(&written)).unwrap();
            assert_eq!(
                Card::from_bytes(&back).unwrap().card,
                reading.card,
                "{}",
                path.display()
            );
            if matches!(reading.container.name, "PNG" | "CHARX") {
                assert!(back == bytes, "{}", path.display());
            }
        }
    }
}
