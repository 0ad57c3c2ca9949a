//! Mirostat: keeps the surprise of the text near a target by a running limit on how surprising a token may be.
//!
//! <https://arxiv.org/abs/2007.14966>. It takes the place of all steps that drop tokens.

use super::distribution::{Distribution, exp};
use super::{Settings, Token};

/// How many of the best tokens version 1 estimates the shape of the distribution from.
const OBSERVED: usize = 100;

/// Draws a token and moves the limit, in bits.
pub(super) fn draw(
    distribution: &mut Distribution,
    settings: &Settings,
    limit: &mut f32,
    share: f64,
) -> Option<Token> {
    let best = distribution.best_logit();
    if settings.mirostat == 1 {
        let count = distribution.len();
        let keep = first_version(distribution, count, *limit);
        super::filters::top_k(distribution, keep);
    } else {
        // A surprise of at most `limit` bits is a probability of at least 2^-limit.
        let total = distribution.total(best);
        distribution.keep_above(best + total.ln() - *limit * std::f32::consts::LN_2);
    }
    let token = distribution.draw(share)?;
    let total = distribution.total(best);
    let logit = distribution
        .complete()
        .iter()
        .find(|c| c.token == token)?
        .logit;
    let surprise = -(exp(logit - best) / total).log2();
    *limit -= settings.mirostat_eta * (surprise - settings.mirostat_tau);
    Some(token)
}

/// How many tokens to keep: the exponent of Zipf's law is estimated from the best tokens, and with it the rank beyond
/// which tokens are more surprising than `limit` bits.
fn first_version(distribution: &Distribution, count: usize, limit: f32) -> usize {
    let mut top = distribution.at_least(f32::NEG_INFINITY);
    top.truncate(OBSERVED);
    let (mut above, mut below) = (0.0, 0.0);
    for (at, pair) in top.windows(2).enumerate() {
        let ranks = ((at + 2) as f32 / (at + 1) as f32).ln();
        above += ranks * (pair[0].logit - pair[1].logit);
        below += ranks * ranks;
    }
    if below == 0.0 {
        return 1;
    }
    let exponent = above / below;
    let excess = exponent - 1.0;
    let scale = if excess.abs() < 1e-6 {
        // The limit of the fraction below where the exponent is 1.
        limit.exp2() / (count as f32).ln()
    } else {
        excess * limit.exp2() / (1.0 - (count as f32).powf(-excess))
    };
    let keep = scale.powf(1.0 / exponent);
    (keep.clamp(1.0, count as f32)) as usize
}
