//! SillyTavern chat files: a line of JSON about the chat, then one for each message.
//!
//! Other programs keep their own fields in these lines, so a line that nobody changed is written back byte for byte, and
//! in a line that was changed only the changed fields differ. What a chat file means (who said what, which of several
//! replies counts, which messages are hidden) is read from the fields when it is asked for.
//!
//! ```
//! use cardwright::prompt::chat_file::{ChatFile, ChatMessage};
//!
//! let text = "{\"user_name\":\"Finn\",\"character_name\":\"Mara\",\"chat_metadata\":{}}\n\
//!     {\"name\":\"Mara\",\"is_user\":false,\"mes\":\"Come in.\",\"swipes\":[\"Go away.\",\"Come in.\"],\"swipe_id\":1}";
//! let mut chat = ChatFile::parse(text)?;
//! assert_eq!(chat.to_jsonl(), text);
//! assert_eq!((chat.user_name(), chat.messages()[0].text()), (Some("Finn"), "Come in."));
//!
//! chat.messages_mut()[0].choose(0);
//! chat.push(ChatMessage::new("Finn", true, "As you wish."));
//! assert_eq!(chat.messages()[0].text(), "Go away.");
//! # Ok::<(), cardwright::Error>(())
//! ```

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Error, Kind, Result, file};

/// What SillyTavern 1.13 and later write where a name once stood.
const UNUSED: &str = "unused";

/// The first line of a chat has one of these.
const OF_A_HEADER: [&str; 4] = [
    "chat_metadata",
    "user_name",
    "character_name",
    "create_date",
];

/// The fields that belong to one of several replies; SillyTavern keeps those of the others in `swipe_info`.
const OF_A_SWIPE: [&str; 4] = ["send_date", "gen_started", "gen_finished", "extra"];

/// A chat file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatFile {
    header: Option<Line>,
    messages: Vec<ChatMessage>,
    /// What follows the last line: empty lines.
    rest: String,
}

/// A line: its fields, and its text as long as those are the same.
#[derive(Debug, Clone, PartialEq, Default)]
struct Line {
    fields: Map<String, Value>,
    /// The line as it was read, with empty lines before it and the line break after it.
    written: Option<String>,
    /// How the line ends when its text has to be written anew.
    end: String,
}

impl Line {
    fn of(fields: Map<String, Value>) -> Self {
        Self {
            fields,
            written: None,
            end: "\n".into(),
        }
    }

    /// The fields, to be changed.
    fn edit(&mut self) -> &mut Map<String, Value> {
        self.written = None;
        &mut self.fields
    }

    fn set(&mut self, key: &str, value: Value) {
        if self.fields.get(key) != Some(&value) {
            self.edit().insert(key.to_owned(), value);
        }
    }

