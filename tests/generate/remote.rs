//! Servers as engines: tried again, passed over, lost in the middle; and our own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cardwright::Kind;
use cardwright::engine::{Engine as _, Reason, Remote, RemoteOptions, Request};
use cardwright::generate::{Event, Inventor, invent_many};
use cardwright::prompt::Format;
use serde_json::{Value, json};

use super::bare;
use super::many::{Answers, wishes};

/// What a server does with a completion.
enum Act {
    /// Write this and end.
    Say(String),
    /// Write this and close the connection.
    Break(String),
    /// Answer with a status and headers.
    Refuse(u16, &'static str),
}

/// A server of completions on this machine.
struct Fake {
    address: String,
    bodies: Arc<Mutex<Vec<Value>>>,
    most_at_once: Arc<AtomicUsize>,
}

impl Fake {
    /// A server whose n-th completion (from 0) is as `act` says.
    fn start(act: impl Fn(&Value, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let (at_once, most_at_once) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let act = Arc::new(act);
        let (seen, most) = (Arc::clone(&bodies), Arc::clone(&most_at_once));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (act, seen) = (Arc::clone(&act), Arc::clone(&seen));
                let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
                thread::spawn(move || {
                    let _ = serve(stream, &*act, &seen, &at_once, &most);
                });
            }
        });
        Self {
            address,
            bodies,
            most_at_once,
        }
    }

    fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    act: &dyn Fn(&Value, usize) -> Act,
    seen: &Mutex<Vec<Value>>,
    at_once: &AtomicUsize,
    most: &AtomicUsize,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = |value: Value| {
        let text = value.to_string();
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
    };
    let path = first.split(' ').nth(1).unwrap_or_default();
    let text = match path {
        "/v1/models" => answer(json!({"data": [{"id": "fake", "owned_by": "llamacpp"}]})),
        "/props" => answer(json!({
            "default_generation_settings": {"n_ctx": 2048}, "total_slots": 3, "chat_template": "",
        })),
        _ => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push(body.clone());
                seen.len() - 1
            };
            let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            let datum = |text: &str, reason: Option<&str>| {
                let datum = json!({"choices": [{"text": text, "finish_reason": reason}]});
                format!("data: {datum}\n\n")
            };
            let head =
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n";
            let text = match act(&body, number) {
                Act::Say(said) => {
                    let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}});
                    let (one, two) = said.split_at(said.len() / 2);
                    format!(
                        "{head}: a comment\n\n{}{}{}data: {usage}\n\ndata: [DONE]\n\n",
                        datum(one, None),
                        datum(two, None),
                        datum("", Some("stop"))
                    )
                }
                Act::Break(said) => format!("{head}{}", datum(&said, None)),
                Act::Refuse(status, headers) => {
                    let text = json!({"error": {"message": "not at the time"}}).to_string();
                    format!(
                        "HTTP/1.1 {status} No\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{text}",
                        text.len()
                    )
                }
            };
            thread::sleep(Duration::from_millis(20));
            at_once.fetch_sub(1, Ordering::SeqCst);
            text
        }
    };
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn connect(servers: &[&Fake]) -> Remote {
    Remote::connect(&RemoteOptions::new(
        servers.iter().map(|server| server.address.clone()),
    ))
    .unwrap()
}

#[test]
fn a_server_tells_what_it_is_and_gets_the_grammar() {
    let fake = Fake::start(|_, _| Act::Say("Good evening.".into()));
    let engine = connect(&[&fake]);
    let model = engine.model();
    assert_eq!(
        (model.name.as_str(), model.context, model.slots),
        ("fake", 2048, 3)
    );
    let mut request = Request::new("<<AIBOT>>\nLucian:");
    request.grammar = Some("root ::= \"Good evening.\"".into());
    request.settings.seed = Some(5);
    let (text, end) = engine.start(request).unwrap().finish().unwrap();
    assert_eq!(text, "Good evening.");
    assert_eq!(
        (end.prompt_tokens, end.reply_tokens, end.reason),
        (9, 4, Reason::EndOfText)
    );
    let body = &fake.bodies()[0];
    assert_eq!(body["grammar"], "root ::= \"Good evening.\"");
    assert_eq!(
        (&body["seed"], &body["tfs_z"]),
        (&json!(5), &json!(0.85)),
        "{body:#}"
    );
}

#[test]
fn stop_strings_are_looked_for_here_too() {
    let fake = Fake::start(|_, _| Act::Say("One.\nTwo.\nThree.".into()));
    let mut request = Request::new("a");
    request.stop = vec!["\nT".into()];
    let engine = connect(&[&fake]);
    let (text, end) = engine.start(request).unwrap().finish().unwrap();
    assert_eq!(
        (text.as_str(), end.reason),
        ("One.", Reason::Stop("\nT".into()))
    );
}

