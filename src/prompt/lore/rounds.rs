//! Round after round, entries whose keys are mentioned join, and their text may bring in more.

use std::collections::HashMap;
use std::rc::Rc;

use super::groups::{self, Group};
use super::keys::{Found, Key};
use super::scan::{Fate, Scan};
use super::timed::Now;
use super::{First, Logic, Lore, Rules};
use crate::Result;
use crate::prompt::macros::Random;

/// Rounds of recursion at most. Every round but the last brings in an entry; real books stop after a few.
const MAX_ROUNDS: usize = 100;
/// The most messages that are searched, as in SillyTavern.
const MAX_SCAN_DEPTH: usize = 1000;
/// What separates messages in the text that is searched: it begins a line and occurs in no message.
const SEPARATOR: &str = "\n\u{1}";

/// A text to search, as it is and in lower case.
#[derive(Debug, Default)]
struct Haystack {
    text: String,
    lower: String,
}

/// What a round is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// The last messages are searched.
    First,
    /// So is the text of what joined.
    Recursion,
    /// One message more is searched, as too few entries joined.
    Deeper,
}

/// Why an entry does or does not want to join in a round.
enum Wish {
    Join(String),
    Stay(String),
}

/// A scan on its way.
pub(super) struct State<'a, 's> {
    scan: &'s Scan<'a>,
    now: Now<'a>,
    keys: Vec<Keys>,
    /// The text of entries that joined, newest last.
    recursion: Vec<String>,
    round: Round,
    /// How many messages more than the rules say are searched.
    deeper: usize,
    haystacks: HashMap<(usize, super::Also, usize), Rc<Haystack>>,
    pub(super) joined: Vec<(usize, String)>,
    pub(super) fates: Vec<Fate>,
    /// Entries that chance went against.
    unlucky: Vec<usize>,
    overflowed: bool,
    /// How many tokens of each book's own budget are used, by the book's name.
    books: HashMap<&'a str, usize>,
}

/// The keys of an entry.
struct Keys {
    primary: Vec<Key>,
    secondary: Vec<Key>,
    additional: Vec<Vec<Key>>,
    exclude: Vec<Key>,
}

impl<'a, 's> State<'a, 's> {
    pub(super) fn new(scan: &'s Scan<'a>, now: Now<'a>) -> Self {
        let keys = scan.lore.iter().map(|lore| Keys::of(lore, scan)).collect();
        let fate = |entry| Fate {
            entry,
            joins: false,
            reason: "no key is mentioned".into(),
            tokens: 0,
        };
        Self {
            scan,
            now,
            keys,
            recursion: Vec::new(),
            round: Round::First,
            deeper: 0,
            haystacks: HashMap::new(),
            joined: Vec::new(),
            fates: (0..scan.lore.len()).map(fate).collect(),
            unlucky: Vec::new(),
            overflowed: false,
            books: HashMap::new(),
        }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let rules = self.scan.rules;
        let order = in_order(self.scan.lore, &rules);
        let mut levels: Vec<u32> = self
            .scan
            .lore
            .iter()
            .map(|lore| lore.delay_until_recursion)
            .filter(|level| *level > 0)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        let mut levels = levels.into_iter();
        let mut level = levels.next().unwrap_or(0);
        let (mut rounds, mut of_recursion) = (0, 0);
        loop {
            let is_over = rules.max_rounds > 0 && rounds >= rules.max_rounds;
            if is_over || of_recursion >= MAX_ROUNDS {
                break;
            }
            rounds += 1;
            of_recursion += usize::from(self.round != Round::Deeper);
            let wishing = self.wishing(&order, level);
            let joined = self.admit(wishing)?;
            let spreading: Vec<&str> = joined
                .iter()
                .filter(|(at, _)| !self.scan.lore[*at].prevent_recursion)
                .map(|(_, text)| text.as_str())
                .collect();
            let next = self.next_round(!spreading.is_empty()).or_else(|| {
                level = levels.next()?;
                Some(Round::Recursion)
            });
            let Some(next) = next else {
                break;
            };
            self.round = next;
            let text = spreading.join("\n");
            if !text.is_empty() {
                self.recursion.push(text);
            }
            self.haystacks.clear();
        }
        Ok(())
    }

