//! Tokens with their probabilities, in the words of each family of clients.

use serde_json::{Map, Value, json};

use super::fields::{Fields, wrong};
use crate::Result;
use crate::engine::{Chosen, Likelihood};

/// The most alternatives to a token that are told.
const ALTERNATIVES: i64 = 20;
/// What stands for a probability of nothing, as JSON has no infinity; OpenAI's value.
const NEVER: f32 = -9999.0;

/// How many alternatives a request asks for; `None` when it asks for no probabilities at all.
pub(super) fn wanted(fields: &mut Fields) -> Result<Option<usize>> {
    let top = fields.whole(&["top_logprobs"])?;
    let count = match fields.take(&["logprobs"]) {
        Some(Value::Bool(true)) => Some(top.unwrap_or(0)),
        Some(Value::Bool(false)) | None => None,
        Some(Value::Number(number)) => Some(number.as_f64().unwrap_or(-1.0) as i64),
        Some(_) => return Err(wrong("`logprobs` must be a number or true".into())),
    };
    // llama.cpp's 0 is none at all.
    let count = count.or(fields.whole(&["n_probs"])?.filter(|count| *count != 0));
    match count {
        None => Ok(None),
        Some(count) if (0..=ALTERNATIVES).contains(&count) => Ok(usize::try_from(count).ok()),
        Some(_) => Err(wrong(format!(
            "`logprobs` must be from 0 to {ALTERNATIVES}"
        ))),
    }
}

fn text(of: &Likelihood) -> String {
    String::from_utf8_lossy(&of.bytes).into_owned()
}

fn logprob(of: &Likelihood) -> f32 {
    of.logprob.max(NEVER)
}

/// OpenAI's for completions, which text-generation-webui and `KoboldCpp` have taken over. `offset` is where in the reply
/// the first token begins, in characters, and is moved on.
pub(super) fn of_text(chosen: &[Chosen], offset: &mut usize) -> Value {
    let mut offsets = Vec::new();
    for token in chosen {
        offsets.push(*offset);
        *offset += text(&token.choice).chars().count();
    }
    let top = |token: &Chosen| -> Map<String, Value> {
        let likely = token.alternatives.iter();
        likely
            .map(|other| (text(other), logprob(other).into()))
            .collect()
    };
    json!({
        "tokens": chosen.iter().map(|token| text(&token.choice)).collect::<Vec<_>>(),
        "token_logprobs": chosen.iter().map(|token| logprob(&token.choice)).collect::<Vec<_>>(),
        "top_logprobs": chosen.iter().map(top).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

/// OpenAI's for chats.
pub(super) fn of_chat(chosen: &[Chosen]) -> Value {
    let tell =
        |of: &Likelihood| json!({ "token": text(of), "logprob": logprob(of), "bytes": of.bytes });
    let content = chosen.iter().map(|token| {
        let mut told = tell(&token.choice);
        told["top_logprobs"] = token.alternatives.iter().map(tell).collect();
        told
    });
    json!({ "content": content.collect::<Vec<_>>() })
}

/// llama.cpp's.
pub(super) fn of_llama(chosen: &[Chosen]) -> Value {
    let tell = |of: &Likelihood| {
        json!({
            "id": of.token, "token": text(of), "bytes": of.bytes, "logprob": logprob(of),
        })
    };
    let all = chosen.iter().map(|token| {
        let mut told = tell(&token.choice);
        told["top_logprobs"] = token.alternatives.iter().map(tell).collect();
        told
    });
    all.collect()
}
