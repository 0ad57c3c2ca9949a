//! The engine of this process: a model file, loaded by llama.cpp, with slots that share its decodes.

use std::path::Path;
use std::sync::Arc;

use super::backend::{Backend, Entry, Limits, Stall, Vocabulary};
use super::llama::{Context, Model, Room, Stop};
use super::session::Identity;
use super::slots::{Setup, Slots};
use super::{Adapter, Completion, Engine, ModelInfo, Options, Request, Saved, SlotState, machine};
use crate::sampling::Token;
use crate::weights::Summary;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result};

/// Tokens that a conversation holds when nobody says otherwise: what LimaRP's base model was trained with.
const CONTEXT: usize = 4096;
/// Beyond one conversation the slots share no more than this much memory when nobody says otherwise.
const CACHE: u64 = 2 << 30;
/// llama.cpp gives a sequence a multiple of so many cells.
const CELLS: usize = 256;
/// Tokens of prompts in one decode: llama.cpp computes 512 at a time.
const CHUNK: usize = 512;
/// Memory that llama.cpp needs besides weights and KV cache, roughly.
const BUFFERS: u64 = 64 << 20;
/// The most sequences that llama.cpp can hold.
const MOST_SLOTS: usize = 256;
/// Memory for conversations that have lost their slot, when nobody says otherwise: at most this, and at most this share
/// of what is available.
const PROMPT_CACHE: u64 = 2 << 30;
const PROMPT_CACHE_SHARE: u64 = 8;

/// A model in this process.
///
/// One thread owns it. Requests run in slots that share every decode, and what their prompts have in common is evaluated
/// once.
pub struct Llama {
    slots: Slots,
}

impl Llama {
    /// Loads a model.
    ///
    /// # Errors
    ///
    /// [`Kind::File`] when a file cannot be read, [`Kind::Model`] when it is no model, damaged, or an adapter for another
    /// model, [`Kind::Limit`] when there is not enough memory, [`Kind::Usage`] when more context is asked for than the
    /// model can hold.
    pub fn load(options: &Options) -> Result<Self> {
        let place = options.model.display().to_string();
        let head = Gguf::open(&options.model)?;
        let about = Summary::of(&head);
        let size = about.tensor_bytes;
        enough_memory(
            "load the model",
            size,
            "use a smaller model or a smaller quantization",
        )
        .map_err(|e| e.at(&*place))?;
        let slots = options.slots.clamp(1, MOST_SLOTS);
        let per_token = about.cache_bytes_per_token.unwrap_or(1).max(1);
        let per_token = options.cache_type.of_f16(per_token);
        let affordable = usize::try_from(CACHE / per_token).unwrap_or(usize::MAX);
        let share = affordable / slots / CELLS * CELLS;
        let context = conversation(options, &about, share).map_err(|e| e.at(&*place))?;
        let wanted = context.next_multiple_of(CELLS).saturating_mul(slots);
        let cells = wanted.min(affordable.max(context));
        enough_memory(
            &format!("load the model and hold {cells} tokens"),
            size.saturating_add(per_token.saturating_mul(cells as u64)),
            "use a smaller context (`--ctx`) or fewer slots",
        )
        .map_err(|e| e.at(&*place))?;
        let model = Model::load(options)?;
        let shares = !model.safe().is_recurrent() && !model.safe().is_hybrid();
        let limits = Limits {
            context,
            sequences: slots,
            chunk: CHUNK,
            shared_chunk: shared_chunk(model.safe().n_params()),
            shares,
            separate: slots > 1 && shares && wanted <= affordable,
        };
        let room = Room {
            cells,
            sequences: slots,
            separate: limits.separate,
            batch: limits.chunk + slots,
            outputs: slots,
            threads: options.threads(),
            cache_type: options.cache_type,
        };
        let info = ModelInfo {
            name: name(&model, &options.model),
            context,
            vocabulary: usize::try_from(model.safe().n_vocab()).unwrap_or(0),
            slots,
            chat_template: model.text("tokenizer.chat_template"),
            // What is not put before a prompt is not to be taken out of it either.
            begin_of_text: Some(model.safe().vocab())
                .filter(llama_cpp_2::vocab::LlamaVocab::should_add_bos)
                .and_then(|vocab| model.spelling(vocab.bos())),
            end_of_text: model.spelling(model.safe().vocab().eos()),
        };
        let mut cells = Cells {
            context: Context::new(Arc::clone(&model), &room)?,
            limits,
        };
        let prompt_cache = options.prompt_cache.unwrap_or_else(|| {
            let available = machine::available_memory().unwrap_or(PROMPT_CACHE);
            (available / PROMPT_CACHE_SHARE).min(PROMPT_CACHE)
        });
        let setup = Setup {
            model: info,
            vocabulary: model,
            adapters: options.adapters.clone(),
            queue: options.queue,
            prompt_cache: usize::try_from(prompt_cache).unwrap_or(usize::MAX),
            identify: identify(options, context),
        };
        let slots = Slots::new(setup, move || {
            // Here and not before: llama.cpp's threads belong to the thread that first computes, and those of another
            // would leave too many for the processor.
            cells.warm_up();
            cells
        })?;
        Ok(Self { slots })
    }
}

impl Engine for Llama {
    fn model(&self) -> &ModelInfo {
        self.slots.model()
    }

    fn count(&self, text: &str) -> Result<usize> {
        self.slots.count(text)
    }

    fn tokenize(&self, text: &str, special_tokens: bool) -> Result<Vec<Token>> {
        self.slots.tokenize(text, special_tokens)
    }

    fn detokenize(&self, tokens: &[Token]) -> Result<String> {
        self.slots.detokenize(tokens)
    }

    fn start(&self, request: Request) -> Result<Completion> {
        self.slots.start(request)
    }

