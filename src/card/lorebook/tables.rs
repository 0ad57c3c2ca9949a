//! Which formats of lorebooks there are: one row each, and one row for each of its fields.
//!
//! What stands deeper or is keyed otherwise than a list of fields is brought into shape by the functions at the end.

use serde_json::{Map, Value, json};

use super::by_number;
use super::formats::{Format, Kind, PARKED, Parts, Row};

const fn row(theirs: &'static str, ours: &'static str) -> Row {
    Row {
        theirs,
        ours,
        kind: Kind::Same,
        default: None,
    }
}

const fn or(theirs: &'static str, ours: &'static str, default: fn() -> Value) -> Row {
    Row {
        default: Some(default),
        ..row(theirs, ours)
    }
}

const fn as_(kind: Kind, row: Row) -> Row {
    Row { kind, ..row }
}

fn null() -> Value {
    Value::Null
}
fn no() -> Value {
    json!(false)
}
fn yes() -> Value {
    json!(true)
}
fn zero() -> Value {
    json!(0)
}
fn hundred() -> Value {
    json!(100)
}
fn empty() -> Value {
    json!("")
}
fn list() -> Value {
    json!([])
}

/// Every format, in the order they are tried.
pub static FORMATS: &[Format] = &[
    Format {
        name: "lorebook_v3",
        key: "v3",
        about: "the V3 specification's file of a lorebook alone",
        recognise: |value| value.get("spec").and_then(Value::as_str) == Some("lorebook_v3"),
        open: |value| open_book(&value["data"]),
        close: |root, entries| json!({ "spec": "lorebook_v3", "data": close_book(root, entries) }),
        book: &[],
        entry: &[],
        entry_extensions: Some("extensions"),
        book_extensions: Some("extensions"),
    },
    Format {
        name: "NovelAI",
        key: "novelai",
        about: "a .lorebook file, or the `naidata` of a PNG",
        recognise: |value| {
            value.get("lorebookVersion").is_some()
                && value.get("entries").is_some_and(Value::is_array)
        },
        open: open_novelai,
        close: close_novelai,
        book: &[],
        entry: &[
            or("text", "content", empty),
            or("displayName", "comment", empty),
            or("keys", "keys", list),
            or("enabled", "enabled", yes),
            or("forceActivation", "constant", no),
            as_(Kind::Text, row("id", "id")),
            row("budgetPriority", "insertion_order"),
        ],
        entry_extensions: None,
        book_extensions: None,
    },
    Format {
        name: "Agnai",
        key: "agnai",
        about: "a memory book of Agnai",
        recognise: |value| value.get("kind").and_then(Value::as_str) == Some("memory"),
        open: |value| {
            let (mut root, entries) = open_book(value);
            root.shift_remove("kind");
            (root, entries)
        },
        close: |root, entries| {
            let mut book = Map::from_iter([("kind".to_owned(), json!("memory"))]);
            book.extend(root);
            book.insert("entries".into(), entries.into());
            Value::Object(book)
        },
        book: &[
            or("name", "name", empty),
            or("description", "description", empty),
            row("scanDepth", "scan_depth"),
            row("tokenBudget", "token_budget"),
            row("recursiveScanning", "recursive_scanning"),
        ],
        entry: &[
            or("name", "name", empty),
            or("entry", "content", empty),
            or("keywords", "keys", list),
            or("priority", "priority", hundred),
            or("weight", "insertion_order", hundred),
            or("enabled", "enabled", yes),
            row("secondaryKeys", "secondary_keys"),
            row("comment", "comment"),
            row("constant", "constant"),
            row("selective", "selective"),
            row("position", "position"),
            row("id", "id"),
        ],
        entry_extensions: Some("extensions"),
        book_extensions: Some("extensions"),
    },
    Format {
        name: "RisuAI",
        key: "risu",
        about: "an exported lorebook of RisuAI",
        recognise: |value| {
            value.get("type").and_then(Value::as_str) == Some("risu")
                && value.get("data").is_some_and(Value::is_array)
        },
        open: |value| {
            let mut root = value.as_object().cloned().unwrap_or_default();
            let entries = match root.shift_remove("data") {
                Some(Value::Array(entries)) => entries,
                _ => Vec::new(),
            };
            root.shift_remove("type");
            root.shift_remove("ver");
            (root, entries)
        },
        close: |root, entries| {
            let mut book = Map::from_iter([
                ("type".to_owned(), json!("risu")),
                ("ver".to_owned(), json!(1)),
                ("data".to_owned(), entries.into()),
            ]);
            book.extend(root);
            Value::Object(book)
        },
        book: &[],
        entry: &[
            as_(Kind::Commas, or("key", "keys", empty)),
            as_(Kind::Commas, or("secondkey", "secondary_keys", empty)),
            or("comment", "comment", empty),
            or("content", "content", empty),
            or("mode", "mode", || json!("normal")),
            or("insertorder", "insertion_order", hundred),
            or("alwaysActive", "constant", no),
            or("selective", "selective", no),
            row("useRegex", "use_regex"),
            as_(Kind::OnlyText, row("id", "id")),
            row("activationPercent", "extensions.risu_activationPercent"),
            row("loreCache", "extensions.risu_loreCache"),
        ],
        // Spelt so by the program.
        entry_extensions: Some("extentions"),
        book_extensions: Some("extensions"),
    },
    Format {
        name: "SillyTavern World Info",
        key: "world",
        about: "a file of SillyTavern's folder `worlds`",
        recognise: |value| value.get("entries").is_some_and(is_world),
        open: open_world,
        close: close_world,
        book: &[row("name", "name"), row("description", "description")],
        entry: WORLD_INFO,
        entry_extensions: Some("extensions"),
        book_extensions: Some("extensions"),
    },
    Format {
        name: "character_book",
        key: "book",
        about: "the lorebook of a V2 or V3 card, by itself",
        recognise: |value| {
            value
                .get("entries")
                .is_some_and(|entries| entries.is_array() || entries.is_object())
        },
        open: open_book,
        close: close_book,
        book: &[],
        entry: &[],
        entry_extensions: Some("extensions"),
        book_extensions: Some("extensions"),
    },
];

