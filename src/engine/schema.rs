//! Grammars and JSON schemas before llama.cpp sees them: its readers recurse, so what is nested too deeply would overflow
//! the stack, which ends the process.

use serde_json::Value;

use crate::{Error, Kind, Result};

/// The longest grammar: far beyond what a schema of a large program makes.
const MOST_BYTES: usize = 1 << 20;
/// Rules of a grammar; each may be a level of llama.cpp's recursion, of some hundred bytes.
const MOST_RULES: usize = 4000;
/// Groups inside groups.
const MOST_NESTED: usize = 200;
/// References that lead to references.
const MOST_REFERENCES: usize = 64;

/// Whether llama.cpp can read a grammar without overflowing the stack. What else is wrong with it, it says itself.
///
/// # Errors
///
/// [`Kind::Usage`] with the limit.
pub(super) fn check_grammar(source: &str) -> Result<()> {
    let too = |what: String| Err(Error::new(Kind::Usage, format!("the grammar has {what}")));
    if source.len() > MOST_BYTES {
        return too(format!("more than {MOST_BYTES} bytes"));
    }
    let rules = memchr::memmem::find_iter(source.as_bytes(), "::=").count();
    if rules > MOST_RULES {
        return too(format!("more than {MOST_RULES} rules"));
    }
    let mut depth = 0_usize;
    // What ends the literal, character class or comment that is being read.
    let mut until = None;
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        match (until, character) {
            (Some('\n'), '\n') => until = None,
            (Some('\n'), _) => {}
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(end), _) if end == character => until = None,
            (Some(_), _) => {}
            (None, '"') => until = Some('"'),
            (None, '[') => until = Some(']'),
            (None, '#') => until = Some('\n'),
            (None, '(') => {
                depth += 1;
                if depth > MOST_NESTED {
                    return too(format!("more than {MOST_NESTED} groups inside each other"));
                }
            }
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Whether llama.cpp can turn a JSON schema into a grammar without overflowing the stack.
///
/// # Errors
///
/// [`Kind::Usage`] when it is no JSON, nested too deeply, or refers to itself by references alone.
pub(super) fn check_schema(schema: &str) -> Result<()> {
    // Its recursion is limited to 128 levels.
    let root: Value = serde_json::from_str(schema).map_err(|e| {
        Error::new(Kind::Usage, format!("the JSON schema is no JSON: {e}")).source(e)
    })?;
    if !root.is_object() && !root.is_boolean() {
        return Err(Error::new(Kind::Usage, "the JSON schema must be an object"));
    }
    let mut left = vec![&root];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                left.extend(fields.values());
                follow(&root, value)?;
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    Ok(())
}

/// Follows references until there is none.
fn follow<'a>(root: &'a Value, mut value: &'a Value) -> Result<()> {
    for _ in 0..MOST_REFERENCES {
        let reference = value.get("$ref").and_then(Value::as_str);
        let Some(reference) = reference else {
            return Ok(());
        };
        let target = reference.strip_prefix('#').map(|path| root.pointer(path));
        match target {
            Some(Some(target)) => value = target,
            Some(None) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("the JSON schema has nothing at `{reference}`"),
                ));
            }
            None => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("the JSON schema refers to `{reference}`, which is outside of it"),
                )
                .hint("put what it refers to under `$defs`; nothing is fetched"));
            }
        }
    }
    Err(Error::new(
        Kind::Usage,
        "the references of the JSON schema lead to themselves",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_outside_of_literals_classes_and_comments() {
        let open = "(".repeat(300);
        check_grammar(&format!(
            "root ::= \"{open}\\\"{open}\" [{open}\\]] # {open}\n"
        ))
        .unwrap();
        check_grammar(&format!("root ::= {}", "(\"a\")".repeat(300))).unwrap();
        assert!(check_grammar(&format!("root ::= {open}")).is_err());
        assert!(check_grammar(&"a ::= b\n".repeat(5000)).is_err());
        assert!(check_grammar(&" ".repeat(MOST_BYTES + 1)).is_err());
    }

    #[test]
    fn references_must_lead_somewhere() {
        check_schema(
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"type":"string"}},"$ref":"#/$defs/a"}"##,
        )
        .unwrap();
        // A tree refers to itself, but not by references alone.
        check_schema(r##"{"type":"object","properties":{"left":{"$ref":"#"}}}"##).unwrap();
        for schema in [
            r##"{"$defs":{"a":{"$ref":"#/$defs/a"}},"allOf":[{"$ref":"#/$defs/a"}]}"##,
            r##"{"$ref":"#/nowhere"}"##,
            r#"{"$ref":"https://example.org/schema"}"#,
            "[1]",
            "{",
        ] {
            let error = check_schema(schema).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{schema}");
        }
        assert!(check_schema(&"[".repeat(100_000)).is_err());
    }
}
