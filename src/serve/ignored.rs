//! Fields that the server does not act on, told once each, so that nobody wonders why a slider does nothing.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

/// When a field that other servers know asks for nothing.
#[derive(Debug, Clone, Copy)]
enum Idle {
    /// It only modifies another field, or says what this server does anyway.
    Always,
    /// At this number and below it.
    UpTo(f64),
    /// At exactly this number.
    At(f64),
    /// As true.
    True,
}

/// The fields of other servers. Whatever else is empty, null, false or zero asks for nothing either.
const KNOWN: &[(&str, Idle)] = &[
    ("adaptive_decay", Idle::Always),
    ("adaptive_target", Idle::UpTo(0.0)),
    ("add_bos_token", Idle::True),
    ("api_server", Idle::Always),
    ("api_type", Idle::Always),
    ("best_of", Idle::At(1.0)),
    ("cache_prompt", Idle::Always),
    ("can_abort", Idle::Always),
    ("dynatemp_high", Idle::Always),
    ("dynatemp_low", Idle::Always),
    ("encoder_repetition_penalty", Idle::At(1.0)),
    ("grammar_retain_state", Idle::Always),
    ("guidance_scale", Idle::At(1.0)),
    ("gui_settings", Idle::Always),
    ("id_slot", Idle::UpTo(-1.0)),
    ("include_reasoning", Idle::Always),
    ("length_penalty", Idle::Always),
    ("max_context_length", Idle::Always),
    ("model", Idle::Always),
    ("num_beams", Idle::At(1.0)),
    ("num_ctx", Idle::Always),
    ("quiet", Idle::Always),
    ("rep_pen_slope", Idle::At(1.0)),
    ("return_tokens", Idle::Always),
    ("skip_special_tokens", Idle::True),
    ("spaces_between_special_tokens", Idle::Always),
    ("trim_stop", Idle::True),
    ("truncation_length", Idle::Always),
    ("use_default_badwordsids", Idle::Always),
    ("user", Idle::Always),
];

/// The longest name that is told.
const NAME: usize = 48;
/// The most names that are remembered: a client that invents more is not told of them.
const NAMES: usize = 512;

/// The fields that were told already.
#[derive(Debug, Default)]
pub(super) struct Ignored(Mutex<HashSet<String>>);

impl Ignored {
    /// Those of `names` that are new.
    pub(super) fn fresh(&self, names: &[String]) -> Vec<String> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .iter()
            .filter(|name| told.len() < NAMES && told.insert((*name).clone()))
            .cloned()
            .collect()
    }
}

/// The names in `rest` that ask for something.
pub(super) fn names(rest: &Map<String, Value>) -> Vec<String> {
    rest.iter()
        .filter(|(name, value)| asks(name, value))
        .map(|(name, _)| name.chars().take(NAME).collect())
        .collect()
}

fn asks(name: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    };
    let number = || {
        value
            .as_f64()
            .or_else(|| value.as_str()?.trim().parse().ok())
    };
    let idle = KNOWN.iter().find(|(known, _)| *known == name);
    match idle {
        Some((_, Idle::Always)) => false,
        Some((_, Idle::UpTo(most))) => !empty && number().is_none_or(|number| number > *most),
        Some((_, Idle::At(at))) => !empty && number() != Some(*at),
        // Here `false` is what asks for something.
        Some((_, Idle::True)) => matches!(value, Value::Bool(false)),
        None => !empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_asks_for_something_is_told_and_only_once() {
        let rest = serde_json::json!({
            "no_repeat_ngram_size": 3, "api_type": "ooba", "penalty_alpha": 0, "id_slot": -1,
            "guidance_scale": 1, "add_bos_token": false, "negative_prompt": "", "penalty_beta": ["x"],
        });
        let names = names(rest.as_object().unwrap());
        assert_eq!(
            names,
            ["no_repeat_ngram_size", "add_bos_token", "penalty_beta"]
        );
        let ignored = Ignored::default();
        assert_eq!(ignored.fresh(&names), names);
        assert!(ignored.fresh(&names).is_empty());
    }
}