    /// What is to be looked at next, before entries that wait for a later round of recursion.
    fn next_round(&mut self, something_spreads: bool) -> Option<Round> {
        let rules = self.scan.rules;
        if self.overflowed {
            return None;
        }
        // What joined before may bring in more beside the message that was searched last.
        let looks_again = self.round == Round::Deeper && !self.recursion.is_empty();
        if rules.recursive && (something_spreads || looks_again) {
            return Some(Round::Recursion);
        }
        if self.joined.len() >= rules.min_activations {
            return None;
        }
        let depth = rules.scan_depth + self.deeper;
        let is_deepest = rules.min_depth > 0 && depth > rules.min_depth;
        if is_deepest || depth > self.scan.messages.len() {
            return None;
        }
        self.deeper += 1;
        Some(Round::Deeper)
    }

    /// The entries that want to join in this round, those that stay from before first.
    fn wishing(&mut self, order: &[usize], level: u32) -> Vec<usize> {
        let mut wishing = Vec::new();
        for &at in order {
            if self.unlucky.contains(&at) || self.joined.iter().any(|(other, _)| *other == at) {
                continue;
            }
            match self.wish(at, level) {
                Wish::Join(reason) => {
                    self.fates[at].reason = reason;
                    wishing.push(at);
                }
                Wish::Stay(reason) => self.fates[at].reason = reason,
            }
        }
        wishing.sort_by_key(|at| !self.is_sticky(*at));
        wishing
    }

    fn is_sticky(&self, at: usize) -> bool {
        self.now.sticky.contains(self.scan.lore[at].id.as_str())
    }

    fn wish(&mut self, at: usize, level: u32) -> Wish {
        let scan = self.scan;
        let lore = &scan.lore[at];
        let stay = |reason: &str| Wish::Stay(reason.to_owned());
        let join = |reason: &str| Wish::Join(reason.to_owned());
        let decorators = &lore.decorators;
        let (messages, replies) = (scan.messages.len(), scan.replies as f64);
        let is_sticky = self.is_sticky(at);
        let in_recursion = self.round == Round::Recursion;
        if !lore.enabled {
            return stay("switched off");
        }
        if !lore.triggers.is_empty() && !lore.triggers.contains(&scan.trigger) {
            return Wish::Stay(format!("is not for a turn that is `{}`", scan.trigger));
        }
        if let Some(why) = scan.who.refusal(&lore.filter) {
            return Wish::Stay(why);
        }
        if scan.rules.is_full && decorators.ignore_on_max_context {
            return stay("`@@ignore_on_max_context`: the context is full");
        }
        if messages < lore.delay {
            return Wish::Stay(format!("waits for message {}", lore.delay));
        }
        if self.now.cooldown.contains(lore.id.as_str()) && !is_sticky {
            return stay("rests after it was in");
        }
        if lore.delay_until_recursion > 0 && !is_sticky {
            if !in_recursion {
                return stay("only other entries bring it in");
            }
            if lore.delay_until_recursion > level {
                return Wish::Stay(format!(
                    "waits for round {} of recursion",
                    lore.delay_until_recursion
                ));
            }
        }
        if in_recursion && scan.rules.recursive && lore.exclude_recursion && !is_sticky {
            return stay("no key is mentioned in the chat, and other entries do not bring it in");
        }
        if decorators.activate {
            return join("`@@activate`");
        }
        if decorators.dont_activate {
            return stay("`@@dont_activate`");
        }
        let matched = scan.timed.matched.contains(&lore.id);
        if decorators.not_after_match && matched {
            return stay("`@@dont_activate_after_match`: it was in before");
        }
        if decorators.keep_after_match && matched {
            return join("`@@keep_activate_after_match`: it was in before");
        }
        if decorators.only_after.is_some_and(|least| replies < least) {
            return stay("`@@activate_only_after`: the character said less");
        }
        if decorators
            .only_every
            .is_some_and(|every| replies % every != 0.0)
        {
            return stay("`@@activate_only_every`: not this time");
        }
        if let (Some(wanted), Some(greeting)) = (decorators.is_greeting, scan.greeting)
            && wanted != greeting as f64
        {
            return stay("`@@is_greeting`: the chat began with another");
        }
        if lore.constant {
            return join("constant");
        }
        if is_sticky {
            return join("stays from before");
        }
        let wish = if lore.keys.is_empty() {
            stay("it has no keys")
        } else {
            self.mentioned(at)
        };
        match wish {
            Wish::Stay(why) if lore.vectorized => Wish::Stay(format!(
                "{why}, and without an embedding model nothing is found by its meaning"
            )),
            wish => wish,
        }
    }

