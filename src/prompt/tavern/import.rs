//! Presets of any age from JSON, and the format file they become.

use serde_json::{Map, Value, json};

use super::{Context, Instruct, Names, Raw, Tavern};
use crate::prompt::Voice;
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// The story string for an instruct preset that comes without a context: SillyTavern's default order.
const DEFAULT_STORY: &str = "{{#if anchorBefore}}{{anchorBefore}}\n{{/if}}{{#if system}}{{system}}\n{{/if}}{{#if wiBefore}}{{wiBefore}}\n{{/if}}{{#if description}}{{description}}\n{{/if}}{{#if personality}}{{personality}}\n{{/if}}{{#if scenario}}{{scenario}}\n{{/if}}{{#if wiAfter}}{{wiAfter}}\n{{/if}}{{#if persona}}{{persona}}\n{{/if}}{{#if anchorAfter}}{{anchorAfter}}\n{{/if}}{{trim}}";

/// Fields that a preset has for SillyTavern's settings page and no prompt.
const OF_SETTINGS: [&str; 5] = ["name", "enabled", "preset", "bind_to_context", "derived"];

impl Raw {
    /// Sorts the presets in JSON texts by what they hold; a master export holds several.
    pub(in crate::prompt) fn of(values: Vec<Value>) -> Result<(Self, Vec<String>)> {
        let mut raw = Self::default();
        let mut names = Vec::new();
        for value in values {
            let Value::Object(preset) = value else {
                return Err(Error::new(Kind::Format, "is no preset: not a JSON object"));
            };
            raw.add(preset, &mut names)?;
        }
        Ok((raw, names))
    }

    fn add(&mut self, preset: Map<String, Value>, names: &mut Vec<String>) -> Result<()> {
        let parts = ["instruct", "context", "sysprompt", "preset"];
        if parts
            .iter()
            .any(|part| preset.get(*part).is_some_and(Value::is_object))
        {
            for part in parts {
                if let Some(Value::Object(inner)) = preset.get(part) {
                    self.add(inner.clone(), names)?;
                }
            }
            return Ok(());
        }
        let has = |key: &str| preset.contains_key(key);
        let slot = if has("story_string") {
            &mut self.context
        } else if has("input_sequence") || has("output_sequence") || has("system_sequence") {
            &mut self.instruct
        } else if has("content") {
            &mut self.sysprompt
        } else if has("temp") || has("rep_pen") || has("top_p") {
            &mut self.sampler
        } else {
            let keys: Vec<&str> = preset.keys().take(5).map(String::as_str).collect();
            let message = format!(
                "is no context, instruct, sysprompt or sampler preset: it has `{}`",
                keys.join("`, `")
            );
            return Err(Error::new(Kind::Format, message));
        };
        if let Some(name) = preset.get("name").and_then(Value::as_str) {
            names.push(name.to_owned());
        }
        if !slot.is_empty() {
            return Err(Error::new(
                Kind::Usage,
                "two presets of the same kind: give one context and one instruct preset",
            ));
        }
        *slot = preset;
        Ok(())
    }

