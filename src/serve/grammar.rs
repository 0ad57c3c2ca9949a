//! The grammar that keeps a reply to JSON, for `response_format`.

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

/// The grammar that a request asks for.
pub(super) fn grammar(fields: &mut Fields) -> Result<Option<String>> {
    let given = fields.text(&["grammar", "grammar_string", "guided_grammar"])?;
    if let Some(given) = given.filter(|given| !given.trim().is_empty()) {
        return Ok(Some(given));
    }
    let schema = || {
        let says = "a JSON schema cannot be followed; `json_object` and `grammar` (GBNF) can";
        Err(wrong(says.into()))
    };
    if let Some(Value::Object(fields)) = fields.take(&["json_schema", "guided_json"])
        && !fields.is_empty()
    {
        return schema();
    }
    let Some(format) = fields.take(&["response_format"]) else {
        return Ok(None);
    };
    match format["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_object") if format.get("schema").is_none_or(Value::is_null) => {
            Ok(Some(JSON.into()))
        }
        Some("json_object" | "json_schema") => schema(),
        _ => Err(wrong(
            "`response_format.type` must be `text` or `json_object`".into(),
        )),
    }
}
