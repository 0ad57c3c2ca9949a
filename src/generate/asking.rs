//! How a model is brought to write a section: the prompt that ends where the section begins.

use minijinja::{Environment, UndefinedBehavior, context};

use super::character::Character;
use super::idea::{Idea, topics};
use super::method::Method;
use super::names::{self, Presence};
use super::section::{ENTRIES, EXAMPLE_MESSAGES, Section};
use super::shots::Shots;
use crate::engine::ModelInfo;
use crate::prompt::chat_template::{self, Said};
use crate::prompt::{Conversation, Field, Format, Message, Role};
use crate::{Error, Kind, Result};

/// Stands where a section is to be written, to find where the prompt for it ends. A private-use character: no format and
/// no card holds it.
pub(super) const HOLE: &str = "\u{f8ff}";

/// How a model is asked, with what that takes.
pub(super) enum Asking {
    /// By the layout of the format, after some examples.
    Layout(Shots),
    /// By instructions in the model's chat template.
    Instructions {
        model: Box<ModelInfo>,
        template: String,
        requests: Box<Environment<'static>>,
    },
    /// By the name alone.
    Raw,
}

/// What is asked for: a part of a section of a character whose earlier sections are written.
pub(super) struct Question<'a> {
    pub(super) character: &'a Character,
    pub(super) section: Section,
    /// Which entry of a lorebook.
    pub(super) part: usize,
    /// What the character is about, where somebody said it.
    pub(super) idea: Option<&'a str>,
    /// A conversation that shows the two.
    pub(super) chat: &'a [Message],
    pub(super) length: Option<&'a str>,
}

/// A prompt for a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) prompt: String,
    pub(super) special_tokens: bool,
    /// The first words of the section, which follow the prompt.
    pub(super) lead: String,
    /// What stands between the prompt and words of the section.
    pub(super) gap: &'static str,
    /// What stands between the messages of a dialogue.
    pub(super) between: Vec<String>,
    /// What the system text has between a name and the persona, where the model writes all of it.
    pub(super) label: String,
}

impl Asking {
    pub(super) fn new(
        model: &ModelInfo,
        format: &Format,
        method: Method,
        length: Option<&str>,
    ) -> Result<Self> {
        Ok(match method {
            Method::Raw => Self::Raw,
            Method::Layout { shots } => Self::Layout(Shots::new(format, shots, length)?),
            Method::Instructions => Self::Instructions {
                model: Box::new(model.clone()),
                template: model.chat_template.clone().unwrap_or_default(),
                requests: Box::new(requests()?),
            },
        })
    }

    /// The prompt for a section.
    pub(super) fn ask(&self, format: &Format, question: &Question<'_>) -> Result<Asked> {
        match self {
            Self::Layout(shots) => layout(shots, format, question),
            Self::Raw => raw(format, question),
            Self::Instructions {
                model,
                template,
                requests,
            } => {
                let character = question.character;
                let mut messages = vec![("system", SYSTEM.trim_end().to_owned())];
                for (earlier, text) in [
                    (Section::Persona, &character.persona),
                    (Section::UserPersona, &character.user_persona),
                    (Section::Scenario, &character.scenario),
                ] {
                    if earlier < question.section && text != HOLE {
                        messages.push(("user", request(requests, question, earlier)?));
                        messages.push(("assistant", text.clone()));
                    }
                }
                messages.push(("user", request(requests, question, question.section)?));
                let messages: Vec<_> = messages
                    .iter()
                    .map(|(role, text)| said(role, text))
                    .collect();
                let mut prompt =
                    chat_template::render(template, model.special_tokens(), &messages)?;
                let mut gap = "";
                if question.section == Section::Examples {
                    prompt.push_str(&format!("{}:", character.user));
                    gap = " ";
                }
                let turns = [&character.name, &character.user];
                let between = (0..EXAMPLE_MESSAGES - 1).map(|at| format!("\n{}:", turns[at % 2]));
                Ok(Asked {
                    prompt,
                    special_tokens: true,
                    lead: lead(question, true),
                    gap,
                    between: between.collect(),
                    label: String::new(),
                })
            }
        }
    }

    /// What the examples say in a section.
    pub(super) fn examples(&self, section: Section) -> &[String] {
        match self {
            Self::Layout(shots) => shots.parts(section),
            Self::Instructions { .. } | Self::Raw => &[],
        }
    }

    /// The names of the examples that are not in the cast.
    pub(super) fn strangers(&self, character: &Character) -> Vec<String> {
        match self {
            Self::Layout(shots) => shots.strangers(&[&character.name, &character.user]),
            Self::Instructions { .. } | Self::Raw => Vec::new(),
        }
    }
}

