//! The scan: a chat, the entries to be looked for in it and the rules for that go in; what joins and where comes out.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::rounds::State;
use super::timed::Timed;
use super::{Filter, Lore, Position, Rules};
use crate::prompt::{Counter, Voice};
use crate::{Error, Kind, Result};

/// What entries may be looked for in besides the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources<'a> {
    /// The user's persona.
    pub persona: &'a str,
    /// The character's description.
    pub description: &'a str,
    /// The character's personality.
    pub personality: &'a str,
    /// The prompt that the card has inserted at a depth.
    pub depth_prompt: &'a str,
    /// The scenario.
    pub scenario: &'a str,
    /// The creator's notes.
    pub creator_notes: &'a str,
}

/// What a turn is that entries are looked for, in SillyTavern's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// The next turn of the character.
    #[default]
    Normal,
    /// More of the character's last turn.
    Continue,
    /// The next turn of the user, written by the model.
    Impersonate,
    /// Another version of the character's last turn.
    Swipe,
    /// The character's last turn, written anew.
    Regenerate,
    /// Something beside the chat, such as a summary.
    Quiet,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Continue,
        Self::Impersonate,
        Self::Swipe,
        Self::Regenerate,
        Self::Quiet,
    ];

    /// What SillyTavern calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Continue => "continue",
            Self::Impersonate => "impersonate",
            Self::Swipe => "swipe",
            Self::Regenerate => "regenerate",
            Self::Quiet => "quiet",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Trigger {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|trigger| trigger.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|trigger| trigger.name()).collect();
            Error::new(Kind::Usage, format!("no turn is `{name}`"))
                .hint(format!("there are: {}", names.join(", ")))
        })
    }
}

/// Who the character is, for entries that are not for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// What the character is called: by its name, and by its file's without the ending.
    pub names: Vec<String>,
    /// The character's tags.
    pub tags: Vec<String>,
}

impl Who {
    /// Why an entry is not for this character; `None` when it is.
    pub(super) fn refusal(&self, filter: &Filter) -> Option<String> {
        let is_named = filter.names.iter().any(|name| self.names.contains(name));
        if !filter.names.is_empty() && is_named == filter.is_exclude {
            return Some(if filter.is_exclude {
                "is not for this character".into()
            } else {
                format!("is only for `{}`", filter.names.join("`, `"))
            });
        }
        let is_same = |tag: &String| {
            let tag = tag.to_lowercase();
            self.tags.iter().any(|other| other.to_lowercase() == tag)
        };
        let is_tagged = filter.tags.iter().any(is_same);
        if !filter.tags.is_empty() && is_tagged == filter.is_exclude {
            return Some(if filter.is_exclude {
                "is not for characters with one of these tags".into()
            } else {
                format!(
                    "is only for characters with the tag `{}`",
                    filter.tags.join("` or `")
                )
            });
        }
        None
    }
}

/// A chat and the entries to be looked for in it.
#[derive(Clone)]
pub struct Scan<'a> {
    /// The entries; those of books that matter more come first.
    pub lore: &'a [Lore],
    /// How they are looked for.
    pub rules: Rules,
    /// The messages, oldest first, each with its speaker's name before it if names are to be found.
    pub messages: Vec<&'a str>,
    /// How many of the messages are the character's.
    pub replies: usize,
    /// Which greeting the chat began with: 0 is the first message. `None` where that is not known.
    pub greeting: Option<usize>,
    /// Who the character is.
    pub who: Who,
    /// What the turn is that is to be written.
    pub trigger: Trigger,
    /// What else is searched.
    pub sources: Sources<'a>,
    /// What is remembered from earlier replies.
    pub timed: Timed,
    /// Where chance comes from.
    pub seed: u64,
    /// Replaces the macros of a key or a content.
    pub expand: &'a dyn Fn(&str) -> String,
    /// Counts tokens, for the budgets.
    pub counter: &'a dyn Counter,
}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("lore", &self.lore.len())
            .field("rules", &self.rules)
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Scan<'a> {
    /// A scan of `messages`, oldest first, that replaces no macros and estimates tokens.
    #[must_use]
    pub fn new(lore: &'a [Lore], messages: &[&'a str]) -> Self {
        Self {
            lore,
            rules: Rules::default(),
            messages: messages.to_vec(),
            replies: messages.len() / 2,
            greeting: None,
            who: Who::default(),
            trigger: Trigger::default(),
            sources: Sources::default(),
            timed: Timed::default(),
            seed: 0,
            expand: &|text| text.to_owned(),
            counter: &crate::prompt::estimate,
        }
    }
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Which entry: its place in [`Scan::lore`].
    pub entry: usize,
    /// Whether it joins.
    pub joins: bool,
    /// Why: lower case, no full stop.
    pub reason: String,
    /// Its tokens, where they were counted.
    pub tokens: usize,
}

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Activation {
    /// The entries that join, by the order they came in: the place in [`Scan::lore`] and the text.
    pub joined: Vec<(usize, String)>,
    /// What became of every entry, in the order of [`Scan::lore`].
    pub fates: Vec<Fate>,
    /// What is to be remembered for the next reply.
    pub timed: Timed,
    /// The entries that join, each with where, earliest first: the place in [`Scan::lore`], the position and the text.
    pub placed: Vec<(usize, Position, String)>,
}

