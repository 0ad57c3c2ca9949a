//! SillyTavern presets that make it write a format's exact bytes.
//!
//! SillyTavern builds a prompt from three files: the context (how the card's fields are laid out), the instruct sequences
//! (how turns are marked) and the system prompt. All three follow from the format, so a new format file is a new set of
//! presets.

use serde_json::{Map, Value, json};

use super::format::{Body, Field, Format};
use super::pattern::{Hole, Part, Pattern};
use super::tavern::Tavern;
use crate::sampling::{Range, SAMPLERS, Settings};
use crate::{Error, Kind, Result};

/// The presets of a format, each the content of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Presets {
    /// The name that all of them have.
    pub name: String,
    /// How the card's fields are laid out.
    pub context: Value,
    /// How turns are marked.
    pub instruct: Value,
    /// The instruction.
    pub sysprompt: Value,
    /// The sampler settings that the format's makers recommend, else neutral ones.
    pub sampler: Value,
    /// What has to be so in SillyTavern for the bytes to be exact.
    pub conditions: Vec<String>,
}

impl Presets {
    /// All in one, for SillyTavern's master import.
    #[must_use]
    pub fn master(&self) -> Value {
        // A sampler file is named by its file; in here SillyTavern wants the name inside, or fails to save it.
        let mut sampler = self.sampler.clone();
        sampler["name"] = self.instruct["name"].clone();
        json!({
            "instruct": self.instruct,
            "context": self.context,
            "sysprompt": self.sysprompt,
            "preset": sampler,
        })
    }
}

impl Format {
    /// The presets that make SillyTavern 1.13 to 1.19 write this format, with replies of `length` (the format's default
    /// when `None`).
    ///
    /// ```
    /// let presets = cardwright::prompt::Format::named("limarp-v1")?.presets(None)?;
    /// assert_eq!(presets.instruct["output_sequence"], "\n<<AIBOT>>");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when SillyTavern's sequences cannot express the format, or `length` is no word of it.
    pub fn presets(&self, length: Option<&str>) -> Result<Presets> {
        let refusal = |why: &str| {
            Error::new(
                Kind::Format,
                format!("SillyTavern cannot write format `{}`: {why}", self.name),
            )
        };
        match &self.body {
            Body::Template => {}
            Body::Tavern(tavern) => return Ok(self.own_presets(tavern)),
            Body::Chat(_) => return Err(refusal("it is a chat template, a program of its own")),
        }
        if self.layout.flipped || self.loses_field(Field::Open) {
            return Err(refusal("its system text does not come before an open turn"));
        }
        if self.user.first.is_some() || self.char.first.is_some() {
            return Err(refusal("its first turn has other marks than the rest"));
        }
        let length = length.or(self.default_length());
        if let Some(word) = length {
            self.check_length(word)?;
        }
        let name = format!("cardwright {}", self.name);
        let mut conditions = vec![
            "the system prompt is switched on and not empty".to_owned(),
            "\"Collapse consecutive newlines\" and \"Trim incomplete sentences\" are off".to_owned(),
            "example messages are off: the format has no place for them".to_owned(),
            "SillyTavern 1.12 and older has no story string prefix: put it at the head of the story string yourself".to_owned(),
        ];
        if self
            .layout
            .lines
            .iter()
            .any(|line| line.has(Hole::CharPersona))
        {
            conditions
                .push("the card's description and the persona are one paragraph each".to_owned());
        }
        match self.settings() {
            Some(settings) if settings.tail_free < 1.0 => conditions.push(
                "the sampler has tail-free sampling, which llama.cpp's own server lacks: there the value does nothing"
                    .to_owned(),
            ),
            Some(_) => {}
            None => conditions.push(
                "the sampler values are neutral: the makers of the format recommend none".to_owned(),
            ),
        }
        Ok(Presets {
            context: self.context_preset(&name),
            instruct: self.instruct_preset(&name, length),
            sysprompt: json!({ "name": name, "content": self.sysprompt(length), "post_history": "" }),
            sampler: sampler(self.settings()),
            name,
            conditions,
        })
    }

