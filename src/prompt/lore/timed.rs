//! Entries that stay, or stay away, for some messages: what has to be remembered from one reply to the next.
//!
//! SillyTavern keeps this in the chat's `timedWorldInfo`; so do we, so that a chat can go on in either.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Lore;
use crate::prompt::chat_file::ChatFile;
use crate::prompt::macros::cyrb53;

/// The key under which SillyTavern keeps it.
const KEY: &str = "timedWorldInfo";
/// The key under which we keep which entries ever joined, for the decorators that ask.
const MATCHED: &str = "cardwright_matched_lore";

/// What is remembered about the entries of a chat, by their [`Lore::id`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timed {
    /// Entries that stay.
    pub sticky: BTreeMap<String, Span>,
    /// Entries that stay away.
    pub cooldown: BTreeMap<String, Span>,
    /// Entries that joined before.
    pub matched: BTreeSet<String>,
}

/// From which number of messages on, and up to which, something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The messages there were when it began.
    pub start: usize,
    /// The messages with which it ends.
    pub end: usize,
    /// Whether it holds although the chat has become no longer since.
    pub protected: bool,
}

/// Which entries stay and which stay away at this moment.
#[derive(Debug, Default)]
pub(super) struct Now<'a> {
    pub(super) sticky: BTreeSet<&'a str>,
    pub(super) cooldown: BTreeSet<&'a str>,
}

impl Timed {
    /// What a chat file remembers.
    #[must_use]
    pub fn of_chat(chat: &ChatFile) -> Self {
        let spans = |kind: &str| -> BTreeMap<String, Span> {
            let spans = chat.metadata(KEY).and_then(|timed| timed.get(kind));
            let spans = spans.and_then(Value::as_object).into_iter().flatten();
            spans
                .filter_map(|(id, span)| {
                    let number = |key: &str| span.get(key)?.as_u64()?.try_into().ok();
                    let span = Span {
                        start: number("start")?,
                        end: number("end")?,
                        protected: span.get("protected").and_then(Value::as_bool) == Some(true),
                    };
                    Some((id.clone(), span))
                })
                .collect()
        };
        let matched = chat.metadata(MATCHED).and_then(Value::as_array);
        Self {
            sticky: spans("sticky"),
            cooldown: spans("cooldown"),
            matched: matched
                .into_iter()
                .flatten()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect(),
        }
    }

    /// Writes it into a chat file; a chat without anything to remember is left as it is.
    pub fn keep_in(&self, chat: &mut ChatFile) {
        let old =
            |kind: &str, id: &str| chat.metadata(KEY)?.get(kind)?.get(id)?.get("hash").cloned();
        let spans = |kind: &str, spans: &BTreeMap<String, Span>| -> Map<String, Value> {
            let write = |(id, span): (&String, &Span)| {
                // The hash tells SillyTavern which entry is meant; ours stands in until it writes its own.
                let hash = old(kind, id).unwrap_or_else(|| json!(cyrb53(id)));
                let span = json!({"hash": hash, "start": span.start, "end": span.end, "protected": span.protected});
                (id.clone(), span)
            };
            spans.iter().map(write).collect()
        };
        let timed = json!({
            "sticky": spans("sticky", &self.sticky),
            "cooldown": spans("cooldown", &self.cooldown),
        });
        if !self.sticky.is_empty() || !self.cooldown.is_empty() || chat.metadata(KEY).is_some() {
            chat.set_metadata(KEY, timed);
        }
        if !self.matched.is_empty() {
            chat.set_metadata(MATCHED, json!(self.matched));
        }
    }

    /// Forgets what has ended with `messages` messages, and says what holds.
    pub(super) fn now<'a>(&mut self, lore: &'a [Lore], messages: usize) -> Now<'a> {
        let mut now = Now::default();
        let find = |id: &str| lore.iter().find(|lore| lore.id == id);
        let mut ended: Vec<&Lore> = Vec::new();
        self.sticky.retain(|id, span| {
            let state = span.state(find(id), |lore| lore.sticky, messages);
            match (state, find(id)) {
                (State::Holds, Some(lore)) => drop(now.sticky.insert(lore.id.as_str())),
                (State::Ended, Some(lore)) => ended.push(lore),
                _ => {}
            }
            !matches!(state, State::Ended | State::Void)
        });
        // Who stayed stays away from now on, and that holds even where the chat is not longer yet.
        for lore in ended.into_iter().filter(|lore| lore.cooldown > 0) {
            let span = Span {
                start: messages,
                end: messages + lore.cooldown,
                protected: true,
            };
            self.cooldown.insert(lore.id.clone(), span);
        }
        self.cooldown.retain(|id, span| {
            let state = span.state(find(id), |lore| lore.cooldown, messages);
            if let (State::Holds, Some(lore)) = (state, find(id)) {
                now.cooldown.insert(lore.id.as_str());
            }
            !matches!(state, State::Ended | State::Void)
        });
        now
    }

    /// Remembers that an entry joined.
    pub(super) fn joined(&mut self, lore: &Lore, messages: usize) {
        let span = |length: usize| Span {
            start: messages,
            end: messages + length,
            protected: false,
        };
        if lore.sticky > 0 {
            self.sticky
                .entry(lore.id.clone())
                .or_insert_with(|| span(lore.sticky));
        }
        if lore.cooldown > 0 {
            self.cooldown
                .entry(lore.id.clone())
                .or_insert_with(|| span(lore.cooldown));
        }
        if lore.decorators.keep_after_match || lore.decorators.not_after_match {
            self.matched.insert(lore.id.clone());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Holds,
    /// Its time has passed.
    Ended,
    /// It never was: the chat went back, or the entry no longer has such a time.
    Void,
    /// The entry belongs to another book, which may come back.
    Absent,
}

impl Span {
    fn state(&self, lore: Option<&Lore>, time: impl Fn(&Lore) -> usize, messages: usize) -> State {
        if messages <= self.start && !self.protected {
            return State::Void;
        }
        match lore {
            None if messages >= self.end => State::Ended,
            None => State::Absent,
            Some(lore) if time(lore) == 0 => State::Void,
            Some(_) if messages >= self.end => State::Ended,
            Some(_) => State::Holds,
        }
    }
}
