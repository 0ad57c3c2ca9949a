//! Macros that look something up: names, card fields, the chat, and what only a chat window knows.

use super::evaluate::{Call, Evaluator};
use super::table::Row;
use super::{Context, Reason};
use crate::prompt::{Message, Role};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["char"], 0..=0, |e, _| Ok(e.context.char.clone())),
    Row::new(&["user"], 0..=0, |e, _| Ok(e.context.user.clone())),
    Row::new(&["group", "charifnotgroup"], 0..=0, |e, _| {
        Ok(group(e.context, |_| true))
    }),
    Row::new(&["groupnotmuted"], 0..=0, |e, _| {
        Ok(group(e.context, |name| !e.context.muted.contains(name)))
    }),
    Row::new(&["notchar"], 0..=0, |e, _| {
        let context = e.context;
        Ok(if context.group.is_empty() {
            context.user.clone()
        } else {
            group(context, |name| *name != context.char)
        })
    }),
    Row::new(&["persona"], 0..=0, |e, call| {
        field(e, call, |c| &c.persona)
    }),
    Row::new(&["chardescription", "description"], 0..=0, |e, call| {
        field(e, call, |c| &c.description)
    }),
    Row::new(&["charpersonality", "personality"], 0..=0, |e, call| {
        field(e, call, |c| &c.personality)
    }),
    Row::new(&["charscenario", "scenario"], 0..=0, |e, call| {
        field(e, call, |c| &c.scenario)
    }),
    Row::new(&["mesexamplesraw"], 0..=0, |e, call| {
        field(e, call, |c| &c.examples)
    }),
    Row::new(&["mesexamples"], 0..=0, examples),
    Row::new(&["charprompt"], 0..=0, |e, call| {
        field(e, call, |c| &c.system_prompt)
    }),
    Row::new(&["charinstruction"], 0..=0, |e, call| {
        field(e, call, |c| &c.post_history)
    }),
    Row::new(&["chardepthprompt"], 0..=0, |e, call| {
        field(e, call, |c| &c.depth_prompt)
    }),
    Row::new(&["charcreatornotes", "creatornotes"], 0..=0, |e, call| {
        field(e, call, |c| &c.creator_notes)
    }),
    Row::new(
        &["charversion", "version", "char_version"],
        0..=0,
        |e, call| {
            Ok(if call.text.field {
                String::new()
            } else {
                e.context.version.clone()
            })
        },
    ),
    Row::new(&["charfirstmessage", "greeting"], 0..=1, greeting).whole(),
    Row::new(&["model"], 0..=0, |e, _| Ok(e.context.model.clone())),
    Row::new(&["original"], 0..=0, original),
    Row::new(&["lastmessage"], 0..=0, |e, _| {
        Ok(last(e.context, |_| true))
    }),
    Row::new(&["lastusermessage"], 0..=0, |e, _| {
        Ok(last(e.context, |message| message.role == Role::User))
    }),
    Row::new(&["lastcharmessage"], 0..=0, |e, _| {
        Ok(last(e.context, |message| message.role == Role::Char))
    }),
    Row::new(&["lastmessageid"], 0..=0, |e, _| {
        let last = e.context.messages.len().checked_sub(1);
        Ok(last.map_or_else(String::new, |last| last.to_string()))
    }),
    Row::new(&["allchatrange"], 0..=0, |e, _| {
        let last = e.context.messages.len().checked_sub(1);
        Ok(last.map_or_else(String::new, |last| format!("0-{last}")))
    }),
];

/// The members of the group that `wanted` keeps; outside of a group, the character.
fn group(context: &Context, wanted: impl Fn(&String) -> bool) -> String {
    if context.group.is_empty() {
        return context.char.clone();
    }
    let members: Vec<&str> = context
        .group
        .iter()
        .filter(|name| wanted(name))
        .map(String::as_str)
        .collect();
    members.join(", ")
}

/// A card field, its own macros replaced. Inside a card field, card fields are empty: that ends every circle.
fn field(
    evaluator: &mut Evaluator<'_>,
    call: &Call<'_>,
    field: impl Fn(&Context) -> &str,
) -> Result<String, Reason> {
    if call.text.field {
        return Ok(String::new());
    }
    let context = evaluator.context;
    Ok(evaluator.field(field(context), call))
}

fn greeting(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let index = call
        .arguments
        .first()
        .map_or(0.0, |index| super::number::parse(index));
    field(evaluator, call, |context| {
        if index == 0.0 {
            return &context.greeting;
        }
        // A number too large or negative saturates to one that no card has.
        let other = context.alternate_greetings.get((index - 1.0) as usize);
        other.filter(|_| index > 0.0).map_or("", String::as_str)
    })
}

/// The example dialogue, block by block, each under the separator.
fn examples(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let text = field(evaluator, call, |context| &context.examples)?;
    if text.is_empty() || text == "<START>" {
        return Ok(String::new());
    }
    let context = evaluator.context;
    let separator = context.values.iter().find(|(name, _)| {
        ["exampleSeparator", "chatSeparator"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
    });
    let heading = match separator {
        Some((_, separator)) if !separator.is_empty() => format!("{separator}\n"),
        _ => String::new(),
    };
    // Upper case changes no byte's place here: only ASCII letters are changed.
    let upper = text.to_ascii_uppercase();
    let mut output = String::new();
    let mut at = if upper.starts_with("<START>") {
        "<START>".len()
    } else {
        0
    };
    loop {
        let end = upper[at..]
            .find("<START>")
            .map_or(text.len(), |found| at + found);
        output.push_str(&heading);
        output.push_str(super::lexer::trim(&text[at..end]));
        output.push('\n');
        if end == text.len() {
            return Ok(output);
        }
        at = end + "<START>".len();
    }
}

/// The text that is overridden, the first time; then nothing.
fn original(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    match &evaluator.context.original {
        Some(original) if !call.text.field => {
            let first = !std::mem::replace(&mut evaluator.original_given, true);
            Ok(if first {
                original.clone()
            } else {
                String::new()
            })
        }
        _ => Err(Reason::NeedsFrontEnd),
    }
}

fn last(context: &Context, wanted: impl Fn(&Message) -> bool) -> String {
    let mut messages = context.messages.iter().rev();
    let found = messages.find(|message| wanted(message));
    found.map_or_else(String::new, |message| message.text.clone())
}
