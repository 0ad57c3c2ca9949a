//! Messages of a chat, written as a prompt: by the model's own chat template, or in a format of ours.
//!
//! Both are rendered here rather than by the engine, so that every engine has the same chat.

use serde_json::Value as Json;

use super::App;
use super::fields::{Fields, wrong};
use super::question::Prompts;
use crate::engine::{MODEL_FORMAT, ModelInfo};
use crate::prompt::{Conversation, Format, Message, Role, chat_template};
use crate::{Error, Kind, Result};

/// The most messages of a chat.
const MESSAGES: usize = 10_000;

/// One message.
#[derive(Debug, Clone)]
struct Said {
    role: String,
    name: Option<String>,
    text: String,
}

/// The prompt for the messages in `fields`.
pub(super) fn prompt(app: &App, fields: &mut Fields) -> Result<Prompts> {
    let mut messages = messages(fields)?;
    // A chat that ends with a message of the model is to be continued within that message.
    let begun = match messages.last() {
        Some(last) if last.role == "assistant" => messages.pop().map(|last| last.text),
        _ => None,
    };
    let format = match format(app.model(), fields)? {
        // Its own template takes the messages as they are.
        Some(format) if format.is_chat_template() => None,
        format => format.or_else(|| app.options.format.clone()),
    };
    let mut prompts = match (format, &app.model().chat_template) {
        (Some(format), _) => in_format(&format, fields, &messages)?,
        (None, Some(template)) => by_template(app.model(), template, &messages)?,
        (None, None) => in_format(&Format::named("limarp-v1")?, fields, &messages)?,
    };
    if let (Some(begun), Some(prompt)) = (begun, prompts.texts.first_mut()) {
        if !begun.is_empty() && !prompt.ends_with(char::is_whitespace) && !prompts.special_tokens {
            prompt.push(' ');
        }
        prompt.push_str(&begun);
    }
    Ok(prompts)
}

/// The format that the field of this name asks for: one of ours, or the model's own chat template.
pub(super) fn format(model: &ModelInfo, fields: &mut Fields) -> Result<Option<Format>> {
    let format = match fields.text(&["format"])?.as_deref() {
        None => return Ok(None),
        Some(MODEL_FORMAT) => model.format(),
        Some(name) => Format::named(name),
    };
    format
        .map(Some)
        .map_err(|e| Error::new(Kind::Usage, e.message()))
}

/// The same, or LimaRP v1 where none is asked for.
pub(super) fn format_or_limarp(model: &ModelInfo, fields: &mut Fields) -> Result<Format> {
    format(model, fields)?.map_or_else(|| Format::named("limarp-v1"), Ok)
}

fn messages(fields: &mut Fields) -> Result<Vec<Said>> {
    let Some(Json::Array(messages)) = fields.take(&["messages"]) else {
        return Err(wrong("`messages` must be a list".into()));
    };
    if messages.is_empty() || messages.len() > MESSAGES {
        return Err(wrong(format!(
            "`messages` must have 1 to {MESSAGES} entries"
        )));
    }
    let read = |(at, message): (usize, &Json)| {
        let role = message["role"].as_str();
        let role = role.ok_or_else(|| wrong(format!("`messages[{at}].role` must be a text")))?;
        let text = text(&message["content"])
            .ok_or_else(|| wrong(format!("`messages[{at}].content` must be text")))?;
        Ok(Said {
            role: role.to_owned(),
            name: message["name"].as_str().map(str::to_owned),
            text,
        })
    };
    messages.iter().enumerate().map(read).collect()
}

/// A text, or the texts of a list of parts.
fn text(content: &Json) -> Option<String> {
    match content {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.clone()),
        Json::Array(parts) => parts
            .iter()
            .map(|part| part.as_str().or_else(|| part["text"].as_str()))
            .collect(),
        _ => None,
    }
}

/// The names of the two come with the messages or in the fields `char` and `user_name`; what the system says is the
/// character's persona, as that is what front-ends put there.
fn in_format(format: &Format, fields: &mut Fields, messages: &[Said]) -> Result<Prompts> {
    let named = |role: &str| {
        let mut said = messages.iter().rev().filter(|said| said.role == role);
        said.find_map(|said| said.name.clone())
    };
    let char = fields.text(&["char", "assistant_name"])?;
    let user = fields.text(&["user_name"])?;
    let mut conversation = Conversation {
        char: char
            .or_else(|| named("assistant"))
            .unwrap_or_else(|| "Assistant".into()),
        user: user
            .or_else(|| named("user"))
            .unwrap_or_else(|| "User".into()),
        length: fields.text(&["length"])?,
        open: Some(Role::Char),
        ..Conversation::default()
    };
    for said in messages {
        let role = match said.role.as_str() {
            "system" | "developer" => {
                if !conversation.char_persona.is_empty() {
                    conversation.char_persona.push_str("\n\n");
                }
                conversation.char_persona.push_str(&said.text);
                continue;
            }
            "assistant" => Role::Char,
            _ => Role::User,
        };
        conversation.messages.push(Message {
            role,
            text: said.text.clone(),
        });
    }
    let conversation = format.carried(&conversation);
    Ok(Prompts {
        texts: vec![format.render(&conversation)?],
        special_tokens: false,
        stop: format.stop_strings(&conversation),
    })
}

fn by_template(model: &ModelInfo, template: &str, messages: &[Said]) -> Result<Prompts> {
    let messages: Vec<_> = messages
        .iter()
        .map(|said| chat_template::Said {
            role: &said.role,
            name: said.name.as_deref(),
            content: &said.text,
        })
        .collect();
    let text = chat_template::render(template, model.special_tokens(), &messages).map_err(|e| {
        let reason = e.message();
        wrong(format!(
            "the model's chat template refuses these messages: {reason}"
        ))
    })?;
    Ok(Prompts {
        texts: vec![text],
        special_tokens: true,
        stop: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'].strip() + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    fn said(role: &str, text: &str) -> Said {
        Said {
            role: role.into(),
            name: None,
            text: text.into(),
        }
    }

    #[test]
    fn a_model_s_own_template_writes_the_messages() {
        let model = ModelInfo::default();
        let messages = [said("system", "Be kind."), said("user", " Hello & <b> ")];
        let prompts = by_template(&model, CHATML, &messages).unwrap();
        assert_eq!(
            prompts.texts,
            [
                "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello & <b><|im_end|>\n<|im_start|>assistant\n"
            ]
        );
        assert!(prompts.special_tokens);
    }

    #[test]
    fn a_template_that_complains_or_never_ends_is_refused() {
        let model = ModelInfo::default();
        let messages = [said("user", "Hello")];
        let refusal = "{{ raise_exception('roles must alternate') }}";
        let error = by_template(&model, refusal, &messages).unwrap_err();
        assert!(error.message().contains("roles must alternate"), "{error}");
        let endless =
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}";
        assert!(by_template(&model, endless, &messages).is_err());
    }

    #[test]
    fn the_begin_of_text_token_is_left_to_the_engine() {
        let model = ModelInfo {
            begin_of_text: Some("<s>".into()),
            ..ModelInfo::default()
        };
        let template = "{{ bos_token }}[INST] {{ messages[0].content }} [/INST]";
        let prompts = by_template(&model, template, &[said("user", "Hello")]).unwrap();
        assert_eq!(prompts.texts, ["[INST] Hello [/INST]"]);
    }
}
