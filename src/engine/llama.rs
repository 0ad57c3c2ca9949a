//! llama.cpp in this process. The only file with `unsafe`, beside `quantize.rs`.
//!
//! The crate `llama-cpp-2` loads models and adapters, tokenises and holds grammars. What it cannot do is done on the raw
//! interface: several adapters at once, stopping inside a decode, batches that go on where a sequence ended, limiting the
//! outputs of a batch (which saves a buffer of 100 MB), and errors that say what llama.cpp said.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaLoraAdapter, LlamaModel};
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;

use super::backend::{Entry, Grammar, Stall, Vocabulary};
use super::gbnf::Gbnf;
use super::{CacheType, Options, schema};
use crate::sampling::Token;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result};

/// What llama.cpp's own tools do at most in one pass; more is no faster.
const UBATCH: u32 = 512;

/// The version of llama.cpp's saved states: the pinned version of its crate, which changes with everything that matters.
pub(super) const STATE_VERSION: &str = "llama-cpp-sys-2 0.1.161";

/// llama.cpp is initialised once per process and never shut down. `None` when somebody else initialised it.
static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();

thread_local! {
    /// What llama.cpp complained about on this thread since [`complaints`] was last asked.
    static COMPLAINTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The [`Listener`] of this thread, or null.
    static LISTENER: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// Who is told the lines that llama.cpp logs on this thread.
struct Listener<'a> {
    /// What came since the last line ended.
    line: String,
    tell: &'a mut dyn FnMut(&str),
    panic: Option<Box<dyn std::any::Any + Send>>,
}

impl Listener<'_> {
    fn hear(&mut self, text: &str) {
        /// Longer than any line that llama.cpp logs to a listener.
        const MOST: usize = 1 << 14;
        // Nothing may unwind through llama.cpp.
        let told = catch_unwind(AssertUnwindSafe(|| {
            for piece in text.split_inclusive('\n') {
                if self.line.len() < MOST {
                    self.line.push_str(piece);
                }
                if piece.ends_with('\n') {
                    (self.tell)(&std::mem::take(&mut self.line));
                }
            }
        }));
        if let Err(panic) = told {
            self.panic = Some(panic);
        }
    }
}

/// Does `work`, and passes the lines that llama.cpp logs on this thread meanwhile to `tell`.
pub(super) fn listening<T>(tell: &mut dyn FnMut(&str), work: impl FnOnce() -> T) -> T {
    let mut listener = Listener {
        line: String::new(),
        tell,
        panic: None,
    };
    LISTENER.set(ptr::from_mut(&mut listener).cast());
    let done = work();
    LISTENER.set(ptr::null_mut());
    if let Some(panic) = listener.panic {
        resume_unwind(panic);
    }
    done
}

/// Receives the log of llama.cpp: errors are kept to be part of our own, the rest goes to who listens.
unsafe extern "C" fn hear(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    const MOST: usize = 8;
    let is_error = level == sys::GGML_LOG_LEVEL_ERROR;
    let listener = LISTENER.get().cast::<Listener<'_>>();
    if text.is_null() || (listener.is_null() && !is_error) {
        return;
    }
    // SAFETY: llama.cpp passes a string that ends in a zero and lives until we return.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    if is_error {
        COMPLAINTS.with_borrow_mut(|complaints| {
            if complaints.len() < MOST {
                complaints.push(text.trim().to_owned());
            }
        });
        return;
    }
    // SAFETY: `listening` put it there, on this thread, and takes it away before it is gone; nobody else uses it while
    // llama.cpp runs.
    unsafe { &mut *listener }.hear(&text);
}

/// What llama.cpp complained about on this thread, the cause first.
pub(super) fn complaints() -> String {
    let lines = COMPLAINTS.take();
    lines
        .iter()
        .map(|line| {
            line.split_once(": ")
                .map_or(line.as_str(), |(_, text)| text)
        })
        .find(|text| !text.is_empty())
        .unwrap_or("llama.cpp does not say why")
        .to_owned()
}

