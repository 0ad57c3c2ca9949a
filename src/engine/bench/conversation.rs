//! How fast a conversation goes on: from memory and from a file.

use std::time::{Duration, Instant};

use super::super::{Engine, Llama, Options, Request};
use crate::sampling::Settings;
use crate::{Error, Kind, Result};

/// How long the first token of a reply takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversation {
    /// Tokens of the conversation.
    pub tokens: usize,
    /// When all of it is evaluated.
    pub cold: Duration,
    /// When it was evaluated before, the shortest of several times.
    pub warm: Duration,
    /// To write it to a file.
    pub save: Duration,
    /// Bytes of that file.
    pub bytes: u64,
    /// When it is read from the file.
    pub resumed: Duration,
    /// One decode of one token, the shortest of several times.
    pub step: Duration,
}

impl Conversation {
    /// Measures a conversation of about `tokens` tokens with the model of `options`.
    ///
    /// # Errors
    ///
    /// As [`Llama::load`], and [`Kind::File`] when no temporary file can be written.
    pub fn measure(options: &Options, tokens: usize) -> Result<Self> {
        const TIMES: usize = 5;
        let options = Options {
            context: Some(tokens + 64),
            slots: 1,
            ..options.clone()
        };
        let engine = Llama::load(&options)?;
        let mut text = String::new();
        let mut number = 0;
        while engine.count(&text)? + 8 < tokens {
            number += 1;
            text.push_str(&format!("{number}. The door was open, and she looked. "));
        }
        let request = Request {
            settings: Settings {
                temperature: 0.0,
                ..Settings::neutral()
            },
            max_tokens: 16,
            ..Request::new(&*text)
        };
        let first = |engine: &Llama| -> Result<Duration> {
            let start = Instant::now();
            let mut completion = engine.start(Request {
                max_tokens: 1,
                ..request.clone()
            })?;
            completion.by_ref().try_for_each(|piece| piece.map(drop))?;
            Ok(start.elapsed())
        };
        let cold = first(&engine)?;
        let mut warm = Duration::MAX;
        let mut step = Duration::MAX;
        for _ in 0..TIMES {
            warm = warm.min(first(&engine)?);
            let (_, end) = engine.start(request.clone())?.finish()?;
            let steps = u32::try_from(end.reply_tokens.saturating_sub(1)).unwrap_or(1);
            step = step.min(end.reply_time / steps.max(1));
        }
        let folder = tempfile::tempdir()
            .map_err(|e| Error::file("write a temporary file in", &std::env::temp_dir(), e))?;
        let path = folder.path().join("conversation");
        let start = Instant::now();
        let saved = engine.save_prefix(&text, false, &path)?;
        let save = start.elapsed();
        drop(engine);
        let engine = Llama::load(&options)?;
        let start = Instant::now();
        engine.load_prefix(&path)?;
        first(&engine)?;
        let resumed = start.elapsed();
        if saved.tokens == 0 {
            return Err(Error::new(Kind::Engine, "nothing was saved"));
        }
        Ok(Self {
            tokens: engine.count(&text)? + 1,
            cold,
            warm,
            save,
            bytes: saved.bytes,
            resumed,
            step,
        })
    }
}