    fn text(&self, key: &str) -> &str {
        self.fields
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn write(&self, out: &mut String) {
        // The line before may have been the last one, without a line break.
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        match &self.written {
            Some(text) => out.push_str(text),
            None => {
                out.push_str(&Value::Object(self.fields.clone()).to_string());
                out.push_str(&self.end);
            }
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage(Line);

impl ChatMessage {
    /// A message of `name`, with just the fields that SillyTavern needs.
    #[must_use]
    pub fn new(name: &str, is_user: bool, text: &str) -> Self {
        let fields = json!({
            "name": name,
            "is_user": is_user,
            "is_system": false,
            "mes": text,
            "extra": {},
        });
        match fields {
            Value::Object(fields) => Self(Line::of(fields)),
            _ => Self(Line::default()),
        }
    }

    /// Who speaks; empty when the file does not say.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.text("name")
    }

    /// Whether the user speaks.
    #[must_use]
    pub fn is_user(&self) -> bool {
        self.flag("is_user")
    }

    /// Whether the message is kept out of prompts (`is_system`, SillyTavern's `/hide`).
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.flag("is_system")
    }

    /// Whether nobody speaks: SillyTavern's `/sys`.
    #[must_use]
    pub fn is_narration(&self) -> bool {
        let extra = self.0.fields.get("extra");
        let kind = extra.and_then(|extra| extra.get("type"));
        kind.and_then(Value::as_str) == Some("narrator")
    }

    /// What is said.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text("mes")
    }

    /// The alternatives of the message, the one that counts among them; empty when there never was another.
    #[must_use]
    pub fn swipes(&self) -> Vec<&str> {
        let swipes = self.0.fields.get("swipes").and_then(Value::as_array);
        swipes
            .into_iter()
            .flatten()
            .map(|swipe| swipe.as_str().unwrap_or_default())
            .collect()
    }

    /// Which of the alternatives counts; 0 when there is one.
    #[must_use]
    pub fn swipe(&self) -> usize {
        let id = self.0.fields.get("swipe_id").and_then(Value::as_u64);
        id.and_then(|id| usize::try_from(id).ok()).unwrap_or(0)
    }

    /// Changes what is said; of several alternatives, the one that counts.
    pub fn set_text(&mut self, text: &str) {
        self.0.set("mes", text.into());
        let at = self.swipe();
        if let Some(Value::Array(swipes)) = self.0.fields.get("swipes")
            && swipes
                .get(at)
                .is_some_and(|swipe| swipe.as_str() != Some(text))
            && let Some(Value::Array(swipes)) = self.0.edit().get_mut("swipes")
        {
            swipes[at] = text.into();
        }
    }

    /// Makes the alternative `at` count, with the fields that belong to it. `false` when there is none.
    pub fn choose(&mut self, at: usize) -> bool {
        let Some(text) = self.swipes().get(at).map(|text| (*text).to_owned()) else {
            return false;
        };
        if self.swipe() == at && self.text() == text {
            return true;
        }
        self.keep_swipe();
        self.0.set("swipe_id", at.into());
        self.0.set("mes", text.into());
        let info = self.0.fields.get("swipe_info").and_then(|all| all.get(at));
        if let Some(Value::Object(info)) = info.cloned() {
            for key in OF_A_SWIPE {
                match info.get(key) {
                    Some(value) => self.0.set(key, value.clone()),
                    None => drop(self.0.edit().shift_remove(key)),
                }
            }
        }
        true
    }

    /// Adds an alternative and makes it count. The fields that told about the one before (when it was written, by what
    /// model) are kept with that one.
    pub fn add_swipe(&mut self, text: &str) {
        self.keep_swipe();
        let fields = self.0.edit();
        for key in OF_A_SWIPE {
            fields.shift_remove(key);
        }
        fields.insert("extra".into(), json!({}));
        for (key, item) in [
            ("swipes", json!(text)),
            ("swipe_info", json!({"extra": {}})),
        ] {
            if let Some(Value::Array(items)) = fields.get_mut(key) {
                items.push(item);
            }
        }
        let last = self.swipes().len() - 1;
        self.0.set("swipe_id", last.into());
        self.0.set("mes", text.into());
    }

    /// Puts the message as it stands among its alternatives.
    fn keep_swipe(&mut self) {
        let (text, at) = (self.text().to_owned(), self.swipe());
        let count = self.swipes().len();
        let info: Map<String, Value> = OF_A_SWIPE
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), self.0.fields.get(*key)?.clone())))
            .collect();
        let fields = self.0.edit();
        if count == 0 {
            fields.insert("swipes".into(), json!([text]));
            fields.insert("swipe_info".into(), json!([info]));
            fields.insert("swipe_id".into(), json!(0));
            return;
        }
        let at = at.min(count - 1);
        if let Some(Value::Array(swipes)) = fields.get_mut("swipes") {
            swipes[at] = text.into();
        }
        let kept = fields
            .entry("swipe_info")
            .or_insert_with(|| Value::Array(Vec::new()));
        if !kept.is_array() {
            *kept = Value::Array(Vec::new());
        }
        if let Value::Array(kept) = kept {
            kept.resize_with(kept.len().max(count), || json!({}));
            let old = kept[at].as_object().cloned().unwrap_or_default();
            kept[at] = Value::Object(old.into_iter().chain(info).collect());
        }
    }

    /// Keeps the message out of prompts, or lets it back in.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.0.set("is_system", hidden.into());
    }

    /// All fields of the line.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0.fields
    }

    /// Sets any field of the line, such as `send_date` or `extra`.
    pub fn set(&mut self, key: &str, value: Value) {
        self.0.set(key, value);
    }

    fn flag(&self, key: &str) -> bool {
        self.0.fields.get(key).and_then(Value::as_bool) == Some(true)
    }
}

impl ChatFile {
    /// A chat of the two, with nothing said yet.
    #[must_use]
    pub fn new(user: &str, char: &str) -> Self {
        let mut header = Map::new();
        header.insert("user_name".into(), user.into());
        header.insert("character_name".into(), char.into());
        header.insert("chat_metadata".into(), json!({}));
        Self {
            header: Some(Line::of(header)),
            ..Self::default()
        }
    }

