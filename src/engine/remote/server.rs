//! One server: what it is, how much it has to do, and a reply of it.

use std::io::{BufReader, Read as _};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::dialect::Dialect;
use super::stream::{Line, Stream};
use super::{MOST_PARALLEL, PARALLEL, RemoteOptions};
use crate::engine::tail::{Flow, Tail};
use crate::engine::{End, Feed, Reason, Request};
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// The longest answer to a question about the server itself.
const MOST_ANSWER: u64 = 8 << 20;
/// Tokens that a conversation holds where a server does not say.
const CONTEXT: usize = 4096;
/// How long to wait for a connection: a server that is there answers at once.
const CONNECT: Duration = Duration::from_secs(10);

/// A failure, and whether to try again.
pub(super) enum Failure {
    Final(Error),
    /// Nothing of the reply has come; with how long the server asked to wait.
    Passing(Error, Option<Duration>),
    /// In the middle of a reply.
    Lost(Error),
}

/// What a server says it is.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) dialect: Dialect,
    pub(super) model: String,
    pub(super) context: usize,
    pub(super) slots: Option<usize>,
    pub(super) chat_template: Option<String>,
    pub(super) begin_of_text: Option<String>,
    pub(super) end_of_text: Option<String>,
}

/// One server.
pub(super) struct Server {
    /// Its address without `/v1`.
    root: String,
    agent: Agent,
    key: Option<String>,
    wanted: Option<String>,
    asked_parallel: Option<usize>,
    about: OnceLock<About>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Requests at this moment.
    busy: usize,
    /// Not to be asked before.
    rests: Option<Instant>,
}

