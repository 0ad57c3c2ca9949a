//! The back-end that front-ends connect to: one port that speaks OpenAI's, llama.cpp's, text-generation-webui's and
//! KoboldAI's language.
//!
//! [`app`] is everything that answers, [`listen`] the socket in front of it. Nothing here knows llama.cpp: requests go to
//! an [`Engine`], and a request whose client has gone is cancelled by dropping its completion. No thread waits for a reply.
//!
//! ```
//! use std::sync::Arc;
//! use cardwright::engine::Script;
//! use cardwright::serve::{Options, app};
//!
//! let router = app(Arc::new(Script::new(["Good evening."])), Options::default());
//! # let _ = router;
//! ```

mod adapters;
mod bans;
mod cards;
mod chat;
mod fault;
mod fields;
mod grammar;
mod guard;
mod ignored;
mod invent;
mod kobold;
mod limits;
mod listen;
mod llamacpp;
mod metrics;
mod openai;
mod openapi;
mod order;
mod own;
mod page;
mod parts;
mod probabilities;
mod question;
mod reply;
mod running;
mod stream;
mod watch;
mod web_ui;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::{Router, middleware};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

pub use listen::listen;

use crate::Result;
use crate::engine::{Engine, ModelInfo};
use crate::prompt::Format;
use crate::sampling::Settings;
use cards::Shelf;
use ignored::Ignored;
use metrics::Metrics;
use question::Question;
use reply::Reply;
use running::Running;
use watch::Arrivals;

/// Takes the lines that a server has to say, such as fields it ignores and what is wrong with a prompt.
///
/// They may quote what a client sent, so a terminal must be shown them escaped.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// How a server behaves.
#[derive(Clone)]
pub struct Options {
    /// The settings where a request has none. Default: the LimaRP settings, but with end-of-text allowed, as every
    /// server of the field has it.
    pub settings: Settings,
    /// The most tokens to write where a request does not say. Default: 300.
    pub max_tokens: usize,
    /// What clients must show: `Authorization: Bearer KEY` or `X-Api-Key: KEY`. Default: none.
    pub key: Option<String>,
    /// Host names by which the server may be called besides `localhost`, as `example.org`. Addresses are always allowed:
    /// a page cannot make a browser believe that it came from one. Default: none.
    pub hosts: Vec<String>,
    /// The origins, as `https://example.org`, of web pages that may call the server from a browser. Default: none.
    pub origins: Vec<String>,
    /// The format in which `/v1/chat/completions` writes messages. Default: the model's own chat template, or LimaRP v1
    /// for a model that has none.
    pub format: Option<Format>,
    /// Whether to validate every prompt and to say what is wrong with it, in the log and in response headers.
    /// Default: false.
    pub watch: bool,
    /// The folder whose cards can be listed, read, edited and added to; without one, cards are only looked at.
    /// Default: none.
    pub cards: Option<PathBuf>,
    /// The folder for what slots hold, which clients save and restore by name. Default: none.
    pub slots: Option<PathBuf>,
    /// Where to say things. Default: nowhere.
    pub log: Log,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Settings {
                ban_end_of_text: false,
                ..Settings::default()
            },
            max_tokens: 300,
            key: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            format: None,
            watch: false,
            cards: None,
            slots: None,
            log: Arc::new(|_| ()),
        }
    }
}

/// What all requests share.
struct App {
    engine: Arc<dyn Engine>,
    options: Options,
    running: Running,
    ignored: Ignored,
    metrics: Metrics,
    arrivals: Arrivals,
    shelf: Option<Arc<Shelf>>,
    /// Room for characters to be invented: each takes a thread while it is written.
    inventing: Arc<Semaphore>,
    /// When the server started, for clients and for measuring.
    born: u64,
    clock: Instant,
}

/// The shared part, as handlers take it.
type Shared = Arc<App>;

/// Everything that the server answers.
pub fn app(engine: Arc<dyn Engine>, options: Options) -> Router {
    let shelf = options
        .cards
        .clone()
        .map(|folder| Arc::new(Shelf::new(folder)));
    let app: Shared = Arc::new(App {
        engine,
        options,
        running: Running::default(),
        ignored: Ignored::default(),
        metrics: Metrics::default(),
        arrivals: Arrivals::default(),
        shelf,
        inventing: Arc::new(Semaphore::new(limits::INVENTING)),
        born: seconds(SystemTime::now()),
        clock: Instant::now(),
    });
    Router::new()
        .merge(openai::routes())
        .merge(web_ui::routes())
        .merge(llamacpp::routes())
        .merge(adapters::routes())
        .merge(kobold::routes())
        .merge(openapi::routes())
        .merge(own::routes())
        .merge(cards::routes())
        .merge(invent::routes())
        .merge(watch::routes())
        .merge(page::routes())
        .merge(metrics::routes())
        .fallback(fault::not_found)
        .method_not_allowed_fallback(fault::wrong_method)
        .layer(CatchPanicLayer::custom(fault::panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::guard,
        ))
        .with_state(app)
}

/// Seconds since 1970, as clients are told a time; 0 for one before that.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl App {
    fn model(&self) -> &ModelInfo {
        self.engine.model()
    }

    /// Runs something that may take a while on a thread made for that.
    async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&dyn Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = Arc::clone(&self.engine);
        tokio::task::spawn_blocking(move || work(&*engine))
            .await
            .unwrap_or_else(|_| {
                Err(crate::Error::new(
                    crate::Kind::Engine,
                    "the engine was lost to a panic",
                ))
            })
    }

    /// Hands a question to the engine.
    async fn ask(self: &Arc<Self>, question: Question) -> Result<Reply> {
        let Question { requests, key, .. } = question;
        let started = self.work(move |engine| engine.start_all(requests)).await?;
        Ok(Reply::new(Arc::clone(self), started, key))
    }

    fn log(&self, line: &str) {
        (self.options.log)(line);
    }
}
