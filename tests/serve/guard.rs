//! Who may ask, and what it may cost.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use cardwright::engine::Script;
use cardwright::serve::Options;
use serde_json::json;

use super::{Answer, Server};

fn guarded(options: Options) -> Server {
    Server::with(Arc::new(Script::new(["a"])), options)
}

fn status(server: &Server, headers: &[(&str, &str)]) -> u16 {
    server.ask("GET", "/v1/models", headers, "").status
}

#[test]
fn a_name_that_was_pointed_at_this_machine_is_refused() {
    let server = guarded(Options {
        hosts: vec!["den.example".into()],
        ..Options::default()
    });
    for host in [
        "localhost:5001",
        "127.0.0.1",
        "[::1]:80",
        "DEN.example:5001",
    ] {
        assert_eq!(status(&server, &[("host", host)]), 200, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example:5001",
        "127.0.0.1.nip.example",
    ] {
        assert_eq!(status(&server, &[("host", host)]), 403, "{host}");
    }
    let mut stream = server.connect();
    stream
        .write_all(b"GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(stream).status, 403);
}

#[test]
fn pages_of_other_sites_are_refused_unless_allowed() {
    let server = guarded(Options {
        origins: vec!["https://lite.example".into()],
        ..Options::default()
    });
    let own = format!("http://{}", server.address);
    assert_eq!(status(&server, &[("origin", &own)]), 200);
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://lite.example.evil",
    ] {
        let answer = server.ask(
            "POST",
            "/completion",
            &[("origin", origin)],
            r#"{"prompt":"x"}"#,
        );
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(status(&server, &[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(status(&server, &[("sec-fetch-site", "same-origin")]), 200);
    let allowed = [("origin", "https://lite.example")];
    let answer = server.ask("GET", "/v1/models", &allowed, "");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://lite.example")
    );
    let preflight = [allowed[0], ("access-control-request-method", "POST")];
    let answer = server.ask("OPTIONS", "/v1/completions", &preflight, "");
    assert_eq!(answer.status, 204);
    assert!(
        answer
            .header("access-control-allow-headers")
            .unwrap()
            .contains("authorization")
    );
}

#[test]
fn without_the_key_only_health_is_answered() {
    let server = guarded(Options {
        key: Some("tern".into()),
        ..Options::default()
    });
    for headers in [
        &[][..],
        &[("authorization", "Bearer terN")],
        &[("authorization", "Basic tern")],
        &[("authorization", "Bearer")],
        &[("x-api-key", "")],
    ] {
        let answer = server.ask("POST", "/completion", headers, "{}");
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(!answer.body.contains("tern"));
    }
    assert_eq!(status(&server, &[("authorization", "bearer tern")]), 200);
    assert_eq!(status(&server, &[("x-api-key", "tern")]), 200);
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(server.get("/metrics").status, 401);
}

#[test]
fn a_body_or_a_head_that_is_too_long_is_refused() {
    let server = guarded(Options::default());
    let head = "POST /completion HTTP/1.1\r\nhost: localhost\r\n";
    let announced = format!("{head}content-length: {}\r\n\r\n", 9 << 20);
    assert_eq!(first_line(&server, &announced), "HTTP/1.1 413");
    let size = (8 << 20) + 1;
    let sent = "x".repeat(size);
    let chunk = format!("{head}transfer-encoding: chunked\r\n\r\n{size:x}\r\n{sent}");
    assert_eq!(first_line(&server, &chunk), "HTTP/1.1 413");
    let long = format!("{head}x-long: {}\r\n\r\n", "y".repeat(256 << 10));
    assert_eq!(first_line(&server, &long), "HTTP/1.1 431");
    let many = format!("{head}{}\r\n", "x-many: 1\r\n".repeat(100));
    assert_eq!(first_line(&server, &many), "HTTP/1.1 431");
}

/// The beginning of the answer to `request`, of which the server may not read all before it closes.
fn first_line(server: &Server, request: &str) -> String {
    let mut stream = server.connect();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_goes_wrong_inside_is_for_the_log_alone() {
    let server = guarded(Options::default());
    let body = json!({"prompt": "Once"});
    assert_eq!(server.post("/completion", &body).status, 200);
    let answer = server.post("/completion", &body);
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("script"), "{answer:?}");
    assert!(server.log()[0].contains("the script has no reply left"));
    for name in [
        "x-content-type-options",
        "x-frame-options",
        "cross-origin-resource-policy",
    ] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(answer.header("x-powered-by"), None);
}
