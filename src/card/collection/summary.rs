//! What the index keeps of a card.

use sha2::{Digest as _, Sha256};

use super::index::COLUMNS;
use super::sketch::{BINS, sketch};
use super::words::{apart, beginnings, whole_creator, whole_tag};
use crate::card::Card;

/// The length of a hash in the index: half of SHA-256, far beyond chance for any number of cards.
pub(super) const HASH: usize = 16;

/// How much of a card's text stands in a list, in characters.
const MAX_SUMMARY: usize = 160;

/// What the index keeps of a card.
pub(super) struct Summary {
    pub(super) says: [u8; HASH],
    pub(super) name: String,
    pub(super) creator: String,
    pub(super) tags: Vec<String>,
    pub(super) summary: String,
    pub(super) permanent: usize,
    pub(super) temporary: usize,
    pub(super) greetings: usize,
    pub(super) entries: usize,
    pub(super) sketch: Option<[u32; BINS]>,
    /// The texts, by column of the table of words.
    pub(super) columns: [String; COLUMNS.len()],
    /// How the words in them begin.
    pub(super) beginnings: String,
    /// A word for each whole tag and for the creator.
    pub(super) exact: String,
}

impl Summary {
    pub(super) fn of(card: &Card) -> Self {
        let book = card.lorebook().unwrap_or_default();
        let tags = card.tags();
        let mut greetings = vec![card.first_message().into_owned()];
        greetings.extend(card.alternate_greetings());
        greetings.extend(card.group_only_greetings());
        greetings.retain(|greeting| !greeting.trim().is_empty());
        let lore: Vec<String> = book
            .entries
            .iter()
            .map(|entry| {
                let keys = [&entry.keys[..], &entry.secondary_keys].concat().join(", ");
                format!("{}\n{keys}\n{}", entry.title, entry.content)
            })
            .collect();
        let name = one_line(&card.name());
        let names = match &*card.nickname() {
            nickname if nickname == card.name() => name.clone(),
            nickname => format!("{name}\n{nickname}"),
        };
        let columns = [
            names,
            card.creator().into_owned(),
            tags.join("\n"),
            card.description().into_owned(),
            card.personality().into_owned(),
            card.scenario().into_owned(),
            greetings.join("\n"),
            card.example_messages().into_owned(),
            instructions(card),
            card.creator_notes().into_owned(),
            lore.join("\n"),
        ];
        let mut says = Sha256::new();
        for column in &columns {
            says.update((column.len() as u64).to_le_bytes());
            says.update(column.as_bytes());
        }
        // A lorebook that both have tells nothing about the characters, and neither does a name.
        let sketch = sketch(columns[3..8].iter().map(String::as_str));
        let length = |text: &str| text.chars().count();
        let about = [
            &columns[3],
            &columns[9],
            &columns[4],
            &columns[5],
            &columns[6],
        ];
        let about = about.into_iter().find(|text| !text.trim().is_empty());
        let summary = about.map(|text| beginning(text)).unwrap_or_default();
        let permanent = [3, 4, 5, 8]
            .into_iter()
            .map(|at| length(&columns[at]))
            .sum();
        let temporary = length(&card.first_message()) + length(&columns[7]);
        let creator = one_line(&columns[1]);
        let columns = columns.map(|column| apart(&column));
        let exact: Vec<_> = (tags.iter().map(|tag| whole_tag(tag)))
            .chain(Some(whole_creator(&creator)))
            .collect();
        Self {
            beginnings: beginnings(&columns),
            exact: exact.join(" "),
            says: short(&says.finalize()),
            creator,
            tags,
            summary,
            permanent,
            temporary,
            greetings: greetings.len(),
            entries: book.entries.len(),
            sketch,
            name,
            columns,
        }
    }
}

fn instructions(card: &Card) -> String {
    let mut texts = vec![card.system_prompt(), card.post_history_instructions()];
    texts.retain(|text| !text.is_empty());
    texts.join("\n")
}

/// The part of a hash that is kept.
pub(super) fn short(hash: &[u8]) -> [u8; HASH] {
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or(0))
}

/// A text on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How a text begins.
fn beginning(text: &str) -> String {
    // A blank more than is kept, so that cutting is seen; not the whole text, which may be long.
    let head: String = text.trim_start().chars().take(MAX_SUMMARY * 2).collect();
    let line = one_line(&head);
    match line.char_indices().nth(MAX_SUMMARY) {
        Some((cut, _)) => {
            let cut = line[..cut].rfind(' ').unwrap_or(cut);
            format!("{} ...", &line[..cut])
        }
        None => line,
    }
}
