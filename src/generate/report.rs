//! How good a run was, in numbers that can be compared: format, first tries, diversity, names, lengths, faults.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::Fault;
use super::record::Record;
use super::review::{self, words};
use super::section::Section;
use super::similar::{NEARLY_THE_SAME, Similar};
use crate::Result;
use crate::card::lint;
use crate::prompt::{Cast, Conversation, Format};

/// What a run gave. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Characters that were written.
    pub characters: usize,
    /// Characters that could not be written: no version of some section was fit to be kept.
    pub lost: usize,
    /// Characters whose prompt, rendered from the finished card, is in the format; `None` where nobody was given all that
    /// a prompt takes.
    pub in_format: Option<f64>,
    /// Characters none of whose first versions was out of the layout, of all that were begun.
    pub in_format_at_first: f64,
    /// Sections whose first version was kept without a fault.
    pub accepted_at_first: f64,
    /// Sections that were accepted without a fault after retries; the rest is the best of many.
    pub accepted: f64,
    /// Versions that were written for each section that was kept.
    pub versions_per_section: f64,
    /// Different words, pairs and triples of words of all personas, as a share of all of them; names are masked.
    pub distinct: [f64; 3],
    /// Characters whose persona is nearly the same as another's.
    pub near_duplicates: f64,
    /// The mean likeness of each persona to the one most like it.
    pub mean_likeness: f64,
    /// Characters that are called the same in all their texts: the persona and the scenario name the character, the
    /// user's persona and the scenario the user, and no other name is given.
    pub names_consistent: f64,
    /// For each length word: how many greetings, and what share of them has as many words as the word stands for.
    pub lengths: BTreeMap<String, LengthReport>,
    /// For each section: its words.
    pub sections: BTreeMap<String, SectionReport>,
    /// Versions that were not kept, by fault.
    pub rejected: BTreeMap<String, usize>,
    /// Versions that were kept with a fault.
    pub kept: BTreeMap<String, usize>,
    /// Findings of the card rules on the finished cards, by rule.
    pub lint: BTreeMap<String, usize>,
    /// Tokens written.
    pub tokens: usize,
    /// Tokens of prompts, and those of them that were reused.
    pub prompt_tokens: [usize; 2],
}

/// How a length word was kept to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LengthReport {
    /// Greetings that were to have it.
    pub greetings: usize,
    /// The words it stands for.
    pub words: [usize; 2],
    /// The share of greetings with so many words.
    pub within: f64,
    /// The mean number of words.
    pub mean: f64,
}

/// The lengths of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SectionReport {
    /// How many there are.
    pub count: usize,
    /// The share whose first version was kept without a fault.
    pub accepted_at_first: f64,
    /// The mean number of words.
    pub mean_words: f64,
    /// The numbers of words: the least, a tenth, the half, nine tenths, the most.
    pub words: [usize; 5],
    /// Every number of words, for a picture.
    #[serde(skip)]
    pub all: Vec<usize>,
}

impl Report {
    /// The report of some characters that were written in `format`, and of so many that could not be.
    ///
    /// # Errors
    ///
    /// None in practice: a card of a record can be built.
    pub fn of(records: &[Record], lost: usize, format: &Format) -> Result<Self> {
        let mut sections = Sections::default();
        let mut cards = Cards::default();
        for record in records {
            sections.add(record);
            cards.add(record, format)?;
        }
        let count = records.len();
        let share = |part: usize| part as f64 / count.max(1) as f64;
        let first_layout = |record: &&Record| {
            let first = first_faults(record);
            !first.values().any(|fault| Fault::is_of_layout(fault))
        };
        let personas: Vec<&Record> = records.iter().filter(|r| !r.persona.is_empty()).collect();
        let likeness = likeness(&personas);
        let alike = likeness.iter().filter(|l| **l >= NEARLY_THE_SAME).count();
        let versions: usize = records.iter().map(|r| r.rejected.len()).sum();
        let (written, first, kept) = sections.totals();
        Ok(Self {
            characters: count,
            lost,
            in_format: (cards.whole > 0).then(|| cards.in_format as f64 / cards.whole as f64),
            in_format_at_first: records.iter().filter(first_layout).count() as f64
                / (count + lost).max(1) as f64,
            accepted_at_first: first as f64 / written.max(1) as f64,
            accepted: 1.0 - kept as f64 / written.max(1) as f64,
            versions_per_section: (written + versions) as f64 / written.max(1) as f64,
            distinct: [1, 2, 3].map(|n| distinct(&personas, n)),
            near_duplicates: share(alike),
            mean_likeness: likeness.iter().sum::<f64>() / likeness.len().max(1) as f64,
            names_consistent: share(records.iter().filter(|r| is_consistent(r)).count()),
            lengths: lengths(records, format),
            sections: sections.finish(),
            rejected: counts(records, |record| &record.rejected),
            kept: counts(records, |record| &record.kept),
            lint: cards.lint,
            tokens: records.iter().map(|r| r.tokens).sum(),
            prompt_tokens: [
                records.iter().map(|r| r.prompt_tokens).sum(),
                records.iter().map(|r| r.reused_tokens).sum(),
            ],
        })
    }

