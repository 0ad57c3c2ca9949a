//! JSON of other programs: each a table of which of its fields is which of a card's.
//!
//! A file is read into a V2 card (V3 where a field asks for it); what the table does not name stands in
//! `extensions.KEY`, so that nothing is lost. A changed card goes back into the file by the same table, value by value,
//! and is read again to see that it arrived; what has no place is refused.

mod agnai;
mod risu;
mod tables;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::payload::note;
use super::shape::Shape;
use super::{Card, Path, Step, Version, by_commas, diff};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// A program's own JSON.
pub(super) struct Foreign {
    /// Its name, for messages.
    pub(super) name: &'static str,
    /// Under which name `extensions` keeps its other fields.
    key: &'static str,
    /// The path of the object with the fields; empty for the root.
    within: &'static [&'static str],
    /// Whether a value is of this program.
    recognise: fn(&Value) -> bool,
    /// Fields by their names there, of which the first that says something counts, and their path in a card.
    fields: &'static [Field],
    /// What no table can say: reads more fields into a card and returns which.
    more: fn(&Value, &mut Map<String, Value>) -> Vec<&'static str>,
    /// Where a field of a card that `more` read stands.
    place: fn(&Value, &[Step]) -> Option<Vec<Step>>,
    /// Its texts with everybody's macros, and the other way.
    macros: Option<(Macros, Macros)>,
}

/// Puts macros in the place of others.
type Macros = fn(&str) -> String;
/// A field: its names in the program, and its path in a card.
type Field = (&'static [&'static str], &'static [&'static str]);

/// Every program, the more particular ones first.
pub(super) static FOREIGN: &[Foreign] = &[
    tables::BACKYARD,
    risu::RISU,
    agnai::AGNAI,
    tables::CHARACTER_AI,
    tables::CHARACTER_AI_CHATS,
    tables::PYGMALION,
    tables::TEXT_GENERATION_WEBUI,
];

/// No field is read without a table.
fn nothing(_: &Value, _: &mut Map<String, Value>) -> Vec<&'static str> {
    Vec::new()
}

/// No field stands elsewhere.
fn nowhere(_: &Value, _: &[Step]) -> Option<Vec<Step>> {
    None
}

/// Whether `value` has text at `key`.
fn has_text(value: &Value, key: &str) -> bool {
    value.get(key).is_some_and(Value::is_string)
}

/// Whether an object has fields that only a card has.
fn is_card(value: &Value) -> bool {
    [
        "description",
        "personality",
        "first_mes",
        "mes_example",
        "data",
        "spec",
    ]
    .iter()
    .any(|key| value.get(key).is_some())
}

/// The program a document is of.
pub(super) fn of(document: &Document) -> Option<&'static Foreign> {
    // Nearly every file is a card, and is told by its own keys without looking at any value.
    let root = document.root();
    let has = |key: &str| document.member(root, key).is_some();
    let is_card = document
        .string(&[Step::Key("spec".into())])
        .is_some_and(|spec| spec.contains("chara_card"));
    if is_card || has("first_mes") || has("mes_example") {
        return None;
    }
    let value = document.value(root);
    value
        .is_object()
        .then(|| FOREIGN.iter().find(|foreign| (foreign.recognise)(&value)))
        .flatten()
}

/// The rows of the table of shapes.
pub(super) const SHAPE: Shape = Shape {
    name: "Pygmalion, text-generation-webui, Agnai, CharacterAI, RisuAI, Backyard",
    recognise: |document| of(document).is_some(),
    read: |document| match of(&document) {
        Some(foreign) => foreign.read(&document),
        None => Err(Error::new(Kind::Card, "JSON is of no known program")),
    },
};

