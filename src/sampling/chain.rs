//! One request's way from logits to a token: its settings, what it has seen, and its random numbers.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::distribution::{Distribution, exp, sort};
use super::tail_free::tail_free;
use super::{Settings, Token};
use crate::Result;

/// A step between the logits and the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Repetition, frequency and presence penalty.
    Penalties,
    /// [`Settings::top_k`].
    TopK,
    /// [`Settings::tail_free`].
    TailFree,
    /// [`Settings::typical_p`].
    Typical,
    /// [`Settings::top_p`].
    TopP,
    /// [`Settings::min_p`].
    MinP,
    /// [`Settings::temperature`].
    Temperature,
}

impl Step {
    /// The order of llama.cpp in 2023, when LimaRP was written.
    pub const DEFAULT_ORDER: &'static [Self] = &[
        Self::Penalties,
        Self::TopK,
        Self::TailFree,
        Self::Typical,
        Self::TopP,
        Self::MinP,
        Self::Temperature,
    ];
}

/// Chooses one token after another for one request.
///
/// The same seed, settings and logits give the same tokens, on every machine and in every version.
#[derive(Debug, Clone)]
pub struct Chain {
    settings: Settings,
    random: ChaCha8Rng,
    seen: Vec<Token>,
    bans: Vec<Token>,
    distribution: Distribution,
}

impl Chain {
    /// A chain with these settings. Without a seed it draws one.
    ///
    /// # Errors
    ///
    /// [`Kind::Setting`](crate::Kind::Setting) when a setting is out of range.
    pub fn new(settings: &Settings) -> Result<Self> {
        settings.check()?;
        let random = match settings.seed {
            Some(seed) => ChaCha8Rng::seed_from_u64(seed),
            None => ChaCha8Rng::from_seed(entropy()),
        };
        Ok(Self {
            settings: settings.clone(),
            random,
            seen: Vec::new(),
            bans: Vec::new(),
            distribution: Distribution::default(),
        })
    }

    /// Tokens that are never chosen.
    pub fn ban(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.bans.extend(tokens);
    }

    /// Takes note of a token of the prompt or of the reply, for the penalties.
    pub fn accept(&mut self, token: Token) {
        self.seen.push(token);
    }

