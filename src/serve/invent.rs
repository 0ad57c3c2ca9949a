//! Characters invented for a client, with every word as it is written.
//!
//! Nothing is kept: the character comes as a card's file, for the client to save or to throw away.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_core::Stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::{Shared, chat, limits};
use crate::engine::ModelInfo;
use crate::generate::{Character, Inventor, Options, Step, Wish};
use crate::prompt::Format;
use crate::sampling::{Settings, drawn_seed};
use crate::{Error, Kind, Result};

/// The longest name.
const NAME: usize = 100;
/// Steps that wait for a client that reads slowly; after that, writing waits.
const WAITING: usize = 1024;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/generate", post(generate))
}

/// Invents a character: `name`, `user`, `seed`, `length`, `format`, `shots`, all optional. With `stream` every step is
/// an event; otherwise the answer is the character.
async fn generate(State(app): State<Shared>, mut fields: Fields) -> Result<Response, Fault> {
    if fields.has("prompt") {
        let says = "this invents a character; a prompt is completed at `/v1/completions`";
        return Err(wrong(says.into()).into());
    }
    let stream = fields.flag(&["stream"])?.unwrap_or(false);
    let work = work(app.model(), &mut fields)?;
    let (out, steps) = mpsc::channel(WAITING);
    let permit = app.inventing.clone().try_acquire_owned().map_err(|_| {
        let message = "as many characters are being written as can be at a time";
        Fault::from(Error::new(Kind::Busy, message))
    })?;
    let engine = app.engine.clone();
    let shared = app.clone();
    tokio::task::spawn_blocking(move || {
        let outcome = work.run(&*engine, |step| {
            let sent = out.blocking_send(Ok(step));
            // Whoever asked has gone.
            sent.map_err(|_| Error::new(Kind::Engine, "nobody listens any more"))
        });
        if let Err(error) = outcome {
            if !out.is_closed() {
                shared.log(&format!("a character broke off: {error}"));
            }
            let _ = out.blocking_send(Err(Fault::from(error)));
        }
        drop(permit);
    });
    let mut steps = Steps(steps);
    if stream {
        let alive = KeepAlive::new().interval(limits::PING);
        return Ok(Sse::new(steps).keep_alive(alive).into_response());
    }
    while let Some(step) = steps.0.recv().await {
        let step = step?;
        if step["event"] == "character" {
            return Ok(Json(step).into_response());
        }
    }
    Err(Error::new(Kind::Engine, "the character was never finished").into())
}

/// The steps as they come.
struct Steps(mpsc::Receiver<std::result::Result<Value, Fault>>);

impl Stream for Steps {
    type Item = std::result::Result<sse::Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|step| {
            let step = step?.unwrap_or_else(|fault| fault.body());
            Some(Ok(sse::Event::default().data(step.to_string())))
        })
    }
}

/// What was asked for.
struct Work {
    wish: Wish,
    options: Options,
    format: Format,
}

fn work(model: &ModelInfo, fields: &mut Fields) -> Result<Work> {
    let name = |fields: &mut Fields, key: &'static str| {
        let name = fields.text(&[key])?;
        let name = name.map(|name| name.trim().to_owned());
        let name = name.filter(|name| !name.is_empty());
        let is_wrong =
            |name: &String| name.chars().count() > NAME || name.contains(char::is_control);
        if name.as_ref().is_some_and(is_wrong) {
            return Err(wrong(format!(
                "`{key}` must be one line of at most {NAME} characters"
            )));
        }
        Ok(name)
    };
    let (char, user) = (name(fields, "name")?, name(fields, "user")?);
    let seed = fields.number(&["seed"])?.filter(|seed| *seed >= 0.0);
    let mut format = chat::format_or_limarp(model, fields)?;
    let instructions = format.is_chat_template();
    if instructions {
        // Lengths go by a format of ours all the same.
        format = Format::named("limarp-v1")?;
    }
    let length = fields.text(&["length"])?;
    let length = length.filter(|word| !word.is_empty());
    if let Some(word) = length.as_ref().filter(|word| !format.knows_length(word)) {
        let known = format.lengths().join(", ");
        let message = format!("`{word}` is no length of `{}`: {known}", format.name());
        return Err(wrong(message));
    }
    let shots = fields.whole(&["shots"])?;
    if instructions && shots.is_some() {
        let says =
            "`shots` writes in the LimaRP layout, and the format `model` asks in the chat template";
        return Err(wrong(says.into()));
    }
    let settings = Settings::default();
    Ok(Work {
        wish: Wish {
            name: char,
            user,
            seed: seed.map_or_else(drawn_seed, |seed| seed as u64),
            ..Wish::default()
        },
        options: Options {
            shots: shots.and_then(|shots| usize::try_from(shots).ok()),
            instructions,
            length,
            settings: Settings {
                temperature: fields
                    .number(&["temperature"])?
                    .map_or(settings.temperature, |given| given.clamp(0.0, 2.0) as f32),
                ..settings
            },
            ..Options::default()
        },
        format,
    })
}

impl Work {
    fn run(
        &self,
        engine: &dyn crate::engine::Engine,
        mut tell: impl FnMut(Value) -> Result<()>,
    ) -> Result<()> {
        let inventor = Inventor::new(engine, &self.format, self.options.clone())?;
        let character = inventor.invent_with(&self.wish, |step| tell(told(&step)))?;
        tell(finished(&character)?)
    }
}

fn told(step: &Step<'_>) -> Value {
    match step {
        Step::Begun {
            name,
            user,
            section,
            attempt,
            lead,
        } => json!({
            "event": "section", "name": name, "user": user, "section": section.name(),
            "attempt": attempt, "text": lead,
        }),
        Step::Piece(text) => json!({ "event": "piece", "text": text }),
        Step::Rejected { section, fault } => json!({
            "event": "rejected", "section": section.name(), "reason": fault.to_string(),
        }),
        Step::Written { section, text } => json!({
            "event": "written", "section": section.name(), "text": text,
        }),
    }
}

fn finished(character: &Character) -> Result<Value> {
    let card = character.card()?;
    let (file, bytes) = file(character, &card)?;
    Ok(json!({
        "event": "character",
        "name": character.name,
        "persona": character.persona,
        "user": character.user,
        "user_persona": character.user_persona,
        "scenario": character.scenario,
        "greeting": character.greeting,
        "seed": character.seed,
        "tokens": character.tokens,
        "rejected": character.rejected.len(),
        "card": serde_json::from_str::<Value>(card.json()).unwrap_or_default(),
        "file": file,
        "data": BASE64_STANDARD.encode(bytes),
    }))
}

/// The card as a file: a drawn portrait, or JSON where nothing can be drawn.
#[cfg(feature = "portrait")]
fn file(character: &Character, card: &crate::card::Card) -> Result<(String, Vec<u8>)> {
    let name = crate::file::file_name(&character.name, "png");
    Ok((name, crate::card::write_png(&character.portrait()?, card)?))
}

#[cfg(not(feature = "portrait"))]
fn file(character: &Character, card: &crate::card::Card) -> Result<(String, Vec<u8>)> {
    let name = crate::file::file_name(&character.name, "json");
    Ok((name, card.json().as_bytes().to_vec()))
}
