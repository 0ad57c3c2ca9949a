//! The tokens that may still be chosen, and their logits.
//!
//! A vocabulary has 32,000 to 256,000 tokens and a reply needs a handful of them, so the work is done without sorting
//! them all: as long as no step has dropped a token the logits stand in token order, and a step asks only for the best
//! few. Once a step has narrowed the choice, the rest is a short list, best first.

use super::Token;

/// A token that may still be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) token: Token,
    pub(super) logit: f32,
}

/// The tokens that may still be chosen. Buffers are kept between tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Distribution {
    /// By token; minus infinity is banned. Valid while `narrowed` is false.
    logits: Vec<f32>,
    /// Best first, equal logits by token. Valid once `narrowed` is true.
    kept: Vec<Candidate>,
    narrowed: bool,
}

/// How far below the best logit the first look goes, in nats: e^-12 is 6e-6.
const FIRST_LOOK: f32 = 12.0;
/// And the second: e^-30 is 1e-13, less than the rounding of a sum of single precision numbers.
const SECOND_LOOK: f32 = 30.0;

impl Distribution {
    /// Starts over with every token of `logits`. A logit that is no number is a ban.
    pub(super) fn load(&mut self, logits: &[f32]) {
        self.narrowed = false;
        self.kept.clear();
        self.logits.clear();
        self.logits.extend(logits.iter().map(|&logit| {
            if logit.is_nan() {
                f32::NEG_INFINITY
            } else {
                logit
            }
        }));
    }

    /// Replaces the logit of one token.
    pub(super) fn adjust(&mut self, token: Token, change: impl FnOnce(f32) -> f32) {
        if self.narrowed {
            if let Some(at) = self.kept.iter().position(|c| c.token == token) {
                let mut candidate = self.kept.remove(at);
                candidate.logit = change(candidate.logit);
                let at = self.kept.partition_point(|c| before(c, &candidate));
                self.kept.insert(at, candidate);
            }
        } else if let Some(logit) = usize::try_from(token)
            .ok()
            .and_then(|token| self.logits.get_mut(token))
        {
            *logit = change(*logit);
        }
    }

    /// Applies `change`, which must keep the order, to every logit.
    pub(super) fn map(&mut self, change: impl Fn(f32) -> f32) {
        if self.narrowed {
            for candidate in &mut self.kept {
                candidate.logit = change(candidate.logit);
            }
        } else {
            for logit in &mut self.logits {
                *logit = change(*logit);
            }
        }
    }

    /// The number of tokens, banned ones included as long as nothing was dropped.
    pub(super) fn len(&self) -> usize {
        if self.narrowed {
            self.kept.len()
        } else {
            self.logits.len()
        }
    }

    /// The best logit; minus infinity when nothing can be chosen.
    pub(super) fn best_logit(&self) -> f32 {
        if self.narrowed {
            self.kept.first().map_or(f32::NEG_INFINITY, |c| c.logit)
        } else {
            maximum(&self.logits)
        }
    }

    /// The best token, the lowest number among equals.
    pub(super) fn best(&self) -> Option<Token> {
        if self.narrowed {
            return self.kept.first().map(|c| c.token);
        }
        let best = maximum(&self.logits);
        if best == f32::NEG_INFINITY {
            return None;
        }
        let at = self.logits.iter().position(|&logit| logit == best)?;
        Token::try_from(at).ok()
    }

    /// The sum of exp(logit - `best`) over all tokens: what probabilities are divided by.
    pub(super) fn total(&self, best: f32) -> f32 {
        if self.narrowed {
            self.kept.iter().map(|c| exp(c.logit - best)).sum()
        } else {
            sum_of_exp(&self.logits, best)
        }
    }

