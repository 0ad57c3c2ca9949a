//! Cards over HTTP: the folder that was named at the start, and cards that are only looked at.
//!
//! A card that is sent goes through the reader that the command uses, with the same limits; an edit changes the values
//! it names and nothing else of the file.

mod shelf;
mod view;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::{Fields, receive, wrong};
use super::parts::{Asked, Named};
use super::{Shared, limits};
use crate::card::Card;
use crate::{Result as Read, file};
use shelf::{Edit, Edited};

pub(super) use shelf::Shelf;

/// Edits that one request may ask for.
const EDITS: usize = 1000;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/cards", get(list).post(add))
        .route("/api/cards/{file}", get(card).post(save))
        .route("/api/cards/{file}/picture", get(picture))
        .route("/api/cards/{file}/download", get(download))
        .route("/api/card/read", post(read))
        .route("/api/card/check", post(check))
        .route("/api/card/edit", post(edit))
}

/// Runs something with the folder.
async fn on_shelf<T: Send + 'static>(
    app: &Shared,
    work: impl FnOnce(&Shelf, &dyn crate::engine::Engine) -> Read<T> + Send + 'static,
) -> Result<T, Fault> {
    let shelf = app.shelf.clone();
    let shelf = shelf.ok_or_else(|| Fault::missing("this server was started without `--cards`"))?;
    Ok(app.work(move |engine| work(&shelf, engine)).await?)
}

fn no_card() -> Fault {
    Fault::missing("there is no such card")
}

async fn list(State(app): State<Shared>) -> Result<Json<Value>, Fault> {
    on_shelf(&app, |shelf, _| shelf.list()).await.map(Json)
}

async fn card(State(app): State<Shared>, Named(name): Named<String>) -> Result<Json<Value>, Fault> {
    let told = on_shelf(&app, move |shelf, engine| {
        let Some(found) = shelf.read(&name)? else {
            return Ok(None);
        };
        let mut told = view::whole(engine, &found.reading, &found.bytes)?;
        told["file"] = name.into();
        told["version"] = found.version.into();
        Ok(Some(told))
    });
    told.await?.map(Json).ok_or_else(no_card)
}

#[derive(Debug, Default, Deserialize)]
struct Wished {
    #[serde(default)]
    name: String,
}

/// Takes a card in, whatever container it is in. Nothing is overwritten.
async fn add(
    State(app): State<Shared>,
    Asked(Wished { name }): Asked<Wished>,
    request: Request,
) -> Result<Response, Fault> {
    let bytes = upload(request).await?;
    let file = on_shelf(&app, move |shelf, _| shelf.add(&name, &bytes)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "file": file }))).into_response())
}

/// A card's bytes: as they are, so that a page of another site would need a preflight to send them.
async fn upload(request: Request) -> Result<Bytes, Fault> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind != Some(&HeaderValue::from_static("application/octet-stream")) {
        return Err(Fault::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request_error",
            "send the card's file as `application/octet-stream`",
        ));
    }
    receive(request, limits::CARD).await
}

/// Looks at a card that is sent and keeps nothing.
async fn read(State(app): State<Shared>, request: Request) -> Result<Json<Value>, Fault> {
    let bytes = upload(request).await?;
    let told = app.work(move |engine| {
        let reading = Card::from_bytes(&bytes)?;
        view::whole(engine, &reading, &bytes)
    });
    Ok(Json(told.await?))
}

/// A card that is sent as JSON, with edits: what is wrong with it and what it costs.
async fn check(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let edits = edits(&mut fields)?;
    let text = card_text(&mut fields)?.ok_or_else(|| wrong("there is no `card`".into()))?;
    let told = app.work(move |engine| {
        let card = shelf::edited_card(&Card::from_json(&text)?, &edits)?;
        view::of_card(engine, &card)
    });
    Ok(Json(told.await?))
}

