//! How fast a model runs here, by the definitions of llama.cpp's own `llama-bench` and `llama-batched-bench`, so that the
//! numbers can stand beside theirs.

mod conversation;
mod types;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

pub use self::conversation::Conversation;
pub use self::types::{TypeSpeed, compare_types};
use super::backend::{Entry, Stall};
use super::llama::{Context, Model, Room};
use super::quantize::pack;
use super::{CacheType, Options};
use crate::sampling::{Chain, Settings, Token};
use crate::weights::FileType;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result};

/// Tokens in one decode, as `llama-bench` takes them.
const BATCH: usize = 2048;

/// The types of weights for which processors have code of their own in llama.cpp.
const TYPES_WITH_KERNELS: [&str; 6] = ["F16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q6_K"];

/// A model whose speed is measured.
pub struct Bench {
    model: Arc<Model>,
    threads: usize,
    cache_type: CacheType,
    random: ChaCha8Rng,
}

/// Tokens per second, measured several times.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// What each repetition gave.
    pub samples: Vec<f64>,
}

/// What several sequences in one decode gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parallel {
    /// Tokens of the prompt, which all sequences share.
    pub prompt: usize,
    /// Tokens written by each sequence.
    pub generated: usize,
    /// How many sequences wrote at the same time.
    pub sequences: usize,
    /// Time for the prompt.
    pub prompt_time: Duration,
    /// Time for the writing.
    pub generation_time: Duration,
}

/// How long it takes to choose a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The decode of one token.
    pub decode: Duration,
    /// Taking the best.
    pub greedy: Duration,
    /// Drawing by the settings of LimaRP.
    pub limarp: Duration,
}

impl Speed {
    /// The mean of the samples.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.samples.iter().sum::<f64>() / self.samples.len().max(1) as f64
    }

    /// Their standard deviation.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.samples.iter().map(|x| (x - mean) * (x - mean)).sum();
        let degrees = self.samples.len().saturating_sub(1).max(1);
        (squares / degrees as f64).sqrt()
    }
}

impl Bench {
    /// Loads the model; context and slots of `options` do not matter.
    ///
    /// # Errors
    ///
    /// As [`Llama::load`](super::Llama::load).
    pub fn load(options: &Options) -> Result<Self> {
        Gguf::open(&options.model)?;
        Ok(Self {
            model: Model::load(options)?,
            threads: options.threads(),
            cache_type: options.cache_type,
            random: ChaCha8Rng::seed_from_u64(1),
        })
    }

    /// What llama.cpp calls the kind of model, such as `llama ?B Q4_1`.
    #[must_use]
    pub fn description(&self) -> String {
        self.model.description()
    }

