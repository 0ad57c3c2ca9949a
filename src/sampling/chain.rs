//! One request's way from logits to a token: its settings, what it has seen, and its random numbers.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::distribution::{Distribution, exp};
use super::tail_free::tail_free;
use super::{Settings, Step, Token, filters, mirostat};
use crate::Result;

/// A place that a [`Chain`] can go back to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    seen: usize,
    allowed_surprise: f32,
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
    breakers: Vec<Token>,
    spared: Vec<Token>,
    /// The surprise that Mirostat allows now, in bits.
    allowed_surprise: f32,
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
        let random = ChaCha8Rng::seed_from_u64(settings.seed.unwrap_or_else(drawn_seed));
        Ok(Self {
            settings: settings.clone(),
            random,
            seen: Vec::new(),
            bans: settings.banned_tokens.clone(),
            breakers: Vec::new(),
            spared: Vec::new(),
            allowed_surprise: 2.0 * settings.mirostat_tau,
            distribution: Distribution::default(),
        })
    }

    /// Tokens that are never chosen.
    pub fn ban(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.bans.extend(tokens);
    }

    /// Tokens over which no repetition reaches ([`Settings::dry_multiplier`]).
    pub fn break_at(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.breakers.extend(tokens);
    }

    /// Tokens that the penalties spare ([`Settings::spared_words`]).
    pub fn spare(&mut self, tokens: impl IntoIterator<Item = Token>) {
        self.spared.extend(tokens);
    }

    /// Takes note of a token of the prompt or of the reply, for the penalties.
    pub fn accept(&mut self, token: Token) {
        self.seen.push(token);
    }

    /// Where the chain stands, to [`rewind`](Self::rewind) to.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            seen: self.seen.len(),
            allowed_surprise: self.allowed_surprise,
        }
    }

    /// Forgets what was accepted and drawn since `mark`. The random numbers go on: drawing the same one again would
    /// favour the neighbour of the token that was not wanted.
    pub fn rewind(&mut self, mark: &Mark) {
        self.seen.truncate(mark.seen);
        self.allowed_surprise = mark.allowed_surprise;
    }

    /// Chooses a token by the logits of the whole vocabulary; `None` when every token is banned.
    pub fn sample(&mut self, logits: &[f32]) -> Option<Token> {
        self.sample_except(logits, &[])
    }

    /// The same without the tokens of `except`, which are banned this once.
    pub fn sample_except(&mut self, logits: &[f32], except: &[Token]) -> Option<Token> {
        self.distribution.load(logits);
        for &token in self.bans.iter().chain(except) {
            self.distribution.adjust(token, |_| f32::NEG_INFINITY);
        }
        for (&token, &bias) in &self.settings.logit_bias {
            self.distribution.adjust(token, |logit| logit + bias);
        }
        for i in 0..self.settings.order.len() {
            let step = self.settings.order[i];
            if self.settings.mirostat == 0 || !step.drops() {
                self.apply(step);
            }
        }
        if self.settings.temperature == 0.0 {
            return self.distribution.best();
        }
        let share = filters::share(&mut self.random);
        if self.settings.mirostat == 0 {
            self.distribution.draw(share)
        } else {
            mirostat::draw(
                &mut self.distribution,
                &self.settings,
                &mut self.allowed_surprise,
                share,
            )
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
            Step::Penalties => filters::penalise(distribution, settings, &self.seen, &self.spared),
            Step::Dry => filters::dry(distribution, settings, &self.seen, &self.breakers),
            Step::TopNSigma => filters::top_n_sigma(distribution, settings.top_n_sigma),
            Step::TopK => filters::top_k(distribution, settings.top_k as usize),
            Step::TopA => filters::top_a(distribution, settings.top_a),
            Step::TailFree => {
                tail_free(distribution, settings.tail_free, settings.tail_free_centred);
            }
            Step::Typical => filters::typical(distribution, settings.typical_p),
            Step::TopP => filters::top_p(distribution, settings.top_p),
            Step::MinP => filters::min_p(distribution, settings.min_p),
            Step::Xtc => {
                filters::exclude_top_choices(distribution, settings, &mut self.random);
            }
            Step::Smoothing => {
                let (factor, curve) = (settings.smoothing_factor, settings.smoothing_curve);
                filters::smooth(distribution, factor, curve);
            }
            Step::Temperature => filters::temperature(distribution, settings),
        }
    }
}

