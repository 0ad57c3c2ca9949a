//! The programs whose fields a table tells whole.

use serde_json::Value;

use crate::card::archive::backyard;

use super::{Field, Foreign, has_text, is_card, nothing, nowhere};

/// The JSON of Pygmalion's web pages and of early editors.
pub(super) const PYGMALION: Foreign = Foreign {
    name: "Pygmalion",
    key: "pygmalion",
    within: &[],
    recognise: |value| {
        has_text(value, "char_name")
            && !is_card(value)
            && [
                "char_persona",
                "char_greeting",
                "example_dialogue",
                "world_scenario",
            ]
            .iter()
            .any(|key| has_text(value, key))
    },
    fields: &[
        (&["char_name"], &["name"]),
        (&["char_persona"], &["description"]),
        (&["world_scenario"], &["scenario"]),
        (&["char_greeting"], &["first_mes"]),
        (&["example_dialogue"], &["mes_example"]),
    ],
    more: nothing,
    place: nowhere,
    macros: None,
};

/// The characters of text-generation-webui, as YAML and as JSON.
pub(super) const TEXT_GENERATION_WEBUI: Foreign = Foreign {
    name: "text-generation-webui",
    key: "text_generation_webui",
    within: &[],
    recognise: |value| {
        ["name", "bot", "<|bot|>", "char_name"]
            .iter()
            .any(|key| value.get(key).is_some())
            && (has_text(value, "context") || has_text(value, "greeting"))
            && !is_card(value)
            && value.get("persona").is_none()
    },
    fields: &[
        (&["name", "bot", "<|bot|>", "char_name"], &["name"]),
        (&["context", "char_persona"], &["description"]),
        (&["greeting", "char_greeting"], &["first_mes"]),
        (&["example_dialogue"], &["mes_example"]),
        (&["world_scenario", "scenario"], &["scenario"]),
    ],
    more: nothing,
    place: nowhere,
    macros: None,
};

/// What tools take out of character.ai.
pub(super) const CHARACTER_AI: Foreign = Foreign {
    name: "CharacterAI",
    key: "character_ai",
    within: &["character"],
    recognise: |value| value.get("character").is_some_and(is_character_ai),
    fields: CHARACTER_AI_FIELDS,
    more: nothing,
    place: nowhere,
    macros: None,
};

const CHARACTER_AI_FIELDS: &[Field] = &[
    (&["name", "participant__name"], &["name"]),
    (&["definition", "description"], &["description"]),
    (&["greeting"], &["first_mes"]),
    (&["title"], &["creator_notes"]),
    (&["user__username"], &["creator"]),
];

fn is_character_ai(character: &Value) -> bool {
    (has_text(character, "name") || has_text(character, "participant__name"))
        && ["greeting", "definition", "external_id", "title"]
            .iter()
            .any(|key| character.get(key).is_some())
}

/// The same in a dump of chats.
pub(super) const CHARACTER_AI_CHATS: Foreign = Foreign {
    within: &["info", "character"],
    recognise: |value| value["info"].get("character").is_some_and(is_character_ai),
    ..CHARACTER_AI
};

/// What Backyard, then Faraday, put into pictures.
pub(super) const BACKYARD: Foreign = Foreign {
    name: "Backyard",
    key: "backyard",
    within: &["character"],
    recognise: |value| {
        value.get("character").is_some_and(|character| {
            has_text(character, "aiName") || has_text(character, "aiPersona")
        })
    },
    fields: &[
        (&["aiName", "aiDisplayName"], &["name"]),
        (&["aiPersona"], &["description"]),
        (&["scenario"], &["scenario"]),
        (&["firstMessage"], &["first_mes"]),
        (&["customDialogue"], &["mes_example"]),
        (&["basePrompt"], &["system_prompt"]),
    ],
    more: |body, data| {
        let Some(items) = body
            .get("loreItems")
            .and_then(Value::as_array)
            .filter(|items| !items.is_empty())
        else {
            return Vec::new();
        };
        data.insert("character_book".into(), backyard::book(items));
        vec!["loreItems"]
    },
    place: nowhere,
    macros: Some((backyard::to_macros, backyard::from_macros)),
};
