//! Conversation to text: what a format carries of a conversation, and the bytes that it becomes.

use minijinja::Value;

use super::format::{Body, Field, Format};
use super::front::{Escape, TagPlace};
use super::layout::{FUEL, TEMPLATE, template_error};
use super::pattern::{Hole, Part, Pattern};
use super::{Conversation, Message, Role, Scene};
use crate::{Error, Kind, Result};

impl Format {
    /// The prompt of `conversation`, down to the last byte. It holds what [`Format::carried`] says.
    ///
    /// ```
    /// use cardwright::prompt::{Conversation, Format, Role};
    ///
    /// let conversation = Conversation {
    ///     char: "Lucian".into(),
    ///     user: "Ann".into(),
    ///     char_persona: "Lucian is a courteous vampire.".into(),
    ///     open: Some(Role::Char),
    ///     ..Conversation::default()
    /// };
    /// let prompt = Format::named("limarp-v1")?.render(&conversation)?;
    /// assert!(prompt.starts_with("<<SYSTEM>>\nLucian's Persona: Lucian is a courteous vampire.\n\nPlay the role"));
    /// assert!(prompt.ends_with(" with messages of medium length.\n\n<<AIBOT>>\nLucian:"));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Prompt`] when the format cannot hold the conversation: a name is missing or has a line break, a message is
    /// empty or contains a tag of the format, the length is no word of the format.
    pub fn render(&self, conversation: &Conversation) -> Result<String> {
        match &self.body {
            Body::Template => {}
            Body::Tavern(_) => return Scene::of(conversation).write(self),
            Body::Chat(template) => return template.render(conversation),
        }
        let conversation = self.carried(conversation);
        self.refuse(&conversation)?;
        let instruction = self.instruction(&conversation);
        let turns = self.turns(&conversation);
        let text_length: usize = conversation.texts().map(|(_, text)| text.len()).sum();
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(FUEL + text_length as u64));
        let value = |hole| match hole {
            Hole::Char => conversation.char.as_str(),
            Hole::User => &conversation.user,
            Hole::CharPersona => &conversation.char_persona,
            Hole::UserPersona => &conversation.user_persona,
            Hole::Scenario => &conversation.scenario,
            Hole::Instruction => &instruction,
            _ => &turns,
        };
        let values = Hole::TEMPLATE
            .iter()
            .map(|hole| (hole.name(), Value::from(value(*hole))));
        let mut prompt = environment
            .get_template(TEMPLATE)
            .and_then(|template| template.render(Value::from_pairs(values)))
            .map_err(|e| template_error(&e).at(format!("format `{}`", self.name)))?;
        if turns.is_empty() {
            prompt.truncate(prompt.trim_end().len());
            prompt.push_str(&self.front.end);
        }
        Ok(prompt)
    }

    /// Goes on with a prompt that ends with the open turn of `role`: the turn then says `text`, and is still open.
    ///
    /// ```
    /// use cardwright::prompt::{Conversation, Format, Role};
    ///
    /// let conversation = Conversation { char: "Ann".into(), open: Some(Role::Char), user: "Bo".into(), ..Conversation::default() };
    /// let format = Format::named("limarp-v1")?;
    /// let mut prompt = format.render(&conversation)?;
    /// format.begin_turn(&mut prompt, Role::Char, "Ann looked");
    /// assert!(prompt.ends_with("<<AIBOT>>\nAnn: Ann looked"));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    pub fn begin_turn(&self, prompt: &mut String, role: Role, text: &str) {
        if !matches!(self.body, Body::Template) {
            prompt.push_str(text);
            return;
        }
        // What stands before the text, without as much of it as the open turn already has.
        let gap = self.side(role).turn.before(Hole::Text);
        let has = (0..=gap.len())
            .rev()
            .filter(|at| gap.is_char_boundary(*at))
            .find(|at| prompt.ends_with(&gap[..*at]))
            .unwrap_or(0);
        prompt.push_str(&gap[has..]);
        prompt.push_str(&escape(self.front.escape, text));
    }

    /// What the format carries of `conversation`: what it [loses](Format::loses) is left out, its defaults are filled in,
    /// and line breaks where it has none are folded into spaces. This is what reading a rendered prompt gives back.
    #[must_use]
    pub fn carried(&self, conversation: &Conversation) -> Conversation {
        if !self.reads_back() {
            return conversation.clone();
        }
        let keep = |field, text: &str| {
            if self.loses_field(field) {
                String::new()
            } else {
                fold(text)
            }
        };
        let mut carried = Conversation {
            char: conversation.char.trim().to_owned(),
            user: conversation.user.trim().to_owned(),
            char_persona: keep(Field::CharPersona, &conversation.char_persona),
            user_persona: keep(Field::UserPersona, &conversation.user_persona),
            scenario: keep(Field::Scenario, &conversation.scenario),
            instruction: None,
            length: None,
            messages: conversation
                .messages
                .iter()
                .map(|message| Message {
                    role: message.role,
                    text: message.text.replace("\r\n", "\n").trim().to_owned(),
                })
                .collect(),
            open: conversation.open.filter(|_| !self.loses_field(Field::Open)),
        };
        carried.instruction = conversation
            .instruction
            .as_deref()
            .filter(|_| self.instruction.is_some() && !self.loses_field(Field::Instruction))
            .map(fold)
            .filter(|text| !text.is_empty() && *text != self.default_instruction(&carried));
        let says_length = carried
            .instruction
            .as_deref()
            .is_some_and(|text| self.length_in(text).is_some());
        if self.carries_length(carried.open) && !says_length {
            let default = self.default_length().map(str::to_owned);
            carried.length = conversation.length.clone().or(default);
        }
        if !self.carries_name(&carried, Role::Char) {
            carried.char.clear();
        }
        if !self.carries_name(&carried, Role::User) {
            carried.user.clear();
        }
        carried
    }

    /// Whether the name of whoever plays `role` stands anywhere in the prompt of `conversation`.
    fn carries_name(&self, conversation: &Conversation, role: Role) -> bool {
        let name = match role {
            Role::Char => Hole::Char,
            Role::User => Hole::User,
        };
        let labels = self.layout.lines.iter().any(|line| {
            line.has(name)
                && match line.parts.last() {
                    Some(Part::Hole(Hole::CharPersona)) => !conversation.char_persona.is_empty(),
                    Some(Part::Hole(Hole::UserPersona)) => !conversation.user_persona.is_empty(),
                    _ => true,
                }
        });
        let has =
            |pattern: &Option<Pattern>| pattern.as_ref().is_some_and(|pattern| pattern.has(name));
        let instruction = match conversation.instruction {
            None => has(&self.instruction),
            Some(_) => conversation.length.is_some() && has(&self.length_text),
        };
        let spoken = self.side(role).turn.has(Hole::Speaker)
            && (conversation.open == Some(role)
                || conversation
                    .messages
                    .iter()
                    .any(|message| message.role == role));
        !self.loses_field(Field::Names) && (labels || instruction || spoken)
    }

    /// Strings that end a reply, because one of the two others would speak next.
    #[must_use]
    pub fn stop_strings(&self, conversation: &Conversation) -> Vec<String> {
        match &self.body {
            Body::Template => {}
            Body::Tavern(tavern) => {
                return Scene::of(conversation).with_cast(|cast| tavern.stops(cast));
            }
            Body::Chat(template) => return template.stops(conversation),
        }
        let fill = |stop: &Pattern| {
            let mut text = String::new();
            stop.fill(&mut text, |hole| {
                if hole == Hole::Char {
                    &conversation.char
                } else {
                    &conversation.user
                }
            });
            text
        };
        self.stops.iter().map(fill).collect()
    }

    /// Whether a prompt whose open turn is `open` has a place for the length.
    pub(super) fn carries_length(&self, open: Option<Role>) -> bool {
        let holds = |pattern: &Pattern| pattern.has(Hole::Length);
        !self.loses_field(Field::Length)
            && (self.instruction.as_ref().is_some_and(holds)
                || open.is_some_and(|role| holds(&self.side(role).open)))
    }

    /// The format's own instruction, without a length.
    pub(super) fn default_instruction(&self, conversation: &Conversation) -> String {
        let mut text = String::new();
        if let Some(pattern) = &self.instruction {
            pattern.fill(&mut text, |hole| match hole {
                Hole::Char => &conversation.char,
                Hole::User => &conversation.user,
                _ => "",
            });
        }
        text
    }

    /// The words around a length, with the length.
    fn length_text(&self, conversation: &Conversation) -> String {
        let mut text = String::new();
        if let (Some(pattern), Some(word)) = (&self.length_text, &conversation.length) {
            pattern.fill(&mut text, |hole| match hole {
                Hole::Char => &conversation.char,
                Hole::User => &conversation.user,
                _ => word,
            });
        }
        text
    }

    /// The instruction line as it is written.
    fn instruction(&self, conversation: &Conversation) -> String {
        let mut text = match &conversation.instruction {
            Some(text) => text.clone(),
            None => self.default_instruction(conversation),
        };
        if self
            .instruction
            .as_ref()
            .is_some_and(|pattern| pattern.has(Hole::Length))
        {
            text.push_str(&self.length_text(conversation));
        }
        text
    }

    /// All turns, the open one too, or the end of a finished transcript.
    fn turns(&self, conversation: &Conversation) -> String {
        let length = self.length_text(conversation);
        let mut out = String::new();
        let mut write = |role: Role, (pattern, tag): (&Pattern, &str), text: &str| {
            if !out.is_empty() {
                out.push_str(&self.front.between);
            }
            pattern.fill(&mut out, |hole| match hole {
                Hole::Tag => tag,
                Hole::Speaker => conversation.name(role),
                Hole::Length => &length,
                _ => text,
            });
        };
        let align = self
            .front
            .alignment
            .as_ref()
            .filter(|_| conversation.first_role() == Some(Role::Char));
        let mut first = true;
        let aligned = align.map(|text| (Role::User, text.as_str()));
        let messages = conversation
            .messages
            .iter()
            .map(|m| (m.role, m.text.as_str()));
        for (role, text) in aligned.into_iter().chain(messages) {
            write(
                role,
                self.side(role).turn(first),
                &escape(self.front.escape, text),
            );
            first = false;
        }
        if let Some(role) = conversation.open {
            let side = self.side(role);
            let open = match &side.first {
                Some(_) if first => side.turn(true),
                _ => (&side.open, side.tags[0].as_str()),
            };
            write(role, open, "");
        } else if !out.is_empty() {
            out.push_str(&self.front.end);
        }
        out
    }

    /// Refuses what would not read back.
    fn refuse(&self, conversation: &Conversation) -> Result<()> {
        let refusal = |what: String| Err(Error::new(Kind::Prompt, what));
        for (who, role) in [("character", Role::Char), ("user", Role::User)] {
            let name = conversation.name(role);
            if name.is_empty() && self.carries_name(conversation, role) {
                return refusal(format!("the {who} has no name"));
            }
            if name.contains(['\n', '\r']) {
                return refusal(format!(
                    "the {who}'s name `{}` has a line break",
                    name.escape_debug()
                ));
            }
        }
        if conversation.char == conversation.user && !conversation.char.is_empty() {
            return refusal(format!(
                "the character and the user are both called `{}`",
                conversation.char
            ))
            .map_err(|error| error.hint("give the user another name"));
        }
        if let Some(word) = &conversation.length
            && !self.knows_length(word)
        {
            return refusal(format!("`{word}` is no length of format `{}`", self.name)).map_err(
                |error| error.hint(format!("the lengths are: {}", self.lengths().join(", "))),
            );
        }
        for (place, text) in conversation.texts() {
            if let Some(tag) = self.tag_inside(text) {
                return refusal(format!("{place} contains the tag `{tag}`"))
                    .map_err(|error| error.hint("reword the text or choose another format"));
            }
        }
        let empty = conversation
            .messages
            .iter()
            .position(|message| message.text.is_empty());
        match empty {
            Some(at) => refusal(format!("message {} is empty", at + 1)),
            None => Ok(()),
        }
    }

    /// A tag of the format that stands in `text` where the parser would take it for one.
    fn tag_inside(&self, text: &str) -> Option<&str> {
        if self.front.escape != Escape::None {
            return None;
        }
        let tags = self
            .front
            .system
            .tags
            .iter()
            .chain(&self.user.tags)
            .chain(&self.char.tags);
        let tag = tags.map(String::as_str).find(|tag| match self.front.tags {
            TagPlace::Anywhere => text.contains(tag),
            TagPlace::Line => text.lines().any(|line| line.trim_start().starts_with(tag)),
        });
        let closes = [
            self.user.turn.after(Hole::Text),
            self.char.turn.after(Hole::Text),
            &self.layout.close,
        ];
        let mut closes = closes
            .into_iter()
            .map(str::trim)
            .filter(|close| !close.is_empty());
        tag.or_else(|| closes.find(|close| text.contains(close)))
    }
}

