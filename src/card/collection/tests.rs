//! Searches in more cards than are ranked, beside plain queries that take their time.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::params;
use serde_json::json;

use super::index::COLUMNS;
use super::rows::bytes_of;
use super::summary::Summary;
use super::words::{self, query};
use super::{Collection, Hit, Search, scan};
use crate::card::Card;

/// More than twice as many as are ranked, so that half of them are still too many.
const CARDS: usize = 9_000;

fn name(number: usize) -> String {
    // Names in another order than the cards.
    let number = number * 7_919 % CARDS;
    if number.is_multiple_of(50) {
        format!("Quinta {number:04}")
    } else {
        format!("Someone {number:04}")
    }
}

fn tags(number: usize) -> Vec<&'static str> {
    let parity = ["even", "odd"][number % 2];
    let mut tags = vec!["Everybody", parity];
    if number.is_multiple_of(600) {
        tags.push("seldom");
    }
    tags
}

fn description(number: usize) -> String {
    let mut text = "A lighthouse stands quietly above the quay".to_owned();
    if number.is_multiple_of(2) {
        text.push_str(", and half of the quartz is gone");
    }
    if number.is_multiple_of(300) {
        text.push_str(&" and zeppelins".repeat(1 + number % 7));
    }
    text
}

fn add(cards: &Collection, root: &Path, number: usize, card: &Card) {
    let id = scan::card(&cards.index, &Summary::of(card)).unwrap();
    let folder = if number.is_multiple_of(900) {
        "few"
    } else {
        "many"
    };
    let path = root.join(folder).join(number.to_string());
    cards
        .index
        .execute(
            "INSERT INTO file(path, size, modified, card) VALUES (?1, 0, 0, ?2)",
            params![bytes_of(&path), id],
        )
        .unwrap();
}

fn many(root: &Path) -> Collection {
    let cards = Collection::temporary().unwrap();
    cards.index.execute_batch("BEGIN").unwrap();
    for number in 0..CARDS {
        let mut card = Card::new(&name(number));
        for (field, value) in [
            ("description", json!(description(number))),
            ("tags", json!(tags(number))),
            ("creator", json!(format!("Maker {}", number % 3))),
        ] {
            card.set(&field.parse().unwrap(), &value).unwrap();
        }
        add(&cards, root, number, &card);
    }
    cards.index.execute_batch("COMMIT").unwrap();
    cards
}

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| &*hit.card.name).collect()
}

/// The names of the cards that `is_wanted`, in their order.
fn sorted(is_wanted: impl Fn(usize) -> bool) -> Vec<String> {
    let mut names: Vec<_> = (0..CARDS).filter(|n| is_wanted(*n)).map(name).collect();
    names.sort();
    names
}