    /// The chat in the text of a file. Empty lines mean nothing, and the first line may already be a message.
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] with the number of the line that is not a JSON object or, below the first, has no `mes`.
    pub fn parse(text: &str) -> Result<Self> {
        let mut chat = Self::default();
        let mut pending = String::new();
        let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
        pending.push_str(&text[..text.len() - bare.len()]);
        for (at, chunk) in bare.split_inclusive('\n').enumerate() {
            pending.push_str(chunk);
            if chunk.trim().is_empty() {
                continue;
            }
            let wrong = |what: &str| {
                Error::new(Kind::Prompt, format!("this line is {what}"))
                    .at(format!("line {}", at + 1))
                    .hint("a SillyTavern chat file has one JSON object on each line")
            };
            let value: Value =
                serde_json::from_str(chunk.trim()).map_err(|e| wrong("not JSON").source(e))?;
            let Value::Object(fields) = value else {
                return Err(wrong("not a JSON object"));
            };
            let is_message = fields.contains_key("mes");
            let end = &chunk[chunk.trim_end_matches(['\r', '\n']).len()..];
            let line = Line {
                fields,
                end: if end.is_empty() { "\n" } else { end }.to_owned(),
                written: Some(std::mem::take(&mut pending)),
            };
            if is_message {
                chat.messages.push(ChatMessage(line));
            } else if chat.header.is_none() && chat.messages.is_empty() {
                if !OF_A_HEADER.iter().any(|key| line.fields.contains_key(*key)) {
                    return Err(wrong(
                        "neither the first line of a chat (it has no `chat_metadata`) nor a message",
                    ));
                }
                chat.header = Some(line);
            } else {
                return Err(wrong("not a message (it has no `mes`)"));
            }
        }
        chat.rest = pending;
        Ok(chat)
    }

    /// The chat in the file at `path`.
    ///
    /// # Errors
    ///
    /// Those of [`file::read`] and [`ChatFile::parse`], and [`Kind::Prompt`] when the file is not UTF-8 text.
    pub fn read(path: &Path) -> Result<Self> {
        let place = || path.display().to_string();
        let text = String::from_utf8(file::read(path)?)
            .map_err(|e| Error::new(Kind::Prompt, format!("is not UTF-8 text: {e}")).at(place()))?;
        Self::parse(&text).map_err(|error| error.at(place()))
    }

    /// The text of the file.
    #[must_use]
    pub fn to_jsonl(&self) -> String {
        let mut out = String::new();
        let messages = self.messages.iter().map(|message| &message.0);
        for line in self.header.iter().chain(messages) {
            line.write(&mut out);
        }
        out.push_str(&self.rest);
        out
    }

    /// The fields of the first line; `None` when the file begins with a message.
    #[must_use]
    pub fn header(&self) -> Option<&Map<String, Value>> {
        self.header.as_ref().map(|line| &line.fields)
    }

    /// Sets a field of the first line.
    pub fn set_header(&mut self, key: &str, value: Value) {
        self.header
            .get_or_insert_with(|| Line::of(Map::new()))
            .set(key, value);
    }

    /// What SillyTavern keeps about the chat (`chat_metadata`): the author's note, variables, timed lorebook entries.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&Value> {
        self.header()?.get("chat_metadata")?.get(key)
    }

    /// Sets what is kept about the chat under `key`; `null` takes it out.
    pub fn set_metadata(&mut self, key: &str, value: Value) {
        let mut metadata = match self.header().and_then(|header| header.get("chat_metadata")) {
            Some(Value::Object(metadata)) => metadata.clone(),
            _ => Map::new(),
        };
        if value.is_null() {
            metadata.shift_remove(key);
        } else {
            metadata.insert(key.to_owned(), value);
        }
        self.set_header("chat_metadata", Value::Object(metadata));
    }

    /// The user's name: the header's, else that of whoever spoke last as the user.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.named("user_name", ChatMessage::is_user)
    }

    /// The character's name: the header's, else that of whoever spoke last as a character.
    #[must_use]
    pub fn character_name(&self) -> Option<&str> {
        self.named("character_name", |message| {
            !message.is_user() && !message.is_hidden() && !message.is_narration()
        })
    }

    fn named(&self, key: &str, wanted: impl Fn(&ChatMessage) -> bool) -> Option<&str> {
        let header = self.header.as_ref().map(|line| line.text(key));
        let header = header.filter(|name| !name.is_empty() && *name != UNUSED);
        header.or_else(|| {
            let mut messages = self.messages.iter().rev();
            let message = messages.find(|message| wanted(message) && !message.name().is_empty());
            message.map(ChatMessage::name)
        })
    }

    /// The messages, oldest first, hidden ones too.
    #[must_use]
    pub fn messages(&self) -> &[ChatMessage] {
        &self.messages
    }

    /// The messages, to be changed, taken out or put in.
    pub fn messages_mut(&mut self) -> &mut Vec<ChatMessage> {
        &mut self.messages
    }

    /// Adds a message at the end.
    pub fn push(&mut self, message: ChatMessage) {
        self.messages.push(message);
    }
}
