//! Which format a text is in, when nobody says.

use super::format::Format;
use crate::Result;

/// How much of a text is looked at.
const HEAD: usize = 256 << 10;

impl Format {
    /// The format that `text` is most likely in: the one with the most of its tags there. Of formats with the same tags,
    /// the one that has the least to say against the text. LimaRP v1 when nothing speaks for any.
    ///
    /// # Errors
    ///
    /// None in a release: see [`Format::all`].
    pub fn detect(text: &str) -> Result<Self> {
        let head = &text[..super::document::floor(text, HEAD)];
        let mut best: Option<(usize, i64, Self)> = None;
        for format in Self::all()? {
            let tags: usize = format
                .scan(head)
                .marks
                .iter()
                .map(|mark| mark.tag.len())
                .sum();
            if tags == 0 || best.as_ref().is_some_and(|(most, _, _)| tags < *most) {
                continue;
            }
            let faults: i64 = format
                .parse(head)
                .findings
                .iter()
                .map(|finding| 1 << (2 * finding.severity as i64))
                .sum();
            if best
                .as_ref()
                .is_none_or(|(most, least, _)| tags > *most || faults < *least)
            {
                best = Some((tags, faults, format));
            }
        }
        best.map_or_else(|| Self::named("limarp-v1"), |(_, _, format)| Ok(format))
    }
}