impl Foreign {
    fn body<'v>(&self, value: &'v Value) -> &'v Value {
        self.within.iter().fold(value, |value, key| &value[*key])
    }

    /// The document as a card.
    pub(super) fn read(&self, document: &Document) -> Result<(Card, Vec<Finding>)> {
        let value = document.value(document.root());
        let body = self.body(&value);
        let mut data = skeleton();
        let mut used: Vec<&str> = (self.more)(body, &mut data);
        for (names, path) in self.fields {
            if let Some(name) = source(body, names) {
                used.push(name);
                if let Some(found) = fitting(path, &body[name]) {
                    put(
                        &mut data,
                        path,
                        translate(self.macros.map(|(to, _)| to), found),
                    );
                }
            }
        }
        let rest: Map<String, Value> = body
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| !used.contains(&key.as_str()) && !super::spec::is_empty(value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut findings = vec![note(
            "foreign-format",
            Severity::Info,
            &Place::Whole,
            format!("this is {} data, read as a character card", self.name),
        )];
        if !rest.is_empty() {
            let names: Vec<_> = rest.keys().map(|key| format!("`{key}`")).collect();
            findings.push(note(
                "foreign-fields",
                Severity::Info,
                &Place::Path(format!("data.extensions.{}", self.key)),
                format!(
                    "fields a card does not know are kept in `extensions.{}`: {}",
                    self.key,
                    names.join(", ")
                ),
            ));
            put(&mut data, &["extensions", self.key], Value::Object(rest));
        }
        if !self.within.is_empty() {
            let left: Vec<_> = value
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(key, value)| {
                    key.as_str() != self.within[0]
                        && key.as_str() != "type"
                        && !super::spec::is_empty(value)
                })
                .map(|(key, _)| format!("`{key}`"))
                .collect();
            if !left.is_empty() {
                findings.push(note(
                    "foreign-left",
                    Severity::Info,
                    &Place::Whole,
                    format!(
                        "beside the character the file holds {}, which is no part of a card",
                        left.join(", ")
                    ),
                ));
            }
        }
        let is_v3 = super::spec::V3_FIELDS
            .iter()
            .any(|key| data.contains_key(*key));
        let version = if is_v3 { Version::V3 } else { Version::V2 };
        if is_v3 {
            data.entry("group_only_greetings")
                .or_insert_with(|| json!([]));
        }
        let card =
            json!({ "spec": version.spec(), "spec_version": version.spec_version(), "data": data });
        let card = Card::of(Document::of(&card))
            .ok_or_else(|| Error::new(Kind::Card, "JSON is no character card"))?;
        Ok((card, findings))
    }

    /// The text of the document with what stands for the fields of `card` changed.
    pub(super) fn write(&self, document: &Document, card: &Card) -> Result<String> {
        let old = self.read(document)?.0;
        let wanted = diff(&old, card);
        let mut changed = document.clone();
        for difference in &wanted {
            let path: Path = difference.path.parse()?;
            let value = document.value(document.root());
            let Some(inside) = self.locate(self.body(&value), &path.steps) else {
                continue;
            };
            let mut steps: Vec<Step> = self
                .within
                .iter()
                .map(|key| Step::Key((*key).into()))
                .collect();
            steps.extend(inside);
            match difference.after.clone() {
                Some(after) => {
                    let after = translate(self.macros.map(|(_, from)| from), after);
                    changed.set(&steps, &after)?;
                }
                None => {
                    changed.unset(&steps);
                }
            }
        }
        // What follows from another field, such as a name inside a persona, may have changed with it.
        let now = self.read(&changed)?.0;
        for difference in &wanted {
            let path: Path = difference.path.parse()?;
            if now.get(&path) != card.get(&path) {
                return Err(no_place(self.name, &difference.path));
            }
        }
        Ok(changed.text().to_owned())
    }

    /// Where a field of a card stands in the object with the fields.
    fn locate(&self, body: &Value, steps: &[Step]) -> Option<Vec<Step>> {
        let begins = |path: &[&str]| {
            steps.len() >= path.len()
                && path
                    .iter()
                    .zip(steps)
                    .all(|(key, step)| matches!(step, Step::Key(step) if step == key))
        };
        if begins(&["extensions", self.key]) {
            return Some(steps[2..].to_vec()).filter(|steps| !steps.is_empty());
        }
        for (names, path) in self.fields {
            if begins(path) {
                let name = source(body, names).unwrap_or(names[0]);
                let mut inside = vec![Step::Key(name.to_owned())];
                inside.extend(steps[path.len()..].iter().cloned());
                return Some(inside);
            }
        }
        (self.place)(body, steps)
    }
}

fn translate(macros: Option<fn(&str) -> String>, value: Value) -> Value {
    match (macros, value) {
        (Some(macros), Value::String(text)) => macros(&text).into(),
        (_, value) => value,
    }
}

/// The refusal of an edit that a format cannot hold.
pub(super) fn no_place(format: &str, path: &str) -> Error {
    Error::new(Kind::Usage, format!("{format} has no place for `{path}`"))
        .hint("make a card of it first: `cardwright convert IN -o OUT.json`")
}

/// The name of the first field that says something, else of the first that is there.
fn source(body: &Value, names: &'static [&'static str]) -> Option<&'static str> {
    names
        .iter()
        .find(|name| {
            body.get(**name)
                .is_some_and(|value| !super::spec::is_empty(value))
        })
        .or_else(|| names.iter().find(|name| body.get(**name).is_some()))
        .copied()
}

/// A value as the field at `path` may hold it; `None` when it says nothing.
fn fitting(path: &[&str], value: &Value) -> Option<Value> {
    let is_list = matches!(
        path.last(),
        Some(&"tags" | &"alternate_greetings" | &"group_only_greetings" | &"source")
    );
    let is_text = path.len() == 1
        && (super::spec::V1_FIELDS.contains(&path[0]) || super::spec::V2_TEXTS.contains(&path[0]));
    Some(match value {
        Value::Null => return None,
        Value::Number(_) | Value::Bool(_) if is_text => value.to_string().into(),
        Value::Array(_) | Value::Object(_) if is_text => return None,
        Value::String(text) if is_list => by_commas(text).collect(),
        Value::Object(_) | Value::Number(_) | Value::Bool(_) if is_list => return None,
        value => value.clone(),
    })
}

/// Puts a value at a path of an object.
fn put(data: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            data.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let inner = data.entry((*key).to_owned()).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// The fields of an empty V2 card.
fn skeleton() -> Map<String, Value> {
    let mut data = Map::new();
    for key in super::spec::V1_FIELDS
        .into_iter()
        .chain(super::spec::V2_TEXTS)
    {
        data.insert(key.to_owned(), json!(""));
    }
    for key in super::spec::V2_LISTS {
        data.insert(key.to_owned(), json!([]));
    }
    data.insert("extensions".into(), json!({}));
    data
}
