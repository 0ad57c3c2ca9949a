//! The endpoints of llama.cpp's server.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::fields::{Fields, wrong};
use super::question::{prompts, question, tokens};
use super::stream::{Frames, Writer, stream};
use super::{Shared, chat, probabilities};
use crate::engine::{Chosen, End, Reason, Request};
use crate::sampling::{Range, SAMPLERS};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/completion", post(completion))
        .route("/completions", post(completion))
        .route("/tokenize", post(tokenize))
        .route("/detokenize", post(detokenize))
        .route("/apply-template", post(apply_template))
        .route("/props", get(props))
        .route("/health", get(health))
        .route("/v1/health", get(health))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

async fn props(State(app): State<Shared>) -> Json<Value> {
    let model = app.model();
    let request = Request {
        settings: app.options.settings.clone(),
        max_tokens: app.options.max_tokens,
        ..Request::new("")
    };
    Json(json!({
        "default_generation_settings": {
            "id": 0,
            "n_ctx": model.context,
            "is_processing": false,
            "params": settings(&request, false),
        },
        "total_slots": model.slots,
        "model_alias": model.name,
        // Where the file is, is nobody's business.
        "model_path": model.name,
        "chat_template": model.chat_template.as_deref().unwrap_or_default(),
        "bos_token": model.begin_of_text.as_deref().unwrap_or_default(),
        "eos_token": model.end_of_text.as_deref().unwrap_or_default(),
        "modalities": { "vision": false, "audio": false },
        "build_info": concat!("cardwright ", env!("CARGO_PKG_VERSION")),
    }))
}

async fn tokenize(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let text = fields.text(&["content", "prompt"])?.unwrap_or_default();
    let special = fields.flag(&["parse_special"])?.unwrap_or(true);
    let pieces = fields.flag(&["with_pieces"])?.unwrap_or(false);
    let tokens = app
        .work(move |engine| {
            let tokens = engine.tokenize(&text, special)?;
            let describe = |token| {
                Ok(if pieces {
                    json!({ "id": token, "piece": engine.detokenize(&[token])? })
                } else {
                    json!(token)
                })
            };
            tokens
                .into_iter()
                .map(describe)
                .collect::<crate::Result<Vec<Value>>>()
        })
        .await?;
    Ok(Json(json!({ "count": tokens.len(), "tokens": tokens })))
}

async fn detokenize(State(app): State<Shared>, mut fields: Fields) -> Result<Json<Value>, Fault> {
    let tokens = fields
        .take(&["tokens"])
        .as_ref()
        .and_then(tokens)
        .ok_or_else(|| wrong("`tokens` must be a list of tokens".into()))?;
    let content = app.work(move |engine| engine.detokenize(&tokens)).await?;
    Ok(Json(json!({ "content": content })))
}

async fn apply_template(
    State(app): State<Shared>,
    mut fields: Fields,
) -> Result<Json<Value>, Fault> {
    let prompts = chat::prompt(&app, &mut fields)?;
    Ok(Json(json!({ "prompt": prompts.texts.concat() })))
}

async fn completion(State(app): State<Shared>, mut fields: Fields) -> Result<Response, Fault> {
    let prompts = prompts(&app, &mut fields).await?;
    let question = question(&app, fields, prompts, None).await?;
    let (streams, headers) = (question.stream, question.headers.clone());
    let requests = question.requests.clone();
    let tells = question.tells_probabilities();
    let reply = app.ask(question).await?;
    let writer = Final {
        model: app.model().name.clone(),
        requests,
    };
    if streams {
        return Ok((headers, stream(reply, writer)).into_response());
    }
    let all = reply.whole().await?;
    let mut answers: Vec<Value> = all
        .into_iter()
        .enumerate()
        .map(|(index, whole)| {
            let told = tells.then_some(&*whole.chosen);
            writer.last(index, whole.text, told, whole.end.as_ref())
        })
        .collect();
    let answer = match answers.len() {
        1 => answers.remove(0),
        _ => answers.into(),
    };
    Ok((headers, Json(answer)).into_response())
}