impl Conversation {
    /// The name of whoever plays `role`.
    #[must_use]
    pub fn name(&self, role: Role) -> &str {
        match role {
            Role::Char => &self.char,
            Role::User => &self.user,
        }
    }

    /// Who speaks first.
    fn first_role(&self) -> Option<Role> {
        self.messages
            .first()
            .map(|message| message.role)
            .or(self.open)
    }

    /// Every text in it, with what it is.
    fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        let fields = [
            ("the character's name", self.char.as_str()),
            ("the user's name", &self.user),
            ("the character's persona", &self.char_persona),
            ("the user's persona", &self.user_persona),
            ("the scenario", &self.scenario),
            (
                "the instruction",
                self.instruction.as_deref().unwrap_or_default(),
            ),
        ];
        let fields = fields
            .into_iter()
            .map(|(place, text)| (place.to_owned(), text));
        let messages = self.messages.iter().enumerate();
        fields.chain(
            messages.map(|(at, message)| (format!("message {}", at + 1), message.text.as_str())),
        )
    }
}

/// `text` on one line: each run of line breaks, with the blanks around it, becomes one space.
pub(super) fn fold(text: &str) -> String {
    let lines = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let mut folded = String::with_capacity(text.len());
    for line in lines {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(line);
    }
    folded
}

fn escape(escape: Escape, text: &str) -> String {
    match escape {
        Escape::None => text.to_owned(),
        Escape::Json => {
            let quoted = serde_json::Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}