/// The head of the system text up to the name, or the turn of the greeting after what was written.
fn raw(format: &Format, question: &Question<'_>) -> Result<Asked> {
    let character = question.character;
    let mut conversation = character.conversation(question.length);
    if question.section == Section::Persona {
        conversation.messages.clear();
    }
    let rendered = format.render(&conversation)?;
    let end = if question.section == Section::Persona {
        let name = rendered
            .find(&character.name)
            .map(|at| at + character.name.len());
        name.unwrap_or(rendered.len())
    } else {
        rendered.find(HOLE).unwrap_or(rendered.len())
    };
    // What follows the name goes on from it without a blank.
    let (gap, label) = match question.section {
        Section::Persona => ("", rendered[end..].split(HOLE).next().unwrap_or_default()),
        _ => (" ", ""),
    };
    Ok(Asked {
        prompt: rendered[..end].trim_end().to_owned(),
        special_tokens: false,
        lead: String::new(),
        gap,
        between: Vec::new(),
        label: label.trim_end().to_owned(),
    })
}

fn layout(shots: &Shots, format: &Format, question: &Question<'_>) -> Result<Asked> {
    let conversation = cast(question);
    let rendered = format.render(&conversation)?;
    let prompt_of = |text: &str| format!("{}{}", shots.text(), text.trim_end());
    let mut between = Vec::new();
    let prompt = if question.section == Section::Lorebook {
        // No layout has a place for it: it goes on after the last section that is written.
        let known = [
            &conversation.scenario,
            &conversation.user_persona,
            &conversation.char_persona,
        ];
        let last = known
            .into_iter()
            .find(|text| !text.is_empty() && *text != HOLE);
        let end = last.and_then(|text| Some(rendered.find(text.as_str())? + text.len()));
        format!("{}\n\n", prompt_of(&rendered[..end.unwrap_or(0)]))
    } else if format.loses().contains(&Field::CharPersona) {
        inferred(&rendered, question)
    } else {
        let mut pieces = rendered.split(HOLE);
        let prompt = prompt_of(pieces.next().unwrap_or_default());
        if question.section == Section::Examples {
            between = pieces.map(|piece| piece.trim_end().to_owned()).collect();
            between.truncate(EXAMPLE_MESSAGES - 1);
        }
        prompt
    };
    Ok(Asked {
        prompt,
        special_tokens: false,
        lead: lead(question, false),
        gap: if question.section == Section::Lorebook {
            ""
        } else {
            " "
        },
        between,
        label: String::new(),
    })
}

/// The conversation whose first hole is what is asked for.
fn cast(question: &Question<'_>) -> Conversation {
    let mut conversation = question.character.conversation(question.length);
    let message = |role, text: &str| Message {
        role,
        text: text.into(),
    };
    match question.section {
        Section::Examples => {
            let roles = if conversation.messages.is_empty() {
                [Role::Char, Role::User]
            } else {
                [Role::User, Role::Char]
            };
            let turns = (0..EXAMPLE_MESSAGES).map(|at| message(roles[at % 2], HOLE));
            conversation.messages.extend(turns);
            conversation.open = None;
        }
        Section::Greeting | Section::Lorebook => {}
        _ => {
            conversation.messages = question.chat.to_vec();
            conversation.open = question.chat.is_empty().then_some(Role::Char);
        }
    }
    conversation
}

/// LimaRP-perscengen: the conversation, then what can be said of it under labels. The prompt ends with the first label.
fn inferred(rendered: &str, question: &Question<'_>) -> String {
    let character = question.character;
    let mut prompt = rendered.trim_end().to_owned();
    let user = "<SECOND>'s Persona:";
    if question.section >= Section::UserPersona {
        prompt = format!("{prompt} {}\n\n{user}", character.persona);
    }
    if question.section >= Section::Scenario {
        prompt = format!("{prompt} {}\n\nScenario:", character.user_persona);
    }
    // The model was taught placeholders and, as its card says, proper names too.
    prompt
        .replace("<FIRST>", &character.name)
        .replace("<SECOND>", &character.user)
}

static SYSTEM: &str = include_str!("../../templates/generate/system.txt");

fn said<'a>(role: &'a str, content: &'a str) -> Said<'a> {
    Said {
        role,
        content,
        name: None,
    }
}

/// The requests, one template for each section.
fn requests() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (section, source) in [
        (
            Section::Persona,
            include_str!("../../templates/generate/persona.jinja"),
        ),
        (
            Section::UserPersona,
            include_str!("../../templates/generate/user_persona.jinja"),
        ),
        (
            Section::Scenario,
            include_str!("../../templates/generate/scenario.jinja"),
        ),
        (
            Section::Greeting,
            include_str!("../../templates/generate/greeting.jinja"),
        ),
        (
            Section::Examples,
            include_str!("../../templates/generate/examples.jinja"),
        ),
        (
            Section::Lorebook,
            include_str!("../../templates/generate/lorebook.jinja"),
        ),
    ] {
        environment
            .add_template(section.key(), source)
            .map_err(wrong_request)?;
    }
    Ok(environment)
}