pub(super) fn backend() -> Result<&'static LlamaBackend> {
    let backend = BACKEND.get_or_init(|| {
        // SAFETY: `hear` is callable from any thread, at any time, and takes no user data.
        unsafe { sys::llama_log_set(Some(hear), ptr::null_mut()) };
        LlamaBackend::init().ok()
    });
    backend.as_ref().ok_or_else(|| {
        Error::new(
            Kind::Engine,
            "llama.cpp is already in use by another part of this program",
        )
    })
}

/// The weights and the vocabulary, with the adapters that were loaded onto them.
pub(super) struct Model {
    inner: LlamaModel,
    /// llama.cpp frees them with the model.
    adapters: Vec<LlamaLoraAdapter>,
    ends: Vec<Token>,
    /// The tokens that contain a text, for the texts that were asked for.
    containing: Mutex<HashMap<String, Vec<Token>>>,
}

impl Model {
    /// Loads what `options` names; the caller has opened the model with our reader.
    pub(super) fn load(options: &Options) -> Result<Arc<Self>> {
        // llama.cpp trusts what it reads more than our reader does.
        for adapter in &options.adapters {
            Gguf::open(&adapter.path)?;
        }
        let path = &options.model;
        let place = || path.display().to_string();
        let mut params = LlamaModelParams::default();
        if let Some(layers) = options.gpu_layers {
            params = params.with_n_gpu_layers(layers);
        }
        let backend = backend()?;
        complaints();
        let mut inner = LlamaModel::load_from_file(backend, path, &params).map_err(|_| {
            Error::new(
                Kind::Model,
                format!("cannot load the model: {}", complaints()),
            )
            .at(place())
            .hint("the file may be damaged or newer than this program; get it again")
        })?;
        let mut adapters = Vec::new();
        for adapter in &options.adapters {
            complaints();
            let loaded = inner.lora_adapter_init(&adapter.path).map_err(|_| {
                Error::new(
                    Kind::Model,
                    format!("cannot use the adapter: {}", complaints()),
                )
                .at(adapter.path.display().to_string())
                .hint("an adapter fits only the base model it was trained on")
            })?;
            adapters.push(loaded);
        }
        Ok(Arc::new(Self::new(inner, adapters)))
    }

    /// The vocabulary of the model at `path`, which the caller has opened with our reader; no weights.
    pub(super) fn vocabulary(path: &Path) -> Result<Arc<Self>> {
        let params = LlamaModelParams::default().with_vocab_only(true);
        let backend = backend()?;
        complaints();
        let inner = LlamaModel::load_from_file(backend, path, &params).map_err(|_| {
            let message = format!("cannot read the vocabulary: {}", complaints());
            Error::new(Kind::Model, message).at(path.display().to_string())
        })?;
        Ok(Arc::new(Self::new(inner, Vec::new())))
    }

    fn new(inner: LlamaModel, adapters: Vec<LlamaLoraAdapter>) -> Self {
        let vocab = inner.vocab();
        let ends = vocab
            .tokens()
            .filter(|&token| vocab.is_eog(token))
            .map(|token| token.0)
            .collect();
        Self {
            inner,
            adapters,
            ends,
            containing: Mutex::default(),
        }
    }

    /// The model as llama.cpp knows it.
    fn as_ptr(&self) -> *mut sys::llama_model {
        // SAFETY: `LlamaModel` is `repr(transparent)` over a non-null pointer to the model, and the crate's version is
        // pinned, so reading the field that it keeps private reads that pointer.
        unsafe { *ptr::from_ref(&self.inner).cast::<*mut sys::llama_model>() }
    }

    pub(super) fn safe(&self) -> &LlamaModel {
        &self.inner
    }

    /// What llama.cpp calls this kind of model.
    pub(super) fn description(&self) -> String {
        let mut buffer = [0_u8; 128];
        // SAFETY: the model is valid, and llama.cpp writes a zero-terminated string of at most the given length.
        unsafe {
            sys::llama_model_desc(self.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len());
        }
        CStr::from_bytes_until_nul(&buffer)
            .map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    /// A text from the model file.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.inner.meta_val_str(key).ok()
    }

