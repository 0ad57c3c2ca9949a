//! Searching the index.

use std::path::PathBuf;

use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::index::COLUMNS;
use super::rows::{CardRow, FIELDS, path_of, range};
use super::scan::key;
use super::{Collection, failed, words};
use crate::card::Card;
use crate::{Error, Kind, Result};

/// How much a word counts in each column: a name says more than a mention in somebody's lorebook.
const WEIGHTS: &str = "20.0, 8.0, 10.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 2.0, 1.0";

/// Of more cards than this not every one is ranked: a word that half of all cards have says little, and looking at each
/// would take a second. Then come those that have the words in their name, creator or tags, and others in the order of
/// the index.
const MAX_RANKED: i64 = 4_000;

/// Where words say most.
const FIRST: [&str; 3] = ["name", "creator", "tags"];

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
        // The plus keeps SQLite from asking FTS5 anew for every card of a tag.
        let id = if query.is_some() {
            "+words.rowid"
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
        let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
        let hits = match query {
            Some(query) => {
                let everywhere = query.anywhere();
                let mut hits = Vec::new();
                if self.is_few(&everywhere, &conditions, &values)? {
                    hits = self.matches(&everywhere, &conditions, &values, true, limit)?;
                } else {
                    let first = query.within(&FIRST);
                    let few = self.is_few(&first, &conditions, &values)?;
                    for (query, ranked) in [(&first, few), (&everywhere, false)] {
                        let more = self.matches(query, &conditions, &values, ranked, limit)?;
                        for hit in more {
                            if hits.len() < search.limit && !hits.iter().any(|(id, _)| *id == hit.0) {
                                hits.push(hit);
                            }
                        }
                    }
                }
                hits
            }
            None => self.hits(
                &format!(
                    "SELECT card.id, 0.0, {FIELDS} FROM card WHERE 1 {conditions} ORDER BY card.name, card.id LIMIT {limit}"
                ),
                &values,
            )?,
        };
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

    /// Whether no more cards match than can be ranked in a moment.
    fn is_few(&self, query: &str, conditions: &str, values: &[SqlValue]) -> Result<bool> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? {conditions} LIMIT {MAX_RANKED} + 1)"
        );
        let values =
            std::iter::once(SqlValue::from(query.to_owned())).chain(values.iter().cloned());
        self.index
            .prepare_cached(&sql)
            .and_then(|mut count| {
                count.query_row(params_from_iter(values), |row| row.get::<_, i64>(0))
            })
            .map(|count| count <= MAX_RANKED)
            .map_err(failed)
    }

    /// The cards that match a query of FTS5, ranked by it or in the order of the index.
    fn matches(
        &self,
        query: &str,
        conditions: &str,
        values: &[SqlValue],
        ranked: bool,
        limit: i64,
    ) -> Result<Vec<(i64, Hit)>> {
        let (score, order) = match ranked {
            // FTS5 sorts by rank itself, without looking at other tables ...
            true if conditions.is_empty() => (
                "-rank".to_owned(),
                format!("AND rank MATCH 'bm25({WEIGHTS})' ORDER BY rank"),
            ),
            // ... but would rank cards that the conditions leave out.
            true => (
                format!("-bm25(words, {WEIGHTS})"),
                format!("{conditions} ORDER BY score DESC"),
            ),
            false => ("0.0".to_owned(), conditions.to_owned()),
        };
        let sql = format!(
            "SELECT card.id, hit.score, {FIELDS} FROM (
                 SELECT rowid AS id, {score} AS score FROM words WHERE words MATCH ? {order} LIMIT {limit}
             ) AS hit JOIN card ON card.id = hit.id ORDER BY hit.score DESC, card.id"
        );
        let values: Vec<SqlValue> = std::iter::once(SqlValue::from(query.to_owned()))
            .chain(values.iter().cloned())
            .collect();
        self.hits(&sql, &values)
    }

    fn hits(&self, sql: &str, values: &[SqlValue]) -> Result<Vec<(i64, Hit)>> {
        self.index
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map(params_from_iter(values), |row| {
                    let hit = Hit {
                        card: CardRow::read(row, 2)?,
                        files: Vec::new(),
                        score: row.get(1)?,
                    };
                    Ok((row.get(0)?, hit))
                })?;
                rows.collect()
            })
            .map_err(failed)
    }
}
