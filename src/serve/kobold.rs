//! KoboldAI's endpoints and those that `KoboldCpp` adds; also text-generation-webui's API of 2023, which had the same
//! paths.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::openai::finish;
use super::parts::Asked;
use super::question::{Prompts, Question, question, tokens};
use super::stream::{Frames, Writer, stream};
use crate::engine::{Chosen, End, Reason};

/// The version of KoboldAI's API that is spoken: the newest, which has stop sequences and min-p.
const API: &str = "1.2.5";
/// The version of `KoboldCpp` whose additions are there, for clients that ask before they use one.
const EXTRAS: &str = "1.78";

pub(super) fn routes() -> Router<Shared> {
    let api = Router::new()
        .route("/info/version", get(version))
        .route("/model", get(model).post(change_model))
        .route("/generate", post(generate))
        .route("/config/max_context_length", get(context))
        .route("/config/max_length", get(length))
        .route("/config/soft_prompts_list", get(soft_prompts))
        .route("/config/soft_prompt", get(soft_prompt))
        .route("/token-count", post(token_count))
        .route("/stop-stream", post(stop_stream));
    let extra = Router::new()
        .route("/version", get(extra_version))
        .route("/true_max_context_length", get(context))
        .route("/generate/stream", post(generate_stream))
        .route("/generate/check", get(check).post(check_posted))
        .route("/abort", post(abort))
        .route("/tokencount", post(extra_count))
        .route("/detokenize", post(detokenize))
        .route("/perf", get(perf));
    Router::new()
        .nest("/api/v1", api.clone())
        .nest("/api/latest", api)
        .nest("/api/extra", extra)
}

async fn version() -> Json<Value> {
    Json(json!({ "result": API }))
}

async fn model(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "result": app.model().name }))
}

/// The card-era API changes models here; asking which one there is works, the rest does not.
async fn change_model(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    match fields.text(&["action"]).map_err(kobold)?.as_deref() {
        None | Some("info") => Ok(Json(
            json!({ "result": { "model_name": app.model().name } }),
        )),
        Some("list") => Ok(Json(json!({ "result": [app.model().name] }))),
        Some(_) => {
            let says = "the model cannot be changed while the server runs";
            Err(kobold(wrong(says.into())))
        }
    }
}

async fn context(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "value": app.model().context }))
}

async fn length(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "value": app.options.max_tokens }))
}

async fn soft_prompts() -> Json<Value> {
    Json(json!({ "values": [] }))
}

async fn soft_prompt() -> Json<Value> {
    Json(json!({ "value": "" }))
}

async fn extra_version(State(app): State<Shared>) -> Json<Value> {
    Json(json!({
        "result": "KoboldCpp",
        "version": EXTRAS,
        "protected": app.options.key.is_some(),
        "llm": true,
        "txt2img": false,
        "vision": false,
        "transcribe": false,
        "multiplayer": false,
        "websearch": false,
        "tts": false,
    }))
}

/// What both ways to generate ask. `memory` stands before the prompt, whatever its length.
async fn ask(app: &Shared, mut fields: Fields) -> crate::Result<Question> {
    let memory = fields.text(&["memory"])?.unwrap_or_default();
    let prompt = fields.text(&["prompt"])?.unwrap_or_default();
    let key = fields.text(&["genkey"])?.unwrap_or_default();
    let prompts = Prompts {
        texts: vec![memory + &prompt],
        special_tokens: true,
        stop: Vec::new(),
    };
    question(app, fields, prompts, Some(key)).await
}

async fn generate(State(app): State<Shared>, fields: Fields) -> Result<Response, Fault> {
    let question = ask(&app, fields).await.map_err(kobold)?;
    let headers = question.headers.clone();
    let tells = question.tells_probabilities();
    let reply = app.ask(question).await.map_err(kobold)?;
    let all = reply.whole().await.map_err(kobold)?;
    let results: Vec<Value> = all
        .into_iter()
        .map(|whole| {
            let end = whole.end.as_ref();
            let probabilities = tells.then(|| super::probabilities::of_text(&whole.chosen, &mut 0));
            json!({
                "text": whole.text,
                "logprobs": probabilities,
                "finish_reason": finish(end),
                "prompt_tokens": end.map_or(0, |end| end.prompt_tokens),
                "completion_tokens": end.map_or(0, |end| end.reply_tokens),
            })
        })
        .collect();
    Ok((headers, Json(json!({ "results": results }))).into_response())
}

