//! Replies that take their time: cancelled, aborted, queued, drained.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cardwright::engine::{Completion, End, Engine, Feed, ModelInfo, Reason, Request};
use cardwright::{Error, Kind, Result};
use serde_json::json;

use super::{Answer, PATIENCE, Server};

/// An engine whose replies are written by the test.
struct Held {
    model: ModelInfo,
    feeds: Mutex<Sender<Feed>>,
    busy: bool,
}

impl Held {
    fn new(busy: bool) -> (Arc<Self>, Receiver<Feed>) {
        let (sender, receiver) = channel();
        let model = ModelInfo {
            name: "held".into(),
            context: 4096,
            slots: 1,
            ..ModelInfo::default()
        };
        let held = Self {
            model,
            feeds: Mutex::new(sender),
            busy,
        };
        (Arc::new(held), receiver)
    }
}

impl Engine for Held {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, text: &str) -> Result<usize> {
        Ok(text.len())
    }

    fn start(&self, _: Request) -> Result<Completion> {
        if self.busy {
            return Err(Error::new(Kind::Busy, "the model is busy"));
        }
        let (feed, completion) = Completion::new();
        self.feeds.lock().unwrap().send(feed).unwrap();
        Ok(completion)
    }
}

fn end(feed: Feed) {
    feed.end(End {
        reason: Reason::EndOfText,
        prompt_tokens: 3,
        reused_tokens: 1,
        reply_tokens: 2,
        dropped_turns: 0,
        rewinds: 0,
        prompt_time: Duration::from_millis(10),
        reply_time: Duration::from_millis(20),
    });
}

fn is_cancelled(feed: &Feed) -> bool {
    let start = Instant::now();
    while !feed.is_cancelled() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

const STREAM: &str = r#"{"prompt":"Once","stream":true}"#;
const WHOLE: &str = r#"{"prompt":"Once"}"#;

#[test]
fn a_client_that_goes_cancels_its_reply_even_before_the_first_piece() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    for (path, body) in [
        ("/completion", WHOLE),
        ("/completion", STREAM),
        ("/v1/completions", WHOLE),
        ("/v1/completions", STREAM),
        ("/api/v1/generate", WHOLE),
        ("/api/extra/generate/stream", WHOLE),
    ] {
        let connection = server.open("POST", path, &[], body);
        let feed = feeds.recv_timeout(PATIENCE).unwrap();
        drop(connection);
        assert!(is_cancelled(&feed), "{path} {body}");
    }
    server.wait_for("requests_running", 0.0);
}

#[test]
fn pieces_arrive_while_the_reply_is_being_written() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let mut connection = server.open("POST", "/completion", &[], STREAM);
    let feed = feeds.recv_timeout(PATIENCE).unwrap();
    feed.piece("Good");
    let mut seen = String::new();
    let mut buffer = [0; 512];
    while !seen.contains("Good") {
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "{seen}");
        seen += std::str::from_utf8(&buffer[..length]).unwrap();
    }
    feed.piece(" evening");
    end(feed);
    let mut rest = String::new();
    connection.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains(" evening") && rest.contains("\"stop\":true"),
        "{rest}"
    );
}

#[test]
fn a_kobold_reply_is_read_and_ended_by_its_own_key_alone() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let mine = r#"{"prompt":"Once","genkey":"K1"}"#;
    let connection = server.open("POST", "/api/v1/generate", &[], mine);
    let feed = feeds.recv_timeout(PATIENCE).unwrap();
    feed.piece("Half a");
    let check = |key: &str| {
        let body = json!({ "genkey": key });
        server.post("/api/extra/generate/check", &body).json()["results"][0]["text"].clone()
    };
    let start = Instant::now();
    while check("K1") != "Half a" {
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(check("K2"), "");
    for other in [json!({}), json!({"genkey": "K2"})] {
        assert_eq!(
            server.post("/api/extra/abort", &other).json()["success"],
            false
        );
    }
    server.post("/v1/internal/stop-generation", &json!({}));
    assert!(!feed.is_cancelled());
    let aborted = server
        .post("/api/extra/abort", &json!({"genkey": "K1"}))
        .json();
    assert_eq!(aborted["success"], true);
    assert!(is_cancelled(&feed));
    assert_eq!(
        Answer::read(connection).json()["results"][0]["text"],
        "Half a"
    );
    assert_eq!(check("K1"), "Half a");
}