const WORLD_INFO: &[Row] = &[
    as_(Kind::Number, row("uid", "id")),
    or("key", "keys", list),
    or("keysecondary", "secondary_keys", list),
    or("comment", "comment", empty),
    or("content", "content", empty),
    or("constant", "constant", no),
    or("vectorized", "extensions.vectorized", no),
    or("selective", "selective", no),
    or("selectiveLogic", "extensions.selectiveLogic", zero),
    or("order", "insertion_order", hundred),
    as_(Kind::Position, row("position", "position")),
    as_(Kind::Not, or("disable", "enabled", no)),
    or("ignoreBudget", "extensions.ignore_budget", no),
    or("excludeRecursion", "extensions.exclude_recursion", no),
    or("preventRecursion", "extensions.prevent_recursion", no),
    or(
        "delayUntilRecursion",
        "extensions.delay_until_recursion",
        zero,
    ),
    or(
        "matchPersonaDescription",
        "extensions.match_persona_description",
        no,
    ),
    or(
        "matchCharacterDescription",
        "extensions.match_character_description",
        no,
    ),
    or(
        "matchCharacterPersonality",
        "extensions.match_character_personality",
        no,
    ),
    or(
        "matchCharacterDepthPrompt",
        "extensions.match_character_depth_prompt",
        no,
    ),
    or("matchScenario", "extensions.match_scenario", no),
    or("matchCreatorNotes", "extensions.match_creator_notes", no),
    or("probability", "extensions.probability", hundred),
    or("useProbability", "extensions.useProbability", yes),
    or("depth", "extensions.depth", || json!(4)),
    or("outletName", "extensions.outlet_name", empty),
    or("group", "extensions.group", empty),
    or("groupOverride", "extensions.group_override", no),
    or("groupWeight", "extensions.group_weight", hundred),
    or("scanDepth", "extensions.scan_depth", null),
    or("caseSensitive", "extensions.case_sensitive", null),
    or("matchWholeWords", "extensions.match_whole_words", null),
    or("useGroupScoring", "extensions.use_group_scoring", null),
    or("automationId", "extensions.automation_id", empty),
    or("role", "extensions.role", zero),
    or("sticky", "extensions.sticky", null),
    or("cooldown", "extensions.cooldown", null),
    or("delay", "extensions.delay", null),
    or("triggers", "extensions.triggers", list),
    row("displayIndex", "extensions.display_index"),
];

