//! `scan` and `search`: folders of cards, what changed in them, what is in them twice.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use cardwright::card::collection::{Collection, Likeness, Scan, Search};
use cardwright::card::{Card, write_png};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::png::{chunk, deflate, end, header, pixels, png};

/// Runs the command in `folder` with an index of its own.
fn run(folder: &Path, index: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("CARDWRIGHT_INDEX", index)
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn card(name: &str, description: &str, tags: &[&str]) -> Card {
    let mut card = Card::new(name);
    for (path, value) in [
        ("description", json!(description)),
        ("tags", json!(tags)),
        ("creator", json!("Anna Lee")),
    ] {
        card.set(&path.parse().unwrap(), &value).unwrap();
    }
    card
}

const KEEPER: &str = "She keeps the lamp of a lighthouse at the end of the northern road, where the sea is loud in winter \
    and the mail comes once a month. She has read every book in the house at least twice and writes letters to people \
    she has never met.";

/// Cards as they lie around: doubles, near doubles, other containers, files that are no cards.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let image = png(&[header(), pixels(), end()]);
    let other = png(&[header(), chunk(b"IDAT", &deflate(&[0, 7])), end()]);
    let keeper = card("Carina", KEEPER, &["Sea", "android"]);
    let near = card("Carina", &KEEPER.replace("northern", "southern"), &["sea"]);
    let baker = card(
        "Oswin",
        "He bakes bread and hums. \u{706f}\u{53f0}\u{306e}\u{4e0b}",
        &["bakery"],
    );
    fs::create_dir_all(root.join("b/deep")).unwrap();
    fs::create_dir(root.join(".hidden")).unwrap();
    let put = |path: &str, bytes: &[u8]| fs::write(root.join(path), bytes).unwrap();
    put("a.png", &write_png(&image, &keeper).unwrap());
    put("b/copy of a.png", &write_png(&image, &keeper).unwrap());
    put(
        "b/a in another picture.png",
        &write_png(&other, &keeper).unwrap(),
    );
    put("b/deep/near.json", near.json().as_bytes());
    put("c.json", baker.json().as_bytes());
    put(".hidden/d.json", baker.json().as_bytes());
    put("picture.png", &image);
    put("broken.json", b"{\"name\":");
    put("notes.txt", b"no card");
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.join("c.json"), root.join("link.json")).unwrap();
    folder
}

fn without_time(text: &str) -> String {
    let mut words: Vec<_> = text.split(' ').collect();
    if let Some(at) = words
        .iter()
        .position(|word| *word == "s" || *word == "s\n" || *word == "s,")
    {
        words[at - 1] = "N";
    }
    words.join(" ")
}

#[test]
fn a_folder_is_listed_with_what_could_not_be_read() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let index = place.path().join("new/cards.sqlite");
    let (code, out, err) = run(folder.path(), &index, &["scan", "."]);
    assert_eq!(code, 0, "{err}");
    insta::assert_snapshot!(format!("{out}--\n{}", without_time(&err)));
    let (_, out, _) = run(folder.path(), &index, &["scan", ".", "--format", "csv"]);
    insta::assert_snapshot!(out.replace("\r\n", "\n"));
    let (code, out, _) = run(
        folder.path(),
        &index,
        &["scan", ".", "--format", "jsonl", "--check"],
    );
    assert_eq!(code, 0);
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 7);
    let carina = &rows[0];
    assert_eq!(
        (&carina["file"], &carina["name"]),
        (&json!("a.png"), &json!("Carina"))
    );
    let codes: Vec<_> = carina["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["code"])
        .collect();
    assert!(codes.contains(&&json!("greeting-missing")), "{codes:?}");
    let lost = rows.iter().filter(|row| row["error"].is_string()).count();
    assert_eq!(lost, 2);
    assert_eq!(run(folder.path(), &index, &["scan", "missing"]).0, 2);
    assert_eq!(run(folder.path(), &index, &["scan", "a.png"]).0, 2);
}

