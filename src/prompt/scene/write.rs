//! A scene in a format: one of ours, a pair of SillyTavern presets, or a model's own chat template.

use super::{Insert, Item, Kept, Scene};
use crate::Result;
use crate::prompt::format::{Body, Format};
use crate::prompt::render::fold;
use crate::prompt::tavern::{Cast, Place, Tavern, Values, individual};
use crate::prompt::{Conversation, Message, Role, Voice};

impl Scene {
    /// Runs `work` with the names and the macros of the scene.
    pub(in crate::prompt) fn with_cast<T>(&self, work: impl FnOnce(Cast<'_>) -> T) -> T {
        let expand = |text: &str| self.expand(text);
        work(Cast {
            user: &self.cast.user,
            char: &self.cast.char,
            expand: &expand,
        })
    }
}

impl Format {
    /// What the format itself inserts among the messages: a story string that stands there.
    pub(super) fn own_inserts(&self, scene: &Scene) -> Result<Vec<Insert>> {
        let Body::Tavern(tavern) = &self.body else {
            return Ok(Vec::new());
        };
        let Some((depth, voice)) = tavern.context.in_chat else {
            return Ok(Vec::new());
        };
        Ok(vec![Insert {
            depth,
            voice,
            text: story(tavern, scene)?,
            what: "the story string".into(),
        }])
    }

    /// The instruction after the chat.
    pub(super) fn after_history(&self, scene: &Scene) -> String {
        let own = match &self.body {
            Body::Tavern(tavern) => tavern.post_history.as_str(),
            _ => "",
        };
        scene.overriding(&scene.fields.post_history, own)
    }

    /// The example dialogues as the format writes them; none where it has no place for them.
    pub(super) fn example_texts(&self, scene: &Scene) -> Vec<String> {
        match &self.body {
            Body::Tavern(tavern) => scene.with_cast(|cast| {
                let blocks = tavern.examples(&scene.examples, cast);
                blocks.iter().map(|lines| lines.concat()).collect()
            }),
            _ if self.is_limarp() || self.loses_open() => Vec::new(),
            _ => scene
                .examples
                .iter()
                .filter(|block| !individual(block, &scene.cast.user, &scene.cast.char).is_empty())
                .cloned()
                .collect(),
        }
    }