    /// The report as a table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let faults = |counts: &BTreeMap<String, usize>| {
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), (*kind).clone()));
            let words: Vec<_> = counts
                .into_iter()
                .map(|(kind, count)| format!("{kind} {count}"))
                .collect();
            if words.is_empty() {
                "none".to_owned()
            } else {
                words.join(", ")
            }
        };
        let [one, two, three] = self.distinct;
        let characters = match self.lost {
            0 => self.characters.to_string(),
            lost => format!("{}, and {lost} that could not be written", self.characters),
        };
        let mut rows = vec![
            ("characters".to_owned(), characters),
            (
                "in format".into(),
                self.in_format.map_or_else(|| "-".into(), percent),
            ),
            (
                "in format at the first try".into(),
                percent(self.in_format_at_first),
            ),
            (
                "sections accepted at the first try".into(),
                percent(self.accepted_at_first),
            ),
            (
                "sections accepted after retries".into(),
                format!(
                    "{}, {:.2} versions each",
                    percent(self.accepted),
                    self.versions_per_section
                ),
            ),
            (
                "distinct words, pairs, triples".into(),
                format!("{one:.3}, {two:.3}, {three:.3}"),
            ),
            (
                "near-duplicates".into(),
                format!(
                    "{} (mean likeness to the nearest {:.3})",
                    percent(self.near_duplicates),
                    self.mean_likeness
                ),
            ),
            ("names consistent".into(), percent(self.names_consistent)),
        ];
        for (key, section) in &self.sections {
            let [least, tenth, half, ninetieth, most] = section.words;
            rows.push((
                format!("words of a {}", key.replace('_', " ")),
                format!(
                    "{least} | {tenth} {half} {ninetieth} | {most}, first try {}",
                    percent(section.accepted_at_first)
                ),
            ));
        }
        for (word, length) in &self.lengths {
            rows.push((
                format!(
                    "length `{word}` ({} to {} words)",
                    length.words[0], length.words[1]
                ),
                format!(
                    "{} of {} greetings, mean {:.0} words",
                    percent(length.within),
                    length.greetings,
                    length.mean
                ),
            ));
        }
        rows.push(("versions rejected".into(), faults(&self.rejected)));
        rows.push(("kept with a fault".into(), faults(&self.kept)));
        rows.push(("findings on the cards".into(), faults(&self.lint)));
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        rows.iter()
            .map(|(name, value)| format!("{name:width$}  {value}\n"))
            .collect()
    }
}

/// Everything that is found by looking at the finished cards.
#[derive(Default)]
struct Cards {
    /// Those that have all that a prompt takes, and those of them whose prompt is in format.
    whole: usize,
    in_format: usize,
    lint: BTreeMap<String, usize>,
}

impl Cards {
    fn add(&mut self, record: &Record, format: &Format) -> Result<()> {
        let character = record.character();
        let card = character.card()?;
        let (conversation, _) = Conversation::from_card(&card, &Cast::default());
        let is_in_format = format
            .render(&conversation)
            .is_ok_and(|text| format.parse(&text).is_in_format());
        let parts = [Section::Persona, Section::UserPersona, Section::Scenario];
        if parts.iter().all(|&part| !character.text(part).is_empty()) {
            self.whole += 1;
            self.in_format += usize::from(is_in_format);
        }
        for finding in lint::check(&card) {
            *self.lint.entry(finding.code.to_owned()).or_default() += 1;
        }
        Ok(())
    }
}

