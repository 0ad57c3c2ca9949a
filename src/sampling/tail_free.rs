//! Tail-free sampling, as llama.cpp computed it in 2023 and KoboldCpp still does.
//!
//! The probabilities, best first, form a falling curve; where it stops bending, the tail begins. The bend is the second
//! difference; tokens are kept until their share of all bending exceeds the setting. A bend lies between three tokens:
//! llama.cpp counts it as the first one's, text-generation-webui's Hugging Face loaders as the middle one's ("centred")
//! and so keep one token more.
//!
//! <https://www.trentonbricken.com/Tail-Free-Sampling/>. llama.cpp removed it in October 2024 (#10071), so it is
//! computed here, over the same sums in the same order in single precision.

use super::distribution::{Candidate, Distribution, exp};

/// At least this many tokens stay.
const MIN_KEEP: usize = 1;
/// Below this sum the curve counts as straight, and every token bends it as much as any other.
const STRAIGHT: f32 = 1e-6;

/// Keeps the best tokens up to the share `z` (0 to 1) of the curvature; 1 keeps all.
pub(super) fn tail_free(distribution: &mut Distribution, z: f32, centred: bool) {
    if z >= 1.0 || distribution.len() <= 2 {
        return;
    }
    let size = distribution.len();
    distribution.narrow(|candidates, all| {
        if !all {
            // One more than the cut is always among what was seen: the cut lies before its second last token.
            let count = certain_cut(candidates, size, z)?;
            return Some(count + usize::from(centred));
        }
        let count = cut(candidates, z);
        Some((count + usize::from(centred)).min(candidates.len()))
    });
}

/// How many of `candidates`, which are all there are, stay.
fn cut(candidates: &[Candidate], z: f32) -> usize {
    let Some(best) = candidates.first().map(|c| c.logit) else {
        return 0;
    };
    let mut p: Vec<f32> = candidates.iter().map(|c| exp(c.logit - best)).collect();
    let total: f32 = p.iter().sum();
    for p in &mut p {
        *p /= total;
    }
    let bends: Vec<f32> = p.windows(3).map(bend).collect();
    let sum: f32 = bends.iter().sum();
    let mut share = 0.0;
    for (i, bend) in bends.iter().enumerate() {
        share += if sum > STRAIGHT {
            bend / sum
        } else {
            1.0 / bends.len() as f32
        };
        if share > z && i >= MIN_KEEP {
            return i;
        }
    }
    candidates.len()
}

/// How many of the best `candidates` of `size` tokens stay, if the tokens not seen cannot change the answer.
///
/// The shares are ratios, so the common divisor of the probabilities falls out and e^(logit - best) serves. With q for
/// the last two values seen, the unseen bends add up to no more than both of them together: each is a difference of
/// falls, and all falls together are no more than the height that is left. So the sum of all bends lies between what was
/// seen and that much more. If the cut is the same at both ends, and a hair beyond for the rounding of the full
/// computation, it is the cut.
fn certain_cut(candidates: &[Candidate], size: usize, z: f32) -> Option<usize> {
    let best = candidates.first()?.logit;
    let q: Vec<f32> = candidates.iter().map(|c| exp(c.logit - best)).collect();
    let [.., one_before, last] = q[..] else {
        return None;
    };
    let low: f32 = q.windows(3).map(bend).sum();
    let high = low + one_before + last;
    let total = q.iter().sum::<f32>() + last * (size - q.len()) as f32;
    if low <= 2.0 * STRAIGHT * total {
        return None;
    }
    let hair = 1e-4 + q.len() as f32 * 1e-7;
    let (first, second) = (z * low * (1.0 - hair), z * high * (1.0 + hair));
    let mut seen = 0.0;
    for (i, bend) in q.windows(3).map(bend).enumerate() {
        seen += bend;
        if i < MIN_KEEP {
            continue;
        }
        if seen > second {
            return Some(i);
        }
        if seen > first {
            return None;
        }
    }
    None
}

fn bend(p: &[f32]) -> f32 {
    ((p[0] - p[1]) - (p[1] - p[2])).abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(probabilities: &[f32], z: f32) -> usize {
        let logits: Vec<f32> = probabilities.iter().map(|p| p.ln()).collect();
        let mut distribution = Distribution::default();
        distribution.load(&logits);
        tail_free(&mut distribution, z, false);
        distribution.complete().len()
    }

    // The sums of these cases, worked out by hand. First differences of .5 .2 .15 .1 .05: .3 .05 .05 .05; second: .25 0
    // 0; so the first token already has the whole share, and the smallest cut is one token.
    #[test]
    fn the_tail_begins_where_the_curve_stops_bending() {
        assert_eq!(kept(&[0.5, 0.2, 0.15, 0.1, 0.05], 0.85), 1);
        // .4 .3 .2 .05 .05: differences .1 .1 .15 0; second 0 .05 .15; shares 0 .25 1.
        assert_eq!(kept(&[0.4, 0.3, 0.2, 0.05, 0.05], 0.20), 1);
        assert_eq!(kept(&[0.4, 0.3, 0.2, 0.05, 0.05], 0.85), 2);
        // .4 .2 .2 .1 .1: differences .2 0 .1 0; second .2 .1 .1; shares .5 .75 1.
        assert_eq!(kept(&[0.4, 0.2, 0.2, 0.1, 0.1], 0.70), 1);
        assert_eq!(kept(&[0.4, 0.2, 0.2, 0.1, 0.1], 0.85), 2);
    }

    // The cases of llama.cpp's own test of 2023: a straight line, so every bend counts one third.
    #[test]
    fn a_straight_line_is_cut_by_count() {
        let line = [0.1, 0.15, 0.2, 0.25, 0.3];
        assert_eq!(kept(&line, 0.25), 1);
        assert_eq!(kept(&line, 0.75), 2);
        assert_eq!(kept(&line, 0.99), 2);
        assert_eq!(kept(&line, 1.0), 5);
    }

    #[test]
    fn a_centred_bend_keeps_one_token_more() {
        for (probabilities, z) in [
            (vec![0.5, 0.2, 0.15, 0.1, 0.05], 0.85),
            (vec![0.4, 0.2, 0.2, 0.1, 0.1], 0.85),
        ] {
            let logits: Vec<f32> = probabilities.iter().map(|p: &f32| p.ln()).collect();
            let mut distribution = Distribution::default();
            distribution.load(&logits);
            tail_free(&mut distribution, z, true);
            assert_eq!(distribution.complete().len(), kept(&probabilities, z) + 1);
        }
    }

    #[test]
    fn two_tokens_are_never_cut() {
        assert_eq!(kept(&[0.9, 0.1], 0.1), 2);
    }

    proptest! {
        #[test]
        fn looking_at_the_best_tokens_only_never_changes_the_cut(
            logits in prop::collection::vec(-40.0_f32..0.0, 3..4000),
            z in 0.05_f32..0.999,
            sharpness in 0.01_f32..3.0,
        ) {
            let mut candidates: Vec<Candidate> = logits
                .iter()
                .enumerate()
                .map(|(token, logit)| Candidate { token: token as i32, logit: logit * sharpness })
                .collect();
            super::super::distribution::sort(&mut candidates);
            let exact = cut(&candidates, z);
            for seen in [3, 10, 100, candidates.len()] {
                let seen = &candidates[..seen.min(candidates.len())];
                if let Some(count) = certain_cut(seen, candidates.len(), z) {
                    prop_assert_eq!(count, exact);
                }
            }
        }
    }
}
