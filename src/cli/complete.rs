//! `complete`: a raw completion, for whoever brings a prompt of their own.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::engine::{ModelArgs, SamplerArgs};
use super::{Answer, input, output};
use crate::engine::{Chosen, End, Likelihood, Reason, Request};
use crate::{Error, Kind, Result};

/// Raw completion of a text.
#[derive(Debug, Args)]
pub(super) struct CompleteArgs {
    /// The text to go on from; `-` is standard input
    #[arg(value_name = "FILE|-")]
    prompt: PathBuf,
    /// The most tokens to write
    #[arg(short = 'n', long, default_value_t = 300, value_name = "COUNT")]
    tokens: usize,
    /// End the reply at this text; may be repeated. `\n` is a newline
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// A GBNF grammar that the reply follows
    #[arg(long, value_name = "FILE")]
    grammar: Option<PathBuf>,
    /// A JSON schema that the reply follows
    #[arg(long, value_name = "FILE", conflicts_with = "grammar")]
    schema: Option<PathBuf>,
    /// Tell the probability of each token and of so many others, in the JSON
    #[arg(long, value_name = "COUNT", requires = "json")]
    logprobs: Option<usize>,
    /// Read the spellings of special tokens, such as <|im_start|>, as these tokens
    #[arg(long)]
    special: bool,
    /// Print one JSON object at the end instead of the text as it is written
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
}

/// Runs `complete`.
pub(super) fn complete(arguments: &CompleteArgs) -> Result<Answer> {
    let grammar = arguments.grammar.as_deref().map(text_of).transpose()?;
    let json_schema = arguments.schema.as_deref().map(text_of).transpose()?;
    let request = Request {
        special_tokens: arguments.special,
        settings: arguments.sampler.settings()?,
        max_tokens: arguments.tokens,
        stop: arguments
            .stop
            .iter()
            .map(|stop| stop.replace("\\n", "\n"))
            .collect(),
        grammar,
        json_schema,
        logprobs: arguments.logprobs,
        ..Request::new(text_of(&arguments.prompt)?)
    };
    let engine = arguments.model.load()?;
    let mut completion = engine.start(request)?;
    let mut text = String::new();
    for piece in &mut completion {
        let piece = piece?;
        if arguments.json {
            text.push_str(&piece);
        } else {
            // What a model writes may have come from anybody, so a terminal gets it without control characters.
            let piece = if std::io::stdout().is_terminal() {
                output::escape(&piece)
            } else {
                piece
            };
            output::print(&piece)?;
        }
    }
    let tokens = completion.take_chosen();
    let end = completion.ended()?;
    if arguments.json {
        let mut object = json!({
            "text": text,
            "reason": reason(&end.reason),
            "model": engine.model().name,
            "prompt_tokens": end.prompt_tokens,
            "reused_tokens": end.reused_tokens,
            "reply_tokens": end.reply_tokens,
            "rewinds": end.rewinds,
            "prompt_seconds": end.prompt_time.as_secs_f64(),
            "reply_seconds": end.reply_time.as_secs_f64(),
        });
        if arguments.logprobs.is_some() {
            object["tokens"] = tokens.iter().map(token).collect();
        }
        output::print(&format!("{object:#}\n"))?;
    } else if std::io::stdout().is_terminal() {
        output::print("\n")?;
    }
    if std::io::stderr().is_terminal() && !arguments.json {
        output::say(&statistics(end));
    }
    Ok(Answer::Yes)
}

/// The text of a file, or of standard input.
fn text_of(path: &Path) -> Result<String> {
    String::from_utf8(input::bytes(path)?).map_err(|e| {
        Error::new(Kind::Usage, "is not UTF-8 text")
            .at(path.display().to_string())
            .source(e)
    })
}

fn token(chosen: &Chosen) -> Value {
    let one = |likelihood: &Likelihood| {
        json!({
            "token": likelihood.token,
            "text": String::from_utf8_lossy(&likelihood.bytes),
            "logprob": likelihood.logprob,
        })
    };
    let mut object = one(&chosen.choice);
    object["alternatives"] = chosen.alternatives.iter().map(one).collect();
    object
}

fn reason(reason: &Reason) -> &str {
    match reason {
        Reason::Stop(_) => "stop",
        Reason::EndOfText => "end_of_text",
        Reason::Length => "length",
        Reason::Grammar => "grammar",
    }
}

/// One line about how fast it went.
fn statistics(end: &End) -> String {
    let rate = |tokens: usize, time: Duration| tokens as f64 / time.as_secs_f64().max(1e-9);
    let evaluated = end.prompt_tokens - end.reused_tokens;
    format!(
        "[ prompt: {} tokens, {:.0} t/s | reply: {} tokens, {:.1} t/s | {} ]",
        end.prompt_tokens,
        rate(evaluated, end.prompt_time),
        end.reply_tokens,
        // The first token belongs to the prompt.
        rate(end.reply_tokens.saturating_sub(1), end.reply_time),
        reason(&end.reason),
    )
}