    /// A message or an insert as it stands in the prompt, about: for counting.
    pub(super) fn item_text(&self, scene: &Scene, items: &[Item<'_>], at: usize) -> String {
        let item = &items[at];
        if let Body::Tavern(tavern) = &self.body {
            return scene.with_cast(|cast| {
                let name = item.name(&scene.cast);
                tavern.turn(item.voice(), name, item.text(), place(items, at), cast)
            });
        }
        let Item::Said(said) = item else {
            return format!("{}\n\n", item.text());
        };
        let role = match said.voice {
            Voice::System => return format!("{}\n\n", said.text),
            Voice::User => Role::User,
            Voice::Char => Role::Char,
        };
        let tag = &self.side(role).tags[0];
        format!("{tag}\n{}: {}\n\n", said.name, said.text)
    }

    /// The system text with the open turn, for counting.
    pub(super) fn head_text(&self, scene: &Scene) -> Result<String> {
        let nothing = Kept {
            items: Vec::new(),
            all: &[],
            examples: 0,
        };
        self.write(scene, &nothing)
    }

    /// What the system text is made of, for people.
    pub(super) fn fields_shown(&self, scene: &Scene) -> Vec<(String, String)> {
        let (cast, fields) = (&scene.cast, &scene.fields);
        let persona = |name: &str| format!("persona of {name}");
        match &self.body {
            Body::Tavern(tavern) => {
                let system = scene.overriding(&fields.system, &tavern.content);
                vec![
                    ("system prompt".into(), system),
                    ("description".into(), fields.description.clone()),
                    ("personality".into(), fields.personality.clone()),
                    ("scenario".into(), fields.scenario.clone()),
                    (persona(&cast.user), fields.persona.clone()),
                    ("author's note above".into(), fields.anchor_before.clone()),
                    ("author's note below".into(), fields.anchor_after.clone()),
                ]
            }
            _ => {
                let carried = self.carried(cast);
                let instruction = carried
                    .instruction
                    .clone()
                    .unwrap_or_else(|| self.default_instruction(&carried));
                vec![
                    (persona(&cast.char), carried.char_persona.clone()),
                    (persona(&cast.user), carried.user_persona.clone()),
                    ("scenario".into(), carried.scenario.clone()),
                    ("instruction".into(), instruction),
                ]
            }
        }
    }

    /// What the card has and the format does not take.
    pub(super) fn fields_ignored(&self, scene: &Scene) -> Vec<(&'static str, String)> {
        match &self.body {
            Body::Tavern(_) => Vec::new(),
            _ if scene.cast.instruction.is_some() => Vec::new(),
            _ => vec![("the card's system prompt", scene.fields.system.clone())],
        }
    }

    /// The prompt of what is kept of a scene.
    pub(in crate::prompt) fn write(&self, scene: &Scene, kept: &Kept<'_>) -> Result<String> {
        match &self.body {
            Body::Tavern(tavern) => by_presets(tavern, scene, kept),
            Body::Chat(template) => template.write(scene, kept),
            Body::Template => self.render(&in_two_voices(scene, kept)),
        }
    }
}

impl Scene {
    /// The card's text where it has one, with `{{original}}` in it replaced by the preset's, else the preset's.
    fn overriding(&self, of_card: &str, own: &str) -> String {
        if of_card.is_empty() {
            return self.expand(own);
        }
        let mut context = self.context.clone();
        context.original = Some(own.to_owned());
        let text = super::expand(of_card, &context).text;
        self.expand(&text)
    }
}

/// The scene as a conversation of two: what nobody says joins the message before it as a paragraph of its own, since formats
/// of ours have no third voice; what stands above all messages joins the scenario.
pub(in crate::prompt) fn in_two_voices(scene: &Scene, kept: &Kept<'_>) -> Conversation {
    let mut conversation = scene.cast.clone();
    let blocks = scene.examples.iter();
    let blocks = blocks.map(|block| individual(block, &scene.cast.user, &scene.cast.char));
    for turns in blocks.filter(|turns| !turns.is_empty()).take(kept.examples) {
        let turns = turns.into_iter().filter(|(_, text)| !text.is_empty());
        let turns = turns.map(|(role, text)| Message { role, text });
        conversation.messages.extend(turns);
    }
    for item in &kept.items {
        let text = item.text().trim();
        let said = match item {
            Item::After(_) => None,
            _ => match item.voice() {
                Voice::System => None,
                Voice::User => Some(Role::User),
                Voice::Char => Some(Role::Char),
            },
        };
        match (said, conversation.messages.last_mut()) {
            (Some(role), _) => conversation.messages.push(Message {
                role,
                text: text.to_owned(),
            }),
            (None, Some(message)) => {
                message.text.push_str("\n\n");
                message.text.push_str(text);
            }
            (None, None) => {
                let scenario = &mut conversation.scenario;
                if !scenario.is_empty() {
                    scenario.push(' ');
                }
                scenario.push_str(&fold(text));
            }
        }
    }
    conversation
}

/// Whether an item is the first of all or the last of the user's.
fn place(items: &[Item<'_>], at: usize) -> Place {
    let is_users = |item: &Item<'_>| item.voice() == Voice::User;
    if items.iter().rposition(is_users) == Some(at) {
        Place::LastOfUser
    } else if at == 0 {
        Place::First
    } else {
        Place::Between
    }
}

fn story(tavern: &Tavern, scene: &Scene) -> Result<String> {
    let fields = &scene.fields;
    let system = tavern.system(&scene.overriding(&fields.system, &tavern.content));
    scene.with_cast(|cast| {
        let examples = tavern.examples(&scene.examples, cast).concat().concat();
        let raw: Vec<String> = scene
            .examples
            .iter()
            .map(|block| format!("<START>\n{block}\n"))
            .collect();
        let raw = raw.concat();
        let values: Values<'_> = [
            ("description", fields.description.as_str()),
            ("personality", &fields.personality),
            ("persona", &fields.persona),
            ("scenario", &fields.scenario),
            ("system", &system),
            ("char", cast.char),
            ("user", cast.user),
            ("wiBefore", &fields.before),
            ("wiAfter", &fields.after),
            ("loreBefore", &fields.before),
            ("loreAfter", &fields.after),
            ("anchorBefore", fields.anchor_before.trim()),
            ("anchorAfter", fields.anchor_after.trim()),
            ("mesExamples", &examples),
            ("mesExamplesRaw", &raw),
        ]
        .into();
        tavern.story(&values, cast)
    })
}

/// The prompt as SillyTavern puts it together.
fn by_presets(tavern: &Tavern, scene: &Scene, kept: &Kept<'_>) -> Result<String> {
    let mut prompt = if tavern.context.in_chat.is_some() {
        String::new()
    } else {
        story(tavern, scene)?
    };
    scene.with_cast(|cast| {
        let examples = tavern.examples(&scene.examples, cast);
        prompt.push_str(
            &examples[..kept.examples.min(examples.len())]
                .concat()
                .concat(),
        );
        prompt.push_str(&tavern.chat_start(cast));
        let begins_with_user = kept
            .items
            .first()
            .is_some_and(|item| item.voice() == Voice::User);
        if !begins_with_user {
            prompt.push_str(&tavern.alignment(cast));
        }
        let mut last = String::new();
        for item in &kept.items {
            prompt.push_str(&last);
            let at = kept.all.iter().position(|other| std::ptr::eq(other, *item));
            let place = at.map_or(Place::Between, |at| place(kept.all, at));
            last = tavern.turn(
                item.voice(),
                item.name(&scene.cast),
                item.text(),
                place,
                cast,
            );
        }
        if let Some(role) = scene.cast.open {
            if tavern.instruct.wrap && last.ends_with('\n') {
                last.pop();
            }
            last.push_str(&tavern.reply(role, cast));
        }
        prompt.push_str(&last);
    });
    Ok(prompt.replace('\r', ""))
}
