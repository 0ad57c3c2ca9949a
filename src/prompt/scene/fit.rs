//! Fitting a scene into a model's context: the system text and the open turn stay, examples and the oldest turns go.
//!
//! Turns are dropped in blocks. Dropping one turn at a time would change the beginning of the prompt with every reply, and
//! the model would have to read everything anew; with blocks the beginning stays the same for many replies, and what was
//! evaluated once can be used again. With blocks of one, the rule is SillyTavern's.

use super::{Item, Scene};
use crate::prompt::Conversation;
use crate::prompt::format::Format;
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

/// The tokens of a text, about, for when no model is at hand: English prose has some four bytes to a token, other scripts
/// have a token or so to each character.
///
/// # Errors
///
/// None; the signature is that of a [`Counter`].
pub fn estimate(text: &str) -> Result<usize> {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    Ok(ascii.div_ceil(4) + others)
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

/// A prompt that fits, and what it took.
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
    /// Every part with its tokens: the system text with the open turn, lorebook entries, examples, then the turns and what
    /// is inserted among them, oldest first.
    pub parts: Vec<Part>,
    dropped: usize,
}

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is: `system`, `turn 12`, `example 1`, the title of a lorebook entry.
    pub name: String,
    /// Its tokens, counted alone.
    pub tokens: usize,
    /// Whether it is in the prompt.
    pub kept: bool,
    /// Why: lower case, no full stop.
    pub reason: String,
    /// Whether its tokens are among those of another part.
    pub within: bool,
}

impl Fit {
    /// How many turns were dropped.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

/// What of a scene stands in the prompt.
#[derive(Debug)]
pub(in crate::prompt) struct Kept<'s> {
    /// The messages and inserts.
    pub(in crate::prompt) items: Vec<&'s Item<'s>>,
    /// All of them, kept or not: a format may mark the first one.
    pub(in crate::prompt) all: &'s [Item<'s>],
    /// How many blocks of examples.
    pub(in crate::prompt) examples: usize,
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
        Scene::of(conversation).fit(self, budget, counter)
    }
}

impl Scene {
    /// The scene as a prompt of `format` that stays below what `budget` leaves for it.
    ///
    /// The system text, what is inserted among the messages and the last message are always there. Example dialogues get
    /// the room that the messages leave.
    ///
    /// # Errors
    ///
    /// [`Kind::Limit`] when what is always there does not fit; [`Kind::Prompt`] when the format cannot hold the scene; those
    /// of the counter.
    pub fn fit(&self, format: &Format, budget: Budget, counter: &dyn Counter) -> Result<Fit> {
        let limit = budget.context.saturating_sub(budget.reply);
        let more = format.own_inserts(self)?;
        let items = self.items(&more, format.after_history(self));
        let examples = format.example_texts(self);
        let mut parts = self.head(format, counter)?;
        let first_example = parts.len();
        for (at, text) in examples.iter().enumerate() {
            parts.push(Part {
                name: format!("example {}", at + 1),
                tokens: counter.count(text)?,
                kept: true,
                reason: "there is room".into(),
                within: false,
            });
        }
        let no_place = examples.is_empty() && !self.examples.is_empty();
        if no_place {
            parts.push(Part {
                name: "examples".into(),
                tokens: counter.count(&self.examples.join("\n"))?,
                kept: false,
                reason: format!("format `{}` has no place for them", format.name()),
                within: false,
            });
        }
        let first_item = parts.len();
        let newest = items.iter().rposition(Item::is_said);
        for (at, item) in items.iter().enumerate() {
            parts.push(Part {
                name: item.what(),
                tokens: counter.count(&format.item_text(self, &items, at))?,
                kept: true,
                reason: match item {
                    Item::Said(_) if Some(at) == newest => "the newest message".into(),
                    Item::Said(_) => "there is room".into(),
                    _ => "always there".into(),
                },
                within: false,
            });
        }
        let said: Vec<usize> = (0..items.len()).filter(|at| items[*at].is_said()).collect();
        let mut fitting = Fitting {
            most: said.len().saturating_sub(1),
            block: budget.block.max(1),
            sizes: said
                .iter()
                .map(|at| parts[first_item + at].tokens)
                .collect(),
            examples: parts[first_example..first_example + examples.len()]
                .iter()
                .map(|part| part.tokens)
                .collect(),
            dropped: 0,
        };
        // The parts tell nearly how much must go; the whole prompt has the last word, since tokens can span parts.
        let all: usize = parts
            .iter()
            .filter(|part| part.kept && !part.within)
            .map(|part| part.tokens)
            .sum();
        let mut sum = all - fitting.examples.iter().sum::<usize>();
        let mut kept_examples;
        loop {
            sum = fitting.drop_turns(sum, limit);
            kept_examples = fitting.room_for_examples(sum, limit);
            let (prompt, tokens) = loop {
                let kept = Kept {
                    items: fitting.items(&items, &said),
                    all: &items,
                    examples: kept_examples,
                };
                let prompt = format.write(self, &kept)?;
                let tokens = counter.count(&prompt)?;
                if tokens < limit || kept_examples == 0 {
                    break (prompt, tokens);
                }
                kept_examples -= 1;
            };
            if tokens < limit {
                fitting.mark(&mut parts, first_example, kept_examples, first_item, &said);
                return Ok(Fit {
                    conversation: self.conversation(&fitting.items(&items, &said)),
                    prompt,
                    tokens,
                    limit,
                    parts,
                    dropped: fitting.dropped,
                });
            }
            if fitting.dropped == fitting.most {
                let message = format!(
                    "the system text and the last turn take {tokens} tokens, and there is room for fewer than {limit}"
                );
                return Err(Error::new(Kind::Limit, message).hint(
                    "shorten the persona, ask for a shorter reply or give the model a larger context",
                ));
            }
            sum = tokens.max(limit);
        }
    }

