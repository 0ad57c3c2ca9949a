//! The server's own page, for people who have no front-end: plain files, embedded.
//!
//! Nothing is built and nothing is asked for elsewhere. What a card says never becomes markup: the page writes text nodes
//! only, and its policy forbids everything else, inline scripts and string-to-markup sinks included.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Shared;
use super::fault::Fault;
use super::parts::Named;

/// What the page may do. `trusted-types` makes writing markup from texts an error even where a script would try.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the page: its name, its type, its text.
type File = (&'static str, &'static str, &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const INDEX: File = (
    "index.html",
    "text/html; charset=utf-8",
    include_str!("page/index.html"),
);

const FILES: &[File] = &[
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("style.css", STYLE, include_str!("page/style.css")),
    ("views.css", STYLE, include_str!("page/views.css")),
    ("app.js", SCRIPT, include_str!("page/app.js")),
    ("api.js", SCRIPT, include_str!("page/api.js")),
    ("dom.js", SCRIPT, include_str!("page/dom.js")),
    ("gallery.js", SCRIPT, include_str!("page/gallery.js")),
    ("card.js", SCRIPT, include_str!("page/card.js")),
    ("prompt.js", SCRIPT, include_str!("page/prompt.js")),
    ("generate.js", SCRIPT, include_str!("page/generate.js")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("watch.js", SCRIPT, include_str!("page/watch.js")),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(async || answer(&INDEX)))
        .route("/page/{file}", get(file))
}

/// Whether a path is one of the page, which holds no secret and asks for the key itself.
pub(super) fn is_page(path: &str) -> bool {
    path == "/"
        || path
            .strip_prefix("/page/")
            .is_some_and(|name| find(name).is_some())
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|(known, ..)| *known == name)
}

async fn file(Named(name): Named<String>) -> Result<Response, Fault> {
    match find(&name) {
        Some(file) => Ok(answer(file)),
        None => Err(super::fault::nothing(&format!("/page/{name}"))),
    }
}

fn answer((_, kind, text): &'static File) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
        ),
    ];
    (headers, *text).into_response()
}
