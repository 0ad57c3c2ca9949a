//! What the specifications ask of fields that may be left out: assets, dates, languages, the note at a depth.
//!
//! What they ask of required fields is noticed when a card is read.

use serde_json::Value;

use super::{Hit, Rule, Subject, Topic, about, edit_text, hit, row};
use crate::Severity::{Info, Warning};
use crate::card::Version;
use crate::card::spec::{V3_FIELDS, is_empty, without_decorators};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Spec, [
    row("optional-type", Warning, "fields that may be left out have their type too",
        "`nickname` is a text, `source` a list of texts, dates are numbers, `creator_notes_multilingual` is an object of texts; \
         in a lorebook `scan_depth` and `token_budget` are numbers and `recursive_scanning` is true or false. Strict programs \
         refuse the card for one of another type.",
        "\"nickname\": 7", optional_type, None),
    row("v3-field-in-v2", Info, "a V2 card has the fields of V2",
        "Programs that read V2 pass over the fields that V3 added. `convert --to v3` makes them count.",
        "\"spec\": \"chara_card_v2\" and \"nickname\": \"Cari\"", v3_in_v2, None),
    row("decorator-in-v2", Warning, "decorators stand in V3 cards only",
        "Programs that read V2 print `@@depth 4` into the prompt as it is.",
        "\"spec\": \"chara_card_v2\" and \"content\": \"@@depth 4\\nIt is blue.\"", decorator_in_v2, None),
    row("regex-in-v2", Info, "`use_regex` stands in V3 cards only",
        "Programs that read V2 take the keys as plain text. SillyTavern takes a key between slashes as an expression.",
        "\"spec\": \"chara_card_v2\" and \"use_regex\": true", regex_in_v2, None),
    row("date-order", Info, "a card was not changed before it was made",
        "`modification_date` is earlier than `creation_date`; one of them is wrong. 0 means unknown.",
        "\"creation_date\": 1700000000, \"modification_date\": 1600000000", date_order, None),
    row("notes-language", Warning, "notes in other languages are named by two letters",
        "The keys of `creator_notes_multilingual` are ISO 639-1 codes without a region, such as `en` or `ja`.",
        "\"creator_notes_multilingual\": {\"en-GB\": \"...\"}", notes_language, None),
    row("depth-prompt", Warning, "the note at a depth says what, where and as whom",
        "`extensions.depth_prompt` has a text `prompt`, a number `depth` of at least 0, and a `role` that is system, user or \
         assistant. SillyTavern puts the note at depth 4 as the system where they are wrong.",
        "\"depth_prompt\": {\"prompt\": \"...\", \"depth\": \"four\"}", depth_prompt, None),
    row("talkativeness-range", Info, "`talkativeness` is from 0 to 1",
        "It is the chance that a character speaks up in a group chat.",
        "\"talkativeness\": 5", talkativeness, None),
    row("asset-field", Warning, "an asset has the texts `type`, `uri`, `name` and `ext`",
        "All four are required; without one of them an asset cannot be found or used.",
        "\"assets\": [{\"type\": \"icon\"}]", asset_field, None),
    row("asset-type", Info, "the type of an asset is known, or begins with `x_`",
        "The specification knows icon, background, user_icon and emotion. RisuAI writes `x-risu-asset`, with a hyphen.",
        "\"type\": \"picture\"", |s| assets(s, ".type", |asset| {
            let kind = asset["type"].as_str()?;
            (!["icon", "background", "user_icon", "emotion"].contains(&kind) && !kind.starts_with("x_"))
                .then(|| "this type of asset is not in the specification".into())
        }), None),
    row("asset-uri", Warning, "the address of an asset is of a known kind",
        "`embeded://`, `ccdefault:`, `__asset:`, `data:` or a web address. The specification spells `embeded` with one d; \
         SillyTavern takes both.",
        "\"uri\": \"assets/icon.png\"", |s| assets(s, ".uri", |asset| {
            let uri = asset["uri"].as_str()?;
            let known = ["embeded://", "embedded://", "ccdefault:", "__asset:", "data:", "http://", "https://"];
            (!known.iter().any(|known| uri.starts_with(known))).then(|| "the address is of no known kind".into())
        }), None),
    row("asset-ext", Warning, "`ext` of an asset is small letters without a dot",
        "So the specification says; programs compare it with `png` or `webp`.",
        "\"ext\": \".PNG\"", |s| assets(s, ".ext", |asset| {
            let ext = asset["ext"].as_str()?;
            (plain_ext(ext) != ext).then(|| format!("`ext` should be `{}`", plain_ext(ext)))
        }), Some(|card, path| edit_text(card, path, plain_ext))),
    row("asset-main-icon", Warning, "of several icons one is called `main`",
        "With none, or with two, programs pick different ones.",
        "two assets of type icon, both named `main`", |s| main_assets(s, "icon"), None),
    row("asset-main-background", Info, "at most one background is called `main`",
        "The background that is shown at first; with two, programs pick different ones.",
        "two assets of type background, both named `main`", |s| main_assets(s, "background"), None),
    row("asset-name-twice", Info, "no two assets have the same type and name",
        "Programs find an asset by its name; the second is never shown. RisuAI writes such.",
        "two emotions named `happy`", asset_name_twice, None),
]);

