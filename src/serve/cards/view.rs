//! What the page and other clients are told of a card.

use serde_json::{Map, Value, json};

use crate::Result;
use crate::card::{Card, Reading, lint, picture_extension};
use crate::engine::Engine;

/// The most characters of the description in a list: enough to recognize and to search by.
const EXCERPT: usize = 300;

/// A card in few words.
pub(super) fn summary(card: &Card) -> Value {
    json!({
        "name": card.name(),
        "spec": card.version().spec(),
        "creator": card.creator(),
        "tags": card.tags(),
        "greetings": 1 + card.alternate_greetings().len(),
        "lorebook": card.lorebook().map_or(0, |book| book.entries.len()),
        "excerpt": card.description().chars().take(EXCERPT).collect::<String>(),
    })
}

/// The type of an image that a browser may show. Drawings that can hold scripts are none.
pub(super) fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match picture_extension(bytes)? {
        "png" => Some("image/png"),
        "jpg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

/// Everything about a card that was read: its fields, what is wrong with it, what it costs.
pub(super) fn whole(engine: &dyn Engine, reading: &Reading, bytes: &[u8]) -> Result<Value> {
    let mut told = of_card(engine, &reading.card)?;
    told["container"] = reading.container.name.into();
    told["picture"] = image_type(bytes).is_some().into();
    told["writable"] = reading.container.write.is_some().into();
    told["findings"] = json!(lint::check_reading(reading, bytes));
    Ok(told)
}

/// Everything about a card that is in no file.
pub(super) fn of_card(engine: &dyn Engine, card: &Card) -> Result<Value> {
    let mut told = summary(card);
    told["fields"] = fields(card);
    told["tokens"] = tokens(engine, card)?;
    told["card"] = serde_json::from_str(card.json()).unwrap_or_default();
    told["findings"] = json!(lint::check(card));
    Ok(told)
}

fn fields(card: &Card) -> Value {
    json!({
        "name": card.name(),
        "nickname": card.nickname(),
        "description": card.description(),
        "personality": card.personality(),
        "scenario": card.scenario(),
        "first_mes": card.first_message(),
        "mes_example": card.example_messages(),
        "alternate_greetings": card.alternate_greetings(),
        "system_prompt": card.system_prompt(),
        "post_history_instructions": card.post_history_instructions(),
        "creator_notes": card.creator_notes(),
        "creator": card.creator(),
        "character_version": card.character_version(),
        "tags": card.tags(),
    })
}

/// Tokens by field; `permanent` are in every prompt, `total` is everything.
fn tokens(engine: &dyn Engine, card: &Card) -> Result<Value> {
    let mut counts = Map::new();
    let (mut total, mut permanent) = (0, 0);
    // What a model sees, by its name in the card, and whether it is in every prompt.
    let texts = [
        ("description", card.description(), true),
        ("personality", card.personality(), true),
        ("scenario", card.scenario(), true),
        ("first_mes", card.first_message(), false),
        ("mes_example", card.example_messages(), false),
        ("system_prompt", card.system_prompt(), true),
        (
            "post_history_instructions",
            card.post_history_instructions(),
            true,
        ),
    ];
    for (name, text, is_permanent) in texts {
        let count = count(engine, &text)?;
        total += count;
        if is_permanent {
            permanent += count;
        }
        counts.insert(name.to_owned(), count.into());
    }
    let mut greetings = Vec::new();
    for greeting in card.alternate_greetings() {
        let count = count(engine, &greeting)?;
        total += count;
        greetings.push(count);
    }
    let mut lore = 0;
    for entry in card.lorebook().unwrap_or_default().entries {
        lore += count(engine, &entry.content)?;
    }
    counts.insert("alternate_greetings".into(), json!(greetings));
    counts.insert("lorebook".into(), lore.into());
    counts.insert("permanent".into(), permanent.into());
    counts.insert("total".into(), (total + lore).into());
    Ok(counts.into())
}

fn count(engine: &dyn Engine, text: &str) -> Result<usize> {
    if text.is_empty() {
        return Ok(0);
    }
    engine.count(text)
}
