//! What keeps a reply in shape: a grammar, a JSON schema, or just JSON.

use serde_json::Value;

use super::fields::{Fields, wrong};
use crate::Result;

/// Any JSON object. White space is limited, or a model could write blanks for ever.
const JSON: &str = r#"root ::= object
object ::= "{" space ( member ( "," space member )* )? "}"
member ::= string ":" space value space
array ::= "[" space ( value space ( "," space value space )* )? "]"
value ::= object | array | string | number | "true" | "false" | "null"
string ::= "\"" ( [^"\\\x00-\x1F\x7F] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} ) )* "\""
number ::= "-"? ( "0" | [1-9] [0-9]{0,15} ) ( "." [0-9]{1,16} )? ( [eE] [-+]? [0-9]{1,3} )?
space ::= ( " " | "\n" [ \t]{0,20} )?
"#;

/// The grammar and the JSON schema that a request asks for.
pub(super) fn grammar(fields: &mut Fields) -> Result<(Option<String>, Option<String>)> {
    let given = fields.text(&["grammar", "grammar_string", "guided_grammar"])?;
    let given = given.filter(|given| !given.trim().is_empty());
    let mut schema = schema(fields.take(&["json_schema", "guided_json"]))?;
    let mut grammar = given;
    if let Some(format) = fields.take(&["response_format"]) {
        match format["type"].as_str() {
            Some("text") => {}
            Some("json_object") if format.get("schema").is_none_or(Value::is_null) => {
                grammar.get_or_insert_with(|| JSON.into());
            }
            Some("json_object" | "json_schema") => {
                // OpenAI wraps the schema once more than llama.cpp does.
                let wrapped = format["json_schema"].get("schema");
                let bare = format.get("schema").or_else(|| format.get("json_schema"));
                let given = wrapped.or(bare).cloned();
                let given = given.filter(Value::is_object).ok_or_else(|| {
                    wrong("`response_format` of `json_schema` must hold the `schema`".into())
                })?;
                schema.get_or_insert(given.to_string());
            }
            _ => {
                let says = "`response_format.type` must be `text`, `json_object` or `json_schema`";
                return Err(wrong(says.into()));
            }
        }
    }
    if grammar.is_some() && schema.is_some() {
        let says = "a reply can follow a grammar or a JSON schema, not both";
        return Err(wrong(says.into()));
    }
    Ok((grammar, schema))
}

/// A schema as an object, or as its JSON in a text; an empty one asks for nothing.
fn schema(value: Option<Value>) -> Result<Option<String>> {
    match value {
        Some(Value::Object(fields)) if !fields.is_empty() => {
            Ok(Some(Value::Object(fields).to_string()))
        }
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
        None | Some(Value::Object(_) | Value::String(_)) => Ok(None),
        Some(_) => Err(wrong("`json_schema` must be an object".into())),
    }
}
