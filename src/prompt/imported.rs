//! Formats that are not ours: pairs of SillyTavern presets, and the chat templates of models.
//!
//! Imported presets are kept in a format file of their own: front matter with the presets' fields, then the story string as
//! it is, a Handlebars template.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chat_template::Tokens;
use super::format::{Body, Format};
use super::front;
use super::model_format::ChatTemplate;
use super::tavern::{Raw, Tavern};
use crate::{Error, Finding, Kind, Result};

/// What a format file of presets begins with: the opening of a Handlebars comment.
pub(super) const OPENING: &str = "{{!---\n";
/// What ends its front matter.
const CLOSING: &str = "\n---}}\n";

/// The front matter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(default)]
    instruct: Map<String, Value>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    sysprompt: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    sampler: Map<String, Value>,
}

/// A format from a file of presets.
pub(super) fn read(name: &str, source: &str) -> Result<Format> {
    let (front, story) = front::read::<Front>(source, OPENING, CLOSING, || {
        Error::new(Kind::Format, "front matter does not end")
            .hint("end it with `---}}` on a line of its own")
    })?;
    let mut context = front.context;
    let story = story.strip_suffix('\n').unwrap_or(&story);
    context.insert("story_string".into(), story.into());
    let raw = Raw {
        instruct: front.instruct,
        context,
        sysprompt: front.sysprompt,
        sampler: front.sampler,
    };
    let body = Body::Tavern(Box::new(Tavern::of(raw)?));
    Ok(Format::write_only(name, front.about, front.source, body))
}

impl Format {
    /// A format of SillyTavern presets, and what had to be changed on the way: a context and an instruct preset of any
    /// version, a sysprompt and a sampler preset if there are, or a master export that holds them all.
    ///
    /// ```
    /// use cardwright::prompt::{Conversation, Format, Role};
    ///
    /// let instruct = serde_json::json!({"input_sequence": "USER:", "output_sequence": "BOT:", "wrap": true, "macro": true,
    ///     "names": false});
    /// let (format, findings) = Format::import("mine", vec![instruct])?;
    /// assert_eq!(findings[0].message, "`names` is now `names_behavior: \"none\"`");
    /// let conversation = Conversation { char: "Mara".into(), user: "Finn".into(), open: Some(Role::Char),
    ///     scenario: "It rains.".into(), ..Conversation::default() };
    /// assert_eq!(format.render(&conversation)?, "It rains.\n\nBOT:\n");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when a value is no such preset or the story string is no template, [`Kind::Usage`] when there are two
    /// of one kind.
    pub fn import(name: &str, presets: Vec<Value>) -> Result<(Self, Vec<Finding>)> {
        let (mut raw, names) = Raw::of(presets)?;
        if raw.instruct.is_empty() && raw.context.is_empty() {
            return Err(Error::new(
                Kind::Format,
                "there is neither an instruct nor a context preset",
            )
            .hint("give the files of SillyTavern's folders `instruct` and `context`"));
        }
        let findings = raw.migrate();
        let mut about = "SillyTavern presets".to_owned();
        let mut seen: Vec<&String> = Vec::new();
        for name in &names {
            if !seen.contains(&name) {
                about.push_str(if seen.is_empty() { " " } else { ", " });
                about.push_str(name);
                seen.push(name);
            }
        }
        let body = Body::Tavern(Box::new(Tavern::of(raw)?));
        Ok((Self::write_only(name, about, None, body), findings))
    }

    /// The file of an imported format; `None` for one of ours, which is a file already, and for a model's chat template.
    #[must_use]
    pub fn to_source(&self) -> Option<String> {
        let Body::Tavern(tavern) = &self.body else {
            return None;
        };
        let raw = &tavern.raw;
        // TOML has no null, and an absent field means the same.
        let told = |preset: &Map<String, Value>| -> Map<String, Value> {
            let fields = preset.iter().filter(|(_, value)| !value.is_null());
            fields
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let mut context = told(&raw.context);
        let story = context.shift_remove("story_string");
        let front = Front {
            about: self.about().to_owned(),
            source: self.source().map(str::to_owned),
            instruct: told(&raw.instruct),
            context,
            sysprompt: told(&raw.sysprompt),
            sampler: told(&raw.sampler),
        };
        let front = toml::to_string(&front).ok()?;
        let story = story.as_ref().and_then(Value::as_str).unwrap_or_default();
        Some(format!("{OPENING}{}{CLOSING}{story}\n", front.trim_end()))
    }

    /// The chat template of a model as a format: what makes up the prompt becomes messages, and the template writes them.
    ///
    /// ```
    /// use cardwright::prompt::chat_template::Tokens;
    /// use cardwright::prompt::{Conversation, Format, Role};
    ///
    /// let template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
    /// let format = Format::of_chat_template("model", template, Tokens::default());
    /// let conversation = Conversation { char: "Mara".into(), user: "Finn".into(), open: Some(Role::Char),
    ///     instruction: Some("Be Mara.".into()), ..Conversation::default() };
    /// assert_eq!(format.render(&conversation)?, "[system]Be Mara.[assistant]");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn of_chat_template(name: &str, template: &str, tokens: Tokens<'_>) -> Self {
        let body = Body::Chat(Box::new(ChatTemplate {
            source: template.to_owned(),
            begin: tokens.begin.to_owned(),
            end: tokens.end.to_owned(),
        }));
        Self::write_only(name, "the model's own chat template".into(), None, body)
    }
}
