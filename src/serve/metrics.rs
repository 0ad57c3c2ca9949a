//! Counters, for Prometheus and for clients that show how fast it went.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::{App, Shared};
use crate::engine::End;

/// What was done since the server started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    started: AtomicU64,
    ended: AtomicU64,
    prompt_tokens: AtomicU64,
    reused_tokens: AtomicU64,
    reply_tokens: AtomicU64,
    prompt_micros: AtomicU64,
    reply_micros: AtomicU64,
    last: Mutex<Option<End>>,
}

impl Metrics {
    pub(super) fn started(&self, completions: usize) {
        self.started
            .fetch_add(completions as u64, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, end: &End) {
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(0);
        for (counter, more) in [
            (&self.ended, 1),
            (&self.prompt_tokens, end.prompt_tokens as u64),
            (&self.reused_tokens, end.reused_tokens as u64),
            (&self.reply_tokens, end.reply_tokens as u64),
            (&self.prompt_micros, micros(end.prompt_time)),
            (&self.reply_micros, micros(end.reply_time)),
        ] {
            counter.fetch_add(more, Ordering::Relaxed);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(end.clone());
    }

    /// Completions that have ended by themselves.
    pub(super) fn total(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// How the last completion ended.
    pub(super) fn last(&self) -> Option<End> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The exposition format of Prometheus.
    fn exposition(&self, app: &App) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let seconds = |counter: &AtomicU64| count(counter) / 1e6;
        let running = app.running.count();
        let slots = app.model().slots;
        let rows = [
            (
                "requests_total",
                "counter",
                "Completions that were started",
                count(&self.started),
            ),
            (
                "completed_total",
                "counter",
                "Completions that ended by themselves",
                count(&self.ended),
            ),
            (
                "prompt_tokens_total",
                "counter",
                "Tokens of prompts",
                count(&self.prompt_tokens),
            ),
            (
                "reused_tokens_total",
                "counter",
                "Tokens of prompts that had been evaluated before",
                count(&self.reused_tokens),
            ),
            (
                "reply_tokens_total",
                "counter",
                "Tokens written",
                count(&self.reply_tokens),
            ),
            (
                "prompt_seconds_total",
                "counter",
                "Time spent on prompts",
                seconds(&self.prompt_micros),
            ),
            (
                "reply_seconds_total",
                "counter",
                "Time spent writing",
                seconds(&self.reply_micros),
            ),
            (
                "requests_running",
                "gauge",
                "Requests that are being answered",
                running as f64,
            ),
            (
                "slots",
                "gauge",
                "Completions that can run at the same time",
                slots as f64,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let _ = writeln!(
                text,
                "# HELP cardwright_{name} {help}.\n# TYPE cardwright_{name} {kind}\ncardwright_{name} {value}"
            );
        }
        text
    }
}

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<Shared>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.exposition(&app))
}
