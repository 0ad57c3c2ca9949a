//! Lists and objects in variables: JSON read and written as JavaScript does, where whole numbers among an object's keys
//! come first and a list has room for any index.

use serde_json::{Map, Value};

use super::number;

/// How long a list may grow by setting an index: JavaScript would fill the gap with nulls.
const MAX_INDEX: f64 = 10_000.0;

/// `list` with one more value, if it is a list.
pub(super) fn push(list: &str, value: &str, number: bool) -> Option<String> {
    let Ok(Value::Array(mut values)) = serde_json::from_str(list) else {
        return None;
    };
    values.push(match serde_json::from_str(value) {
        Ok(value) if number => value,
        _ => Value::String(value.to_owned()),
    });
    Some(write(&Value::Array(values)))
}

/// `json` with `value` at `key`; `null` becomes a list or an object, as the key is a number or not. `None` if it cannot
/// have keys.
pub(super) fn set(json: &str, key: &str, value: &str) -> Option<String> {
    let index = number::parse(key);
    let value = Value::String(value.to_owned());
    let json = match (serde_json::from_str(json).ok()?, index.is_nan()) {
        (Value::Null, true) => Value::Object(Map::from_iter([(key.to_owned(), value)])),
        (Value::Null, false) => list(Vec::new(), index, value),
        (Value::Array(values), false) => list(values, index, value),
        // Names on a list are lost when it is written.
        (Value::Array(values), true) => Value::Array(values),
        (Value::Object(mut map), numeric) => {
            let key = if numeric {
                key.to_owned()
            } else {
                number::format(index)
            };
            map.insert(key, value);
            Value::Object(map)
        }
        _ => return None,
    };
    Some(write(&json))
}

fn list(mut values: Vec<Value>, index: f64, value: Value) -> Value {
    if index >= 0.0 && index.fract() == 0.0 && index <= MAX_INDEX {
        let index = index as usize;
        if values.len() <= index {
            values.resize(index + 1, Value::Null);
        }
        values[index] = value;
    }
    Value::Array(values)
}

/// What stands at `key`, as text; `json` itself if it is no JSON.
pub(super) fn get(json: &str, key: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(json) else {
        return json.to_owned();
    };
    let index = number::parse(key);
    let at = |length: usize| {
        (index >= 0.0 && index.fract() == 0.0 && index < length as f64).then_some(index as usize)
    };
    let found = match &value {
        // In JavaScript, looking into null fails and leaves null, which counts as zero.
        Value::Null => return "0".to_owned(),
        Value::Array(values) if index.is_nan() && key == "length" => {
            return values.len().to_string();
        }
        Value::Array(values) => at(values.len()).map(|index| values[index].clone()),
        Value::String(text) => {
            let units: Vec<u16> = text.encode_utf16().collect();
            if index.is_nan() && key == "length" {
                return units.len().to_string();
            }
            at(units.len())
                .map(|index| Value::String(String::from_utf16_lossy(&units[index..=index])))
        }
        Value::Object(map) if index.is_nan() => map.get(key).cloned(),
        Value::Object(map) => map.get(&number::format(index)).cloned(),
        _ => None,
    };
    match found {
        Some(Value::String(text)) => text,
        Some(Value::Bool(yes)) => u8::from(yes).to_string(),
        Some(value) => write(&value),
        None => String::new(),
    }
}

/// JSON in JavaScript's words.
fn write(value: &Value) -> String {
    match value {
        Value::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), number::format),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(write).collect();
            format!("[{}]", values.join(","))
        }
        Value::Object(map) => {
            let whole = |key: &str| {
                let plain = key == "0" || !key.starts_with('0');
                key.parse::<u32>()
                    .ok()
                    .filter(|index| plain && *index < u32::MAX)
            };
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| whole(key).unwrap_or(u32::MAX));
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::String((*key).clone()), write(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        _ => value.to_string(),
    }
}
