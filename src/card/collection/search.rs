//! Searching the index.

use std::collections::HashSet;
use std::path::PathBuf;

use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::index::{BEGINNINGS, COLUMNS, FIRST};
use super::rows::{CardRow, FIELDS, path_of, range};
use super::scan::key;
use super::{Collection, failed, words};
use crate::card::Card;
use crate::{Error, Kind, Result};

/// How much a word counts in each column: a name says more than a mention in somebody's lorebook. The beginning of a
/// word counts once, however many begin so.
const WEIGHTS: &str = "2.0, 10.0, 20.0, 8.0, 10.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 2.0, 1.0";

/// Of more cards than this not every one is ranked: a word that half of all cards have says little, and looking at each
/// would take a second. Then come those that have the words in their name, creator or tags, and others in the order of
/// the index.
const MAX_RANKED: usize = 4_000;

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
    /// How well it fits; more is better. 0 where cards were not ranked.
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
    /// Up to 4,000 cards are ranked. Where more have the words, those come first that have them in their name, creator or
    /// tags (ranked, unless these too are more than 4,000), then others in the order in which they came into the index.
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
        let conditions = self.conditions(search)?;
        let found = match query {
            Some(query) => self.by_words(&query, &conditions, search.limit)?,
            None => self.by_name(&conditions, search.limit)?,
        };
        let mut card = self
            .index
            .prepare_cached(&format!("SELECT {FIELDS} FROM card WHERE id = ?1"))
            .map_err(failed)?;
        let mut files = self
            .index
            .prepare_cached("SELECT path FROM file WHERE card = ?1 ORDER BY path")
            .map_err(failed)?;
        let mut hit = |(id, score)| {
            Ok(Hit {
                card: card.query_row(params![id], |row| CardRow::read(row, 0))?,
                files: files
                    .query_map(params![id], |row| row.get(0).map(path_of))?
                    .collect::<rusqlite::Result<_>>()?,
                score,
            })
        };
        found
            .into_iter()
            .map(|found| hit(found).map_err(failed))
            .collect()
    }

    /// What a search asks for beside words.
    fn conditions(&self, search: &Search) -> Result<Vec<Condition>> {
        let tags = search.tags.iter().map(|tag| (TAG, vec![key(tag).into()]));
        let creator = search
            .creator
            .iter()
            .map(|creator| (CREATOR, vec![key(creator).into()]));
        let folder = match &search.folder {
            Some(folder) => {
                let (from, to) = range(folder)?;
                Some((FOLDER, vec![from.into(), to.into()]))
            }
            None => None,
        };
        tags.chain(creator)
            .chain(folder)
            .map(|((all, card), values)| {
                let sql = format!(
                    "WITH found(card) AS ({all} LIMIT {MAX_RANKED} + 1)
                     SELECT count(*), ifnull(min(card), 0), ifnull(max(card), 0) FROM found"
                );
                let (count, first, last): (usize, i64, i64) = self
                    .index
                    .prepare_cached(&sql)
                    .and_then(|mut count| {
                        count.query_row(params_from_iter(&values), |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                        })
                    })
                    .map_err(failed)?;
                let few = (count <= MAX_RANKED).then_some((first, last));
                Ok(Condition {
                    all,
                    card,
                    values,
                    few,
                })
            })
            .collect()
    }

    /// The cards under these conditions in the order of their names.
    fn by_name(&self, conditions: &[Condition], limit: usize) -> Result<Vec<(i64, f64)>> {
        // Few cards are looked up and sorted; of many the first are found sooner by going through the names.
        let table = if conditions.iter().any(|condition| condition.few.is_some()) {
            "card"
        } else {
            "card INDEXED BY card_by_name"
        };
        let (sql, values) = all_of(conditions, "card.id");
        self.found(
            &format!(
                "SELECT card.id, 0.0 FROM {table} WHERE 1{sql} ORDER BY card.name, card.id LIMIT ?"
            ),
            values,
            limit,
        )
    }

    /// The cards that match a query under these conditions, the best first.
    fn by_words(
        &self,
        query: &words::Query,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        let everywhere = query.anywhere();
        let many = limit.max(MAX_RANKED + 1);
        let all = self.matches(&everywhere, conditions, many)?;
        if all.len() <= MAX_RANKED {
            return self.ranked(&everywhere, conditions, limit);
        }
        let first = query.within(&[&FIRST[..], &BEGINNINGS[1..]].concat());
        let mut found = self.matches(&first, conditions, many)?;
        if found.len() <= MAX_RANKED {
            found = self.ranked(&first, conditions, limit)?;
        }
        found.truncate(limit);
        let known: HashSet<i64> = found.iter().map(|(id, _)| *id).collect();
        let others = all.into_iter().filter(|(id, _)| !known.contains(id));
        found.extend(others.take(limit - known.len()));
        Ok(found)
    }

    /// Cards that match a query of FTS5, in the order of the index.
    fn matches(
        &self,
        query: &str,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        self.matching(query, conditions, ("0.0", ""), limit)
    }

    /// The cards that match a query of FTS5 best.
    fn ranked(
        &self,
        query: &str,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        let score = format!("-bm25(words, {WEIGHTS}) AS score");
        self.matching(
            query,
            conditions,
            (&score, "ORDER BY score DESC, rowid"),
            limit,
        )
    }

    /// Cards that match a query of FTS5, with a score and in an order, both in SQL.
    fn matching(
        &self,
        query: &str,
        conditions: &[Condition],
        (score, order): (&str, &str),
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        let (sql, values) = all_of(conditions, WORDS);
        self.found(
            &format!("SELECT rowid, {score} FROM words WHERE words MATCH ?{sql} {order} LIMIT ?"),
            [vec![query.to_owned().into()], values].concat(),
            limit,
        )
    }

    /// The cards and scores that a query finds; its last parameter is how many.
    fn found(&self, sql: &str, mut values: Vec<SqlValue>, limit: usize) -> Result<Vec<(i64, f64)>> {
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        self.index
            .prepare_cached(sql)
            .and_then(|mut query| {
                query
                    .query_map(params_from_iter(values), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .map_err(failed)
    }
}

/// A condition beside the words.
struct Condition {
    /// The cards that meet it, in SQL.
    all: &'static str,
    /// The column of `all` that is the card.
    card: &'static str,
    values: Vec<SqlValue>,
    /// The first and the last number of a card that meets it, where they are few enough to list.
    few: Option<(i64, i64)>,
}

/// The number of a card in a query for words.
const WORDS: &str = "words.rowid";

const TAG: (&str, &str) = ("SELECT tag.card FROM tag WHERE tag.tag = ?", "tag.card");
const CREATOR: (&str, &str) = (
    "SELECT made.id FROM card AS made WHERE made.creator_key = ?",
    "made.id",
);
const FOLDER: (&str, &str) = (
    "SELECT file.card FROM file WHERE file.path >= ? AND file.path < ? AND file.card IS NOT NULL",
    "file.card",
);

impl Condition {
    /// That the card whose number is `id` meets it. A list of few is made once; for many it is cheaper to look at the cards
    /// that are found otherwise, one by one. The plus keeps SQLite from asking FTS5 anew for every card of a list; between
    /// its ends are often few others, for the cards of a folder came into the index together.
    fn sql(&self, id: &str) -> String {
        let Self { all, card, .. } = self;
        match self.few {
            Some((first, last)) if id == WORDS => {
                format!(" AND {id} BETWEEN {first} AND {last} AND +{id} IN ({all})")
            }
            Some(_) => format!(" AND {id} IN ({all})"),
            None => format!(" AND (SELECT 1 FROM ({all} AND {card} = {id} LIMIT 1))"),
        }
    }
}

/// That the card whose number is `id` meets all conditions, and the values of the parameters in that.
fn all_of(conditions: &[Condition], id: &str) -> (String, Vec<SqlValue>) {
    let sql = conditions.iter().map(|condition| condition.sql(id));
    let values = conditions
        .iter()
        .flat_map(|condition| condition.values.clone());
    (sql.collect(), values.collect())
}
