//! A new archive of a card that was in none: each field where Backyard looks for it, and its own values for the rest.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{EXTENSION, MANIFEST, SETTINGS, examples, greeting};
use crate::card::Card;
use crate::card::archive::backyard::{from_macros, lore};
use crate::card::archive::zip;
use crate::hex::hex;

/// A new archive of a card and its pictures, each with its path below the character and a label.
pub(crate) fn build(card: &Card, pictures: &[(String, String, &[u8])]) -> Vec<u8> {
    let own = card.extension(EXTENSION).unwrap_or_default();
    let digest = Sha256::digest(card.json().as_bytes());
    let id = match own.get("id").and_then(Value::as_str) {
        Some(id)
            if !id.is_empty()
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') =>
        {
            id.to_owned()
        }
        _ => hex(&digest[..12]),
    };
    let date = |key: &str| {
        own.get(key)
            .cloned()
            .unwrap_or_else(|| json!("1970-01-01T00:00:00.000Z"))
    };
    let display = match card.extension("display_name") {
        Some(Value::String(display)) if !display.is_empty() => display,
        _ => card.name().into_owned(),
    };
    let images: Vec<Value> = pictures
        .iter()
        .map(|(path, label, _)| json!({ "path": path, "label": label }))
        .collect();
    let character = json!({
        "schemaVersion": 1,
        "id": id,
        "name": card.name(),
        "displayName": display,
        "isNSFW": card.tags().iter().any(|tag| tag.eq_ignore_ascii_case("nsfw")),
        "persona": from_macros(&card.description()),
        "createdAt": date("createdAt"),
        "updatedAt": date("updatedAt"),
        "loreItems": lore(&card.lorebook().unwrap_or_default(), &[]),
        "images": images,
    });
    let settings = own.get("scenario").cloned().unwrap_or_default();
    let scenario = |greeting_text: &str, is_first: bool| {
        let mut scenario = Map::new();
        scenario.insert("schemaVersion".into(), json!(1));
        for key in ["title", "model"] {
            if let Some(value) = settings.get(key).filter(|_| is_first) {
                scenario.insert(key.into(), value.clone());
            }
        }
        scenario.insert(
            "formattingInstructions".into(),
            from_macros(&card.system_prompt()).into(),
        );
        for (key, default) in SETTINGS {
            scenario.insert(
                key.into(),
                settings.get(key).cloned().unwrap_or_else(default),
            );
        }
        scenario.insert("exampleMessages".into(), examples(&card.example_messages()));
        scenario.insert("firstMessages".into(), greeting(greeting_text));
        scenario.insert("narrative".into(), from_macros(&card.scenario()).into());
        Value::Object(scenario)
    };
    let mut scenarios = vec![scenario(&card.first_message(), true)];
    scenarios.extend(
        card.alternate_greetings()
            .iter()
            .map(|text| scenario(text, false)),
    );
    let folder = format!("characters/{id}");
    let paths: Vec<String> = (1..=scenarios.len())
        .map(|n| format!("scenarios/scenario{n}.json"))
        .collect();
    let mut manifest = json!({
        "schemaVersion": 1,
        "createdAt": date("createdAt"),
        "characters": [format!("{folder}/character.json")],
        "scenarios": paths,
    });
    let (creator, notes) = (card.creator(), card.creator_notes());
    if !creator.is_empty() || notes.starts_with("http") {
        let url = if notes.starts_with("http") {
            &*notes
        } else {
            ""
        };
        manifest["author"] = json!({ "name": creator, "backyardURL": url });
    }
    let pretty = |value: &Value| format!("{value:#}").into_bytes();
    let mut files = vec![
        (MANIFEST.to_owned(), pretty(&manifest)),
        (format!("{folder}/character.json"), pretty(&character)),
    ];
    files.extend(paths.into_iter().zip(scenarios.iter().map(pretty)));
    files.extend(
        pictures
            .iter()
            .map(|(path, _, data)| (format!("{folder}/{path}"), data.to_vec())),
    );
    zip::build(
        &[],
        files
            .iter()
            .map(|(path, data)| (path.as_str(), data.as_slice())),
    )
}