impl Activation {
    /// What stands before the character's description.
    #[must_use]
    pub fn before(&self) -> String {
        self.at(&Position::Before)
    }

    /// What stands after the character's description.
    #[must_use]
    pub fn after(&self) -> String {
        self.at(&Position::After)
    }

    /// What stands at a place, a line for each entry.
    #[must_use]
    pub fn at(&self, position: &Position) -> String {
        let texts: Vec<&str> = self.each_at(position).collect();
        texts.join("\n")
    }

    /// The entries at a place, one by one.
    pub fn each_at<'s>(
        &'s self,
        position: &'s Position,
    ) -> impl DoubleEndedIterator<Item = &'s str> {
        let texts = self
            .placed
            .iter()
            .filter(move |(_, place, _)| place == position);
        texts.map(|(_, _, text)| text.as_str())
    }

    /// What is inserted among `messages` messages: how many from the end, as whom, and the text.
    #[must_use]
    pub fn at_depth(&self, messages: usize) -> Vec<(usize, Voice, String)> {
        let mut inserts: Vec<(usize, Voice, String)> = Vec::new();
        for (_, position, text) in &self.placed {
            let (depth, voice) = match position {
                Position::Depth(depth, voice) => (*depth, *voice),
                Position::ReverseDepth(depth, voice) => (messages.saturating_sub(*depth), *voice),
                _ => continue,
            };
            match inserts
                .iter_mut()
                .find(|(other, as_whom, _)| (*other, *as_whom) == (depth, voice))
            {
                Some((_, _, all)) => {
                    all.push('\n');
                    all.push_str(text);
                }
                None => inserts.push((depth, voice, text.clone())),
            }
        }
        inserts
    }

    /// The text of every outlet, by its name: there, the highest order comes first.
    #[must_use]
    pub fn outlets(&self) -> BTreeMap<String, String> {
        let mut outlets: BTreeMap<String, String> = BTreeMap::new();
        for (_, position, _) in &self.placed {
            if let Position::Outlet(name) = position {
                outlets.entry(name.clone()).or_insert_with(|| {
                    let texts: Vec<&str> = self.each_at(position).rev().collect();
                    texts.join("\n")
                });
            }
        }
        outlets
    }
}

/// Finds the entries that a chat brings in.
///
/// # Errors
///
/// Those of the counter.
pub fn activate(scan: &Scan<'_>) -> Result<Activation> {
    let mut timed = scan.timed.clone();
    let now = timed.now(scan.lore, scan.messages.len());
    let mut state = State::new(scan, now);
    state.run()?;
    let joined = std::mem::take(&mut state.joined);
    let fates = std::mem::take(&mut state.fates);
    let mut order: Vec<&(usize, String)> = joined.iter().collect();
    // As SillyTavern: by falling order, then the whole turned round, so that of equals the last to join comes first.
    order.sort_by(|a, b| scan.lore[b.0].order.total_cmp(&scan.lore[a.0].order));
    order.reverse();
    let placed = order
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(at, text)| (*at, scan.lore[*at].position.clone(), text.clone()))
        .collect();
    for (at, _) in &joined {
        timed.joined(&scan.lore[*at], scan.messages.len());
    }
    let fates = fates.into_iter().enumerate().map(|(entry, fate)| Fate {
        entry,
        joins: joined.iter().any(|(at, _)| *at == entry),
        ..fate
    });
    Ok(Activation {
        fates: fates.collect(),
        joined,
        timed,
        placed,
    })
}