async fn generate_stream(State(app): State<Shared>, fields: Fields) -> Result<Response, Fault> {
    let question = ask(&app, fields).await.map_err(kobold)?;
    let headers = question.headers.clone();
    let reply = app.ask(question).await.map_err(kobold)?;
    Ok((headers, stream(reply, Messages)).into_response())
}

struct Messages;

impl Writer for Messages {
    fn piece(&mut self, _: usize, text: String, _: &[Chosen], out: &mut Frames) {
        out.named("message", &json!({ "token": text, "finish_reason": null }));
    }

    fn end(&mut self, _: usize, end: Option<&End>, out: &mut Frames) {
        out.named(
            "message",
            &json!({ "token": "", "finish_reason": finish(end) }),
        );
    }
}

/// Whose reply is meant.
#[derive(Debug, Default, Deserialize)]
struct Genkey {
    #[serde(default)]
    genkey: String,
}

async fn check(State(app): State<Shared>, Asked(key): Asked<Genkey>) -> Json<Value> {
    Json(json!({ "results": [{ "text": app.running.text(&key.genkey) }] }))
}

async fn check_posted(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let genkey = fields
        .text(&["genkey"])
        .map_err(kobold)?
        .unwrap_or_default();
    Ok(check(State(app), Asked(Genkey { genkey })).await)
}

async fn abort(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let key = fields
        .text(&["genkey"])
        .map_err(kobold)?
        .unwrap_or_default();
    let done = app.running.abort(&Some(key.clone())) > 0;
    let text = app.running.text(&key);
    Ok(Json(json!({ "success": done, "done": done, "text": text })))
}

async fn stop_stream(State(app): State<Shared>) -> Json<Value> {
    app.running.abort(&Some(String::new()));
    Json(json!({ "results": "success" }))
}

async fn extra_count(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let prompt = fields
        .text(&["prompt"])
        .map_err(kobold)?
        .unwrap_or_default();
    let special = fields.flag(&["special"]).map_err(kobold)?.unwrap_or(true);
    let ids = app
        .work(move |engine| engine.tokenize(&prompt, special))
        .await
        .map_err(kobold)?;
    Ok(Json(json!({ "value": ids.len(), "ids": ids })))
}

async fn token_count(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let prompt = fields
        .text(&["prompt"])
        .map_err(kobold)?
        .unwrap_or_default();
    let count = app
        .work(move |engine| engine.count(&prompt))
        .await
        .map_err(kobold)?;
    Ok(Json(json!({ "results": [{ "tokens": count }] })))
}

async fn detokenize(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let ids = fields
        .take(&["ids"])
        .as_ref()
        .and_then(tokens)
        .unwrap_or_default();
    let text = app
        .work(move |engine| engine.detokenize(&ids))
        .await
        .map_err(kobold)?;
    Ok(Json(json!({ "result": text, "success": true })))
}

async fn perf(State(app): State<Shared>) -> Json<Value> {
    let last = app.metrics.last();
    let rate = |tokens: usize, seconds: f64| tokens as f64 / seconds.max(1e-9);
    let running = app.running.count();
    let (process, eval, written, input, reason) =
        last.as_ref().map_or((0.0, 0.0, 0, 0, -1), |end| {
            let reason = match end.reason {
                Reason::Length => 0,
                Reason::EndOfText | Reason::Grammar => 1,
                Reason::Stop(_) => 2,
            };
            let (process, eval) = (end.prompt_time.as_secs_f64(), end.reply_time.as_secs_f64());
            (process, eval, end.reply_tokens, end.prompt_tokens, reason)
        });
    Json(json!({
        "last_process": process,
        "last_eval": eval,
        "last_token_count": written,
        "last_input_count": input,
        "last_process_speed": rate(input, process),
        "last_eval_speed": rate(written, eval),
        "stop_reason": reason,
        "total_gens": app.metrics.total(),
        "queue": running.saturating_sub(app.model().slots),
        "idle": u8::from(running == 0),
        "uptime": app.clock.elapsed().as_secs(),
    }))
}

fn kobold(error: crate::Error) -> Fault {
    Fault::from(error).kobold()
}
