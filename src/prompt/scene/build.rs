//! A scene from a card, a chat and lorebooks.

use serde_json::Value;

use super::{Fields, Insert, LoreEntry, Note, NotePlace, Part, Said, Scene, examples};
use crate::card::Card;
use crate::prompt::chat_file::ChatFile;
use crate::prompt::lore::{
    Activation, Lore, Position, Rules, Scan, Sources, Timed, Trigger, Who, activate,
};
use crate::prompt::macros::{Context, Variables, expand};
use crate::prompt::{Cast, Conversation, Counter, Role, Voice};
use crate::{Finding, Result};

/// Where SillyTavern inserts a card's depth prompt when the card does not say.
const DEFAULT_DEPTH: usize = 4;

/// What goes on besides the card: the chat so far, and further lorebooks.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The chat so far; `None` begins with the greeting.
    pub chat: Option<&'a ChatFile>,
    /// Entries of other lorebooks than the card's own.
    pub lore: &'a [Lore],
    /// How entries are looked for.
    pub rules: Rules,
    /// The tokens that the prompt may have, of which the lorebooks get their share; `None` is no limit.
    pub room: Option<usize>,
    /// What the turn is that is to be written.
    pub trigger: Trigger,
    /// The name of the card's file without its ending, by which entries may say whom they are for; empty where there is
    /// none.
    pub file: &'a str,
    /// Counts tokens, for the lorebooks' budget.
    pub counter: &'a dyn Counter,
}

impl std::fmt::Debug for Stage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("chat", &self.chat.is_some())
            .field("lore", &self.lore.len())
            .field("rules", &self.rules)
            .field("room", &self.room)
            .field("trigger", &self.trigger)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Default for Stage<'_> {
    fn default() -> Self {
        Self {
            chat: None,
            lore: &[],
            rules: Rules::default(),
            room: None,
            trigger: Trigger::default(),
            file: "",
            counter: &super::estimate,
        }
    }
}

