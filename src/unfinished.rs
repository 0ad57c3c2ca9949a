//! What a program that is stopped in the middle takes away: files that are half-written, processes that it started.
//!
//! A signal ends a process without running its destructors. So whatever must not be left behind is noted here for as long
//! as it is unfinished, and whoever is about to end the process on a signal calls [`abandon`] first. Beginning and ending
//! happen under one lock: there is no moment in which a file is there and not noted.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes something away.
pub(crate) type Undo = Box<dyn FnMut() + Send>;

static UNFINISHED: Mutex<Vec<(u64, Undo)>> = Mutex::new(Vec::new());

fn all() -> MutexGuard<'static, Vec<(u64, Undo)>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away everything that is unfinished. Files that are complete stay.
///
/// Whatever thread would begin or complete a file afterwards waits forever, so the process has to end next.
pub fn abandon() {
    let mut unfinished = all();
    while let Some((_, mut undo)) = unfinished.pop() {
        undo();
    }
    std::mem::forget(unfinished);
}

/// Something unfinished, until it is dropped.
#[derive(Debug)]
pub(crate) struct Unfinished {
    number: u64,
}

impl Unfinished {
    /// Begins what `begin` makes and says how to undo it.
    pub(crate) fn begin<T, E>(
        begin: impl FnOnce() -> Result<(T, Undo), E>,
    ) -> Result<(Self, T), E> {
        let mut unfinished = all();
        let (made, undo) = begin()?;
        let number = unfinished.last().map_or(0, |(last, _)| last + 1);
        unfinished.push((number, undo));
        // In this order, so that what was made is dropped before it is forgotten here.
        Ok((Self { number }, made))
    }

    /// Ends it by `end`, such as giving a file its name.
    pub(crate) fn end<T>(self, end: impl FnOnce() -> T) -> T {
        let mut unfinished = all();
        let ended = end();
        unfinished.retain(|(number, _)| *number != self.number);
        std::mem::forget(self);
        ended
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        all().retain(|(number, _)| *number != self.number);
    }
}
