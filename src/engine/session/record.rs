//! Conversations in files.
//!
//! ```text
//! magic     16 bytes   name and version of the layout
//! identity  32 bytes   SHA-256 of what the state depends on: the model, its number formats, the version of llama.cpp
//! adapters  u32        how many work on it, then for each: SHA-256 of the file (32 bytes), scale (f32)
//! tokens    u64        how many, then each as an i32
//! state     u64        how many bytes, then these
//! checksum  32 bytes   SHA-256 of all before
//! ```
//!
//! Numbers are little-endian.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Saved, Snapshot};
use crate::sampling::Token;
use crate::{Error, Kind, Result, file};

const MAGIC: &[u8; 16] = b"cardwright kv 1\n";
/// Blocks of a model file that its fingerprint looks at, besides the beginning.
const SAMPLES: u64 = 64;
const SAMPLE: u64 = 4096;
/// The beginning of a model file that is looked at whole: metadata and tensor descriptions of large models.
const HEAD: u64 = 4 << 20;
/// Bytes of state for a token that no model exceeds: 128 layers of 64 heads of 256 numbers for keys and values in 32 bits
/// are half of it. It bounds what is read of a file that lies about its length.
const MOST_PER_TOKEN: u64 = 32 << 20;
/// What a state has besides that: llama.cpp's heads of layers.
const MOST_BESIDES: u64 = 16 << 20;

type Hash = [u8; 32];

/// What the state of a conversation depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    base: Hash,
    adapters: Vec<Hash>,
    /// Tokens that a conversation can hold.
    context: usize,
}

