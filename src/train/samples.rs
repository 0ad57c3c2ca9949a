//! What is learned from: token numbers of each text, and which of them are to be learned.

use std::io::BufRead as _;
use std::ops::Range;
use std::path::Path;

use crate::prompt::Sample;
use crate::{Error, Kind, Result};

/// A text to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Which of them are to be learned, in rising order.
    pub targets: Vec<Range<usize>>,
}

impl Text {
    /// Reads what `prompt dataset` wrote: one [`Sample`] a line. Samples without token numbers are given them by `cut`,
    /// where it can.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the file cannot be read, [`Kind::Usage`] when a line is no sample, has nothing to learn or no
    /// token numbers.
    pub fn read(path: &Path, cut: &mut dyn FnMut(&mut Sample) -> Result<()>) -> Result<Vec<Self>> {
        let file = std::fs::File::open(path).map_err(|e| Error::file("open", path, e))?;
        let mut texts = Vec::new();
        for (index, line) in std::io::BufReader::new(file).lines().enumerate() {
            let place = || format!("{}:{}", path.display(), index + 1);
            let line = line.map_err(|e| Error::file("read", path, e))?;
            if line.trim().is_empty() {
                continue;
            }
            let mut sample: Sample = serde_json::from_str(&line).map_err(|e| {
                Error::new(Kind::Usage, format!("is no sample: {e}"))
                    .at(place())
                    .hint("make the file with `prompt dataset`")
            })?;
            if sample.ids.is_none() {
                cut(&mut sample).map_err(|e| e.at(place()))?;
            }
            texts.push(Self::of(sample).map_err(|e| e.at(place()))?);
        }
        if texts.is_empty() {
            let message = "there is nothing to learn in it";
            return Err(Error::new(Kind::Usage, message).at(path.display().to_string()));
        }
        Ok(texts)
    }

    fn of(sample: Sample) -> Result<Self> {
        let (Some(ids), Some(targets)) = (sample.ids, sample.loss_ids) else {
            let message = "the sample has no token numbers, and there is no tokenizer at hand";
            return Err(
                Error::new(Kind::Usage, message).hint("make the file with `prompt dataset --ids`")
            );
        };
        let wrong = || Error::new(Kind::Usage, "the sample's token numbers make no sense");
        let tokens: Vec<u32> = (ids.iter().map(|&id| u32::try_from(id)))
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        let rising = targets.is_sorted_by(|a, b| a.end <= b.start);
        let within = targets
            .iter()
            .all(|span| span.start <= span.end && span.end <= tokens.len());
        if tokens.is_empty() || !rising || !within {
            return Err(wrong());
        }
        Ok(Self { tokens, targets })
    }
}
