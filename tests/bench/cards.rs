//! `cargo bench --bench cards`: how fast cards are read, written, scanned and found, beside the libraries others use.
//!
//! It writes its own cards: PNG files of 0.3 to 3 MB in the layouts that are met (one piece of image data, pieces of 64 KiB
//! as Pillow writes them, pieces of 8 KiB as libpng does; the card behind the picture as SillyTavern puts it, or before
//! it). Every reader runs in a process of its own on one core, over the same files, three times in turn; the best counts.
//! Words after `--` choose parts: `read`, `write`, `scan`, `search`. `CARDWRIGHT_BENCH_CARDS` is the number of PNG cards,
//! 2,000 unless it says otherwise, `CARDWRIGHT_BENCH_INDEX` that of the cards to search, 100,000.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cardwright::card::collection::{Collection, Scan};
use cardwright::card::{Card, write_png};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

mod search;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let [own, part, folder, count] = &arguments[..]
        && own == "own"
    {
        println!(
            "{}",
            own_part(part, Path::new(folder), count.parse().unwrap())
        );
        return;
    }
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|word| word == part);
    let cards = number("CARDWRIGHT_BENCH_CARDS", 2_000);
    if wanted("read") || wanted("write") || wanted("scan") {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("cards");
        fs::create_dir(&folder).unwrap();
        let begin = Instant::now();
        let bytes = write_cards(&folder, cards);
        println!(
            "{cards} PNG cards, {:.2} GB, written in {:.1} s",
            bytes as f64 / 1e9,
            begin.elapsed().as_secs_f64()
        );
        if wanted("read") {
            read(&folder, cards);
        }
        if wanted("write") {
            write(&folder, cards.min(300));
        }
        if wanted("scan") {
            scan(&folder, cards);
        }
    }
    if wanted("search") {
        search::search(number("CARDWRIGHT_BENCH_INDEX", 100_000));
    }
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Words that are as unevenly common as those of a language: the n-th as often as 1/n.
struct Words(Vec<String>);

impl Words {
    fn new(random: &mut ChaCha8Rng) -> Self {
        let syllables = [
            "ka", "lo", "mi", "ran", "tel", "su", "ven", "dor", "is", "a", "ne", "bri", "gal",
            "ho", "quin", "ster", "ly",
        ];
        let mut words: Vec<String> = (0..30_000)
            .map(|_| {
                let count = random.random_range(1..5);
                (0..count)
                    .map(|_| syllables[random.random_range(0..syllables.len())])
                    .collect()
            })
            .collect();
        words.sort();
        words.dedup();
        // The order decides how common a word is, so it must not be that of the alphabet.
        for at in (1..words.len()).rev() {
            words.swap(at, random.random_range(0..=at));
        }
        Self(words)
    }

    fn text(&self, random: &mut ChaCha8Rng, count: usize) -> String {
        let mut text = String::with_capacity(count * 7);
        for at in 0..count {
            let rank = (self.0.len() as f64).powf(random.random_range(0.0..1.0)) - 1.0;
            text.push_str(&self.0[rank as usize]);
            text.push_str(match at % 13 {
                12 => ".\n",
                6 => ", ",
                _ => " ",
            });
        }
        text
    }
}

/// A card as SillyTavern keeps it: V2 with copies at the root.
fn card(name: &str, words: &Words, random: &mut ChaCha8Rng, size: usize) -> Value {
    let mut text = |share: usize| words.text(random, size * share / 100);
    let fields = json!({
        "name": name, "description": text(40), "personality": text(4), "scenario": text(6), "first_mes": text(12),
        "mes_example": text(14), "creator_notes": text(4), "system_prompt": "", "post_history_instructions": "",
        "alternate_greetings": [text(10), text(10)], "tags": [text(1), "synthetic", format!("tag{}", size % 97)],
        "creator": format!("maker {}", size % 211), "character_version": "1.0",
        "extensions": {"talkativeness": "0.5", "fav": false, "world": "", "depth_prompt": {"prompt": "", "depth": 4, "role": "system"}},
        "character_book": {"name": "", "extensions": {}, "entries": (0..6).map(|id| json!({
            "id": id, "keys": [text(1)], "secondary_keys": [], "content": text(2), "enabled": true, "insertion_order": 100,
            "extensions": {"position": 0, "probability": 100}, "constant": false, "selective": true, "position": "before_char",
        })).collect::<Vec<_>>()},
    });
    let mut root = json!({"spec": "chara_card_v2", "spec_version": "2.0", "data": fields});
    for key in [
        "name",
        "description",
        "personality",
        "scenario",
        "first_mes",
        "mes_example",
        "tags",
    ] {
        root[key] = fields[key].clone();
    }
    root
}

