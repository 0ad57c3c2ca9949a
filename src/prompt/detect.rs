//! Which format a text is in, when nobody says.

use std::cmp::Reverse;

use super::format::Format;
use crate::{Finding, Result, Severity};

/// How much of a text is looked at.
const HEAD: usize = 256 << 10;

/// Whether the format would write the text exactly so, how many bytes are its tags, and how little is wrong.
type Score = (bool, usize, Reverse<u64>);

/// A format that a text may be in.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The format.
    pub format: Format,
    /// Whether the format would write the text exactly so.
    pub exact: bool,
    /// How many findings of the weight of an error there are.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// The first of the gravest findings.
    pub worst: Option<Finding>,
    score: Score,
}

impl Format {
    /// The format that `text` is most likely in: one that would write it exactly so, else the one with the most of its tags
    /// there and, of those, the one that has the least to say against the text. LimaRP v1 when nothing speaks for any.
    ///
    /// # Errors
    ///
    /// None in a release: see [`Format::all`].
    pub fn detect(text: &str) -> Result<Self> {
        let best = Self::candidates(text)?.into_iter().next();
        best.map_or_else(
            || Self::named("limarp-v1"),
            |candidate| Ok(candidate.format),
        )
    }

    /// Every format whose tags stand in the beginning of `text`, the likeliest first.
    ///
    /// # Errors
    ///
    /// None in a release: see [`Format::all`].
    pub fn candidates(text: &str) -> Result<Vec<Candidate>> {
        let head = &text[..super::document::floor(text, HEAD)];
        let mut candidates = Vec::new();
        for format in Self::all()? {
            let tags: usize = format
                .scan(head)
                .marks
                .iter()
                .map(|mark| mark.tag.len())
                .sum();
            if tags == 0 {
                continue;
            }
            let parsed = format.parse(head);
            let again = parsed
                .conversation
                .and_then(|conversation| format.render(&conversation).ok());
            let faults = parsed
                .findings
                .iter()
                .map(|finding| match finding.severity {
                    Severity::Error => 16,
                    Severity::Warning => 4,
                    Severity::Info => 1,
                });
            let exact = again.as_deref() == Some(head);
            let score: Score = (exact, tags, Reverse(faults.sum()));
            let count = |severity| {
                let findings = parsed.findings.iter();
                findings
                    .filter(|finding| finding.severity == severity)
                    .count()
            };
            let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
            let gravest = parsed.findings.iter().map(|finding| finding.severity).max();
            let worst = parsed
                .findings
                .into_iter()
                .find(|finding| Some(finding.severity) == gravest);
            candidates.push(Candidate {
                format,
                exact,
                errors,
                warnings,
                worst,
                score,
            });
        }
        // Of equals the first in the list of formats stays first.
        candidates.sort_by_key(|candidate| Reverse(candidate.score));
        Ok(candidates)
    }
}
