//! The steps that weigh and drop tokens, one function each.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::distribution::{Distribution, exp, sort};
use super::{Settings, Token};

pub(super) fn penalise(
    distribution: &mut Distribution,
    settings: &Settings,
    seen: &[Token],
    spared: &[Token],
) {
    let &Settings {
        repetition_penalty: repetition,
        frequency_penalty: frequency,
        presence_penalty: presence,
        ..
    } = settings;
    if repetition == 1.0 && frequency == 0.0 && presence == 0.0 {
        return;
    }
    let range = usize::try_from(settings.repetition_range).unwrap_or(usize::MAX);
    let lately = &seen[seen.len().saturating_sub(range)..];
    // With a slope the older half of the range is penalised less.
    let half = lately.len() / 2;
    let share = if settings.repetition_slope > 0.0 {
        settings.repetition_slope.min(1.0)
    } else {
        1.0
    };
    let older = 1.0 + (repetition - 1.0) * share;
    let mut lately: Vec<(Token, bool)> = lately
        .iter()
        .enumerate()
        .filter(|(_, token)| !spared.contains(token))
        .map(|(at, &token)| (token, at >= half))
        .collect();
    lately.sort_unstable();
    for times in lately.chunk_by(|a, b| a.0 == b.0) {
        // The last of equal tokens is the newest.
        let (token, is_new) = times[times.len() - 1];
        let repetition = if is_new { repetition } else { older };
        distribution.adjust(token, |logit| {
            // Dividing a negative logit would favour the token.
            let logit = if logit > 0.0 {
                logit / repetition
            } else {
                logit * repetition
            };
            logit - times.len() as f32 * frequency - presence
        });
    }
}

pub(super) fn top_k(distribution: &mut Distribution, k: usize) {
    if k > 0 {
        distribution.narrow(|best, all| (all || best.len() >= k).then_some(k));
    }
}

pub(super) fn top_p(distribution: &mut Distribution, p: f32) {
    if p >= 1.0 {
        return;
    }
    let best_logit = distribution.best_logit();
    let enough = p * distribution.total(best_logit);
    distribution.narrow(|best, all| {
        let mut sum = 0.0;
        let reached = best.iter().position(|c| {
            sum += exp(c.logit - best_logit);
            sum >= enough
        });
        match reached {
            Some(at) => Some(at + 1),
            None if all => Some(best.len()),
            None => None,
        }
    });
}

pub(super) fn min_p(distribution: &mut Distribution, p: f32) {
    if p > 0.0 {
        let threshold = distribution.best_logit() + p.ln();
        distribution.keep_above(threshold);
    }
}

pub(super) fn typical(distribution: &mut Distribution, p: f32) {
    if p >= 1.0 {
        return;
    }
    let best = distribution.best_logit();
    let total = distribution.total(best);
    let log_total = total.ln();
    let candidates = std::mem::take(distribution.complete());
    let surprise = |logit: f32| log_total - (logit - best);
    let probability = |logit: f32| exp(logit - best) / total;
    let entropy: f32 = candidates
        .iter()
        .map(|c| probability(c.logit) * surprise(c.logit))
        .sum();
    let mut ranked: Vec<_> = candidates
        .into_iter()
        .map(|c| ((surprise(c.logit) - entropy).abs(), c))
        .collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut sum = 0.0;
    let reached = ranked.iter().position(|(_, c)| {
        sum += probability(c.logit);
        sum > p
    });
    let count = reached.map_or(ranked.len(), |at| at + 1);
    let mut kept: Vec<_> = ranked.into_iter().take(count).map(|(_, c)| c).collect();
    sort(&mut kept);
    distribution.keep(kept);
}

/// Keeps tokens of at least `a` times the square of the best probability.
pub(super) fn top_a(distribution: &mut Distribution, a: f32) {
    if a > 0.0 {
        let best = distribution.best_logit();
        let total = distribution.total(best);
        distribution.keep_above(best + (a / total).ln());
    }
}

/// Keeps tokens within `n` standard deviations of the best logit.
///
/// <https://arxiv.org/abs/2411.07641>
pub(super) fn top_n_sigma(distribution: &mut Distribution, n: f32) {
    if n > 0.0 {
        let threshold = distribution.best_logit() - n * distribution.deviation();
        distribution.keep_above(threshold);
    }
}

