//! Taking out what tells more about a card's owner than about the character.

use super::{Card, Path, archive, png};
use crate::Result;

/// Fields of programs about their user, at the root and among the card's fields.
const OWNER_FIELDS: [&str; 13] = [
    "chat",
    "last_mes",
    "date_last_chat",
    "date_added",
    "create_date",
    "create_date_local",
    "create_date_online",
    "add_date_local",
    "last_action_date",
    "user_name",
    "user_name_view",
    "fav",
    "json_data",
];

/// Extensions that say how the owner uses the card.
const OWNER_EXTENSIONS: [&str; 2] = ["fav", "world"];

/// Takes its owner's fields out of a card and says which there were.
///
/// Texts are left alone: what [`lint`](super::lint) says about paths and addresses in them needs a person.
///
/// # Errors
///
/// None today; the edits are of fields that no card depends on.
pub fn scrub(card: &mut Card) -> Result<Vec<String>> {
    let extensions = Path::default().key("extensions");
    let paths = OWNER_FIELDS
        .iter()
        .flat_map(|key| [Path::root().key(*key), Path::default().key(*key)])
        .chain(OWNER_EXTENSIONS.iter().map(|key| extensions.key(*key)));
    let mut gone = Vec::new();
    for path in paths {
        if card.unset(&path)? {
            gone.push(path.to_string());
        }
    }
    Ok(gone)
}

/// The bytes of a card's file without camera data, texts of other programs, times and whatever stands behind the image;
/// of an archive without the metadata of its pictures and without chats.
/// The card, files that belong to it and the pixels stay. Any other container comes back as it is.
#[must_use]
pub fn scrub_image(bytes: &[u8]) -> Vec<u8> {
    archive::scrub(bytes).unwrap_or_else(|| png::scrub(bytes))
}
