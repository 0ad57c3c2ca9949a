//! Presets, put together the way SillyTavern 1.19 puts them together.

use cardwright::prompt::{Conversation, Format, Role};
use serde_json::Value;

/// SillyTavern's story string: conditions, values, trimming, prefix and suffix.
fn story(context: &Value, instruct: &Value, values: &[(&str, &str)]) -> String {
    let mut story = context["story_string"].as_str().unwrap().to_owned();
    while let Some(at) = story.rfind("{{#if ") {
        let (head, rest) = (story[..at].to_owned(), story[at + 6..].to_owned());
        let (name, rest) = rest.split_once("}}").unwrap();
        let (inside, rest) = rest.split_once("{{/if}}").unwrap();
        let is_set = values
            .iter()
            .any(|(key, value)| *key == name && !value.is_empty());
        story = format!("{head}{}{rest}", if is_set { inside } else { "" });
    }
    for (key, value) in values {
        story = story.replace(&format!("{{{{{key}}}}}"), value);
    }
    let story = story.replace("{{trim}}", "\0");
    let (before, after) = story.split_once('\0').unwrap();
    let mut story = format!(
        "{}{}",
        before.trim_end_matches('\n'),
        after.trim_start_matches('\n')
    );
    let text = |key: &str| instruct[key].as_str().unwrap().to_owned();
    let wrap = instruct["wrap"].as_bool().unwrap();
    if wrap && text("story_string_suffix").is_empty() {
        story.push('\n');
    }
    format!(
        "{}{}{story}{}",
        text("story_string_prefix"),
        if wrap { "\n" } else { "" },
        text("story_string_suffix")
    )
}

/// The whole prompt, with the reply line.
fn prompt(presets: &cardwright::prompt::Presets, conversation: &Conversation) -> String {
    let instruct = &presets.instruct;
    let text = |key: &str| instruct[key].as_str().unwrap();
    let wrap = instruct["wrap"].as_bool().unwrap();
    let named = text("names_behavior") == "always";
    let separator = if wrap { "\n" } else { "" };
    let replaced = |content: &str| {
        content
            .replace("{{char}}", &conversation.char)
            .replace("{{user}}", &conversation.user)
    };
    let system = replaced(presets.sysprompt["content"].as_str().unwrap());
    let mut out = story(
        &presets.context,
        instruct,
        &[
            ("system", &system),
            ("description", &conversation.char_persona),
            ("persona", &conversation.user_persona),
            ("scenario", &conversation.scenario),
            ("char", &conversation.char),
            ("user", &conversation.user),
        ],
    );
    let mut turns: Vec<(Role, &str)> = conversation
        .messages
        .iter()
        .map(|message| (message.role, message.text.as_str()))
        .collect();
    if !text("user_alignment_message").is_empty() && turns[0].0 == Role::Char {
        turns.insert(0, (Role::User, text("user_alignment_message")));
    }
    for (role, said) in turns {
        let (sequence, suffix) = match role {
            Role::Char => (text("output_sequence"), text("output_suffix")),
            Role::User => (text("input_sequence"), text("input_suffix")),
        };
        let suffix = if suffix.is_empty() && wrap {
            "\n"
        } else {
            suffix
        };
        let name = if named {
            format!("{}: ", conversation.name(role))
        } else {
            String::new()
        };
        out.push_str(&format!("{sequence}{separator}{name}{said}{suffix}"));
    }
    let last = text("last_output_sequence");
    let sequence = if last.is_empty() {
        text("output_sequence")
    } else {
        last
    };
    if wrap {
        out.truncate(out.strip_suffix('\n').map_or(out.len(), str::len));
    }
    let name = if named {
        format!("{separator}{}:", conversation.char)
    } else {
        String::new()
    };
    let reply = format!("{separator}{sequence}{name}");
    format!("{out}{reply}")
}

#[test]
fn presets_make_sillytavern_write_the_same_bytes() {
    let conversation = super::museum(Some(Role::Char));
    let mut exact = Vec::new();
    let mut refused = Vec::new();
    for format in Format::all().unwrap() {
        match format.presets(None) {
            Ok(presets) => {
                let conversation = Conversation {
                    length: None,
                    ..conversation.clone()
                };
                assert_eq!(
                    prompt(&presets, &conversation),
                    format.render(&conversation).unwrap(),
                    "{}",
                    format.name()
                );
                exact.push(format.name().to_owned());
            }
            Err(error) => refused.push(error.to_string()),
        }
    }
    println!(
        "exact: {}\nrefused: {}",
        exact.join(", "),
        refused.join("; ")
    );
    assert!(exact.iter().any(|name| name == "limarp-v1"));
    insta::assert_snapshot!(format!(
        "exact: {}\n\n{}",
        exact.join(", "),
        refused.join("\n")
    ));
}

#[test]
fn the_user_tag_that_holds_a_macro_switches_macros_off() {
    let format = Format::named("limarp-v1").unwrap();
    assert_eq!(format.presets(None).unwrap().instruct["macro"], true);
    let presets = format
        .with_user_tag("user")
        .unwrap()
        .presets(Some("huge"))
        .unwrap();
    assert_eq!(presets.instruct["macro"], false);
    assert!(
        presets.sysprompt["content"]
            .as_str()
            .unwrap()
            .ends_with("{{char}} should respond with messages of huge length.")
    );
}
