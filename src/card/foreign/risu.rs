//! RisuAI's own JSON: `{"type": "character", "data": {...}}`.

use serde_json::{Value, json};

use super::{Foreign, nowhere};
use crate::card::lorebook::formats;

/// The characters of RisuAI.
pub(super) const RISU: Foreign = Foreign {
    name: "RisuAI",
    key: "risuai",
    within: &["data"],
    recognise: |value| {
        value.get("type").and_then(Value::as_str) == Some("character")
            && ["firstMessage", "desc", "chaId"]
                .iter()
                .any(|key| value["data"].get(key).is_some())
    },
    fields: &[
        (&["name"], &["name"]),
        (&["desc"], &["description"]),
        (&["personality"], &["personality"]),
        (&["scenario"], &["scenario"]),
        (&["firstMessage"], &["first_mes"]),
        (&["exampleMessage"], &["mes_example"]),
        (&["creatorNotes"], &["creator_notes"]),
        (&["systemPrompt"], &["system_prompt"]),
        (
            &["replaceGlobalNote", "postHistoryInstructions"],
            &["post_history_instructions"],
        ),
        (&["alternateGreetings"], &["alternate_greetings"]),
        (&["tags"], &["tags"]),
        (&["creator"], &["creator"]),
        (&["characterVersion"], &["character_version"]),
        (&["nickname"], &["nickname"]),
        (&["source"], &["source"]),
        (&["group_only_greetings"], &["group_only_greetings"]),
        (&["creation_date"], &["creation_date"]),
        (&["modification_date"], &["modification_date"]),
        (&["ccAssets"], &["assets"]),
        (&["depth_prompt"], &["extensions", "depth_prompt"]),
    ],
    more: |body, data| {
        let mut used = Vec::new();
        if let Some(entries) = body
            .get("globalLore")
            .and_then(Value::as_array)
            .filter(|entries| !entries.is_empty())
        {
            let mut book =
                formats::from_risu(&json!({ "type": "risu", "ver": 1, "data": entries }));
            if let (Some(settings), Some(book)) = (
                body.get("loreSettings").filter(|s| s.is_object()),
                book.as_object_mut(),
            ) {
                for (from, to) in [
                    ("tokenBudget", "token_budget"),
                    ("scanDepth", "scan_depth"),
                    ("recursiveScanning", "recursive_scanning"),
                ] {
                    if let Some(value) = settings.get(from).filter(|value| !value.is_null()) {
                        book.insert(to.into(), value.clone());
                    }
                }
                if let Some(whole) = settings.get("fullWordMatching") {
                    book["extensions"]["risu_fullWordMatching"] = whole.clone();
                }
                used.push("loreSettings");
            }
            data.insert("character_book".into(), book);
            used.push("globalLore");
        }
        used
    },
    place: nowhere,
    macros: None,
};