/// Words and first tries, section by section.
#[derive(Default)]
struct Sections {
    of: BTreeMap<String, (Vec<usize>, usize, usize)>,
}

impl Sections {
    fn add(&mut self, record: &Record) {
        let first = first_faults(record);
        let character = record.character();
        for section in Section::ALL {
            if !record.written.iter().any(|key| key == section.key()) {
                continue;
            }
            let (all, at_first, kept) = self.of.entry(section.key().to_owned()).or_default();
            all.push(words(&character.text(section)).count());
            *at_first += usize::from(!first.contains_key(section.key()));
            *kept += usize::from(
                record
                    .kept
                    .iter()
                    .any(|noted| noted.section == section.key()),
            );
        }
    }

    /// Sections that were written, at the first try, and with a fault.
    fn totals(&self) -> (usize, usize, usize) {
        let add = |(a, b, c): (usize, usize, usize),
                   (all, first, kept): &(Vec<usize>, usize, usize)| {
            (a + all.len(), b + first, c + kept)
        };
        self.of.values().fold((0, 0, 0), add)
    }

    fn finish(self) -> BTreeMap<String, SectionReport> {
        self.of
            .into_iter()
            .map(|(key, (mut all, at_first, _))| {
                all.sort_unstable();
                let count = all.len();
                let at = |share: f64| {
                    let last = count.saturating_sub(1);
                    all.get((share * last as f64).round() as usize)
                        .copied()
                        .unwrap_or(0)
                };
                let report = SectionReport {
                    count,
                    accepted_at_first: at_first as f64 / count.max(1) as f64,
                    mean_words: all.iter().sum::<usize>() as f64 / count.max(1) as f64,
                    words: [0.0, 0.1, 0.5, 0.9, 1.0].map(at),
                    all,
                };
                (key, report)
            })
            .collect()
    }
}

/// The fault of the first version of each section that had one.
fn first_faults(record: &Record) -> HashMap<&str, &str> {
    let mut first = HashMap::new();
    for noted in record.rejected.iter().chain(&record.kept) {
        first
            .entry(noted.section.as_str())
            .or_insert(noted.fault.as_str());
    }
    first
}

fn counts(
    records: &[Record],
    of: impl Fn(&Record) -> &Vec<super::record::Noted>,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for noted in records.iter().flat_map(of) {
        *counts.entry(noted.fault.clone()).or_default() += 1;
    }
    counts
}

fn lengths(records: &[Record], format: &Format) -> BTreeMap<String, LengthReport> {
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for record in records.iter().filter(|record| !record.greeting.is_empty()) {
        if let Some(word) = &record.length {
            of.entry(word)
                .or_default()
                .push(words(&record.greeting).count());
        }
    }
    of.into_iter()
        .filter_map(|(word, all)| {
            let bounds = format.words_of(word)?;
            let within = all.iter().filter(|count| bounds.contains(count)).count();
            let report = LengthReport {
                greetings: all.len(),
                words: [*bounds.start(), *bounds.end()],
                within: within as f64 / all.len() as f64,
                mean: all.iter().sum::<usize>() as f64 / all.len() as f64,
            };
            Some((word.to_owned(), report))
        })
        .collect()
}

/// Different runs of `n` words of all personas, as a share of all.
fn distinct(records: &[&Record], n: usize) -> f64 {
    let mut different: HashSet<Vec<String>> = HashSet::new();
    let mut all = 0;
    for record in records {
        let names: HashSet<String> = words(&record.name).chain(words(&record.user)).collect();
        let words: Vec<String> = words(&record.persona)
            .map(|word| {
                if names.contains(&word) {
                    "*".to_owned()
                } else {
                    word
                }
            })
            .collect();
        for run in words.windows(n) {
            all += 1;
            different.insert(run.to_vec());
        }
    }
    different.len() as f64 / all.max(1) as f64
}

