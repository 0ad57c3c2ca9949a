//! What is odd about the JSON of a card that was read all the same: a finding for each, where the card is.
//!
//! The typed readers already know what was meant. This says what other programs may trip over.

use std::collections::HashMap;

use serde_json::Value;

use super::document::Document;
use super::path::{self, Step};
use super::scan::{self, Span};
use super::spec::{V1_FIELDS, V2_LISTS, V2_TEXTS, V3_FIELDS};
use super::{Card, Version};
use crate::{Finding, Place, Severity};

/// A finding at a JSON path.
pub(super) fn at(
    code: &'static str,
    severity: Severity,
    path: impl Into<String>,
    message: impl Into<String>,
    fix: impl Into<Option<&'static str>>,
) -> Finding {
    Finding {
        code,
        severity,
        place: Place::Path(path.into()),
        message: message.into(),
        fix: fix.into().map(str::to_owned),
    }
}

/// Takes the padding off keys such as `" data "`, without which nothing would be found.
pub(super) fn trim_keys(document: &mut Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    loop {
        let mut objects = vec![document.root().clone()];
        objects.extend(
            document
                .member(document.root(), "data")
                .map(|data| data.value),
        );
        let padded = objects
            .iter()
            .flat_map(|object| document.members(object).into_owned())
            .find_map(|member| {
                let key = scan::string(document.text(), &member.key);
                let name = key.trim();
                (name.len() < key.len() && is_field(name))
                    .then(|| (member.key.clone(), name.to_owned()))
            });
        let Some((span, name)) = padded else {
            return findings;
        };
        document.rename(&span, &name);
        findings.push(at(
            "json-padded-key",
            Severity::Warning,
            name.clone(),
            format!("there are blanks around the key `{name}`"),
            "take the blanks out",
        ));
    }
}

fn is_field(name: &str) -> bool {
    V1_FIELDS.contains(&name)
        || V2_TEXTS.contains(&name)
        || V2_LISTS.contains(&name)
        || V3_FIELDS.contains(&name)
        || matches!(
            name,
            "data" | "spec" | "spec_version" | "extensions" | "character_book"
        )
}

/// Everything odd about a card.
pub(super) fn findings(card: &Card) -> Vec<Finding> {
    let mut findings = Vec::new();
    text(card, &mut findings);
    let document = &card.document;
    let (root, has_duplicates) = document.whole();
    // Naming the places costs a pass for every level; nearly no card has any.
    if has_duplicates {
        duplicates(document, document.root(), &mut Vec::new(), &mut findings);
    }
    let body = match card.version {
        Version::V1 => &root,
        _ => &root["data"],
    };
    spec(card, &root, &mut findings);
    fields(card, body, &mut findings);
    root_copies(card, &root, &mut findings);
    book(card, body, &mut findings);
    findings
}

/// What the characters of the text tell.
fn text(card: &Card, findings: &mut Vec<Finding>) {
    let text = card.json();
    // Nearly no card has an escape of that range; looking for it is faster than going from escape to escape.
    let is_there = |escape: &[u8]| memchr::memmem::find(text.as_bytes(), escape).is_some();
    let mut at_escape = if is_there(b"\\ud") || is_there(b"\\uD") {
        0
    } else {
        text.len()
    };
    let mut lone = 0;
    while let Some(found) = text[at_escape..].find('\\') {
        let here = at_escape + found;
        at_escape = here + 2;
        match scan::code_unit(text, here) {
            Some(0xd800..=0xdbff)
                if matches!(scan::code_unit(text, here + 6), Some(0xdc00..=0xdfff)) =>
            {
                at_escape = here + 12;
            }
            Some(0xd800..=0xdfff) => lone += 1,
            _ => {}
        }
    }
    if lone > 0 {
        findings.push(at(
            "json-lone-surrogate",
            Severity::Warning,
            "",
            format!(
                "{lone} escapes are half a character; they read as U+FFFD and stay as they are"
            ),
            None,
        ));
    }
    let body = path::write(&card.body());
    for key in V1_FIELDS {
        if is_mojibake(&card.text(key)) {
            findings.push(at(
                "txt-mojibake",
                Severity::Warning,
                join(&body, key),
                "UTF-8 was read as Latin-1 here, so that accents and quotes are garbled",
                "decode it again",
            ));
        }
    }
}

/// Whether a text is UTF-8 that was taken for Latin-1.
pub(super) fn is_mojibake(text: &str) -> bool {
    !text.is_ascii() && unmojibake(text).is_some()
}

