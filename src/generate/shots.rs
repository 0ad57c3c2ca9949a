//! The examples that stand before a new character, for models that never saw the format: our own sample cards.

use super::section::Section;
use crate::card::Card;
use crate::prompt::{Cast, Conversation, Format};
use crate::{Error, Kind, Result};

/// The sample cards, in the order in which they serve as examples: the ones least alike first.
static SAMPLES: &[&[u8]] = &[
    include_bytes!("../../cards/marigold.png"),
    include_bytes!("../../cards/anselm.png"),
    include_bytes!("../../cards/okka.png"),
    include_bytes!("../../cards/pell.png"),
    include_bytes!("../../cards/basalt.png"),
];

/// Example conversations, rendered in the format of the new one.
pub(super) struct Shots {
    text: String,
    conversations: Vec<Conversation>,
    personas: Vec<String>,
    user_personas: Vec<String>,
    scenarios: Vec<String>,
    greetings: Vec<String>,
}

impl Shots {
    /// The first `count` samples in `format`, each with its greeting.
    pub(super) fn new(format: &Format, count: usize, length: Option<&str>) -> Result<Self> {
        if count > SAMPLES.len() {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "{count} examples were asked for, there are {}",
                    SAMPLES.len()
                ),
            ));
        }
        let mut text = String::new();
        let mut conversations = Vec::new();
        for bytes in &SAMPLES[..count] {
            let card = Card::from_bytes(bytes)?.card;
            let cast = Cast {
                length: length.map(str::to_owned),
                ..Cast::default()
            };
            let (mut conversation, _) = Conversation::from_card(&card, &cast);
            conversation.open = None;
            text.push_str(format.render(&conversation)?.trim_end());
            text.push_str("\n\n");
            conversations.push(conversation);
        }
        let all = |part: fn(&Conversation) -> String| conversations.iter().map(part).collect();
        Ok(Self {
            text,
            personas: all(|c| c.char_persona.clone()),
            user_personas: all(|c| c.user_persona.clone()),
            scenarios: all(|c| c.scenario.clone()),
            greetings: all(|c| c.messages.iter().map(|m| m.text.as_str()).collect()),
            conversations,
        })
    }

    /// The rendered examples, ready for the new character to follow.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What the examples say in a section.
    pub(super) fn parts(&self, section: Section) -> &[String] {
        match section {
            Section::Persona => &self.personas,
            Section::UserPersona => &self.user_personas,
            Section::Scenario => &self.scenarios,
            Section::Greeting => &self.greetings,
            Section::Examples | Section::Lorebook => &[],
        }
    }

    /// The names of the examples that are not in `cast`.
    pub(super) fn strangers(&self, cast: &[&String]) -> Vec<String> {
        self.conversations
            .iter()
            .flat_map(|c| [&c.char, &c.user])
            .filter(|name| !cast.contains(name))
            .cloned()
            .collect()
    }
}
