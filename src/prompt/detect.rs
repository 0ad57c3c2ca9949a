//! Which format a text is in, when nobody says.

use std::cmp::Reverse;

use super::format::Format;
use crate::{Result, Severity};

/// How much of a text is looked at.
const HEAD: usize = 256 << 10;

/// Whether the format would write the text exactly so, how many bytes are its tags, and how little is wrong.
type Score = (bool, usize, Reverse<u64>);

impl Format {
    /// The format that `text` is most likely in: one that would write it exactly so, else the one with the most of its tags
    /// there and, of those, the one that has the least to say against the text. LimaRP v1 when nothing speaks for any.
    ///
    /// # Errors
    ///
    /// None in a release: see [`Format::all`].
    pub fn detect(text: &str) -> Result<Self> {
        let head = &text[..super::document::floor(text, HEAD)];
        let mut best: Option<(Score, Self)> = None;
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
            let score: Score = (again.as_deref() == Some(head), tags, Reverse(faults.sum()));
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, format));
            }
        }
        best.map_or_else(|| Self::named("limarp-v1"), |(_, format)| Ok(format))
    }
}
