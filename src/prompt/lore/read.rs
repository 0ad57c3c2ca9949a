//! Entries from the books that hold them: a card's lorebook, SillyTavern's world info files.

use serde_json::{Map, Value};

use super::{Also, Decorators, Filter, Logic, Lore, Position, decorators};
use crate::card::{Entry, Lorebook, Position as CardPosition, Step};
use crate::prompt::Voice;
use crate::{Error, Kind, Result};

/// Where SillyTavern inserts among the messages when an entry does not say.
const DEFAULT_DEPTH: usize = 4;
/// How often an entry wins in its group when it does not say.
const DEFAULT_WEIGHT: f64 = 100.0;

impl Lore {
    /// The entries of a card's lorebook; `name` is used where the book has none.
    #[must_use]
    pub fn of_book(book: &Lorebook, name: &str) -> Vec<Self> {
        let world = if book.name.is_empty() {
            name
        } else {
            &book.name
        };
        let whole = |number: f64| number.max(0.0) as usize;
        book.entries
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                let mut lore = Self::of_entry(entry, world, at);
                lore.is_of_card = true;
                lore.scan_depth = lore.scan_depth.or(book.scan_depth.map(whole));
                lore.book_budget = book.token_budget.filter(|n| *n > 0.0).map(whole);
                // A book that says no to recursion neither brings in nor is brought in by other entries.
                if book.recursive_scanning == Some(false) {
                    lore.exclude_recursion = true;
                    lore.prevent_recursion = true;
                }
                lore
            })
            .collect()
    }

    /// The entries of a lorebook file: a V2 or V3 lorebook, or SillyTavern's world info.
    ///
    /// # Errors
    ///
    /// [`Kind::Card`] when the text is no JSON or holds no entries.
    pub fn from_json(text: &str, name: &str) -> Result<Vec<Self>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Error::new(Kind::Card, format!("is no JSON: {e}")).source(e))?;
        let book = match value.get("spec").and_then(Value::as_str) {
            Some("lorebook_v3") => value.get("data").unwrap_or(&value),
            _ => &value,
        };
        let none = || {
            Error::new(Kind::Card, "is no lorebook: there are no `entries`")
                .hint("a lorebook is the V2 or V3 `character_book` of a card, or a world info file of SillyTavern")
        };
        let entries = book.get("entries").ok_or_else(none)?;
        let first = match entries {
            Value::Array(entries) => entries.first(),
            Value::Object(entries) => entries.values().next(),
            _ => return Err(none()),
        };
        let is_world_info =
            first.is_some_and(|entry| entry.get("keys").is_none() && entry.get("key").is_some());
        if !is_world_info {
            let book = Lorebook::from_value(book).ok_or_else(none)?;
            let mut lore = Self::of_book(&book, name);
            for one in &mut lore {
                one.is_of_card = false;
            }
            return Ok(lore);
        }
        let mut lore = Vec::new();
        let mut add = |id: &str, entry: &Value| {
            if let Value::Object(entry) = entry {
                lore.push(Self::of_world_info(entry, name, id));
            }
        };
        match entries {
            Value::Array(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    add(&at.to_string(), entry);
                }
            }
            Value::Object(entries) => {
                for (id, entry) in entries {
                    add(id, entry);
                }
            }
            _ => {}
        }
        Ok(lore)
    }

    fn of_entry(entry: &Entry, world: &str, at: usize) -> Self {
        let id = match &entry.place {
            Step::Key(key) => key.clone(),
            Step::Index(_) => at.to_string(),
        };
        let simple = match entry.position {
            Some(CardPosition::BeforeChar) => Position::Before,
            Some(CardPosition::AfterChar) | None => Position::After,
        };
        let more = Fields(&entry.extensions);
        let mut lore = more.lore(format!("{world}.{id}"), simple);
        lore.title.clone_from(&entry.title);
        lore.enabled = entry.enabled;
        lore.keys.clone_from(&entry.keys);
        // SillyTavern says of every entry that it exports that its keys are regular expressions, since each may be one in
        // slashes, and reads none that way. An entry with its fields is meant as it has it.
        let use_regex = entry.use_regex && more.get("selective_logic").is_none();
        if entry.selective && !use_regex {
            lore.secondary.clone_from(&entry.secondary_keys);
        }
        lore.use_regex = use_regex;
        lore.case_sensitive = more.flag("case_sensitive").or(entry.case_sensitive);
        lore.content.clone_from(&entry.content);
        // The V3 specification has it so; SillyTavern knows no `use_regex`.
        lore.constant = entry.constant && !use_regex;
        lore.order = entry.insertion_order;
        lore.priority = entry.priority;
        lore.finish()
    }

    /// An entry of a world info file.
    fn of_world_info(entry: &Map<String, Value>, world: &str, id: &str) -> Self {
        let fields = Fields(entry);
        let uid = entry.get("uid").and_then(Value::as_u64);
        let id = uid.map_or_else(|| id.to_owned(), |uid| uid.to_string());
        let mut lore = fields.lore(format!("{world}.{id}"), Position::Before);
        lore.title = fields.text("comment");
        lore.enabled = fields.flag("disable") != Some(true);
        lore.keys = fields.list("key");
        if fields.flag("selective") != Some(false) {
            lore.secondary = fields.list("keysecondary");
        }
        lore.case_sensitive = fields.flag("case_sensitive");
        lore.content = fields.text("content");
        lore.constant = fields.flag("constant") == Some(true);
        lore.order = fields.number("order").unwrap_or(100.0);
        lore.finish()
    }

    fn finish(mut self) -> Self {
        if self.title.is_empty() {
            self.title = self
                .keys
                .first()
                .cloned()
                .unwrap_or_else(|| self.id.clone());
        }
        decorators::apply(&mut self);
        self
    }
}

