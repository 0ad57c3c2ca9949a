//! Many characters at once, as many in work as the engine has slots.
//!
//! The work goes in rounds: everybody's next request is handed to the engine together, and the next round begins when all
//! are answered. Which requests share a decode then depends on the wishes alone and not on the speed of the machine, and
//! so do the last bits of the logits and every word: the same wishes give the same characters.

use super::inventor::Draft;
use super::{Character, Inventor, Wish};
use crate::Result;

/// Something that happened to one of many characters.
#[derive(Debug)]
pub enum Event {
    /// A character is being written.
    Started {
        /// Its place in the list of wishes.
        index: usize,
    },
    /// A character is finished, or failed.
    Finished {
        /// Its place in the list of wishes.
        index: usize,
        /// The character.
        character: Result<Box<Character>>,
    },
}

/// Writes a character for each wish, `parallel` at a time, and tells `report` of each as it happens.
///
/// A character that fails does not stop the others.
///
/// # Errors
///
/// The first error of `report`, and an engine that is gone; no further requests are made then.
pub fn invent_many(
    inventor: &Inventor<'_>,
    wishes: &[Wish],
    parallel: usize,
    mut report: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let mut waiting = wishes.iter().enumerate();
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    loop {
        while drafts.len() < parallel.max(1) {
            let Some((index, wish)) = waiting.next() else {
                break;
            };
            report(Event::Started { index })?;
            drafts.push((index, inventor.begin(wish)));
        }
        if drafts.is_empty() {
            return Ok(());
        }
        let requests: Result<Vec<_>> = drafts
            .iter_mut()
            .map(|(_, draft)| inventor.request(draft))
            .collect();
        let completions = inventor.engine.start_all(requests?)?;
        let mut unfinished = Vec::new();
        for ((index, mut draft), completion) in drafts.into_iter().zip(completions) {
            let taken = completion
                .finish()
                .and_then(|(written, end)| inventor.take(&mut draft, &written, &end));
            match taken {
                Ok(None) => unfinished.push((index, draft)),
                Ok(Some(character)) => report(Event::Finished {
                    index,
                    character: Ok(Box::new(character)),
                })?,
                Err(error) => report(Event::Finished {
                    index,
                    character: Err(error),
                })?,
            }
        }
        drafts = unfinished;
    }
}