    /// Whether the keys of an entry are mentioned as it wants them to be.
    fn mentioned(&mut self, at: usize) -> Wish {
        let haystack = self.haystack(at, true);
        let (lore, keys) = (&self.scan.lore[at], &self.keys[at]);
        let mut gave_up = false;
        let mut find = |key: &Key, haystack: &Haystack| {
            let found = key.find(&haystack.text, &haystack.lower);
            gave_up |= found == Found::GaveUp;
            found == Found::Yes
        };
        let first = keys.primary.iter().find(|key| find(key, &haystack));
        let Some(first) = first.map(|key| key.name.clone()) else {
            return Wish::Stay(if gave_up {
                "a regular expression took too long".into()
            } else {
                "no key is mentioned".into()
            });
        };
        let excluded = keys.exclude.iter().find(|key| find(key, &haystack));
        if let Some(excluded) = excluded {
            return Wish::Stay(format!("`{}` is mentioned", excluded.name));
        }
        let lacks_one = keys
            .additional
            .iter()
            .any(|list| !list.iter().any(|key| find(key, &haystack)));
        if lacks_one {
            return Wish::Stay("none of its further keys is mentioned".into());
        }
        if !keys.secondary.is_empty() {
            let found = keys
                .secondary
                .iter()
                .filter(|key| key.find(&haystack.text, &haystack.lower) == Found::Yes)
                .count();
            let agrees = match lore.logic {
                Logic::AndAny => found > 0,
                Logic::NotAll => found < keys.secondary.len(),
                Logic::NotAny => found == 0,
                Logic::AndAll => found == keys.secondary.len(),
            };
            if !agrees {
                return Wish::Stay(format!("key `{first}`, but the secondary keys say no"));
            }
        }
        let alone = self.haystack(at, false);
        let in_chat = self.keys[at]
            .primary
            .iter()
            .any(|key| key.find(&alone.text, &alone.lower) == Found::Yes);
        Wish::Join(if in_chat {
            format!("key `{first}`")
        } else {
            format!("key `{first}`, in another entry")
        })
    }

    /// What is searched for an entry: the last messages, what it asks for besides, and the text of others.
    fn haystack(&mut self, at: usize, with_recursion: bool) -> Rc<Haystack> {
        let scan = self.scan;
        let lore = &scan.lore[at];
        let depth = lore
            .scan_depth
            .unwrap_or(scan.rules.scan_depth + self.deeper)
            .min(MAX_SCAN_DEPTH);
        // One more message is searched by itself.
        let rounds = if with_recursion && self.round != Round::Deeper {
            self.recursion.len()
        } else {
            0
        };
        let build = || {
            if depth == 0 {
                return Rc::default();
            }
            let mut text = String::from("\u{1}");
            let messages = scan.messages.iter().rev().take(depth);
            let mut parts: Vec<&str> = messages.map(|message| message.trim()).collect();
            let sources = &scan.sources;
            for (wanted, source) in [
                (lore.also.persona, sources.persona),
                (lore.also.description, sources.description),
                (lore.also.personality, sources.personality),
                (lore.also.depth_prompt, sources.depth_prompt),
                (lore.also.scenario, sources.scenario),
                (lore.also.creator_notes, sources.creator_notes),
            ] {
                if wanted && !source.is_empty() {
                    parts.push(source);
                }
            }
            parts.extend(self.recursion[..rounds].iter().map(String::as_str));
            text.push_str(&parts.join(SEPARATOR));
            let lower = text.to_lowercase();
            Rc::new(Haystack { text, lower })
        };
        let key = (depth, lore.also, rounds);
        Rc::clone(self.haystacks.entry(key).or_insert_with(build))
    }

    /// How many keys of an entry are mentioned.
    fn score(&mut self, at: usize) -> usize {
        let haystack = self.haystack(at, true);
        let keys = &self.keys[at];
        let count = |keys: &[Key]| {
            keys.iter()
                .filter(|key| key.find(&haystack.text, &haystack.lower) == Found::Yes)
                .count()
        };
        let (primary, secondary) = (count(&keys.primary), count(&keys.secondary));
        match self.scan.lore[at].logic {
            _ if keys.primary.is_empty() => 0,
            Logic::AndAny => primary + secondary,
            Logic::AndAll if secondary == keys.secondary.len() => primary + secondary,
            _ => primary,
        }
    }

