//! What may not be written and what may be written more: biases, banned tokens, banned strings, breakers of repetition.

use serde_json::Value;

use super::fields::{Fields, wrong};
use super::{Shared, limits};
use crate::Result;
use crate::sampling::{Settings, Token};

/// Reads the fields that name tokens or texts into `settings`.
pub(super) async fn bans(app: &Shared, fields: &mut Fields, settings: &mut Settings) -> Result<()> {
    settings
        .banned_tokens
        .extend(token_list(fields.take(&["custom_token_bans"]))?);
    let texts = fields.texts(&["banned_strings", "banned_phrases", "banned_tokens"])?;
    for text in texts.unwrap_or_default() {
        if !text.is_empty() && !settings.banned_strings.contains(&text) {
            settings.banned_strings.push(text);
        }
    }
    if settings.banned_strings.len() > limits::BANS {
        let most = limits::BANS;
        return Err(wrong(format!(
            "`banned_strings` may have at most {most} entries"
        )));
    }
    if let Some(breakers) = breakers(fields.take(&["dry_sequence_breakers"]))? {
        settings.dry_breakers = breakers;
    }
    for (name, bias) in biases(fields.take(&["logit_bias"]))? {
        let tokens = match name {
            Name::Token(token) => vec![token],
            Name::Text(text) => app.work(move |engine| engine.tokenize(&text, true)).await?,
        };
        for token in tokens {
            match bias {
                Some(bias) => {
                    settings.logit_bias.insert(token, bias);
                }
                None => settings.banned_tokens.push(token),
            }
        }
    }
    Ok(())
}

/// Tokens as text-generation-webui has them: numbers in a text, separated by commas; or a list.
fn token_list(value: Option<Value>) -> Result<Vec<Token>> {
    let must = || wrong("`custom_token_bans` must be tokens, separated by commas".into());
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => text
            .trim_matches(['[', ']', ' '])
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().map_err(|_| must()))
            .collect(),
        Some(list) => super::question::tokens(&list).ok_or_else(must),
    }
}

/// A list of texts, or such a list as JSON in a text, as SillyTavern sends it.
fn breakers(value: Option<Value>) -> Result<Option<Vec<String>>> {
    let must = || wrong("`dry_sequence_breakers` must be a list of texts".into());
    let list = match value {
        None => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) if text.trim_start().starts_with('[') => {
            serde_json::from_str(&text).map_err(|_| must())?
        }
        // Older pages send them in quotes with commas between.
        Some(Value::String(text)) => {
            serde_json::from_str(&format!("[{text}]")).map_err(|_| must())?
        }
        Some(list) => list,
    };
    let list = list.as_array().ok_or_else(must)?;
    if list.len() > limits::BREAKERS {
        return Err(must());
    }
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(must);
    list.iter().map(text).collect::<Result<_>>().map(Some)
}

enum Name {
    Token(Token),
    /// Each of its tokens is meant.
    Text(String),
}

/// Biases as an object of token to bias, or as llama.cpp's list of pairs, where `false` bans.
fn biases(value: Option<Value>) -> Result<Vec<(Name, Option<f32>)>> {
    let must = || wrong("`logit_bias` must be an object or a list of token and bias".into());
    let bias = |value: &Value| match value {
        Value::Bool(false) => Ok(None),
        Value::Number(number) => number
            .as_f64()
            .map(|bias| Some(bias.clamp(-1e4, 1e4) as f32))
            .ok_or_else(must),
        _ => Err(must()),
    };
    let token = |number: i64| Token::try_from(number).map(Name::Token).map_err(|_| must());
    let pairs: Vec<(Name, Option<f32>)> = match value {
        None => Vec::new(),
        Some(Value::Object(all)) => all
            .iter()
            .map(|(name, value)| {
                let name = match name.parse::<i64>() {
                    Ok(number) => token(number)?,
                    Err(_) => Name::Text(name.clone()),
                };
                Ok((name, bias(value)?))
            })
            .collect::<Result<_>>()?,
        Some(Value::Array(all)) => all
            .iter()
            .map(|pair| {
                let pair = pair.as_array().filter(|pair| pair.len() == 2);
                let [name, value] = pair.ok_or_else(must)?.as_slice() else {
                    return Err(must());
                };
                let name = match name {
                    Value::String(text) => Name::Text(text.clone()),
                    name => token(name.as_i64().ok_or_else(must)?)?,
                };
                Ok((name, bias(value)?))
            })
            .collect::<Result<_>>()?,
        Some(_) => return Err(must()),
    };
    if pairs.len() > limits::BIASES {
        let most = limits::BIASES;
        return Err(wrong(format!(
            "`logit_bias` may have at most {most} entries"
        )));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_breakers_and_biases_are_read_as_each_front_end_sends_them() {
        assert_eq!(token_list(Some(json!("1, 2,,3"))).unwrap(), [1, 2, 3]);
        assert_eq!(token_list(Some(json!([4]))).unwrap(), [4]);
        assert!(token_list(Some(json!("one"))).is_err());
        let lists = [
            json!(["\n", ":"]),
            json!("[\"\\n\", \":\"]"),
            json!("\"\\n\", \":\""),
        ];
        for list in lists {
            assert_eq!(breakers(Some(list)).unwrap().unwrap(), ["\n", ":"]);
        }
        assert!(breakers(Some(json!("[1"))).is_err());
        let read = biases(Some(json!([[5, -1.5], ["text", false]]))).unwrap();
        assert!(matches!(read[0], (Name::Token(5), Some(bias)) if bias == -1.5));
        assert!(matches!(&read[1], (Name::Text(text), None) if text == "text"));
        assert!(biases(Some(json!([[5]]))).is_err());
        assert!(biases(Some(json!({"5": "x"}))).is_err());
    }
}
