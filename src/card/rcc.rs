//! RisuAI's encrypted cards: `rcc||rccv1||CIPHER||HASH||META`, AES-256-GCM under a password or under none.
//!
//! Without a password the key is made of a word everybody knows, so such a card is scrambled rather than secret, and is read
//! like any other. A card with a password of its own is refused by name, until [`unlock`] has taken the password off.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::png;
use crate::{Error, Kind, Result};

const PREFIX: &[u8] = b"rcc||";
/// What stands for the password where there is none.
const NO_PASSWORD: &str = "RISU_NONE";

/// Whether a text is encrypted so.
pub(super) fn is_encrypted(text: &[u8]) -> bool {
    text.trim_ascii().starts_with(PREFIX)
}

/// A file in which RisuAI has encrypted a card under a password, with the card in the open: a PNG of which nothing else
/// changes, or the JSON of an encrypted text.
///
/// # Errors
///
/// [`Kind::Card`] when nothing in it is encrypted, or under another password.
pub fn unlock(bytes: &[u8], password: &str) -> Result<Vec<u8>> {
    let open = |text: &[u8]| {
        is_encrypted(text)
            .then(|| decrypt(text, Some(password)))
            .transpose()
    };
    let opened = if png::sniff(bytes) {
        png::with_texts(bytes, |text| {
            let decoded = STANDARD.decode(text.trim_ascii());
            let opened = open(decoded.as_deref().unwrap_or(text))?;
            Ok(opened.map(|json| STANDARD.encode(json).into_bytes()))
        })?
    } else {
        open(bytes)?
    };
    opened.ok_or_else(|| {
        Error::new(Kind::Card, "there is no encrypted card (RisuAI rcc) in it")
            .hint("leave the password out")
    })
}

/// The text that was encrypted under a password, or under none.
pub(super) fn decrypt(text: &[u8], password: Option<&str>) -> Result<Vec<u8>> {
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
    let is_locked =
        meta.is_some_and(|meta| meta.get("usePassword") == Some(&serde_json::Value::Bool(true)));
    let wrong = || match password {
        None => Error::new(
            Kind::Card,
            "card is encrypted (RisuAI rcc v1), password needed",
        )
        .hint("`cardwright convert --password WORD` writes it without one"),
        Some(_) => Error::new(
            Kind::Card,
            "the password is not that of the card (RisuAI rcc v1)",
        )
        .hint("upper and lower case and blanks count"),
    };
    if is_locked && password.is_none() {
        return Err(wrong());
    }
    let cipher = STANDARD
        .decode(cipher)
        .map_err(|_| damaged("it is no base64"))?;
    // A password for a card without one is not needed.
    let word = password.filter(|_| is_locked).unwrap_or(NO_PASSWORD);
    let digest = Sha256::digest(word);
    let key = Key::<Aes256Gcm>::try_from(digest.as_slice())
        .map_err(|_| damaged("the key does not fit"))?;
    let nonce = Nonce::try_from(&[0u8; 12][..]).map_err(|_| damaged("the nonce does not fit"))?;
    Aes256Gcm::new(&key)
        .decrypt(&nonce, cipher.as_slice())
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Card, write_png};

    const CARD: &str =
        r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Carina","x":1e3}}"#;

    fn locked(json: &str, password: &str) -> String {
        let key = Key::<Aes256Gcm>::try_from(Sha256::digest(password).as_slice()).unwrap();
        let nonce = Nonce::try_from(&[0u8; 12][..]).unwrap();
        let cipher = Aes256Gcm::new(&key)
            .encrypt(&nonce, json.as_bytes())
            .unwrap();
        format!(
            "rcc||rccv1||{}||00||{}",
            STANDARD.encode(cipher),
            STANDARD.encode(r#"{"usePassword":true}"#)
        )
    }

    #[test]
    fn a_password_opens_a_text_and_nothing_else_does() {
        let text = locked(CARD, "sea glass");
        assert_eq!(
            unlock(text.as_bytes(), "sea glass").unwrap(),
            CARD.as_bytes()
        );
        let wrong = unlock(text.as_bytes(), "sea").unwrap_err();
        assert!(wrong.to_string().contains("password"), "{wrong}");
        let without = decrypt(text.as_bytes(), None).unwrap_err();
        assert!(without.to_string().contains("password needed"), "{without}");
        let open = unlock(CARD.as_bytes(), "sea glass").unwrap_err();
        assert!(open.to_string().contains("no encrypted card"), "{open}");
    }

    #[test]
    fn a_picture_keeps_everything_but_the_lock() {
        let image = include_bytes!("../../cards/pell.png");
        let plain = Card::from_json(CARD).unwrap();
        let whole = write_png(image, &plain).unwrap();
        for wrap in [false, true] {
            let shut = png::with_texts(&whole, |text| {
                let json = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
                let text = locked(&json, "sea glass");
                Ok(Some(
                    if wrap { STANDARD.encode(text) } else { text }.into_bytes(),
                ))
            });
            let shut = shut.unwrap().unwrap();
            let refused = Card::from_bytes(&shut).unwrap_err();
            assert!(refused.to_string().contains("password needed"), "{refused}");
            assert_eq!(unlock(&shut, "sea glass").unwrap(), whole);
        }
    }
}
