//! Searching the index.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use rusqlite::types::Value as SqlValue;
use rusqlite::{params, params_from_iter};

use super::index::{COLUMNS, FIRST};
use super::rows::{CardRow, FIELDS, path_of, range};
use super::{Collection, failed, words};
use crate::card::Card;
use crate::{Error, Kind, Result};

/// The two tables with words, and how much a word counts in each of their columns: a name says more than a mention in
/// somebody's lorebook. The beginning of a word counts once, however many begin so. That a card has a tag is a condition,
/// and counts nothing.
const TABLES: [(&str, &str); 2] = [
    (
        "words",
        "2.0, 20.0, 8.0, 10.0, 4.0, 4.0, 3.0, 2.0, 1.0, 1.0, 2.0, 1.0, 0.0",
    ),
    ("first", "20.0, 8.0, 10.0, 0.0"),
];

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
    fn conditions(&self, search: &Search) -> Result<Conditions> {
        let tags = search.tags.iter().map(|tag| words::whole_tag(tag));
        let creator = search.creator.iter().map(|name| words::whole_creator(name));
        let exact = tags.chain(creator);
        Ok(Conditions {
            exact: exact.map(|word| format!("exact : \"{word}\"")).collect(),
            folder: match &search.folder {
                Some(folder) => Some(self.folder(folder)?),
                None => None,
            },
        })
    }

    fn folder(&self, folder: &Path) -> Result<Folder> {
        let (from, to) = range(folder)?;
        let values = [from.into(), to.into()];
        let sql = format!(
            "WITH found(card) AS ({IN_FOLDER} LIMIT {MAX_RANKED} + 1)
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
        Ok(Folder { values, few })
    }

    /// The cards under these conditions in the order of their names.
    fn by_name(&self, conditions: &Conditions, limit: usize) -> Result<Vec<(i64, f64)>> {
        let Conditions { exact, folder } = conditions;
        let (below, mut values) = folder.as_ref().map_or_else(Default::default, |folder| {
            (folder.sql("card.id", false), folder.values.to_vec())
        });
        let mut sieve = Sieve::default();
        if !exact.is_empty() {
            sieve.among = Some(self.list("first", &exact.join(" AND "))?);
        }
        // Few cards are looked up and sorted; of many the first are found sooner by going through the names.
        let are_few = |list: &Vec<i64>| list.len() <= MAX_RANKED;
        let sql = if let Some(list) = sieve.among.take_if(|list| are_few(list)) {
            values.insert(0, numbers(list).into());
            format!("card WHERE card.id IN (SELECT value FROM json_each(?)){below}")
        } else if folder.as_ref().is_some_and(|folder| folder.few.is_some()) {
            format!("card WHERE 1{below}")
        } else {
            format!("card INDEXED BY card_by_name WHERE 1{below}")
        };
        let sql = format!("SELECT card.id, 0.0 FROM {sql} ORDER BY card.name, card.id");
        self.found(&sql, values, &sieve, limit)
    }

    /// The cards that match a query under these conditions, the best first.
    fn by_words(
        &self,
        query: &words::Query,
        conditions: &Conditions,
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        let without = Without::of(query);
        let everywhere = query.parts(&FIRST);
        let many = limit.max(MAX_RANKED + 1);
        let all = self.matches(&everywhere, &without, conditions, many)?;
        if all.len() <= MAX_RANKED {
            return self.ranked(&everywhere, all, limit);
        }
        let mut found = Vec::new();
        if let Some(within) = query.within(&FIRST) {
            let within = [String::new(), within];
            found = self.matches(&within, &without, conditions, many)?;
            if found.len() <= MAX_RANKED {
                found = self.ranked(&within, found, limit)?;
            }
        }
        found.truncate(limit);
        let known: HashSet<i64> = found.iter().map(|(id, _)| *id).collect();
        let others = all.into_iter().filter(|(id, _)| !known.contains(id));
        found.extend(others.take(limit - known.len()));
        Ok(found)
    }

    /// The cards of which a table tells what a query does not want, in order.
    fn unwanted<'a>(&self, without: &'a Without, table: usize) -> Result<&'a [i64]> {
        let (said, list) = (&without.parts[table], &without.lists[table]);
        if said.is_empty() {
            return Ok(&[]);
        }
        if list.get().is_none() {
            let _ = list.set(self.list(TABLES[table].0, said)?);
        }
        Ok(list.get().map_or(&[], |list| list))
    }

    /// Cards that have what is asked of both tables, in the order of the index.
    fn matches(
        &self,
        parts: &[String; 2],
        without: &Without,
        conditions: &Conditions,
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        let exact = |part: &str| {
            [&[part.to_owned()], &conditions.exact[..]]
                .concat()
                .join(" AND ")
        };
        let mut sieve = Sieve::default();
        // One table is gone through; what the other says is a list.
        let at = match parts {
            [all, _] if all.is_empty() => 1,
            [_, first] => {
                if !first.is_empty() {
                    sieve.among = Some(self.list(TABLES[1].0, &exact(first))?);
                }
                0
            }
        };
        let table = TABLES[at].0;
        let mut wanted = exact(&parts[at]);
        sieve.without[1] = self.unwanted(without, 1)?;
        if at == 1 || !without.is_quick {
            sieve.without[0] = self.unwanted(without, 0)?;
        } else if !without.parts[0].is_empty() {
            wanted = format!("({wanted}) NOT {}", without.parts[0]);
        }
        let mut sql = format!("SELECT rowid, 0.0 FROM {table} WHERE {table} MATCH ?");
        let mut values = vec![wanted.into()];
        if let Some(folder) = &conditions.folder {
            sql.push_str(&folder.sql(&format!("{table}.rowid"), true));
            values.extend(folder.values.clone());
        }
        self.found(&sql, values, &sieve, limit)
    }

    /// Some of the cards that have what is asked of both tables, each of which scores its part; the best first.
    fn ranked(
        &self,
        parts: &[String; 2],
        mut cards: Vec<(i64, f64)>,
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        if cards.is_empty() {
            return Ok(cards);
        }
        let list = numbers(cards.iter().map(|(id, _)| *id));
        for ((table, weights), part) in TABLES.iter().zip(parts) {
            if part.is_empty() {
                continue;
            }
            // The plus keeps SQLite from asking FTS5 anew for every card of the list.
            let sql = format!(
                "SELECT rowid, -bm25({table}, {weights}) FROM {table} WHERE {table} MATCH ?
                 AND +rowid IN (SELECT value FROM json_each(?))"
            );
            let values = vec![part.clone().into(), list.clone().into()];
            let found = self.found(&sql, values, &Sieve::default(), usize::MAX)?;
            let scores: HashMap<i64, f64> = found.into_iter().collect();
            for (id, score) in &mut cards {
                *score += scores.get(id).unwrap_or(&0.0);
            }
        }
        cards.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        cards.truncate(limit);
        Ok(cards)
    }

    /// The numbers of all cards that match a query of FTS5, in order.
    fn list(&self, table: &str, query: &str) -> Result<Vec<i64>> {
        self.index
            .prepare_cached(&format!("SELECT rowid FROM {table} WHERE {table} MATCH ?"))
            .and_then(|mut select| {
                select
                    .query_map(params![query], |row| row.get(0))?
                    .collect()
            })
            .map_err(failed)
    }

    /// The first cards and scores of a query that a sieve lets through.
    fn found(
        &self,
        sql: &str,
        values: Vec<SqlValue>,
        sieve: &Sieve<'_>,
        limit: usize,
    ) -> Result<Vec<(i64, f64)>> {
        self.index
            .prepare_cached(sql)
            .and_then(|mut query| {
                query
                    .query_map(params_from_iter(values), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .filter(|found| {
                        found.as_ref().is_ok_and(|(id, _)| sieve.lets(*id)) || found.is_err()
                    })
                    .take(limit)
                    .collect()
            })
            .map_err(failed)
    }
}

