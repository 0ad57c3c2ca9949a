//! How fast cards are found among many.

use std::fs;
use std::time::Instant;

use cardwright::card::collection::{Collection, Scan, Search};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Words, card, peak};

/// Writes so many cards, reads them into an index and times searches among them.
pub(super) fn search(count: usize) {
    println!("\nsearching {count} cards");
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let words = Words::new(&mut random);
    for index in 0..count {
        let size = random.random_range(150..600);
        let card = card(&format!("Card {index}"), &words, &mut random, size);
        // A folder with too many files is slow for reasons that are not ours.
        let below = folder.path().join(format!("{:03}", index / 1_000));
        if index % 1_000 == 0 {
            fs::create_dir(&below).unwrap();
        }
        fs::write(below.join(format!("{index:06}.json")), card.to_string()).unwrap();
    }
    let place = tempfile::tempdir().unwrap();
    let index = place.path().join("cards.sqlite");
    let mut cards = Collection::open(&index).unwrap();
    let begin = Instant::now();
    cards
        .scan(folder.path(), &Scan::default(), &mut |_| {})
        .unwrap();
    println!(
        "  indexed in {:.1} s, {:.0} MB of index, peak memory {:.1} MB",
        begin.elapsed().as_secs_f64(),
        fs::metadata(&index).unwrap().len() as f64 / 1e6,
        peak().unwrap_or(0) as f64 / 1e6
    );
    let common = words.0[0].clone();
    let seldom = words.0[words.0.len() * 2 / 3].clone();
    let middle = words.0[200].clone();
    let words: [(&str, String); 19] = [
        ("the commonest word", common.clone()),
        ("a common word", middle.clone()),
        ("a rare word", seldom.clone()),
        ("two words", format!("{middle} {}", words.0[300])),
        (
            "either of two words",
            format!("{middle} OR {}", words.0[300]),
        ),
        (
            "the commonest two as a phrase",
            format!("\"{common} {}\"", words.0[1]),
        ),
        ("the beginning of a word, one letter", "s*".into()),
        ("the beginning of a word, two letters", "qu*".into()),
        ("the beginning of a word, four letters", "quin*".into()),
        ("the beginning of a word, five letters", "quink*".into()),
        (
            "a rare word and a common beginning",
            format!("{seldom} quin*"),
        ),
        (
            "the beginning of a word in a description",
            "description:quin*".into(),
        ),
        ("the same, one letter", "description:s*".into()),
        (
            "the beginning of a word in a lorebook",
            "lorebook:qu*".into(),
        ),
        (
            "the beginning of a name, or in a description",
            "name:quin* OR description:qu*".into(),
        ),
        (
            "the commonest word without a common one",
            format!("{common} -{middle}"),
        ),
        (
            "a common word without the commonest",
            format!("{middle} -{common}"),
        ),
        (
            "the commonest word without a beginning",
            format!("{common} -quink*"),
        ),
        ("a name", "name:77777".into()),
    ];
    let mut wanted: Vec<_> = (words.into_iter())
        .map(|(what, words)| (what, Search::new(words)))
        .collect();
    let mut tagged = Search::new(&*middle);
    tagged.tags.push("tag5".into());
    wanted.push(("a common word and a tag", tagged));
    let mut made = Search::new(&*common);
    made.creator = Some("Maker 7".into());
    wanted.push(("the commonest word and a creator", made));
    let mut tags = Search::default();
    tags.tags.push("synthetic".into());
    let mut both = Search::new(&*common);
    both.tags.push("synthetic".into());
    let mut within = tags.clone();
    within.folder = Some(folder.path().into());
    wanted.extend([
        ("a tag that all have", tags),
        ("the commonest word and a tag that all have", both),
        ("a tag that all have in a folder with all", within),
    ]);
    for (what, search) in wanted {
        let found = cards.search(&search).unwrap().len();
        let mut times: Vec<f64> = (0..21)
            .map(|_| {
                let begin = Instant::now();
                cards.search(&search).unwrap();
                begin.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "  {what:<44} {:>9.2} ms  ({found} shown, slowest {:.2} ms)",
            times[10], times[20]
        );
    }
}
