//! Models behind HTTP: every server that speaks OpenAI's completions, several of them as one engine.
//!
//! Each server gets as many requests at once as it has slots. A request that a server refuses for now, or that cannot reach
//! one, is tried again elsewhere, later and later; but only as long as nothing of the reply has come, for a reply is never
//! written twice. A server that is lost in the middle of a reply fails it with [`Kind::Busy`]: whoever asked knows whether
//! to ask again.
//!
//! What a server does not know of a request (a grammar, most samplers) is left out, so whoever asks looks at the answer.

mod dialect;
mod server;
mod stream;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::server::{Failure, Server};
use super::{Completion, Engine, Feed, ModelInfo, Request};
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// Requests at once to a server that does not say how many slots it has.
const PARALLEL: usize = 8;
/// The most requests at once to one server, whatever it says: each takes a thread here.
const MOST_PARALLEL: usize = 256;
/// The first wait before another try; it doubles with each.
const WAIT: Duration = Duration::from_millis(250);
/// The longest wait, whatever a server asks for.
const MOST_WAIT: Duration = Duration::from_secs(30);

/// Which servers, and how patient to be with them.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteOptions {
    /// Their addresses, such as `http://127.0.0.1:8080`; a `/v1` at the end may be left out.
    pub servers: Vec<String>,
    /// The model to ask for, where a server has several. Default: the first it tells of.
    pub model: Option<String>,
    /// A key that is sent with every request (`Authorization: Bearer`). Default: none.
    pub key: Option<String>,
    /// Requests at once to each server. Default: as many as it says it has slots, else 8.
    pub parallel: Option<usize>,
    /// How often a request is tried before it fails. Default: 8.
    pub tries: usize,
    /// How long a server may be silent. It is while a long prompt is evaluated. Default: 10 minutes.
    pub silence: Duration,
}

impl RemoteOptions {
    /// The defaults for some servers.
    pub fn new(servers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            servers: servers.into_iter().map(Into::into).collect(),
            model: None,
            key: None,
            parallel: None,
            tries: 8,
            silence: Duration::from_secs(600),
        }
    }
}

/// Models behind HTTP.
pub struct Remote {
    model: ModelInfo,
    shared: Arc<Shared>,
}

/// What the threads share.
struct Shared {
    servers: Vec<Server>,
    tries: usize,
    jobs: Mutex<VecDeque<Job>>,
    /// Told of a job, of a server that has room again, and of the end.
    news: Condvar,
    ended: AtomicBool,
}

struct Job {
    request: Request,
    feed: Feed,
}

impl Remote {
    /// Asks the servers what they are. One that cannot be reached is tried again later, as long as another can.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when an address is none, [`Kind::Engine`] when no server answers or a model is not there.
    pub fn connect(options: &RemoteOptions) -> Result<Self> {
        if options.servers.is_empty() {
            return Err(Error::new(Kind::Usage, "there is no server to ask"));
        }
        let servers: Vec<Server> = (options.servers.iter())
            .map(|address| Server::new(address, options))
            .collect::<Result<_>>()?;
        let mut last = None;
        for server in &servers {
            match server.about() {
                Ok(_) => {}
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, _) | Failure::Lost(error)) => last = Some(error),
            }
        }
        let known = servers.iter().filter_map(Server::known);
        let Some(first) = known.clone().next() else {
            return Err(last.unwrap_or_else(no_answer));
        };
        let parallel: usize = servers.iter().map(Server::parallel).sum();
        let model = ModelInfo {
            name: first.model.clone(),
            context: known
                .map(|about| about.context)
                .min()
                .unwrap_or(first.context),
            vocabulary: 0,
            slots: parallel,
            chat_template: first.chat_template.clone(),
            begin_of_text: first.begin_of_text.clone(),
            end_of_text: first.end_of_text.clone(),
        };
        let shared = Arc::new(Shared {
            servers,
            tries: options.tries.max(1),
            jobs: Mutex::default(),
            news: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        for number in 0..parallel {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("remote {number}"))
                .spawn(move || shared.work())
                .map_err(|e| {
                    Error::new(Kind::Engine, format!("cannot start a thread: {e}")).source(e)
                })?;
        }
        Ok(Self { model, shared })
    }

    /// Asks the servers one after the other until one answers.
    fn ask<T>(&self, ask: impl Fn(&Server) -> Result<T, Failure>) -> Result<T> {
        let mut last = None;
        for server in &self.shared.servers {
            match ask(server) {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, _) | Failure::Lost(error)) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(no_answer))
    }
}

