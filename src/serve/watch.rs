//! Prompt watch: what is wrong with the prompts that a front-end sends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parts::Asked;
use super::{Shared, seconds};
use crate::prompt::Format;
use crate::{Finding, Place, Result};

/// The longest prompt that is looked at: beyond every context.
const LONGEST: usize = 1 << 20;
/// The most findings of one prompt that are told.
const MOST: usize = 20;
/// Prompts that are kept for the page.
const KEPT: usize = 32;
/// The longest prompt that is kept with its text: with this, all of them take at most 8 MiB.
const KEPT_TEXT: usize = 256 << 10;

const FORMAT: HeaderName = HeaderName::from_static("cardwright-format");
const FINDINGS: HeaderName = HeaderName::from_static("cardwright-findings");

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/watch", get(arrived))
}

/// The prompts that arrived last.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// How many there were in all.
    count: u64,
    last: VecDeque<Arc<Value>>,
}

impl Arrivals {
    fn add(&self, mut arrival: Value) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        arrival["number"] = kept.count.into();
        if kept.last.len() == KEPT {
            kept.last.pop_front();
        }
        kept.last.push_back(Arc::new(arrival));
    }

    fn after(&self, number: u64) -> Vec<Arc<Value>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = |arrival: &&Arc<Value>| arrival["number"].as_u64() > Some(number);
        kept.last.iter().filter(newer).cloned().collect()
    }
}

#[derive(Debug, Default, Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

/// The last prompts that arrived, with what is wrong with each; `after` leaves out those up to a number.
async fn arrived(State(app): State<Shared>, Asked(After { after }): Asked<After>) -> Json<Value> {
    let prompts: Vec<Value> = app
        .arrivals
        .after(after)
        .iter()
        .map(|arrival| Value::clone(arrival))
        .collect();
    Json(json!({ "watching": app.options.watch, "prompts": prompts }))
}

/// Looks at `prompt` where that is wanted, says in the log what is wrong with it, keeps it for the page, and puts into
/// `headers` its format and the codes of the findings (`none` for a good prompt).
pub(super) async fn watch(app: &Shared, prompt: &str, headers: &mut HeaderMap) -> Result<()> {
    if !app.options.watch || prompt.len() > LONGEST {
        return Ok(());
    }
    let text = prompt.to_owned();
    let (arrival, findings) = app
        .work(move |_| {
            let format = Format::detect(&text)?;
            let parsed = format.parse(&text);
            let mut arrival = json!({
                "at": seconds(SystemTime::now()),
                "format": format.name(),
                "in_format": parsed.is_in_format(),
                "findings": parsed.findings.iter().take(MOST).collect::<Vec<_>>(),
                "prompt": null,
            });
            if text.len() <= KEPT_TEXT {
                arrival["outline"] = json!(format.outline(&text));
                arrival["prompt"] = text.into();
            }
            Ok((arrival, parsed.findings))
        })
        .await?;
    let name = arrival["format"].as_str().unwrap_or_default().to_owned();
    app.arrivals.add(arrival);
    let count = match findings.len() {
        0 => "no finding".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    app.log(&format!("prompt in `{name}`: {count}"));
    for finding in findings.iter().take(MOST) {
        app.log(&line(finding));
    }
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    codes.dedup();
    codes.truncate(MOST);
    let codes = if codes.is_empty() {
        "none".to_owned()
    } else {
        codes.join(", ")
    };
    for (header, value) in [(FORMAT, name), (FINDINGS, codes)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let at = match &finding.place {
        Place::Whole => String::new(),
        Place::Path(path) => format!(" at `{path}`"),
        Place::Bytes(span) => format!(" at byte {}", span.start),
    };
    let fix = finding
        .fix
        .as_ref()
        .map_or_else(String::new, |fix| format!(" ({fix})"));
    let Finding {
        severity,
        code,
        message,
        ..
    } = finding;
    format!("  {severity} {code}{at}: {message}{fix}")
}
