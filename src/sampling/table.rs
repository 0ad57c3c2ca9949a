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
    /// Whether `name` is one of its names.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        let names = &self.names;
        !name.is_empty()
            && ([self.name, names.llama_cpp, names.kobold_cpp, names.web_ui].contains(&name)
                || names.others.contains(&name))
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
            let names = &row.names;
            let all = [row.name, names.llama_cpp, names.kobold_cpp, names.web_ui];
            for name in all
                .iter()
                .chain(names.others)
                .filter(|name| !name.is_empty())
            {
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