impl Identity {
    /// The identity of a model file with adapters; `formats` is everything else that matters, as text.
    ///
    /// The weights are sampled: a file of gigabytes would take longer to read than the conversation to evaluate.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when a file cannot be read.
    pub(crate) fn of<'a>(
        model: &Path,
        adapters: impl IntoIterator<Item = &'a Path>,
        formats: &str,
        context: usize,
    ) -> Result<Self> {
        let mut hash = Sha256::new();
        hash.update(fingerprint(model)?);
        hash.update(formats);
        Ok(Self {
            base: hash.finalize().into(),
            adapters: adapters
                .into_iter()
                .map(fingerprint)
                .collect::<Result<_>>()?,
            context,
        })
    }

    /// Writes a conversation to a file, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when it cannot be written.
    pub(crate) fn save(&self, snapshot: &Snapshot, path: &Path) -> Result<Saved> {
        let scales = snapshot.adapters.iter().zip(&self.adapters);
        let working: Vec<_> = scales.filter(|(scale, _)| **scale != 0.0).collect();
        let mut head = Vec::new();
        head.extend(MAGIC);
        head.extend(self.base);
        head.extend((working.len() as u32).to_le_bytes());
        for (scale, adapter) in working {
            head.extend(adapter);
            head.extend(scale.to_le_bytes());
        }
        head.extend((snapshot.tokens.len() as u64).to_le_bytes());
        head.extend(snapshot.tokens.iter().flat_map(|token| token.to_le_bytes()));
        head.extend((snapshot.state.len() as u64).to_le_bytes());
        let mut hash = Sha256::new();
        hash.update(&head);
        hash.update(&snapshot.state);
        let checksum: Hash = hash.finalize().into();
        file::write_with(path, |file| {
            [&head[..], &snapshot.state, &checksum]
                .into_iter()
                .try_for_each(|part| file.write_all(part))
                .map_err(|e| Error::file("write", path, e))
        })?;
        Ok(Saved {
            tokens: snapshot.tokens.len(),
            bytes: (head.len() + snapshot.state.len() + checksum.len()) as u64,
        })
    }

    /// Reads a conversation that was written with the same model, adapters and number formats.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the file cannot be read, [`Kind::Model`] when it is damaged or was written with others.
    pub(crate) fn load(&self, path: &Path) -> Result<(Snapshot, Saved)> {
        let failed = |e| Error::file("read", path, e);
        let opened = File::open(path).map_err(|e| Error::file("open", path, e))?;
        let length = opened.metadata().map_err(failed)?.len();
        let mut reader = Reader {
            file: BufReader::with_capacity(1 << 20, opened),
            hash: Sha256::new(),
            path,
        };
        self.read(&mut reader, length).map_err(|e| match e.kind() {
            Kind::Model => e
                .at(path.display().to_string())
                .hint("the conversation is evaluated again; delete the file or save over it"),
            _ => e,
        })
    }

    fn read(&self, reader: &mut Reader<'_>, length: u64) -> Result<(Snapshot, Saved)> {
        if reader.array::<16>()? != *MAGIC {
            return Err(refused("this is no saved conversation of this version"));
        }
        if reader.array::<32>()? != self.base {
            return Err(refused(
                "the conversation was saved with another model, cache type or version",
            ));
        }
        let mut scales = vec![0.0; self.adapters.len()];
        let count = u32::from_le_bytes(reader.array()?);
        for _ in 0..count {
            let adapter: Hash = reader.array()?;
            let scale = f32::from_le_bytes(reader.array()?);
            let at = self.adapters.iter().position(|known| *known == adapter);
            let place = at.and_then(|at| scales.get_mut(at));
            *place.ok_or_else(|| {
                refused("the conversation was saved with an adapter that is not loaded")
            })? = scale;
        }
        let tokens = u64::from_le_bytes(reader.array()?);
        if tokens > self.context as u64 {
            let message = format!(
                "the conversation has {tokens} tokens, but the context holds {}",
                self.context
            );
            return Err(refused(&message));
        }
        let tokens = (0..tokens)
            .map(|_| reader.array().map(Token::from_le_bytes))
            .collect::<Result<Vec<_>>>()?;
        let bytes = u64::from_le_bytes(reader.array()?);
        let most = (tokens.len() as u64) * MOST_PER_TOKEN + MOST_BESIDES;
        // Nothing is reserved for a length that the file does not have.
        if bytes > most || bytes > length {
            return Err(refused("the saved conversation is damaged"));
        }
        let state = reader.bytes(bytes)?;
        let checksum: Hash = std::mem::take(&mut reader.hash).finalize().into();
        if reader.array::<32>()? != checksum || !reader.is_at_end()? {
            return Err(refused("the saved conversation is damaged"));
        }
        let saved = Saved {
            tokens: tokens.len(),
            bytes: length,
        };
        let snapshot = Snapshot {
            tokens,
            adapters: Arc::from(scales),
            state,
        };
        Ok((snapshot, saved))
    }
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Model, message)
}

/// Reads a file and computes its checksum on the way.
struct Reader<'a> {
    file: BufReader<File>,
    hash: Sha256,
    path: &'a Path,
}

impl Reader<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.file.read_exact(bytes).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => refused("the saved conversation is damaged"),
            _ => Error::file("read", self.path, e),
        })?;
        self.hash.update(&bytes);
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        let count = usize::try_from(count).map_err(|_| refused("the file is too large"))?;
        let mut bytes = vec![0; count];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn is_at_end(&mut self) -> Result<bool> {
        let mut byte = [0];
        let count = self.file.read(&mut byte);
        Ok(count.map_err(|e| Error::file("read", self.path, e))? == 0)
    }
}

