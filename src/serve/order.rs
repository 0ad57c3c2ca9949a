//! The order of sampling steps, as front-ends spell it.

use serde_json::Value;

use super::fields::Fields;
use crate::Result;
use crate::sampling::Step;

/// A step: its number in `KoboldCpp`, where it has one, and its names in llama.cpp and text-generation-webui.
struct Spelling {
    step: Step,
    number: Option<u64>,
    names: &'static [&'static str],
}

/// `KoboldCpp` has one number for top-p and min-p.
const SPELLINGS: &[Spelling] = &[
    Spelling {
        step: Step::Penalties,
        number: Some(6),
        names: &[
            "penalties",
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
        ],
    },
    Spelling {
        step: Step::Dry,
        number: None,
        names: &["dry"],
    },
    Spelling {
        step: Step::TopNSigma,
        number: None,
        names: &["top_n_sigma"],
    },
    Spelling {
        step: Step::TopK,
        number: Some(0),
        names: &["top_k"],
    },
    Spelling {
        step: Step::TopA,
        number: Some(1),
        names: &["top_a"],
    },
    Spelling {
        step: Step::TailFree,
        number: Some(3),
        names: &["tfs_z", "tfs", "tail_free"],
    },
    Spelling {
        step: Step::Typical,
        number: Some(4),
        names: &["typ_p", "typical_p"],
    },
    Spelling {
        step: Step::TopP,
        number: Some(2),
        names: &["top_p"],
    },
    Spelling {
        step: Step::MinP,
        number: Some(2),
        names: &["min_p"],
    },
    Spelling {
        step: Step::Xtc,
        number: None,
        names: &["xtc"],
    },
    Spelling {
        step: Step::Smoothing,
        number: None,
        names: &["quadratic_sampling"],
    },
    Spelling {
        step: Step::Temperature,
        number: Some(5),
        names: &["temperature"],
    },
];

/// The order that a request asks for; `None` when it does not say.
pub(super) fn order(fields: &mut Fields) -> Result<Option<Vec<Step>>> {
    let list = fields.take(&["sampler_order", "samplers", "sampler_priority"]);
    let last = fields.flag(&["temperature_last"])?;
    let mut order = match list {
        Some(Value::Array(list)) if !list.is_empty() => read(&list),
        // Names in one text, as text-generation-webui's own page sends them.
        Some(Value::String(text)) if !text.trim().is_empty() => {
            let names = text.split([',', '\n', ';']).map(|name| name.trim().into());
            read(&names.collect::<Vec<Value>>())
        }
        _ if last.is_none() => return Ok(None),
        _ => Step::DEFAULT_ORDER.to_vec(),
    };
    if last == Some(true) {
        order.retain(|step| *step != Step::Temperature);
        order.push(Step::Temperature);
    }
    Ok(Some(order))
}

/// Steps that no number asks for; `KoboldCpp` always does them.
const WITHOUT_NUMBER: &[Step] = &[Step::Dry, Step::TopNSigma, Step::Xtc, Step::Smoothing];
/// Steps that llama.cpp's list of names does not know, while the sliders of front-ends still send them.
const WITHOUT_NAME: &[Step] = &[Step::TopA, Step::Smoothing];

/// The steps in `list`, each once, where it comes first. What is not in it is not done, except what such a list cannot
/// say, and tail-free sampling, which today's lists have forgotten: these keep their places of the default order.
fn read(list: &[Value]) -> Vec<Step> {
    let mut order = Vec::new();
    for item in list {
        let number = item.as_u64();
        let name = item.as_str();
        for spelling in SPELLINGS {
            let meant = (number.is_some() && number == spelling.number)
                || name.is_some_and(|name| spelling.names.contains(&name));
            if meant && !order.contains(&spelling.step) {
                order.push(spelling.step);
            }
        }
    }
    let unsaid = if list.iter().any(Value::is_u64) {
        WITHOUT_NUMBER
    } else {
        WITHOUT_NAME
    };
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

    fn ordered(body: &str) -> Option<Vec<Step>> {
        order(&mut Fields::parse(body.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn the_orders_of_three_servers_are_understood() {
        use Step::{Smoothing, TailFree, Temperature, TopA, TopK, TopP};
        assert_eq!(ordered("{}"), None);
        assert_eq!(
            ordered(r#"{"sampler_order":[6,0,1,3,4,2,5]}"#).unwrap(),
            Step::DEFAULT_ORDER
        );
        assert_eq!(
            ordered(r#"{"samplers":["penalties","dry","top_n_sigma","top_k","typ_p","top_p","min_p","xtc","temperature"]}"#)
                .unwrap(),
            Step::DEFAULT_ORDER
        );
        assert_eq!(
            ordered(
                r#"{"sampler_priority":["temperature","tfs","top_p"],"temperature_last":true}"#
            )
            .unwrap(),
            [TopA, TailFree, TopP, Smoothing, Temperature]
        );
        assert_eq!(
            ordered(r#"{"samplers":["temperature","top_k"]}"#).unwrap(),
            [Temperature, TopK, TopA, TailFree, Smoothing]
        );
        assert_eq!(
            ordered(r#"{"temperature_last":true}"#).unwrap(),
            Step::DEFAULT_ORDER
        );
    }
}