/// One hit where `wrong`.
fn one(wrong: bool, path: String, message: &str) -> Vec<Hit> {
    wrong.then(|| hit(path, message)).into_iter().collect()
}

fn optional_type(subject: &Subject<'_>) -> Vec<Hit> {
    type Fits = fn(&Value) -> bool;
    let texts: Fits = |value| {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string))
    };
    let map: Fits = |value| {
        value
            .as_object()
            .is_some_and(|map| map.values().all(Value::is_string))
    };
    let fields: [(&str, &str, Fits); 9] = [
        ("/nickname", "a text", Value::is_string),
        ("/source", "a list of texts", texts),
        ("/creator_notes_multilingual", "an object of texts", map),
        ("/assets", "a list", Value::is_array),
        ("/character_book/name", "a text", Value::is_string),
        ("/character_book/description", "a text", Value::is_string),
        ("/character_book/scan_depth", "a number", Value::is_number),
        ("/character_book/token_budget", "a number", Value::is_number),
        (
            "/character_book/recursive_scanning",
            "true or false",
            Value::is_boolean,
        ),
    ];
    fields
        .into_iter()
        .filter(|(pointer, _, fits)| {
            subject
                .body
                .pointer(pointer)
                .is_some_and(|value| !fits(value))
        })
        .map(|(pointer, what, _)| {
            let path = pointer[1..].replace('/', ".");
            hit(subject.path(&path), format!("`{path}` should be {what}"))
        })
        .collect()
}

fn v3_in_v2(subject: &Subject<'_>) -> Vec<Hit> {
    if subject.card.version() != Version::V2 {
        return Vec::new();
    }
    V3_FIELDS
        .iter()
        .filter(|key| {
            subject
                .body
                .get(**key)
                .is_some_and(|value| !is_empty(value))
        })
        .map(|key| hit(subject.path(key), format!("`{key}` is a field of V3")))
        .collect()
}

fn entries(
    subject: &Subject<'_>,
    key: &str,
    wrong: impl Fn(&crate::card::Entry) -> bool,
    message: &str,
) -> Vec<Hit> {
    if subject.card.version() == Version::V3 {
        return Vec::new();
    }
    subject
        .entries
        .iter()
        .filter(|(_, entry)| wrong(entry))
        .map(|(path, _)| hit(format!("{path}.{key}"), message))
        .collect()
}

fn decorator_in_v2(subject: &Subject<'_>) -> Vec<Hit> {
    let decorated =
        |entry: &crate::card::Entry| without_decorators(&entry.content).len() < entry.content.len();
    entries(
        subject,
        "content",
        decorated,
        "V2 programs print the decorators of this entry",
    )
}

fn regex_in_v2(subject: &Subject<'_>) -> Vec<Hit> {
    entries(
        subject,
        "use_regex",
        |entry| entry.use_regex,
        "V2 has no regular expressions as keys",
    )
}

fn date_order(subject: &Subject<'_>) -> Vec<Hit> {
    let date = |key: &str| subject.body[key].as_f64().unwrap_or(0.0);
    let (made, changed) = (date("creation_date"), date("modification_date"));
    one(
        changed > 0.0 && changed < made,
        subject.path("modification_date"),
        "the card was changed before it was made",
    )
}