    /// How a special token is spelled, where the vocabulary has it.
    pub(super) fn spelling(&self, token: LlamaToken) -> Option<String> {
        let bytes = (token.0 >= 0).then(|| self.inner.vocab().token_to_piece(token, true, None))?;
        String::from_utf8(bytes).ok()
    }
}

impl Vocabulary for Model {
    fn tokens(&self, text: &str, begin: bool, special: bool) -> Vec<Token> {
        let vocab = self.inner.vocab();
        let mut tokens = vocab.tokenize(text.as_bytes(), begin, special);
        // Some vocabularies ask for an end-of-text token too; nothing could be written after it.
        if vocab.should_add_eos() && begin && tokens.last() == Some(&vocab.eos()) {
            tokens.pop();
        }
        if tokens.is_empty() && begin {
            // There must be something to go on from.
            tokens.extend(
                [vocab.bos(), vocab.eos()]
                    .into_iter()
                    .find(|token| token.0 >= 0),
            );
        }
        tokens.into_iter().map(|token| token.0).collect()
    }

    fn piece(&self, token: Token, bytes: &mut Vec<u8>) {
        let piece = self
            .inner
            .vocab()
            .token_to_piece(LlamaToken(token), false, None);
        bytes.extend_from_slice(&piece);
    }

    fn ends(&self) -> &[Token] {
        &self.ends
    }

    fn grammar(&self, source: &str) -> Result<Box<dyn Grammar>> {
        Ok(Box::new(Gbnf::new(&self.inner, source)?))
    }

    fn schema(&self, schema: &str) -> Result<String> {
        schema::check_schema(schema)?;
        llama_cpp_2::json_schema_to_grammar(schema).map_err(|_| {
            Error::new(
                Kind::Usage,
                "the JSON schema cannot be turned into a grammar",
            )
            .hint("use types, properties, enums, arrays and references inside of the schema")
        })
    }

    fn containing(&self, text: &str) -> Vec<Token> {
        /// Texts whose tokens are remembered; a front-end sends the same few each time.
        const MOST: usize = 64;
        let known = self.containing.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = known.get(text) {
            return tokens.clone();
        }
        let mut bytes = Vec::new();
        let finder = memchr::memmem::Finder::new(text);
        let tokens: Vec<Token> = (0..self.inner.n_vocab())
            .filter(|&token| {
                bytes.clear();
                self.piece(token, &mut bytes);
                !text.is_empty() && finder.find(&bytes).is_some()
            })
            .collect();
        if known.len() < MOST {
            known.insert(text.to_owned(), tokens.clone());
        }
        tokens
    }
}

/// What a context is made for.
pub(super) struct Room {
    /// Cells of the KV cache of all sequences.
    pub(super) cells: usize,
    pub(super) sequences: usize,
    /// Whether each sequence has its own share of the cells. Attention then looks at its own cells only, where it would
    /// otherwise look at those of all and mask them; but what sequences share is copied, and no one can have more.
    pub(super) separate: bool,
    /// Tokens of one decode.
    pub(super) batch: usize,
    /// Tokens of one decode whose logits are wanted.
    pub(super) outputs: usize,
    pub(super) threads: usize,
    pub(super) cache_type: CacheType,
}

/// Asks whether to give up a decode.
pub(super) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// A KV cache and the buffers to fill it.
pub(super) struct Context {
    raw: NonNull<sys::llama_context>,
    /// Freed after the context.
    model: Arc<Model>,
    vocabulary: usize,
    separate: bool,
    tokens: Vec<sys::llama_token>,
    positions: Vec<sys::llama_pos>,
    sequences: Vec<sys::llama_seq_id>,
    counts: Vec<i32>,
    outputs: Vec<i8>,
}

// SAFETY: a context may be used by one thread at a time, whichever it is; `Context` is not `Sync`.
unsafe impl Send for Context {}

