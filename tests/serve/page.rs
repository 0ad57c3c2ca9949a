//! The server's own page: what its files may hold and what its headers forbid.

use std::sync::Arc;

use cardwright::engine::Script;
use cardwright::serve::Options;

use super::Server;

/// The files that the page asks for, as its own texts name them.
fn files(server: &Server) -> Vec<String> {
    let mut found = vec!["/".to_owned()];
    let mut at = 0;
    while at < found.len() {
        let answer = server.get(&found[at]);
        assert_eq!(answer.status, 200, "{}", found[at]);
        for part in answer.body.split("\"/page/").skip(1) {
            let name = format!("/page/{}", part.split('"').next().unwrap());
            if !found.contains(&name) {
                found.push(name);
            }
        }
        at += 1;
    }
    found
}

#[test]
fn the_page_comes_whole_from_the_server_and_may_do_nothing_but_what_it_needs() {
    let (server, _) = Server::script(&[]);
    let files = files(&server);
    assert!(files.len() >= 12, "{files:?}");
    for file in &files {
        let answer = server.get(file);
        let policy = answer.header("content-security-policy").unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{file}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{file}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let body = answer.body.replace("http://www.w3.org/2000/svg", "");
        for elsewhere in ["http://", "https://", "//cdn", "@import", "url("] {
            assert!(!body.contains(elsewhere), "{file} asks for {elsewhere}");
        }
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "setAttribute(\"style",
        ] {
            assert!(!body.contains(sink), "{file} uses {sink}");
        }
    }
    let index = server.get("/").body;
    assert!(
        !index.contains(" style=") && !index.contains(" onclick=") && !index.contains("<style")
    );
    assert!(
        index
            .match_indices("<script")
            .all(|(at, _)| index[at..].starts_with("<script type=\"module\" src=")),
        "no script stands in the page itself"
    );
}

#[test]
fn the_page_needs_no_key_and_everything_behind_it_does() {
    let server = Server::with(
        Arc::new(Script::new(["a"])),
        Options {
            key: Some("tern".into()),
            cards: Some("cards".into()),
            watch: true,
            ..Options::default()
        },
    );
    for file in files(&server) {
        assert_eq!(server.get(&file).status, 200, "{file}");
    }
    for path in [
        "/page/../api/cards",
        "/page/nothing.js",
        "/api/cards",
        "/api/cards/anselm.png",
        "/api/cards/anselm.png/picture",
        "/api/watch",
        "/api/prompt/formats",
        "/openapi.json",
        "/slots",
        "/lora-adapters",
    ] {
        assert_eq!(server.get(path).status, 401, "{path}");
    }
    for path in [
        "/api/card/read",
        "/api/cards",
        "/api/generate",
        "/api/card/check",
    ] {
        let answer = server.ask("POST", path, &[], "{}");
        assert_eq!(answer.status, 401, "{path}");
    }
}
