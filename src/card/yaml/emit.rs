//! Writing YAML: block style, texts of several lines as blocks, and nothing that two readers could take for two things.

use serde_json::Value;

/// A value as YAML in block style; texts of several lines as blocks.
pub(super) fn emit(value: &Value) -> String {
    let mut out = String::new();
    emit_at(value, 0, &mut out);
    out
}

fn emit_at(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                out.push_str(&" ".repeat(indent));
                out.push_str(&yaml_key(key));
                out.push(':');
                emit_value(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                emit_value(item, indent + 2, out);
            }
        }
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

fn emit_value(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            emit_at(value, indent, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            emit_at(value, indent, out);
        }
        Value::String(text) if is_block(text) => {
            out.push_str(if text.ends_with('\n') {
                " |\n"
            } else {
                " |-\n"
            });
            for line in text.trim_end_matches('\n').split('\n') {
                if !line.is_empty() {
                    out.push_str(&" ".repeat(indent));
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

/// Whether a text reads the same as a block: lines of plain characters, no blanks at the edges of it.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && !body.contains(|c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        })
        && body
            .split('\n')
            .all(|line| line.is_empty() || !line.trim().is_empty())
}

/// A value on one line: a plain word where nothing else can be meant, else as JSON, which is YAML too.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A text in double quotes, with escapes for what YAML allows in no text.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in Value::from(text).to_string().chars() {
        if matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        ) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

pub(super) fn yaml_key(key: &str) -> String {
    if is_plain(key) && !key.contains(' ') {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// Whether a text is a plain word or sentence that no reader takes for anything else.
fn is_plain(text: &str) -> bool {
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(c, ' ' | '_' | '-' | '.' | ',' | '\'' | '(' | ')' | '/')
        })
        && !text.ends_with(' ')
        && text.len() <= 200
        && !words.contains(&text.to_ascii_lowercase().as_str())
}
