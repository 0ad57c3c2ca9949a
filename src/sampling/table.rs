//! The table of settings: one row each, from which flags, HTTP fields and presets are made.

use super::Settings;
use crate::{Error, Kind, Result};

/// What other programs call a setting; empty where they have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// The field of llama.cpp's server.
    pub llama_cpp: &'static str,
    /// The field of `KoboldCpp`.
    pub kobold_cpp: &'static str,
    /// The field of text-generation-webui, and of a SillyTavern preset.
    pub web_ui: &'static str,
    /// Further names that front-ends send.
    pub others: &'static [&'static str],
}

/// The values a setting may have.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Range {
    /// Any number from the first to the second.
    Real(f64, f64),
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// 0 or 1.
    Switch,
}

/// One setting.
#[derive(Debug)]
pub struct Sampler {
    /// Its name: the field of [`Settings`], and with dashes the flag of the command line.
    pub name: &'static str,
    /// What other programs call it.
    pub names: Names,
    /// The values it may have.
    pub range: Range,
    /// The value that changes nothing.
    pub neutral: f64,
    /// One sentence of what it does.
    pub doc: &'static str,
    get: fn(&Settings) -> f64,
    put: fn(&mut Settings, f64),
}

impl Sampler {
    /// All names it goes by, its own first.
    pub fn all_names(&self) -> impl Iterator<Item = &'static str> {
        let Names {
            llama_cpp,
            kobold_cpp,
            web_ui,
            others,
        } = self.names;
        let all = [self.name, llama_cpp, kobold_cpp, web_ui].into_iter();
        all.chain(others.iter().copied())
            .filter(|name| !name.is_empty())
    }

    /// Whether `name` is one of its names.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.all_names().any(|known| known == name)
    }

    /// Its value in `settings`.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> f64 {
        (self.get)(settings)
    }

    /// Sets its value in `settings`.
    ///
    /// # Errors
    ///
    /// [`Kind::Setting`] when the value is out of range.
    pub fn set(&self, settings: &mut Settings, value: f64) -> Result<()> {
        self.check(value)?;
        self.put(settings, value);
        Ok(())
    }

    pub(super) fn put(&self, settings: &mut Settings, value: f64) {
        (self.put)(settings, value);
    }

    /// Whether it may have this value.
    ///
    /// # Errors
    ///
    /// [`Kind::Setting`] when it may not.
    pub fn check(&self, value: f64) -> Result<()> {
        let wrong = |says: String| {
            let name = self.name;
            Err(Error::new(
                Kind::Setting,
                format!("`{name}` must be {says}, not {value}"),
            ))
        };
        // A single precision setting such as 0.7 is a little less or more as a double.
        let slack = 1e-6;
        match self.range {
            Range::Real(low, high) if !(low - slack..=high + slack).contains(&value) => {
                wrong(format!("from {low} to {high}"))
            }
            Range::Whole(low, high)
                if value.fract() != 0.0 || !(low as f64..=high as f64).contains(&value) =>
            {
                wrong(format!("a whole number from {low} to {high}"))
            }
            Range::Switch if value != 0.0 && value != 1.0 => wrong("0 or 1".into()),
            _ => Ok(()),
        }
    }
}

