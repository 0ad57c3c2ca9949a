//! A model behind one small trait: a prompt goes in, text comes out piece by piece.
//!
//! `chat`, `generate` and `serve` see `&dyn Engine`, so the tests drive them with a [`Script`] instead of a model, and a
//! remote server is just another implementation.
//!
//! ```
//! use cardwright::engine::{Engine, Request, Script};
//!
//! let engine = Script::new(["Good evening.", " Do come in."]);
//! let completion = engine.start(Request::new("<<AIBOT>>\nLucian:"))?;
//! assert_eq!(completion.text()?, "Good evening. Do come in.");
//! # Ok::<(), cardwright::Error>(())
//! ```

#[cfg(any(feature = "llama", test))]
mod backend;
#[cfg(feature = "llama")]
mod bench;
mod completion;
#[cfg(any(feature = "llama", test))]
mod fit;
#[cfg(any(feature = "llama", test))]
mod forced;
#[cfg(feature = "llama")]
mod gbnf;
#[cfg(feature = "llama")]
mod llama;
#[cfg(feature = "llama")]
mod local;
#[cfg(any(feature = "llama", test))]
mod machine;
mod options;
#[cfg(feature = "llama")]
pub mod quantize;
#[cfg(feature = "pull")]
mod remote;
#[cfg(any(feature = "llama", test))]
mod run;
#[cfg(any(feature = "llama", test))]
mod scheduler;
#[cfg(any(feature = "llama", test))]
mod schema;
#[cfg(feature = "llama")]
mod score;
mod script;
mod session;
#[cfg(any(feature = "llama", test))]
mod slots;
#[cfg(any(feature = "llama", feature = "pull", test))]
mod tail;
#[cfg(feature = "llama")]
mod tokenizer;

#[cfg(feature = "llama")]
pub use bench::{
    Bench, Conversation, Parallel, Sampling, Speed, TypeSpeed, compare_types, self_test,
};
pub use completion::{Chosen, Completion, End, Feed, Likelihood, Reason};
#[cfg(feature = "llama")]
pub use local::Llama;
pub use options::{Adapter, CacheType, Options};
#[cfg(feature = "pull")]
pub use remote::{Remote, RemoteOptions};
#[cfg(feature = "llama")]
pub use score::Scorer;
pub use script::Script;
pub use session::{Saved, SlotState};
#[cfg(feature = "llama")]
pub use tokenizer::Tokenizer;

use std::path::Path;

use crate::prompt::Format;
use crate::prompt::chat_template::Tokens;
use crate::sampling::{Settings, Token};
use crate::{Error, Kind, Result};

/// Something that completes text: llama.cpp in this process, a remote server, or a script in a test.
pub trait Engine: Send + Sync {
    /// What the model is and how much it can hold.
    fn model(&self) -> &ModelInfo;

    /// The number of tokens of `text`, without the begin-of-text token.
    ///
    /// # Errors
    ///
    /// When the engine is gone or the server cannot be reached.
    fn count(&self, text: &str) -> Result<usize>;

    /// The tokens of `text`, without the begin-of-text token. With `special_tokens` the spellings of special tokens
    /// become these tokens.
    ///
    /// # Errors
    ///
    /// When the engine does not tell its tokens, as a remote server may not.
    fn tokenize(&self, text: &str, special_tokens: bool) -> Result<Vec<Token>> {
        let _ = (text, special_tokens);
        Err(untold())
    }

    /// The text of `tokens`; bytes that are no whole character become U+FFFD. Special tokens have no text.
    ///
    /// # Errors
    ///
    /// When the engine does not tell its tokens, and for numbers that are no token.
    fn detokenize(&self, tokens: &[Token]) -> Result<String> {
        let _ = tokens;
        Err(untold())
    }

    /// Starts to complete a prompt and returns at once. Dropping the [`Completion`] cancels it.
    ///
    /// # Errors
    ///
    /// When the request cannot be served: the prompt is longer than the context, the grammar does not parse, a setting
    /// is out of range; [`Kind::Busy`] when too many requests are waiting.
    fn start(&self, request: Request) -> Result<Completion>;

    /// Starts several requests at once; they share what their prompts have in common.
    ///
    /// Requests with seeds that are handed over together to an engine that is doing nothing else are repeated exactly:
    /// which tokens share a decode, and with it the last bits of the logits, then depends on nothing but the requests.
    ///
    /// # Errors
    ///
    /// The first that cannot be served; none is started then.
    fn start_all(&self, requests: Vec<Request>) -> Result<Vec<Completion>> {
        requests
            .into_iter()
            .map(|request| self.start(request))
            .collect()
    }

    /// The adapters that were loaded and how strongly each works on requests that do not say. A request names them by
    /// their place here.
    fn adapters(&self) -> Vec<Adapter> {
        Vec::new()
    }

