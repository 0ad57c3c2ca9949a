//! Searching the index.

use std::path::PathBuf;

use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::index::COLUMNS;
use super::rows::{CardRow, path_of, range};
use super::scan::key;
use super::{Collection, failed, words};
use crate::card::Card;
use crate::{Error, Kind, Result};

/// How much a word counts in each column: a name says more than a mention in somebody's lorebook.
const WEIGHTS: &str = "20.0, 8.0, 10.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 2.0, 1.0";

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Words, all of which must be there: `"..."` is a phrase, `word*` a beginning, `-word` must not be there, `OR` means
    /// either, `name:word` looks in one field. Default: empty, which finds every card.
    pub words: String,
    /// Tags that a card must have, in any case. Default: none.
    pub tags: Vec<String>,
    /// Who must have made it, in any case. Default: anybody.
    pub creator: Option<String>,
    /// The folder the files must be in. Default: anywhere.
    pub folder: Option<PathBuf>,
    /// The most cards to find. Default: 20.
    pub limit: usize,
}

impl Search {
    /// A search for words.
    pub fn new(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            ..Self::default()
        }
    }

    /// Where in a card the words are: the name of the field, and the text around the first place.
    #[must_use]
    pub fn place(&self, card: &Card) -> Option<(&'static str, String)> {
        let wanted = words::plain(&self.words);
        let book = card.lorebook().unwrap_or_default();
        let lore: Vec<_> = book.entries.iter().map(|entry| &*entry.content).collect();
        let fields = [
            ("description", card.description().into_owned()),
            ("personality", card.personality().into_owned()),
            ("scenario", card.scenario().into_owned()),
            ("greeting", card.first_message().into_owned()),
            ("greeting", card.alternate_greetings().join("\n")),
            ("notes", card.creator_notes().into_owned()),
            ("examples", card.example_messages().into_owned()),
            ("instructions", card.system_prompt().into_owned()),
            ("lorebook", lore.join("\n")),
        ];
        // The field that has most of the words.
        let (count, field, text, at) = fields
            .iter()
            .map(|(field, text)| {
                let lower = text.to_lowercase();
                // Lower case may be longer or shorter; the place is only used where it is the same.
                let found: Vec<_> = wanted.iter().filter_map(|word| lower.find(word)).collect();
                let at = found
                    .iter()
                    .min()
                    .copied()
                    .filter(|_| lower.len() == text.len());
                (found.len(), *field, text, at)
            })
            .rev()
            .max_by_key(|(count, ..)| *count)?;
        (count > 0).then(|| (field, around(text, at.unwrap_or(0))))
    }
}

impl Default for Search {
    fn default() -> Self {
        Self {
            words: String::new(),
            tags: Vec::new(),
            creator: None,
            folder: None,
            limit: 20,
        }
    }
}

/// How much of a text is shown before and after a word.
const BEFORE: usize = 40;
const AROUND: usize = 160;

/// The text around a place, on one line.
fn around(text: &str, at: usize) -> String {
    let at = (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    let mut start = text[..at]
        .char_indices()
        .rev()
        .nth(BEFORE - 1)
        .map_or(0, |(start, _)| start);
    if start > 0 {
        start += text[start..at]
            .find(char::is_whitespace)
            .map_or(0, |blank| blank + 1);
    }
    let end = text[start..]
        .char_indices()
        .nth(AROUND)
        .map_or(text.len(), |(end, _)| start + end);
    let dots = |cut: bool| if cut { "..." } else { "" };
    format!(
        "{}{}{}",
        dots(start > 0),
        super::summary::one_line(&text[start..end]),
        dots(end < text.len())
    )
}

/// A card that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The card.
    pub card: CardRow,
    /// Every file that says it.
    pub files: Vec<PathBuf>,
    /// How well it fits; more is better. 0 where no words were looked for.
    pub score: f64,
}

impl Collection {
    /// The number of different cards in the index.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the index cannot be read.
    pub fn len(&self) -> Result<u64> {
        self.index
            .query_row("SELECT count(*) FROM card", [], |row| row.get(0))
            .map_err(failed)
    }

    /// Whether the index has no card.
    ///
    /// # Errors
    ///
    /// As [`Collection::len`].
    pub fn is_empty(&self) -> Result<bool> {
        self.len().map(|count| count == 0)
    }

    /// The cards that fit, the best first; without words in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when words were given and none of them can be looked for, [`Kind::File`] when the index cannot be
    /// read.
    pub fn search(&self, search: &Search) -> Result<Vec<Hit>> {
        let query = words::query(&search.words, &COLUMNS);
        if query.is_none() && !search.words.trim().is_empty() {
            return Err(Error::new(
                Kind::Usage,
                format!("`{}` has no word to look for", search.words.trim()),
            )
            .hint("name at least one word that must be there"));
        }
        let mut values: Vec<SqlValue> = Vec::new();
        let mut conditions = String::new();
        let id = if query.is_some() {
            "words.rowid"
        } else {
            "card.id"
        };
        for tag in &search.tags {
            conditions.push_str(&format!(
                " AND {id} IN (SELECT card FROM tag WHERE tag = ?)"
            ));
            values.push(key(tag).into());
        }
        if let Some(creator) = &search.creator {
            conditions.push_str(&format!(
                " AND {id} IN (SELECT id FROM card WHERE creator_key = ?)"
            ));
            values.push(key(creator).into());
        }
        if let Some(folder) = &search.folder {
            let (from, to) = range(folder)?;
            conditions.push_str(&format!(
                " AND {id} IN (SELECT card FROM file WHERE path >= ? AND path < ?)"
            ));
            values.extend([from.into(), to.into()]);
        }
        let fields = "card.name, card.creator, card.tags, card.summary, card.permanent, card.temporary, card.greetings, \
                      card.entries";
        let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
        let sql = match query {
            // Ranked before the rows are fetched: FTS5 sorts by rank itself, without looking at other tables.
            Some(query) => {
                values.insert(0, query.into());
                format!(
                    "SELECT card.id, hit.score, {fields} FROM (
                         SELECT rowid AS id, -rank AS score FROM words
                         WHERE words MATCH ? AND rank MATCH 'bm25({WEIGHTS})' {conditions} ORDER BY rank LIMIT {limit}
                     ) AS hit JOIN card ON card.id = hit.id ORDER BY hit.score DESC, card.id"
                )
            }
            None => format!(
                "SELECT card.id, 0.0, {fields} FROM card WHERE 1 {conditions} ORDER BY card.name, card.id LIMIT {limit}"
            ),
        };
        let mut statement = self.index.prepare_cached(&sql).map_err(failed)?;
        let hits: Vec<(i64, Hit)> = statement
            .query_map(params_from_iter(values), |row| {
                Ok((
                    row.get(0)?,
                    Hit {
                        card: CardRow::read(row, 2)?,
                        files: Vec::new(),
                        score: row.get(1)?,
                    },
                ))
            })
            .and_then(Iterator::collect)
            .map_err(failed)?;
        let mut files = self
            .index
            .prepare_cached("SELECT path FROM file WHERE card = ?1 ORDER BY path")
            .map_err(failed)?;
        hits.into_iter()
            .map(|(id, mut hit)| {
                hit.files = files
                    .query_map(params![id], |row| row.get(0).map(path_of))
                    .and_then(Iterator::collect)
                    .map_err(failed)?;
                Ok(hit)
            })
            .collect()
    }
}
