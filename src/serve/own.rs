//! The endpoints that only this server has: prompts, rendered and checked.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::{Shared, cards, chat};
use crate::prompt::macros::Clock;
use crate::prompt::{Budget, Cast, Conversation, Format, Message, Role};
use crate::{Error, Finding, Kind, Result};

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
                "default_length": format.default_length(),
            })
        })
        .collect();
    Ok(Json(formats.into()))
}

/// Writes a conversation: of a card (`card` or `file`, with `greeting`), or of the fields of [`Conversation`]. Either
/// way with `messages` of `role` (`char` or `user`) and `text`, `open` (`char`, `user` or `none`), and, with
/// `reply_tokens`, without the oldest turns that leave no room for a reply.
async fn render(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let format = chat::format_or_limarp(app.model(), &mut fields)?;
    let card = cards::named(&app, &mut fields).await?;
    let (mut conversation, notes) = match card {
        Some(card) => {
            let cast = cast(&mut fields)?;
            app.work(move |_| Ok(Conversation::from_card(&card, &cast)))
                .await?
        }
        None => (plain(&mut fields)?, Vec::<Finding>::new()),
    };
    if let Some(messages) = fields.take(&["messages"]) {
        conversation.messages = read(&messages)?;
        conversation.open = Some(Role::Char);
    }
    match fields.text(&["open"])?.as_deref() {
        Some("user") => conversation.open = Some(Role::User),
        Some("char") => conversation.open = Some(Role::Char),
        Some("none") => conversation.open = None,
        Some(_) => return Err(wrong("`open` must be `char`, `user` or `none`".into()).into()),
        None => {}
    }
    let reply = fields.whole(&["reply_tokens"])?;
    let answer = app.work(move |engine| {
        let conversation = format.carried(&conversation);
        let (prompt, tokens, dropped) = match reply {
            None => {
                let prompt = format.render(&conversation)?;
                let tokens = engine.count(&prompt)?;
                (prompt, tokens, 0)
            }
            Some(reply) => {
                let budget = Budget {
                    context: engine.model().context,
                    reply: usize::try_from(reply).unwrap_or(0),
                    ..Budget::default()
                };
                let fit = format.fit(&conversation, budget, &|text: &str| engine.count(text))?;
                let dropped = fit.dropped();
                (fit.prompt, fit.tokens, dropped)
            }
        };
        Ok(json!({
            "format": format.name(),
            "stop": format.stop_strings(&conversation),
            "special_tokens": format.has_special_tokens(),
            "tokens": tokens,
            "context": engine.model().context,
            "dropped": dropped,
            "outline": format.outline(&prompt),
            "findings": format.parse(&prompt).findings,
            "notes": notes,
            "char": conversation.char,
            "user": conversation.user,
            "user_persona": conversation.user_persona,
            "messages": conversation.messages.iter().map(said).collect::<Vec<_>>(),
            "prompt": prompt,
        }))
    });
    Ok(Json(answer.await?))
}

fn said(message: &Message) -> Value {
    let role = match message.role {
        Role::Char => "char",
        Role::User => "user",
    };
    json!({ "role": role, "text": message.text })
}

/// What a card leaves open.
fn cast(fields: &mut Fields) -> Result<Cast> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Ok(Cast {
        user: filled(fields.text(&["user"])?),
        user_persona: filled(fields.text(&["user_persona"])?),
        length: filled(fields.text(&["length"])?),
        greeting: fields
            .whole(&["greeting"])?
            .map_or(0, |which| usize::try_from(which).unwrap_or(0)),
        seed: 0,
        clock: Clock::now(0),
        ..Cast::default()
    })
}

/// A conversation that is sent field by field.
fn plain(fields: &mut Fields) -> Result<Conversation> {
    Ok(Conversation {
        char: fields.text(&["char"])?.unwrap_or_default(),
        user: fields.text(&["user"])?.unwrap_or_default(),
        char_persona: fields.text(&["char_persona"])?.unwrap_or_default(),
        user_persona: fields.text(&["user_persona"])?.unwrap_or_default(),
        scenario: fields.text(&["scenario"])?.unwrap_or_default(),
        instruction: fields.text(&["instruction"])?,
        length: fields.text(&["length"])?,
        messages: Vec::new(),
        open: Some(Role::Char),
    })
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
    let format = chat::format(app.model(), &mut fields)?;
    if format.as_ref().is_some_and(Format::is_chat_template) {
        let says =
            "prompts in the model's own chat template are only written, so they cannot be checked";
        return Err(wrong(says.into()).into());
    }
    let prompt = fields
        .text(&["prompt"])?
        .ok_or_else(|| wrong("there is no `prompt`".into()))?;
    let answer = app
        .work(move |engine| {
            let format = match format {
                Some(format) => format,
                None => Format::detect(&prompt)?,
            };
            let parsed = format.parse(&prompt);
            Ok(json!({
                "format": format.name(),
                "in_format": parsed.is_in_format(),
                "tokens": engine.count(&prompt)?,
                "outline": format.outline(&prompt),
                "findings": parsed.findings,
                "fixed": format.fix(&prompt).text,
            }))
        })
        .await?;
    Ok(Json(answer))
}
