//! The tokens of a prompt, without its oldest turns where they do not all fit.

use super::Request;
use super::backend::Vocabulary;
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// A prompt that fits.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) tokens: Vec<Token>,
    /// Turns that were left out.
    pub(super) dropped: usize,
}

/// The tokens of the request's prompt, fitted into `context` tokens together with its reply.
///
/// # Errors
///
/// [`Kind::Limit`] when it does not fit, [`Kind::Usage`] when it is empty or the turns are not in it.
pub(super) fn prompt(
    vocabulary: &dyn Vocabulary,
    request: &Request,
    context: usize,
) -> Result<Fitted> {
    let tokens_of = |text: &str| vocabulary.tokens(text, true, request.special_tokens);
    let tokens = tokens_of(&request.prompt);
    if tokens.is_empty() {
        return Err(Error::new(Kind::Usage, "the prompt is empty"));
    }
    let is_rising = request.turns.windows(2).all(|pair| pair[0] < pair[1]);
    let is_inside = |&at: &usize| request.prompt.is_char_boundary(at);
    if !is_rising || !request.turns.iter().all(is_inside) {
        return Err(Error::new(
            Kind::Usage,
            "the turns must begin at rising places between characters of the prompt",
        ));
    }
    let whole = Fitted { tokens, dropped: 0 };
    if request.turns.is_empty() {
        return checked(whole, context);
    }
    let reply = request.max_tokens.min(context / 2);
    let budget = context.saturating_sub(reply).max(1);
    if whole.tokens.len() <= budget {
        return checked(whole, context);
    }
    // What the oldest turns take, in tokens, about: tokens can reach over the border of two turns.
    let mut taken = vec![0];
    for turn in request.turns.windows(2) {
        let text = &request.prompt[turn[0]..turn[1]];
        let count = vocabulary.tokens(text, false, request.special_tokens).len();
        taken.push(taken[taken.len() - 1] + count);
    }
    // Points of a fixed grid, so that the next turns find the same beginning and need not evaluate it again.
    let block = (context / 4).max(1);
    let mut fitted = whole;
    for target in (1..).map(|blocks| blocks * block) {
        let dropped = taken.iter().position(|&tokens| tokens >= target);
        let dropped = dropped.unwrap_or(taken.len() - 1);
        if dropped > fitted.dropped {
            let head = &request.prompt[..request.turns[0]];
            let rest = &request.prompt[request.turns[dropped]..];
            fitted = Fitted {
                tokens: tokens_of(&format!("{head}{rest}")),
                dropped,
            };
        }
        if fitted.tokens.len() <= budget || dropped == taken.len() - 1 {
            break;
        }
    }
    checked(fitted, context)
}

/// A prompt that leaves room for at least one token.
fn checked(fitted: Fitted, context: usize) -> Result<Fitted> {
    let length = fitted.tokens.len();
    if length < context {
        return Ok(fitted);
    }
    let what = if fitted.dropped > 0 {
        "the prompt without all turns but the last"
    } else {
        "the prompt"
    };
    let message = format!(
        "{what} has {length} tokens, but a conversation can hold {context}, the reply included"
    );
    Err(Error::new(Kind::Limit, message)
        .hint("shorten the prompt, or load the model with a larger context (`--ctx`)"))
}
