//! OpenAI's endpoints: what most clients know.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::Fields;
use super::question::{Prompts, prompts, question};
use super::reply::Whole;
use super::running::Key;
use super::stream::{Frames, Writer, stream};
use super::{App, Shared, chat, probabilities};
use crate::engine::{Chosen, End, Reason};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/models", get(models))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/chat/completions", post(chat_completions))
}

fn description(app: &App) -> Value {
    let model = app.model();
    json!({
        "id": model.name,
        "object": "model",
        "created": app.born,
        "owned_by": "cardwright",
        "max_model_len": model.context,
        "meta": { "n_vocab": model.vocabulary, "n_ctx": model.context },
    })
}

async fn models(State(app): State<Shared>) -> Json<Value> {
    Json(json!({ "object": "list", "data": [description(&app)] }))
}

/// There is one model, whatever name it is asked for by.
async fn model(State(app): State<Shared>) -> Json<Value> {
    Json(description(&app))
}

/// How an answer is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Text,
    Chat,
}

async fn completions(State(app): State<Shared>, mut fields: Fields) -> Result<Response, Fault> {
    let prompts = prompts(&app, &mut fields).await?;
    let key = kobold_key(&mut fields)?;
    answer(&app, fields, prompts, key, Layout::Text).await
}

async fn chat_completions(
    State(app): State<Shared>,
    mut fields: Fields,
) -> Result<Response, Fault> {
    let prompts = chat::prompt(&app, &mut fields)?;
    answer(&app, fields, prompts, None, Layout::Chat).await
}

/// SillyTavern as a client of `KoboldCpp` generates here, but aborts in `KoboldCpp`'s way.
fn kobold_key(fields: &mut Fields) -> Result<Key, Fault> {
    let key = fields.text(&["genkey"])?;
    let kobold = fields.says("api_type", "koboldcpp") || key.is_some();
    Ok(kobold.then(|| key.unwrap_or_default()))
}

async fn answer(
    app: &Shared,
    mut fields: Fields,
    prompts: Prompts,
    key: Key,
    layout: Layout,
) -> Result<Response, Fault> {
    let usage = fields
        .take(&["stream_options"])
        .is_some_and(|options| options["include_usage"] == json!(true));
    let echo = layout == Layout::Text && fields.flag(&["echo"])?.unwrap_or(false);
    let question = question(app, fields, prompts, key).await?;
    let (streams, headers) = (question.stream, question.headers.clone());
    let mut echoes: Vec<Option<String>> = question
        .requests
        .iter()
        .map(|request| echo.then(|| request.prompt.clone()))
        .collect();
    let tells_probabilities = question.tells_probabilities();
    let reply = app.ask(question).await?;
    let mut form = Form {
        tells_probabilities,
        offsets: Vec::new(),
        layout,
        id: match layout {
            Layout::Text => format!("cmpl-{}", reply.number()),
            Layout::Chat => format!("chatcmpl-{}", reply.number()),
        },
        created: app.born + app.clock.elapsed().as_secs(),
        model: app.model().name.clone(),
        usage: Usage::default(),
        tells_usage: usage,
        begun: Vec::new(),
        echoes: Vec::new(),
    };
    if streams {
        form.echoes = echoes;
        return Ok((headers, stream(reply, form)).into_response());
    }
    let mut all = reply.whole().await?;
    for (whole, echo) in all.iter_mut().zip(&mut echoes) {
        if let Some(echo) = echo.take() {
            whole.text.insert_str(0, &echo);
        }
    }
    Ok((headers, Json(form.whole(all))).into_response())
}

#[derive(Debug, Default)]
struct Usage {
    prompt: usize,
    reused: usize,
    reply: usize,
}

impl Usage {
    fn add(&mut self, end: Option<&End>) {
        if let Some(end) = end {
            self.prompt += end.prompt_tokens;
            self.reused += end.reused_tokens;
            self.reply += end.reply_tokens;
        }
    }

    fn json(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.reply,
            "total_tokens": self.prompt + self.reply,
            "prompt_tokens_details": { "cached_tokens": self.reused },
        })
    }
}