    fn start_all(&self, requests: Vec<Request>) -> Result<Vec<Completion>> {
        self.slots.start_all(requests)
    }

    fn adapters(&self) -> Vec<Adapter> {
        self.slots.adapters()
    }

    fn set_adapters(&self, scales: &[f32]) -> Result<()> {
        self.slots.set_adapters(scales)
    }

    fn save_prefix(&self, prompt: &str, special_tokens: bool, path: &Path) -> Result<Saved> {
        self.slots.save_prefix(prompt, special_tokens, path)
    }

    fn load_prefix(&self, path: &Path) -> Result<Saved> {
        self.slots.load_prefix(path)
    }

    fn slots(&self) -> Result<Vec<SlotState>> {
        self.slots.slots()
    }

    fn save_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        self.slots.save_slot(slot, path)
    }

    fn load_slot(&self, slot: usize, path: &Path) -> Result<Saved> {
        self.slots.load_slot(slot, path)
    }

    fn erase_slot(&self, slot: usize) -> Result<usize> {
        self.slots.erase_slot(slot)
    }
}

/// What conversations that are saved depend on.
fn identify(options: &Options, context: usize) -> Box<dyn Fn() -> Result<Identity> + Send + Sync> {
    let options = options.clone();
    Box::new(move || {
        let formats = format!(
            "{} {}",
            super::llama::STATE_VERSION,
            options.cache_type.name()
        );
        let adapters = options
            .adapters
            .iter()
            .map(|adapter| adapter.path.as_path());
        Identity::of(&options.model, adapters, &formats, context)
    })
}

/// The context as the scheduler sees it.
struct Cells {
    context: Context,
    limits: Limits,
}

impl Cells {
    /// Evaluates one token, so that the weights are in memory before the first request.
    fn warm_up(&mut self) {
        let token = self.context.model().ends().first().copied().unwrap_or(0);
        let entry = Entry {
            token,
            position: 0,
            sequence: 0,
            logits: true,
        };
        let _ = self.context.decode(&[entry], &|| false);
        self.context.clear();
    }
}

impl Backend for Cells {
    fn limits(&self) -> Limits {
        self.limits
    }

    fn decode(&mut self, batch: &[Entry], stop: Stop<'_>) -> Result<(), Stall> {
        self.context.decode(batch, stop)
    }

    fn logits(&self, index: usize) -> &[f32] {
        self.context.logits(index)
    }

    fn forget(&mut self, sequence: usize, position: usize) -> bool {
        self.context.forget(sequence, position)
    }

    fn share(&mut self, from: usize, to: usize, length: usize) {
        self.context.share(from, to, length);
    }

    fn use_adapters(&mut self, scales: &[f32]) {
        self.context.use_adapters(scales);
    }

    fn save(&mut self, sequence: usize, at_most: usize) -> Option<Vec<u8>> {
        self.context.save(sequence, at_most)
    }

    fn load(&mut self, sequence: usize, state: &[u8]) -> bool {
        self.context.load(sequence, state)
    }
}

/// Tokens for each conversation, where `share` are what a slot has when none goes short.
fn conversation(options: &Options, about: &Summary, share: usize) -> Result<usize> {
    let trained = about
        .context
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(CONTEXT);
    match options.context {
        None => {
            let usual = trained.min(CONTEXT);
            let does = options.least_context.is_some_and(|least| share >= least);
            Ok(if does { usual.min(share) } else { usual })
        }
        Some(0) => Err(Error::new(
            Kind::Usage,
            "a context of 0 tokens holds nothing",
        )),
        Some(context) if context > trained => {
            let message =
                format!("a context of {context} tokens is more than the model's {trained}");
            Err(Error::new(Kind::Usage, message).hint(format!("use `--ctx {trained}` or less")))
        }
        Some(context) => Ok(context),
    }
}

/// Prompt tokens that those who write wait for in each decode: as many as take a fraction of a second on a few cores, so
/// fewer for larger models. It must not follow from measurements, or seeds would not repeat.
fn shared_chunk(parameters: u64) -> usize {
    let tokens = 20_000_000_000 / parameters.max(1);
    usize::try_from(tokens).unwrap_or(CHUNK).clamp(16, CHUNK)
}

fn name(model: &Model, path: &Path) -> String {
    model
        .text("general.name")
        .filter(|name| !name.is_empty())
        .or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_default()
}

fn enough_memory(purpose: &str, bytes: u64, hint: &str) -> Result<()> {
    let needed = bytes.saturating_add(BUFFERS);
    match machine::available_memory() {
        Some(available) if available < needed => {
            let message = format!(
                "not enough memory to {purpose}: it takes {} MiB, {} MiB are available",
                needed >> 20,
                available >> 20
            );
            Err(Error::new(Kind::Limit, message).hint(hint))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::tiny;

    #[test]
    fn who_can_do_with_less_gets_cells_of_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        tiny::Model::default().write(file.path()).unwrap();
        let mut about = Summary::of(&Gguf::open(file.path()).unwrap());
        about.context = Some(8192);
        let tokens = |context, least_context, share| {
            let options = Options {
                context,
                least_context,
                ..Options::new(file.path())
            };
            conversation(&options, &about, share).unwrap()
        };
        assert_eq!(tokens(None, None, 2816), CONTEXT);
        assert_eq!(tokens(None, Some(2560), 2816), 2816);
        assert_eq!(
            tokens(None, Some(2560), 5000),
            CONTEXT,
            "there is room for all"
        );
        assert_eq!(
            tokens(None, Some(2560), 1024),
            CONTEXT,
            "too little: they share"
        );
        assert_eq!(tokens(Some(8192), Some(2560), 2816), 8192, "as it is told");
    }
}
