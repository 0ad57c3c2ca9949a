//! Prompt formats: a template file's front matter says how turns are marked, its body how the system text is laid out.
//!
//! Nothing about a format is written in Rust.
//!
//! ```
//! use cardwright::prompt::Format;
//!
//! let format = Format::named("limarp-v1")?;
//! assert_eq!(format.lengths(), ["short", "average", "long", "huge", "humongous"]);
//! # Ok::<(), cardwright::Error>(())
//! ```

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use minijinja::Environment;
use serde::Deserialize;

use super::Role;
use super::front::{self, Front, Length, TagPlace, Turn};
use super::imported;
use super::layout::{Layout, environment};
use super::model_format::ChatTemplate;
use super::pattern::{Hole, Pattern};
use super::tavern::Tavern;
use crate::sampling::Settings;
use crate::{Error, Kind, Result, file};

/// The name and the text of every file in `templates/`, as `build.rs` found them.
static TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// What the front matter of a format file begins with: the opening of a Jinja comment.
const OPENING: &str = "{#---\n";
/// What ends it.
const CLOSING: &str = "\n---#}\n";

/// Something a format may be unable to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Who the two are.
    Names,
    /// The character's persona.
    CharPersona,
    /// The user's persona.
    UserPersona,
    /// The scenario.
    Scenario,
    /// An instruction other than the format's own.
    Instruction,
    /// The length of the replies.
    Length,
    /// Whose turn is open.
    Open,
}

impl Field {
    /// The name in format files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::CharPersona => "char_persona",
            Self::UserPersona => "user_persona",
            Self::Scenario => "scenario",
            Self::Instruction => "instruction",
            Self::Length => "length",
            Self::Open => "open",
        }
    }
}

/// A prompt format: how a conversation is written for a model.
#[derive(Debug, Clone)]
pub struct Format {
    pub(super) name: String,
    pub(super) front: Front,
    pub(super) user: Side,
    pub(super) char: Side,
    pub(super) instruction: Option<Pattern>,
    /// The instruction with its length and without.
    pub(super) instruction_forms: Vec<Pattern>,
    pub(super) length_text: Option<Pattern>,
    pub(super) stops: Vec<Pattern>,
    pub(super) layout: Layout,
    pub(super) environment: Environment<'static>,
    pub(super) body: Body,
    pub(super) settings: Option<Settings>,
}

/// What writes a format's prompts.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// The template of the format file, which reads them too.
    Template,
    /// SillyTavern presets.
    Tavern(Box<Tavern>),
    /// The chat template of a model.
    Chat(Box<ChatTemplate>),
}

/// How one of the two speaks.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// What opens a turn; the first is written, all are read.
    pub(super) tags: Vec<String>,
    pub(super) turn: Pattern,
    pub(super) open: Pattern,
    /// The turn right after the system text, and the tag it has there.
    pub(super) first: Option<(Pattern, String)>,
}

impl Side {
    /// The pattern and the tag of a turn that is written out.
    pub(super) fn turn(&self, is_first: bool) -> (&Pattern, &str) {
        match &self.first {
            Some((pattern, tag)) if is_first => (pattern, tag),
            _ => (&self.turn, &self.tags[0]),
        }
    }
}