/// The field `card`: the card as an object, or its JSON as a text.
pub(super) fn card_text(fields: &mut Fields) -> Read<Option<String>> {
    match fields.take(&["card"]) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(card @ Value::Object(_)) => Ok(Some(card.to_string())),
        Some(_) => Err(wrong("`card` must be a card or its JSON as a text".into())),
    }
}

/// The card that the fields `card` or `file` name.
pub(super) async fn named(app: &Shared, fields: &mut Fields) -> Result<Option<Card>, Fault> {
    if let Some(text) = card_text(fields)? {
        return Ok(Some(app.work(move |_| Card::from_json(&text)).await?));
    }
    let Some(name) = fields.text(&["file"])? else {
        return Ok(None);
    };
    let found = on_shelf(app, move |shelf, _| shelf.read(&name)).await?;
    found
        .map(|found| Some(found.reading.card))
        .ok_or_else(no_card)
}

/// Edits a card of the folder, if it is still the one that the client has seen.
async fn save(
    State(app): State<Shared>,
    Named(name): Named<String>,
    mut fields: Fields,
) -> Result<Json<Value>, Fault> {
    let edits = edits(&mut fields)?;
    let version = fields.text(&["version"])?;
    let version = version.ok_or_else(|| wrong("there is no `version`".into()))?;
    let file = name.clone();
    let edited = on_shelf(&app, move |shelf, _| shelf.edit(&file, &version, &edits)).await?;
    match edited.ok_or_else(no_card)? {
        Edited::Written => card(State(app), Named(name)).await,
        Edited::Stale => Err(Fault::new(
            StatusCode::CONFLICT,
            "conflict_error",
            "the card was changed meanwhile; read it again",
        )),
    }
}

/// Edits a card that is sent in base64, and sends its file back.
async fn edit(State(app): State<Shared>, mut fields: Fields) -> Result<Response, Fault> {
    let edits = edits(&mut fields)?;
    let text = fields.text(&["file"])?.unwrap_or_default();
    let bytes = BASE64_STANDARD
        .decode(text.trim())
        .map_err(|_| wrong("`file` must be the card's file in base64".into()))?;
    let file = app.work(move |_| {
        let reading = Card::from_bytes(&bytes)?;
        shelf::edited(&reading, &bytes, &edits)
    });
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream")],
        file.await?,
    )
        .into_response())
}

/// The field `edits`: a list of `{"path": ..., "value": ...}`; without a value the path is taken out.
fn edits(fields: &mut Fields) -> Read<Vec<Edit>> {
    let must = || wrong("`edits` must be a list of `{\"path\": ..., \"value\": ...}`".into());
    let list = match fields.take(&["edits"]) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= EDITS => list,
        Some(Value::Array(_)) => {
            return Err(wrong(format!("`edits` may have at most {EDITS} entries")));
        }
        Some(_) => return Err(must()),
    };
    let edit = |edit: Value| {
        let path = edit["path"].as_str().ok_or_else(must)?.parse()?;
        let value = edit.get("value").cloned();
        Ok(Edit { path, value })
    };
    list.into_iter().map(edit).collect()
}

/// The card's picture, where it has one.
async fn picture(State(app): State<Shared>, Named(name): Named<String>) -> Result<Response, Fault> {
    let bytes = on_shelf(&app, move |shelf, _| shelf.bytes(&name)).await?;
    let bytes = bytes.ok_or_else(no_card)?;
    let kind = view::image_type(&bytes).ok_or_else(|| Fault::missing("the card has no picture"))?;
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

/// The card's file as it is, to be saved and not to be shown.
async fn download(
    State(app): State<Shared>,
    Named(name): Named<String>,
) -> Result<Response, Fault> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    let saved = file::file_name(stem, extension);
    let bytes = on_shelf(&app, move |shelf, _| shelf.bytes(&name)).await?;
    let bytes = bytes.ok_or_else(no_card)?;
    let plain: String = saved.chars().filter(char::is_ascii_graphic).collect();
    let disposition = format!("attachment; filename=\"{plain}\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, &*disposition),
    ];
    Ok((headers, bytes).into_response())
}