    /// The bytes of the weights.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.model.safe().size()
    }

    /// The number of weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.model.safe().n_params()
    }

    /// CPU threads in use.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Speed of evaluating a prompt of `tokens` random tokens: `llama-bench`'s `pp`.
    ///
    /// # Errors
    ///
    /// When the model cannot evaluate that many tokens.
    pub fn prompt(&mut self, tokens: usize, repetitions: usize) -> Result<Speed> {
        let mut context = self.context(tokens, 1)?;
        self.evaluate(&mut context, tokens)?;
        self.repeat(&mut context, tokens, repetitions, Self::evaluate)
    }

    /// Speed of `tokens` decodes of one random token each: `llama-bench`'s `tg`.
    ///
    /// # Errors
    ///
    /// When the model cannot hold that many tokens.
    pub fn generate(&mut self, tokens: usize, repetitions: usize) -> Result<Speed> {
        let mut context = self.context(tokens, 1)?;
        self.write(&mut context, 0, 1, 1)?;
        self.repeat(
            &mut context,
            tokens,
            repetitions,
            |bench, context, tokens| bench.write(context, 0, tokens, 1),
        )
    }

    /// How long it takes to choose a token, by the settings of LimaRP and greedily, beside the decode that gives the
    /// logits: the mean over `tokens` tokens.
    ///
    /// # Errors
    ///
    /// When the model cannot hold that many tokens.
    pub fn sampling(&mut self, tokens: usize) -> Result<Sampling> {
        let mut context = self.context(tokens, 1)?;
        let mut limarp = Chain::new(&Settings {
            seed: Some(1),
            ..Settings::default()
        })?;
        let mut greedy = Chain::new(&Settings {
            temperature: 0.0,
            ..Settings::neutral()
        })?;
        let mut times = [Duration::ZERO; 3];
        let mut entry = self.entry(0, 0, true);
        for position in 0..tokens {
            entry.position = position;
            let start = Instant::now();
            decode(&mut context, &[entry])?;
            times[0] += start.elapsed();
            let logits = context.logits(0);
            let start = Instant::now();
            greedy.sample(logits);
            times[1] += start.elapsed();
            let start = Instant::now();
            let token = limarp.sample(logits);
            times[2] += start.elapsed();
            entry.token = token.unwrap_or(entry.token);
            limarp.accept(entry.token);
        }
        let [decode, greedy, limarp] = times.map(|time| time / tokens.max(1) as u32);
        Ok(Sampling {
            decode,
            greedy,
            limarp,
        })
    }

    /// Speed of `sequences` that share a prompt and write in the same decodes: `llama-batched-bench -pps`.
    ///
    /// # Errors
    ///
    /// When the model cannot hold that many tokens.
    pub fn parallel(
        &mut self,
        prompt: usize,
        generated: usize,
        sequences: usize,
    ) -> Result<Parallel> {
        // As `llama-batched-bench` does, each sequence gets the same share of the cells.
        let each = (prompt + generated).next_multiple_of(256);
        let mut context = self.context(each * sequences, sequences)?;
        self.evaluate(&mut context, 16.min(prompt))?;
        context.clear();
        let start = Instant::now();
        self.evaluate(&mut context, prompt)?;
        for sequence in 1..sequences {
            context.share(0, sequence, prompt);
        }
        let prompt_time = start.elapsed();
        let start = Instant::now();
        self.write(&mut context, prompt, generated, sequences)?;
        Ok(Parallel {
            prompt,
            generated,
            sequences,
            prompt_time,
            generation_time: start.elapsed(),
        })
    }

    fn context(&self, cells: usize, sequences: usize) -> Result<Context> {
        let room = Room {
            cells,
            sequences,
            separate: sequences > 1,
            batch: BATCH.min(cells).max(sequences),
            outputs: sequences,
            threads: self.threads,
            cache_type: self.cache_type,
        };
        Context::new(Arc::clone(&self.model), &room)
    }

    fn repeat(
        &mut self,
        context: &mut Context,
        tokens: usize,
        repetitions: usize,
        work: impl Fn(&mut Self, &mut Context, usize) -> Result<()>,
    ) -> Result<Speed> {
        let mut samples = Vec::new();
        for _ in 0..repetitions.max(1) {
            context.clear();
            let start = Instant::now();
            work(self, context, tokens)?;
            samples.push(tokens as f64 / start.elapsed().as_secs_f64());
        }
        Ok(Speed { samples })
    }

    /// Evaluates a prompt in sequence 0.
    fn evaluate(&mut self, context: &mut Context, tokens: usize) -> Result<()> {
        let prompt: Vec<Entry> = (0..tokens)
            .map(|position| self.entry(position, 0, position + 1 == tokens))
            .collect();
        for batch in prompt.chunks(BATCH) {
            decode(context, batch)?;
        }
        Ok(())
    }

    /// Lets each sequence go on by `tokens` from `position`.
    fn write(
        &mut self,
        context: &mut Context,
        position: usize,
        tokens: usize,
        sequences: usize,
    ) -> Result<()> {
        for at in 0..tokens {
            let batch: Vec<Entry> = (0..sequences)
                .map(|sequence| self.entry(position + at, sequence, true))
                .collect();
            decode(context, &batch)?;
        }
        Ok(())
    }

    fn entry(&mut self, position: usize, sequence: usize, logits: bool) -> Entry {
        let vocabulary = u32::try_from(self.model.safe().n_vocab())
            .unwrap_or(1)
            .max(1);
        Entry {
            token: (self.random.next_u32() % vocabulary) as Token,
            position,
            sequence,
            logits,
        }
    }
}