    /// The presets that the format was imported from.
    fn own_presets(&self, tavern: &Tavern) -> Presets {
        let named = |preset: &Map<String, Value>| {
            let mut preset = preset.clone();
            preset.insert("name".into(), self.name.clone().into());
            Value::Object(preset)
        };
        let raw = &tavern.raw;
        Presets {
            name: self.name.clone(),
            context: named(&raw.context),
            instruct: named(&raw.instruct),
            sysprompt: named(&raw.sysprompt),
            sampler: if raw.sampler.is_empty() {
                sampler(None)
            } else {
                Value::Object(raw.sampler.clone())
            },
            conditions: Vec::new(),
        }
    }

    /// The length with the words around it, with SillyTavern's macros for names.
    fn length_macro(&self, length: Option<&str>) -> String {
        let mut text = String::new();
        if let (Some(pattern), Some(word)) = (&self.length_text, length) {
            pattern.fill(&mut text, |hole| match hole {
                Hole::Char => "{{char}}",
                Hole::User => "{{user}}",
                _ => word,
            });
        }
        text
    }

    fn sysprompt(&self, length: Option<&str>) -> String {
        let length = self.length_macro(length);
        let mut text = String::new();
        if let Some(pattern) = &self.instruction {
            pattern.fill(&mut text, |hole| match hole {
                Hole::Char => "{{char}}",
                Hole::User => "{{user}}",
                _ => &length,
            });
        }
        text
    }

    /// The story string: each line of the system text under its condition.
    fn context_preset(&self, name: &str) -> Value {
        let gap = &self.layout.line_break;
        let mut story = format!("{{{{#if anchorBefore}}}}{{{{anchorBefore}}}}{gap}{{{{/if}}}}");
        for line in &self.layout.lines {
            let mut text = String::new();
            line.fill(&mut text, |hole| match hole {
                Hole::Char => "{{char}}",
                Hole::User => "{{user}}",
                Hole::CharPersona => "{{description}}{{#if personality}} {{personality}}{{/if}}",
                Hole::UserPersona => "{{persona}}",
                Hole::Scenario => "{{scenario}}",
                _ => "{{system}}",
            });
            let condition = match line.parts.last() {
                Some(Part::Hole(Hole::CharPersona)) => "description",
                Some(Part::Hole(Hole::UserPersona)) => "persona",
                Some(Part::Hole(Hole::Scenario)) => "scenario",
                Some(Part::Hole(Hole::Instruction)) => "system",
                _ => "",
            };
            // The lorebook stands around the scenario, as in the stock presets.
            if condition == "scenario" {
                story.push_str(&format!(
                    "{{{{#if wiBefore}}}}{{{{wiBefore}}}}{gap}{{{{/if}}}}"
                ));
            }
            match condition {
                "" => story.push_str(&format!("{text}{gap}")),
                "system" => story.push_str(&format!(
                    "{{{{#if anchorAfter}}}}{{{{anchorAfter}}}}{gap}{{{{/if}}}}{{{{#if system}}}}{text}{gap}{{{{/if}}}}"
                )),
                _ => story.push_str(&format!("{{{{#if {condition}}}}}{text}{gap}{{{{/if}}}}")),
            }
            if condition == "scenario" {
                story.push_str(&format!(
                    "{{{{#if wiAfter}}}}{{{{wiAfter}}}}{gap}{{{{/if}}}}"
                ));
            }
        }
        story.push_str("{{trim}}");
        json!({
            "story_string": story,
            "example_separator": "",
            "chat_start": "",
            "use_stop_strings": false,
            "names_as_stop_strings": true,
            "story_string_position": 0,
            "story_string_depth": 1,
            "story_string_role": 0,
            "always_force_name2": true,
            "trim_sentences": false,
            "single_line": false,
            "name": name,
        })
    }