fn push(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
    let start = png.len();
    png.extend_from_slice(kind);
    png.extend_from_slice(data);
    let sum = crc32fast::hash(&png[start..]);
    png.extend_from_slice(&sum.to_be_bytes());
}

/// A picture of noise, about as large as asked: noise does not compress, so it is stored.
fn picture(random: &mut ChaCha8Rng, size: usize, piece: usize) -> Vec<u8> {
    let width = 512_usize;
    let height = (size / (width * 3 + 1)).max(1);
    let mut rows = vec![0; height * (width * 3 + 1)];
    random.fill_bytes(&mut rows);
    rows.iter_mut()
        .step_by(width * 3 + 1)
        .for_each(|filter| *filter = 0);
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, &rows).unwrap();
    let data = encoder.finish().unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&u32::try_from(width).unwrap().to_be_bytes());
    header.extend_from_slice(&u32::try_from(height).unwrap().to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    push(&mut png, b"IHDR", &header);
    for piece in data.chunks(piece) {
        push(&mut png, b"IDAT", piece);
    }
    push(&mut png, b"IEND", &[]);
    png
}

/// Writes the set, and returns its size in bytes.
fn write_cards(folder: &Path, count: usize) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let words = Words::new(&mut random);
    let mut bytes = 0;
    for index in 0..count {
        let name = format!("card-{index:05}");
        let size = random.random_range(200..2_500);
        let card = card(&name, &words, &mut random, size);
        let piece = [usize::MAX, 64 << 10, 8 << 10][index % 3];
        let picture_size = random.random_range(300_000..3_000_000);
        let image = picture(&mut random, picture_size, piece);
        let png = if index % 2 == 0 {
            // As SillyTavern writes: both chunks right before the end.
            let mut png = image[..image.len() - 12].to_vec();
            let mut v3 = card.clone();
            v3["spec"] = "chara_card_v3".into();
            v3["spec_version"] = "3.0".into();
            for (keyword, card) in [("chara", &card), ("ccv3", &v3)] {
                let text = format!("{keyword}\0{}", STANDARD.encode(card.to_string()));
                push(&mut png, b"tEXt", text.as_bytes());
            }
            push(&mut png, b"IEND", &[]);
            png
        } else {
            write_png(&image, &Card::from_json(&card.to_string()).unwrap()).unwrap()
        };
        bytes += png.len();
        fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }
    bytes
}