    /// Lets entries in: one for each group, as chance has it, as long as there is room.
    fn admit(&mut self, mut wishing: Vec<usize>) -> Result<Vec<(usize, String)>> {
        let scan = self.scan;
        let grouped = wishing.iter().any(|at| !scan.lore[*at].groups.is_empty());
        if grouped {
            let scores: HashMap<usize, usize> =
                wishing.iter().map(|&at| (at, self.score(at))).collect();
            let is_scored = |at: usize| {
                let scored = scan.lore[at].group_scoring;
                scored.unwrap_or(scan.rules.group_scoring)
            };
            let joined: Vec<usize> = self.joined.iter().map(|(at, _)| *at).collect();
            let losers = groups::settle(
                &mut wishing,
                &Group {
                    lore: scan.lore,
                    is_sticky: &|at| self.is_sticky(at),
                    score: &|at| scores.get(&at).copied().unwrap_or(0),
                    is_scored: &is_scored,
                    joined: &joined,
                    draw: &|name| self.draw(&format!("group {name}")),
                },
            );
            for (at, reason) in losers {
                self.fates[at].reason = reason;
            }
        }
        // As SillyTavern has it: what others were brought in by, the newest first.
        let before: String = self
            .recursion
            .iter()
            .rev()
            .flat_map(|text| [text, "\n"])
            .collect();
        let used = scan.counter.count(&before)?;
        let mut new = String::new();
        let mut joined = Vec::new();
        // Where a book ranks its entries, the ones that matter least go first.
        let rank = |at: &usize| scan.lore[*at].priority.unwrap_or(f64::INFINITY);
        if wishing.iter().any(|at| scan.lore[*at].priority.is_some()) {
            wishing.sort_by(|a, b| {
                let stays = |at: &usize| !self.is_sticky(*at);
                stays(a).cmp(&stays(b)).then(rank(b).total_cmp(&rank(a)))
            });
        }
        for at in wishing {
            let lore = &scan.lore[at];
            if self.overflowed && !lore.ignore_budget {
                self.fates[at].reason = "the budget of the lorebooks is used up".into();
                continue;
            }
            if lore.probability < 100.0
                && !self.is_sticky(at)
                && self.draw(&lore.id) * 100.0 > lore.probability
            {
                self.fates[at].reason = format!("chance of {} % went against it", lore.probability);
                self.unlucky.push(at);
                continue;
            }
            let text = (scan.expand)(&lore.content);
            let tokens = scan.counter.count(&text)?;
            self.fates[at].tokens = tokens;
            new.push_str(&text);
            new.push('\n');
            if let Some(budget) = scan.rules.budget
                && !lore.ignore_budget
                && used + scan.counter.count(&new)? >= budget
            {
                self.fates[at].reason = format!("over the lorebooks' budget of {budget} tokens");
                self.overflowed = true;
                continue;
            }
            let book = lore.id.rsplit_once('.').map_or("", |(book, _)| book);
            let of_book = self.books.entry(book).or_default();
            if let Some(budget) = lore.book_budget.filter(|_| !lore.ignore_budget)
                && *of_book + tokens > budget
            {
                self.fates[at].reason = format!("over its book's budget of {budget} tokens");
                self.unlucky.push(at);
                continue;
            }
            *of_book += tokens;
            self.joined.push((at, text.clone()));
            joined.push((at, text));
        }
        Ok(joined)
    }

    /// A number from 0 to 1 that depends on the seed, the length of the chat and what it is for.
    fn draw(&self, what: &str) -> f64 {
        let seed = format!("{}-{}-{what}", self.scan.seed, self.scan.messages.len());
        Random::new(&seed).number()
    }
}

/// The entries as they are looked at: the character's or the others first, then by falling order. Of equals in all books the
/// others come first, as in SillyTavern.
fn in_order(lore: &[Lore], rules: &Rules) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lore.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&lore[*a], &lore[*b]);
        let by_order = b.order.total_cmp(&a.order);
        let others_first = a.is_of_card.cmp(&b.is_of_card);
        match rules.first {
            First::Character => others_first.reverse().then(by_order),
            First::Others => others_first.then(by_order),
            First::HighestOrder => by_order.then(others_first),
        }
    });
    order
}

impl Keys {
    fn of(lore: &Lore, scan: &Scan<'_>) -> Self {
        let case = lore.case_sensitive.unwrap_or(scan.rules.case_sensitive);
        let whole = lore.whole_words.unwrap_or(scan.rules.whole_words);
        let all = |keys: &[String]| -> Vec<Key> {
            keys.iter()
                .map(|key| Key::new(key, &(scan.expand)(key), lore.use_regex, case, whole))
                .collect()
        };
        Self {
            primary: all(&lore.keys),
            secondary: all(&lore.secondary),
            additional: lore
                .decorators
                .additional_keys
                .iter()
                .map(|list| all(list))
                .collect(),
            exclude: if lore.use_regex {
                Vec::new()
            } else {
                all(&lore.decorators.exclude_keys)
            },
        }
    }
}
