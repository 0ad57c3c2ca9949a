//! Macros of chance: `{{random}}` and `{{roll}}` take theirs from the seed, `{{pick}}` from the chat and its own place.

use super::evaluate::{Call, Evaluator};
use super::hash::{Random, cyrb53};
use super::table::Row;
use super::{Reason, lexer, number};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["random"], 0..=0, random).list(),
    Row::new(&["pick"], 0..=0, pick).list(),
    Row::new(&["roll"], 1..=1, roll),
];

/// The items of a list. One argument alone holds them all, between `::` or commas.
fn items(arguments: &[String]) -> Vec<String> {
    let [one] = arguments else {
        return arguments.to_vec();
    };
    if one.contains("::") {
        return one
            .split("::")
            .map(|item| lexer::trim(item).to_owned())
            .collect();
    }
    let mut items = vec![String::new()];
    let mut characters = one.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, items.last_mut()) {
            ('\\', Some(item)) if characters.peek() == Some(&',') => {
                characters.next();
                item.push(',');
            }
            (',', _) => items.push(String::new()),
            (_, Some(item)) => item.push(character),
            (_, None) => {}
        }
    }
    items
        .iter()
        .map(|item| lexer::trim(item).to_owned())
        .collect()
}

fn one_of(mut items: Vec<String>, random: &mut Random) -> String {
    if items.is_empty() {
        return String::new();
    }
    let index = random.below(items.len() as f64) as usize;
    items.swap_remove(index)
}

fn random(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    Ok(one_of(items(&call.arguments), &mut evaluator.random))
}

/// The same item for the same chat, text and place.
fn pick(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let context = evaluator.context;
    let mut seed = format!(
        "{}-{}-{}",
        cyrb53(&context.chat),
        call.text.hash,
        call.offset
    );
    if let Some(reroll) = &context.reroll {
        seed.push('-');
        seed.push_str(reroll);
    }
    let mut random = Random::new(&cyrb53(&seed).to_string());
    Ok(one_of(items(&call.arguments), &mut random))
}

/// Rolls dice: `2d6+1`, `d20`, `20`. What is no roll gives nothing.
fn roll(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let Some((dice, sides, plus)) = formula(&call.arguments[0]) else {
        return Ok(String::new());
    };
    evaluator.spend(dice as u32, 0)?;
    let mut total = plus;
    for _ in 0..dice as u32 {
        total += 1.0 + evaluator.random.below(sides);
    }
    Ok(number::format(total))
}

/// How many dice with how many sides, and what is added.
fn formula(text: &str) -> Option<(f64, f64, f64)> {
    let count = |text: &str| {
        let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| number::parse(text))
            .filter(|count| *count > 0.0)
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(text) {
        return Some((1.0, count(text)?, 0.0));
    }
    let (dice, rest) = text.split_once(['d', 'D'])?;
    let (sides, plus) = match rest.find(['+', '-']) {
        Some(sign) if digits(&rest[sign + 1..]) => (&rest[..sign], number::parse(&rest[sign..])),
        Some(_) => return None,
        None => (rest, 0.0),
    };
    let dice = if dice.is_empty() { 1.0 } else { count(dice)? };
    Some((dice, count(sides)?, plus))
}