fn decode(context: &mut Context, batch: &[Entry]) -> Result<()> {
    let done = context
        .decode(batch, &|| false)
        .map_err(|stall| match stall {
            Stall::Broken(error) => error,
            Stall::Full | Stall::Aborted => Error::new(Kind::Engine, "the context is too small"),
        });
    context.synchronize();
    done
}

/// Proves that this build of llama.cpp computes right: a tiny seeded model, stored in every type that has code of its own
/// for some processors, gives the same logits as the same weights in 32 bit, for a batch and for single tokens.
///
/// A compiler can make code for matrix units that crashes or is wrong; the caller who wants to survive the first runs this
/// in a process of its own.
///
/// # Errors
///
/// [`Kind::Engine`] with what is wrong, and [`Kind::File`] when no temporary file can be written.
pub fn self_test() -> Result<()> {
    let folder = tempfile::tempdir()
        .map_err(|e| Error::file("write a temporary file in", &std::env::temp_dir(), e))?;
    let path = |name: &str| folder.path().join(name);
    let original = path("f32.gguf");
    crate::weights::tiny::Model::default().write(&original)?;
    agree(&original, &original, "F32")?;
    for name in TYPES_WITH_KERNELS {
        let (packed, unpacked) = (path("packed.gguf"), path("unpacked.gguf"));
        pack(&original, &packed, name.parse()?)?;
        // The same weights as 32-bit numbers: what differs is the arithmetic alone.
        pack(&packed, &unpacked, FileType::F32)?;
        agree(&packed, &unpacked, name)?;
    }
    Ok(())
}

/// Compares the logits of two models: a batch of one against single tokens of both.
fn agree(packed: &Path, unpacked: &Path, name: &str) -> Result<()> {
    /// The least cosine of the angle between two rows of logits. Rounding activations to 8 bit, as the fast code does,
    /// leaves 0.9995 and more; wrong code leaves next to nothing.
    const ALIKE: f64 = 0.99;
    let batch = logits(packed, 32)?;
    let single = logits(packed, 1)?;
    let reference = logits(unpacked, 1)?;
    for (what, ours) in [("batches", batch), ("single tokens", single)] {
        for (at, (ours, right)) in ours.iter().zip(&reference).enumerate() {
            let cosine = cosine(ours, right);
            if cosine.is_nan() || cosine < ALIKE {
                let message = format!(
                    "this build computes {name} models wrong: {what}, token {at}: logits agree by {cosine:.4}"
                );
                return Err(Error::new(Kind::Engine, message)
                    .hint("build it again with another compiler or without native flags"));
            }
        }
    }
    Ok(())
}

/// The logits after each of 32 tokens, evaluated `at_once` by `at_once`.
fn logits(path: &Path, at_once: usize) -> Result<Vec<Vec<f32>>> {
    const TOKENS: usize = 32;
    let mut bench = Bench::load(&Options::new(path))?;
    let room = Room {
        cells: 256,
        sequences: 1,
        separate: false,
        batch: TOKENS,
        outputs: TOKENS,
        threads: bench.threads,
        cache_type: CacheType::F16,
    };
    let mut context = Context::new(Arc::clone(&bench.model), &room)?;
    let entries: Vec<Entry> = (0..TOKENS)
        .map(|position| bench.entry(position, 0, true))
        .collect();
    let mut rows = Vec::new();
    for batch in entries.chunks(at_once) {
        decode(&mut context, batch)?;
        rows.extend((0..batch.len()).map(|index| context.logits(index).to_vec()));
    }
    Ok(rows)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    if a.len() != b.len() || a.is_empty() {
        return f64::NAN;
    }
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
