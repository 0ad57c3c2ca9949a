//! Readiness for LimaRP: what models trained on that layout expect of personas, scenarios and greetings.
//!
//! The layout puts persona and scenario on one line each and messages in third person, simple past, with straight quotes.

use super::{Hit, Part, Rule, Subject, Topic, about, edit_text, excerpt, hit, row};
use crate::Severity::{Error, Info, Warning};

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Limarp, [
    row("limarp-persona-newline", Info, "the persona is one paragraph",
        "The layout has one line for it. `prompt render` folds line breaks into blanks; a list reads badly after that.",
        "\"description\": \"Tall.\\nKind.\"", |s| newline(s, &["description", "personality"]), None),
    row("limarp-scenario-newline", Info, "the scenario is one paragraph",
        "The layout has one line for it. `prompt render` folds line breaks into blanks.",
        "\"scenario\": \"A harbour.\\nNight.\"", |s| newline(s, &["scenario"]), None),
    row("limarp-curly-quote", Warning, "quotes and apostrophes are straight",
        "The training text had straight ones only. Curly ones are other tokens, and the reply mixes both.",
        "\u{201c}Ahoy,\u{201d} she said.", curly, Some(|card, path| edit_text(card, path, straighten))),
    row("limarp-asterisk", Warning, "narration stands without asterisks",
        "LimaRP is prose: what is said stands in quotes, all else is narration. `*waves*` teaches the model another style.",
        "*waves* Ahoy!", asterisks, None),
    row("limarp-speaks-for-user", Warning, "a greeting leaves `{{user}}` alone",
        "Where the greeting says what the user does or says, the model goes on writing for the user.",
        "{{user}} nods and says yes.", speaks_for_user, None),
    row("limarp-present-tense", Info, "greetings are in the simple past",
        "The training text narrates in the past. A greeting in the present makes the tense wander. This is a guess from \
         common verbs.",
        "She smiles and walks over.", present_tense, None),
    row("limarp-first-person", Info, "the greeting narrates in the third person",
        "The training text speaks of the character by name or as he, she, they; `I` belongs inside quotes.",
        "I walked over and smiled.", first_person, None),
    row("limarp-speaker-prefix", Warning, "a greeting does not begin with the speaker",
        "Programs put the name before the message themselves; it would stand there twice.",
        "{{char}}: Ahoy!", speaker_prefix, Some(|card, path| edit_text(card, path, without_speaker))),
    row("limarp-tag", Error, "no text holds a tag of a prompt format",
        "`<<SYSTEM>>`, `<|im_start|>` and the like end the turn they stand in, so that the text after them is taken as \
         another's.",
        "<<HUMAN>> says hi", tags, None),
    row("limarp-attribute-list", Info, "the persona is prose",
        "W++ and attribute lists were made for small models of 2022; LimaRP personas are sentences in the present.",
        "[character(\"Carina\") { age(\"30\") }]", attribute_list, None),
    row("limarp-greeting-short", Info, "the greeting is at least 200 characters long",
        "The length of the first message sets the length of all that follow.",
        "Hi!", greeting_short, None),
    row("limarp-persona-long", Info, "the persona is at most 2,500 characters long",
        "Personas in the training text are a paragraph. Longer ones are read, but their details are used less.",
        "a persona of 9,000 characters", persona_long, None),
]);

fn newline(subject: &Subject<'_>, keys: &[&str]) -> Vec<Hit> {
    keys.iter()
        .filter(|key| subject.card.text(key).trim().contains('\n'))
        .map(|key| hit(subject.path(key), "there are line breaks"))
        .collect()
}

const CURLY: [char; 5] = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}'];

fn curly(subject: &Subject<'_>) -> Vec<Hit> {
    prompts(subject, |text| {
        let at = text.find(CURLY)?;
        Some(format!(
            "{} curly quotes, the first at {}",
            text.matches(CURLY).count(),
            excerpt(text, at)
        ))
    })
}

fn straighten(text: &str) -> String {
    text.replace(['\u{201c}', '\u{201d}', '\u{201e}'], "\"")
        .replace(['\u{2018}', '\u{2019}'], "'")
}

fn prompts(subject: &Subject<'_>, find: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    subject
        .prompts()
        .filter_map(|text| Some(hit(text.path.clone(), find(&text.text)?)))
        .collect()
}

fn greetings(subject: &Subject<'_>, find: impl Fn(&str) -> Option<String>) -> Vec<Hit> {
    subject
        .part(Part::Greeting)
        .filter_map(|text| Some(hit(text.path.clone(), find(&text.text)?)))
        .collect()
}

/// A pair of single asterisks around text on one line.
fn asterisks(subject: &Subject<'_>) -> Vec<Hit> {
    let find = |text: &str| {
        text.lines().find_map(|line| {
            let line = line.replace("**", "");
            let open = line.find('*')?;
            let close = line[open + 1..].find('*')?;
            let inner = &line[open + 1..open + 1 + close];
            (!inner.trim().is_empty() && inner.trim() == inner)
                .then(|| format!("narration in asterisks: {}", excerpt(&line, open)))
        })
    };
    subject
        .texts
        .iter()
        .filter(|text| matches!(text.part, Part::Greeting | Part::Example))
        .filter_map(|text| Some(hit(text.path.clone(), find(&text.text)?)))
        .collect()
}

