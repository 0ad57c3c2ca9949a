//! A model hub that speaks Hugging Face's protocol: resumed, checked, and with the token kept for the hub alone.
//!
//! A file's address redirects to wherever its bytes are kept; the redirect carries the file's size and SHA-256. Every try
//! asks for that address anew, because it is signed and expires, and goes on after the bytes that are there.
//! The protocol: <https://huggingface.co/docs/huggingface_hub/package_reference/file_download>.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use super::part::Part;
use super::place::Place;
use super::{Options, Pulled, Watch};
use crate::{Error, Kind, Result};

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 8;

/// Tries without a single new byte before giving up.
const TRIES: u32 = 5;

/// The longest wait between two tries, whatever a server asks for.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How long a server may take to connect, to answer, and to send the next bytes.
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches one file of a repository.
pub(super) fn fetch(
    place: &Place,
    options: &Options,
    repo: &str,
    revision: &str,
    file: &str,
    watch: &mut Watch<'_>,
) -> Result<Pulled> {
    let shown = format!("hf:{repo}/{file}");
    let at = |e: Error| e.at(shown.clone());
    let name = file.rsplit('/').next().unwrap_or(file);
    let target = place.target(name)?;
    if options.offline {
        return Err(at(Error::new(
            Kind::File,
            "this is on the network, and offline was asked for",
        )
        .hint("unset `HF_HUB_OFFLINE`")));
    }
    let hub = Hub::new(options, repo, revision, file).map_err(at)?;
    let remote = hub.patiently(|| hub.describe()).map_err(at)?;
    if let Some(sha256) = &remote.sha256
        && place.holds(&target, sha256, remote.size, watch)?
    {
        return Ok(Pulled {
            path: target,
            size: remote.size,
            already: true,
        });
    }
    place.expect_free(&target)?;
    // The version is part of the name, so that two versions are never spliced together.
    let partial = place.incomplete(&format!("{name}.{}", remote.version));
    hub.download(&remote, &partial, watch).map_err(at)?;
    let pulled = place.accept(&partial, target);
    // Other versions, and what is complete and still no model: nothing to go on with.
    place.forget_incomplete(name);
    pulled.map_err(at)
}

struct Hub {
    agent: Agent,
    address: Uri,
    token: Option<String>,
    patience: Duration,
}

/// What the hub says of a file.
struct Remote {
    size: u64,
    /// Known for large files.
    sha256: Option<String>,
    /// Tells versions of the file apart; safe as part of a file name.
    version: String,
}

/// A failure, and whether to try again.
enum Failure {
    Final(Error),
    /// With how long the server asked to wait.
    Passing(Error, Option<Duration>),
}

