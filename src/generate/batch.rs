//! Many characters at once: as many in work as the engine has slots, delivered in the order in which they were asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::{Character, Inventor, Wish};
use crate::Result;

/// Something that happened to one of many characters.
#[derive(Debug)]
pub enum Event {
    /// A character is being written.
    Started {
        /// Its place in the list of wishes.
        index: usize,
        /// Its name.
        name: String,
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
/// The first error of `report`; no further characters are begun then.
pub fn invent_many(
    inventor: &Inventor<'_>,
    wishes: &[Wish],
    parallel: usize,
    mut report: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, events) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, wishes.len().max(1)) {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(wish) = wishes.get(index) else { break };
                    let name = inventor.name(wish);
                    let started = sender.send(Event::Started { index, name });
                    if started.is_err() {
                        break;
                    }
                    let character = inventor.invent(wish).map(Box::new);
                    if sender.send(Event::Finished { index, character }).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let result = events.iter().try_for_each(&mut report);
        if result.is_err() {
            // Nobody takes another wish; those in work are finished and dropped.
            next.store(wishes.len(), Ordering::Relaxed);
        }
        drop(events);
        result
    })
}
