//! Card to conversation: who plays whom, in the words of a card.
//!
//! A card is written for any user and any format; a prompt has one user and one layout. What had to be changed on the way
//! is told in findings.

use super::macros::{Clock, Context, Unresolved, Variables, expand};
use super::render::fold;
use super::{Conversation, Message, Role, prose};
use crate::card::Card;
use crate::{Finding, Place, Severity};

/// What a card leaves open: who the user is, and how the conversation begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cast {
    /// The user's name. Default: the card's own suggestion, else `User`.
    pub user: Option<String>,
    /// The user's persona. Default: the card's own suggestion, else none.
    pub user_persona: Option<String>,
    /// The length of the replies, a word of the format. Default: the format's.
    pub length: Option<String>,
    /// Which greeting: 0 is the first message, 1 the first alternate greeting, and so on. Default: 0.
    pub greeting: usize,
    /// Where `{{random}}` takes its chance from. Default: 0.
    pub seed: u64,
    /// What time the macros say it is. Default: the start of 1970.
    pub clock: Clock,
    /// A scenario in place of the card's. Default: the card's.
    pub scenario: Option<String>,
    /// The chat's variables. Default: none.
    pub variables: Variables,
}

/// The name of a user of whom nothing is known, as in SillyTavern.
const UNKNOWN_USER: &str = "User";

impl Cast {
    /// The user's name beside `card`: the one given here, else the card's own suggestion, else `User`.
    #[must_use]
    pub fn user_beside(&self, card: &Card) -> String {
        let user = self.user.clone().or_else(|| suggested(card, "user_name"));
        user.unwrap_or_else(|| UNKNOWN_USER.to_owned())
    }
}

/// What a card suggests about the user.
fn suggested(card: &Card, key: &str) -> Option<String> {
    let extension = card.extension("cardwright")?;
    let text = extension.get(key)?.as_str()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

impl Conversation {
    /// The conversation that `card` begins: its greeting is the character's first message, and the user's turn is open. A
    /// card without a greeting opens the character's turn.
    ///
    /// Macros are replaced, and line breaks in personas and the scenario folded. The suggestions in the card's extension
    /// `cardwright` (`user_name`, `user_persona`) stand in for what `cast` leaves open.
    ///
    /// ```
    /// use cardwright::card::Card;
    /// use cardwright::prompt::{Cast, Conversation};
    ///
    /// let card = Card::from_json(r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Mara",
    ///     "description":"{{char}} keeps a lighthouse.\nShe collects storms.","first_mes":"\"Come in, {{user}}.\""}}"#)?;
    /// let cast = Cast { user: Some("Finn".into()), ..Cast::default() };
    /// let (conversation, findings) = Conversation::from_card(&card, &cast);
    /// assert_eq!(conversation.char_persona, "Mara keeps a lighthouse. She collects storms.");
    /// assert_eq!(conversation.messages[0].text, "\"Come in, Finn.\"");
    /// assert_eq!(findings[0].message, "the description's 2 lines were joined into one paragraph");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn from_card(card: &Card, cast: &Cast) -> (Self, Vec<Finding>) {
        let (conversation, findings, _) = Self::of_card(card, cast);
        (conversation, findings)
    }

    /// The same, with what macros know of it.
    pub(super) fn of_card(card: &Card, cast: &Cast) -> (Self, Vec<Finding>, Context) {
        let scenario = cast
            .scenario
            .clone()
            .unwrap_or_else(|| card.scenario().into_owned());
        let char = fold(&card.nickname());
        let mut casting = Casting {
            context: Context {
                char: char.clone(),
                user: fold(&cast.user_beside(card)),
                description: card.description().into_owned(),
                personality: card.personality().into_owned(),
                scenario: scenario.clone(),
                examples: card.example_messages().into_owned(),
                system_prompt: card.system_prompt().into_owned(),
                post_history: card.post_history_instructions().into_owned(),
                version: card.character_version().into_owned(),
                creator_notes: card.creator_notes().into_owned(),
                greeting: card.first_message().into_owned(),
                alternate_greetings: card.alternate_greetings(),
                depth_prompt: card
                    .extension("depth_prompt")
                    .and_then(|prompt| Some(prompt.get("prompt")?.as_str()?.to_owned()))
                    .unwrap_or_default(),
                locals: cast.variables.clone(),
                seed: cast.seed,
                clock: cast.clock,
                ..Context::default()
            },
            findings: Vec::new(),
        };
        let user_persona = cast
            .user_persona
            .clone()
            .or_else(|| suggested(card, "user_persona"));
        let user_persona = casting.paragraph(
            "the user's persona",
            "extensions.cardwright.user_persona",
            &user_persona.unwrap_or_default(),
        );
        casting.context.persona.clone_from(&user_persona);
        let description =
            casting.paragraph("the description", "data.description", &card.description());
        let personality =
            casting.paragraph("the personality", "data.personality", &card.personality());
        let mut char_persona = without_label(&description, &char).to_owned();
        if !personality.is_empty() && !char_persona.contains(&personality) {
            if !char_persona.is_empty() {
                casting.note(
                    Severity::Info,
                    "personality-joined",
                    "data.personality",
                    "the personality was joined to the persona".into(),
                );
                char_persona.push(' ');
            }
            char_persona.push_str(&personality);
        }
        let scenario = casting.paragraph("the scenario", "data.scenario", &scenario);
        let messages = casting.greeting(card, cast.greeting);
        for (what, text) in [
            ("persona of the character", &char_persona),
            ("persona of the user", &user_persona),
            ("scenario", &scenario),
        ] {
            if text.is_empty() {
                let message = format!(
                    "there is no {what}: its paragraph is left out, which LimaRP does not know"
                );
                casting.note(Severity::Warning, "section-missing", "data", message);
            }
        }
        let conversation = Self {
            char,
            user: casting.context.user.clone(),
            char_persona,
            user_persona,
            scenario,
            instruction: None,
            length: cast.length.clone(),
            open: Some(if messages.is_empty() {
                Role::Char
            } else {
                Role::User
            }),
            messages,
        };
        (conversation, casting.findings, casting.context)
    }
}