/// Every setting that is a number or a switch.
pub const SAMPLERS: &[Sampler] = &[
    Sampler {
        name: "temperature",
        names: Names {
            llama_cpp: "temperature",
            kobold_cpp: "temperature",
            web_ui: "temperature",
            others: &["temp"],
        },
        range: Range::Real(0.0, 5.0),
        neutral: 1.0,
        doc: "Divides the logits: higher is more varied, 0 always takes the best token",
        get: |s| f64::from(s.temperature),
        put: |s, v| s.temperature = v as f32,
    },
    Sampler {
        name: "tail_free",
        names: Names {
            llama_cpp: "tfs_z",
            kobold_cpp: "tfs",
            web_ui: "tfs",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 1.0,
        doc: "Tail-free sampling: keeps tokens until this share of the curvature is covered",
        get: |s| f64::from(s.tail_free),
        put: |s, v| s.tail_free = v as f32,
    },
    Sampler {
        name: "tail_free_centred",
        names: Names {
            llama_cpp: "",
            kobold_cpp: "",
            web_ui: "",
            others: &[],
        },
        range: Range::Switch,
        neutral: 0.0,
        doc: "Counts a bend of the curve as its middle token's, as the Hugging Face loaders do",
        get: |s| f64::from(u8::from(s.tail_free_centred)),
        put: |s, v| s.tail_free_centred = v != 0.0,
    },
    Sampler {
        name: "repetition_penalty",
        names: Names {
            llama_cpp: "repeat_penalty",
            kobold_cpp: "rep_pen",
            web_ui: "repetition_penalty",
            others: &[],
        },
        range: Range::Real(0.5, 3.0),
        neutral: 1.0,
        doc: "Divides the logits of tokens seen lately",
        get: |s| f64::from(s.repetition_penalty),
        put: |s, v| s.repetition_penalty = v as f32,
    },
    Sampler {
        name: "repetition_range",
        names: Names {
            llama_cpp: "repeat_last_n",
            kobold_cpp: "rep_pen_range",
            web_ui: "repetition_penalty_range",
            others: &[],
        },
        range: Range::Whole(-1, 1 << 20),
        neutral: 0.0,
        doc: "How many of the last tokens count as lately: 0 none, -1 the whole context",
        get: |s| f64::from(s.repetition_range),
        put: |s, v| s.repetition_range = v as i32,
    },
    Sampler {
        name: "repetition_slope",
        names: Names {
            llama_cpp: "",
            kobold_cpp: "rep_pen_slope",
            web_ui: "",
            others: &[],
        },
        range: Range::Real(0.0, 10.0),
        neutral: 1.0,
        doc: "The share of the repetition penalty that the older half of the range gets; 0, and 1 and more, spare nothing",
        get: |s| f64::from(s.repetition_slope),
        put: |s, v| s.repetition_slope = v as f32,
    },
    Sampler {
        name: "frequency_penalty",
        names: Names {
            llama_cpp: "frequency_penalty",
            kobold_cpp: "frequency_penalty",
            web_ui: "frequency_penalty",
            others: &["freq_pen"],
        },
        range: Range::Real(-2.0, 2.0),
        neutral: 0.0,
        doc: "Subtracted from a token's logit for each time it occurred lately",
        get: |s| f64::from(s.frequency_penalty),
        put: |s, v| s.frequency_penalty = v as f32,
    },
    Sampler {
        name: "presence_penalty",
        names: Names {
            llama_cpp: "presence_penalty",
            kobold_cpp: "presence_penalty",
            web_ui: "presence_penalty",
            others: &["presence_pen"],
        },
        range: Range::Real(-2.0, 2.0),
        neutral: 0.0,
        doc: "Subtracted once from the logit of every token that occurred lately",
        get: |s| f64::from(s.presence_penalty),
        put: |s, v| s.presence_penalty = v as f32,
    },
    Sampler {
        name: "top_k",
        names: Names {
            llama_cpp: "top_k",
            kobold_cpp: "top_k",
            web_ui: "top_k",
            others: &[],
        },
        range: Range::Whole(0, 1 << 20),
        neutral: 0.0,
        doc: "Keeps the k best tokens; 0 keeps all",
        get: |s| f64::from(s.top_k),
        put: |s, v| s.top_k = v as u32,
    },
    Sampler {
        name: "top_p",
        names: Names {
            llama_cpp: "top_p",
            kobold_cpp: "top_p",
            web_ui: "top_p",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 1.0,
        doc: "Keeps the best tokens up to this probability",
        get: |s| f64::from(s.top_p),
        put: |s, v| s.top_p = v as f32,
    },
    Sampler {
        name: "min_p",
        names: Names {
            llama_cpp: "min_p",
            kobold_cpp: "min_p",
            web_ui: "min_p",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 0.0,
        doc: "Keeps tokens at least this share as likely as the best",
        get: |s| f64::from(s.min_p),
        put: |s, v| s.min_p = v as f32,
    },
    Sampler {
        name: "typical_p",
        names: Names {
            llama_cpp: "typical_p",
            kobold_cpp: "typical",
            web_ui: "typical_p",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 1.0,
        doc: "Keeps the tokens whose surprise is closest to the expected, up to this probability",
        get: |s| f64::from(s.typical_p),
        put: |s, v| s.typical_p = v as f32,
    },
    Sampler {
        name: "top_a",
        names: Names {
            llama_cpp: "",
            kobold_cpp: "top_a",
            web_ui: "top_a",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 0.0,
        doc: "Keeps tokens of at least this times the square of the best probability",
        get: |s| f64::from(s.top_a),
        put: |s, v| s.top_a = v as f32,
    },
    Sampler {
        name: "top_n_sigma",
        names: Names {
            llama_cpp: "top_n_sigma",
            kobold_cpp: "nsigma",
            web_ui: "top_n_sigma",
            others: &[],
        },
        range: Range::Real(0.0, 5.0),
        neutral: 0.0,
        doc: "Keeps tokens within so many standard deviations of the best logit; 0 keeps all",
        get: |s| f64::from(s.top_n_sigma),
        put: |s, v| s.top_n_sigma = v as f32,
    },
    Sampler {
        name: "xtc_probability",
        names: Names {
            llama_cpp: "xtc_probability",
            kobold_cpp: "xtc_probability",
            web_ui: "xtc_probability",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 0.0,
        doc: "How often the top choices are excluded",
        get: |s| f64::from(s.xtc_probability),
        put: |s, v| s.xtc_probability = v as f32,
    },
    Sampler {
        name: "xtc_threshold",
        names: Names {
            llama_cpp: "xtc_threshold",
            kobold_cpp: "xtc_threshold",
            web_ui: "xtc_threshold",
            others: &[],
        },
        range: Range::Real(0.0, 0.5),
        neutral: 0.1,
        doc: "From what probability on a token is a top choice",
        get: |s| f64::from(s.xtc_threshold),
        put: |s, v| s.xtc_threshold = v as f32,
    },
    Sampler {
        name: "dynamic_temperature_range",
        names: Names {
            llama_cpp: "dynatemp_range",
            kobold_cpp: "dynatemp_range",
            web_ui: "dynatemp_range",
            others: &[],
        },
        range: Range::Real(0.0, 5.0),
        neutral: 0.0,
        doc: "How far the temperature goes up and down with the entropy",
        get: |s| f64::from(s.dynamic_temperature_range),
        put: |s, v| s.dynamic_temperature_range = v as f32,
    },
    Sampler {
        name: "dynamic_temperature_exponent",
        names: Names {
            llama_cpp: "dynatemp_exponent",
            kobold_cpp: "dynatemp_exponent",
            web_ui: "dynatemp_exponent",
            others: &[],
        },
        range: Range::Real(0.1, 10.0),
        neutral: 1.0,
        doc: "How steeply the temperature follows the entropy",
        get: |s| f64::from(s.dynamic_temperature_exponent),
        put: |s, v| s.dynamic_temperature_exponent = v as f32,
    },
    Sampler {
        name: "smoothing_factor",
        names: Names {
            llama_cpp: "",
            kobold_cpp: "smoothing_factor",
            web_ui: "smoothing_factor",
            others: &[],
        },
        range: Range::Real(0.0, 10.0),
        neutral: 0.0,
        doc: "Bends the distances to the best logit",
        get: |s| f64::from(s.smoothing_factor),
        put: |s, v| s.smoothing_factor = v as f32,
    },
    Sampler {
        name: "smoothing_curve",
        names: Names {
            llama_cpp: "",
            kobold_cpp: "smoothing_curve",
            web_ui: "smoothing_curve",
            others: &[],
        },
        range: Range::Real(1.0, 3.0),
        neutral: 1.0,
        doc: "The share of the third degree in the bend of smoothing",
        get: |s| f64::from(s.smoothing_curve),
        put: |s, v| s.smoothing_curve = v as f32,
    },
    Sampler {
        name: "dry_multiplier",
        names: Names {
            llama_cpp: "dry_multiplier",
            kobold_cpp: "dry_multiplier",
            web_ui: "dry_multiplier",
            others: &[],
        },
        range: Range::Real(0.0, 5.0),
        neutral: 0.0,
        doc: "Penalises tokens that go on with a repetition",
        get: |s| f64::from(s.dry_multiplier),
        put: |s, v| s.dry_multiplier = v as f32,
    },
    Sampler {
        name: "dry_base",
        names: Names {
            llama_cpp: "dry_base",
            kobold_cpp: "dry_base",
            web_ui: "dry_base",
            others: &[],
        },
        range: Range::Real(1.0, 4.0),
        neutral: 1.75,
        doc: "By what each further token of a repetition multiplies the penalty",
        get: |s| f64::from(s.dry_base),
        put: |s, v| s.dry_base = v as f32,
    },
    Sampler {
        name: "dry_allowed_length",
        names: Names {
            llama_cpp: "dry_allowed_length",
            kobold_cpp: "dry_allowed_length",
            web_ui: "dry_allowed_length",
            others: &[],
        },
        range: Range::Whole(0, 100),
        neutral: 2.0,
        doc: "The longest repetition that costs only the multiplier",
        get: |s| f64::from(s.dry_allowed_length),
        put: |s, v| s.dry_allowed_length = v as u32,
    },
    Sampler {
        name: "dry_range",
        names: Names {
            llama_cpp: "dry_penalty_last_n",
            kobold_cpp: "dry_penalty_last_n",
            web_ui: "dry_penalty_last_n",
            others: &[],
        },
        range: Range::Whole(-1, 1 << 20),
        neutral: -1.0,
        doc: "How many of the last tokens are searched for repetitions; -1 the whole context",
        get: |s| f64::from(s.dry_range),
        put: |s, v| s.dry_range = v as i32,
    },
    Sampler {
        name: "mirostat",
        names: Names {
            llama_cpp: "mirostat",
            kobold_cpp: "mirostat",
            web_ui: "mirostat_mode",
            others: &[],
        },
        range: Range::Whole(0, 2),
        neutral: 0.0,
        doc: "Draws by this version of Mirostat instead of dropping tokens",
        get: |s| f64::from(s.mirostat),
        put: |s, v| s.mirostat = v as u32,
    },
    Sampler {
        name: "mirostat_tau",
        names: Names {
            llama_cpp: "mirostat_tau",
            kobold_cpp: "mirostat_tau",
            web_ui: "mirostat_tau",
            others: &[],
        },
        range: Range::Real(0.0, 20.0),
        neutral: 5.0,
        doc: "The surprise that Mirostat aims for, in bits",
        get: |s| f64::from(s.mirostat_tau),
        put: |s, v| s.mirostat_tau = v as f32,
    },
    Sampler {
        name: "mirostat_eta",
        names: Names {
            llama_cpp: "mirostat_eta",
            kobold_cpp: "mirostat_eta",
            web_ui: "mirostat_eta",
            others: &[],
        },
        range: Range::Real(0.0, 1.0),
        neutral: 0.1,
        doc: "How fast Mirostat follows",
        get: |s| f64::from(s.mirostat_eta),
        put: |s, v| s.mirostat_eta = v as f32,
    },
    Sampler {
        name: "ban_end_of_text",
        names: Names {
            llama_cpp: "ignore_eos",
            kobold_cpp: "ban_eos_token",
            web_ui: "ban_eos_token",
            others: &[],
        },
        range: Range::Switch,
        neutral: 0.0,
        doc: "Never chooses an end-of-text token",
        get: |s| f64::from(u8::from(s.ban_end_of_text)),
        put: |s, v| s.ban_end_of_text = v != 0.0,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_back_what_it_sets_and_refuses_what_is_out_of_range() {
        for row in SAMPLERS {
            let (low, high) = match row.range {
                Range::Real(low, high) => (low, high),
                Range::Whole(low, high) => (low as f64, high as f64),
                Range::Switch => (0.0, 1.0),
            };
            let mut settings = Settings::default();
            for value in [low, high, row.neutral] {
                row.set(&mut settings, value).unwrap();
                assert!((row.get(&settings) - value).abs() < 1e-6, "{}", row.name);
            }
            for value in [low - 1.0, high + 1.0, f64::NAN, f64::INFINITY] {
                assert!(
                    row.set(&mut settings, value).is_err(),
                    "{} {value}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn no_name_belongs_to_two_rows() {
        for row in SAMPLERS {
            for name in row.all_names() {
                let owners = SAMPLERS.iter().filter(|row| row.answers_to(name)).count();
                assert_eq!(owners, 1, "{name}");
            }
        }
    }

    #[test]
    fn the_default_settings_are_in_range() {
        Settings::default().check().unwrap();
        Settings::neutral().check().unwrap();
    }
}