#[test]
fn sillytavern_s_abort_ends_what_it_started_as_koboldcpp() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let body = r#"{"prompt":"Once","stream":true,"api_type":"koboldcpp"}"#;
    let connection = server.open("POST", "/v1/completions", &[], body);
    let feed = feeds.recv_timeout(PATIENCE).unwrap();
    // It comes without a body; one that comes before the reply is known ends nothing.
    let start = std::time::Instant::now();
    while !feed.is_cancelled() {
        assert_eq!(server.ask("POST", "/api/extra/abort", &[], "").status, 200);
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(Answer::read(connection).data().last(), Some(&"[DONE]"));
}

#[test]
fn a_full_queue_is_told_with_the_time_to_come_back() {
    let (engine, _feeds) = Held::new(true);
    let server = Server::new(engine);
    for body in [WHOLE, STREAM] {
        let answer = server.ask("POST", "/v1/completions", &[], body);
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert_eq!(answer.json()["error"]["type"], "unavailable_error");
    }
    let answer = server.ask("POST", "/api/v1/generate", &[], WHOLE);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["detail"]["type"], "service_unavailable");
}

#[test]
fn a_reply_that_breaks_off_says_so_in_the_stream() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let connection = server.open("POST", "/v1/completions", &[], STREAM);
    let feed = feeds.recv_timeout(PATIENCE).unwrap();
    feed.piece("Good");
    feed.fail(Error::new(Kind::Engine, "out of memory").at("/secret/model.gguf"));
    let answer = Answer::read(connection);
    let events = answer.events();
    assert_eq!(events[0]["choices"][0]["text"], "Good");
    assert_eq!(events[1]["error"]["code"], 500);
    assert!(!answer.body.contains("secret"), "{answer:?}");
    assert!(
        server
            .log()
            .iter()
            .any(|line| line.contains("out of memory"))
    );
    let connection = server.open("POST", "/completion", &[], WHOLE);
    drop(feeds.recv_timeout(PATIENCE).unwrap());
    assert_eq!(Answer::read(connection).status, 500);
}

#[test]
fn the_server_ends_once_its_replies_have() {
    let (engine, feeds) = Held::new(false);
    let mut server = Server::new(engine);
    let idle = server.connect();
    let connection = server.open("POST", "/completion", &[], STREAM);
    let feed = feeds.recv_timeout(PATIENCE).unwrap();
    server.end.take().unwrap().send(()).unwrap();
    let start = Instant::now();
    while std::net::TcpStream::connect(server.address).is_ok() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(2));
    }
    feed.piece("The end.");
    end(feed);
    let answer = Answer::read(connection);
    assert!(answer.body.contains("The end.") && answer.body.contains("\"stop\":true"));
    server.thread.take().unwrap().join().unwrap();
    drop(idle);
}

#[test]
fn prometheus_reads_what_was_done() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let connection = server.open("POST", "/completion", &[], WHOLE);
    server.wait_for("requests_running", 1.0);
    end(feeds.recv_timeout(PATIENCE).unwrap());
    assert_eq!(Answer::read(connection).json()["timings"]["prompt_n"], 2);
    server.wait_for("requests_running", 0.0);
    let metrics = server.get("/metrics");
    for line in [
        "# TYPE cardwright_reply_tokens_total counter",
        "cardwright_requests_total 1",
        "cardwright_completed_total 1",
        "cardwright_prompt_tokens_total 3",
        "cardwright_reused_tokens_total 1",
        "cardwright_reply_tokens_total 2",
        "cardwright_prompt_seconds_total 0.01",
    ] {
        assert!(metrics.body.lines().any(|given| given == line), "{line}");
    }
    assert_eq!(server.get("/api/extra/perf").json()["last_token_count"], 2);
}

#[test]
fn a_hundred_replies_at_once_take_no_thread_each() {
    let (engine, feeds) = Held::new(false);
    let server = Server::new(engine);
    let connections: Vec<_> = (0..100)
        .map(|_| server.open("POST", "/v1/completions", &[], STREAM))
        .collect();
    let feeds: Vec<Feed> = (0..100)
        .map(|_| feeds.recv_timeout(PATIENCE).unwrap())
        .collect();
    server.wait_for("requests_running", 100.0);
    for feed in feeds {
        feed.piece("So.");
        end(feed);
    }
    for connection in connections {
        assert_eq!(Answer::read(connection).data().last(), Some(&"[DONE]"));
    }
    server.wait_for("requests_running", 0.0);
}