    /// Chooses a token by the logits of the whole vocabulary; `None` when every token is banned.
    pub fn sample(&mut self, logits: &[f32]) -> Option<Token> {
        self.distribution.load(logits);
        for &token in &self.bans {
            self.distribution.adjust(token, |_| f32::NEG_INFINITY);
        }
        for i in 0..self.settings.order.len() {
            self.apply(self.settings.order[i]);
        }
        if self.settings.temperature == 0.0 {
            self.distribution.best()
        } else {
            // 53 random bits are a share below 1.
            let share = (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
            self.distribution.draw(share)
        }
    }

    /// The tokens that were left at the last draw and their probabilities, best first.
    #[must_use]
    pub fn choice(&mut self) -> Vec<(Token, f32)> {
        let best = self.distribution.best_logit();
        let total = self.distribution.total(best);
        self.distribution
            .complete()
            .iter()
            .map(|c| (c.token, exp(c.logit - best) / total))
            .collect()
    }

    fn apply(&mut self, step: Step) {
        let distribution = &mut self.distribution;
        let settings = &self.settings;
        match step {
            Step::Penalties => penalise(distribution, settings, &self.seen),
            Step::TopK => top_k(distribution, settings.top_k as usize),
            Step::TailFree => tail_free(distribution, settings.tail_free),
            Step::Typical => typical(distribution, settings.typical_p),
            Step::TopP => top_p(distribution, settings.top_p),
            Step::MinP => min_p(distribution, settings.min_p),
            Step::Temperature => {
                let temperature = settings.temperature;
                if temperature != 1.0 && temperature > 0.0 {
                    distribution.map(|logit| logit / temperature);
                }
            }
        }
    }
}

/// 32 bytes that nobody can guess, without a further dependency: the standard library seeds its hash maps from the
/// operating system.
fn entropy() -> [u8; 32] {
    use std::hash::{BuildHasher as _, RandomState};
    let mut seed = [0; 32];
    for (i, bytes) in seed.chunks_exact_mut(8).enumerate() {
        bytes.copy_from_slice(&RandomState::new().hash_one(i).to_le_bytes());
    }
    seed
}

fn penalise(distribution: &mut Distribution, settings: &Settings, seen: &[Token]) {
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
    let mut lately = seen[seen.len().saturating_sub(range)..].to_vec();
    lately.sort_unstable();
    for times in lately.chunk_by(|a, b| a == b) {
        distribution.adjust(times[0], |logit| {
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

fn top_k(distribution: &mut Distribution, k: usize) {
    if k > 0 {
        distribution.narrow(|best, all| (all || best.len() >= k).then_some(k));
    }
}

fn top_p(distribution: &mut Distribution, p: f32) {
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

fn min_p(distribution: &mut Distribution, p: f32) {
    if p > 0.0 {
        let threshold = distribution.best_logit() + p.ln();
        distribution.keep_above(threshold);
    }
}

fn typical(distribution: &mut Distribution, p: f32) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn logits(probabilities: &[f32]) -> Vec<f32> {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    /// What is left of `probabilities` after the steps of `settings`.
    fn left(probabilities: &[f32], change: impl FnOnce(&mut Settings)) -> Vec<(Token, f32)> {
        after(&[], probabilities, change)
    }

    /// The same once `seen` was said.
    fn after(
        seen: &[Token],
        probabilities: &[f32],
        change: impl FnOnce(&mut Settings),
    ) -> Vec<(Token, f32)> {
        let mut settings = Settings::neutral();
        change(&mut settings);
        let mut chain = Chain::new(&settings).unwrap();
        seen.iter().for_each(|&token| chain.accept(token));
        chain.sample(&logits(probabilities));
        chain.choice()
    }

    #[track_caller]
    fn assert_left(left: &[(Token, f32)], expected: &[(Token, f32)]) {
        let close = |(a, b): (&(Token, f32), &(Token, f32))| a.0 == b.0 && (a.1 - b.1).abs() < 1e-4;
        assert!(
            left.len() == expected.len() && left.iter().zip(expected).all(close),
            "{left:?} is not {expected:?}"
        );
    }

    const FALLING: &[f32] = &[0.1, 0.2, 0.3, 0.4];

    #[test]
    fn top_k_keeps_the_best() {
        assert_left(&left(FALLING, |s| s.top_k = 1), &[(3, 1.0)]);
        let two = [(3, 0.4 / 0.7), (2, 0.3 / 0.7)];
        assert_left(&left(FALLING, |s| s.top_k = 2), &two);
        assert_eq!(left(FALLING, |s| s.top_k = 9).len(), 4);
    }

    #[test]
    fn top_p_keeps_the_best_until_their_sum_reaches_it() {
        assert_left(&left(FALLING, |s| s.top_p = 0.0), &[(3, 1.0)]);
        let two = [(3, 0.4 / 0.7), (2, 0.3 / 0.7)];
        assert_left(&left(FALLING, |s| s.top_p = 0.69), &two);
        let three = [(3, 0.4 / 0.9), (2, 0.3 / 0.9), (1, 0.2 / 0.9)];
        assert_left(&left(FALLING, |s| s.top_p = 0.8), &three);
    }

    #[test]
    fn min_p_keeps_what_is_as_likely_as_that_share_of_the_best() {
        assert_eq!(left(FALLING, |s| s.min_p = 0.24).len(), 4);
        assert_eq!(left(FALLING, |s| s.min_p = 0.26).len(), 3);
        assert_eq!(left(FALLING, |s| s.min_p = 0.51).len(), 2);
        assert_left(&left(FALLING, |s| s.min_p = 1.0), &[(3, 1.0)]);
    }

    #[test]
    fn typical_keeps_what_surprises_as_much_as_expected() {
        // The expected surprise of these is 1.33; .2 is 1.61 away from certain, .4 is 0.92: the three are closer.
        let third = 1.0 / 3.0;
        assert_left(
            &left(&[0.4, 0.2, 0.2, 0.2], |s| s.typical_p = 0.5),
            &[(1, third), (2, third), (3, third)],
        );
        assert_left(
            &left(&[0.97, 0.01, 0.01, 0.01], |s| s.typical_p = 0.5),
            &[(0, 1.0)],
        );
    }

    #[test]
    fn temperature_sharpens_and_flattens() {
        // At 0.5 probabilities are squared: .01 .04 .09 .16 of .30.
        let sharp = [
            (3, 16.0 / 30.0),
            (2, 9.0 / 30.0),
            (1, 4.0 / 30.0),
            (0, 1.0 / 30.0),
        ];
        assert_left(&left(FALLING, |s| s.temperature = 0.5), &sharp);
        let mut chain = Chain::new(&Settings {
            temperature: 0.0,
            ..Settings::default()
        })
        .unwrap();
        assert_eq!(chain.sample(&logits(FALLING)), Some(3));
    }

    #[test]
    fn the_order_of_the_steps_is_kept() {
        // Squared first, the two best have 25/30 of the probability and top-p 0.8 keeps two; else it keeps three.
        let change = |order: &[Step]| {
            let order = order.to_vec();
            move |s: &mut Settings| {
                s.temperature = 0.5;
                s.top_p = 0.8;
                s.order = order;
            }
        };
        let first = left(FALLING, change(&[Step::Temperature, Step::TopP]));
        let last = left(FALLING, change(&[Step::TopP, Step::Temperature]));
        assert_eq!((first.len(), last.len()), (2, 3));
    }

    #[test]
    fn what_was_said_lately_is_penalised() {
        let even = [0.25; 4];
        // ln .25 is negative, so it is multiplied by 2: .25 squared is 1/16 against three of 1/4.
        let repeated = after(&[0], &even, |s| {
            s.repetition_penalty = 2.0;
            s.repetition_range = 64;
        });
        let (rest, least) = (4.0 / 13.0, 1.0 / 13.0);
        assert_left(&repeated, &[(1, rest), (2, rest), (3, rest), (0, least)]);
        // Twice 0.5 and once 0.25 is e^-1.25.
        let counted = after(&[9, 2, 2], &even, |s| {
            s.frequency_penalty = 0.5;
            s.presence_penalty = 0.25;
            s.repetition_range = 64;
        });
        let total = 3.0 + (-1.25_f32).exp();
        assert!((counted[3].1 - (-1.25_f32).exp() / total).abs() < 1e-5 && counted[3].0 == 2);
        // Out of range, nothing happens.
        let forgotten = after(&[0, 1, 1], &even, |s| {
            s.repetition_penalty = 2.0;
            s.repetition_range = 2;
        });
        assert_eq!(forgotten[3].0, 1);
        assert!((forgotten[0].1 - rest).abs() < 1e-5);
    }

    #[test]
    fn a_positive_logit_is_divided() {
        let mut chain = Chain::new(&Settings {
            repetition_penalty: 2.0,
            temperature: 0.0,
            ..Settings::default()
        })
        .unwrap();
        chain.accept(0);
        assert_eq!(chain.sample(&[3.0, 1.6]), Some(1));
        assert_eq!(chain.sample(&[3.0, 1.4]), Some(0));
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let drawn = |seed| {
            let mut chain = Chain::new(&Settings {
                seed: Some(seed),
                ..Settings::neutral()
            })
            .unwrap();
            let flat: Vec<f32> = (0..50).map(|i| (i % 7) as f32 * 0.1).collect();
            (0..20)
                .filter_map(|_| chain.sample(&flat))
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        insta::assert_compact_debug_snapshot!(drawn(1));
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let mut chain = Chain::new(&Settings {
            seed: Some(3),
            ..Settings::neutral()
        })
        .unwrap();
        let mut counts = [0_i32; 4];
        for _ in 0..10_000 {
            counts[chain.sample(&logits(FALLING)).unwrap() as usize] += 1;
        }
        for (count, p) in counts.iter().zip(FALLING) {
            // Five standard deviations of a count of 10,000 draws are below 250.
            assert!((*count as f32 - p * 10_000.0).abs() < 250.0, "{counts:?}");
        }
    }

    #[test]
    fn nothing_can_be_drawn_when_everything_is_banned() {
        let mut chain = Chain::new(&Settings::default()).unwrap();
        chain.ban([0, 1]);
        assert_eq!(chain.sample(&[1.0, 2.0]), None);
    }

    proptest! {
        #[test]
        fn every_setting_leaves_something_in_order_that_sums_to_one(
            logits in prop::collection::vec(-50.0_f32..50.0, 1..300),
            seen in prop::collection::vec(0_i32..300, 0..40),
            (temperature, tail_free, typical_p) in (0.01_f32..5.0, 0.0_f32..=1.0, 0.0_f32..=1.0),
            (top_k, top_p, min_p) in (0_u32..300, 0.0_f32..=1.0, 0.0_f32..=1.0),
            repetition_penalty in 0.5_f32..3.0,
            order in Just(Step::DEFAULT_ORDER.to_vec()).prop_shuffle(),
        ) {
            let settings = Settings {
                temperature, tail_free, typical_p, top_k, top_p, min_p, repetition_penalty, order,
                ..Settings::default()
            };
            let mut chain = Chain::new(&settings).unwrap();
            seen.iter().for_each(|&token| chain.accept(token));
            let token = chain.sample(&logits);
            let choice = chain.choice();
            prop_assert!(choice.iter().any(|(t, _)| Some(*t) == token));
            prop_assert!(choice.windows(2).all(|pair| pair[0].1 >= pair[1].1));
            prop_assert!((choice.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-3);
        }
    }
}
