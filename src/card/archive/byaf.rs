//! BYAF, the archive of Backyard AI: a manifest, one character and its scenarios, each a JSON file, and pictures.
//!
//! It is read as SillyTavern reads it, into a V2 card: persona is the description, the first scenario the scenario and
//! greeting, later ones the other greetings. What V2 has no field for stands in `extensions.backyard`, so that a new
//! archive can be made of the card again. Into the archive it came from a card is written by changing the JSON values
//! that stand for the changed fields; chats and pictures in it are never touched.

mod build;

use std::collections::HashMap;

pub(crate) use build::build;

use serde_json::{Map, Value, json};

use super::backyard::{book, from_macros, lore, to_macros};
use super::zip::{self, Archive};
use super::{Sort, entry_findings, sort, text};
use crate::card::document::Document;
use crate::card::payload::{self, note};
use crate::card::{Card, Container, Path, Reading};
use crate::{Error, Finding, Kind, Place, Result, Severity};

const MANIFEST: &str = "manifest.json";
/// Where V2 keeps what only Backyard knows.
const EXTENSION: &str = "backyard";
/// A field and the value it has when nobody chose one.
type Setting = (&'static str, fn() -> Value);
/// What a scenario must have and a card has no field for, with the values of the program.
const SETTINGS: [Setting; 11] = [
    ("minP", || json!(0.1)),
    ("minPEnabled", || json!(true)),
    ("temperature", || json!(1.2)),
    ("repeatPenalty", || json!(1.05)),
    ("repeatLastN", || json!(256)),
    ("topK", || json!(40)),
    ("topP", || json!(0.9)),
    ("canDeleteExampleMessages", || json!(true)),
    ("promptTemplate", || json!("general")),
    ("grammar", || Value::Null),
    ("messages", || json!([])),
];

/// Whether bytes are such an archive.
pub(crate) fn sniff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && sort(bytes) == Some(Sort::Byaf)
}

/// A JSON file of the archive.
struct File {
    path: String,
    document: Document,
    stored: Vec<u8>,
}

/// The files of an archive that make a card.
struct Parts {
    manifest: File,
    character: File,
    scenarios: Vec<File>,
    findings: Vec<Finding>,
}

