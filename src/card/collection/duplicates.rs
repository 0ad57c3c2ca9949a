//! Cards that are there more than once: as the same file, with the same text, or nearly so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::params;

use super::rows::{path_of, range};
use super::sketch::{BAND, BINS, likeness};
use super::{Collection, failed};
use crate::Result;

/// How alike cards of a [`Group`] are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Likeness {
    /// The files are the same, picture and all. Pictures are compared by the checksums in their files.
    File,
    /// The cards say the same; pictures, containers or fields that are no text differ.
    Text,
    /// The cards share this part of their runs of three words, at least.
    Near(f64),
}

/// Files with the same card, or nearly the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// How alike they are: the weakest link of the group.
    pub likeness: Likeness,
    /// The name of the first one's character.
    pub name: String,
    /// The files, two at least, in the order of their paths.
    pub files: Vec<PathBuf>,
}

impl Collection {
    /// The cards below `folder` that are there more than once: first those of the same text, then those that share at
    /// least the part `least` of theirs (from 0 to 1; below 0.5 many pairs are missed).
    ///
    /// # Errors
    ///
    /// [`Kind::File`](crate::Kind::File) when the index cannot be read.
    pub fn duplicates(&self, folder: &Path, least: f64) -> Result<Vec<Group>> {
        let (from, to) = range(folder)?;
        self.index
            .execute_batch("DROP TABLE IF EXISTS temp.here; CREATE TEMP TABLE here(card INTEGER PRIMARY KEY, name TEXT, sketch BLOB);")
            .and_then(|()| {
                self.index.execute(
                    "INSERT INTO here SELECT id, name, sketch FROM card WHERE id IN
                     (SELECT card FROM file WHERE path >= ?1 AND path < ?2 AND card IS NOT NULL)",
                    params![from, to],
                )
            })
            .map_err(failed)?;
        let mut groups = self.same(&from, &to)?;
        groups.extend(self.near(&from, &to, least)?);
        self.index
            .execute_batch("DROP TABLE temp.here; DROP TABLE IF EXISTS temp.band;")
            .map_err(failed)?;
        Ok(groups)
    }

    /// Groups of files with the same text.
    fn same(&self, from: &[u8], to: &[u8]) -> Result<Vec<Group>> {
        let mut query = self
            .index
            .prepare_cached(
                "SELECT file.card, here.name, file.path, file.content FROM file JOIN here ON here.card = file.card
                 WHERE file.path >= ?1 AND file.path < ?2 AND file.card IN (
                     SELECT card FROM file WHERE path >= ?1 AND path < ?2 AND card IS NOT NULL
                     GROUP BY card HAVING count(*) > 1)
                 ORDER BY file.card, file.path",
            )
            .map_err(failed)?;
        let mut groups: BTreeMap<i64, (Group, Vec<u8>)> = BTreeMap::new();
        let mut rows = query.query(params![from, to]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let content: Vec<u8> = row.get(3).map_err(failed)?;
            let (group, first) = groups
                .entry(row.get(0).map_err(failed)?)
                .or_insert_with(|| {
                    let group = Group {
                        likeness: Likeness::File,
                        name: row.get(1).unwrap_or_default(),
                        files: Vec::new(),
                    };
                    (group, content.clone())
                });
            if content != *first {
                group.likeness = Likeness::Text;
            }
            group.files.push(path_of(row.get(2).map_err(failed)?));
        }
        let mut groups: Vec<Group> = groups.into_values().map(|(group, _)| group).collect();
        groups.sort_by(|one, other| one.files.cmp(&other.files));
        Ok(groups)
    }

    /// Groups of cards whose sketches are alike. Candidates agree in a band of their sketches; that join is on disk.
    fn near(&self, from: &[u8], to: &[u8], least: f64) -> Result<Vec<Group>> {
        let sql = |error| failed(error);
        self.index
            .execute_batch(
                "DROP TABLE IF EXISTS temp.band; CREATE TEMP TABLE band(band BLOB, card INTEGER, PRIMARY KEY(band, card)) WITHOUT ROWID;",
            )
            .map_err(sql)?;
        for band in 0..BINS / BAND {
            // The number of the band is part of the key: bands are compared with their likes.
            self.index
                .prepare_cached(
                    "INSERT INTO band SELECT char(?1 + 1) || hex(substr(sketch, ?2, ?3)), card FROM here WHERE sketch IS NOT NULL",
                )
                .and_then(|mut insert| insert.execute(params![band, band * BAND * 4 + 1, BAND * 4]))
                .map_err(sql)?;
        }
        let mut query = self
            .index
            .prepare_cached(
                "SELECT DISTINCT one.card, other.card, a.sketch, b.sketch FROM band AS one
                 JOIN band AS other ON other.band = one.band AND other.card > one.card
                 JOIN here AS a ON a.card = one.card JOIN here AS b ON b.card = other.card",
            )
            .map_err(sql)?;
        let mut links = Links::default();
        let mut rows = query.query([]).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let (one, other): (Vec<u8>, Vec<u8>) =
                (row.get(2).map_err(sql)?, row.get(3).map_err(sql)?);
            let alike = likeness(&one, &other);
            if alike >= least {
                links.join(row.get(0).map_err(sql)?, row.get(1).map_err(sql)?, alike);
            }
        }
        let mut groups = Vec::new();
        for (cards, alike) in links.groups() {
            let mut files = Vec::new();
            let mut name = String::new();
            for card in cards {
                let mut query = self
                    .index
                    .prepare_cached(
                        "SELECT file.path, here.name FROM file JOIN here ON here.card = file.card
                         WHERE file.card = ?3 AND file.path >= ?1 AND file.path < ?2",
                    )
                    .map_err(sql)?;
                let mut rows = query.query(params![from, to, card]).map_err(sql)?;
                while let Some(row) = rows.next().map_err(sql)? {
                    files.push(path_of(row.get(0).map_err(sql)?));
                    if name.is_empty() {
                        name = row.get(1).map_err(sql)?;
                    }
                }
            }
            files.sort();
            groups.push(Group {
                likeness: Likeness::Near(alike),
                name,
                files,
            });
        }
        groups.sort_by(|one, other| one.files.cmp(&other.files));
        Ok(groups)
    }
}

/// Cards that are linked, directly or through others. Only cards with a link are in it.
#[derive(Default)]
struct Links {
    parent: BTreeMap<i64, i64>,
    weakest: BTreeMap<i64, f64>,
}

impl Links {
    fn root(&mut self, card: i64) -> i64 {
        let mut at = card;
        while let Some(&parent) = self.parent.get(&at)
            && parent != at
        {
            at = parent;
        }
        self.parent.insert(card, at);
        at
    }

    fn join(&mut self, one: i64, other: i64, alike: f64) {
        let (a, b) = (self.root(one), self.root(other));
        let (a, b) = (a.min(b), a.max(b));
        self.parent.insert(b, a);
        self.parent.entry(a).or_insert(a);
        let weak = |links: &Self, card| links.weakest.get(card).copied().unwrap_or(1.0);
        let weakest = weak(self, &a).min(weak(self, &b)).min(alike);
        self.weakest.insert(a, weakest);
    }

    fn groups(mut self) -> Vec<(Vec<i64>, f64)> {
        let cards: Vec<i64> = self.parent.keys().copied().collect();
        let mut groups: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for card in cards {
            let root = self.root(card);
            groups.entry(root).or_default().push(card);
        }
        let weakest = self.weakest;
        groups
            .into_iter()
            .map(|(root, cards)| (cards, weakest.get(&root).copied().unwrap_or(1.0)))
            .collect()
    }
}
