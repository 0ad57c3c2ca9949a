//! Where chats are kept, and what the engine has evaluated of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::super::output;
use super::ChatArgs;
use crate::card::Card;
use crate::chat::{Session, time};
use crate::hex::hex;
use crate::prompt::chat_file::ChatFile;
use crate::{Error, Result, folders};

/// The most files of evaluated chats; older ones are made again when they are wanted.
const MOST_STATES: usize = 8;
/// The most bytes they may take together, 2 GiB.
const MOST_BYTES: u64 = 2 << 30;

/// Where a chat is kept.
pub(super) struct Kept {
    /// Its file; `None` keeps it nowhere.
    pub(super) path: Option<PathBuf>,
    /// What is in the file already.
    pub(super) chat: Option<ChatFile>,
}

/// The file of the chat that the arguments ask for.
pub(super) fn file(arguments: &ChatArgs, card: &Card, is_terminal: bool) -> Result<Kept> {
    match &arguments.resume {
        Some(Some(path)) => read(path.clone()),
        Some(None) => {
            let folder = folder(arguments, card)?;
            match latest(&folder) {
                Some(path) => read(path),
                None => {
                    output::note("there is no chat with this character yet, so this is the first");
                    fresh(&folder)
                }
            }
        }
        None if arguments.no_save || !is_terminal => Ok(Kept {
            path: None,
            chat: None,
        }),
        None => fresh(&folder(arguments, card)?),
    }
}

fn read(path: PathBuf) -> Result<Kept> {
    let chat = if path.exists() {
        Some(ChatFile::read(&path)?)
    } else {
        None
    };
    Ok(Kept {
        path: Some(path),
        chat,
    })
}

/// A new file, named by the time.
fn fresh(folder: &Path) -> Result<Kept> {
    folders::make_private(folder).map_err(|e| Error::file("create the folder", folder, e))?;
    let stem = time("YYYY-MM-DD@HH[h]mm[m]ss[s]");
    let mut path = folder.join(format!("{stem}.jsonl"));
    let mut number = 2;
    while path.exists() {
        path = folder.join(format!("{stem}-{number}.jsonl"));
        number += 1;
    }
    Ok(Kept {
        path: Some(path),
        chat: None,
    })
}

/// The folder of the chats with a character.
fn folder(arguments: &ChatArgs, card: &Card) -> Result<PathBuf> {
    let chats = match &arguments.chats {
        Some(folder) => folder.clone(),
        None => folders::data()
            .ok_or_else(|| {
                folders::missing("chats")
                    .hint("name one with `--chats DIR`, or keep nothing with `--no-save`")
            })?
            .join("chats"),
    };
    let name = crate::file::file_name(&card.name(), "");
    Ok(chats.join(name.trim_end_matches('.')))
}

/// The chat that was written to last.
fn latest(folder: &Path) -> Option<PathBuf> {
    let chats = entries(folder, "jsonl");
    let latest = chats.into_iter().max_by_key(|(_, time, _)| *time);
    latest.map(|(path, _, _)| path)
}

/// The files of a folder with this ending: path, time, bytes.
fn entries(folder: &Path, ending: &str) -> Vec<(PathBuf, SystemTime, u64)> {
    let files = fs::read_dir(folder).into_iter().flatten();
    files
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let about = fs::metadata(&path).ok()?;
            let is_one = about.is_file() && path.extension().is_some_and(|is| is == ending);
            is_one.then_some((path, about.modified().ok()?, about.len()))
        })
        .collect()
}

/// The file of what was evaluated of the chat in `path`.
fn state(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name = hex(&hash[..12]);
    Some(
        folders::cache()?
            .join("chats")
            .join(format!("{name}.state")),
    )
}

/// Takes in what was evaluated of a chat that is resumed. Whatever goes wrong, the chat is only slower to begin.
pub(super) fn load_state(session: &Session<'_>, is_resumed: bool) {
    let Some(state) = session.path().filter(|_| is_resumed).and_then(state) else {
        return;
    };
    if !state.exists() {
        return;
    }
    match session.load_state(&state) {
        Ok(saved) => output::note(&format!(
            "{} tokens need not be evaluated again",
            saved.tokens
        )),
        Err(error) => output::note(&format!("the chat is evaluated anew: {}", error.message())),
    }
}

/// Keeps what was evaluated of the chat. It can be made again, so it may fail in silence.
pub(super) fn save_state(session: &Session<'_>) {
    if !session.chat().has_begun() {
        return;
    }
    let Some(state) = session.path().and_then(state) else {
        return;
    };
    let Some(folder) = state.parent() else {
        return;
    };
    if folders::make_private(folder).is_ok() && session.save_state(&state).is_ok() {
        tidy(folder);
    }
}

/// Removes the oldest files where there are too many.
fn tidy(folder: &Path) {
    let mut states = entries(folder, "state");
    states.sort_by_key(|(_, time, _)| std::cmp::Reverse(*time));
    let mut bytes = 0;
    for (at, (path, _, size)) in states.into_iter().enumerate() {
        bytes += size;
        // The newest stays, however large it is.
        if at > 0 && (at >= MOST_STATES || bytes > MOST_BYTES) {
            let _ = fs::remove_file(path);
        }
    }
}
