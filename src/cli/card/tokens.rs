//! How many tokens the texts of a card take, counted with the vocabulary of a model, or guessed where there is none.

use std::fmt::Write as _;

use crate::Result;
use crate::card::Card;
use crate::cli::output;
use crate::weights::store;

/// Characters of English that a token stands for, roughly.
const CHARACTERS: usize = 4;

/// What counts.
pub(super) enum Count {
    /// The vocabulary of a model, and its name.
    #[cfg(feature = "llama")]
    Model(Box<crate::engine::Tokenizer>, String),
    /// Nothing: four characters are taken for a token.
    Guess,
}

impl Count {
    /// The vocabulary of `model`; without a name that of the default model where it is there.
    pub(super) fn by(model: Option<&str>) -> Result<Self> {
        let path = match model {
            Some(name) => store::resolve(name)?,
            None => match store::resolve(store::DEFAULT) {
                Ok(path) => path,
                Err(_) => return Ok(Self::Guess),
            },
        };
        Self::open(&path, model.is_some())
    }

    #[cfg(feature = "llama")]
    fn open(path: &std::path::Path, asked: bool) -> Result<Self> {
        match crate::engine::Tokenizer::open(path) {
            Ok(tokenizer) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                Ok(Self::Model(Box::new(tokenizer), name.into_owned()))
            }
            Err(error) if asked => Err(error),
            Err(_) => Ok(Self::Guess),
        }
    }

    #[cfg(not(feature = "llama"))]
    fn open(_: &std::path::Path, asked: bool) -> Result<Self> {
        if asked {
            return Err(crate::cli::engine::without_llama());
        }
        Ok(Self::Guess)
    }

    /// The tokens of a text of `card`, whose macros stand for its names.
    pub(super) fn tokens(&self, card: &Card, text: &str) -> usize {
        let text = text
            .replace("{{char}}", &card.nickname())
            .replace("<BOT>", &card.nickname())
            .replace("{{user}}", "User")
            .replace("<USER>", "User");
        match self {
            #[cfg(feature = "llama")]
            Self::Model(tokenizer, _) => tokenizer.tokens(&text).len(),
            Self::Guess => text.chars().count().div_ceil(CHARACTERS),
        }
    }

    /// The length of a text as its heading says it.
    #[cfg_attr(not(feature = "llama"), allow(unused_variables))]
    pub(super) fn length(&self, card: &Card, text: &str) -> String {
        let characters = text.chars().count();
        match self {
            #[cfg(feature = "llama")]
            Self::Model(..) => {
                let tokens = self.tokens(card, text);
                let plural = if tokens == 1 { "" } else { "s" };
                format!("{characters} characters, {tokens} token{plural}")
            }
            Self::Guess => format!("{characters} characters"),
        }
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
        let by = match self {
            #[cfg(feature = "llama")]
            Self::Model(_, name) => format!("by {}", output::escape(name)),
            Self::Guess => {
                "a guess: four characters each, there is no model to count with".to_owned()
            }
        };
        let dim = output::DIM;
        format!("{out} {dim}({by}){dim:#}")
    }
}
