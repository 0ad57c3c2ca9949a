//! The way from one version to another: what the new one requires comes in, what it has no place for goes out.

use serde_json::{Map, Value, json};

use super::{
    V1_FIELDS, V2_LISTS, V2_TEXTS, V3_FIELDS, Version, is_empty, shorten, without_decorators,
};
use crate::card::document::Document;
use crate::card::path::{self, Step};
use crate::card::payload::note;
use crate::card::{Card, Path, by_commas, lorebook, scan};
use crate::{Finding, Place, Result, Severity};

impl Card {
    /// The card as `version`, with every field that one requires, and what was added, moved or lost on the way. A card
    /// that already conforms comes back byte for byte.
    ///
    /// Required fields of a wrong type become the right one: a text becomes a list of one, null the empty value. From V3
    /// to V2 the decorators of lorebook entries are stripped, as its specification asks; the warning in the creator's
    /// notes it suggests is not written.
    ///
    /// # Errors
    ///
    /// None today: every card has a form in every version.
    pub fn to_version(&self, version: Version) -> Result<(Self, Vec<Finding>)> {
        let mut change = Change {
            card: self.clone(),
            findings: Vec::new(),
        };
        match (self.version, version) {
            (Version::V1, Version::V2 | Version::V3) => change.wrap(version)?,
            (Version::V2 | Version::V3, Version::V1) => change.flatten(),
            (Version::V3, Version::V2) => change.leave_v3()?,
            _ => {}
        }
        change.complete(version)?;
        Ok((change.card, change.findings))
    }
}

/// A card on its way to another version.
struct Change {
    card: Card,
    findings: Vec<Finding>,
}

impl Change {
    fn say(&mut self, code: &'static str, severity: Severity, path: &str, message: String) {
        let place = Place::Path(path.to_owned());
        self.findings.push(note(code, severity, &place, message));
    }

    /// The place of a field, as findings give it.
    fn place(&self, key: &str) -> String {
        let mut steps = self.card.body();
        steps.push(Step::Key(key.to_owned()));
        path::write(&steps)
    }

    fn path(&self, keys: &[&str]) -> Path {
        let mut path = Path {
            absolute: true,
            steps: self.card.body(),
        };
        path.steps
            .extend(keys.iter().map(|key| Step::Key((*key).to_owned())));
        path
    }

    /// V1 into `data`: its whole text, so that nothing in it is lost.
    fn wrap(&mut self, version: Version) -> Result<()> {
        let (spec, number) = (version.spec(), version.spec_version());
        let old = &self.card.document;
        let inner = &old.text()[old.root().clone()];
        let text = match old.indent() {
            Some(indent) => {
                let inner = inner.replace('\n', &format!("\n{indent}"));
                format!(
                    "{{\n{indent}\"spec\": \"{spec}\",\n{indent}\"spec_version\": \"{number}\",\n{indent}\"data\": {inner}\n}}"
                )
            }
            None => format!(r#"{{"spec":"{spec}","spec_version":"{number}","data":{inner}}}"#),
        };
        let document = Document::parse(text).map_err(|(text, fault)| fault.error(&text))?;
        self.card = Card { document, version };
        self.card.document.unset(&self.path(&["spec"]).steps);
        self.card
            .document
            .unset(&self.path(&["spec_version"]).steps);
        self.shift("creatorcomment", &["creator_notes"])?;
        self.shift("talkativeness", &["extensions", "talkativeness"])?;
        self.shift("fav", &["extensions", "fav"])
    }

    /// Moves a field of V1 to its home in V2, unless something is there already.
    fn shift(&mut self, from: &str, to: &[&str]) -> Result<()> {
        let (from_path, to_path) = (self.path(&[from]), self.path(to));
        let taken = match self.card.get(&to_path) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
        };
        if let Some(value) = self.card.get(&from_path)
            && !taken
            && self.card.document.set(&to_path.steps, &value).is_ok()
        {
            self.card.document.unset(&from_path.steps);
            let (place, home) = (self.place(from), path::write(&to_path.steps));
            self.say(
                "field-moved",
                Severity::Info,
                &place,
                format!("`{from}` is now `{home}`"),
            );
        }
        Ok(())
    }