/// The numbers of cards as a list of JSON, which SQLite reads.
fn numbers(cards: impl IntoIterator<Item = i64>) -> String {
    let cards: Vec<_> = cards.into_iter().map(|id| id.to_string()).collect();
    format!("[{}]", cards.join(","))
}

/// Cards that are let through, each list in order. In lists of a hundred thousand this finds a card several times as fast
/// as SQLite, which first makes a tree of each.
#[derive(Default)]
struct Sieve<'a> {
    /// `None`: any.
    among: Option<Vec<i64>>,
    without: [&'a [i64]; 2],
}

impl Sieve<'_> {
    fn lets(&self, card: i64) -> bool {
        let among = self.among.as_ref();
        among.is_none_or(|among| among.binary_search(&card).is_ok())
            && (self.without.iter()).all(|without| without.binary_search(&card).is_err())
    }
}

/// What a query does not want.
struct Without {
    /// As both tables are asked for it.
    parts: [String; 2],
    /// Whether FTS5 leaves out by itself what the first table tells.
    is_quick: bool,
    /// The cards that have it by each table, once they were listed: FTS5 would put together what it knows of an unwanted
    /// beginning each time anew.
    lists: [OnceCell<Vec<i64>>; 2],
}

impl Without {
    fn of(query: &words::Query) -> Self {
        Self {
            parts: query.unwanted(&FIRST),
            is_quick: query.is_refused_quickly(),
            lists: Default::default(),
        }
    }
}

/// What a search asks for beside words.
struct Conditions {
    /// The tags and the creator, as FTS5 is asked for them.
    exact: Vec<String>,
    folder: Option<Folder>,
}

/// A folder that the files of a card must be in.
struct Folder {
    /// The parameters of [`IN_FOLDER`].
    values: [SqlValue; 2],
    /// The first and the last number of a card in it, where they are few enough to list.
    few: Option<(i64, i64)>,
}

/// The cards in a folder, in SQL.
const IN_FOLDER: &str =
    "SELECT file.card FROM file WHERE file.path >= ? AND file.path < ? AND file.card IS NOT NULL";

impl Folder {
    /// That the card whose number is `id` is in it, that number being one of FTS5 or not. A list of few is made once; for
    /// many it is cheaper to look at the cards that are found otherwise, one by one. The plus keeps SQLite from asking FTS5
    /// anew for every card of a list; between its ends are often few others, for the cards of a folder came into the index
    /// together.
    fn sql(&self, id: &str, is_of_words: bool) -> String {
        match self.few {
            Some((first, last)) if is_of_words => {
                format!(" AND {id} BETWEEN {first} AND {last} AND +{id} IN ({IN_FOLDER})")
            }
            Some(_) => format!(" AND {id} IN ({IN_FOLDER})"),
            None => format!(" AND (SELECT 1 FROM ({IN_FOLDER} AND file.card = {id} LIMIT 1))"),
        }
    }
}