/// The fields that SillyTavern adds: in a world info entry itself, with capitals inside; in a card's entry among its
/// extensions, with underscores.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    /// The value of a field by its name with underscores, or with capitals instead.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let mut camel = String::new();
            for (at, word) in name.split('_').enumerate() {
                let (first, rest) = word.split_at(usize::from(at > 0 && !word.is_empty()));
                camel.push_str(&first.to_ascii_uppercase());
                camel.push_str(rest);
            }
            self.0.get(&camel)
        })
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            value => value.as_f64(),
        }
    }

    fn whole(&self, name: &str) -> Option<usize> {
        self.number(name).map(|number| number.max(0.0) as usize)
    }

    fn text(&self, name: &str) -> String {
        let text = self.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            Some(Value::String(items)) => items
                .split(',')
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// An entry with what these fields say; `position` is used where they say nothing.
    fn lore(&self, id: String, position: Position) -> Lore {
        let voice = match self.number("role") {
            Some(1.0) => Voice::User,
            Some(2.0) => Voice::Char,
            _ => Voice::System,
        };
        let position = match self.number("position").map(|n| n as i64) {
            Some(0) => Position::Before,
            Some(1) => Position::After,
            Some(2) => Position::NoteTop,
            Some(3) => Position::NoteBottom,
            Some(4) => Position::Depth(self.whole("depth").unwrap_or(DEFAULT_DEPTH), voice),
            Some(5) => Position::ExamplesTop,
            Some(6) => Position::ExamplesBottom,
            Some(7) => Position::Outlet(self.text("outlet_name")),
            _ => position,
        };
        let uses_chance = self.flag("useProbability") != Some(false);
        Lore {
            id,
            title: String::new(),
            enabled: true,
            keys: Vec::new(),
            secondary: Vec::new(),
            logic: match self.number("selective_logic").map(|n| n as i64) {
                Some(1) => Logic::NotAll,
                Some(2) => Logic::NotAny,
                Some(3) => Logic::AndAll,
                _ => Logic::AndAny,
            },
            use_regex: false,
            case_sensitive: None,
            whole_words: self.flag("match_whole_words"),
            scan_depth: self.whole("scan_depth"),
            content: String::new(),
            constant: false,
            order: 100.0,
            priority: None,
            position,
            probability: self
                .number("probability")
                .filter(|_| uses_chance)
                .unwrap_or(100.0),
            exclude_recursion: self.flag("exclude_recursion") == Some(true),
            prevent_recursion: self.flag("prevent_recursion") == Some(true),
            delay_until_recursion: match self.get("delay_until_recursion") {
                Some(Value::Bool(true)) => 1,
                Some(Value::Number(level)) => level.as_u64().unwrap_or(0).min(1000) as u32,
                _ => 0,
            },
            sticky: self.whole("sticky").unwrap_or(0),
            cooldown: self.whole("cooldown").unwrap_or(0),
            delay: self.whole("delay").unwrap_or(0),
            groups: self.list("group"),
            group_override: self.flag("group_override") == Some(true),
            group_weight: self.number("group_weight").unwrap_or(DEFAULT_WEIGHT),
            group_scoring: self.flag("use_group_scoring"),
            ignore_budget: self.flag("ignore_budget") == Some(true),
            also: Also {
                persona: self.flag("match_persona_description") == Some(true),
                description: self.flag("match_character_description") == Some(true),
                personality: self.flag("match_character_personality") == Some(true),
                depth_prompt: self.flag("match_character_depth_prompt") == Some(true),
                scenario: self.flag("match_scenario") == Some(true),
                creator_notes: self.flag("match_creator_notes") == Some(true),
            },
            decorators: Decorators::default(),
            book_budget: None,
            filter: self.filter(),
            triggers: self
                .list("triggers")
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
            vectorized: self.flag("vectorized") == Some(true),
            is_of_card: false,
        }
    }

    fn filter(&self) -> Filter {
        let Some(Value::Object(filter)) = self.get("character_filter") else {
            return Filter::default();
        };
        let filter = Fields(filter);
        Filter {
            names: filter.list("names"),
            tags: filter.list("tags"),
            is_exclude: filter.flag("is_exclude") == Some(true),
        }
    }
}