#[test]
fn a_server_that_is_busy_is_asked_again_when_it_says_so() {
    let fake = Fake::start(|_, number| match number {
        0 => Act::Refuse(503, "Retry-After: 1\r\n"),
        1 => Act::Refuse(429, "Retry-After: 0\r\n"),
        _ => Act::Say("At last.".into()),
    });
    let begun = std::time::Instant::now();
    let text = connect(&[&fake])
        .start(Request::new("a"))
        .unwrap()
        .text()
        .unwrap();
    assert_eq!(text, "At last.");
    assert_eq!(fake.bodies().len(), 3);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn what_a_server_will_never_do_is_not_tried_again() {
    let fake = Fake::start(|_, _| Act::Refuse(400, ""));
    let error = connect(&[&fake])
        .start(Request::new("a"))
        .unwrap()
        .text()
        .unwrap_err();
    assert!(
        error.to_string().contains("answers 400: not at the time"),
        "{error}"
    );
    assert_eq!(fake.bodies().len(), 1);
}

#[test]
fn a_request_that_nobody_takes_fails_after_its_tries() {
    let fake = Fake::start(|_, _| Act::Refuse(500, "Retry-After: 0\r\n"));
    let engine = Remote::connect(&RemoteOptions {
        tries: 3,
        ..RemoteOptions::new([&fake.address])
    })
    .unwrap();
    let error = engine.start(Request::new("a")).unwrap().text().unwrap_err();
    assert!(error.to_string().contains("tried 3 times"), "{error}");
    assert_eq!(fake.bodies().len(), 3);
}

#[test]
fn servers_that_cannot_be_reached_are_passed_over_or_named() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let Err(error) = Remote::connect(&RemoteOptions::new([&nobody])) else {
        panic!("nobody is there");
    };
    assert!(
        error
            .to_string()
            .contains("cannot reach the server at http://127.0.0.1"),
        "{error}"
    );
    let fake = Fake::start(|_, _| Act::Say("Here.".into()));
    let engine = Remote::connect(&RemoteOptions::new([&nobody, &fake.address])).unwrap();
    for _ in 0..4 {
        assert_eq!(
            engine.start(Request::new("a")).unwrap().text().unwrap(),
            "Here."
        );
    }
}

#[test]
fn a_reply_that_breaks_off_fails_and_is_never_written_twice() {
    let fake = Fake::start(|_, number| match number {
        0 => Act::Break("Half of".into()),
        _ => Act::Say("Whole.".into()),
    });
    let engine = connect(&[&fake]);
    let error = engine.start(Request::new("a")).unwrap().text().unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(
        error.to_string().contains("before it was complete"),
        "{error}"
    );
    assert_eq!(fake.bodies().len(), 1);
}

#[test]
fn a_server_gets_no_more_at_once_than_it_has_slots() {
    let fake = Fake::start(|_, _| Act::Say("Yes.".into()));
    let engine = connect(&[&fake]);
    let requests = (0..20).map(|_| Request::new("a")).collect();
    for completion in engine.start_all(requests).unwrap() {
        assert_eq!(completion.text().unwrap(), "Yes.");
    }
    assert_eq!(fake.most_at_once.load(Ordering::SeqCst), 3);
}

#[test]
fn characters_survive_a_server_that_dies_in_the_middle_none_lost_none_twice() {
    let answer = |body: &Value| Act::Say(Answers::answer(body["prompt"].as_str().unwrap()));
    let sound = Fake::start(move |body, _| answer(body));
    // Writes five replies, breaks off in the middle of the next ones, and is gone.
    let dying = Fake::start(move |body, number| match number {
        0..5 => answer(body),
        5..8 => Act::Break("Somebody is".into()),
        _ => Act::Refuse(503, ""),
    });
    let engine = connect(&[&dying, &sound]);
    let format = Format::named("limarp-v1").unwrap();
    let inventor = Inventor::new(&engine, &format, bare()).unwrap();
    let mut finished: Vec<_> = (0..12).map(|_| None).collect();
    let mut lost = 0;
    invent_many(&inventor, &wishes(12), 6, |event| {
        match event {
            Event::Finished { index, character } => {
                assert!(finished[index].replace(character.unwrap()).is_none());
            }
            Event::Lost { .. } => lost += 1,
            Event::Answered { rejected, .. } => assert_eq!(rejected, None),
            _ => {}
        }
        Ok(())
    })
    .unwrap();
    assert!((1..=3).contains(&lost), "{lost}");
    let here = Answers::new();
    let direct = Inventor::new(&here, &format, bare()).unwrap();
    for (wish, character) in wishes(12).iter().zip(finished) {
        let (one, other) = (*character.unwrap(), direct.invent(wish).unwrap());
        assert_eq!((one.persona, one.greeting), (other.persona, other.greeting));
    }
}

#[cfg(feature = "serve")]
#[test]
fn our_own_server_is_an_engine_like_any_other() {
    let script = Arc::new(Answers::new());
    let server = crate::serve::Server::new(script);
    let engine = Remote::connect(&RemoteOptions::new([server.address.to_string()])).unwrap();
    assert_eq!(
        (engine.model().name.as_str(), engine.model().slots),
        ("script", 4)
    );
    let format = Format::named("limarp-v1").unwrap();
    let inventor = Inventor::new(&engine, &format, bare()).unwrap();
    let character = inventor.invent(&wishes(1)[0]).unwrap();
    let here = Answers::new();
    let direct = Inventor::new(&here, &format, bare()).unwrap();
    assert_eq!(
        character.greeting,
        direct.invent(&wishes(1)[0]).unwrap().greeting
    );
}
