//! The chat template of a model as a prompt format: what a scene says becomes messages, and the template writes them.
//!
//! Templates differ in what they take: some know no system message, some want the two to take turns, the user first. The
//! messages are offered as they are, and then in simpler shapes, until the template takes them.

use super::chat_template::{Said, Tokens, render_open};
use super::scene::{Kept, Scene, in_two_voices};
use super::{Conversation, Message, Role, say};
use crate::Result;

/// What the user says where a template wants to hear the user first.
const ALIGNMENT: &str = "Let us begin.";

/// A model's chat template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChatTemplate {
    pub(super) source: String,
    pub(super) begin: String,
    pub(super) end: String,
}

impl ChatTemplate {
    pub(super) fn write(&self, scene: &Scene, kept: &Kept<'_>) -> Result<String> {
        let conversation = in_two_voices(scene, kept);
        self.render(&conversation)
    }

    /// Strings that end a reply: the end of text, and the user's name at the start of a line.
    pub(super) fn stops(&self, conversation: &Conversation) -> Vec<String> {
        let mut stops = vec![format!("\n{}:", conversation.user)];
        if !self.end.is_empty() {
            stops.insert(0, self.end.clone());
        }
        stops
    }

    pub(super) fn render(&self, conversation: &Conversation) -> Result<String> {
        let system = system_text(conversation);
        let (mut plain, mut joined) = (Vec::new(), Vec::new());
        for Message { role, text } in &conversation.messages {
            plain.push((name(*role), text.trim().to_owned()));
            say(&mut joined, *role, text.trim().to_owned());
        }
        let joined = joined.into_iter();
        let mut taking_turns: Vec<_> = joined.map(|said| (name(said.role), said.text)).collect();
        if taking_turns
            .first()
            .is_none_or(|(role, _)| *role == "assistant")
        {
            taking_turns.insert(0, ("user", ALIGNMENT.to_owned()));
        }
        let mut without_system = taking_turns.clone();
        without_system[0].1 = format!("{system}\n\n{}", without_system[0].1);
        let with_system = |messages: &[(&'static str, String)]| {
            let mut all = vec![("system", system.clone())];
            all.extend_from_slice(messages);
            all
        };
        let shapes = [
            with_system(&plain),
            with_system(&taking_turns),
            without_system,
        ];
        let mut first_refusal = None;
        for shape in shapes {
            let said: Vec<Said<'_>> = shape
                .iter()
                .map(|(role, content)| Said {
                    role,
                    content,
                    name: None,
                })
                .collect();
            let tokens = Tokens {
                begin: &self.begin,
                end: &self.end,
            };
            let opens = conversation.open == Some(Role::Char);
            match render_open(&self.source, tokens, &said, opens) {
                // A template may drop what it does not expect instead of refusing it.
                Ok(text) if said.iter().all(|said| text.contains(said.content.trim())) => {
                    return Ok(text);
                }
                Ok(text) => {
                    first_refusal.get_or_insert(Ok(text));
                }
                Err(error) => {
                    first_refusal.get_or_insert(Err(error));
                }
            }
        }
        first_refusal.unwrap_or_else(|| Ok(String::new()))
    }
}

/// Who the two are and what is asked, as a system message.
fn system_text(conversation: &Conversation) -> String {
    let Conversation { char, user, .. } = conversation;
    let mut paragraphs = Vec::new();
    for (label, text) in [
        (format!("{char}'s Persona: "), &conversation.char_persona),
        (format!("{user}'s Persona: "), &conversation.user_persona),
        ("Scenario: ".to_owned(), &conversation.scenario),
    ] {
        if !text.is_empty() {
            paragraphs.push(format!("{label}{text}"));
        }
    }
    paragraphs.push(conversation.instruction.clone().unwrap_or_else(|| {
        let length = conversation.length.as_ref().map_or_else(String::new, |word| {
            format!(" {char} should respond with messages of {word} length.")
        });
        format!(
            "Play the role of {char}. You must engage in a roleplaying chat with {user} below this line. Do not write \
             dialogues and narration for {user}.{length}"
        )
    }));
    paragraphs.join("\n\n")
}

/// What templates call the two.
fn name(role: Role) -> &'static str {
    match role {
        Role::Char => "assistant",
        Role::User => "user",
    }
}