#[test]
fn searches_among_many_cards_find_what_a_plain_look_at_all_of_them_finds() {
    let cards = many(Path::new("nowhere"));
    let all = |search: &Search| {
        let whole = Search {
            limit: usize::MAX,
            ..search.clone()
        };
        let (few, whole) = (cards.search(search).unwrap(), cards.search(&whole).unwrap());
        // A limit cuts the list, and changes nothing else about it.
        assert_eq!(few, whole[..search.limit.min(whole.len())], "{search:?}");
        whole
    };
    let tagged = |tags: &[&str]| Search {
        tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
        ..Search::default()
    };

    // Without words: by name, whatever the number of cards under a condition.
    assert_eq!(names(&all(&Search::default())), sorted(|_| true));
    assert_eq!(names(&all(&tagged(&["everybody"]))), sorted(|_| true));
    assert_eq!(
        names(&all(&tagged(&["ODD", "everybody"]))),
        sorted(|n| n % 2 == 1)
    );
    assert_eq!(
        names(&all(&tagged(&["seldom", "everybody"]))),
        sorted(|n| n % 600 == 0)
    );
    assert!(all(&tagged(&["odd", "even"])).is_empty());
    let mut made = tagged(&["even"]);
    made.creator = Some("maker 1".into());
    assert_eq!(names(&all(&made)), sorted(|n| n % 2 == 0 && n % 3 == 1));

    // With words that few have: as FTS5 ranks them.
    let ranked = |query: &str| -> Vec<String> {
        let mut plain = cards
            .index
            .prepare(
                "SELECT card.name FROM words JOIN card ON card.id = words.rowid WHERE words MATCH ?1
                 ORDER BY bm25(words, 2.0, 20.0, 8.0, 10.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 2.0, 1.0, 0.0), words.rowid",
            )
            .unwrap();
        let rows = plain.query_map([query], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let zeppelins = all(&Search::new("zeppelins"));
    assert_eq!(zeppelins.len(), 30);
    assert_eq!(names(&zeppelins), ranked("zeppelins"));
    let scores: Vec<f64> = zeppelins.iter().map(|hit| hit.score).collect();
    assert!(
        scores.is_sorted_by(|a, b| a >= b) && scores[0] > scores[29],
        "{scores:?}"
    );
    assert_eq!(names(&all(&Search::new("zepp*"))).len(), 30);
    assert_eq!(all(&Search::new("quay -zeppelins")).len(), 8_970);

    // With words that too many have: those with the word in the name first, then all others, nobody twice.
    for (words, first) in [
        ("qu*", "qu*"),
        ("quinta OR quay", "quinta"),
        ("quin* OR quay", "quinta"),
    ] {
        let found = all(&Search::new(words));
        let unique: BTreeSet<_> = names(&found).into_iter().collect();
        assert_eq!((found.len(), unique.len()), (CARDS, CARDS), "{words}");
        let (named, others) = found.split_at(CARDS / 50);
        assert!(
            named.iter().all(|hit| hit.card.name.starts_with("Quinta")),
            "{words}"
        );
        assert!(
            named.iter().all(|hit| hit.score > 0.0) && others.iter().all(|hit| hit.score == 0.0)
        );
        assert!(all(&Search::new(first)).len() >= named.len(), "{first}");
    }

    // What is limited to the fields of names and tags, alone and beside words of all fields, of few cards and of many.
    let quinta = |n: usize| name(n).starts_with("Quinta");
    for (words, is_wanted) in [
        ("name:quin*", quinta as fn(usize) -> bool),
        ("name:someone", |n| !name(n).starts_with("Quinta")),
        ("name:some* half", |n| {
            !name(n).starts_with("Quinta") && n % 2 == 0
        }),
        ("name:quin* OR creator:1 -tags:sel*", |n| {
            (name(n).starts_with("Quinta") || n % 3 == 1) && n % 600 != 0
        }),
        ("name:quin* -half", |n| {
            name(n).starts_with("Quinta") && n % 2 == 1
        }),
        ("creator:mak* -half", |n| n % 2 == 1),
        ("quay -tags:od*", |n| n % 2 == 0),
        ("quay -description:ha*", |n| n % 2 == 1),
        ("description:hal* -quink*", |n| n % 2 == 0),
        ("description:qui* -half -quinquennial", |n| n % 2 == 1),
        ("name:quin* OR description:hal*", |n| {
            name(n).starts_with("Quinta") || n % 2 == 0
        }),
        ("name:quin* -description:half -lanterns", |n| {
            name(n).starts_with("Quinta") && n % 2 == 1
        }),
        ("tags:even zeppelins", |n| n % 300 == 0),
        ("tags:even OR name:quin* tags:odd", |n| {
            name(n).starts_with("Quinta") && n % 2 == 1
        }),
        ("name:quin* description:half", |n| {
            name(n).starts_with("Quinta") && n % 2 == 0
        }),
        ("tags:even tags:odd", |_| false),
        ("\"quietly above\" name:quinta OR notes:nothing", |n| {
            name(n).starts_with("Quinta")
        }),
    ] {
        for folded in [&[][..], &["everybody"], &["odd"], &["seldom"]] {
            let found = all(&Search {
                words: words.into(),
                ..tagged(folded)
            });
            let mut found = names(&found);
            found.sort_unstable();
            let has = |n: usize| {
                let lower = tags(n).join(" ").to_lowercase();
                folded.iter().all(|tag| lower.contains(tag))
            };
            let wanted = sorted(|n| is_wanted(n) && has(n));
            assert!(
                found == wanted,
                "{words} {folded:?}: {}, not {}",
                found.len(),
                wanted.len()
            );
        }
    }

    // What both tables of words were asked for, both score.
    let both = all(&Search::new("tags:seldom zeppelins"));
    assert_eq!(both.len(), 15);
    let alone = [
        all(&Search::new("tags:seldom")),
        all(&Search::new("zeppelins")),
    ];
    let score = |hits: &[Hit], hit: &Hit| {
        let same = hits.iter().find(|other| other.files == hit.files).unwrap();
        same.score
    };
    for hit in &both {
        let sum: f64 = alone.iter().map(|hits| score(hits, hit)).sum();
        assert!((hit.score - sum).abs() < 1e-9, "{hit:?} {sum}");
    }
    assert!(both.is_sorted_by(|a, b| a.score >= b.score));

    // Words and conditions, each common or rare.
    for (words, tag, is_wanted) in [
        ("lighthouse", "everybody", (|_| true) as fn(usize) -> bool),
        ("lighthouse", "even", |n| n % 2 == 0),
        ("half", "odd", |_| false),
        ("lig*", "seldom", |n| n % 600 == 0),
        ("zeppelins", "even", |n| n % 300 == 0),
    ] {
        let found = all(&Search {
            words: words.into(),
            ..tagged(&[tag])
        });
        let mut found: Vec<_> = names(&found);
        found.sort_unstable();
        assert_eq!(found, sorted(is_wanted), "{words} {tag}");
    }
}

#[test]
fn the_beginning_of_a_word_finds_what_fts5_itself_finds_by_it() {
    let cards = Collection::temporary().unwrap();
    let texts = [
        "\u{c9}clair",
        "e\u{301}cole",
        "na\u{ef}ve",
        "stra\u{df}e STRASSE",
        "don't won\u{2019}t",
        "x1y2 2nd \u{b2}\u{bc}",
        "\u{3a9}mega \u{416}\u{438}\u{437}\u{43d}\u{44c}",
        "\u{aa}b",
        "\u{706f}\u{53f0}quiet",
        "a_b co-op e.g.",
        "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
        "\u{1e9e}tra",
        "a\u{5d0}b",
        "\u{130}stanbul",
        "c\u{327}a va",
        "a",
        "ab",
        "abc",
        "abcd",
        "abcde",
        "zz \u{24b6}zz",
        "o\u{32f}xo",
    ];
    for (number, text) in texts.iter().enumerate() {
        let mut card = Card::new(&format!("N{number}"));
        let field = if number.is_multiple_of(3) {
            "tags"
        } else {
            "description"
        };
        let value = if field == "tags" {
            json!([text])
        } else {
            json!(text)
        };
        card.set(&field.parse().unwrap(), &value).unwrap();
        add(&cards, Path::new("nowhere"), number, &card);
    }
    let rows = |query: &str| -> Vec<i64> {
        let mut rows = cards
            .index
            .prepare("SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid")
            .unwrap();
        let found = rows.query_map([query], |row| row.get(0)).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    };
    let mut compared = 0;
    for word in texts.iter().flat_map(|text| text.split(' ')) {
        let ends = word
            .char_indices()
            .map(|(at, _)| at)
            .skip(1)
            .chain([word.len()]);
        for start in ends.map(|end| &word[..end]) {
            let all = COLUMNS.join(" ");
            for (field, columns) in [
                ("", &*all),
                ("description:", "description"),
                ("tags:", "tags"),
            ] {
                let Some(ours) = query(&format!("{field}{start}*"), &COLUMNS) else {
                    continue;
                };
                let plain = format!("{{{columns}}} : \"{}\" *", words::apart(start));
                let [ours, _] = ours.parts(&[]);
                assert_eq!(rows(&ours), rows(&plain), "{field}{start}");
                compared += usize::from(!ours.contains('*'));
            }
        }
    }
    assert!(compared > 150, "{compared}");
    assert_eq!(cards.search(&Search::new("\u{e9}c*")).unwrap().len(), 2);
}

#[test]
fn a_folder_with_few_and_one_with_many_cards_are_searched_alike() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    for folder in ["few", "many"] {
        std::fs::create_dir(root.join(folder)).unwrap();
    }
    let cards = many(&root);
    for (folder, count) in [("few", 10), ("many", CARDS - 10), ("", CARDS)] {
        for words in ["", "lighthouse", "li*"] {
            let search = Search {
                words: words.into(),
                folder: Some(root.join(folder)),
                limit: usize::MAX,
                ..Search::default()
            };
            let found = cards.search(&search).unwrap();
            assert_eq!(found.len(), count, "{folder} {words}");
            let is_below = |hit: &Hit| {
                hit.files
                    .iter()
                    .all(|file| file.starts_with(root.join(folder)))
            };
            assert!(found.iter().all(is_below), "{folder} {words}");
        }
    }
}