/// Whether `entries` are World Info's: keyed by number, or a list of entries with `key`.
fn is_world(entries: &Value) -> bool {
    match entries {
        Value::Object(entries) => entries
            .values()
            .next()
            .is_none_or(|entry| entry.get("keys").is_none()),
        Value::Array(items) => items
            .first()
            .is_some_and(|entry| entry.get("key").is_some_and(Value::is_array)),
        _ => false,
    }
}

/// A book whose entries are a list, or an object with numbers as keys.
pub(super) fn open_book(value: &Value) -> Parts {
    let mut root = value.as_object().cloned().unwrap_or_default();
    let entries = match root.shift_remove("entries") {
        Some(Value::Array(entries)) => entries,
        Some(Value::Object(entries)) => {
            let entries = by_number(entries);
            entries.into_iter().map(|(_, entry)| entry).collect()
        }
        _ => Vec::new(),
    };
    (root, entries)
}

pub(super) fn close_book(mut root: Map<String, Value>, entries: Vec<Value>) -> Value {
    root.insert("entries".into(), entries.into());
    Value::Object(root)
}

/// A book whose entries have a place in the list of their program beside their number.
fn open_world(value: &Value) -> Parts {
    let (root, mut entries) = open_book(value);
    // Of the same place, or of none, the number counts, by which they are sorted already.
    let place = |entry: &Value| entry.get("displayIndex").and_then(Value::as_u64);
    if entries.iter().all(|entry| place(entry).is_some()) {
        entries.sort_by_key(place);
    }
    (root, entries)
}

/// Entries by their number; one without, or with a number that is taken, gets the next free one.
fn close_world(mut root: Map<String, Value>, entries: Vec<Value>) -> Value {
    let mut by_number = Map::new();
    for (index, mut entry) in entries.into_iter().enumerate() {
        let wanted = entry.get("uid").and_then(Value::as_u64);
        let number = wanted
            .into_iter()
            .chain(index as u64..)
            .find(|number| !by_number.contains_key(&number.to_string()))
            .unwrap_or(index as u64);
        entry["uid"] = number.into();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != number) {
            entry["extensions"][PARKED]["id"] = wanted.into();
        }
        if entry.get("displayIndex").is_none() {
            entry["displayIndex"] = index.into();
        }
        if entry.get("addMemo").is_none() {
            entry["addMemo"] = entry
                .get("comment")
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
                .into();
        }
        by_number.insert(number.to_string(), entry);
    }
    root.insert("entries".into(), by_number.into());
    Value::Object(root)
}

/// The priority of an entry stands one level deeper.
fn open_novelai(value: &Value) -> Parts {
    let (root, mut entries) = open_book(value);
    for entry in &mut entries {
        if let Some(priority) = entry.pointer("/contextConfig/budgetPriority").cloned() {
            entry["budgetPriority"] = priority;
        }
    }
    (root, entries)
}

fn close_novelai(root: Map<String, Value>, entries: Vec<Value>) -> Value {
    let mut book = Map::from_iter([("lorebookVersion".to_owned(), json!(5))]);
    book.extend(root);
    let whole = |(index, mut entry): (usize, Value)| {
        let Some(members) = entry.as_object_mut() else {
            return entry;
        };
        let priority = members.shift_remove("budgetPriority");
        let context = members.entry("contextConfig").or_insert_with(|| {
            json!({
                "prefix": "", "suffix": "\n", "tokenBudget": 2048, "reservedTokens": 0, "budgetPriority": 400,
                "trimDirection": "trimBottom", "insertionType": "newline", "maximumTrimType": "sentence",
                "insertionPosition": -1,
            })
        });
        if let (Some(priority), Some(context)) = (priority, context.as_object_mut()) {
            context.insert("budgetPriority".into(), priority);
        }
        let id = || json!(format!("00000000-0000-4000-8000-{index:012x}"));
        members.entry("id").or_insert_with(id);
        for (key, default) in [
            ("lastUpdatedAt", json!(0)),
            ("searchRange", json!(1000)),
            ("keyRelative", json!(false)),
            ("nonStoryActivatable", json!(false)),
            ("category", json!("")),
            ("loreBiasGroups", json!([])),
        ] {
            members.entry(key).or_insert(default);
        }
        entry
    };
    book.insert(
        "entries".into(),
        entries.into_iter().enumerate().map(whole).collect(),
    );
    book.entry("settings")
        .or_insert_with(|| json!({ "orderByKeyLocations": false }));
    book.entry("categories").or_insert_with(list);
    Value::Object(book)
}
