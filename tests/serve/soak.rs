//! The server with a real scheduler behind it, under clients that behave as badly as clients do.
//!
//! A few hundred requests with every test run; ten thousand with `SOAK=10000 cargo test --release -- soak --nocapture`.
#![cfg(feature = "llama")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cardwright::engine::{Llama, Options};
use cardwright::weights::tiny;
use serde_json::Value;

use super::{PATIENCE, Server};

const SLOTS: usize = 4;
const CLIENTS: u64 = 12;

/// What a client does; each takes its share of the requests.
const MANNERS: &[fn(SocketAddr, u64) -> Outcome] = &[
    whole,
    whole,
    whole,
    stream,
    stream,
    aborted,
    aborted,
    slow_reader,
    half_open,
    half_a_body,
    malformed,
    rude,
];

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    /// Answered to the end.
    Answered,
    /// Told to come back later.
    Busy,
    /// Refused, as it should be.
    Refused,
    /// The client left.
    Left,
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request and leaves the connection open.
fn sent(address: SocketAddr, path: &str, body: &str) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(request(path, body).as_bytes()).unwrap();
    stream
}

fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A prompt of which half is shared with many others.
fn completion(number: u64, tokens: u64, stream: bool) -> String {
    let shared =
        "the keeper of the lamp went down to the harbour ".repeat(1 + (number % 3) as usize);
    format!(
        r#"{{"prompt":"{shared}{number}","n_predict":{tokens},"stream":{stream},"ignore_eos":true,"seed":{number}}}"#
    )
}

fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn judged(text: &str, end: &str) -> Outcome {
    if text.starts_with("HTTP/1.1 503") {
        assert!(
            text.to_ascii_lowercase().contains("retry-after: "),
            "{text}"
        );
        return Outcome::Busy;
    }
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains(end), "{text}");
    Outcome::Answered
}

fn whole(address: SocketAddr, number: u64) -> Outcome {
    let body = completion(number, 1 + number % 6, false);
    let stream = sent(address, "/completion", &body);
    judged(&answer(stream), "\"stop\":true")
}

fn stream(address: SocketAddr, number: u64) -> Outcome {
    let body = completion(number, 1 + number % 6, true);
    let stream = sent(address, "/v1/completions", &body);
    judged(&answer(stream), "[DONE]")
}

/// Goes away before, or while, the reply is written.
fn aborted(address: SocketAddr, number: u64) -> Outcome {
    let body = completion(number, 100_000, !number.is_multiple_of(3));
    let mut stream = sent(address, "/completion", &body);
    if number.is_multiple_of(2) {
        let mut some = [0; 40];
        let _ = stream.read(&mut some);
    }
    std::thread::sleep(Duration::from_millis(number % 7));
    let _ = stream.shutdown(Shutdown::Both);
    Outcome::Left
}