/// A seed that nobody can guess, without a further dependency: the standard library seeds its hash maps from the operating
/// system.
#[must_use]
pub fn drawn_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
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
    fn top_a_keeps_what_passes_a_share_of_the_best_squared() {
        // .16 times 1.2 is .192, times 2 is .32.
        assert_eq!(left(FALLING, |s| s.top_a = 1.0).len(), 3);
        let three = [(3, 0.4 / 0.9), (2, 0.3 / 0.9), (1, 0.2 / 0.9)];
        assert_left(&left(FALLING, |s| s.top_a = 1.0), &three);
        assert_eq!(left(FALLING, |s| s.top_a = 0.5).len(), 4);
    }

    #[test]
    fn top_n_sigma_keeps_what_is_close_to_the_best_logit() {
        // The logits are -2.30 -1.61 -1.20 -0.92: mean -1.51, deviation 0.52.
        assert_eq!(left(FALLING, |s| s.top_n_sigma = 0.5).len(), 1);
        assert_eq!(left(FALLING, |s| s.top_n_sigma = 1.0).len(), 2);
        assert_eq!(left(FALLING, |s| s.top_n_sigma = 2.0).len(), 3);
        assert_eq!(left(FALLING, |s| s.top_n_sigma = 3.0).len(), 4);
    }

    #[test]
    fn xtc_drops_all_but_the_least_of_the_top_choices() {
        let always = |threshold| {
            left(FALLING, |s| {
                s.xtc_probability = 1.0;
                s.xtc_threshold = threshold;
            })
        };
        assert_left(&always(0.15), &[(1, 0.2 / 0.3), (0, 0.1 / 0.3)]);
        assert_left(&always(0.25), &[(2, 0.5), (1, 0.2 / 0.6), (0, 0.1 / 0.6)]);
        // Only one passes: it stays.
        assert_eq!(always(0.35).len(), 4);
        assert_eq!(left(FALLING, |s| s.xtc_probability = 0.0).len(), 4);
    }

    #[test]
    fn smoothing_bends_the_distances_to_the_best() {
        // ln(.4/.2) is .693; with factor 2 the distance is 2 * .48 = .961, so e^-.961 = .3825 of the best.
        let bent = left(&[0.4, 0.2], |s| s.smoothing_factor = 2.0);
        assert!((bent[1].1 / bent[0].1 - 0.3825).abs() < 1e-3, "{bent:?}");
    }

    #[test]
    fn dynamic_temperature_is_hot_where_the_model_is_unsure() {
        let change = |s: &mut Settings| {
            s.temperature = 1.0;
            s.dynamic_temperature_range = 0.5;
        };
        // All even: the entropy is the largest there is, the temperature 1.5, and even stays even.
        assert_left(&left(&[0.5, 0.5], change), &[(0, 0.5), (1, 0.5)]);
        // Entropy .0560 of .6931: temperature .5 + .0808 = .5808, so (1/99)^(1/.5808) of the best.
        let sure = left(&[0.99, 0.01], change);
        let ratio = (1.0_f32 / 99.0).powf(1.0 / 0.5808);
        assert!((sure[1].1 / sure[0].1 - ratio).abs() < 1e-5, "{sure:?}");
    }

    #[test]
    fn dry_penalises_what_goes_on_with_a_repetition() {
        // 1 2 3 ... 1 2: three tokens would make it; the match is 2 long, as allowed, so the penalty is 0.8 * 1.75^0.
        let change = |s: &mut Settings| s.dry_multiplier = 0.8;
        let even = [0.25; 4];
        let repeated = after(&[1, 2, 3, 0, 1, 2], &even, change);
        assert!((repeated[3].1 / repeated[0].1 - (-0.8_f32).exp()).abs() < 1e-4);
        assert_eq!(repeated[3].0, 3);
        // One longer costs 1.75 times as much.
        let longer = after(&[0, 1, 2, 3, 0, 1, 2], &even, change);
        assert!((longer[3].1 / longer[0].1 - (-1.4_f32).exp()).abs() < 1e-4);
        assert_eq!(after(&[1, 3, 0, 1], &even, change)[3].1, 0.25);
    }

    #[test]
    fn dry_does_not_reach_over_a_breaker() {
        let mut chain = Chain::new(&Settings {
            dry_multiplier: 5.0,
            temperature: 0.0,
            ..Settings::neutral()
        })
        .unwrap();
        [1, 2, 3, 0, 1, 2]
            .iter()
            .for_each(|&token| chain.accept(token));
        assert_eq!(chain.sample(&[0.0, 0.0, 0.0, 1.0]), Some(0));
        chain.break_at([2]);
        assert_eq!(chain.sample(&[0.0, 0.0, 0.0, 1.0]), Some(3));
    }

    #[test]
    fn biases_are_added_and_banned_tokens_never_come() {
        let biased = left(&[0.5, 0.5], |s| {
            s.logit_bias.insert(1, 3.0_f32.ln());
        });
        assert_left(&biased, &[(1, 0.75), (0, 0.25)]);
        assert_left(
            &left(FALLING, |s| s.banned_tokens = vec![3, 2, 1]),
            &[(0, 1.0)],
        );
    }

    #[test]
    fn mirostat_holds_the_surprise_it_is_asked_for() {
        for mode in [1, 2] {
            let tau = 3.0;
            let mut chain = Chain::new(&Settings {
                mirostat: mode,
                mirostat_tau: tau,
                seed: Some(5),
                ..Settings::neutral()
            })
            .unwrap();
            // Zipf's law over 2000 tokens: an entropy of 8.5 bits.
            let flat: Vec<f32> = (1..=2000).map(|rank| -(rank as f32).ln()).collect();
            let mut bits = 0.0;
            for _ in 0..2000 {
                let token = chain.sample(&flat).unwrap();
                let choice = chain.choice();
                let (_, p) = choice.iter().find(|(t, _)| *t == token).unwrap();
                bits -= p.log2();
            }
            let mean = bits / 2000.0;
            assert!((mean - tau).abs() < 0.15, "mode {mode}: {mean} bits");
        }
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
    fn a_rewound_chain_has_forgotten_what_it_accepted() {
        let settings = Settings {
            repetition_penalty: 3.0,
            temperature: 0.0,
            ..Settings::neutral()
        };
        let settings = Settings {
            repetition_range: -1,
            ..settings
        };
        let mut chain = Chain::new(&settings).unwrap();
        let mark = chain.mark();
        chain.accept(0);
        assert_eq!(chain.sample(&[3.0, 2.0]), Some(1));
        chain.rewind(&mark);
        assert_eq!(chain.sample(&[3.0, 2.0]), Some(0));
        assert_eq!(chain.sample_except(&[3.0, 2.0], &[0]), Some(1));
        assert_eq!(chain.sample(&[3.0, 2.0]), Some(0));
    }

    #[test]
    fn what_is_spared_is_as_likely_as_before() {
        let mut chain = Chain::new(&Settings {
            repetition_range: -1,
            repetition_penalty: 2.0,
            frequency_penalty: 1.0,
            presence_penalty: 1.0,
            ..Settings::neutral()
        })
        .unwrap();
        chain.spare([1]);
        [0, 1, 1].into_iter().for_each(|token| chain.accept(token));
        chain.sample(&logits(&[0.25; 4]));
        let choice = chain.choice();
        let of = |token| choice.iter().find(|(t, _)| *t == token).unwrap().1;
        assert!(
            (of(1) - of(2)).abs() < 1e-6 && of(0) < of(2) / 4.0,
            "{choice:?}"
        );
    }

    #[test]
    fn a_slope_spares_what_was_said_longest_ago() {
        let even = [0.25; 4];
        let change = |s: &mut Settings| {
            s.repetition_penalty = 2.0;
            s.repetition_range = 4;
            s.repetition_slope = 0.5;
        };
        // The older half of the range is penalised by 1.5, the newer by 2: ln .25 times that.
        let left = after(&[0, 9, 9, 1], &even, change);
        let of = |token| left.iter().find(|(t, _)| *t == token).unwrap().1;
        let power = |p: f32| (0.25_f32.ln() * (p - 1.0)).exp();
        assert!((of(0) / of(2) - power(1.5)).abs() < 1e-4);
        assert!((of(1) / of(2) - power(2.0)).abs() < 1e-4);
        // Said in both halves, the newer counts.
        let left = after(&[0, 9, 9, 0], &even, change);
        let of = |token| left.iter().find(|(t, _)| *t == token).unwrap().1;
        assert!((of(0) / of(2) - power(2.0)).abs() < 1e-4);
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
            (top_a, top_n_sigma, xtc_probability) in (0.0_f32..=1.0, 0.0_f32..=5.0, 0.0_f32..=1.0),
            (smoothing_factor, smoothing_curve) in (0.0_f32..3.0, 1.0_f32..=3.0),
            (dynamic_temperature_range, dry_multiplier) in (0.0_f32..3.0, 0.0_f32..3.0),
            repetition_penalty in 0.5_f32..3.0,
            order in Just(Step::DEFAULT_ORDER.to_vec()).prop_shuffle(),
        ) {
            let settings = Settings {
                temperature, tail_free, typical_p, top_k, top_p, min_p, repetition_penalty, top_a, top_n_sigma, xtc_probability, smoothing_factor, smoothing_curve,
                dynamic_temperature_range, dry_multiplier, order,
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
