//! The endpoints that text-generation-webui adds to OpenAI's.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Shared;
use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::question::tokens;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/internal/model/info", get(info))
        .route("/v1/internal/model/list", get(list))
        .route("/v1/internal/encode", post(encode))
        .route("/v1/internal/decode", post(decode))
        .route("/v1/internal/token-count", post(count))
        .route("/v1/internal/stop-generation", post(stop))
}

async fn info(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "model_name": app.model().name, "lora_names": [] }))
}

async fn list(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "model_names": [app.model().name] }))
}

async fn encode(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let text = fields.text(&["text"])?.unwrap_or_default();
    let tokens = app.work(move |engine| engine.tokenize(&text, true)).await?;
    Ok(Json(json!({ "length": tokens.len(), "tokens": tokens })))
}

async fn decode(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let tokens = fields
        .take(&["tokens"])
        .as_ref()
        .and_then(tokens)
        .ok_or_else(|| wrong("`tokens` must be a list of tokens".into()))?;
    let text = app.work(move |engine| engine.detokenize(&tokens)).await?;
    Ok(Json(json!({ "text": text })))
}

async fn count(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let text = fields.text(&["text"])?.unwrap_or_default();
    let length = app.work(move |engine| engine.count(&text)).await?;
    Ok(Json(json!({ "length": length })))
}

async fn stop(State(app): State<Shared>) -> Json<Value> {
    app.running.abort(&None);
    Json(json!("OK"))
}