/// A hash of a file's length, its beginning and samples of the rest.
fn fingerprint(path: &Path) -> Result<Hash> {
    let failed = |e| Error::file("read", path, e);
    let mut file = File::open(path).map_err(|e| Error::file("open", path, e))?;
    let length = file.metadata().map_err(failed)?.len();
    let mut hash = Sha256::new();
    hash.update(length.to_le_bytes());
    let mut buffer = Vec::new();
    (&mut file)
        .take(HEAD)
        .read_to_end(&mut buffer)
        .map_err(failed)?;
    hash.update(&buffer);
    for sample in 1..=SAMPLES {
        let rest = length.saturating_sub(HEAD + SAMPLE);
        let at = HEAD + rest / SAMPLES * sample;
        if rest == 0 {
            break;
        }
        buffer.clear();
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        (&mut file)
            .take(SAMPLE)
            .read_to_end(&mut buffer)
            .map_err(failed)?;
        hash.update(&buffer);
    }
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            tokens: vec![1, 2, 300_000],
            adapters: Arc::from([0.0, 0.5]),
            state: (0..=255).collect(),
        }
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            for (name, content) in [("model", "weights"), ("one", "first"), ("two", "second")] {
                std::fs::write(place.path(name), content).unwrap();
            }
            place
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        fn identity(&self, adapters: &[&str], formats: &str) -> Identity {
            let adapters: Vec<_> = adapters.iter().map(|name| self.path(name)).collect();
            let adapters = adapters.iter().map(std::path::PathBuf::as_path);
            Identity::of(&self.path("model"), adapters, formats, 10).unwrap()
        }
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let place = Place::new();
        let identity = place.identity(&["one", "two"], "f16");
        let saved = identity.save(&snapshot(), &place.path("chat")).unwrap();
        assert_eq!(saved.tokens, 3);
        assert_eq!(
            saved.bytes,
            std::fs::metadata(place.path("chat")).unwrap().len()
        );
        assert_eq!(
            identity.load(&place.path("chat")).unwrap(),
            (snapshot(), saved)
        );
        // Adapters are known by their content, wherever they stand; one that is off does not matter.
        let (moved, _) = place
            .identity(&["two"], "f16")
            .load(&place.path("chat"))
            .unwrap();
        assert_eq!(*moved.adapters, [0.5]);
    }

    #[test]
    fn what_was_saved_with_something_else_is_refused() {
        let place = Place::new();
        let path = place.path("chat");
        let refused = |identity: Identity| identity.load(&path).unwrap_err();
        place
            .identity(&["one", "two"], "f16")
            .save(&snapshot(), &path)
            .unwrap();
        for (identity, says) in [
            (
                place.identity(&["one", "two"], "q8_0"),
                "another model, cache type or version",
            ),
            (
                place.identity(&["one"], "f16"),
                "an adapter that is not loaded",
            ),
            (
                Identity {
                    context: 2,
                    ..place.identity(&["one", "two"], "f16")
                },
                "holds 2",
            ),
        ] {
            let error = refused(identity);
            assert_eq!(error.kind(), Kind::Model);
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.next_step().is_some());
        }
        std::fs::write(place.path("model"), "weighty").unwrap();
        let error = refused(place.identity(&["one", "two"], "f16"));
        assert!(error.to_string().contains("another model"), "{error}");
        let error = place
            .identity(&[], "")
            .load(&place.path("missing"))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::File);
    }

    #[test]
    fn samples_of_a_large_model_tell_it_from_another() {
        let place = Place::new();
        let mut weights = vec![0_u8; 6 << 20];
        std::fs::write(place.path("model"), &weights).unwrap();
        let zeros = place.identity(&[], "");
        weights[(4 << 20) + 1000..].fill(1);
        std::fs::write(place.path("model"), &weights).unwrap();
        assert_ne!(zeros, place.identity(&[], ""));
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_refused_wherever_the_damage_is(at in 0_usize..420, bit in 0_u8..8, cut: bool) {
            let place = Place::new();
            let identity = place.identity(&["one", "two"], "f16");
            let path = place.path("chat");
            identity.save(&snapshot(), &path).unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at % bytes.len();
            if cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 1 << bit;
            }
            std::fs::write(&path, &bytes).unwrap();
            let error = identity.load(&path).unwrap_err();
            prop_assert_eq!(error.kind(), Kind::Model);
        }
    }

    #[test]
    fn bytes_after_the_end_are_damage() {
        let place = Place::new();
        let identity = place.identity(&[], "");
        let path = place.path("chat");
        identity.save(&snapshot(), &path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.push(0);
        std::fs::write(&path, &bytes).unwrap();
        assert!(identity.load(&path).is_err());
    }
}