impl Scene {
    /// The scene of a card on a stage, what was noticed on the way, and what lorebook entries have to remember
    /// ([`Timed::keep_in`]).
    ///
    /// # Errors
    ///
    /// Those of the counter.
    pub fn of_card(
        card: &Card,
        cast: &Cast,
        stage: Stage<'_>,
    ) -> Result<(Self, Vec<Finding>, Timed)> {
        let chat = stage.chat;
        let mut cast = cast.clone();
        cast.user = cast.user.or_else(|| Some(chat?.user_name()?.to_owned()));
        if let Some(Value::Object(variables)) = chat.and_then(|chat| chat.metadata("variables")) {
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            cast.variables = variables
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect::<Variables>();
        }
        let overridden = |key: &str| {
            let text = chat.and_then(|chat| chat.metadata(key))?.as_str()?;
            (!text.trim().is_empty()).then(|| text.to_owned())
        };
        cast.scenario = overridden("scenario").or(cast.scenario);
        let (mut conversation, findings, mut context) = Conversation::of_card(card, &cast);
        let mut history = Vec::new();
        let mut noticed = Vec::new();
        match chat {
            None => {
                for message in std::mem::take(&mut conversation.messages) {
                    history.push(Said {
                        voice: message.role.into(),
                        name: conversation.name(message.role).to_owned(),
                        text: message.text,
                        number: 1,
                    });
                }
            }
            Some(chat) => {
                conversation.messages.clear();
                read_chat(chat, &conversation, &context, &mut history, &mut noticed);
                let last = history
                    .iter()
                    .rev()
                    .find(|said| said.voice != Voice::System);
                conversation.open = Some(match last {
                    Some(said) if said.voice == Voice::Char => Role::User,
                    _ => Role::Char,
                });
            }
        }
        context.messages = history.iter().map(Said::message).collect();
        let plain =
            |text: &str, context: &Context| expand(text.trim(), context).text.replace('\r', "");
        let scenario = cast.scenario.clone();
        let mut fields = Fields {
            system: overridden("system_prompt")
                .unwrap_or_else(|| card.system_prompt().trim().to_owned()),
            description: plain(&card.description(), &context),
            personality: plain(&card.personality(), &context),
            scenario: plain(
                &scenario.unwrap_or_else(|| card.scenario().into_owned()),
                &context,
            ),
            persona: conversation.user_persona.clone(),
            post_history: card.post_history_instructions().trim().to_owned(),
            ..Fields::default()
        };
        let depth_prompt = DepthPrompt::of(card);
        let mut book = card
            .lorebook()
            .map(|book| Lore::of_book(&book, &format!("{}'s Lorebook", card.name())))
            .unwrap_or_default();
        book.extend_from_slice(stage.lore);
        let mut rules = stage.rules;
        rules.budget = rules.tokens_in(stage.room);
        let messages: Vec<String> = history
            .iter()
            .map(|said| match rules.include_names {
                true => format!("{}: {}", said.name, said.text),
                false => said.text.clone(),
            })
            .collect();
        let expand_here = |text: &str| expand(text, &context).text;
        let depth_text = plain(&depth_prompt.text, &context);
        let notes = plain(&card.creator_notes(), &context);
        let scan = Scan {
            lore: &book,
            rules,
            messages: messages.iter().map(String::as_str).collect(),
            replies: count(&history, Voice::Char),
            greeting: greeting(card, chat, cast.greeting),
            who: who(card, stage.file),
            trigger: stage.trigger,
            sources: Sources {
                persona: &fields.persona,
                description: &fields.description,
                personality: &fields.personality,
                depth_prompt: &depth_text,
                scenario: &fields.scenario,
                creator_notes: &notes,
            },
            timed: chat.map(Timed::of_chat).unwrap_or_default(),
            seed: cast.seed,
            expand: &expand_here,
            counter: stage.counter,
        };
        let found = activate(&scan)?;
        context.outlets = found.outlets();
        for fate in &found.fates {
            noticed.push(Part {
                name: format!("lore `{}`", book[fate.entry].title),
                tokens: fate.tokens,
                kept: fate.joins,
                reason: fate.reason.clone(),
                within: fate.joins,
            });
        }
        let mut blocks = examples::blocks(&plain(
            &overridden("mes_example").unwrap_or_else(|| card.example_messages().into_owned()),
            &context,
        ));
        let around = |place: &Position| -> Vec<String> {
            found.each_at(place).flat_map(examples::blocks).collect()
        };
        // Each goes above those before it, so that the highest order comes first.
        for text in found.each_at(&Position::ExamplesTop) {
            blocks.splice(0..0, examples::blocks(text));
        }
        blocks.extend(around(&Position::ExamplesBottom));
        let mut inserts = Vec::new();
        let note = chat.map(Note::of).unwrap_or_default();
        if note.is_due(count(&history, Voice::User)) {
            place_note(&note, &found, &context, &mut fields, &mut inserts);
        }
        if !depth_text.is_empty() {
            inserts.push(Insert {
                depth: depth_prompt.depth,
                voice: depth_prompt.voice,
                text: depth_text,
                what: "the card's depth prompt".into(),
            });
        }
        for (depth, voice, text) in found.at_depth(history.len()) {
            inserts.push(Insert {
                depth,
                voice,
                text,
                what: "lore".into(),
            });
        }
        fields.before = found.before();
        fields.after = found.after();
        with_lore(&mut fields.personality, &found.at(&Position::Personality));
        with_lore(&mut fields.scenario, &found.at(&Position::Scenario));
        for (at, _) in &found.joined {
            for prompt in &book[*at].decorators.disable_prompts {
                match prompt.as_str() {
                    "system_prompt" => fields.system.clear(),
                    _ => fields.post_history.clear(),
                }
            }
        }
        let lore = [
            found.at(&Position::Personality),
            found.at(&Position::Scenario),
            fields.before.clone(),
            fields.after.clone(),
            fields.anchor_before.clone(),
            fields.anchor_after.clone(),
        ];
        for text in lore {
            with_lore(
                &mut conversation.scenario,
                &crate::prompt::render::fold(&text),
            );
        }
        let scene = Self {
            cast: conversation,
            fields,
            examples: blocks,
            history,
            inserts,
            noticed,
            lore: entries(&book, &found),
            context,
        };
        Ok((scene, findings, found.timed))
    }
}