    /// Sets how strongly each adapter works on the requests that start from now on and do not say: one scale for each of
    /// [`Engine::adapters`], those left out are off.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when there are more scales than adapters, or one is not finite.
    fn set_adapters(&self, scales: &[f32]) -> Result<()> {
        if scales.is_empty() {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "the engine has no adapters"))
    }

    /// Writes what was evaluated of `prompt` to a file, so that it need not be evaluated again after a restart: the
    /// longest beginning that a slot or the memory still holds, and what that conversation goes on with. The prompt is
    /// read as [`Request::prompt`] is.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when nothing of it was evaluated, [`Kind::File`] when the file cannot be written,
    /// [`Kind::Engine`] when the engine keeps nothing.
    fn save_prefix(&self, prompt: &str, special_tokens: bool, path: &Path) -> Result<Saved> {
        let _ = (prompt, special_tokens, path);
        Err(unkept())
    }

    /// Takes in what [`Engine::save_prefix`] or [`Engine::save_slot`] wrote; requests that begin with it then go on from
    /// there.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when the file cannot be read; [`Kind::Model`] when it is damaged or was written with another model,
    /// adapter, cache type or version. Nothing is taken in then: the next request evaluates its prompt.
    fn load_prefix(&self, path: &Path) -> Result<Saved> {
        let _ = path;
        Err(unkept())
    }

    /// What the slots hold.
    ///
    /// # Errors
    ///
    /// [`Kind::Engine`] when the engine has none or is gone.
    fn slots(&self) -> Result<Vec<SlotState>> {
        Err(unkept())
    }

    /// Writes what a slot holds to a file, as [`Engine::save_prefix`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::save_prefix`]; [`Kind::Usage`] when there is no such slot.
    fn save_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        let _ = (slot, path);
        Err(unkept())
    }

    /// Takes the file in as [`Engine::load_prefix`] does, into that slot.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::load_prefix`]; [`Kind::Usage`] when there is no such slot, [`Kind::Busy`] when it is writing.
    fn load_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        let _ = (slot, path);
        Err(unkept())
    }

    /// Lets a slot forget what it holds, and says how many tokens that was.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when there is no such slot, [`Kind::Busy`] when it is writing, [`Kind::Engine`] when the engine
    /// has none.
    fn erase_slot(&self, slot: usize) -> Result<usize> {
        let _ = slot;
        Err(unkept())
    }
}

/// What is known of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelInfo {
    /// The name in the file, or the file's name.
    pub name: String,
    /// Tokens that one conversation can hold, prompt and reply together.
    pub context: usize,
    /// The number of tokens in the vocabulary.
    pub vocabulary: usize,
    /// Requests that run at the same time.
    pub slots: usize,
    /// The chat template (Jinja) that the model file carries.
    pub chat_template: Option<String>,
    /// The spelling of the begin-of-text token, where the engine puts one before a prompt.
    pub begin_of_text: Option<String>,
    /// The spelling of the end-of-text token, where there is one.
    pub end_of_text: Option<String>,
}

fn untold() -> Error {
    Error::new(Kind::Engine, "the engine does not tell its tokens")
}

fn unkept() -> Error {
    Error::new(
        Kind::Engine,
        "the engine keeps nothing of its conversations that could be saved",
    )
}

impl ModelInfo {
    /// The special tokens that a chat template may write.
    #[must_use]
    pub fn special_tokens(&self) -> Tokens<'_> {
        Tokens {
            begin: self.begin_of_text.as_deref().unwrap_or_default(),
            end: self.end_of_text.as_deref().unwrap_or_default(),
        }
    }

    /// The chat template as a prompt format.
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when the model has none.
    pub fn format(&self) -> Result<Format> {
        let template = self.chat_template.as_deref().ok_or_else(|| {
            Error::new(
                Kind::Format,
                format!("the model `{}` has no chat template", self.name),
            )
            .hint("choose a `--format` of `prompt formats`")
        })?;
        Ok(Format::of_chat_template(
            MODEL_FORMAT,
            template,
            self.special_tokens(),
        ))
    }
}

/// The name that stands for the model's own chat template among the formats.
pub const MODEL_FORMAT: &str = "model";

/// A prompt to complete.
#[derive(Debug, Clone)]
pub struct Request {
    /// The text to go on from. The begin-of-text token is added where the vocabulary asks for it.
    pub prompt: String,
    /// Whether spellings of special tokens in the prompt (`<|im_start|>`, `</s>`) become these tokens; chat templates
    /// need that. Otherwise they stay text, so that nobody's card can end a turn. Default: false.
    pub special_tokens: bool,
    /// How tokens are chosen. Default: the LimaRP settings.
    pub settings: Settings,
    /// The most tokens to write. Default: 300.
    pub max_tokens: usize,
    /// Strings that end the reply; they are not part of it. Default: none.
    pub stop: Vec<String>,
    /// A GBNF grammar (root rule `root`) that the reply follows. Default: none.
    pub grammar: Option<String>,
    /// A JSON schema that the reply follows; not together with a grammar. Default: none.
    pub json_schema: Option<String>,
    /// How strongly each of [`Engine::adapters`] works on this request; those left out are off. Requests with the same
    /// scales share their decodes. Default: as the engine is set.
    pub adapters: Option<Vec<f32>>,
    /// Tell each token and its probability ([`Completion::take_chosen`]), with so many alternatives. Default: do not.
    pub logprobs: Option<usize>,
    /// Where in the prompt its turns begin, in bytes, rising. When the prompt and its reply (of which at most half the
    /// context is kept free) are longer than the context, whole turns are left out from the oldest on, a quarter of the
    /// context at a time so that what is left can be reused over many turns. What stands before the first turn, and the
    /// last turn, always stay. Default: none, and a prompt that does not fit is refused.
    pub turns: Vec<usize>,
    /// Once this reply has ended, the engine does nothing more until its [`Completion`] is dropped, so that what is
    /// asked for next joins the very next decode; of several that are asked for meanwhile the one with the lowest number
    /// comes first. Requests that follow from replies are then repeated as exactly as those of one
    /// [`Engine::start_all`], whatever the speed of the machine. Only for whoever looks after all its replies at once: to
    /// wait for another reply first is to wait for ever. Engines without slots pass over it. Default: none.
    pub hold: Option<usize>,
}

impl Request {
    /// A request with the defaults.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            special_tokens: false,
            settings: Settings::default(),
            max_tokens: 300,
            stop: Vec::new(),
            grammar: None,
            json_schema: None,
            adapters: None,
            logprobs: None,
            turns: Vec::new(),
            hold: None,
        }
    }
}