impl Server {
    pub(super) fn new(address: &str, options: &RemoteOptions) -> Result<Self> {
        let address = address.trim().trim_end_matches('/');
        let address = address.strip_suffix("/v1").unwrap_or(address);
        let root = if address.contains("://") {
            address.to_owned()
        } else {
            format!("http://{address}")
        };
        let is_address = root.parse::<ureq::http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        });
        // `http://` alone has lost its slashes by now.
        if address.is_empty() || address.ends_with(':') || !is_address {
            return Err(Error::new(
                Kind::Usage,
                format!("`{address}` is no address of a server"),
            )
            .hint("write it as `http://127.0.0.1:8080`"));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(options.silence))
            .timeout_per_read(Some(options.silence))
            .user_agent(concat!("cardwright/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections_per_host(MOST_PARALLEL)
            .max_idle_connections(MOST_PARALLEL)
            .build()
            .new_agent();
        Ok(Self {
            root,
            agent,
            key: options.key.clone(),
            wanted: options.model.clone(),
            asked_parallel: options.parallel,
            about: OnceLock::new(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that it gets at once.
    pub(super) fn parallel(&self) -> usize {
        let slots = self.known().and_then(|about| about.slots);
        (self.asked_parallel.or(slots).unwrap_or(PARALLEL)).clamp(1, MOST_PARALLEL)
    }

    pub(super) fn has_room(&self, now: Instant) -> bool {
        let state = self.state();
        state.busy < self.parallel() && state.rests.is_none_or(|until| until <= now)
    }

    pub(super) fn room(&self) -> usize {
        self.parallel().saturating_sub(self.state().busy)
    }

    pub(super) fn resting_until(&self) -> Option<Instant> {
        self.state().rests
    }

    pub(super) fn enter(&self) {
        self.state().busy += 1;
    }

    pub(super) fn leave(&self) {
        let mut state = self.state();
        state.busy = state.busy.saturating_sub(1);
    }

    /// Asks nothing of it for a while.
    pub(super) fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        state.rests = Some(state.rests.map_or(until, |other| other.max(until)));
    }

    pub(super) fn recover(&self) {
        self.state().rests = None;
    }

    pub(super) fn known(&self) -> Option<&About> {
        self.about.get()
    }

    /// What it is; asked once.
    pub(super) fn about(&self) -> Result<&About, Failure> {
        if let Some(about) = self.about.get() {
            return Ok(about);
        }
        let about = self.look()?;
        Ok(self.about.get_or_init(|| about))
    }

    fn look(&self) -> Result<About, Failure> {
        let models = self.get("/v1/models")?;
        let listed = models["data"].as_array().cloned().unwrap_or_default();
        let named = |model: &&Value| match &self.wanted {
            Some(wanted) => model["id"] == json!(wanted),
            None => true,
        };
        let Some(model) = listed.iter().find(named) else {
            let names: Vec<_> = listed
                .iter()
                .filter_map(|model| model["id"].as_str())
                .collect();
            let message = match &self.wanted {
                Some(wanted) => format!("the server at {} has no model `{wanted}`", self.root),
                None => format!("the server at {} tells of no model", self.root),
            };
            return Err(Failure::Final(
                Error::new(Kind::Engine, message)
                    .hint(format!("its models are: {}", names.join(", "))),
            ));
        };
        let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let mut about = About {
            dialect: Dialect::of(model["owned_by"].as_str().unwrap_or_default()),
            model: text(&model["id"]).unwrap_or_default(),
            context: number(&model["max_model_len"])
                .or_else(|| number(&model["meta"]["n_ctx"]))
                .unwrap_or(CONTEXT),
            slots: None,
            chat_template: None,
            begin_of_text: None,
            end_of_text: None,
        };
        match &mut about.dialect {
            Dialect::LlamaCpp => {
                let props = self.get("/props")?;
                about.context =
                    number(&props["default_generation_settings"]["n_ctx"]).unwrap_or(about.context);
                about.slots = number(&props["total_slots"]);
                about.chat_template = text(&props["chat_template"]);
                about.begin_of_text = text(&props["bos_token"]);
                about.end_of_text = text(&props["eos_token"]);
            }
            Dialect::Vllm { structured } => {
                if let Ok(version) = self.get("/version") {
                    *structured = has_structured(version["version"].as_str().unwrap_or_default());
                }
            }
            Dialect::Sglang | Dialect::OpenAi => {}
        }
        Ok(about)
    }

    pub(super) fn count(&self, text: &str) -> Result<usize, Failure> {
        self.tokenize(text, false).map(|tokens| tokens.len())
    }

    pub(super) fn tokenize(&self, text: &str, special: bool) -> Result<Vec<Token>, Failure> {
        let about = self.about()?;
        let body = match about.dialect {
            Dialect::LlamaCpp => {
                json!({ "content": text, "add_special": false, "parse_special": special })
            }
            Dialect::Vllm { .. } => {
                json!({ "model": about.model, "prompt": text, "add_special_tokens": false })
            }
            Dialect::Sglang | Dialect::OpenAi => {
                return Err(Failure::Final(Error::new(
                    Kind::Engine,
                    format!("the server at {} does not count tokens", self.root),
                )));
            }
        };
        let answer = self.post("/tokenize", &body)?;
        let tokens = answer["tokens"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(tokens
            .iter()
            .filter_map(|token| token.as_i64().and_then(|token| Token::try_from(token).ok()))
            .collect())
    }

    /// Has a request completed and passes on what comes.
    pub(super) fn complete(&self, request: &Request, feed: &Feed) -> Result<End, Failure> {
        let about = self.about()?;
        let body = about.dialect.body(&about.model, request);
        let begun = Instant::now();
        let response = self.send("/v1/completions", Some(&body))?;
        let reader = response.into_body().into_reader();
        let mut stream = Stream::new(BufReader::new(reader));
        let mut reply = Reply {
            tail: Tail::new(request.stop.clone(), Vec::new()),
            feed,
            first: None,
            pieces: 0,
            usage: [None; 3],
        };
        let mut reason = None;
        loop {
            if feed.is_cancelled() {
                // Nobody reads the end.
                return Ok(reply.end(Reason::Length, begun));
            }
            let line = stream.next_line();
            let has_begun = reply.first.is_some();
            let lost = |why: String| {
                let error = format!("the server at {} {why}", self.root);
                if has_begun {
                    let hint = "ask again: what has come of the reply is not kept";
                    Failure::Lost(Error::new(Kind::Busy, error).hint(hint))
                } else {
                    Failure::Passing(Error::new(Kind::Engine, error), None)
                }
            };
            let data = match line {
                Ok(Line::Data(data)) => data,
                Ok(Line::Done) => break,
                Ok(Line::End) if reason.is_some() => break,
                Ok(Line::End) => return Err(lost("ended the reply before it was complete".into())),
                Err(error) => return Err(lost(format!("was lost: {error}"))),
            };
            if let Some(message) = data.get("error") {
                let message = message["message"].as_str().unwrap_or("without a word");
                return Err(lost(format!("gave up: {message}")));
            }
            reply.count(&data);
            let choice = &data["choices"][0];
            if let Some(text) = choice["text"].as_str().filter(|text| !text.is_empty())
                && let Some(stop) = reply.piece(text)
            {
                return Ok(reply.end(Reason::Stop(stop), begun));
            }
            match choice["finish_reason"].as_str() {
                Some("length") => reason = Some(Reason::Length),
                Some("error" | "abort") => return Err(lost("gave the reply up".into())),
                Some(_) => {
                    let stop = choice["stop_reason"].as_str();
                    reason = Some(stop.map_or(Reason::EndOfText, |s| Reason::Stop(s.to_owned())));
                }
                None => {}
            }
        }
        let rest = reply.tail.finish();
        if !rest.is_empty() {
            feed.piece(rest);
        }
        Ok(reply.end(reason.unwrap_or(Reason::EndOfText), begun))
    }

    fn get(&self, path: &str) -> Result<Value, Failure> {
        self.answer(self.send(path, None)?)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.answer(self.send(path, Some(body))?)
    }

    fn answer(&self, response: Response<Body>) -> Result<Value, Failure> {
        let mut text = String::new();
        let reader = response.into_body().into_reader();
        let read = reader.take(MOST_ANSWER).read_to_string(&mut text);
        let strange = |error: String| {
            let message = format!("the server at {} answers strangely: {error}", self.root);
            Failure::Passing(Error::new(Kind::Engine, message), None)
        };
        read.map_err(|e| strange(e.to_string()))?;
        serde_json::from_str(&text).map_err(|e| strange(e.to_string()))
    }

    fn send(&self, path: &str, body: Option<&Value>) -> Result<Response<Body>, Failure> {
        let address = format!("{}{path}", self.root);
        let key = self.key.as_ref().map(|key| format!("Bearer {key}"));
        let response = match body {
            None => {
                let mut request = self.agent.get(&address);
                if let Some(key) = &key {
                    request = request.header(header::AUTHORIZATION, key);
                }
                request.call()
            }
            Some(body) => {
                let mut request = self.agent.post(&address);
                request = request.header(header::CONTENT_TYPE, "application/json");
                if let Some(key) = &key {
                    request = request.header(header::AUTHORIZATION, key);
                }
                request.send(body.to_string())
            }
        };
        let response = response.map_err(|e| {
            let message = format!("cannot reach the server at {}: {e}", self.root);
            let error = Error::new(Kind::Engine, message).source(e);
            Failure::Passing(error.hint("check that it runs, and the address"), None)
        })?;
        let status = response.status().as_u16();
        if status < 300 {
            return Ok(response);
        }
        let asked = (response.headers().get(header::RETRY_AFTER))
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut text = String::new();
        let reader = response.into_body().into_reader();
        // What a server says of its refusal may itself be cut off.
        let _ = reader.take(4096).read_to_string(&mut text);
        let said = serde_json::from_str::<Value>(&text).ok().and_then(|value| {
            let error = &value["error"];
            let message = error["message"].as_str().or(error.as_str());
            message.or(value["message"].as_str()).map(str::to_owned)
        });
        let said = said.unwrap_or_else(|| text.trim().chars().take(200).collect());
        let message = format!("the server at {} answers {status}: {said}", self.root);
        let error = Error::new(Kind::Engine, message);
        Err(match status {
            408 | 425 | 429 | 500..=599 => Failure::Passing(error, asked),
            401 | 403 => Failure::Final(error.hint("give its key with `--engine-key`")),
            _ => Failure::Final(error),
        })
    }
}

/// A reply that is coming.
struct Reply<'a> {
    tail: Tail,
    feed: &'a Feed,
    first: Option<Instant>,
    pieces: usize,
    /// Tokens of the prompt, of it reused, and of the reply, as the server counts.
    usage: [Option<usize>; 3],
}

impl Reply<'_> {
    /// Passes a piece on; the stop string, when one is complete. Most servers look for them too.
    fn piece(&mut self, text: &str) -> Option<String> {
        self.first.get_or_insert_with(Instant::now);
        self.pieces += 1;
        match self.tail.push(self.pieces, text.as_bytes()) {
            Flow::Text(text) => {
                if !text.is_empty() {
                    self.feed.piece(text);
                }
                None
            }
            Flow::Stop(text, stop) => {
                if !text.is_empty() {
                    self.feed.piece(text);
                }
                Some(stop)
            }
            // No string is banned here.
            Flow::Banned(_) => None,
        }
    }

    fn count(&mut self, data: &Value) {
        let usage = &data["usage"];
        let cached = &usage["prompt_tokens_details"]["cached_tokens"];
        let told = [
            number(&usage["prompt_tokens"]),
            number(cached).or_else(|| number(&data["timings"]["cache_n"])),
            number(&usage["completion_tokens"]),
        ];
        for (known, told) in self.usage.iter_mut().zip(told) {
            *known = told.or(*known);
        }
    }

    fn end(&self, reason: Reason, begun: Instant) -> End {
        let now = Instant::now();
        let first = self.first.unwrap_or(now);
        let [prompt, reused, reply] = self.usage;
        End {
            reason,
            prompt_tokens: prompt.unwrap_or(0),
            reused_tokens: reused.unwrap_or(0),
            reply_tokens: reply.unwrap_or(self.pieces),
            dropped_turns: 0,
            rewinds: 0,
            prompt_time: first.saturating_duration_since(begun),
            reply_time: now.saturating_duration_since(first),
        }
    }
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|n| usize::try_from(n).ok())
}

/// Whether a version of vLLM has one field for all constraints.
fn has_structured(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (major, minor) >= (0, 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_tell_which_field_constrains() {
        assert!(has_structured("0.11.0") && has_structured("1.0"));
        assert!(!has_structured("0.6.3.post1") && !has_structured(""));
    }

    #[test]
    fn an_address_may_leave_out_what_is_usual() {
        let options = RemoteOptions::new(["x"]);
        let root = |address| Server::new(address, &options).map(|server| server.root);
        for address in [
            "127.0.0.1:80",
            "http://127.0.0.1:80/",
            " http://127.0.0.1:80/v1/",
        ] {
            assert_eq!(root(address).unwrap(), "http://127.0.0.1:80");
        }
        assert_eq!(
            root("https://a.example/x/v1").unwrap(),
            "https://a.example/x"
        );
        for address in ["", "ftp://a.example", "http://", "http:// a"] {
            assert!(root(address).is_err(), "{address}");
        }
    }
}