/// How like each persona is to the one most like it.
fn likeness(records: &[&Record]) -> Vec<f64> {
    let mut before = Similar::default();
    let mut likeness = vec![0.0_f64; records.len()];
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, record) in records.iter().enumerate() {
        let masked = [record.name.as_str(), record.user.as_str()];
        if let Some((like, whose)) = before.nearest(&record.persona, &masked) {
            likeness[at] = like;
            // It is as like to this one as this one is to it.
            if let Some(&other) = places.get(whose) {
                likeness[other] = likeness[other].max(like);
            }
        }
        before.add(&record.name, &record.persona, &masked);
        places.insert(&record.name, at);
    }
    likeness
}

fn is_consistent(record: &Record) -> bool {
    let names = |text: &str, name: &str| text.is_empty() || review::names(text, name).is_none();
    let cast = [record.name.as_str(), record.user.as_str()];
    names(&record.persona, &record.name)
        && names(&record.user_persona, &record.user)
        && names(&record.scenario, &record.name)
        && names(&record.scenario, &record.user)
        && [&record.persona, &record.user_persona, &record.scenario]
            .iter()
            .all(|text| review::renames(text, &cast).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Character;

    fn record(index: usize, persona: &str, rejected: Vec<(Section, Fault)>) -> Record {
        let character = Character {
            name: "Ann".into(),
            user: "Tom".into(),
            persona: persona.into(),
            user_persona: "Tom mends clocks and is never on time.".into(),
            scenario: "Tom brings Ann the clock of the bakery.".into(),
            greeting: "\"At last,\" Ann said. She took the clock and set it on the sill.".into(),
            written: Section::CARD.to_vec(),
            length: Some("short".into()),
            rejected,
            ..Character::default()
        };
        Record::of(index, &character, None)
    }

    #[test]
    fn a_report_counts_first_tries_duplicates_and_lengths() {
        let format = Format::named("limarp-v1").unwrap();
        let bakes = "Ann is a quiet baker who rises before dawn and trusts her old oven more than any clock.";
        let mends =
            "Ann builds kites from sailcloth, laughs at gulls and has never once been late.";
        let records = [
            record(
                0,
                bakes,
                vec![(Section::Persona, Fault::Markup("<<".into()))],
            ),
            record(
                1,
                bakes,
                vec![
                    (Section::Greeting, Fault::Cut),
                    (Section::Greeting, Fault::Cut),
                ],
            ),
            record(2, mends, vec![]),
        ];
        let report = Report::of(&records, 1, &format).unwrap();
        assert_eq!(report.in_format, Some(1.0), "{:?}", report.lint);
        assert!((report.in_format_at_first - 2.0 / 4.0).abs() < 1e-9);
        assert!((report.accepted_at_first - 10.0 / 12.0).abs() < 1e-9);
        assert!((report.versions_per_section - 15.0 / 12.0).abs() < 1e-9);
        assert_eq!(report.accepted, 1.0);
        assert!((report.near_duplicates - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(report.names_consistent, 1.0);
        assert_eq!(report.rejected["cut"], 2);
        let short = &report.lengths["short"];
        assert_eq!(
            (short.greetings, short.words, short.within),
            (3, [1, 15], 1.0)
        );
        assert_eq!(report.sections["greeting"].count, 3);
        assert!(report.table().contains("in format at the first try"));
        assert!(report.table().contains("3, and 1 that could not be"));
    }

    #[test]
    fn what_has_no_prompt_is_neither_in_format_nor_out_of_it() {
        let format = Format::named("limarp-v1").unwrap();
        let mut record = record(0, "Ann bakes.", vec![]);
        record.scenario = String::new();
        let report = Report::of(&[record], 0, &format).unwrap();
        assert_eq!(report.in_format, None);
        assert!(
            report
                .table()
                .contains("in format                           -\n")
        );
    }

    #[test]
    fn a_report_of_nothing_is_empty() {
        let format = Format::named("limarp-v1").unwrap();
        let report = Report::of(&[], 0, &format).unwrap();
        assert_eq!((report.characters, report.in_format), (0, None));
        assert!(!report.table().is_empty());
    }
}
