//! Who may ask: the name the server was called by, the page that calls it, the key.
//!
//! A socket on the loopback address is open to every web page that the user visits. A page can post to it (so `Origin`
//! is checked) and can point a name of its own at 127.0.0.1 and then read the answers (so `Host` is).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::fault::{Fault, Private};
use super::{App, Options, Shared, page};

/// Says whether a page that calls comes from the server itself (`same-origin`) or from elsewhere.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The key as some front-ends send it.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What browsers may learn from another origin.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("cardwright-findings, cardwright-format, cardwright-ignored");

pub(super) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let origin = match admit(&app, &request) {
        Ok(origin) => origin,
        Err(fault) => return harden(fault.into_response()),
    };
    let preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        // A preflight carries no key; what it announces will.
        StatusCode::NO_CONTENT.into_response()
    } else if let Err(fault) = unlock(&app.options, &request) {
        fault.into_response()
    } else {
        let path = request.uri().path().to_owned();
        let response = next.run(request).await;
        if let Some(Private(reason)) = response.extensions().get() {
            app.log(&format!("{path}: {reason}"));
        }
        response
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if preflight {
            let allow = [
                (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
                (
                    header::ACCESS_CONTROL_ALLOW_HEADERS,
                    "authorization, content-type, x-api-key",
                ),
                (header::ACCESS_CONTROL_MAX_AGE, "600"),
            ];
            for (name, value) in allow {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
    harden(response)
}

/// Whether the name and the page are allowed; for a page of another origin, that origin.
fn admit(app: &App, request: &Request) -> Result<Option<HeaderValue>, Fault> {
    let headers = request.headers();
    let authority = request
        .uri()
        .authority()
        .map(Authority::as_str)
        .or_else(|| text(headers, header::HOST));
    let authority = authority.ok_or_else(|| forbidden("a request must name its `Host`"))?;
    if !is_ours(host(authority), &app.options.hosts) {
        return Err(forbidden(
            "this server does not answer to that name; start it with `--allow-host` if it should",
        ));
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        // Images, forms and scripts of other sites send no `Origin` with GET.
        return match text(headers, FETCH_SITE) {
            Some("cross-site") => Err(forbidden("other sites may not call this server")),
            _ => Ok(None),
        };
    };
    let given = origin.to_str().unwrap_or_default();
    let same = ["http://", "https://"]
        .iter()
        .any(|scheme| given.strip_prefix(scheme) == Some(authority));
    if same {
        Ok(None)
    } else if app.options.origins.iter().any(|allowed| allowed == given) {
        Ok(Some(origin.clone()))
    } else {
        Err(forbidden(
            "this page may not call this server; start it with `--allow-origin` if it should",
        ))
    }
}

/// Whether the key fits, where one is asked for. Only `/health` and the files of the page need none.
fn unlock(options: &Options, request: &Request) -> Result<(), Fault> {
    let Some(key) = &options.key else {
        return Ok(());
    };
    let path = request.uri().path();
    if path == "/health" || page::is_page(path) {
        return Ok(());
    }
    let headers = request.headers();
    let bearer = text(headers, header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let given = bearer.or_else(|| text(headers, API_KEY));
    match given {
        Some(given) if is_same(given, key) => Ok(()),
        _ => Err(Fault::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "the API key is missing or wrong",
        )),
    }
}

/// Compares in a time that tells nothing about either: hashes of equal length, all of their bytes.
fn is_same(given: &str, key: &str) -> bool {
    let (given, key) = (Sha256::digest(given), Sha256::digest(key));
    let difference = given
        .iter()
        .zip(key.iter())
        .fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(difference) == 0
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(host, _)| host);
    }
    authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
}

fn is_ours(host: &str, names: &[String]) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok()
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn forbidden(message: &str) -> Fault {
    Fault::new(StatusCode::FORBIDDEN, "permission_error", message)
}

/// Headers that every answer has: nothing is guessed, framed, cached or told to other sites.
fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "Origin"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_known_names_are_ours_and_no_others() {
        let names = ["den.example".to_owned()];
        for authority in [
            "localhost",
            "LOCALHOST:5001",
            "127.0.0.1:5001",
            "[::1]:5001",
            "192.168.0.7",
            "Den.Example:80",
        ] {
            assert!(is_ours(host(authority), &names), "{authority}");
        }
        for authority in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "[::1",
            "den.example.evil",
        ] {
            assert!(!is_ours(host(authority), &names), "{authority}");
        }
    }

    #[test]
    fn only_the_same_key_is_the_same() {
        assert!(is_same("a secret", "a secret"));
        for wrong in ["", "a secre", "a secret ", "A secret"] {
            assert!(!is_same(wrong, "a secret"), "{wrong:?}");
        }
    }
}
