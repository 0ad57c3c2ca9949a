//! RisuAI's encrypted cards: `rcc||rccv1||CIPHER||HASH||META`, AES-256-GCM under a password or under none.
//!
//! Without a password the key is made of a word everybody knows, so such a card is scrambled rather than secret. A card
//! with a password of its own is refused by name.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::{Error, Kind, Result};

const PREFIX: &[u8] = b"rcc||";
/// What stands for the password where there is none.
const NO_PASSWORD: &str = "RISU_NONE";

/// Whether a text is encrypted so.
pub(super) fn is_encrypted(text: &[u8]) -> bool {
    text.trim_ascii().starts_with(PREFIX)
}

/// The text that was encrypted without a password.
pub(super) fn decrypt(text: &[u8]) -> Result<Vec<u8>> {
    let damaged = |what: &str| {
        Error::new(
            Kind::Card,
            format!("the encrypted card (RisuAI rcc) is damaged: {what}"),
        )
        .hint("download the file again")
    };
    let text = std::str::from_utf8(text.trim_ascii()).map_err(|_| damaged("it is no text"))?;
    let parts: Vec<&str> = text.split("||").collect();
    let [_, version, cipher, _, meta] = parts[..] else {
        return Err(damaged("it does not have five parts"));
    };
    if version != "rccv1" {
        return Err(Error::new(
            Kind::Card,
            format!("card is encrypted in a way that is not known (RisuAI rcc, `{version}`)"),
        ));
    }
    let meta = STANDARD
        .decode(meta)
        .ok()
        .and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    if meta.is_some_and(|meta| meta.get("usePassword") == Some(&serde_json::Value::Bool(true))) {
        return Err(locked());
    }
    let cipher = STANDARD
        .decode(cipher)
        .map_err(|_| damaged("it is no base64"))?;
    let digest = Sha256::digest(NO_PASSWORD);
    let key = Key::<Aes256Gcm>::try_from(digest.as_slice())
        .map_err(|_| damaged("the key does not fit"))?;
    let nonce = Nonce::try_from(&[0u8; 12][..]).map_err(|_| damaged("the nonce does not fit"))?;
    Aes256Gcm::new(&key)
        .decrypt(&nonce, cipher.as_slice())
        .map_err(|_| locked())
}

fn locked() -> Error {
    Error::new(
        Kind::Card,
        "card is encrypted (RisuAI rcc v1), password needed",
    )
    .hint("open it in RisuAI with its password and export it without one")
}
