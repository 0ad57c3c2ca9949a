//! The endpoints that only this server has: prompts, rendered and checked.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::{Shared, chat};
use crate::prompt::{Conversation, Format, Message, Role};
use crate::{Error, Kind, Result};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/prompt/formats", get(formats))
        .route("/api/prompt/render", post(render))
        .route("/api/prompt/check", post(check))
}

async fn formats() -> Result<Json<Value>, Fault> {
    let formats: Vec<Value> = Format::all()?
        .iter()
        .map(|format| {
            json!({
                "name": format.name(),
                "about": format.about(),
                "lengths": format.lengths(),
            })
        })
        .collect();
    Ok(Json(formats.into()))
}

/// Writes a conversation: the fields of [`Conversation`], with `messages` of `role` (`char` or `user`) and `text`.
async fn render(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let format = match chat::format(&mut fields)? {
        Some(format) => format,
        None => Format::named("limarp-v1")?,
    };
    let mut conversation = Conversation {
        char: fields.text(&["char"])?.unwrap_or_default(),
        user: fields.text(&["user"])?.unwrap_or_default(),
        char_persona: fields.text(&["char_persona"])?.unwrap_or_default(),
        user_persona: fields.text(&["user_persona"])?.unwrap_or_default(),
        scenario: fields.text(&["scenario"])?.unwrap_or_default(),
        instruction: fields.text(&["instruction"])?,
        length: fields.text(&["length"])?,
        messages: Vec::new(),
        open: Some(Role::Char),
    };
    if let Some(messages) = fields.take(&["messages"]) {
        conversation.messages = read(&messages)?;
    }
    conversation.open = match fields.text(&["open"])?.as_deref() {
        Some("user") => Some(Role::User),
        Some("none") => None,
        _ => Some(Role::Char),
    };
    let (prompt, stop, tokens) = app
        .work(move |engine| {
            let conversation = format.carried(&conversation);
            let prompt = format.render(&conversation)?;
            let tokens = engine.count(&prompt)?;
            Ok((prompt, format.stop_strings(&conversation), tokens))
        })
        .await?;
    Ok(Json(
        json!({ "prompt": prompt, "stop": stop, "tokens": tokens }),
    ))
}

fn read(messages: &Value) -> Result<Vec<Message>> {
    let must = || {
        let says = "`messages` must be a list of `{\"role\": \"char\" or \"user\", \"text\": ...}`";
        Error::new(Kind::Usage, says)
    };
    let message = |message: &Value| {
        let role = match message["role"].as_str() {
            Some("char" | "assistant") => Role::Char,
            Some("user") => Role::User,
            _ => return Err(must()),
        };
        let text = message["text"].as_str().ok_or_else(must)?.to_owned();
        Ok(Message { role, text })
    };
    messages
        .as_array()
        .ok_or_else(must)?
        .iter()
        .map(message)
        .collect()
}

/// Says what is wrong with a prompt, in the format named or the one it seems to be in.
async fn check(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let format = chat::format(&mut fields)?;
    let prompt = fields
        .text(&["prompt"])?
        .ok_or_else(|| wrong("there is no `prompt`".into()))?;
    let answer = app
        .work(move |_| {
            let format = match format {
                Some(format) => format,
                None => Format::detect(&prompt)?,
            };
            let parsed = format.parse(&prompt);
            Ok(json!({
                "format": format.name(),
                "in_format": parsed.is_in_format(),
                "findings": parsed.findings,
                "fixed": format.fix(&prompt).text,
            }))
        })
        .await?;
    Ok(Json(answer))
}
