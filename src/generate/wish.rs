//! What is asked for: a character from nothing, from a name, an idea, a card or a conversation.

use super::section::Section;
use crate::card::Card;
use crate::prompt::{Cast, Conversation, Message};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The character's name; `None` draws one from the seed.
    pub name: Option<String>,
    /// The user's name; `None` draws one from the seed.
    pub user: Option<String>,
    /// Decides everything that is left open; the same seed gives the same character.
    pub seed: u64,
    /// What the character is about, in a line such as `a ferrywoman who has never left her river`. Default: drawn.
    pub idea: Option<String>,
    /// The sections to write; they bring what they go on from. Default: those of [`Section::CARD`].
    pub sections: Vec<Section>,
    /// The length of the greeting, as a length word of the format. Default: that of [`Options`](super::Options).
    pub length: Option<String>,
    /// What is known already.
    pub known: Known,
}

/// What is known of a character: it is kept, and what is missing goes on from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// What the character is like.
    pub persona: Option<String>,
    /// What the role of the user is like.
    pub user_persona: Option<String>,
    /// Where they meet.
    pub scenario: Option<String>,
    /// The first message.
    pub greeting: Option<String>,
    /// Whether there are example messages.
    pub has_examples: bool,
    /// Whether there is a lorebook.
    pub has_lorebook: bool,
    /// A conversation from which the two can be inferred.
    pub chat: Vec<Message>,
}

impl Known {
    /// What a card says, in the names of the two: for a user called `user`, where the card has no name for one.
    #[must_use]
    pub fn of_card(card: &Card, user: Option<&str>) -> (Self, Conversation) {
        let cast = Cast {
            user: user.map(str::to_owned),
            ..Cast::default()
        };
        let (conversation, _) = Conversation::from_card(card, &cast);
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        let known = Self {
            persona: some(&conversation.char_persona),
            user_persona: some(&conversation.user_persona),
            scenario: some(&conversation.scenario),
            greeting: conversation
                .messages
                .first()
                .and_then(|message| some(&message.text)),
            has_examples: !card.example_messages().trim().is_empty(),
            has_lorebook: card.lorebook().is_some_and(|book| !book.entries.is_empty()),
            chat: Vec::new(),
        };
        (known, conversation)
    }

    /// Whether a section is there.
    #[must_use]
    pub fn has(&self, section: Section) -> bool {
        match section {
            Section::Persona => self.persona.is_some(),
            Section::UserPersona => self.user_persona.is_some(),
            Section::Scenario => self.scenario.is_some(),
            Section::Greeting => self.greeting.is_some(),
            Section::Examples => self.has_examples,
            Section::Lorebook => self.has_lorebook,
        }
    }

    /// Forgets a section, so that it is written anew.
    pub fn forget(&mut self, section: Section) {
        match section {
            Section::Persona => self.persona = None,
            Section::UserPersona => self.user_persona = None,
            Section::Scenario => self.scenario = None,
            Section::Greeting => self.greeting = None,
            Section::Examples => self.has_examples = false,
            Section::Lorebook => self.has_lorebook = false,
        }
    }
}