/// The form of one answer.
struct Form {
    layout: Layout,
    id: String,
    created: u64,
    model: String,
    usage: Usage,
    tells_usage: bool,
    tells_probabilities: bool,
    /// Where in each choice the next token begins, in characters.
    offsets: Vec<usize>,
    /// Which choices have said something.
    begun: Vec<usize>,
    /// What each choice says before anything else.
    echoes: Vec<Option<String>>,
}

impl Form {
    fn object(&self, streams: bool) -> &'static str {
        match (self.layout, streams) {
            (Layout::Text, _) => "text_completion",
            (Layout::Chat, false) => "chat.completion",
            (Layout::Chat, true) => "chat.completion.chunk",
        }
    }

    fn wrap(&self, streams: bool, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": self.object(streams),
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn whole(&mut self, all: Vec<Whole>) -> Value {
        let choices: Vec<Value> = all
            .into_iter()
            .enumerate()
            .map(|(index, whole)| {
                self.usage.add(whole.end.as_ref());
                let finish = finish(whole.end.as_ref());
                let probabilities = self.probabilities(index, &whole.chosen);
                match self.layout {
                    Layout::Text => json!({
                        "index": index, "text": whole.text, "logprobs": probabilities, "finish_reason": finish,
                    }),
                    Layout::Chat => json!({
                        "index": index,
                        "message": { "role": "assistant", "content": whole.text },
                        "logprobs": probabilities,
                        "finish_reason": finish,
                    }),
                }
            })
            .collect();
        let mut answer = self.wrap(false, choices.into());
        answer["usage"] = self.usage.json();
        answer
    }

    /// The probabilities of choice `index`, where they are asked for.
    fn probabilities(&mut self, index: usize, chosen: &[Chosen]) -> Option<Value> {
        if !self.tells_probabilities {
            return None;
        }
        if self.offsets.len() <= index {
            self.offsets.resize(index + 1, 0);
        }
        Some(match self.layout {
            Layout::Text => probabilities::of_text(chosen, &mut self.offsets[index]),
            Layout::Chat => probabilities::of_chat(chosen),
        })
    }

    fn chunk(&self, index: usize, text: Option<String>, finish: Option<&str>) -> Value {
        let choice = match self.layout {
            Layout::Text => json!({
                "index": index,
                "text": text.unwrap_or_default(),
                "logprobs": null,
                "finish_reason": finish,
            }),
            Layout::Chat => {
                let delta = match text {
                    Some(text) => json!({ "content": text }),
                    None => json!({}),
                };
                json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish })
            }
        };
        self.wrap(true, json!([choice]))
    }

    /// What comes before the first piece of a choice.
    fn begin(&mut self, index: usize, out: &mut Frames) {
        if self.begun.contains(&index) {
            return;
        }
        self.begun.push(index);
        if self.layout == Layout::Chat {
            let mut chunk = self.chunk(index, Some(String::new()), None);
            chunk["choices"][0]["delta"]["role"] = "assistant".into();
            out.data(&chunk);
        } else if let Some(echo) = self.echoes.get_mut(index).and_then(Option::take) {
            out.data(&self.chunk(index, Some(echo), None));
        }
    }
}

impl Writer for Form {
    fn piece(&mut self, index: usize, text: String, chosen: &[Chosen], out: &mut Frames) {
        self.begin(index, out);
        let mut chunk = self.chunk(index, Some(text), None);
        if !chosen.is_empty() {
            chunk["choices"][0]["logprobs"] = self.probabilities(index, chosen).into();
        }
        out.data(&chunk);
    }

    fn end(&mut self, index: usize, end: Option<&End>, out: &mut Frames) {
        self.begin(index, out);
        self.usage.add(end);
        out.data(&self.chunk(index, None, Some(finish(end))));
    }

    fn done(&mut self, out: &mut Frames) {
        if self.tells_usage {
            let mut chunk = self.wrap(true, json!([]));
            chunk["usage"] = self.usage.json();
            out.data(&chunk);
        }
        out.text("[DONE]");
    }
}

/// OpenAI's word for why a reply ended.
pub(super) fn finish(end: Option<&End>) -> &'static str {
    match end.map(|end| &end.reason) {
        Some(Reason::Length) => "length",
        _ => "stop",
    }
}