fn notes_language(subject: &Subject<'_>) -> Vec<Hit> {
    let is_code = |key: &str| key.len() == 2 && key.bytes().all(|b| b.is_ascii_lowercase());
    let notes = subject.body["creator_notes_multilingual"].as_object();
    let wrong: Vec<_> = notes
        .into_iter()
        .flat_map(|notes| notes.keys())
        .filter(|key| !is_code(key))
        .map(|key| format!("`{key}`"))
        .collect();
    one(
        !wrong.is_empty(),
        subject.path("creator_notes_multilingual"),
        &format!("no two-letter code of a language: {}", wrong.join(", ")),
    )
}

fn depth_prompt(subject: &Subject<'_>) -> Vec<Hit> {
    let note = &subject.body["extensions"]["depth_prompt"];
    let (prompt, depth, role) = (&note["prompt"], &note["depth"], &note["role"]);
    let path = |key: &str| subject.path(&format!("extensions.depth_prompt{key}"));
    if note.is_null() {
        return Vec::new();
    }
    if !note.is_object() || !(prompt.is_string() || prompt.is_null()) {
        return one(true, path(""), "the note at a depth has no text");
    }
    let deep = depth.as_f64().is_none_or(|depth| depth < 0.0) && !depth.is_null();
    let known = role.is_null() || matches!(role.as_str(), Some("system" | "user" | "assistant"));
    let mut hits = one(deep, path(".depth"), "the depth is no number of at least 0");
    hits.extend(one(
        !known,
        path(".role"),
        "the role is not system, user or assistant",
    ));
    hits
}

fn talkativeness(subject: &Subject<'_>) -> Vec<Hit> {
    let value = &subject.body["extensions"]["talkativeness"];
    let number = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok());
    one(
        number.is_some_and(|number| !(0.0..=1.0).contains(&number)),
        subject.path("extensions.talkativeness"),
        "`talkativeness` is not from 0 to 1",
    )
}

fn list<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (String, &'a Value)> {
    let assets = subject.body["assets"].as_array();
    let named = |(index, asset)| (subject.path(&format!("assets[{index}]")), asset);
    assets.into_iter().flatten().enumerate().map(named)
}

fn assets(subject: &Subject<'_>, key: &str, wrong: impl Fn(&Value) -> Option<String>) -> Vec<Hit> {
    list(subject)
        .filter_map(|(path, asset)| Some(hit(format!("{path}{key}"), wrong(asset)?)))
        .collect()
}

fn asset_field(subject: &Subject<'_>) -> Vec<Hit> {
    assets(subject, "", |asset| {
        let missing = ["type", "uri", "name", "ext"]
            .into_iter()
            .filter(|key| !asset[key].is_string());
        let missing: Vec<_> = missing.map(|key| format!("`{key}`")).collect();
        (!missing.is_empty()).then(|| format!("the asset lacks {}", missing.join(", ")))
    })
}

fn plain_ext(ext: &str) -> String {
    ext.trim_start_matches('.').to_ascii_lowercase()
}

fn main_assets(subject: &Subject<'_>, kind: &str) -> Vec<Hit> {
    let of_kind: Vec<_> = list(subject)
        .filter(|(_, asset)| asset["type"] == kind)
        .collect();
    let main = of_kind
        .iter()
        .filter(|(_, asset)| asset["name"] == "main")
        .count();
    let wrong = match kind {
        "icon" => of_kind.len() > 1 && main != 1,
        _ => main > 1,
    };
    one(
        wrong,
        subject.path("assets"),
        &format!(
            "of {} assets of type {kind} {main} are called `main`",
            of_kind.len()
        ),
    )
}

fn asset_name_twice(subject: &Subject<'_>) -> Vec<Hit> {
    let mut seen = Vec::new();
    let mut hits = Vec::new();
    for (path, asset) in list(subject) {
        let (Some(kind), Some(name)) = (asset["type"].as_str(), asset["name"].as_str()) else {
            continue;
        };
        // Two icons called `main` are said already.
        if seen.contains(&(kind, name)) && name != "main" {
            hits.push(hit(
                format!("{path}.name"),
                format!("another asset of type {kind} is called so"),
            ));
        }
        seen.push((kind, name));
    }
    hits
}