/// The text that was meant, if `text` is UTF-8 taken for Latin-1.
pub(super) fn unmojibake(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

fn join(body: &str, key: &str) -> String {
    if body.is_empty() {
        key.to_owned()
    } else {
        format!("{body}.{key}")
    }
}

fn duplicates(document: &Document, span: &Span, path: &mut Vec<Step>, findings: &mut Vec<Finding>) {
    for (index, item) in scan::items(document.text(), span).iter().enumerate() {
        path.push(Step::Index(index));
        duplicates(document, item, path, findings);
        path.pop();
    }
    let mut seen: HashMap<_, usize> = HashMap::new();
    for member in scan::members(document.text(), span) {
        let key = scan::string(document.text(), &member.key);
        path.push(Step::Key(key.clone().into_owned()));
        let times = seen.entry(key).or_insert(0);
        *times += 1;
        if *times == 2 {
            findings.push(at(
                "json-dup-key",
                Severity::Warning,
                path::write(path),
                "this key stands here more than once; the last counts",
                "keep the last",
            ));
        }
        duplicates(document, &member.value, path, findings);
        path.pop();
    }
}

fn spec(card: &Card, root: &Value, findings: &mut Vec<Finding>) {
    let spec = root.get("spec").and_then(Value::as_str);
    let known = [Version::V2.spec(), Version::V3.spec()];
    match spec {
        None if card.version > Version::V1 => findings.push(at(
            "card-no-spec",
            Severity::Warning,
            "spec",
            format!("`spec` is missing; the card is read as {}", card.version),
            "add it",
        )),
        Some(spec) if !known.contains(&spec) => findings.push(at(
            "card-foreign-spec",
            Severity::Warning,
            "spec",
            format!(
                "`{spec}` is no known `spec`; the card is read as {}",
                card.version
            ),
            "write the right one",
        )),
        _ => {}
    }
    let number = root.get("spec_version").and_then(|version| match version {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        other => other.as_f64(),
    });
    if card.version > Version::V1 {
        if number.is_some_and(|number| number > 3.0) {
            findings.push(at(
                "card-newer-spec",
                Severity::Warning,
                "spec_version",
                "the card is of a later version than 3.0",
                None,
            ));
        }
        if root
            .get("spec_version")
            .is_some_and(|version| !version.is_string())
        {
            findings.push(at(
                "field-type",
                Severity::Warning,
                "spec_version",
                "`spec_version` should be a text",
                "write it as one",
            ));
        }
    }
}

fn fields(card: &Card, body: &Value, findings: &mut Vec<Finding>) {
    let prefix = path::write(&card.body());
    let mut check = |key: &str, what: &str, fits: fn(&Value) -> bool| {
        let path = join(&prefix, key);
        match body.get(key) {
            None => findings.push(at(
                "field-missing",
                Severity::Warning,
                path,
                format!("`{key}` is required in {} and missing", card.version),
                "add it, empty",
            )),
            Some(Value::Null) => findings.push(at(
                "field-null",
                Severity::Warning,
                path,
                format!("`{key}` is null instead of {what}"),
                "make it empty",
            )),
            Some(value) if !fits(value) => findings.push(at(
                "field-type",
                Severity::Warning,
                path,
                format!("`{key}` should be {what}"),
                "make it one",
            )),
            Some(_) => {}
        }
    };
    let texts = |value: &Value| {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string))
    };
    for key in V1_FIELDS {
        check(key, "a text", Value::is_string);
    }
    if card.version > Version::V1 {
        for key in V2_TEXTS {
            check(key, "a text", Value::is_string);
        }
        for key in V2_LISTS {
            check(key, "a list of texts", texts);
        }
        check("extensions", "an object", Value::is_object);
    }
    if card.version == Version::V3 {
        check("group_only_greetings", "a list of texts", texts);
    }
    if card.name().trim().is_empty() {
        findings.push(at(
            "name-empty",
            Severity::Error,
            join(&prefix, "name"),
            "the character has no name",
            None,
        ));
    }
    for (key, junk) in [("character_version", "undefined"), ("creator", "Unknown")] {
        if card.text(key) == junk {
            findings.push(at(
                "field-junk",
                Severity::Warning,
                join(&prefix, key),
                format!("`{junk}` is what a program writes when it knows nothing"),
                "make it empty",
            ));
        }
    }
    for key in ["creation_date", "modification_date"] {
        if body.get(key).is_some_and(|date| !is_unix_seconds(date)) {
            findings.push(at(
                "date-format",
                Severity::Warning,
                join(&prefix, key),
                format!("`{key}` should be a number of seconds since 1970"),
                "convert it",
            ));
        }
    }
    for (pointer, path) in [
        (
            "/extensions/depth_prompt/depth",
            "extensions.depth_prompt.depth",
        ),
        ("/extensions/talkativeness", "extensions.talkativeness"),
        ("/talkativeness", "talkativeness"),
    ] {
        if body.pointer(pointer).is_some_and(Value::is_string) {
            findings.push(at(
                "field-type",
                Severity::Warning,
                join(&prefix, path),
                "this should be a number",
                "make it one",
            ));
        }
    }
}

/// Whether a date is what V3 asks for. Milliseconds are beyond the year 5000 as seconds.
pub(super) fn is_unix_seconds(date: &Value) -> bool {
    date.as_f64()
        .is_some_and(|seconds| (0.0..1e11).contains(&seconds))
}