    /// The standard deviation of the logits that are not banned.
    pub(super) fn deviation(&self) -> f32 {
        let (mut n, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
        self.each(|logit| {
            let logit = f64::from(logit);
            n += 1.0;
            sum += logit;
            squares += logit * logit;
        });
        if n == 0.0 {
            return 0.0;
        }
        let mean = sum / n;
        (squares / n - mean * mean).max(0.0).sqrt() as f32
    }

    /// The entropy in nats, and the number of tokens that are not banned.
    pub(super) fn entropy(&self) -> (f32, usize) {
        let best = self.best_logit();
        let (mut count, mut total, mut weighted) = (0, 0.0_f32, 0.0_f32);
        self.each(|logit| {
            let weight = exp(logit - best);
            count += 1;
            total += weight;
            weighted += weight * (best - logit);
        });
        (total.ln() + weighted / total, count)
    }

    /// Calls `with` for each logit that is not banned.
    fn each(&self, mut with: impl FnMut(f32)) {
        let kept = self.kept.iter().map(|c| c.logit);
        let all = self.logits.iter().copied();
        let mut with = |logit: f32| {
            if logit > f32::NEG_INFINITY {
                with(logit);
            }
        };
        if self.narrowed {
            kept.for_each(&mut with);
        } else {
            all.for_each(&mut with);
        }
    }

    /// The tokens whose logit is at least `threshold`, best first.
    pub(super) fn at_least(&self, threshold: f32) -> Vec<Candidate> {
        if self.narrowed {
            let count = self.kept.partition_point(|c| c.logit >= threshold);
            self.kept[..count].to_vec()
        } else {
            self.above(threshold)
        }
    }

    /// Drops tokens.
    pub(super) fn remove(&mut self, tokens: &[Candidate]) {
        if self.narrowed {
            self.kept
                .retain(|c| tokens.iter().all(|gone| gone.token != c.token));
        } else {
            for gone in tokens {
                self.adjust(gone.token, |_| f32::NEG_INFINITY);
            }
        }
    }

    /// The tokens whose logit is at least `threshold`, best first, as long as none was dropped.
    fn above(&self, threshold: f32) -> Vec<Candidate> {
        const BLOCK: usize = 64;
        let mut found = Vec::new();
        for (block, logits) in self.logits.chunks(BLOCK).enumerate() {
            // Almost every block is turned away by its maximum, which is computed without a branch.
            if maximum(logits) < threshold {
                continue;
            }
            for (at, &logit) in logits.iter().enumerate() {
                if logit >= threshold && logit > f32::NEG_INFINITY {
                    let token = (block * BLOCK + at) as Token;
                    found.push(Candidate { token, logit });
                }
            }
        }
        sort(&mut found);
        found
    }

    /// Shows ever longer lists of the best tokens to `decide` until it says how many to keep, and keeps those.
    ///
    /// `decide` sees the best tokens, best first, and whether that is all of them; it answers `None` to see more. The
    /// last list it sees is complete and must be answered.
    pub(super) fn narrow(&mut self, decide: impl Fn(&[Candidate], bool) -> Option<usize>) {
        if self.narrowed {
            if let Some(count) = decide(&self.kept, true) {
                self.kept.truncate(count);
            }
            return;
        }
        let best = maximum(&self.logits);
        for depth in [FIRST_LOOK, SECOND_LOOK] {
            let mut found = self.above(best - depth);
            if let Some(count) = decide(&found, false) {
                found.truncate(count);
                self.keep(found);
                return;
            }
        }
        self.complete();
        if let Some(count) = decide(&self.kept, true) {
            self.kept.truncate(count);
        }
    }

    /// Keeps the tokens whose logit is at least `threshold`, and always the best one.
    pub(super) fn keep_above(&mut self, threshold: f32) {
        let threshold = threshold.min(self.best_logit());
        if self.narrowed {
            let count = self.kept.partition_point(|c| c.logit >= threshold);
            self.kept.truncate(count);
        } else {
            let found = self.above(threshold);
            self.keep(found);
        }
    }

    /// Every token that may still be chosen, best first.
    pub(super) fn complete(&mut self) -> &mut Vec<Candidate> {
        if !self.narrowed {
            let all = self.above(f32::NEG_INFINITY);
            self.keep(all);
        }
        &mut self.kept
    }

    /// Goes on with `kept`, which must be best first.
    pub(super) fn keep(&mut self, kept: Vec<Candidate>) {
        self.kept = kept;
        self.narrowed = true;
    }

    /// The token at `share` (0 to 1) of the cumulated probability.
    pub(super) fn draw(&self, share: f64) -> Option<Token> {
        let best = self.best_logit();
        if best == f32::NEG_INFINITY {
            return None;
        }
        let mut left = share * f64::from(self.total(best));
        let mut last = None;
        let mut step = |token: Token, logit: f32| {
            let weight = exp(logit - best);
            if weight > 0.0 {
                last = Some(token);
                left -= f64::from(weight);
            }
            left < 0.0
        };
        if self.narrowed {
            self.kept.iter().any(|c| step(c.token, c.logit));
        } else {
            self.logits
                .iter()
                .enumerate()
                .any(|(token, &logit)| step(token as Token, logit));
        }
        last
    }
}

/// Whether `a` stands before `b`: better logits first, equal ones by token.
fn before(a: &Candidate, b: &Candidate) -> bool {
    a.logit > b.logit || (a.logit == b.logit && a.token < b.token)
}

/// Puts the best first.
pub(super) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token)));
}