/// Reads a byte now and then, so that the server has to wait with what it has written.
fn slow_reader(address: SocketAddr, number: u64) -> Outcome {
    let body = completion(number, 8, true);
    let mut stream = sent(address, "/completion", &body);
    let mut text = Vec::new();
    let mut some = [0; 64];
    loop {
        match stream.read(&mut some).unwrap() {
            0 => break,
            count => text.extend_from_slice(&some[..count]),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    judged(&String::from_utf8_lossy(&text), "\"stop\":true")
}

/// Ends its side after the request and reads the answer all the same, as some clients do.
fn half_open(address: SocketAddr, number: u64) -> Outcome {
    let body = completion(number, 2, false);
    let mut stream = sent(address, "/completion", &body);
    stream.shutdown(Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    // Whether the server answers a client that can no longer be told apart from one that left, is its choice.
    let _ = stream.read_to_end(&mut bytes);
    Outcome::Left
}

/// Announces more than it sends, then goes.
fn half_a_body(address: SocketAddr, number: u64) -> Outcome {
    let mut stream = connect(address);
    let whole = request("/v1/completions", &completion(number, 5, true));
    let _ = stream.write_all(&whole.as_bytes()[..whole.len() - 1 - (number % 30) as usize]);
    Outcome::Left
}

fn malformed(address: SocketAddr, number: u64) -> Outcome {
    let bodies = [
        "{",
        "[]",
        "null",
        "{\"prompt\":}",
        "{\"prompt\":5}",
        "{\"prompt\":\"x\",\"temperature\":\"warm\"}",
        "{\"prompt\":\"x\",\"n\":1000}",
        "{\"prompt\":[]}",
        "{\"prompt\":\"x\",\"grammar\":\"root ::= (\"}",
        "\u{0}\u{1}",
    ];
    let body = bodies[number as usize % bodies.len()];
    let text = answer(sent(address, "/v1/completions", body));
    assert!(
        text.starts_with("HTTP/1.1 400") || text.starts_with("HTTP/1.1 503"),
        "{body}: {text}"
    );
    Outcome::Refused
}

/// What is no HTTP at all.
fn rude(address: SocketAddr, number: u64) -> Outcome {
    let mut stream = connect(address);
    let noise: Vec<u8> = (0..200).map(|at| (at * number + 7) as u8).collect();
    let _ = stream.write_all(&noise);
    let _ = stream.write_all(b"\r\n\r\n");
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    Outcome::Left
}

/// Memory that this process holds, in MiB; 0 where the system does not tell.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok())
        .map_or(0, |kib| kib / 1024)
}

#[test]
fn nothing_is_lost_under_clients_that_misbehave() {
    let requests: u64 = std::env::var("SOAK")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(240);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    tiny::Model::default().write(&path).unwrap();
    let options = Options {
        slots: SLOTS,
        threads: Some(1),
        queue: 8,
        // Small enough to be full before a third of ten thousand requests: what is kept on purpose must not look like a leak.
        prompt_cache: Some(32 << 20),
        ..Options::new(path)
    };
    let server = Server::new(Arc::new(Llama::load(&options).unwrap()));
    let address = server.address;
    let next = AtomicU64::new(0);
    let counts: [AtomicU64; 4] = Default::default();
    let mut levels = Vec::new();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        break;
                    }
                    let manner =
                        MANNERS[(number.wrapping_mul(2_654_435_761) >> 7) as usize % MANNERS.len()];
                    let outcome = manner(address, number);
                    counts[outcome as usize].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while next.load(Ordering::Relaxed) < requests {
            levels.push(memory());
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let took = begun.elapsed();
    server.wait_for("requests_running", 0.0);
    let start = Instant::now();
    loop {
        let slots = server.get("/slots").json();
        let slots = slots.as_array().unwrap().clone();
        assert_eq!(slots.len(), SLOTS);
        if slots
            .iter()
            .all(|slot| slot["is_processing"] == Value::Bool(false))
        {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "a slot is not free: {slots:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let counts = counts.map(AtomicU64::into_inner);
    assert_eq!(counts.iter().sum::<u64>(), requests);
    assert!(
        counts[Outcome::Answered as usize] > requests / 4,
        "{counts:?}"
    );
    assert_eq!(whole(address, 1), Outcome::Answered);
    // The first third fills caches and the allocator; after it the level may sway but not climb.
    let third = levels.len() / 3;
    let highest = |levels: &[usize]| levels.iter().copied().max().unwrap_or(0);
    let (middle, last) = (
        highest(&levels[third..2 * third]),
        highest(&levels[2 * third..]),
    );
    if requests >= 5000 {
        assert!(
            last <= middle + middle / 20 + 4,
            "memory climbs from {middle} to {last} MiB"
        );
    }
    let [answered, busy, refused, left] = counts;
    let told = format!(
        "\n{requests} requests in {:.1} s: {answered} answered, {busy} told to come back, {refused} refused, {left} left; memory {middle} MiB, then {last} MiB\n",
        took.as_secs_f64()
    );
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
