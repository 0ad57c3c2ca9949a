//! Conversations: what is asked of the model, what becomes of its answers, commands, files, and the program itself.

mod program;
mod session;
mod settings;
mod state;

use cardwright::card::Card;
use cardwright::chat::{Chat, ReplyOptions};
use cardwright::prompt::Cast;

/// A card with two greetings.
const CARD: &str = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Okka",
    "description":"{{char}} returns stolen treasure.","scenario":"A museum at night.",
    "first_mes":"{{char}} put the vase down.","alternate_greetings":["{{char}} waved at {{user}}."],
    "tags":[],"creator":"","character_version":"","mes_example":"","system_prompt":"",
    "post_history_instructions":"","creator_notes":"","extensions":{},
    "character_book":{"extensions":{},"entries":[
        {"keys":["vase"],"content":"The vase hums when it is lied to.","extensions":{},"enabled":true,"insertion_order":1},
        {"keys":["guard"],"content":"The guard sleeps until four.","extensions":{},"enabled":true,"insertion_order":2}]}}}"#;

fn card() -> Card {
    Card::from_json(CARD).unwrap()
}

fn cast() -> Cast {
    Cast {
        user: Some("Perrin".into()),
        user_persona: Some("Perrin counts vases.".into()),
        ..Cast::default()
    }
}

fn chat() -> Chat {
    Chat::begin(card(), cast()).0
}

/// The default options with a seed.
fn seeded() -> ReplyOptions {
    let mut options = ReplyOptions::default();
    options.settings.seed = Some(1);
    options
}

fn said(chat: &Chat) -> Vec<String> {
    let turns = chat.turns();
    turns.iter().map(|turn| turn.text().to_owned()).collect()
}