/// Excludes the top choices: with some probability drops all tokens above a threshold but the least likely of them.
///
/// <https://github.com/oobabooga/text-generation-webui/pull/6335>
pub(super) fn exclude_top_choices(
    distribution: &mut Distribution,
    settings: &Settings,
    random: &mut ChaCha8Rng,
) {
    let (probability, threshold) = (settings.xtc_probability, settings.xtc_threshold);
    // Above one half no two tokens can pass.
    if probability <= 0.0 || threshold > 0.5 || share(random) >= f64::from(probability) {
        return;
    }
    let best = distribution.best_logit();
    let total = distribution.total(best);
    let mut top = distribution.at_least(best + (threshold * total).ln());
    top.pop();
    distribution.remove(&top);
}

/// Draws the logits towards the best one by a curve of second and third degree.
///
/// <https://github.com/oobabooga/text-generation-webui/pull/5403>
pub(super) fn smooth(distribution: &mut Distribution, factor: f32, curve: f32) {
    if factor <= 0.0 {
        return;
    }
    let best = distribution.best_logit();
    let (square, cube) = (factor * (3.0 - curve) / 2.0, factor * (curve - 1.0) / 2.0);
    distribution.map(|logit| {
        let below = logit - best;
        if below == f32::NEG_INFINITY {
            return logit;
        }
        best - square * below * below + cube * below * below * below
    });
}

/// Divides by a temperature, or by one that follows the entropy of what is left.
///
/// <https://arxiv.org/abs/2309.02772>
pub(super) fn temperature(distribution: &mut Distribution, settings: &Settings) {
    let &Settings {
        temperature,
        dynamic_temperature_range: range,
        dynamic_temperature_exponent: exponent,
        ..
    } = settings;
    let temperature = if range > 0.0 && temperature > 0.0 {
        let (entropy, count) = distribution.entropy();
        if count < 2 {
            return;
        }
        let (low, high) = ((temperature - range).max(0.0), temperature + range);
        let evenness = (entropy / (count as f32).ln()).clamp(0.0, 1.0);
        // A temperature of exactly 0 would divide by it.
        (low + (high - low) * evenness.powf(exponent)).max(1e-3)
    } else {
        temperature
    };
    if temperature != 1.0 && temperature > 0.0 {
        distribution.map(|logit| logit / temperature);
    }
}

/// Penalises tokens that would go on with a repetition, the more the longer it is.
///
/// <https://github.com/oobabooga/text-generation-webui/pull/5677>
pub(super) fn dry(
    distribution: &mut Distribution,
    settings: &Settings,
    seen: &[Token],
    breakers: &[Token],
) {
    /// Keeps the power finite: no repetition is rewarded for being longer.
    const LONGEST: usize = 200;
    let multiplier = settings.dry_multiplier;
    if multiplier <= 0.0 {
        return;
    }
    let range = usize::try_from(settings.dry_range).unwrap_or(usize::MAX);
    let reversed: Vec<Token> = seen.iter().rev().take(range).copied().collect();
    // A repetition does not reach over a breaker.
    let limit = reversed
        .iter()
        .position(|token| breakers.contains(token))
        .unwrap_or(reversed.len());
    let allowed = settings.dry_allowed_length as usize;
    let mut longest: Vec<(Token, usize)> = common_beginnings(&reversed)
        .into_iter()
        .enumerate()
        .skip(1)
        .map(|(at, length)| (reversed[at - 1], length.min(limit)))
        .filter(|&(_, length)| length >= allowed.max(1))
        .collect();
    longest.sort_unstable();
    for same in longest.chunk_by(|a, b| a.0 == b.0) {
        let (token, length) = same[same.len() - 1];
        let over = (length - allowed).min(LONGEST);
        let penalty = multiplier * settings.dry_base.powi(over as i32);
        distribution.adjust(token, |logit| logit - penalty);
    }
}

/// For each position, how many tokens from there on are those from the start on (the Z function).
fn common_beginnings(tokens: &[Token]) -> Vec<usize> {
    let mut lengths = vec![0; tokens.len()];
    let (mut left, mut right) = (0, 0);
    for at in 1..tokens.len() {
        let mut length = if at < right {
            lengths[at - left].min(right - at)
        } else {
            0
        };
        while at + length < tokens.len() && tokens[length] == tokens[at + length] {
            length += 1;
        }
        if at + length > right {
            (left, right) = (at, at + length);
        }
        lengths[at] = length;
    }
    lengths
}

/// A random number from 0 to just below 1.
pub(super) fn share(random: &mut ChaCha8Rng) -> f64 {
    // As many bits as a double has.
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_beginnings_are_found() {
        assert_eq!(
            common_beginnings(&[1, 1, 2, 1, 1, 2, 1, 3]),
            [0, 1, 0, 4, 1, 0, 1, 0]
        );
        assert!(common_beginnings(&[]).is_empty());
    }
}