    /// Brings fields of older versions to where they are now, and says what was done.
    pub(in crate::prompt) fn migrate(&mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut say = |path: &str, severity: Severity, message: String| {
            findings.push(Finding {
                code: "preset-field",
                severity,
                place: Place::Path(path.to_owned()),
                message,
                fix: None,
            });
        };
        let set = &mut self.instruct;
        for key in OF_SETTINGS {
            set.shift_remove(key);
            self.context.shift_remove(key);
            self.sysprompt.shift_remove(key);
            self.sampler.shift_remove(key);
        }
        if let Some(separator) = set.shift_remove("separator_sequence") {
            set.insert("output_suffix".into(), separator);
            say(
                "instruct.separator_sequence",
                Severity::Info,
                "`separator_sequence` is now `output_suffix`".into(),
            );
        }
        if let Some(names) = set.shift_remove("names") {
            let forced = set.shift_remove("names_force_groups");
            let behaviour = if names == json!(true) {
                "always"
            } else if forced == Some(json!(true)) {
                "force"
            } else {
                "none"
            };
            set.insert("names_behavior".into(), behaviour.into());
            let message = format!("`names` is now `names_behavior: \"{behaviour}\"`");
            say("instruct.names", Severity::Info, message);
        }
        if let Some(Value::String(prompt)) = set.shift_remove("system_prompt")
            && !self.sysprompt.contains_key("content")
        {
            self.sysprompt.insert("content".into(), prompt.into());
            say(
                "instruct.system_prompt",
                Severity::Info,
                "`system_prompt` is now the system prompt's `content`".into(),
            );
        }
        for key in ["system_sequence_prefix", "system_sequence_suffix"] {
            match set.get(key).and_then(Value::as_str) {
                Some("") => drop(set.shift_remove(key)),
                Some(_) => say(
                    &format!("instruct.{key}"),
                    Severity::Warning,
                    format!(
                        "`{key}` wraps the system prompt, as SillyTavern 1.12 did; later versions ignore it"
                    ),
                ),
                None => {}
            }
        }
        if self.context.is_empty() {
            self.context
                .insert("story_string".into(), DEFAULT_STORY.into());
            say(
                "context",
                Severity::Info,
                "there is no context preset: the fields stand in SillyTavern's default order"
                    .into(),
            );
        }
        if self.instruct.is_empty() {
            say(
                "instruct",
                Severity::Warning,
                "there is no instruct preset: turns have names and no marks".into(),
            );
            self.instruct
                .insert("names_behavior".into(), "always".into());
            self.instruct.insert("wrap".into(), true.into());
        }
        findings
    }
}

impl Tavern {
    /// The presets, in the form that [`Raw::migrate`] leaves.
    pub(in crate::prompt) fn of(raw: Raw) -> Result<Self> {
        let (set, context) = (Fields(&raw.instruct), Fields(&raw.context));
        let instruct = Instruct {
            wrap: set.flag("wrap"),
            macros: set.flag("macro"),
            names: match set.0.get("names_behavior").and_then(Value::as_str) {
                Some("none") => Names::Never,
                Some("always") => Names::Always,
                _ => Names::Force,
            },
            skip_examples: set.flag("skip_examples"),
            system_same_as_user: set.flag("system_same_as_user"),
            sequences_as_stop_strings: set.0.get("sequences_as_stop_strings")
                != Some(&json!(false)),
            input_sequence: set.text("input_sequence"),
            input_suffix: set.text("input_suffix"),
            first_input_sequence: set.text("first_input_sequence"),
            last_input_sequence: set.text("last_input_sequence"),
            output_sequence: set.text("output_sequence"),
            output_suffix: set.text("output_suffix"),
            first_output_sequence: set.text("first_output_sequence"),
            last_output_sequence: set.text("last_output_sequence"),
            system_sequence: set.text("system_sequence"),
            system_suffix: set.text("system_suffix"),
            last_system_sequence: set.text("last_system_sequence"),
            stop_sequence: set.text("stop_sequence"),
            story_string_prefix: set.text("story_string_prefix"),
            story_string_suffix: set.text("story_string_suffix"),
            user_alignment_message: set.text("user_alignment_message"),
            system_sequence_prefix: set.text("system_sequence_prefix"),
            system_sequence_suffix: set.text("system_sequence_suffix"),
        };
        let voice = match context.number("story_string_role") {
            Some(1) => Voice::User,
            Some(2) => Voice::Char,
            _ => Voice::System,
        };
        let depth = context.number("story_string_depth").unwrap_or(1);
        let in_chat = context.number("story_string_position") == Some(1);
        let context = Context {
            story_string: context.text("story_string"),
            example_separator: context.text("example_separator"),
            chat_start: context.text("chat_start"),
            use_stop_strings: context.flag("use_stop_strings"),
            names_as_stop_strings: context.0.get("names_as_stop_strings") != Some(&json!(false)),
            single_line: context.flag("single_line"),
            in_chat: in_chat.then_some((depth, voice)),
        };
        super::story::check(&context.story_string)?;
        Ok(Self {
            instruct,
            context,
            content: Fields(&raw.sysprompt).text("content"),
            post_history: Fields(&raw.sysprompt).text("post_history"),
            raw,
        })
    }
}

/// The fields of a preset.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn text(&self, key: &str) -> String {
        let text = self.0.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key) == Some(&json!(true))
    }

    fn number(&self, key: &str) -> Option<usize> {
        let number = self.0.get(key)?.as_u64()?;
        usize::try_from(number).ok()
    }
}
