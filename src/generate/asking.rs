//! How a model is brought to write a section: the prompt that ends where the section begins.
//!
//! A model that was taught LimaRP is given `<<SYSTEM>>` and the name and goes on by itself. A model that was taught to
//! follow instructions is asked, in its own chat template, one section after the other, with a drawn
//! [idea](super::idea) to work out. Any other model is shown examples in the layout first.

use minijinja::{Environment, UndefinedBehavior, context};

use super::character::Character;
use super::idea::Idea;
use super::names::{self, Presence};
use super::section::Section;
use super::shots::Shots;
use crate::engine::ModelInfo;
use crate::prompt::Format;
use crate::prompt::chat_template::{self, Said};
use crate::{Error, Kind, Result};

/// Stands where a section is to be written, to find where the prompt for it ends. A private-use character: no format and
/// no card holds it.
pub(super) const HOLE: &str = "\u{f8ff}";

/// How a model is asked.
pub(super) enum Asking {
    /// By the layout of the format, after some examples.
    Layout(Shots),
    /// By instructions in the model's chat template.
    Instructions {
        model: Box<ModelInfo>,
        template: String,
        requests: Box<Environment<'static>>,
    },
}

/// A prompt for a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) prompt: String,
    pub(super) special_tokens: bool,
    /// The first words of the section, which end the prompt.
    pub(super) lead: String,
}

impl Asking {
    /// The way that suits a model; `shots` asks for the layout with so many examples.
    pub(super) fn new(
        model: &ModelInfo,
        format: &Format,
        shots: Option<usize>,
        length: Option<&str>,
    ) -> Result<Self> {
        let probe = [said("system", "a"), said("user", "b")];
        let knows_limarp = model.name.to_lowercase().contains("lima");
        if shots.is_none()
            && !knows_limarp
            && let Some(template) = &model.chat_template
            && chat_template::render(template, model.special_tokens(), &probe).is_ok()
        {
            return Ok(Self::Instructions {
                model: Box::new(model.clone()),
                template: template.clone(),
                requests: Box::new(requests()?),
            });
        }
        let shots = shots.unwrap_or(if knows_limarp { 0 } else { 2 });
        Ok(Self::Layout(Shots::new(format, shots, length)?))
    }

    /// The prompt for a section of a character whose earlier sections are written.
    pub(super) fn ask(
        &self,
        format: &Format,
        character: &Character,
        section: Section,
        length: Option<&str>,
    ) -> Result<Asked> {
        match self {
            Self::Layout(shots) => {
                let rendered = format.render(&character.conversation(length))?;
                let end = rendered.find(HOLE).unwrap_or(rendered.len());
                Ok(Asked {
                    prompt: format!("{}{}", shots.text(), rendered[..end].trim_end()),
                    special_tokens: false,
                    lead: String::new(),
                })
            }
            Self::Instructions {
                model,
                template,
                requests,
            } => {
                let written = [
                    (Section::Persona, &character.persona),
                    (Section::UserPersona, &character.user_persona),
                    (Section::Scenario, &character.scenario),
                ];
                let mut messages = vec![("system", SYSTEM.trim_end().to_owned())];
                for (earlier, text) in written
                    .iter()
                    .take_while(|(earlier, _)| *earlier != section)
                {
                    messages.push(("user", request(requests, character, *earlier)?));
                    messages.push(("assistant", (*text).clone()));
                }
                messages.push(("user", request(requests, character, section)?));
                let messages: Vec<_> = messages
                    .iter()
                    .map(|(role, text)| said(role, text))
                    .collect();
                let lead = lead(character, section);
                Ok(Asked {
                    prompt: chat_template::render(template, model.special_tokens(), &messages)?
                        + &lead,
                    special_tokens: true,
                    lead,
                })
            }
        }
    }

    /// What the examples say in a section.
    pub(super) fn examples(&self, section: Section) -> &[String] {
        match self {
            Self::Layout(shots) => shots.parts(section),
            Self::Instructions { .. } => &[],
        }
    }

    /// The names of the examples that are not in the cast.
    pub(super) fn strangers(&self, character: &Character) -> Vec<String> {
        match self {
            Self::Layout(shots) => shots.strangers(&[&character.name, &character.user]),
            Self::Instructions { .. } => Vec::new(),
        }
    }
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
    ] {
        environment
            .add_template(section.name(), source)
            .map_err(wrong_request)?;
    }
    Ok(environment)
}

fn request(
    requests: &Environment<'static>,
    character: &Character,
    section: Section,
) -> Result<String> {
    let (idea, user_idea) = ideas(character);
    requests
        .get_template(section.name())
        .and_then(|template| {
            template.render(context! {
                name => character.name.as_str(),
                user => character.user.as_str(),
                who => who(&idea),
                user_who => who(&user_idea),
                pronouns => pronouns(&character.name),
                user_pronouns => pronouns(&character.user),
                place => idea.place,
            })
        })
        .map_err(wrong_request)
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

/// The first words of a section: they name the one it is about, and say an adult's age.
fn lead(character: &Character, section: Section) -> String {
    let (idea, user_idea) = ideas(character);
    let introduced =
        |name: &str, idea: &Idea| format!("{name} is a {}-year-old {}", idea.age, idea.occupation);
    match section {
        Section::Persona => introduced(&character.name, &idea),
        Section::UserPersona => introduced(&character.user, &user_idea),
        Section::Scenario => character.user.clone(),
        Section::Greeting => character.name.clone(),
    }
}
