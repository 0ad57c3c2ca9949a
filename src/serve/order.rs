//! The order of sampling steps, as front-ends spell it.

use serde_json::Value;

use super::fields::Fields;
use crate::Result;
use crate::sampling::Step;

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

/// The steps in `list`: numbers are `KoboldCpp`'s, names everybody else's.
fn read(list: &[Value]) -> Vec<Step> {
    if list.iter().any(Value::is_u64) {
        Step::by_numbers(list.iter().filter_map(Value::as_u64))
    } else {
        Step::by_names(list.iter().filter_map(Value::as_str))
    }
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