fn root_copies(card: &Card, root: &Value, findings: &mut Vec<Finding>) {
    if root.get("json_data").is_some() || root["data"].get("json_data").is_some() {
        let path = if root.get("json_data").is_some() {
            "json_data"
        } else {
            "data.json_data"
        };
        findings.push(at(
            "nested-json-data",
            Severity::Warning,
            path,
            "the card holds another copy of itself in `json_data`",
            "take it out",
        ));
    }
    if card.version == Version::V1 {
        return;
    }
    let pairs = V1_FIELDS
        .into_iter()
        .chain(["tags"])
        .map(|key| (key, key))
        .chain([("creatorcomment", "creator_notes")]);
    for (copy, field) in pairs {
        if let (Some(old), Some(new)) = (root.get(copy), root["data"].get(field))
            && old != new
        {
            findings.push(at(
                "root-differs",
                Severity::Warning,
                copy,
                format!("the copy of `{field}` at the root says something else; `data` counts"),
                "copy it from `data`",
            ));
        }
    }
}

/// What a V2 or V3 entry may hold.
const ENTRY_FIELDS: [&str; 16] = [
    "keys",
    "content",
    "extensions",
    "enabled",
    "insertion_order",
    "use_regex",
    "case_sensitive",
    "constant",
    "selective",
    "secondary_keys",
    "name",
    "comment",
    "priority",
    "id",
    "position",
    "uid",
];

fn book(card: &Card, body: &Value, findings: &mut Vec<Finding>) {
    let prefix = join(&path::write(&card.body()), "character_book");
    let Some(book) = body.get("character_book") else {
        return;
    };
    if book.is_null() {
        findings.push(at(
            "book-null",
            Severity::Info,
            prefix,
            "`character_book` is null, which is the same as absent",
            "take it out",
        ));
        return;
    }
    let missing = |value: &Value| !value.get("extensions").is_some_and(Value::is_object);
    if !book.is_object() {
        findings.push(at(
            "field-type",
            Severity::Warning,
            prefix,
            "`character_book` should be an object",
            "take it out",
        ));
        return;
    }
    if missing(book) {
        findings.push(at(
            "book-no-extensions",
            Severity::Info,
            format!("{prefix}.extensions"),
            "the lorebook lacks `extensions`",
            "add it, empty",
        ));
    }
    let entries: Vec<(String, &Value)> = match book.get("entries") {
        Some(Value::Array(entries)) => entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (format!("{prefix}.entries[{index}]"), entry))
            .collect(),
        Some(Value::Object(entries)) => {
            findings.push(at(
                "book-entries-object",
                Severity::Warning,
                format!("{prefix}.entries"),
                "`entries` is an object; cards have a list here",
                "make it a list",
            ));
            entries
                .iter()
                .map(|(key, entry)| {
                    (
                        format!("{prefix}.entries[{}]", Value::from(key.as_str())),
                        entry,
                    )
                })
                .collect()
        }
        _ => {
            findings.push(at(
                "field-type",
                Severity::Warning,
                format!("{prefix}.entries"),
                "`entries` should be a list",
                "make it an empty one",
            ));
            return;
        }
    };
    for (place, entry) in entries {
        let Some(members) = entry.as_object() else {
            findings.push(at(
                "field-type",
                Severity::Warning,
                place,
                "an entry should be an object",
                None,
            ));
            continue;
        };
        if missing(entry) {
            findings.push(at(
                "book-no-extensions",
                Severity::Info,
                format!("{place}.extensions"),
                "the entry lacks `extensions`",
                "add it, empty",
            ));
        }
        let extra: Vec<_> = members
            .keys()
            .filter(|key| !ENTRY_FIELDS.contains(&key.as_str()))
            .map(|key| format!("`{key}`"))
            .collect();
        if !extra.is_empty() {
            findings.push(at(
                "entry-extra",
                Severity::Info,
                place.clone(),
                format!("the entry has fields of one program: {}", extra.join(", ")),
                None,
            ));
        }
        let position = entry.get("position");
        if position.is_some_and(|p| !matches!(p.as_str(), Some("before_char" | "after_char"))) {
            findings.push(at(
                "entry-position",
                Severity::Warning,
                format!("{place}.position"),
                "`position` should be `before_char` or `after_char`",
                "take it out",
            ));
        }
        entry_types(card, &place, entry, findings);
    }
}

/// Whether a value has the type it should have.
type Fits = fn(&Value) -> bool;

fn entry_types(card: &Card, place: &str, entry: &Value, findings: &mut Vec<Finding>) {
    let texts: Fits = |value| {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(Value::is_string))
    };
    let mut required: Vec<(&str, &str, Fits)> = vec![
        ("keys", "a list of texts", texts),
        ("content", "a text", Value::is_string),
        ("enabled", "true or false", Value::is_boolean),
        ("insertion_order", "a number", Value::is_number),
    ];
    if card.version == Version::V3 {
        required.push(("use_regex", "true or false", Value::is_boolean));
    }
    for (key, what, fits) in required {
        match entry.get(key) {
            None => findings.push(at(
                "field-missing",
                Severity::Warning,
                format!("{place}.{key}"),
                format!("`{key}` is required in an entry and missing"),
                "add it",
            )),
            Some(value) if !fits(value) => findings.push(at(
                "field-type",
                Severity::Warning,
                format!("{place}.{key}"),
                format!("`{key}` should be {what}"),
                "make it one",
            )),
            Some(_) => {}
        }
    }
}