#[test]
fn doubles_are_told_from_near_doubles() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let index = place.path().join("cards.sqlite");
    let (code, out, _) = run(folder.path(), &index, &["scan", ".", "--duplicates"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r"
    Carina  the same text
      a.png
      b/a in another picture.png
      b/copy of a.png

    Carina  92 % of the text
      a.png
      b/a in another picture.png
      b/copy of a.png
      b/deep/near.json
    ");
    fs::remove_file(folder.path().join("b/a in another picture.png")).unwrap();
    let (_, out, err) = run(
        folder.path(),
        &index,
        &[
            "scan",
            ".",
            "--duplicates",
            "--alike",
            "99",
            "--format",
            "jsonl",
        ],
    );
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            json!({"alike": "file", "percent": 100.0, "name": "Carina", "files": ["a.png", "b/copy of a.png"]})
        ]
    );
    assert!(err.ends_with(", 6 had not changed, 1 gone\n"), "{err}");
}

#[test]
fn only_what_changed_is_read_again() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let mut cards = Collection::open(&place.path().join("cards.sqlite")).unwrap();
    let mut scan = |options: Scan| cards.scan(folder.path(), &options, &mut |_| {}).unwrap();
    let first = scan(Scan::default());
    assert_eq!((first.cards, first.unreadable, first.read), (5, 2, 7));
    assert_eq!(scan(Scan::default()).read, 0);
    let check = Scan {
        check: true,
        ..Scan::default()
    };
    // Findings are asked for the first time; files without a card have none.
    assert_eq!(scan(check).read, 5);
    assert_eq!(scan(check).read, 0);
    fs::write(
        folder.path().join("c.json"),
        card("Oswin", "He left.", &[]).json(),
    )
    .unwrap();
    fs::remove_file(folder.path().join("broken.json")).unwrap();
    let changed = scan(check);
    assert_eq!(
        (
            changed.cards,
            changed.unreadable,
            changed.read,
            changed.gone
        ),
        (5, 1, 1, 1)
    );
    let found = |cards: &Collection, words: &str| cards.search(&Search::new(words)).unwrap().len();
    assert_eq!((found(&cards, "bread"), found(&cards, "left")), (0, 1));
    // The same card in another place is known already, and one file of it may go.
    assert_eq!(cards.len().unwrap(), 3);
    fs::remove_file(folder.path().join("a.png")).unwrap();
    cards
        .scan(folder.path(), &Scan::default(), &mut |_| {})
        .unwrap();
    assert_eq!(found(&cards, "\"northern road\""), 1);
    cards
        .forget(&fs::canonicalize(folder.path()).unwrap())
        .unwrap();
    assert!(cards.is_empty().unwrap() && cards.folders().unwrap().is_empty());
}