/// What became of the entries: those that join in the order of the prompt, then the others.
fn entries(book: &[Lore], found: &Activation) -> Vec<LoreEntry> {
    let entry = |at: usize, text: Option<&String>| LoreEntry {
        id: book[at].id.clone(),
        title: book[at].title.clone(),
        position: book[at].position.clone(),
        reason: found.fates[at].reason.clone(),
        joins: found.fates[at].joins,
        tokens: found.fates[at].tokens,
        text: text.cloned(),
    };
    let placed = found.placed.iter();
    let mut entries: Vec<LoreEntry> = placed.map(|(at, _, text)| entry(*at, Some(text))).collect();
    let is_placed = |at: &usize| found.placed.iter().any(|(other, _, _)| other == at);
    let others = (0..book.len()).filter(|at| !is_placed(at));
    entries.extend(others.map(|at| entry(at, None)));
    entries
}

/// What the character of a card is called. SillyTavern knows characters by their files, which it names after them.
fn who(card: &Card, file: &str) -> Who {
    let name = card.name().into_owned();
    let mut names = vec![name];
    if !file.is_empty() {
        names.push(file.to_owned());
    }
    Who {
        names,
        tags: card.tags(),
    }
}

/// Adds text of the lorebook to a field.
fn with_lore(field: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    if !field.is_empty() {
        field.push(if field.contains('\n') || text.contains('\n') {
            '\n'
        } else {
            ' '
        });
    }
    field.push_str(text);
}

fn count(history: &[Said], voice: Voice) -> usize {
    history.iter().filter(|said| said.voice == voice).count()
}

/// The messages of a chat; the first has its macros replaced, as it comes from the card.
fn read_chat(
    chat: &ChatFile,
    conversation: &Conversation,
    context: &Context,
    history: &mut Vec<Said>,
    noticed: &mut Vec<Part>,
) {
    for (at, message) in chat.messages().iter().enumerate() {
        let number = at + 1;
        if message.is_hidden() {
            noticed.push(Part {
                name: format!("message {number}"),
                tokens: 0,
                kept: false,
                reason: "hidden".into(),
                within: false,
            });
            continue;
        }
        let voice = match (message.is_narration(), message.is_user()) {
            (true, _) => Voice::System,
            (false, true) => Voice::User,
            (false, false) => Voice::Char,
        };
        let name = match (message.name(), voice) {
            ("", Voice::Char) => conversation.char.clone(),
            ("", Voice::User) => conversation.user.clone(),
            (name, _) => name.to_owned(),
        };
        let text = if at == 0 {
            expand(message.text(), context).text
        } else {
            message.text().to_owned()
        };
        history.push(Said {
            voice,
            name,
            text: text.replace('\r', ""),
            number,
        });
    }
}

/// Which greeting a chat began with.
fn greeting(card: &Card, chat: Option<&ChatFile>, chosen: usize) -> Option<usize> {
    let Some(chat) = chat else {
        return Some(chosen);
    };
    let first = chat.messages().first()?;
    let greetings = 1 + card.alternate_greetings().len();
    (first.swipes().len() == greetings).then(|| first.swipe())
}

/// The prompt that a card wants inserted at a depth.
#[derive(Debug, Default)]
struct DepthPrompt {
    text: String,
    depth: usize,
    voice: Voice,
}

impl DepthPrompt {
    fn of(card: &Card) -> Self {
        let Some(prompt) = card.extension("depth_prompt") else {
            return Self::default();
        };
        let text = |key: &str| {
            prompt
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            text: text("prompt"),
            depth: prompt
                .get("depth")
                .and_then(Value::as_u64)
                .and_then(|depth| usize::try_from(depth).ok())
                .unwrap_or(DEFAULT_DEPTH),
            voice: match text("role").as_str() {
                "user" => Voice::User,
                "assistant" => Voice::Char,
                _ => Voice::System,
            },
        }
    }
}

/// Puts the author's note where it belongs, with the lorebook entries above and below it.
fn place_note(
    note: &Note,
    found: &Activation,
    context: &Context,
    fields: &mut Fields,
    inserts: &mut Vec<Insert>,
) {
    let text = format!(
        "{}\n{}\n{}",
        found.at(&Position::NoteTop),
        note.text,
        found.at(&Position::NoteBottom)
    );
    let text = expand(text.trim(), context).text;
    if text.is_empty() {
        return;
    }
    match note.place {
        NotePlace::AfterSystem => fields.anchor_after = text,
        NotePlace::BeforeSystem => fields.anchor_before = text,
        NotePlace::Messages => inserts.push(Insert {
            depth: note.depth,
            voice: note.voice,
            text,
            what: "the author's note".into(),
        }),
    }
}