/// The text outside double quotes.
fn narration(text: &str) -> String {
    text.replace(['\u{201c}', '\u{201d}'], "\"")
        .lines()
        .flat_map(|line| line.split('"').step_by(2))
        .collect::<Vec<_>>()
        .join(" ")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
}

/// Verbs of doing and saying, with which a greeting takes the user's part.
const USER_VERBS: [&str; 20] = [
    "say", "says", "said", "reply", "replies", "replied", "nod", "nods", "nodded", "smile",
    "smiles", "smiled", "ask", "asks", "asked", "answers", "answered", "walks", "walked", "agrees",
];

fn speaks_for_user(subject: &Subject<'_>) -> Vec<Hit> {
    greetings(subject, |text| {
        if let Some(line) = text
            .lines()
            .find(|line| line.trim_start().starts_with("{{user}}:"))
        {
            return Some(format!("a line is the user's: {}", excerpt(line, 0)));
        }
        let narration = narration(text);
        narration
            .match_indices("{{user}}")
            .find_map(|(at, macro_text)| {
                let after = &narration[at + macro_text.len()..];
                let next = words(after).next()?;
                (after.starts_with(' ') && USER_VERBS.contains(&next)).then(|| {
                    format!(
                        "the greeting acts for the user: {}",
                        excerpt(&narration, at)
                    )
                })
            })
    })
}

const PRESENT: [&str; 18] = [
    "smiles", "looks", "says", "walks", "turns", "stands", "sits", "grins", "nods", "leans",
    "watches", "asks", "takes", "steps", "gives", "sighs", "glances", "raises",
];
const PAST: [&str; 20] = [
    "smiled", "looked", "said", "walked", "turned", "stood", "sat", "grinned", "nodded", "leaned",
    "watched", "asked", "took", "stepped", "gave", "sighed", "glanced", "raised", "was", "had",
];

fn present_tense(subject: &Subject<'_>) -> Vec<Hit> {
    greetings(subject, |text| {
        let narration = narration(text);
        let count = |list: &[&str]| words(&narration).filter(|word| list.contains(word)).count();
        let (present, past) = (count(&PRESENT), count(&PAST));
        (present >= 2 && present > past)
            .then(|| format!("{present} common verbs are in the present, {past} in the past"))
    })
}

fn first_person(subject: &Subject<'_>) -> Vec<Hit> {
    greetings(subject, |text| {
        let narration = narration(text);
        let first = words(&narration)
            .filter(|word| matches!(*word, "I" | "I'm" | "I've" | "my" | "My" | "myself"))
            .count();
        (first >= 3).then(|| format!("the narration says `I` or `my` {first} times"))
    })
}

fn speaker_prefix(subject: &Subject<'_>) -> Vec<Hit> {
    greetings(subject, |text| {
        text.trim_start()
            .starts_with("{{char}}:")
            .then(|| "the greeting begins with `{{char}}:`".into())
    })
}

fn without_speaker(text: &str) -> String {
    let trimmed = text.trim_start();
    trimmed
        .strip_prefix("{{char}}:")
        .map_or(text, str::trim_start)
        .to_owned()
}

const TAGS: [&str; 12] = [
    "<<SYSTEM>>",
    "<<HUMAN>>",
    "<<USER>>",
    "<<AIBOT>>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "[INST]",
    "[/INST]",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<<SYS>>",
];

fn tags(subject: &Subject<'_>) -> Vec<Hit> {
    prompts(subject, |text| {
        let tag = TAGS.iter().find(|tag| text.contains(**tag))?;
        Some(format!("the text holds `{tag}`"))
    })
}

fn attribute_list(subject: &Subject<'_>) -> Vec<Hit> {
    let text = subject.card.description();
    let lower = text.to_ascii_lowercase();
    let is_list = lower.contains("[character(")
        || lower.contains("[ character:")
        || lower.contains("[character:")
        || text.matches("\" + \"").count() > 2;
    is_list
        .then(|| {
            hit(
                subject.path("description"),
                "the persona is an attribute list",
            )
        })
        .into_iter()
        .collect()
}

fn greeting_short(subject: &Subject<'_>) -> Vec<Hit> {
    let length = subject.card.first_message().trim().chars().count();
    (1..200)
        .contains(&length)
        .then(|| {
            hit(
                subject.path("first_mes"),
                format!("the greeting has {length} characters"),
            )
        })
        .into_iter()
        .collect()
}

fn persona_long(subject: &Subject<'_>) -> Vec<Hit> {
    let length = subject.card.description().chars().count();
    (length > 2500)
        .then(|| {
            hit(
                subject.path("description"),
                format!("the persona has {length} characters"),
            )
        })
        .into_iter()
        .collect()
}