    fn instruct_preset(&self, name: &str, length: Option<&str>) -> Value {
        let named = self.char.turn.has(Hole::Speaker);
        let length = self.length_macro(length);
        let fill = |pattern: &Pattern, tag: &str, until: Hole| {
            let mut text = String::new();
            let parts = pattern
                .parts
                .iter()
                .take_while(|part| **part != Part::Hole(until));
            Pattern {
                parts: parts.cloned().collect(),
            }
            .fill(
                &mut text,
                |hole| if hole == Hole::Tag { tag } else { &length },
            );
            text
        };
        // With names SillyTavern writes `sequence LF Name: text LF`, so the line break before a tag begins the sequence and
        // the one after it is left to SillyTavern.
        let until = if named { Hole::Speaker } else { Hole::Text };
        let lead = if named {
            self.front.between.strip_prefix('\n').unwrap_or_default()
        } else {
            ""
        };
        let trail = |text: String| {
            if named {
                text.trim_end_matches('\n').to_owned()
            } else {
                text
            }
        };
        let sequence = |pattern: &Pattern, tags: &[String]| {
            format!("{lead}{}", trail(fill(pattern, &tags[0], until)))
        };
        let suffix = |pattern: &Pattern| {
            if named {
                String::new()
            } else {
                format!("{}{}", pattern.after(Hole::Text), self.front.between)
            }
        };
        let input = sequence(&self.user.turn, &self.user.tags);
        let output = sequence(&self.char.turn, &self.char.tags);
        let last = sequence(&self.char.open, &self.char.tags);
        let system_tag = self.front.system.tags.first().map_or("", String::as_str);
        let prefix = format!("{}{system_tag}{}", self.layout.preamble, self.layout.open);
        let legacy = ["<USER>", "<BOT>", "<CHAR>"]
            .iter()
            .any(|tag| input.contains(tag) || output.contains(tag));
        json!({
            "name": name,
            "wrap": named,
            // `<<USER>>` holds the old macro `<USER>`, which must not be replaced.
            "macro": !legacy,
            "names_behavior": if named { "always" } else { "none" },
            "input_sequence": input,
            "input_suffix": suffix(&self.user.turn),
            "first_input_sequence": "",
            "last_input_sequence": "",
            "output_sequence": output,
            "output_suffix": suffix(&self.char.turn),
            "first_output_sequence": "",
            "last_output_sequence": if last == output { String::new() } else { last },
            "system_sequence": "",
            "system_suffix": "",
            "last_system_sequence": "",
            "system_same_as_user": true,
            "stop_sequence": if named { self.user.tags[0].clone() } else { self.front.stop_sequence().to_owned() },
            "sequences_as_stop_strings": true,
            "story_string_prefix": if named { trail(prefix) } else { prefix },
            "story_string_suffix": if named { String::new() } else { self.layout.close.clone() },
            "user_alignment_message": self.front.alignment.as_deref().unwrap_or_default(),
            "activation_regex": "",
            "skip_examples": false,
        })
    }
}

/// What SillyTavern's text-completion presets call the settings.
const NAMES: [(&str, &str); 18] = [
    ("temperature", "temp"),
    ("tail_free", "tfs"),
    ("repetition_penalty", "rep_pen"),
    ("repetition_range", "rep_pen_range"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("top_a", "top_a"),
    ("typical_p", "typical_p"),
    ("min_p", "min_p"),
    ("frequency_penalty", "freq_pen"),
    ("presence_penalty", "presence_pen"),
    ("top_n_sigma", "nsigma"),
    ("smoothing_factor", "smoothing_factor"),
    ("smoothing_curve", "smoothing_curve"),
    ("dry_multiplier", "dry_multiplier"),
    ("xtc_probability", "xtc_probability"),
    ("mirostat", "mirostat_mode"),
    ("ban_end_of_text", "ban_eos_token"),
];

/// A sampler preset: the recommended settings, and neutral ones where there are none.
fn sampler(settings: Option<&Settings>) -> Value {
    let neutral = Settings::neutral();
    let settings = settings.unwrap_or(&neutral);
    let mut preset = Map::new();
    for (ours, theirs) in NAMES {
        let Some(row) = SAMPLERS.iter().find(|row| row.name == ours) else {
            continue;
        };
        // The shortest text of a single precision number: 0.7, not 0.699999988079071.
        let value = row.get(settings) as f32;
        let value = match row.range {
            Range::Switch => json!(value != 0.0),
            Range::Whole(..) => json!(value as i64),
            _ => value
                .to_string()
                .parse::<f64>()
                .map_or(Value::Null, Value::from),
        };
        preset.insert(theirs.into(), value);
    }
    for (name, value) in [
        ("temperature_last", json!(false)),
        ("dynatemp", json!(false)),
        ("do_sample", json!(true)),
        ("add_bos_token", json!(true)),
        ("skip_special_tokens", json!(true)),
    ] {
        preset.insert(name.into(), value);
    }
    Value::Object(preset)
}