    /// A flat V1 card of what V1 has a place for.
    fn flatten(&mut self) {
        let old = self.card.clone();
        let mut root = Map::new();
        for key in V1_FIELDS {
            root.insert(key.into(), old.text(key).into_owned().into());
        }
        let mut keep = |key: &str, value: Value| {
            root.insert(key.into(), value);
        };
        if !old.creator_notes().is_empty() {
            keep("creatorcomment", old.creator_notes().into_owned().into());
        }
        if !old.tags().is_empty() {
            keep("tags", old.tags().into());
        }
        for key in ["talkativeness", "fav"] {
            if let Some(value) = old.extension(key) {
                keep(key, value);
            }
        }
        let body = old.get(&self.path(&[]));
        for (key, value) in body.iter().filter_map(Value::as_object).flatten() {
            let kept = V1_FIELDS.contains(&key.as_str())
                || matches!(key.as_str(), "creator_notes" | "tags")
                || is_empty(value);
            if !kept {
                let place = self.place(key);
                self.say(
                    "field-lost",
                    Severity::Warning,
                    &place,
                    format!("V1 has no place for `{key}`"),
                );
            }
        }
        self.card = Card {
            document: Document::of(&Value::Object(root)),
            version: Version::V1,
        };
    }

    /// Takes out what only V3 has.
    fn leave_v3(&mut self) -> Result<()> {
        for key in V3_FIELDS {
            let path = self.path(&[key]);
            let Some(value) = self.card.get(&path) else {
                continue;
            };
            if !is_empty(&value) {
                let severity = match key {
                    "creation_date" | "modification_date" => Severity::Info,
                    _ => Severity::Warning,
                };
                let place = self.place(key);
                self.say(
                    "field-lost",
                    severity,
                    &place,
                    format!("V2 has no place for `{key}`"),
                );
            }
            self.card.document.unset(&path.steps);
        }
        for entry in self.entries() {
            let regex = entry.key("use_regex");
            if self.card.get(&regex) == Some(Value::Bool(true)) {
                self.say(
                    "field-lost",
                    Severity::Warning,
                    &path::write(&regex.steps),
                    "V2 has no regular expressions as keys; they are plain text now".into(),
                );
            }
            self.card.document.unset(&regex.steps);
            let content = entry.key("content");
            if let Some(Value::String(text)) = self.card.get(&content) {
                let stripped = without_decorators(&text);
                if stripped.len() < text.len() {
                    self.card.document.set(&content.steps, &stripped.into())?;
                    self.say(
                        "field-lost",
                        Severity::Warning,
                        &path::write(&content.steps),
                        "V2 has no decorators; they are stripped".into(),
                    );
                }
            }
        }
        Ok(())
    }

    /// The paths of the lorebook's entries.
    fn entries(&self) -> Vec<Path> {
        let entries = self.path(&["character_book", "entries"]);
        match self.card.get(&entries) {
            Some(Value::Array(items)) => (0..items.len()).map(|i| entries.index(i)).collect(),
            _ => Vec::new(),
        }
    }

    /// Everything `version` requires, of the right type.
    fn complete(&mut self, version: Version) -> Result<()> {
        if version > Version::V1 {
            for (key, value) in [
                ("spec", version.spec()),
                ("spec_version", version.spec_version()),
            ] {
                let path = Path::root().key(key);
                let old = self.card.document.string(&path.steps);
                // A later minor version is the same format.
                let fits = old.is_some_and(|old| {
                    old == value || (key == "spec_version" && old.starts_with(&value[..2]))
                });
                if !fits {
                    self.card.document.set(&path.steps, &value.into())?;
                }
            }
            self.card.version = version;
        }
        for key in V1_FIELDS {
            self.require(key, b'"')?;
        }
        if version == Version::V1 {
            return Ok(());
        }
        for key in V2_TEXTS {
            self.require(key, b'"')?;
        }
        for key in V2_LISTS {
            self.require(key, b'[')?;
        }
        self.require("extensions", b'{')?;
        if version == Version::V3 {
            self.require("group_only_greetings", b'[')?;
        }
        self.complete_book(version)
    }

