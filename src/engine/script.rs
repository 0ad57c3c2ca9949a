//! An engine that says what it was told to say: for tests of everything that talks to a model.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use super::{Chosen, Completion, End, Engine, Likelihood, ModelInfo, Reason, Request};
use crate::sampling::Token;
use crate::{Error, Kind, Result};

/// An engine that plays back replies: one list of pieces per request, in order.
///
/// A word with the blanks before it is one token, numbered in the order of first use. It honours stop strings and `max_tokens`
/// (one piece is one token), and remembers the requests it received.
pub struct Script {
    model: ModelInfo,
    replies: Mutex<VecDeque<Vec<String>>>,
    requests: Mutex<Vec<Request>>,
    words: Mutex<Vec<String>>,
}

impl Script {
    /// An engine that answers its first request with `pieces` and has nothing more to say.
    pub fn new<P: Into<String>>(pieces: impl IntoIterator<Item = P>) -> Self {
        Self::replies([pieces])
    }

    /// An engine that answers each request with the next list of pieces.
    pub fn replies<P: Into<String>, R: IntoIterator<Item = P>>(
        replies: impl IntoIterator<Item = R>,
    ) -> Self {
        Self {
            model: ModelInfo {
                name: "script".into(),
                context: 4096,
                vocabulary: 32_000,
                slots: 4,
                chat_template: None,
                begin_of_text: None,
                end_of_text: None,
            },
            replies: Mutex::new(
                replies
                    .into_iter()
                    .map(|pieces| pieces.into_iter().map(Into::into).collect())
                    .collect(),
            ),
            requests: Mutex::new(Vec::new()),
            words: Mutex::new(Vec::new()),
        }
    }

    /// The same with the chat template of a model.
    #[must_use]
    pub fn with_chat_template(mut self, template: &str) -> Self {
        self.model.chat_template = Some(template.to_owned());
        self
    }

    /// The requests received so far.
    ///
    /// # Panics
    ///
    /// When another thread panicked while it held the script.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("script is intact").clone()
    }
}

impl Engine for Script {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, text: &str) -> Result<usize> {
        Ok(text.split_whitespace().count())
    }

    fn tokenize(&self, text: &str, _: bool) -> Result<Vec<Token>> {
        let mut words = self.words.lock().map_err(|_| lost())?;
        let mut rest = text;
        let mut tokens = Vec::new();
        while !rest.trim_start().is_empty() {
            let blanks = rest.len() - rest.trim_start().len();
            let end = rest[blanks..]
                .find(char::is_whitespace)
                .map_or(rest.len(), |at| blanks + at);
            // Blanks at the end belong to the last word, so that the text comes back whole.
            let end = match rest[end..].trim_start() {
                "" => rest.len(),
                _ => end,
            };
            let (word, after) = rest.split_at(end);
            let known = words.iter().position(|other| other == word);
            let number = known.unwrap_or(words.len());
            if known.is_none() {
                words.push(word.to_owned());
            }
            tokens.push(Token::try_from(number).unwrap_or(Token::MAX));
            rest = after;
        }
        Ok(tokens)
    }

    fn detokenize(&self, tokens: &[Token]) -> Result<String> {
        let words = self.words.lock().map_err(|_| lost())?;
        let word = |&token: &Token| {
            let word = usize::try_from(token).ok().and_then(|at| words.get(at));
            word.map(String::as_str)
                .ok_or_else(|| Error::new(Kind::Usage, format!("the script has no token {token}")))
        };
        tokens.iter().map(word).collect()
    }

    fn start(&self, request: Request) -> Result<Completion> {
        let prompt_tokens = self.count(&request.prompt)?;
        let reply = self
            .replies
            .lock()
            .map_err(|_| lost())?
            .pop_front()
            .ok_or_else(|| Error::new(Kind::Engine, "the script has no reply left"))?;
        let (feed, completion) = Completion::new();
        let mut reason = Reason::EndOfText;
        let mut written = 0;
        let mut text = String::new();
        let mut sent = 0;
        for piece in reply {
            if written == request.max_tokens {
                reason = Reason::Length;
                break;
            }
            written += 1;
            text.push_str(&piece);
            let hit = request
                .stop
                .iter()
                .filter_map(|stop| Some((text.find(stop.as_str())?, stop)))
                .min_by_key(|(at, _)| *at);
            // A script is certain of its words.
            let certain = Likelihood {
                token: Token::try_from(written - 1).unwrap_or(Token::MAX),
                bytes: piece.into_bytes(),
                logprob: 0.0,
            };
            let chosen = |count| Chosen {
                alternatives: vec![certain.clone(); usize::min(count, 1)],
                choice: certain,
            };
            let chosen = request.logprobs.map(chosen).into_iter().collect();
            if let Some((at, stop)) = hit {
                if at > sent {
                    feed.piece_with(&text[sent..at], chosen);
                }
                reason = Reason::Stop(stop.clone());
                break;
            }
            feed.piece_with(&text[sent..], chosen);
            sent = text.len();
        }
        self.requests.lock().map_err(|_| lost())?.push(request);
        feed.end(End {
            reason,
            prompt_tokens,
            reused_tokens: 0,
            reply_tokens: written,
            dropped_turns: 0,
            rewinds: 0,
            prompt_time: Duration::ZERO,
            reply_time: Duration::ZERO,
        });
        Ok(completion)
    }
}

fn lost() -> Error {
    Error::new(Kind::Engine, "the script was lost to a panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_the_text_they_came_from() {
        let script = Script::new([""]);
        for text in ["", "one", " two  words\n", "one two one\n\nthree "] {
            let tokens = script.tokenize(text, false).unwrap();
            assert_eq!(tokens.len(), script.count(text).unwrap(), "{text:?}");
            assert_eq!(script.detokenize(&tokens).unwrap(), text);
        }
        assert!(script.detokenize(&[-1]).is_err());
        assert!(script.detokenize(&[99]).is_err());
    }
}