    /// The prompt of everything, whether it fits or not.
    ///
    /// # Errors
    ///
    /// Those of [`Format::render`].
    pub fn write(&self, format: &Format) -> Result<String> {
        let more = format.own_inserts(self)?;
        let items = self.items(&more, format.after_history(self));
        let kept = Kept {
            items: items.iter().collect(),
            all: &items,
            examples: format.example_texts(self).len(),
        };
        format.write(self, &kept)
    }

    /// The parts above the messages: the system text, what it is made of, and what did not get into it.
    fn head(&self, format: &Format, counter: &dyn Counter) -> Result<Vec<Part>> {
        let mut parts = vec![Part {
            name: "system".into(),
            tokens: counter.count(&format.head_text(self)?)?,
            kept: true,
            reason: "always there".into(),
            within: false,
        }];
        for (name, text) in format.fields_shown(self) {
            if !text.is_empty() {
                parts.push(Part {
                    name,
                    tokens: counter.count(&text)?,
                    kept: true,
                    reason: "always there".into(),
                    within: true,
                });
            }
        }
        for (name, text) in format.fields_ignored(self) {
            if !text.is_empty() {
                parts.push(Part {
                    name: name.into(),
                    tokens: counter.count(&text)?,
                    kept: false,
                    reason: format!("format `{}` has its own", format.name()),
                    within: false,
                });
            }
        }
        parts.extend_from_slice(&self.noticed);
        Ok(parts)
    }

    /// The messages of `items` as a conversation; what is inserted among them is no message.
    fn conversation(&self, items: &[&Item<'_>]) -> Conversation {
        let messages = items.iter().filter_map(|item| match item {
            Item::Said(said) => Some(said.message()),
            _ => None,
        });
        Conversation {
            messages: messages.collect(),
            ..self.cast.clone()
        }
    }
}

impl Item<'_> {
    fn is_said(&self) -> bool {
        matches!(self, Self::Said(_))
    }

    fn what(&self) -> String {
        match self {
            Self::Said(said) => format!("turn {}", said.number),
            Self::Insert(insert) => format!("{} (depth {})", insert.what, insert.depth),
            Self::After(_) => "post-history instructions".into(),
        }
    }
}

/// How many turns go.
struct Fitting {
    /// The most that may go.
    most: usize,
    /// How many go at once.
    block: usize,
    /// The tokens of each.
    sizes: Vec<usize>,
    /// The tokens of each block of examples.
    examples: Vec<usize>,
    dropped: usize,
}

impl Fitting {
    /// Drops blocks until `sum` is below `limit` or nothing more may go, and gives the new sum.
    fn drop_turns(&mut self, mut sum: usize, limit: usize) -> usize {
        while sum >= limit && self.dropped < self.most {
            let end = (self.dropped + self.block).min(self.most);
            let gone: usize = self.sizes[self.dropped..end].iter().sum();
            sum = sum.saturating_sub(gone);
            self.dropped = end;
        }
        sum
    }

    /// How many blocks of examples fit above `sum` tokens of everything else.
    fn room_for_examples(&self, mut sum: usize, limit: usize) -> usize {
        let fits = |tokens: &&usize| {
            sum += **tokens;
            sum < limit
        };
        self.examples.iter().take_while(fits).count()
    }

    /// The items without those that go. `said` are the places of the messages among them.
    fn items<'s>(&self, items: &'s [Item<'s>], said: &[usize]) -> Vec<&'s Item<'s>> {
        let gone = &said[..self.dropped];
        let kept = items
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at));
        kept.map(|(_, item)| item).collect()
    }

    /// Says of each part what became of it.
    fn mark(
        &self,
        parts: &mut [Part],
        first_example: usize,
        kept_examples: usize,
        first_item: usize,
        said: &[usize],
    ) {
        for part in &mut parts[first_example + kept_examples..first_example + self.examples.len()] {
            part.kept = false;
            part.reason = "no room beside the messages".into();
        }
        for at in &said[..self.dropped] {
            let part = &mut parts[first_item + at];
            part.kept = false;
            part.reason = "the oldest turns go first, in blocks".into();
        }
    }
}