    fn require(&mut self, key: &str, first: u8) -> Result<()> {
        let path = self.path(&[key]);
        let is_there = match self.card.document.find(&path.steps) {
            Some(span) if self.card.document.is(&span, first) => {
                if first != b'[' || self.is_list_of_texts(&span) {
                    return Ok(());
                }
                true
            }
            Some(_) => true,
            None => false,
        };
        // The typed readers know what to make of a wrong type, and of a copy at the root.
        let value = match first {
            b'"' => Value::from(self.card.text(key).into_owned()),
            b'[' if key == "tags" => Value::from(self.card.tags()),
            b'[' => Value::from(self.card.list(key)),
            _ => json!({}),
        };
        let place = self.place(key);
        if is_there {
            self.say(
                "field-type",
                Severity::Warning,
                &place,
                format!("`{key}` had another type; it is {} now", shorten(&value)),
            );
        } else {
            self.say(
                "field-missing",
                Severity::Info,
                &place,
                format!("`{key}` is required and was added as {}", shorten(&value)),
            );
        }
        self.card.document.set(&path.steps, &value)
    }

    fn is_list_of_texts(&self, span: &scan::Span) -> bool {
        let document = &self.card.document;
        scan::items(document.text(), span)
            .iter()
            .all(|item| document.is(item, b'"'))
    }

    fn complete_book(&mut self, version: Version) -> Result<()> {
        let book = self.path(&["character_book"]);
        match self.card.get(&book) {
            None => return Ok(()),
            Some(Value::Object(_)) => {}
            Some(other) => {
                self.card.document.unset(&book.steps);
                if !other.is_null() {
                    self.say(
                        "field-lost",
                        Severity::Warning,
                        &path::write(&book.steps),
                        "the lorebook is no object and was taken out".into(),
                    );
                }
                return Ok(());
            }
        }
        let entries = book.key("entries");
        if let Some(Value::Object(by_number)) = self.card.get(&entries) {
            let list = lorebook::by_number(by_number);
            let list = list.into_iter().map(|(_, entry)| entry).collect();
            self.card
                .document
                .set(&entries.steps, &Value::Array(list))?;
            self.say(
                "book-entries-object",
                Severity::Warning,
                &path::write(&entries.steps),
                "entries were an object and are a list now".into(),
            );
        }
        self.fill(&book, "extensions", Value::is_object, json!({}))?;
        self.fill(&book, "entries", Value::is_array, json!([]))?;
        for entry in self.entries() {
            if !matches!(self.card.get(&entry), Some(Value::Object(_))) {
                continue;
            }
            self.fill(&entry, "keys", Value::is_array, json!([]))?;
            self.fill(&entry, "content", Value::is_string, json!(""))?;
            self.fill(&entry, "extensions", Value::is_object, json!({}))?;
            self.fill(&entry, "enabled", Value::is_boolean, json!(true))?;
            self.fill(&entry, "insertion_order", Value::is_number, json!(100))?;
            if version == Version::V3 {
                self.fill(&entry, "use_regex", Value::is_boolean, json!(false))?;
            }
        }
        Ok(())
    }

    /// Gives a part of the lorebook a field it must have.
    fn fill(
        &mut self,
        parent: &Path,
        key: &str,
        fits: fn(&Value) -> bool,
        default: Value,
    ) -> Result<()> {
        let path = parent.key(key);
        let old = self.card.get(&path);
        if old.as_ref().is_some_and(fits) {
            return Ok(());
        }
        let (code, value) = match (&old, &default) {
            (None, _) => ("field-missing", default),
            (Some(Value::String(text)), Value::Array(_)) => {
                ("field-type", by_commas(text).collect())
            }
            (Some(Value::String(text)), Value::Number(_)) => {
                let number = text.trim().parse::<f64>().ok();
                ("field-type", number.map_or(default, Value::from))
            }
            (Some(Value::Number(number)), Value::Bool(_)) => {
                ("field-type", json!(number.as_f64() != Some(0.0)))
            }
            (Some(Value::String(text)), Value::Bool(_)) => {
                ("field-type", json!(!text.eq_ignore_ascii_case("false")))
            }
            (Some(Value::Number(number)), Value::String(_)) => {
                ("field-type", number.to_string().into())
            }
            (Some(_), _) => ("field-type", default),
        };
        self.card.document.set(&path.steps, &value)?;
        let (severity, message) = if old.is_none() {
            (
                Severity::Info,
                format!("`{key}` is required and was added as {}", shorten(&value)),
            )
        } else {
            (
                Severity::Warning,
                format!("`{key}` had another type; it is {} now", shorten(&value)),
            )
        };
        self.say(code, severity, &path::write(&path.steps), message);
        Ok(())
    }
}