impl Context {
    pub(super) fn new(model: Arc<Model>, room: &Room) -> Result<Self> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let threads = i32::try_from(room.threads).unwrap_or(i32::MAX);
        // SAFETY: it returns a plain struct.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = number(room.cells);
        params.n_batch = number(room.batch);
        params.n_ubatch = UBATCH.min(number(room.batch));
        params.n_seq_max = number(room.sequences);
        params.n_outputs_max = number(room.outputs);
        params.n_threads = threads;
        params.n_threads_batch = threads;
        params.kv_unified = !room.separate;
        let number_type = match room.cache_type {
            CacheType::F16 => sys::GGML_TYPE_F16,
            CacheType::Q8_0 => sys::GGML_TYPE_Q8_0,
        };
        params.type_k = number_type;
        params.type_v = number_type;
        complaints();
        let raw = {
            static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
            let _guard = ONE_AT_A_TIME.lock();
            // SAFETY: the model lives at least as long as the context, which holds an `Arc` of it. Contexts are created
            // here only, under the lock, for creating two at a time is not safe.
            unsafe { sys::llama_init_from_model(model.as_ptr(), params) }
        };
        let raw = NonNull::new(raw).ok_or_else(|| {
            let message = format!(
                "cannot make room for {} tokens: {}",
                room.cells,
                complaints()
            );
            Error::new(Kind::Engine, message).hint("try a smaller context (`--ctx`)")
        })?;
        Ok(Self {
            raw,
            vocabulary: usize::try_from(model.inner.n_vocab()).unwrap_or(0),
            model,
            separate: room.separate,
            tokens: Vec::new(),
            positions: Vec::new(),
            sequences: Vec::new(),
            counts: Vec::new(),
            outputs: Vec::new(),
        })
    }

    /// Lets each adapter of the model work as strongly as its scale says; those without one are off.
    pub(super) fn use_adapters(&mut self, scales: &[f32]) {
        let mut adapters = Vec::new();
        let mut working = Vec::new();
        for (adapter, &scale) in self.model.adapters.iter().zip(scales) {
            if scale != 0.0 {
                // SAFETY: `LlamaLoraAdapter` is `repr(transparent)` over a non-null pointer, as the model is.
                adapters.push(unsafe {
                    *ptr::from_ref(adapter).cast::<*mut sys::llama_adapter_lora>()
                });
                working.push(scale);
            }
        }
        // SAFETY: both arrays have that many elements, and the adapters live as long as the model. It always succeeds.
        unsafe {
            sys::llama_set_adapters_lora(
                self.raw.as_ptr(),
                adapters.as_mut_ptr(),
                adapters.len(),
                working.as_mut_ptr(),
            );
        }
    }

    /// What a sequence holds, if it is no more than `at_most` bytes.
    pub(super) fn save(&mut self, sequence: usize, at_most: usize) -> Option<Vec<u8>> {
        let sequence = sequence as i32;
        // SAFETY: the context is valid, and it knows the sequence.
        let size = unsafe { sys::llama_state_seq_get_size(self.raw.as_ptr(), sequence) };
        if size == 0 || size > at_most {
            return None;
        }
        let mut state = vec![0; size];
        // SAFETY: llama.cpp writes at most `size` bytes and says how many.
        let written = unsafe {
            sys::llama_state_seq_get_data(self.raw.as_ptr(), state.as_mut_ptr(), size, sequence)
        };
        (written == size).then_some(state)
    }

    /// Puts what [`Context::save`] gave into an empty sequence. False when it does not fit; the sequence is empty then.
    pub(super) fn load(&mut self, sequence: usize, state: &[u8]) -> bool {
        // SAFETY: llama.cpp reads at most that many bytes, and says how many it has used.
        let read = unsafe {
            sys::llama_state_seq_set_data(
                self.raw.as_ptr(),
                state.as_ptr(),
                state.len(),
                sequence as i32,
            )
        };
        let fits = read == state.len();
        if !fits {
            self.forget(sequence, 0);
        }
        complaints();
        fits
    }

    fn memory(&self) -> sys::llama_memory_t {
        // SAFETY: the context is valid.
        unsafe { sys::llama_get_memory(self.raw.as_ptr()) }
    }

    /// Empties the KV cache.
    pub(super) fn clear(&mut self) {
        // SAFETY: the memory belongs to this context.
        unsafe { sys::llama_memory_clear(self.memory(), false) };
    }

    /// Waits until the last decode is computed.
    pub(super) fn synchronize(&mut self) {
        // SAFETY: the context is valid.
        unsafe { sys::llama_synchronize(self.raw.as_ptr()) };
    }

    /// Evaluates `batch`, which must not be longer than the batch of the room.
    pub(super) fn decode(&mut self, batch: &[Entry], stop: Stop<'_>) -> Result<(), Stall> {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.outputs.clear();
        for entry in batch {
            self.tokens.push(entry.token);
            self.positions.push(entry.position as sys::llama_pos);
            self.sequences.push(entry.sequence as sys::llama_seq_id);
            self.outputs.push(i8::from(entry.logits));
        }
        self.counts.resize(batch.len(), 1);
        let mut lists: Vec<*mut sys::llama_seq_id> =
            self.sequences.iter_mut().map(ptr::from_mut).collect();
        let raw_batch = sys::llama_batch {
            n_tokens: batch.len() as i32,
            token: self.tokens.as_mut_ptr(),
            embd: ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: lists.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        };
        // A fat pointer does not fit through `void *`, so a pointer to it goes.
        let mut asked = stop;
        let data = ptr::from_mut(&mut asked).cast::<c_void>();
        complaints();
        // SAFETY: the arrays have `n_tokens` elements each and outlive the call, as does what `data` points to; the
        // callback is taken away before it goes. llama.cpp checks tokens and sequences itself.
        let status = unsafe {
            sys::llama_set_abort_callback(self.raw.as_ptr(), Some(ask), data);
            let status = sys::llama_decode(self.raw.as_ptr(), raw_batch);
            sys::llama_set_abort_callback(self.raw.as_ptr(), None, ptr::null_mut());
            status
        };
        match status {
            0 => Ok(()),
            1 => Err(Stall::Full),
            2 => Err(Stall::Aborted),
            status => {
                let message = format!("llama.cpp failed with {status}: {}", complaints());
                Err(Stall::Broken(Error::new(Kind::Engine, message)))
            }
        }
    }

    /// The logits after entry `index` of the last batch; empty when they were not asked for.
    pub(super) fn logits(&self, index: usize) -> &[f32] {
        // SAFETY: the context is valid; llama.cpp answers null for an index without logits.
        let logits = unsafe { sys::llama_get_logits_ith(self.raw.as_ptr(), index as i32) };
        if logits.is_null() {
            return &[];
        }
        // SAFETY: llama.cpp keeps a row of as many logits as the vocabulary has tokens until the next decode, for which
        // it needs `&mut self`.
        unsafe { std::slice::from_raw_parts(logits, self.vocabulary) }
    }

    /// Forgets a sequence from `position` on, if the model can.
    pub(super) fn forget(&mut self, sequence: usize, position: usize) -> bool {
        // SAFETY: the memory belongs to this context.
        unsafe { sys::llama_memory_seq_rm(self.memory(), sequence as i32, position as i32, -1) }
    }

    /// Lets sequence `to` share the first `length` positions of sequence `from`.
    pub(super) fn share(&mut self, from: usize, to: usize, length: usize) {
        let (from, to, length) = (from as i32, to as i32, length as i32);
        // Of separate caches only the whole can be copied; anything else aborts the process.
        let end = if self.separate { -1 } else { length };
        // SAFETY: the memory belongs to this context, and it has both sequences.
        unsafe {
            sys::llama_memory_seq_cp(self.memory(), from, to, -1, end);
            if self.separate {
                sys::llama_memory_seq_rm(self.memory(), to, length, -1);
            }
        }
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer, and the model is still there.
        unsafe { sys::llama_free(self.raw.as_ptr()) };
    }
}

/// Called by llama.cpp between two operations of a decode.
unsafe extern "C" fn ask(data: *mut c_void) -> bool {
    // SAFETY: `decode` passes a pointer to a `Stop` that outlives the call and may be used by any thread.
    let stop = unsafe { *data.cast::<Stop<'_>>() };
    stop()
}
