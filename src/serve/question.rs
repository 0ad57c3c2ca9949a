//! From the fields of a request to what the engine is asked.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::fields::{Fields, wrong};
use super::running::Key;
use super::{App, Shared, adapters, bans, grammar, ignored, limits, order, probabilities, watch};
use crate::Result;
use crate::engine::Request;
use crate::sampling::{Range, SAMPLERS, Settings, Token};

const IGNORED: HeaderName = HeaderName::from_static("cardwright-ignored");

/// What to complete.
#[derive(Debug, Default)]
pub(super) struct Prompts {
    pub(super) texts: Vec<String>,
    /// Whether spellings of special tokens are these tokens.
    pub(super) special_tokens: bool,
    /// Stop strings besides those of the request.
    pub(super) stop: Vec<String>,
}

/// What the engine is asked.
#[derive(Debug)]
pub(super) struct Question {
    /// As many requests per prompt as there are choices.
    pub(super) requests: Vec<Request>,
    pub(super) stream: bool,
    pub(super) key: Key,
    /// What the answer says besides the reply.
    pub(super) headers: HeaderMap,
}

impl Question {
    /// Whether the answer tells each token and its probability.
    pub(super) fn tells_probabilities(&self) -> bool {
        self.requests
            .first()
            .is_some_and(|request| request.logprobs.is_some())
    }
}

/// The prompts of the field `prompt`: a text, a list of texts, tokens, or lists of tokens.
///
/// Front-ends write the markup of their instruct formats into the prompt, so special tokens in it count, as with every
/// other server, unless `special_tokens` is false.
pub(super) async fn prompts(app: &Shared, fields: &mut Fields) -> Result<Prompts> {
    let must = || wrong("`prompt` must be a text, tokens, or a list of those".into());
    let values = match fields.take(&["prompt"]) {
        None => return Err(wrong("there is no `prompt`".into())),
        Some(Value::Array(values)) if values.first().is_some_and(Value::is_number) => {
            vec![Value::Array(values)]
        }
        Some(Value::Array(values)) => values,
        Some(value) => vec![value],
    };
    if values.is_empty() || values.len() > limits::REPLIES {
        let most = limits::REPLIES;
        return Err(wrong(format!("`prompt` must have 1 to {most} entries")));
    }
    let mut texts = Vec::new();
    for value in values {
        texts.push(match value {
            Value::String(text) => text,
            Value::Array(_) => {
                let tokens = tokens(&value).ok_or_else(must)?;
                app.work(move |engine| engine.detokenize(&tokens)).await?
            }
            _ => return Err(must()),
        });
    }
    Ok(Prompts {
        texts,
        special_tokens: fields.flag(&["special_tokens"])?.unwrap_or(true),
        stop: Vec::new(),
    })
}

/// A list of tokens.
pub(super) fn tokens(value: &Value) -> Option<Vec<Token>> {
    let token = |value: &Value| value.as_i64().and_then(|token| token.try_into().ok());
    value.as_array()?.iter().map(token).collect()
}

/// Reads everything but the prompts.
pub(super) async fn question(
    app: &Shared,
    mut fields: Fields,
    prompts: Prompts,
    key: Key,
) -> Result<Question> {
    let mut settings = settings(app, &mut fields)?;
    bans::bans(app, &mut fields, &mut settings).await?;
    let max_tokens = max_tokens(app, &mut fields)?;
    let choices = choices(&mut fields, prompts.texts.len())?;
    let stop = stops(&mut fields, prompts.stop)?;
    let (grammar, json_schema) = grammar::grammar(&mut fields)?;
    let adapters = adapters::of_request(app, &mut fields)?;
    let logprobs = probabilities::wanted(&mut fields)?;
    let stream = fields.flag(&["stream"])?.unwrap_or(false);
    let mut headers = HeaderMap::new();
    report_ignored(app, fields, &mut headers);
    if let Some(first) = prompts.texts.first() {
        watch::watch(app, first, &mut headers).await?;
    }
    let mut requests = Vec::new();
    for prompt in prompts.texts {
        for choice in 0..choices {
            let mut settings = settings.clone();
            // Swipes with the same seed would all say the same.
            settings.seed = settings.seed.map(|seed| seed.wrapping_add(choice));
            requests.push(Request {
                special_tokens: prompts.special_tokens,
                settings,
                max_tokens,
                stop: stop.clone(),
                grammar: grammar.clone(),
                json_schema: json_schema.clone(),
                adapters: adapters.clone(),
                logprobs,
                ..Request::new(prompt.clone())
            });
        }
    }
    Ok(Question {
        requests,
        stream,
        key,
        headers,
    })
}