impl Hub {
    fn new(options: &Options, repo: &str, revision: &str, file: &str) -> Result<Self> {
        let endpoint = options.hub.trim_end_matches('/');
        let file: Vec<String> = file.split('/').map(percent_encode).collect();
        let address = format!(
            "{endpoint}/{repo}/resolve/{}/{}",
            percent_encode(revision),
            file.join("/")
        );
        let address: Uri = address
            .parse()
            .ok()
            .filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")))
            .ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    format!("the hub's address `{endpoint}` is none"),
                )
                .hint("`HF_ENDPOINT` is an address such as `https://hub.example`")
            })?;
        let agent = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("cardwright/", env!("CARGO_PKG_VERSION")))
            // The sizes that count are those of the file as it is.
            .accept_encoding("identity")
            .build()
            .new_agent();
        Ok(Self {
            agent,
            address,
            token: options.token.clone(),
            patience: options.patience,
        })
    }

    /// Sends a request and follows redirects, until one carries the file's checksum if `stop_at_checksum`.
    fn request(
        &self,
        method: &str,
        from: Option<u64>,
        stop_at_checksum: bool,
    ) -> Result<Response<Body>, Failure> {
        let mut address = self.address.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut request = match method {
                "HEAD" => self.agent.head(&address),
                _ => self.agent.get(&address),
            };
            if let Some(from) = from {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            if let Some(token) = &self.token
                && origin(&address) == origin(&self.address)
            {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(|e| unreachable(&address, e))?;
            let done = !response.status().is_redirection()
                || (stop_at_checksum && text(&response, "x-linked-etag").is_some());
            if done {
                return Ok(response);
            }
            address = redirect(&address, text(&response, "location").unwrap_or_default())
                .map_err(Failure::Final)?;
        }
        Err(Failure::Final(Error::new(
            Kind::File,
            format!("the hub redirects more than {MAX_REDIRECTS} times"),
        )))
    }

    fn describe(&self) -> Result<Remote, Failure> {
        let response = self.request("HEAD", None, true)?;
        if !response.status().is_redirection() {
            check(&response)?;
        }
        let size = text(&response, "x-linked-size")
            .or_else(|| text(&response, "content-length"))
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| {
                Failure::Final(Error::new(
                    Kind::File,
                    "the hub does not say how large the file is",
                ))
            })?;
        let tag = text(&response, "x-linked-etag")
            .or_else(|| text(&response, "etag"))
            .unwrap_or_default()
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_lowercase();
        let is_hex = tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let sha256 = (is_hex && tag.len() == 64).then(|| tag.clone());
        let version: String = tag
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(16)
            .collect();
        Ok(Remote {
            size,
            sha256,
            version: format!("{version}-{size}"),
        })
    }

    /// Makes `partial` the whole file, from whatever is there.
    fn download(&self, remote: &Remote, partial: &Path, watch: &mut Watch<'_>) -> Result<()> {
        let mut part = Part::open(partial, remote.size, watch)?;
        let resumed = part.done > 0;
        self.receive(remote, &mut part, watch)?;
        let sha256 = part.finish()?;
        let Some(expected) = remote.sha256.as_ref().filter(|wanted| **wanted != sha256) else {
            return Ok(());
        };
        fs::remove_file(partial).map_err(|e| Error::file("remove", partial, e))?;
        if resumed {
            // The bytes of the last time may be the wrong ones; without them there is no excuse.
            return self.download(remote, partial, watch);
        }
        Err(Error::new(
            Kind::Model,
            format!("the file came with the checksum {sha256} and not {expected}"),
        )
        .hint("run it again; when it happens again, the file on the hub is damaged"))
    }

    /// Receives what `part` lacks, in as many tries as it takes while each brings something.
    fn receive(&self, remote: &Remote, part: &mut Part, watch: &mut Watch<'_>) -> Result<()> {
        let mut idle = 0;
        while part.done < remote.size {
            let before = part.done;
            let (error, asked) = match self.body(remote, part) {
                Ok(mut body) => {
                    part.fill(&mut body, watch)?;
                    (short(part.done, remote.size), None)
                }
                Err(Failure::Passing(error, asked)) => (error, asked),
                Err(Failure::Final(error)) => return Err(error),
            };
            if part.done < remote.size {
                idle = if part.done > before { 0 } else { idle + 1 };
                self.wait(idle, error, asked)?;
            }
        }
        if part.done > remote.size {
            part.remove();
            return Err(Error::new(
                Kind::Model,
                format!(
                    "the hub sends more than the {} bytes it announced",
                    remote.size
                ),
            )
            .hint("run it again; when it happens again, the file on the hub is damaged"));
        }
        Ok(())
    }

    /// The bytes that `part` lacks. A server that starts over makes `part` start over.
    fn body(&self, remote: &Remote, part: &mut Part) -> Result<impl io::Read + use<>, Failure> {
        let from = (part.done > 0).then_some(part.done);
        let mut response = self.request("GET", from, false)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // The file is another one than was described.
            response = self.request("GET", None, false)?;
        }
        check(&response)?;
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let start = format!("bytes {}-", part.done);
            if !text(&response, "content-range").is_some_and(|range| range.starts_with(&start)) {
                return Err(Failure::Final(Error::new(
                    Kind::File,
                    format!(
                        "the hub sends another part of the file than from byte {}",
                        part.done
                    ),
                )));
            }
        } else {
            part.start_over().map_err(Failure::Final)?;
        }
        // One byte more than announced shows a file that is longer than was said.
        Ok(response
            .into_body()
            .into_reader()
            .take(remote.size - part.done + 1))
    }

    /// Does `work` until it succeeds, fails for good, or has failed too often.
    fn patiently<T>(&self, work: impl Fn() -> Result<T, Failure>) -> Result<T> {
        let mut idle = 0;
        loop {
            match work() {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, wait)) => {
                    idle += 1;
                    self.wait(idle, error, wait)?;
                }
            }
        }
    }

    /// Waits before the next try, or gives `error` when there were enough.
    fn wait(&self, idle: u32, error: Error, asked: Option<Duration>) -> Result<()> {
        if idle >= TRIES {
            return Err(error);
        }
        let own = self.patience * 2_u32.pow(idle.saturating_sub(1));
        thread::sleep(asked.unwrap_or(own).min(MAX_WAIT));
        Ok(())
    }
}