/// What this program does in a process of its own.
fn own_part(part: &str, folder: &Path, count: usize) -> Value {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.truncate(count);
    let mut failed = 0;
    let begin = Instant::now();
    let mut seconds = None;
    match part {
        "read" => {
            for file in &files {
                let reading = Card::open(file).unwrap();
                failed +=
                    usize::from(Some(&*reading.card.name()) != file.file_stem().unwrap().to_str());
            }
        }
        "read-whole" => {
            for file in &files {
                let reading = Card::from_bytes(&fs::read(file).unwrap()).unwrap();
                failed +=
                    usize::from(Some(&*reading.card.name()) != file.file_stem().unwrap().to_str());
            }
        }
        "bytes" => {
            for file in &files {
                failed += usize::from(text_of(file).is_empty());
            }
        }
        "text" => {
            let texts: Vec<_> = files.iter().map(|file| text_of(file)).collect();
            let begin = Instant::now();
            for text in &texts {
                let json = STANDARD.decode(text).unwrap();
                let card: Value = serde_json::from_slice(&json).unwrap();
                failed += usize::from(card["data"]["name"].as_str().is_none());
            }
            seconds = Some(begin.elapsed().as_secs_f64());
        }
        "write" => {
            let mut spent = 0.0;
            for file in &files {
                let image = fs::read(file).unwrap();
                let mut card = Card::from_bytes(&image).unwrap().card;
                // Something must change, or there would be nothing to write.
                card.set(&"creator_notes".parse().unwrap(), &"edited".into())
                    .unwrap();
                let begin = Instant::now();
                let written = write_png(&image, &card).unwrap();
                spent += begin.elapsed().as_secs_f64();
                failed += usize::from(written.len() < image.len() / 2);
            }
            seconds = Some(spent);
        }
        _ => {
            let mut cards = Collection::open(&folder.join("../index.sqlite")).unwrap();
            let scanned = cards.scan(folder, &Scan::default(), &mut |_| {}).unwrap();
            failed += usize::try_from(scanned.unreadable).unwrap();
        }
    }
    let seconds = seconds.unwrap_or_else(|| begin.elapsed().as_secs_f64());
    json!({"cards": files.len(), "failed": failed, "seconds": seconds, "peak": peak()})
}

/// The text of the last card in a PNG, by the fewest reads that find it for certain: one for each piece of the picture,
/// and one for each text. What reading a card cannot be faster than.
fn text_of(file: &Path) -> Vec<u8> {
    use std::os::unix::fs::FileExt as _;
    let file = fs::File::open(file).unwrap();
    let (mut at, mut found) = (8, Vec::new());
    loop {
        let mut header = [0; 8];
        file.read_exact_at(&mut header, at).unwrap();
        let [a, b, c, d, kind @ ..] = header;
        let size = u32::from_be_bytes([a, b, c, d]);
        if &kind == b"tEXt" {
            found = vec![0; size as usize];
            file.read_exact_at(&mut found, at + 8).unwrap();
            let keyword = found.iter().position(|&b| b == 0).unwrap();
            found.drain(..=keyword);
        }
        if &kind == b"IEND" {
            return found;
        }
        at += u64::from(size) + 12;
    }
}

/// The most memory this process had, in bytes.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// One of the libraries, as a command without its last arguments; `None` where it is not installed.
fn command(library: &str) -> Option<Command> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || std::env::home_dir().unwrap().join(".cache"),
        PathBuf::from,
    );
    let from = |variable: &str, default: &str| {
        std::env::var_os(variable)
            .map_or_else(|| cache.join("cardwright").join(default), PathBuf::from)
    };
    let peers = from("CARDWRIGHT_PEERS", "peers");
    let sillytavern = from(
        "SILLYTAVERN_DIR",
        "sillytavern-1.19.0/node_modules/sillytavern",
    );
    let one_core = Command::new("taskset").arg("-p").arg("1").output().is_ok();
    let on = |program: PathBuf| {
        if one_core {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(program);
            command
        } else {
            Command::new(program)
        }
    };
    let (needs, mut command) = match library {
        "own" => (here.clone(), on(std::env::current_exe().unwrap())),
        "aichar" | "tavern-card" => {
            let python = peers.join("python/bin/python");
            let mut command = on(python.clone());
            command.arg(here.join("cards.py"));
            (python, command)
        }
        _ => {
            let needs = if library == "lenml" {
                peers.join("node_modules/@lenml/char-card-reader")
            } else {
                sillytavern.clone()
            };
            let mut command = on("node".into());
            command.arg(here.join("cards.mjs"));
            (needs, command)
        }
    };
    command
        .env("SILLYTAVERN_DIR", &sillytavern)
        .env("PEERS_DIR", &peers);
    command.arg(library);
    needs.exists().then_some(command)
}

struct Measured {
    seconds: f64,
    failed: u64,
    peak: Option<u64>,
}

