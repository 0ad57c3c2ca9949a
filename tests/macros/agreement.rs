//! The macro engine beside SillyTavern's own, over the same inputs.
//!
//! `tests/fixtures/macros/cases.json` holds the inputs, `sillytavern-1.19.json` what SillyTavern's engine made of them, as
//! `tests/interop/macros.mjs` recorded it. Where a result is meant to differ, the input says why.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use cardwright::prompt::macros::{Clock, Context, Expansion, Variables, expand};
use cardwright::prompt::{Message, Role};
use serde_json::Value;

const CASES: &str = include_str!("../fixtures/macros/cases.json");
const ANSWERS: &str = include_str!("../fixtures/macros/sillytavern-1.19.json");

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn map(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn context(value: &Value) -> Context {
    let message = |message: &Value| Message {
        role: if message["role"] == "user" {
            Role::User
        } else {
            Role::Char
        },
        text: text(&message["text"]),
    };
    Context {
        char: text(&value["char"]),
        user: text(&value["user"]),
        group: texts(&value["group"]),
        persona: text(&value["persona"]),
        description: text(&value["description"]),
        personality: text(&value["personality"]),
        scenario: text(&value["scenario"]),
        examples: text(&value["examples"]),
        system_prompt: text(&value["system_prompt"]),
        post_history: text(&value["post_history"]),
        depth_prompt: text(&value["depth_prompt"]),
        creator_notes: text(&value["creator_notes"]),
        version: text(&value["version"]),
        greeting: text(&value["greeting"]),
        alternate_greetings: texts(&value["alternate_greetings"]),
        model: text(&value["model"]),
        original: value["original"].as_str().map(str::to_owned),
        messages: value["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(message)
            .collect(),
        outlets: map(&value["outlets"]),
        values: map(&value["values"]),
        locals: map(&value["locals"]),
        globals: map(&value["globals"]),
        chat: text(&value["chat"]),
        reroll: value["reroll"].as_str().map(str::to_owned),
        clock: Clock {
            milliseconds: value["clock"]["milliseconds"].as_i64().unwrap_or(0),
            offset: value["clock"]["offset"]
                .as_i64()
                .map_or(0, |offset| i32::try_from(offset).unwrap()),
        },
        ..Context::default()
    }
}

/// Whether ours is what SillyTavern answered: the text, and the variables where they changed.
fn agrees(context: &Context, ours: &Expansion, answer: &Value) -> bool {
    let variables = |ours: &Variables, before: &Variables, answer: &Value| {
        // What was stored as a number is printed here as one.
        if answer.is_null() {
            ours == before
        } else {
            *ours == map(answer)
        }
    };
    let expected = answer.get("text").unwrap_or(answer);
    ours.text == text(expected)
        && variables(&ours.locals, &context.locals, &answer["locals"])
        && variables(&ours.globals, &context.globals, &answer["globals"])
}

#[test]
fn macros_come_out_as_in_sillytavern() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let answers: Value = serde_json::from_str(ANSWERS).unwrap();
    let (mut total, mut agreed, mut meant, mut wrong) = (0, 0, Vec::new(), Vec::new());
    for (group, answers) in cases
        .as_array()
        .unwrap()
        .iter()
        .zip(answers.as_array().unwrap())
    {
        assert_eq!(group["name"], answers["name"], "record the answers again");
        let inputs = group["inputs"].as_array().unwrap();
        let answers = answers["answers"].as_array().unwrap();
        assert_eq!(
            inputs.len(),
            answers.len(),
            "{}: record the answers again",
            group["name"]
        );
        for (input, answer) in inputs.iter().zip(answers) {
            let mut context = context(&group["context"]);
            let source = input.get("input").unwrap_or(input).as_str().unwrap();
            let same = if group["chance"] == true {
                // Any result SillyTavern can give, whatever the seed; and with some seed, each of them.
                let all: Vec<String> = texts(answer);
                let ours: Vec<String> = (0..200)
                    .map(|seed| {
                        context.seed = seed;
                        expand(source, &context).text
                    })
                    .collect();
                ours.iter().all(|text| all.contains(text))
                    && all.iter().all(|text| ours.contains(text))
            } else {
                agrees(&context, &expand(source, &context), answer)
            };
            total += 1;
            agreed += usize::from(same);
            let ours = expand(source, &context).text;
            match (same, input["differs"].as_str()) {
                (true, None) => {}
                (false, Some(reason)) => meant.push(format!("{source:?}: {reason}")),
                (true, Some(_)) => wrong.push(format!("{source:?} no longer differs")),
                (false, None) => {
                    wrong.push(format!(
                        "{}: {source:?}\n  ours   {ours:?}\n  theirs {answer}",
                        group["name"]
                    ));
                }
            }
        }
    }
    println!(
        "macros: {agreed} of {total} inputs come out as in SillyTavern 1.19 ({:.1} %), {} differ on purpose",
        100.0 * agreed as f64 / total as f64,
        meant.len()
    );
    for line in meant {
        println!("  {line}");
    }
    assert!(
        wrong.is_empty(),
        "{} unexpected:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_recorded_answers_are_sillytaverns() {
    let Ok(folder) = std::env::var("SILLYTAVERN_DIR") else {
        println!("skipped: SILLYTAVERN_DIR names no installed SillyTavern to ask");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/macros.mjs");
    let output = Command::new("node").arg(script).arg(folder).output();
    let Ok(output) = output else {
        println!("skipped: there is no `node` to run SillyTavern's engine with");
        return;
    };
    let fresh = String::from_utf8(output.stdout).unwrap();
    assert!(
        fresh == ANSWERS,
        "record the answers again: tests/interop/macros.mjs says how"
    );
}