/// The error of a download that broke off.
fn short(done: u64, size: u64) -> Error {
    Error::new(
        Kind::File,
        format!("the connection broke off after {done} of {size} bytes"),
    )
    .hint("run it again: it goes on from there")
}

/// Turns an answer that is no success into an error.
fn check(response: &Response<Body>) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let code = text(response, "x-error-code").unwrap_or_default();
    let error = |message: &str| Error::new(Kind::File, message);
    let finally = |message: &str, hint: &str| Err(Failure::Final(error(message).hint(hint)));
    match (status.as_u16(), code) {
        (_, "GatedRepo") => finally(
            "the model's author wants a licence accepted first",
            "accept it on the hub's page of the model, then set `HF_TOKEN` to a token of yours",
        ),
        (_, "EntryNotFound") => finally(
            "there is no such file in the repository",
            "look up its name on the hub",
        ),
        (_, "RevisionNotFound") => finally(
            "there is no such revision of the repository",
            "look it up on the hub",
        ),
        (401 | 403, _) => finally(
            "the hub refuses: there is no such repository, or it is not public",
            "check the name; for a private model set `HF_TOKEN` to a token of yours",
        ),
        (404, _) => finally(
            "the hub has no such file",
            "check owner, repository and file",
        ),
        (status @ (408 | 429 | 500..=599), _) => {
            let wait = text(response, "retry-after").and_then(|seconds| seconds.parse().ok());
            Err(Failure::Passing(
                error(&format!("the hub answers with status {status}")).hint("try again later"),
                wait.map(Duration::from_secs),
            ))
        }
        (status, _) => Err(Failure::Final(error(&format!(
            "the hub answers with status {status}"
        )))),
    }
}

fn unreachable(address: &Uri, error: ureq::Error) -> Failure {
    let host = address.host().unwrap_or_default();
    Failure::Passing(
        Error::new(Kind::File, format!("cannot reach `{host}`: {error}"))
            .source(error)
            .hint("check the network and `HF_ENDPOINT`; what has come so far is kept"),
        None,
    )
}

/// Where a redirect from `from` leads.
fn redirect(from: &Uri, location: &str) -> Result<Uri> {
    let absolute = if location.starts_with('/') && !location.starts_with("//") {
        let (scheme, host) = origin(from);
        format!("{scheme}://{host}{location}")
    } else {
        location.to_owned()
    };
    let lost = |why: &str| Error::new(Kind::File, format!("the hub redirects to {why}"));
    let to: Uri = absolute.parse().map_err(|_| lost("no address"))?;
    match (from.scheme_str(), to.scheme_str()) {
        (_, Some("https")) | (Some("http"), Some("http")) => Ok(to),
        (_, Some("http")) => Err(lost("an address without encryption")),
        _ => Err(lost("no address")),
    }
}

fn origin(address: &Uri) -> (String, String) {
    let part = |part: Option<&str>| part.unwrap_or_default().to_lowercase();
    (
        part(address.scheme_str()),
        part(address.authority().map(ureq::http::uri::Authority::as_str)),
    )
}

fn text<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn percent_encode(segment: &str) -> String {
    let mut encoded = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
