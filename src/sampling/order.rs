//! The steps between logits and draw, and their order in the spellings of other programs.

use serde::{Deserialize, Serialize};

/// A step between the logits and the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Repetition, frequency and presence penalty.
    Penalties,
    /// [`Settings::dry_multiplier`](super::Settings::dry_multiplier) and what belongs to it.
    Dry,
    /// [`Settings::top_n_sigma`](super::Settings::top_n_sigma).
    TopNSigma,
    /// [`Settings::top_k`](super::Settings::top_k).
    TopK,
    /// [`Settings::top_a`](super::Settings::top_a).
    TopA,
    /// [`Settings::tail_free`](super::Settings::tail_free).
    TailFree,
    /// [`Settings::typical_p`](super::Settings::typical_p).
    Typical,
    /// [`Settings::top_p`](super::Settings::top_p).
    TopP,
    /// [`Settings::min_p`](super::Settings::min_p).
    MinP,
    /// [`Settings::xtc_probability`](super::Settings::xtc_probability) and [`Settings::xtc_threshold`](super::Settings::xtc_threshold).
    Xtc,
    /// [`Settings::smoothing_factor`](super::Settings::smoothing_factor) and [`Settings::smoothing_curve`](super::Settings::smoothing_curve).
    Smoothing,
    /// [`Settings::temperature`](super::Settings::temperature), fixed or dynamic.
    Temperature,
}

impl Step {
    /// The order of llama.cpp in 2023, when LimaRP was written; what came later stands where llama.cpp put it.
    pub const DEFAULT_ORDER: &'static [Self] = &[
        Self::Penalties,
        Self::Dry,
        Self::TopNSigma,
        Self::TopK,
        Self::TopA,
        Self::TailFree,
        Self::Typical,
        Self::TopP,
        Self::MinP,
        Self::Xtc,
        Self::Smoothing,
        Self::Temperature,
    ];

    /// Whether the step drops tokens, which is Mirostat's own business where it is on.
    pub(super) fn drops(self) -> bool {
        !matches!(
            self,
            Self::Penalties | Self::Dry | Self::Smoothing | Self::Temperature
        )
    }
}

/// A step: its number in `KoboldCpp`, where it has one, and its names: llama.cpp's short and long ones, and
/// text-generation-webui's.
struct Spelling {
    step: Step,
    number: Option<u64>,
    names: &'static [&'static str],
}

const fn spelled(step: Step, number: Option<u64>, names: &'static [&'static str]) -> Spelling {
    Spelling {
        step,
        number,
        names,
    }
}

/// `KoboldCpp` has one number for top-p and min-p.
const SPELLINGS: &[Spelling] = &[
    spelled(
        Step::Penalties,
        Some(6),
        &[
            "penalties",
            "e",
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
            "rep_pen",
        ],
    ),
    spelled(Step::Dry, None, &["dry", "d"]),
    spelled(Step::TopNSigma, None, &["top_n_sigma", "s", "nsigma"]),
    spelled(Step::TopK, Some(0), &["top_k", "k", "top-k"]),
    spelled(Step::TopA, Some(1), &["top_a", "a", "top-a"]),
    spelled(Step::TailFree, Some(3), &["tfs_z", "f", "tfs", "tail_free"]),
    spelled(
        Step::Typical,
        Some(4),
        &["typ_p", "y", "typical_p", "typical", "typ", "typical-p"],
    ),
    spelled(Step::TopP, Some(2), &["top_p", "p", "top-p", "nucleus"]),
    spelled(Step::MinP, Some(2), &["min_p", "m", "min-p"]),
    spelled(Step::Xtc, None, &["xtc", "x"]),
    spelled(Step::Smoothing, None, &["quadratic_sampling", "smoothing"]),
    spelled(
        Step::Temperature,
        Some(5),
        &["temperature", "t", "temp", "dynamic_temperature"],
    ),
];

