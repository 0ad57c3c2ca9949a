//! Fitting a conversation into a model's context: the system text and the open turn stay, the oldest turns go.
//!
//! Turns are dropped in blocks. Dropping one turn at a time would change the beginning of the prompt with every reply, and
//! the model would have to read everything anew; with blocks the beginning stays the same for many replies, and what was
//! evaluated once can be used again.

use super::format::Format;
use super::{Conversation, Message};
use crate::{Error, Kind, Result};

/// Something that counts tokens: an engine, or an estimate.
pub trait Counter {
    /// The number of tokens of `text`.
    ///
    /// # Errors
    ///
    /// When the model behind it cannot be asked.
    fn count(&self, text: &str) -> Result<usize>;
}

impl<F: Fn(&str) -> Result<usize>> Counter for F {
    fn count(&self, text: &str) -> Result<usize> {
        self(text)
    }
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Tokens that the model can hold, prompt and reply together. Default: 4096, what LimaRP v1 was trained for.
    pub context: usize,
    /// Tokens kept free for the reply. Default: 300.
    pub reply: usize,
    /// How many turns are dropped at once. An even number keeps the sides in step. Default: 8.
    pub block: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            context: 4096,
            reply: 300,
            block: 8,
        }
    }
}

/// A conversation that fits, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The conversation without its oldest turns.
    pub conversation: Conversation,
    /// The prompt.
    pub prompt: String,
    /// The tokens of the prompt.
    pub tokens: usize,
    /// The tokens that the prompt may have: it stays below.
    pub limit: usize,
    /// Every part with its tokens: first the system text with the open turn, then the turns, oldest first.
    pub parts: Vec<Part>,
}

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is: `system` or `turn 12`.
    pub name: String,
    /// Its tokens, counted alone.
    pub tokens: usize,
    /// Whether it is in the prompt.
    pub kept: bool,
    /// Why.
    pub reason: &'static str,
}

impl Fit {
    /// How many turns were dropped.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.parts.iter().filter(|part| !part.kept).count()
    }
}

impl Format {
    /// The longest end of `conversation` whose prompt stays below what `budget` leaves for it.
    ///
    /// ```
    /// use cardwright::prompt::{Budget, Conversation, Format, Message, Role};
    ///
    /// let words = |text: &str| Ok(text.split_whitespace().count());
    /// let turn = |at| Message { role: if at % 2 == 0 { Role::Char } else { Role::User }, text: "a b c d e f g h".into() };
    /// let chat = Conversation {
    ///     char: "Mara".into(),
    ///     user: "Finn".into(),
    ///     messages: (0..20).map(turn).collect(),
    ///     open: Some(Role::Char),
    ///     ..Conversation::default()
    /// };
    /// let budget = Budget { context: 200, reply: 20, block: 4 };
    /// let fit = Format::named("limarp-v1")?.fit(&chat, budget, &words)?;
    /// assert_eq!((fit.dropped(), fit.conversation.messages.len()), (8, 12));
    /// assert!(fit.tokens < 180);
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] when the system text and the last turn alone do not fit, besides what
    /// [`render`](Format::render) and the counter say.
    pub fn fit(
        &self,
        conversation: &Conversation,
        budget: Budget,
        counter: &dyn Counter,
    ) -> Result<Fit> {
        let limit = budget.context.saturating_sub(budget.reply);
        let turns = conversation.messages.len();
        let with = |dropped: usize| Conversation {
            messages: conversation.messages[dropped..].to_vec(),
            ..conversation.clone()
        };
        let mut parts = vec![Part {
            name: "system".into(),
            tokens: counter.count(&self.render(&with(turns))?)?,
            kept: true,
            reason: "always there",
        }];
        for (at, message) in conversation.messages.iter().enumerate() {
            parts.push(Part {
                name: format!("turn {}", at + 1),
                tokens: counter.count(&self.turn_text(conversation, message))?,
                kept: true,
                reason: "fits",
            });
        }
        // The parts tell nearly how much must go; the whole prompt has the last word, since tokens can span parts.
        let mut sum: usize = parts.iter().map(|part| part.tokens).sum();
        let mut dropped = 0;
        let block = budget.block.max(1);
        let most = turns.saturating_sub(1);
        loop {
            while sum >= limit && dropped < most {
                let end = (dropped + block).min(most);
                sum -= parts[dropped + 1..=end]
                    .iter()
                    .map(|part| part.tokens)
                    .sum::<usize>();
                dropped = end;
            }
            let fitting = with(dropped);
            let prompt = self.render(&fitting)?;
            let tokens = counter.count(&prompt)?;
            if tokens < limit {
                for part in &mut parts[1..=dropped] {
                    part.kept = false;
                    part.reason = "the oldest turns go first, in blocks";
                }
                return Ok(Fit {
                    conversation: fitting,
                    prompt,
                    tokens,
                    limit,
                    parts,
                });
            }
            if dropped == most {
                let message = format!(
                    "the system text and the last turn take {tokens} tokens, and there is room for fewer than {limit}"
                );
                return Err(Error::new(Kind::Limit, message).hint("shorten the persona, ask for a shorter reply or give the model a larger context"));
            }
            sum = tokens.max(limit);
        }
    }

    /// A message as it stands in a prompt, for counting.
    fn turn_text(&self, conversation: &Conversation, message: &Message) -> String {
        let name = conversation.name(message.role);
        format!(
            "{}\n{name}: {}\n\n",
            self.side(message.role).tags[0],
            message.text
        )
    }
}
