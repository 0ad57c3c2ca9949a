//! The fields of a request's body, read the way front-ends write them: numbers as texts, nulls for absent, aliases,
//! fields that mean nothing here.
//!
//! A field that is read is taken out, so that what is left is what nobody understood.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::limits;
use crate::{Error, Kind, Result};

/// The fields of a body.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of a JSON object; nothing at all has none.
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(wrong("the body must be a JSON object".into())),
            Err(e) => Err(wrong(format!("the body is no JSON: {e}"))),
        }
    }

    /// Whether a field is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is there and says just `text`.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        self.0.get(name).and_then(Value::as_str) == Some(text)
    }

    /// Takes out all of `names` and returns the first that is there and not null.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<Value> {
        let mut found = None;
        for name in names {
            let value = self.0.shift_remove(*name).filter(|value| !value.is_null());
            found = found.or(value);
        }
        found
    }

    /// A text; a number is its spelling.
    pub(super) fn text(&mut self, names: &[&str]) -> Result<Option<String>> {
        match self.take(names) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(wrong(format!("`{}` must be a text", names[0]))),
        }
    }

    /// A number; a text that spells one counts, an empty text is none.
    pub(super) fn number(&mut self, names: &[&str]) -> Result<Option<f64>> {
        let number = match self.take(names) {
            None => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Bool(yes)) => Some(f64::from(u8::from(yes))),
            Some(value) => value.as_f64(),
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(format!("`{}` must be a number", names[0]))),
        }
    }

    /// A whole number; a fraction is cut off.
    pub(super) fn whole(&mut self, names: &[&str]) -> Result<Option<i64>> {
        Ok(self.number(names)?.map(|number| number as i64))
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, names: &[&str]) -> Result<Option<bool>> {
        match self.take(names) {
            None => Ok(None),
            Some(Value::Bool(yes)) => Ok(Some(yes)),
            Some(Value::Number(number)) => Ok(Some(number.as_f64() != Some(0.0))),
            Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "" => Ok(None),
                "true" | "1" | "yes" | "on" => Ok(Some(true)),
                "false" | "0" | "no" | "off" => Ok(Some(false)),
                _ => Err(wrong(format!("`{}` must be true or false", names[0]))),
            },
            Some(_) => Err(wrong(format!("`{}` must be true or false", names[0]))),
        }
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn texts(&mut self, names: &[&str]) -> Result<Option<Vec<String>>> {
        let must = || wrong(format!("`{}` must be a list of texts", names[0]));
        match self.take(names) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(Value::Array(values)) => values
                .into_iter()
                .filter(|value| !value.is_null())
                .map(|value| match value {
                    Value::String(text) => Ok(text),
                    _ => Err(must()),
                })
                .collect::<Result<_>>()
                .map(Some),
            Some(_) => Err(must()),
        }
    }

    /// What nobody has taken.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.0
    }
}

impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let body = receive(request, limits::BODY).await?;
        Ok(Self::parse(&body)?)
    }
}

/// The whole body, if it is at most `most` bytes long and arrives in time.
pub(super) async fn receive(request: Request, most: usize) -> Result<Bytes, Fault> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(Fault::too_large(most));
    }
    let body = to_bytes(request.into_body(), most);
    tokio::time::timeout(limits::BODY_TIME, body)
        .await
        .map_err(|_| Fault::slow())?
        .map_err(|_| Fault::too_large(most))
}

pub(super) fn wrong(message: String) -> Error {
    Error::new(Kind::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_as_texts_switches_and_nulls() {
        let mut fields = Fields::parse(
            br#"{"a":"0.5","b":null,"c":7,"d":true,"e":" ","f":"x","g":[1],"h":"1e999"}"#,
        )
        .unwrap();
        assert_eq!(fields.number(&["a"]).unwrap(), Some(0.5));
        assert_eq!(fields.number(&["b", "c"]).unwrap(), Some(7.0));
        assert_eq!(fields.number(&["d"]).unwrap(), Some(1.0));
        assert_eq!(fields.number(&["e"]).unwrap(), None);
        assert!(fields.number(&["f"]).is_err());
        assert!(fields.number(&["g"]).is_err());
        assert!(fields.number(&["h"]).is_err());
        assert!(fields.rest().is_empty());
    }

    #[test]
    fn a_body_may_be_empty_but_not_a_list() {
        assert!(Fields::parse(b" \n").unwrap().rest().is_empty());
        assert!(Fields::parse(b"\xef\xbb\xbf{}").is_ok());
        assert!(Fields::parse(b"[]").is_err());
        assert!(Fields::parse(&[b'['; 100_000]).is_err());
    }
}
