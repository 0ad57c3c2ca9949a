//! Agnai's characters: the persona is a text, or attributes in one of four layouts.

use serde_json::{Map, Value};

use super::{Foreign, has_text};
use crate::card::Step;
use crate::card::lorebook::formats;

/// The characters of Agnai.
pub(super) const AGNAI: Foreign = Foreign {
    name: "Agnai",
    key: "agnai",
    within: &[],
    recognise: |value| {
        let is_marked = value.get("kind").and_then(Value::as_str) == Some("character");
        let is_like = has_text(value, "name")
            && value
                .get("persona")
                .is_some_and(|persona| persona.is_object() || persona.is_string())
            && ["greeting", "sampleChat"]
                .iter()
                .any(|key| has_text(value, key));
        (is_marked || is_like) && value.get("data").is_none()
    },
    fields: &[
        (&["name"], &["name"]),
        (&["greeting"], &["first_mes"]),
        (&["scenario"], &["scenario"]),
        (&["sampleChat"], &["mes_example"]),
        (&["description"], &["creator_notes"]),
        (&["systemPrompt"], &["system_prompt"]),
        (&["postHistoryInstructions"], &["post_history_instructions"]),
        (&["alternateGreetings"], &["alternate_greetings"]),
        (&["tags"], &["tags"]),
        (&["creator"], &["creator"]),
        (&["characterVersion"], &["character_version"]),
    ],
    more: |body, data| {
        let mut used = Vec::new();
        if let Some(persona) = body.get("persona") {
            data.insert("description".into(), persona_text(persona, body).into());
            // A layout of attributes is kept as it was beside its text.
            if is_text(persona) {
                used.push("persona");
            }
        }
        if let Some(book) = body.get("characterBook").filter(|book| book.is_object()) {
            data.insert("character_book".into(), formats::from_agnai(book));
            used.push("characterBook");
        }
        used
    },
    place: |body, steps| match steps {
        [Step::Key(key)] if key == "description" => {
            let persona = &body["persona"];
            if persona.is_string() {
                return Some(vec![Step::Key("persona".into())]);
            }
            persona.pointer("/attributes/text/0").map(|_| {
                let path = ["persona", "attributes", "text"].map(|key| Step::Key(key.into()));
                path.into_iter().chain([Step::Index(0)]).collect()
            })
        }
        _ => None,
    },
    macros: None,
};

fn is_text(persona: &Value) -> bool {
    persona.is_string() || persona.get("kind").and_then(Value::as_str) == Some("text")
}

/// The persona as the text a model sees.
fn persona_text(persona: &Value, body: &Value) -> String {
    if let Some(text) = persona.as_str() {
        return text.to_owned();
    }
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    let empty = Map::new();
    let attributes = persona
        .get("attributes")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let values = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            Value::String(one) => vec![one.clone()],
            _ => Vec::new(),
        }
    };
    let quoted = |value: &Value, between: &str| {
        values(value)
            .iter()
            .map(|value| format!("\"{value}\""))
            .collect::<Vec<_>>()
            .join(between)
    };
    let lines = |line: &dyn Fn(&String, &Value) -> String| {
        attributes
            .iter()
            .map(|(key, value)| line(key, value))
            .collect::<Vec<_>>()
    };
    match persona.get("kind").and_then(Value::as_str) {
        Some("text") => attributes
            .get("text")
            .map(|text| values(text).join("\n"))
            .unwrap_or_default(),
        Some("wpp") => {
            let lines = lines(&|key, value| format!("{key}({})", quoted(value, " + ")));
            format!("[character(\"{name}\") {{\n{}\n}}]", lines.join("\n"))
        }
        Some("sbf") => {
            let lines = lines(&|key, value| format!("{key}: {}", quoted(value, ", ")));
            format!("[ character: \"{name}\"; {} ]", lines.join("; "))
        }
        Some("boostyle") => {
            let parts = attributes.values().flat_map(values);
            std::iter::once(name.to_owned())
                .chain(parts)
                .collect::<Vec<_>>()
                .join(" + ")
        }
        _ => lines(&|key, value| format!("{key}: {}", values(value).join(", "))).join("\n"),
    }
}