#[test]
fn cards_are_found_by_word_tag_and_creator() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let index = place.path().join("cards.sqlite");
    let (code, _, err) = run(folder.path(), &index, &["search", "lamp"]);
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "no cards are known yet; `cardwright scan DIR` reads a folder of them\n"
        )
    );
    assert_eq!(run(folder.path(), &index, &["scan", "."]).0, 0);
    let root = fs::canonicalize(folder.path()).unwrap();
    let search = |arguments: &[&str]| {
        let (code, out, err) = run(folder.path(), &index, &[&["search"], arguments].concat());
        (code, out.replace(root.to_str().unwrap(), "DIR"), err)
    };
    let (code, out, _) = search(&["letters -southern"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(out, @r"
    Carina  by Anna Lee  Sea, android
      DIR/a.png
      DIR/b/a in another picture.png
      DIR/b/copy of a.png
        description: ...in the house at least twice and writes letters to people she
        has never met.
    ");
    let names = |arguments: &[&str]| -> Vec<String> {
        let (_, out, _) = search(&[arguments, &["--json"]].concat());
        out.lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["name"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(names(&["--tag", "SEA"]).len(), 2);
    assert_eq!(names(&["--tag", "sea", "--tag", "Android"]), ["Carina"]);
    assert_eq!(
        names(&["bread", "OR", "southern", "--creator", "anna lee"]).len(),
        2
    );
    assert_eq!(names(&["--creator", "bob"]).len(), 0);
    assert_eq!(names(&["\u{706f}\u{53f0}"]), ["Oswin"]);
    assert_eq!(names(&["name:osw*"]), ["Oswin"]);
    assert_eq!(names(&["lamp", "--in", "b/deep"]).len(), 1);
    let (code, out, err) = search(&["zeppelin"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (1, "", "nothing found\n")
    );
    assert_eq!(search(&["\"\""]).0, 2);
    fs::write(root.join("e.json"), card("Zeta", "A zeppelin.", &[]).json()).unwrap();
    assert_eq!(search(&["zeppelin", "--refresh"]).0, 0);
}

#[test]
fn another_database_is_left_alone() {
    let (folder, place) = (folder(), tempfile::tempdir().unwrap());
    let index = place.path().join("mine.sqlite");
    let mine = rusqlite::Connection::open(&index).unwrap();
    mine.execute_batch("CREATE TABLE mine(x); INSERT INTO mine VALUES (1)")
        .unwrap();
    drop(mine);
    let (code, _, err) = run(folder.path(), &index, &["scan", "."]);
    assert_eq!(code, 2);
    assert!(err.contains("this database is no index of cards"), "{err}");
    let mine = rusqlite::Connection::open(&index).unwrap();
    assert_eq!(
        mine.query_row("SELECT x FROM mine", [], |row| row.get::<_, i64>(0))
            .unwrap(),
        1
    );
    drop(mine);
    fs::write(
        &index,
        "this is no database at all, and long enough that SQLite looks at it".repeat(40),
    )
    .unwrap();
    let (code, _, err) = run(folder.path(), &index, &["search", "lamp"]);
    assert_eq!(code, 2);
    assert!(err.contains("delete the file"), "{err}");
    // An index of an older program is begun anew.
    let old = place.path().join("old.sqlite");
    assert_eq!(run(folder.path(), &old, &["scan", "."]).0, 0);
    let changed = rusqlite::Connection::open(&old).unwrap();
    changed
        .execute_batch("PRAGMA user_version = 0; ALTER TABLE file DROP COLUMN container")
        .unwrap();
    drop(changed);
    // Its tables are never asked, and what was scanned once is known.
    let (code, out, err) = run(folder.path(), &old, &["search", "bread"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("`--refresh`"), "{err}");
    let (code, out, err) = run(folder.path(), &old, &["search", "bread", "--refresh"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Oswin"), "{out}");
}

#[test]
fn pictures_are_compared_by_their_checksums() {
    let folder = folder();
    let mut cards = Collection::temporary().unwrap();
    cards
        .scan(folder.path(), &Scan::default(), &mut |_| {})
        .unwrap();
    let groups = cards.duplicates(&folder.path().join("b"), 0.7).unwrap();
    assert_eq!(groups[0].likeness, Likeness::Text);
    assert_eq!(groups[0].files.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_typed_is_a_query(words in "[ -~\u{e4}\u{706f}\"*:()^-]{0,24}") {
        thread_local! {
            static CARDS: (tempfile::TempDir, Collection) = {
                let (folder, mut cards) = (folder(), Collection::temporary().unwrap());
                cards.scan(folder.path(), &Scan::default(), &mut |_| {}).unwrap();
                (folder, cards)
            };
        }
        CARDS.with(|(_, cards)| {
            if let Err(error) = cards.search(&Search::new(&*words)) {
                prop_assert_eq!(error.kind(), cardwright::Kind::Usage, "{}", error);
            }
            Ok(())
        })?;
    }
}