impl Format {
    /// The names of the formats that come with the program, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TEMPLATES.iter().map(|(name, _)| *name)
    }

    /// Every format that comes with the program.
    ///
    /// # Errors
    ///
    /// None in a release: the tests read every file.
    pub fn all() -> Result<Vec<Self>> {
        TEMPLATES
            .iter()
            .map(|(name, source)| Self::from_source(name, source))
            .collect()
    }

    /// The format `name`, by its name or an alias.
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when there is none of that name.
    pub fn named(name: &str) -> Result<Self> {
        if let Some((name, source)) = TEMPLATES.iter().find(|(known, _)| *known == name) {
            return Self::from_source(name, source);
        }
        for format in Self::all()? {
            if format.front.aliases.iter().any(|alias| alias == name) {
                return Ok(format);
            }
        }
        let names: Vec<_> = Self::names().collect();
        Err(
            Error::new(Kind::Format, format!("no prompt format is called `{name}`"))
                .hint(format!("the formats are: {}", names.join(", "))),
        )
    }

    /// The format in the file at `path`, named after the file.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be read, [`Kind::Format`] when it is no format.
    pub fn from_file(path: &Path) -> Result<Self> {
        let bytes = file::read(path)?;
        let place = || path.display().to_string();
        let source = std::str::from_utf8(&bytes)
            .map_err(|e| Error::new(Kind::Format, format!("is not UTF-8: {e}")).at(place()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::from_source(&name, source).map_err(|error| error.at(place()))
    }

    /// A format from the text of its file.
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when the front matter or the template is wrong, or when what the template writes does not read
    /// back.
    pub fn from_source(name: &str, source: &str) -> Result<Self> {
        if source.starts_with(imported::OPENING) {
            return imported::read(name, source)
                .map_err(|error| error.at(format!("format `{name}`")));
        }
        let format =
            Self::read(name, source).map_err(|error| error.at(format!("format `{name}`")))?;
        format.check_itself()?;
        Ok(format)
    }

    fn read(name: &str, source: &str) -> Result<Self> {
        let (front, body) = front::read::<Front>(source, OPENING, CLOSING, || {
            Error::new(Kind::Format, "front matter is missing")
                .hint("start the file with `{#---`, TOML, and `---#}`, each on its own line")
        })?;
        let side = |turn: &Turn, role: &str| -> Result<Side> {
            let holes = [Hole::Tag, Hole::Speaker, Hole::Length, Hole::Text];
            let side = Side {
                tags: turn.tags.clone(),
                turn: Pattern::parse(&turn.turn, &holes)?,
                open: Pattern::parse(&turn.open, &holes[..3])?,
                first: turn
                    .first
                    .as_ref()
                    .map(|first| Ok((Pattern::parse(&first.turn, &holes)?, first.tag.clone())))
                    .transpose()?,
            };
            if side.tags.is_empty() || side.tags.iter().any(String::is_empty) {
                return Err(Error::new(Kind::Format, format!("`{role}.tags` is empty")));
            }
            if !side.turn.has(Hole::Text) {
                return Err(Error::new(
                    Kind::Format,
                    format!("`{role}.turn` has no `{{text}}`"),
                ));
            }
            Ok(side)
        };
        let names = [Hole::Char, Hole::User, Hole::Length];
        let length_text = front
            .length
            .as_ref()
            .map(|length| Pattern::parse(&length.text, &[Hole::Char, Hole::User, Hole::Word]))
            .transpose()?;
        if let Some(Length { words, up_to, .. }) = &front.length
            && !up_to.is_empty()
            && (up_to.len() + 1 != words.len() || !up_to.is_sorted_by(|a, b| a < b))
        {
            let message = "`length.up_to` has a rising number for each of `words` but the last";
            return Err(Error::new(Kind::Format, message));
        }
        let instruction = front
            .instruction
            .as_ref()
            .map(|text| Pattern::parse(text, &names))
            .transpose()?;
        let instruction_forms = instruction.iter().flat_map(|pattern| {
            let long = length_text
                .as_ref()
                .map(|text| pattern.with(Hole::Length, text));
            long.into_iter()
                .chain([pattern.with(Hole::Length, &Pattern::default())])
        });
        let stops = front
            .stop
            .iter()
            .map(|stop| Pattern::parse(stop, &names[..2]))
            .collect::<Result<Vec<_>>>()?;
        let settings = recommended(&front.sampler)?;
        let environment = environment(&body)?;
        let layout = Layout::of(&environment, &front)?;
        Ok(Self {
            name: name.to_owned(),
            user: side(&front.user, "user")?,
            char: side(&front.char, "char")?,
            instruction_forms: instruction_forms.collect(),
            front,
            instruction,
            length_text,
            stops,
            layout,
            environment,
            body: Body::Template,
            settings,
        })
    }

    /// A format that `body` writes and nothing reads.
    pub(super) fn write_only(
        name: &str,
        about: String,
        source: Option<String>,
        body: Body,
    ) -> Self {
        let nothing = || Side {
            tags: vec![String::new()],
            turn: Pattern::default(),
            open: Pattern::default(),
            first: None,
        };
        Self {
            name: name.to_owned(),
            front: Front {
                about,
                source,
                ..Front::default()
            },
            user: nothing(),
            char: nothing(),
            instruction: None,
            instruction_forms: Vec::new(),
            length_text: None,
            stops: Vec::new(),
            layout: Layout::default(),
            environment: Environment::new(),
            body,
            settings: None,
        }
    }

    /// Whether prompts of the format can be read back and checked: formats that come from SillyTavern presets or a model's
    /// chat template are only written.
    #[must_use]
    pub fn reads_back(&self) -> bool {
        matches!(self.body, Body::Template)
    }

    /// The name of the format.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the format is, in one sentence.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.front.about
    }

    /// Where the format is defined.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.front.source.as_deref()
    }

    /// The sampler settings that the makers of the format recommend, with everything else neutral; `None` where they
    /// recommend none.
    ///
    /// ```
    /// let format = cardwright::prompt::Format::named("limarp-v1")?;
    /// assert_eq!(format.settings().unwrap().tail_free, 0.85);
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// Whether it is the chat template of a model. It opens turns of the character only, and a model that was taught it ends
    /// them with its end-of-text token.
    #[must_use]
    pub fn is_chat_template(&self) -> bool {
        matches!(self.body, Body::Chat(_))
    }

    /// Whether the tags are special tokens of the models, as in ChatML: a prompt needs
    /// [`Request::special_tokens`](crate::engine::Request::special_tokens) then.
    #[must_use]
    pub fn has_special_tokens(&self) -> bool {
        self.front.tags == TagPlace::Anywhere || !self.reads_back()
    }

    /// What the format cannot carry.
    #[must_use]
    pub fn loses(&self) -> &[Field] {
        &self.front.loses
    }

    /// The length words, shortest first; empty when the format has none.
    #[must_use]
    pub fn lengths(&self) -> &[String] {
        self.front
            .length
            .as_ref()
            .map_or(&[], |length| &length.words)
    }

    /// The length of messages that have `words` words on average. No LimaRP text says where one length ends and the next
    /// begins: the bounds in the front matter (`up_to`) are this project's. `None` when the format has no lengths or says
    /// nothing of their bounds.
    ///
    /// ```
    /// # use cardwright::prompt::Format;
    /// let format = Format::named("limarp-v1")?;
    /// assert_eq!(format.length_of(15), Some("short"));
    /// assert_eq!(format.length_of(16), Some("average"));
    /// assert_eq!(format.length_of(1000), Some("humongous"));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn length_of(&self, words: usize) -> Option<&str> {
        let length = (self.front.length.as_ref()).filter(|length| !length.up_to.is_empty())?;
        let index = length.up_to.partition_point(|most| *most < words);
        length.words.get(index).map(String::as_str)
    }

    /// How many words messages of the length `word` have on average, by the bounds of [`Format::length_of`]; the last
    /// length, which has no bound, is taken to reach twice as far as it begins. `None` for what is no length of this format.
    ///
    /// ```
    /// # use cardwright::prompt::Format;
    /// let format = Format::named("limarp-v1")?;
    /// assert_eq!(format.words_of("medium"), Some(16..=96));
    /// assert_eq!(format.words_of("humongous"), Some(321..=642));
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn words_of(&self, word: &str) -> Option<RangeInclusive<usize>> {
        let length = (self.front.length.as_ref()).filter(|length| !length.up_to.is_empty())?;
        let word = length.aliases.get(word).map_or(word, String::as_str);
        let index = length.words.iter().position(|known| known == word)?;
        let least = match index {
            0 => 1,
            _ => length.up_to.get(index - 1)? + 1,
        };
        Some(least..=length.up_to.get(index).copied().unwrap_or(2 * least))
    }

    /// Other spellings of length words, and the word each stands for.
    pub fn length_aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        let aliases = self.front.length.iter().flat_map(|length| &length.aliases);
        aliases.map(|(alias, word)| (alias.as_str(), word.as_str()))
    }

    /// The length used when a conversation names none.
    #[must_use]
    pub fn default_length(&self) -> Option<&str> {
        self.front.length.as_ref()?.default.as_deref()
    }

    /// Whether `word` is a length of this format, in any of its spellings.
    #[must_use]
    pub fn knows_length(&self, word: &str) -> bool {
        self.lengths().iter().any(|known| known == word)
            || self.length_aliases().any(|(alias, _)| alias == word)
    }

    /// Refuses a word that is no length of this format.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`], with the lengths that there are.
    pub fn check_length(&self, word: &str) -> Result<()> {
        if self.knows_length(word) {
            return Ok(());
        }
        let message = format!("`{word}` is no length of format `{}`", self.name);
        let hint = if self.lengths().is_empty() {
            "the format has no lengths".to_owned()
        } else {
            format!("the lengths are: {}", self.lengths().join(", "))
        };
        Err(Error::new(Kind::Usage, message).hint(hint))
    }

    /// The tags that open the user's turn: the first is written, the others are read, and can be chosen with
    /// [`Format::with_user_tag`].
    #[must_use]
    pub fn user_tags(&self) -> &[String] {
        &self.user.tags
    }

    /// The same format with another of its tags for the user's turn. `name` is the whole tag or the word in it, in any
    /// case.
    ///
    /// ```
    /// let format = cardwright::prompt::Format::named("limarp-v1")?.with_user_tag("user")?;
    /// assert_eq!(format.user_tags()[0], "<<USER>>");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when the format has no such tag.
    pub fn with_user_tag(mut self, name: &str) -> Result<Self> {
        let word = |tag: &str| {
            tag.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        };
        let Some(at) = self
            .user
            .tags
            .iter()
            .position(|tag| word(tag) == word(name))
        else {
            let message = format!("format `{}` has no user tag `{name}`", self.name);
            return Err(Error::new(Kind::Usage, message)
                .hint(format!("its user tags are: {}", self.user.tags.join(", "))));
        };
        self.user.tags.swap(0, at);
        Ok(self)
    }

    pub(super) fn side(&self, role: Role) -> &Side {
        match role {
            Role::Char => &self.char,
            Role::User => &self.user,
        }
    }

    pub(super) fn loses_field(&self, field: Field) -> bool {
        self.front.loses.contains(&field)
    }

    pub(super) fn loses_open(&self) -> bool {
        self.loses_field(Field::Open)
    }
}

/// Settings of a format file over neutral ones.
fn recommended(given: &BTreeMap<String, f64>) -> Result<Option<Settings>> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut settings = Settings::neutral();
    for (name, value) in given {
        settings.set(name, *value).map_err(|e| {
            Error::new(Kind::Format, format!("`sampler`: {}", e.message())).source(e)
        })?;
    }
    Ok(Some(settings))
}