/// The sampler settings: each row of the table by any of its names, the seed, the order.
fn settings(app: &App, fields: &mut Fields) -> Result<Settings> {
    let mut settings = app.options.settings.clone();
    // For text-generation-webui a range of 0 is the whole context, for the others nothing.
    let whole_context = fields.says("api_type", "ooba")
        || fields.has("repetition_penalty_range")
            && !fields.has("repeat_last_n")
            && !fields.has("rep_pen_range");
    for row in SAMPLERS {
        let all: Vec<_> = row.all_names().collect();
        let Some(value) = (match row.range {
            Range::Switch => fields.flag(&all)?.map(|yes| f64::from(u8::from(yes))),
            _ => fields.number(&all)?,
        }) else {
            continue;
        };
        let value = match row.range {
            Range::Whole(..) if row.name == "repetition_range" && value == 0.0 && whole_context => {
                -1.0
            }
            // A k of -1 is how some write "all", a range beyond everything how some write "the context".
            Range::Whole(low, high) => value.trunc().clamp(low as f64, high as f64),
            _ if row.name == "temperature" => value.max(0.0),
            _ => value,
        };
        row.set(&mut settings, value)?;
    }
    if fields.flag(&["do_sample"])? == Some(false) {
        settings.temperature = 0.0;
    }
    let seed = fields.number(&["seed", "sampler_seed"])?;
    settings.seed = match seed {
        // -1, and what it is in 32 bits without a sign, asks for a seed to be drawn.
        Some(seed) if seed >= 0.0 && seed != f64::from(u32::MAX) => Some(seed as u64),
        Some(_) => None,
        None => settings.seed,
    };
    if let Some(order) = order::order(fields)? {
        settings.order = order;
    }
    Ok(settings)
}

fn max_tokens(app: &App, fields: &mut Fields) -> Result<usize> {
    let given = fields.whole(&[
        "max_tokens",
        "max_completion_tokens",
        "n_predict",
        "num_predict",
        "max_new_tokens",
        "max_length",
    ])?;
    let context = app.model().context;
    Ok(match given {
        None => app.options.max_tokens,
        // -1 is "as many as fit".
        Some(given) => usize::try_from(given).unwrap_or(context).min(context),
    })
}

fn choices(fields: &mut Fields, prompts: usize) -> Result<u64> {
    let choices = fields.whole(&["n", "n_cmpl"])?.unwrap_or(1);
    let most = limits::REPLIES / prompts.max(1);
    match u64::try_from(choices) {
        Ok(choices) if (1..=most as u64).contains(&choices) => Ok(choices),
        _ => Err(wrong(format!("`n` must be from 1 to {most}"))),
    }
}

fn stops(fields: &mut Fields, mut stop: Vec<String>) -> Result<Vec<String>> {
    let names = [
        "stop",
        "stopping_strings",
        "stop_sequence",
        "stop_sequences",
    ];
    for given in fields.texts(&names)?.unwrap_or_default() {
        if !given.is_empty() && !stop.contains(&given) {
            stop.push(given);
        }
    }
    if stop.len() > limits::STOPS {
        let most = limits::STOPS;
        return Err(wrong(format!("`stop` may have at most {most} entries")));
    }
    Ok(stop)
}

/// Tells of fields that ask for something and are not acted on: once in the log, always in a header.
fn report_ignored(app: &App, fields: Fields, headers: &mut HeaderMap) {
    let names = ignored::names(&fields.rest());
    if names.is_empty() {
        return;
    }
    let fresh = app.ignored.fresh(&names);
    if !fresh.is_empty() {
        app.log(&format!("ignored: {}", fresh.join(", ")));
    }
    // A name may hold what a header may not.
    let printable: String = names
        .join(", ")
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .take(1000)
        .collect();
    if let Ok(value) = HeaderValue::from_str(&printable) {
        headers.insert(IGNORED, value);
    }
}