fn request(
    requests: &Environment<'static>,
    question: &Question<'_>,
    section: Section,
) -> Result<String> {
    let character = question.character;
    let (idea, user_idea) = ideas(character);
    let written = |text: &str| {
        if text == HOLE {
            String::new()
        } else {
            text.to_owned()
        }
    };
    requests
        .get_template(section.key())
        .and_then(|template| {
            template.render(context! {
                name => character.name.as_str(),
                user => character.user.as_str(),
                who => question.idea.map_or_else(|| who(&idea), str::to_owned),
                user_who => who(&user_idea),
                pronouns => pronouns(&character.name),
                user_pronouns => pronouns(&character.user),
                place => idea.place,
                topic => topic(character.seed, question.part),
                chat => transcript(question),
                given_scenario => if character.persona == HOLE { written(&character.scenario) } else { String::new() },
            })
        })
        .map_err(wrong_request)
}

/// The conversation as people read it.
fn transcript(question: &Question<'_>) -> String {
    let name = |role| match role {
        Role::Char => &question.character.name,
        Role::User => &question.character.user,
    };
    let lines: Vec<_> = question
        .chat
        .iter()
        .map(|message| format!("{}: {}", name(message.role), message.text))
        .collect();
    lines.join("\n\n")
}

fn wrong_request(error: minijinja::Error) -> Error {
    Error::new(
        Kind::Format,
        "a request of the generator is not a valid template",
    )
    .source(error)
}

/// The ideas of the character and of the user's role.
fn ideas(character: &Character) -> (Idea, Idea) {
    (Idea::drawn(character.seed), Idea::drawn(!character.seed))
}

/// What an entry of the lorebook is about, with its article.
pub(super) fn topic(seed: u64, part: usize) -> &'static str {
    topics(seed, ENTRIES).get(part).copied().unwrap_or_default()
}

/// The pronouns that usually go with a name; empty where it does not tell.
fn pronouns(name: &str) -> &'static str {
    match names::presence(name) {
        Some(Presence::Feminine) => "she and her",
        Some(Presence::Masculine) => "he and his",
        _ => "",
    }
}

/// "a stubborn glassblower".
fn who(idea: &Idea) -> String {
    let article = if idea.quality.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    let article = if idea.quality == "honest" {
        "an"
    } else {
        article
    };
    format!("{article} {} {}", idea.quality, idea.occupation)
}

/// The first words of a section: they name the one it is about, and say an adult's age. A model that was taught the
/// layout says more by itself, unless somebody said what the character is about.
fn lead(question: &Question<'_>, is_instructed: bool) -> String {
    let character = question.character;
    if question.section == Section::Lorebook {
        let topic = topic(character.seed, question.part);
        let mut chars = topic.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        return first.into_iter().chain(chars).collect();
    }
    if question.section == Section::Persona
        && let Some(idea) = question.idea
    {
        return with_idea(&character.name, idea);
    }
    if !is_instructed {
        // Nine of ten personas that it was taught begin so; one that never names its owner would be written again.
        return match question.section {
            Section::Persona => character.name.clone(),
            Section::UserPersona => character.user.clone(),
            _ => String::new(),
        };
    }
    let (idea, user_idea) = ideas(character);
    let introduced =
        |name: &str, idea: &Idea| format!("{name} is a {}-year-old {}", idea.age, idea.occupation);
    let is_inferred = !question.chat.is_empty();
    match question.section {
        Section::Persona if is_inferred => format!("{} is", character.name),
        Section::UserPersona if is_inferred => format!("{} is", character.user),
        Section::Persona => introduced(&character.name, &idea),
        Section::UserPersona => introduced(&character.user, &user_idea),
        Section::Scenario => character.user.clone(),
        Section::Greeting => character.name.clone(),
        Section::Examples | Section::Lorebook => String::new(),
    }
}

/// "Ottilie is a ferrywoman who has never left her river" of "a ferrywoman who has never left her river".
fn with_idea(name: &str, idea: &str) -> String {
    let idea = idea.trim().trim_end_matches(['.', '!', '?']);
    let first = idea.split_whitespace().next().unwrap_or_default();
    if matches!(first.to_lowercase().as_str(), "a" | "an" | "the" | "one") {
        let rest = idea[first.len()..].to_owned();
        format!("{name} is {}{rest}", first.to_lowercase())
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idea_with_an_article_begins_the_persona() {
        assert_eq!(
            with_idea("Ottilie", "A ferrywoman of the Oder."),
            "Ottilie is a ferrywoman of the Oder"
        );
        assert_eq!(with_idea("Ottilie", "lighthouses, loneliness"), "Ottilie");
    }
}