impl Engine for Remote {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, text: &str) -> Result<usize> {
        self.ask(|server| server.count(text))
    }

    fn tokenize(&self, text: &str, special_tokens: bool) -> Result<Vec<Token>> {
        self.ask(|server| server.tokenize(text, special_tokens))
    }

    fn start(&self, request: Request) -> Result<Completion> {
        // What no server could be blamed for is said at once.
        crate::sampling::Chain::new(&request.settings)?;
        if request.grammar.is_some() && request.json_schema.is_some() {
            return Err(Error::new(
                Kind::Usage,
                "a reply follows a grammar or a JSON schema, not both",
            ));
        }
        let (feed, completion) = Completion::new();
        self.shared.jobs().push_back(Job { request, feed });
        self.shared.news.notify_all();
        Ok(completion)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // A thread that waits for a server ends once that has answered; nobody need wait for it.
        self.shared.ended.store(true, Ordering::Relaxed);
        self.shared.jobs().clear();
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn jobs(&self) -> std::sync::MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            self.serve(job);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = jobs.pop_front() {
                return Some(job);
            }
            jobs = self.news.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn serve(&self, job: Job) {
        let Job { request, feed } = job;
        let mut tries = 0;
        loop {
            let Some(server) = self.server(&feed) else {
                return;
            };
            tries += 1;
            let outcome = server.complete(&request, &feed);
            server.leave();
            self.news.notify_all();
            match outcome {
                Ok(end) => {
                    server.recover();
                    return feed.end(end);
                }
                Err(Failure::Final(error)) => return feed.fail(error),
                Err(Failure::Lost(error)) => {
                    server.rest(WAIT);
                    return feed.fail(error);
                }
                Err(Failure::Passing(error, _)) if tries >= self.tries => {
                    let message = format!("{} (tried {tries} times)", error.message());
                    return feed.fail(Error::new(Kind::Engine, message).hint(
                        "check that the servers run; `--engine` takes several addresses, separated by commas",
                    ));
                }
                Err(Failure::Passing(_, asked)) => {
                    server.rest(asked.unwrap_or_else(|| later(tries)).min(MOST_WAIT));
                }
            }
        }
    }

    /// The server with the most room that is not resting, entered; `None` when nobody listens to the reply any more.
    fn server(&self, feed: &Feed) -> Option<&Server> {
        let mut jobs = self.jobs();
        loop {
            if feed.is_cancelled() || self.ended.load(Ordering::Relaxed) {
                return None;
            }
            let now = Instant::now();
            let free = self.servers.iter().filter(|server| server.has_room(now));
            if let Some(server) = free.max_by_key(|server| server.room()) {
                server.enter();
                return Some(server);
            }
            let until = self.servers.iter().filter_map(Server::resting_until).min();
            let wait = until.map_or(WAIT, |until| until.saturating_duration_since(now));
            let wait = wait.clamp(Duration::from_millis(5), WAIT);
            let waited = self.news.wait_timeout(jobs, wait);
            jobs = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn no_answer() -> Error {
    Error::new(Kind::Engine, "no server answers")
}

/// How long to wait after so many tries: twice as long each time, and not all at the same moment.
fn later(tries: usize) -> Duration {
    let doubled = WAIT.saturating_mul(1 << tries.min(10).saturating_sub(1));
    // A random half more, from the one source of chance that is here.
    let chance = crate::sampling::drawn_seed() % 1000;
    doubled + doubled.mul_f64(chance as f64 / 2000.0)
}