/// The largest of `logits`, written so that the compiler compares many at once.
pub(super) fn maximum(logits: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut blocks = logits.chunks_exact(LANES);
    for block in &mut blocks {
        for (lane, &logit) in lanes.iter_mut().zip(block) {
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(blocks.remainder())
        .fold(
            f32::NEG_INFINITY,
            |best, &logit| if logit > best { logit } else { best },
        )
}

/// The sum of exp(logit - best), sixteen at a time.
pub(super) fn sum_of_exp(logits: &[f32], best: f32) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f32; LANES];
    let mut blocks = logits.chunks_exact(LANES);
    for block in &mut blocks {
        for (lane, &logit) in lanes.iter_mut().zip(block) {
            *lane += exp(logit - best);
        }
    }
    let rest: f32 = blocks
        .remainder()
        .iter()
        .map(|&logit| exp(logit - best))
        .sum();
    lanes.iter().sum::<f32>() + rest
}

/// e^x for x of at most 0, to the last bit or two of single precision.
///
/// The standard library's does one number at a time; this one has no branch, so that a whole vocabulary takes
/// microseconds. Cephes' polynomial after taking out the power of two.
#[inline]
pub(super) fn exp(x: f32) -> f32 {
    // Below this the result is no normal number, and nothing is ever drawn from there.
    const LOWEST: f32 = -87.0;
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let bounded = if x > LOWEST { x } else { LOWEST };
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let r = bounded - power * LN_2_HIGH - power * LN_2_LOW;
    let mut polynomial = 1.987_569_1e-4_f32;
    for coefficient in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5.0e-1,
    ] {
        polynomial = polynomial * r + coefficient;
    }
    let fraction = polynomial * r * r + r + 1.0;
    // The low bits of `shifted` are the power of two, as a whole number.
    let exponent = (shifted.to_bits() << 23).wrapping_add(127 << 23);
    let result = fraction * f32::from_bits(exponent);
    if x > LOWEST { result } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for i in 0..87_000 {
            let x = -(i as f32) / 1000.0;
            let (ours, exact) = (f64::from(exp(x)), f64::from(x).exp());
            assert!(
                (ours / exact - 1.0).abs() < 3e-7,
                "exp({x}) = {ours}, not {exact}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1e30), 0.0);
    }

    #[test]
    fn a_draw_never_takes_a_banned_token() {
        let mut distribution = Distribution::default();
        distribution.load(&[f32::NEG_INFINITY, 0.0, f32::NAN, 0.0, f32::NEG_INFINITY]);
        for i in 0..=1000 {
            let token = distribution.draw(f64::from(i) / 1000.0).unwrap();
            assert!(token == 1 || token == 3, "drew {token}");
        }
        distribution.load(&[f32::NEG_INFINITY; 3]);
        assert_eq!(distribution.draw(0.5), None);
        assert_eq!(distribution.best(), None);
    }
}
