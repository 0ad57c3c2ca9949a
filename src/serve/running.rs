//! The replies that are being written, so that they can be read and ended from another connection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Whose reply it is. KoboldAI's clients read and end replies by a key of their own, which may be empty; others have no
/// such key, and a client of one family cannot end a reply of another.
pub(super) type Key = Option<String>;

struct Entry {
    key: Key,
    /// What was written so far, where somebody may ask for it.
    text: String,
    /// Dropped to end the reply.
    abort: Option<oneshot::Sender<()>>,
}

/// The replies that are being written.
#[derive(Default)]
pub(super) struct Running {
    numbers: AtomicU64,
    replies: Mutex<BTreeMap<u64, Entry>>,
    /// The last text of KoboldAI's clients that is complete, by key: they ask once more at the end.
    last: Mutex<Option<(String, String)>>,
}

impl Running {
    /// Enters a reply: its number, and what becomes ready when it is to end.
    pub(super) fn enter(&self, key: Key) -> (u64, oneshot::Receiver<()>) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (abort, aborted) = oneshot::channel();
        let entry = Entry {
            key,
            text: String::new(),
            abort: Some(abort),
        };
        self.replies().insert(number, entry);
        (number, aborted)
    }

    /// Takes note of what a reply says.
    pub(super) fn add(&self, number: u64, piece: &str) {
        if let Some(entry) = self.replies().get_mut(&number)
            && entry.key.is_some()
        {
            entry.text.push_str(piece);
        }
    }

    /// Removes a reply.
    pub(super) fn leave(&self, number: u64) {
        let entry = self.replies().remove(&number);
        if let Some(Entry {
            key: Some(key),
            text,
            ..
        }) = entry
        {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, text));
        }
    }

    /// Ends every reply with this key, and says how many there were.
    pub(super) fn abort(&self, key: &Key) -> usize {
        let mut replies = self.replies();
        let ended = replies.values_mut().filter(|entry| entry.key == *key);
        ended.filter_map(|entry| entry.abort.take()).count()
    }

    /// What the newest reply with this key says so far, or the one that ended last.
    pub(super) fn text(&self, key: &str) -> String {
        let replies = self.replies();
        let mut newest = replies.values().rev();
        if let Some(entry) = newest.find(|entry| entry.key.as_deref() == Some(key)) {
            return entry.text.clone();
        }
        drop(replies);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((owner, text)) if owner == key => text.clone(),
            _ => String::new(),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.replies().len()
    }

    fn replies(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
