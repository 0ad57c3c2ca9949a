//! How many tokens the texts of a card take, counted with the vocabulary of a model, or guessed where there is none.

use std::fmt::Write as _;

use crate::Result;
use crate::card::Card;
use crate::cli::counting::Counting;
use crate::cli::output;

/// Characters of English that a token stands for, roughly.
const CHARACTERS: usize = 4;

/// What counts the tokens of a card's texts.
pub(super) struct Count(Counting);

impl Count {
    /// The vocabulary of `model`; without a name that of the default model where it is there.
    pub(super) fn by(model: Option<&str>) -> Result<Self> {
        Counting::of(model).map(Self)
    }

    /// The tokens of a text of `card`, whose macros stand for its names.
    pub(super) fn tokens(&self, card: &Card, text: &str) -> usize {
        let text = text
            .replace("{{char}}", &card.nickname())
            .replace("<BOT>", &card.nickname())
            .replace("{{user}}", "User")
            .replace("<USER>", "User");
        let guess = || text.chars().count().div_ceil(CHARACTERS);
        self.0.tokens(&text).unwrap_or_else(guess)
    }

    /// The length of a text as its heading says it.
    pub(super) fn length(&self, card: &Card, text: &str) -> String {
        let characters = text.chars().count();
        if self.0.model().is_none() {
            return format!("{characters} characters");
        }
        let tokens = self.tokens(card, text);
        format!(
            "{characters} characters, {}",
            super::number(tokens, "token")
        )
    }

    /// What the card takes of the context: at all times, at the beginning, and when its lorebook is brought in.
    pub(super) fn summary(&self, card: &Card) -> String {
        let count =
            |texts: &[&str]| -> usize { texts.iter().map(|text| self.tokens(card, text)).sum() };
        let depth_prompt = card.extension("depth_prompt");
        let note = depth_prompt
            .as_ref()
            .and_then(|value| value["prompt"].as_str())
            .unwrap_or_default();
        let permanent = count(&[
            &card.description(),
            &card.personality(),
            &card.scenario(),
            &card.system_prompt(),
            &card.post_history_instructions(),
            note,
        ]);
        let temporary = count(&[&card.first_message(), &card.example_messages()]);
        let mut out = format!("{permanent} permanent, {temporary} temporary");
        let book = card.lorebook().unwrap_or_default();
        let entries = book.entries.iter().filter(|entry| entry.enabled);
        let (always, sometimes): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.constant);
        let lore = |entries: &[&crate::card::Entry]| {
            entries
                .iter()
                .map(|entry| self.tokens(card, &entry.content))
                .sum::<usize>()
        };
        if !always.is_empty() || !sometimes.is_empty() {
            let _ = write!(
                out,
                "; lorebook {} always, up to {} more",
                lore(&always),
                lore(&sometimes)
            );
        }
        let by = match self.0.model() {
            Some(name) => format!("by {}", output::escape(name)),
            None => "a guess: four characters each, there is no model to count with".to_owned(),
        };
        let dim = output::DIM;
        format!("{out} {dim}({by}){dim:#}")
    }
}