/// Steps that no number asks for; `KoboldCpp` always does them.
const WITHOUT_NUMBER: &[Step] = &[Step::Dry, Step::TopNSigma, Step::Xtc, Step::Smoothing];
/// Steps that llama.cpp's list of names does not know, while the sliders of front-ends still send them.
const WITHOUT_NAME: &[Step] = &[Step::TopA, Step::Smoothing];

impl Step {
    /// The steps in a list of names (llama.cpp's `samplers`, text-generation-webui's `sampler_priority`), each once, where
    /// it comes first. Names that mean nothing here are passed over. What is not in the list is not done, except what such
    /// a list cannot say, and tail-free sampling, which today's lists have forgotten: these keep their places of the
    /// default order.
    ///
    /// ```
    /// use cardwright::sampling::Step;
    ///
    /// let order = Step::by_names(["temperature", "top_k"]);
    /// use Step::{Smoothing, TailFree, Temperature, TopA, TopK};
    /// assert_eq!(order, [Temperature, TopK, TopA, TailFree, Smoothing]);
    /// ```
    #[must_use]
    pub fn by_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let wanted = names.into_iter().flat_map(|name| {
            let meant = SPELLINGS.iter().filter(move |s| s.names.contains(&name));
            meant.map(|spelling| spelling.step)
        });
        complete(wanted, WITHOUT_NAME)
    }

    /// The steps in a list of numbers (`KoboldCpp`'s `sampler_order`), otherwise as [`Step::by_names`].
    #[must_use]
    pub fn by_numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<Self> {
        let wanted = numbers.into_iter().flat_map(|number| {
            let meant = SPELLINGS.iter().filter(move |s| s.number == Some(number));
            meant.map(|spelling| spelling.step)
        });
        complete(wanted, WITHOUT_NUMBER)
    }

    /// Whether a list of names may say `name`.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        SPELLINGS.iter().any(|s| s.names.contains(&name))
    }
}

/// `wanted`, each once, with the steps of `unsaid` at their places.
fn complete(wanted: impl Iterator<Item = Step>, unsaid: &[Step]) -> Vec<Step> {
    let mut order = Vec::new();
    for step in wanted {
        if !order.contains(&step) {
            order.push(step);
        }
    }
    for step in Step::DEFAULT_ORDER {
        let is_unsaid = *step == Step::TailFree || unsaid.contains(step);
        if is_unsaid && !order.contains(step) {
            let earlier = Step::DEFAULT_ORDER.split(|other| other == step).next();
            let after = order
                .iter()
                .rposition(|other| earlier.is_some_and(|earlier| earlier.contains(other)));
            order.insert(after.map_or(0, |at| at + 1), *step);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        for step in Step::DEFAULT_ORDER {
            let spelling = SPELLINGS.iter().find(|s| s.step == *step).unwrap();
            for name in spelling.names {
                let owners = SPELLINGS.iter().filter(|s| s.names.contains(name));
                assert_eq!(owners.count(), 1, "{name}");
            }
        }
    }

    #[test]
    fn the_default_order_is_kobold_cpps_and_llama_cpps() {
        assert_eq!(Step::by_numbers([6, 0, 1, 3, 4, 2, 5]), Step::DEFAULT_ORDER);
        let names = [
            "penalties",
            "dry",
            "top_n_sigma",
            "top_k",
            "typ_p",
            "top_p",
            "min_p",
            "xtc",
            "temperature",
        ];
        assert_eq!(Step::by_names(names), Step::DEFAULT_ORDER);
    }

    #[test]
    fn a_step_said_twice_counts_where_it_comes_first() {
        let order = Step::by_names(["top_p", "temp", "top_p", "unheard_of", "tfs", "top_a"]);
        use Step::{Smoothing, TailFree, Temperature, TopA, TopP};
        assert_eq!(order[..2], [TopP, Temperature]);
        assert_eq!(order.iter().filter(|step| **step == TopP).count(), 1);
        assert!(order.contains(&TailFree) && order.contains(&TopA) && order.contains(&Smoothing));
    }
}