fn measure(library: &str, part: &[&str], folder: &Path, count: usize) -> Option<Measured> {
    let output = command(library)?
        .args(part)
        .arg(folder)
        .arg(count.to_string())
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let Some(value) = said
        .lines()
        .last()
        .and_then(|line| serde_json::from_str::<Value>(line).ok())
    else {
        eprintln!(
            "{library} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        return None;
    };
    Some(Measured {
        seconds: value["seconds"].as_f64()?,
        failed: value["failed"].as_u64()?,
        peak: value["peak"].as_u64(),
    })
}

/// Runs every contender three times in turn and prints the best of each.
fn contest(title: &str, contenders: &[(&str, &str, &[&str])], folder: &Path, count: usize) {
    println!("\n{title}");
    let mut best: BTreeMap<usize, Measured> = BTreeMap::new();
    for _ in 0..3 {
        for (index, (_, library, part)) in contenders.iter().enumerate() {
            let Some(measured) = measure(library, part, folder, count) else {
                continue;
            };
            let known = best.entry(index);
            known
                .and_modify(|best| best.seconds = best.seconds.min(measured.seconds))
                .or_insert(measured);
        }
    }
    let own = best.get(&0).map(|own| own.seconds);
    for (index, (name, ..)) in contenders.iter().enumerate() {
        match best.get(&index) {
            Some(measured) => println!(
                "  {name:<44} {:>9.1} us a card  {:>6.1} times ours  {} of {count} right",
                measured.seconds * 1e6 / count as f64,
                measured.seconds / own.unwrap_or(f64::NAN),
                count as u64 - measured.failed,
            ),
            None => println!("  {name:<44} not installed; see tests/bench/peers.sh"),
        }
    }
}

fn read(folder: &Path, count: usize) {
    // Everybody finds the files in memory.
    for entry in fs::read_dir(folder).unwrap() {
        fs::read(entry.unwrap().path()).unwrap();
    }
    contest(
        "reading a card from its file",
        &[
            ("cardwright", "own", &["read"]),
            (
                "cardwright, the whole file read first",
                "own",
                &["read-whole"],
            ),
            (
                "nothing but finding and reading its bytes",
                "own",
                &["bytes"],
            ),
            (
                "nothing but base64 and serde_json of its text",
                "own",
                &["text"],
            ),
            ("SillyTavern 1.19.0 (node)", "sillytavern", &[]),
            ("@lenml/char-card-reader 1.1.1 (node)", "lenml", &[]),
            ("tavern-card 0.1.1 (Python)", "tavern-card", &[]),
            ("aichar 1.0.5 (Rust, from Python)", "aichar", &[]),
        ],
        folder,
        count,
    );
}

fn write(folder: &Path, count: usize) {
    contest(
        "writing a card into a picture in memory",
        &[
            ("cardwright", "own", &["write"]),
            ("SillyTavern 1.19.0 (node)", "sillytavern-write", &[]),
        ],
        folder,
        count,
    );
}

fn scan(folder: &Path, count: usize) {
    println!("\nscanning a folder into the index");
    let index = folder.join("../index.sqlite");
    let fresh = || {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", index.display()));
        }
    };
    let tenth = folder.with_extension("tenth");
    fs::create_dir_all(&tenth).unwrap();
    for index in 0..count / 10 {
        let name = format!("card-{index:05}.png");
        let _ = fs::hard_link(folder.join(&name), tenth.join(&name));
    }
    for (what, folder, anew) in [
        ("a tenth of them, for the first time", &*tenth, true),
        ("all, for the first time", folder, true),
        ("all, again", folder, false),
    ] {
        if anew {
            fresh();
        }
        if let Some(measured) = measure("own", &["scan"], folder, count) {
            println!(
                "  {what:<44} {:>9.2} s  peak memory {:>6.1} MB",
                measured.seconds,
                measured.peak.unwrap_or(0) as f64 / 1e6
            );
        }
    }
    fresh();
    fs::remove_dir_all(&tenth).unwrap();
}
