//! How likely tokens are before any sampler has touched them.

use super::Token;
use super::distribution::{Distribution, maximum, sum_of_exp};

/// The natural logarithm of the probability of `token` by the logits of the whole vocabulary, and the `count` likeliest
/// tokens with theirs, best first. A banned or unknown token has minus infinity.
///
/// ```
/// use cardwright::sampling::log_probabilities;
///
/// let (chosen, best) = log_probabilities(&[2.0_f32.ln(), 1.0_f32.ln(), 1.0_f32.ln()], 1, 1);
/// assert!((chosen.exp() - 0.25).abs() < 1e-6);
/// assert_eq!(best[0].0, 0);
/// assert!((best[0].1.exp() - 0.5).abs() < 1e-6);
/// ```
#[must_use]
pub fn log_probabilities(logits: &[f32], token: Token, count: usize) -> (f32, Vec<(Token, f32)>) {
    let best = maximum(logits);
    let total = best + sum_of_exp(logits, best).ln();
    let chosen = usize::try_from(token)
        .ok()
        .and_then(|token| logits.get(token))
        .map_or(f32::NEG_INFINITY, |logit| logit - total);
    if count == 0 {
        return (chosen, Vec::new());
    }
    let mut distribution = Distribution::default();
    distribution.load(logits);
    distribution.narrow(|best, all| (all || best.len() >= count).then_some(count));
    let likeliest = distribution.complete().iter();
    let likeliest = likeliest.map(|c| (c.token, c.logit - total)).collect();
    (chosen, likeliest)
}