/// A card being turned into a conversation.
struct Casting {
    context: Context,
    findings: Vec<Finding>,
}

impl Casting {
    fn note(&mut self, severity: Severity, code: &'static str, path: &str, message: String) {
        self.findings.push(Finding {
            code,
            severity,
            place: Place::Path(path.to_owned()),
            message,
            fix: None,
        });
    }

    /// `text` with its macros replaced.
    fn expand(&mut self, what: &str, path: &str, text: &str) -> String {
        let expansion = expand(text, &self.context);
        self.context.locals = expansion.locals;
        self.context.globals = expansion.globals;
        for Unresolved { name, .. } in expansion.unresolved {
            let message =
                format!("{what} keeps the macro `{{{{{name}}}}}`, which nothing here can replace");
            self.note(Severity::Warning, "macro-left", path, message);
        }
        expansion.text.trim().replace("\r\n", "\n")
    }

    /// `text` with its macros replaced, on one line.
    fn paragraph(&mut self, what: &str, path: &str, text: &str) -> String {
        let text = self.expand(what, path, text);
        let name = if what.contains("user") {
            &self.context.user
        } else {
            &self.context.char
        };
        let prose = prose(&text, name);
        if let Some(notation) = prose.notation {
            let message = format!(
                "{what} was {}: its {} entries became sentences",
                notation.name(),
                prose.entries
            );
            self.note(Severity::Info, "persona-list", path, message);
            return prose.text;
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        if lines > 1 {
            let message = format!("{what}'s {lines} lines were joined into one paragraph");
            self.note(Severity::Info, "section-newline", path, message);
        }
        fold(&text)
    }

    fn greeting(&mut self, card: &Card, which: usize) -> Vec<Message> {
        let alternates = card.alternate_greetings();
        let (path, text) = match which.checked_sub(1) {
            None => (
                "data.first_mes".to_owned(),
                card.first_message().into_owned(),
            ),
            Some(at) => (
                format!("data.alternate_greetings[{at}]"),
                alternates.get(at).cloned().unwrap_or_default(),
            ),
        };
        let text = self.expand("the greeting", &path, &text);
        if text.is_empty() {
            let message = if which > alternates.len() {
                format!(
                    "there is no greeting {which}: the card has {} besides the first",
                    alternates.len()
                )
            } else {
                "there is no greeting: the character's first turn is open".to_owned()
            };
            self.note(Severity::Warning, "greeting-missing", &path, message);
            return Vec::new();
        }
        vec![Message {
            role: Role::Char,
            text,
        }]
    }
}

/// A persona without the label that the format adds itself.
fn without_label<'t>(persona: &'t str, name: &str) -> &'t str {
    ["'s Persona:", "'s persona:"]
        .iter()
        .find_map(|label| persona.strip_prefix(name)?.strip_prefix(label))
        .map_or(persona, str::trim_start)
}