/// What the last datum of each completion says.
struct Final {
    model: String,
    requests: Vec<Request>,
}

impl Final {
    fn last(
        &self,
        index: usize,
        content: String,
        chosen: Option<&[Chosen]>,
        end: Option<&End>,
    ) -> Value {
        let (stop_type, stopping_word) = match end.map(|end| &end.reason) {
            Some(Reason::Stop(word)) => ("word", word.as_str()),
            Some(Reason::EndOfText | Reason::Grammar) => ("eos", ""),
            Some(Reason::Length) => ("limit", ""),
            None => ("none", ""),
        };
        let request = self.requests.get(index);
        let (prompt, reused, reply) = end.map_or((0, 0, 0), |end| {
            (end.prompt_tokens, end.reused_tokens, end.reply_tokens)
        });
        let mut last = json!({
            "index": index,
            "content": content,
            "tokens": [],
            "id_slot": -1,
            "stop": true,
            "model": self.model,
            "tokens_predicted": reply,
            "tokens_evaluated": prompt,
            "tokens_cached": reused,
            "generation_settings": request.map(|request| settings(request, true)),
            "prompt": request.map(|request| request.prompt.as_str()),
            "has_new_line": content.contains('\n'),
            "truncated": end.is_some_and(|end| end.dropped_turns > 0),
            "stop_type": stop_type,
            "stopping_word": stopping_word,
            "timings": end.map(timings),
        });
        if let Some(chosen) = chosen {
            last["completion_probabilities"] = probabilities::of_llama(chosen);
        }
        last
    }
}

impl Writer for Final {
    fn piece(&mut self, index: usize, text: String, chosen: &[Chosen], out: &mut Frames) {
        let mut piece = json!({ "index": index, "content": text, "tokens": [], "stop": false });
        if !chosen.is_empty() {
            piece["completion_probabilities"] = probabilities::of_llama(chosen);
        }
        out.data(&piece);
    }

    fn end(&mut self, index: usize, end: Option<&End>, out: &mut Frames) {
        out.data(&self.last(index, String::new(), None, end));
    }
}

fn timings(end: &End) -> Value {
    let rate = |tokens: usize, seconds: f64| tokens as f64 / seconds.max(1e-9);
    let evaluated = end.prompt_tokens.saturating_sub(end.reused_tokens);
    let (prompt, reply) = (end.prompt_time.as_secs_f64(), end.reply_time.as_secs_f64());
    json!({
        "cache_n": end.reused_tokens,
        "prompt_n": evaluated,
        "prompt_ms": prompt * 1e3,
        "prompt_per_second": rate(evaluated, prompt),
        "predicted_n": end.reply_tokens,
        "predicted_ms": reply * 1e3,
        "predicted_per_second": rate(end.reply_tokens, reply),
    })
}

/// The settings of a request by llama.cpp's names; `whole` with stop strings and grammar.
fn settings(request: &Request, whole: bool) -> Value {
    let mut all = Map::new();
    for row in SAMPLERS {
        let name = match row.names.llama_cpp {
            "" => row.name,
            name => name,
        };
        let value = row.get(&request.settings);
        let value = match row.range {
            Range::Switch => json!(value != 0.0),
            Range::Whole(..) => json!(value as i64),
            // As the shortest spelling of a single precision number: 0.7, not 0.699999988079071.
            Range::Real(..) => json!((value as f32).to_string().parse().unwrap_or(value)),
        };
        all.insert(name.to_owned(), value);
    }
    all.insert("seed".into(), json!(request.settings.seed));
    all.insert("n_predict".into(), request.max_tokens.into());
    if whole {
        all.insert("stop".into(), json!(request.stop));
        all.insert(
            "grammar".into(),
            json!(request.grammar.as_deref().unwrap_or_default()),
        );
    }
    all.into()
}