impl Parts {
    fn read(archive: &Archive<'_>) -> Result<Self> {
        let mut findings = entry_findings(archive);
        let manifest = file(archive, MANIFEST, &mut findings)?;
        let paths = |key: &str| -> Vec<String> {
            match manifest.document.get(&steps(key)) {
                Some(Value::Array(items)) => items
                    .iter()
                    .filter_map(|item| item.as_str().map(str::to_owned))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let (characters, scenarios) = (paths("characters"), paths("scenarios"));
        let first = characters.first().ok_or_else(|| {
            Error::new(Kind::Card, "the manifest names no character").at(MANIFEST)
        })?;
        if characters.len() > 1 {
            findings.push(note(
                "byaf-characters",
                Severity::Warning,
                &Place::Whole,
                format!(
                    "the archive has {} characters; only the first is read",
                    characters.len()
                ),
            ));
        }
        let character = file(archive, first, &mut findings)?;
        let mut read = Vec::new();
        for path in scenarios {
            match file(archive, &path, &mut findings) {
                Ok(scenario) => read.push(scenario),
                Err(error) => findings.push(note(
                    "byaf-scenario",
                    Severity::Warning,
                    &Place::Whole,
                    format!("a scenario is left out: {error}"),
                )),
            }
        }
        let chats: usize = read
            .iter()
            .filter_map(|scenario| {
                Some(scenario.document.get(&steps("messages"))?.as_array()?.len())
            })
            .sum();
        if chats > 0 {
            findings.push(note(
                "byaf-messages",
                Severity::Info,
                &Place::Whole,
                format!(
                    "{chats} messages of chats stand in the archive; they are no part of the card"
                ),
            ));
        }
        Ok(Self {
            manifest,
            character,
            scenarios: read,
            findings,
        })
    }

    fn string(file: Option<&File>, path: &str) -> String {
        let found = file.and_then(|file| file.document.string(&steps(path)));
        found.map(|text| to_macros(&text)).unwrap_or_default()
    }

    /// The V2 card these files stand for.
    fn card(&self) -> Result<Card> {
        let character = Some(&self.character);
        let first = self.scenarios.first();
        let named = |key: &str| {
            self.character
                .document
                .string(&steps(key))
                .map(std::borrow::Cow::into_owned)
        };
        let display = named("displayName").filter(|name| !name.is_empty());
        let name = named("name")
            .filter(|name| !name.is_empty())
            .or(display.clone());
        let author = |key: &str| {
            let path = format!("author.{key}");
            self.manifest
                .document
                .string(&steps(&path))
                .map(std::borrow::Cow::into_owned)
                .unwrap_or_default()
        };
        let is_nsfw = self.character.document.get(&steps("isNSFW")) == Some(Value::Bool(true));
        let greeting = Self::string(first, "firstMessages[0].text");
        let mut others: Vec<String> = Vec::new();
        for scenario in self.scenarios.iter().skip(1) {
            let text = Self::string(Some(scenario), "firstMessages[0].text");
            if !text.is_empty() && text != greeting && !others.contains(&text) {
                others.push(text);
            }
        }
        let mut extensions = Map::new();
        if let Some(display) = display {
            extensions.insert("display_name".into(), display.into());
        }
        let mut settings = Map::new();
        for (key, _) in SETTINGS.iter().filter(|(key, _)| *key != "messages") {
            if let Some(value) = first.and_then(|scenario| scenario.document.get(&steps(key))) {
                settings.insert((*key).to_owned(), value);
            }
        }
        for key in ["title", "model"] {
            if let Some(value) = first.and_then(|scenario| scenario.document.get(&steps(key))) {
                settings.insert(key.into(), value);
            }
        }
        let mut own = Map::new();
        for key in ["id", "createdAt", "updatedAt"] {
            if let Some(value) = self.character.document.get(&steps(key)) {
                own.insert(key.into(), value);
            }
        }
        if !settings.is_empty() {
            own.insert("scenario".into(), Value::Object(settings));
        }
        if !own.is_empty() {
            extensions.insert(EXTENSION.into(), Value::Object(own));
        }
        let mut data = json!({
            "name": name.unwrap_or_default(),
            "description": Self::string(character, "persona"),
            "personality": "",
            "scenario": Self::string(first, "narrative"),
            "first_mes": greeting,
            "mes_example": self.examples(),
            "creator_notes": author("backyardURL"),
            "system_prompt": Self::string(first, "formattingInstructions"),
            "post_history_instructions": "",
            "alternate_greetings": others,
            "tags": if is_nsfw { vec!["nsfw"] } else { Vec::new() },
            "creator": author("name"),
            "character_version": "",
            "extensions": extensions,
        });
        if let Some(Value::Array(items)) = self.character.document.get(&steps("loreItems"))
            && !items.is_empty()
        {
            data["character_book"] = book(&items);
        }
        let card = json!({ "spec": "chara_card_v2", "spec_version": "2.0", "data": data });
        Card::of(Document::of(&card))
            .ok_or_else(|| Error::new(Kind::Card, "the archive holds no character"))
    }

    fn examples(&self) -> String {
        let first = self.scenarios.first();
        let Some(Value::Array(items)) =
            first.and_then(|s| s.document.get(&steps("exampleMessages")))
        else {
            return String::new();
        };
        let texts = items
            .iter()
            .filter_map(|item| item.get("text")?.as_str())
            .filter(|text| !text.is_empty());
        let examples: Vec<_> = texts
            .map(|text| format!("<START>\n{}", to_macros(text)))
            .collect();
        examples.join("\n").trim_end().to_owned()
    }

    /// Changes the files so that they stand for `new` instead of `old`, as far as they can.
    fn change(&mut self, old: &Card, new: &Card) -> Result<()> {
        let differs = |key: &str| old.text(key) != new.text(key);
        let set = |file: &mut File, path: &str, text: &str| {
            file.document.set(&steps(path), &from_macros(text).into())
        };
        if differs("name") {
            let key = match self.character.document.string(&steps("name")) {
                Some(name) if !name.is_empty() => "name",
                _ => "displayName",
            };
            self.character
                .document
                .set(&steps(key), &new.name().into())?;
        }
        if differs("description") {
            set(&mut self.character, "persona", &new.description())?;
        }
        if let Some(Value::String(display)) = new.extension("display_name")
            && new.extension("display_name") != old.extension("display_name")
        {
            self.character
                .document
                .set(&steps("displayName"), &display.into())?;
        }
        if old.tags() != new.tags() {
            let is_nsfw = new
                .tags()
                .iter()
                .any(|tag| tag.eq_ignore_ascii_case("nsfw"));
            self.character
                .document
                .set(&steps("isNSFW"), &is_nsfw.into())?;
        }
        for (key, path) in [
            ("creator", "author.name"),
            ("creator_notes", "author.backyardURL"),
        ] {
            if differs(key) {
                self.manifest
                    .document
                    .set(&steps(path), &new.text(key).into())?;
            }
        }
        if let Some(first) = self.scenarios.first_mut() {
            if differs("scenario") {
                set(first, "narrative", &new.scenario())?;
            }
            if differs("system_prompt") {
                set(first, "formattingInstructions", &new.system_prompt())?;
            }
            if differs("first_mes") {
                set_greeting(first, &new.first_message())?;
            }
            if differs("mes_example") {
                first.document.set(
                    &steps("exampleMessages"),
                    &examples(&new.example_messages()),
                )?;
            }
            let settings = |card: &Card| {
                card.extension(EXTENSION)
                    .and_then(|own| own.get("scenario").cloned())
            };
            if let (Some(Value::Object(new)), old) = (settings(new), settings(old)) {
                for (key, value) in &new {
                    if old.as_ref().and_then(|old| old.get(key)) != Some(value) {
                        first.document.set(&steps(key), value)?;
                    }
                }
            }
        }
        let (before, after) = (old.alternate_greetings(), new.alternate_greetings());
        if before.len() == after.len() {
            for (old, new) in before.iter().zip(&after).filter(|(old, new)| old != new) {
                for scenario in self.scenarios.iter_mut().skip(1) {
                    if Self::string(Some(scenario), "firstMessages[0].text") == *old {
                        set_greeting(scenario, new)?;
                    }
                }
            }
        }
        if old.lorebook() != new.lorebook() {
            let kept = match self.character.document.get(&steps("loreItems")) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            let items = lore(&new.lorebook().unwrap_or_default(), &kept);
            self.character.document.set(&steps("loreItems"), &items)?;
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = &File> {
        [&self.manifest, &self.character]
            .into_iter()
            .chain(&self.scenarios)
    }
}

fn steps(path: &str) -> Vec<crate::card::Step> {
    // Every path here is one of this file's own.
    path.parse::<Path>()
        .map(|path| path.steps)
        .unwrap_or_default()
}

fn file(archive: &Archive<'_>, path: &str, findings: &mut Vec<Finding>) -> Result<File> {
    let entry = archive
        .find(path)
        .filter(|entry| !entry.is_link)
        .ok_or_else(|| {
            Error::new(
                Kind::Card,
                format!("the archive has no `{path}`, which it should"),
            )
        })?;
    let stored = text(archive, entry, findings)?.bytes;
    let document = payload::document(&stored, findings).map_err(|error| error.at(path))?;
    Ok(File {
        path: path.to_owned(),
        document,
        stored,
    })
}

fn set_greeting(scenario: &mut File, text: &str) -> Result<()> {
    let message = steps("firstMessages[0].text");
    if text.is_empty() {
        return scenario.document.set(&steps("firstMessages"), &json!([]));
    }
    if scenario.document.find(&message).is_some() {
        return scenario.document.set(&message, &from_macros(text).into());
    }
    scenario
        .document
        .set(&steps("firstMessages"), &greeting(text))
}

/// A greeting as a list of at most one message.
fn greeting(text: &str) -> Value {
    if text.is_empty() {
        return json!([]);
    }
    json!([{ "characterID": SPEAKER, "text": from_macros(text) }])
}

/// The one character of an archive.
const SPEAKER: &str = "1";

/// Example dialogues as messages, one for each `<START>`.
fn examples(text: &str) -> Value {
    let mut parts = Vec::new();
    let lower = text.to_ascii_lowercase();
    let mut at = 0;
    while let Some(found) = lower[at..].find("<start>") {
        parts.push(&text[at..at + found]);
        at += found + "<start>".len();
    }
    parts.push(&text[at..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| json!({ "characterID": SPEAKER, "text": from_macros(part) }))
        .collect()
}

/// The card in an archive.
pub(crate) fn read(bytes: &[u8], container: &'static Container) -> Result<Reading> {
    let archive = Archive::open(bytes)?;
    let parts = Parts::read(&archive)?;
    let card = parts.card()?;
    let mut findings = parts.findings;
    findings.extend(crate::card::tolerant::findings(&card));
    Ok(Reading {
        card,
        container,
        findings,
        payload: parts.character.stored,
    })
}

/// The archive with what stands for the card's fields changed; with no archive a new one without pictures.
pub(crate) fn write(card: &Card, source: Option<&[u8]>) -> Result<Vec<u8>> {
    let Some(source) = source else {
        return Ok(build(card, &[]));
    };
    let archive = Archive::open(source)?;
    let mut parts = Parts::read(&archive)?;
    let old = parts.card()?;
    if old == *card {
        return Ok(source.to_vec());
    }
    parts.change(&old, card)?;
    let now = parts.card()?;
    if let Some(difference) = crate::card::diff(card, &now).first() {
        return Err(crate::card::no_place("BYAF", &difference.path));
    }
    let changes: HashMap<String, Option<Vec<u8>>> = parts
        .files()
        .filter(|file| file.document.text().as_bytes() != file.stored)
        .map(|file| {
            (
                file.path.clone(),
                Some(file.document.text().as_bytes().to_vec()),
            )
        })
        .collect();
    Ok(archive.rewrite(&changes))
}

/// The archive without the messages of chats.
pub(super) fn without_chats(archive: &Archive<'_>) -> Result<Vec<u8>> {
    let mut parts = Parts::read(archive)?;
    let mut changes = HashMap::new();
    for scenario in &mut parts.scenarios {
        let messages = scenario.document.get(&steps("messages"));
        if messages
            .and_then(|messages| Some(messages.as_array()?.len()))
            .unwrap_or(0)
            > 0
        {
            scenario.document.set(&steps("messages"), &json!([]))?;
            changes.insert(
                scenario.path.clone(),
                Some(scenario.document.text().as_bytes().to_vec()),
            );
        }
    }
    Ok(archive.rewrite(&changes))
}

/// The first picture of the character.
pub(crate) fn picture(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let archive = Archive::open(bytes)?;
    let parts = Parts::read(&archive)?;
    let folder = parts
        .character
        .path
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let Some(Value::Array(images)) = parts.character.document.get(&steps("images")) else {
        return Ok(None);
    };
    for image in images
        .iter()
        .filter_map(|image| image.get("path")?.as_str())
    {
        let path = format!("{folder}/{image}");
        if let Some(entry) = archive.find(path.trim_start_matches('/')) {
            return archive
                .read(entry, zip::MAX_ENTRY)
                .map(|content| Some(content.bytes));
        }
    }
    Ok(None)
}

/// The files of an archive that are no part of the card's text.
pub(crate) fn files(bytes: &[u8]) -> Result<Vec<crate::card::asset::Stored>> {
    let archive = Archive::open(bytes)?;
    let parts = Parts::read(&archive)?;
    let own: Vec<&str> = parts.files().map(|file| file.path.as_str()).collect();
    super::files(&archive, &own)
}
