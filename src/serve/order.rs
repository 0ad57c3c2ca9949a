//! The order of sampling steps, as front-ends spell it.

use serde_json::Value;

use super::fields::Fields;
use crate::Result;
use crate::sampling::Step;

/// A step: its number in `KoboldCpp`, its names in llama.cpp and text-generation-webui.
struct Spelling {
    step: Step,
    number: u64,
    names: &'static [&'static str],
}

/// `KoboldCpp` has one number for top-p and min-p.
const SPELLINGS: &[Spelling] = &[
    Spelling {
        step: Step::Penalties,
        number: 6,
        names: &[
            "penalties",
            "repetition_penalty",
            "frequency_penalty",
            "presence_penalty",
        ],
    },
    Spelling {
        step: Step::TopK,
        number: 0,
        names: &["top_k"],
    },
    Spelling {
        step: Step::TailFree,
        number: 3,
        names: &["tfs_z", "tfs", "tail_free"],
    },
    Spelling {
        step: Step::Typical,
        number: 4,
        names: &["typ_p", "typical_p"],
    },
    Spelling {
        step: Step::TopP,
        number: 2,
        names: &["top_p"],
    },
    Spelling {
        step: Step::MinP,
        number: 2,
        names: &["min_p"],
    },
    Spelling {
        step: Step::Temperature,
        number: 5,
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

/// The steps in `list`, each once, where it comes first. What is not in it is not done, except tail-free sampling: the
/// lists of today's front-ends do not know it, while their sliders still send it.
fn read(list: &[Value]) -> Vec<Step> {
    let mut order = Vec::new();
    for item in list {
        let number = item.as_u64();
        let name = item.as_str();
        for spelling in SPELLINGS {
            let meant = number == Some(spelling.number)
                || name.is_some_and(|name| spelling.names.contains(&name));
            if meant && !order.contains(&spelling.step) {
                order.push(spelling.step);
            }
        }
    }
    if !order.contains(&Step::TailFree) {
        let before = [Step::TopK, Step::Penalties];
        let after = order.iter().rposition(|step| before.contains(step));
        order.insert(after.map_or(0, |at| at + 1), Step::TailFree);
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
        use Step::{MinP, Penalties, TailFree, Temperature, TopK, TopP, Typical};
        assert_eq!(ordered("{}"), None);
        assert_eq!(
            ordered(r#"{"sampler_order":[6,0,1,3,4,2,5]}"#).unwrap(),
            Step::DEFAULT_ORDER
        );
        assert_eq!(
            ordered(r#"{"samplers":["penalties","dry","top_k","typ_p","top_p","min_p","xtc","temperature"]}"#)
                .unwrap(),
            Step::DEFAULT_ORDER
        );
        assert_eq!(
            ordered(
                r#"{"sampler_priority":["temperature","tfs","top_p"],"temperature_last":true}"#
            )
            .unwrap(),
            [TailFree, TopP, Temperature]
        );
        assert_eq!(
            ordered(r#"{"samplers":["temperature","top_k"]}"#).unwrap(),
            [Temperature, TopK, TailFree]
        );
        assert_eq!(
            ordered(r#"{"temperature_last":true}"#).unwrap(),
            [Penalties, TopK, TailFree, Typical, TopP, MinP, Temperature]
        );
    }
}
