//! LoRA adapters trained on a model of the Llama architecture.
//!
//! The model's weights stay as they are, whatever their quantization; two thin matrices beside each of its linear parts
//! are learned (LoRA, <https://arxiv.org/abs/2106.09685>), from texts that `prompt dataset` makes. The result is a few
//! megabytes that llama.cpp and PEFT load.
//!
//! The defaults are those that the first LimaRP adapter was trained with. They suit a model of billions of parameters; a
//! small one learns the same with a rate ten to a hundred times as high.

mod checkpoint;
mod cpu;
#[cfg(feature = "train-cuda")]
mod cuda;
mod device;
mod llama;
mod lora;
mod pass;
mod plot;
mod samples;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

pub use lora::Module;
pub use samples::Text;

use self::checkpoint::Checkpoint;
use self::cpu::Cpu;
use self::device::{Device, Dropout, Step};
use self::llama::{Model, Shape};
use self::lora::{Learned, Places};
use self::pass::{Adapter, Pass};
use crate::weights::Summary;
use crate::weights::gguf::Gguf;
use crate::{Error, Kind, Result, file};

/// What computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compute {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    #[cfg(feature = "train-cuda")]
    Cuda,
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The GGUF file of the model.
    pub model: PathBuf,
    /// The folder for the adapter, the checkpoint and the loss curve.
    pub folder: PathBuf,
    /// The name of the adapter. Default: `adapter`.
    pub name: String,
    /// The thin side of the learned matrices, 1 to 256. Default: 8.
    pub rank: usize,
    /// The adapter's part is multiplied by `alpha / rank`. Default: 16.
    pub alpha: f32,
    /// The share of the adapter's input that is taken away at random, below 1; 0 is none. Default: 0.
    pub dropout: f32,
    /// The parts of each layer that are changed. Default: all.
    pub modules: Vec<Module>,
    /// The learning rate at its highest. Default: 0.00006.
    pub rate: f32,
    /// The share of the steps over which the rate rises from 0; then it falls to 0 along half a cosine. Default: 0.03.
    pub warm_up: f32,
    /// What the matrices lose in each step, times the rate; 0 is nothing. Default: 0.
    pub decay: f32,
    /// The longest gradient; longer ones are scaled down. 0 is no limit. Default: 1.
    pub clip: f32,
    /// Times that each text is read. Default: 2.
    pub epochs: usize,
    /// Texts that are read for each step. Default: 1.
    pub accumulate: usize,
    /// Decides how the matrices begin, the order of the texts and the dropout. Default: 1.
    pub seed: u64,
    /// Steps between checkpoints. Default: 50.
    pub save_every: usize,
    /// Steps between looks at the held-out texts; 0 is after each epoch. Default: 0.
    pub check_every: usize,
    /// What computes. Default: the processor.
    pub compute: Compute,
    /// Threads on the processor; `None` for one per core.
    pub threads: Option<usize>,
}

impl Options {
    /// The defaults, for a model and a folder.
    pub fn new(model: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            folder: folder.into(),
            name: "adapter".into(),
            rank: 8,
            alpha: 16.0,
            dropout: 0.0,
            modules: Module::ALL.into(),
            rate: 6e-5,
            warm_up: 0.03,
            decay: 0.0,
            clip: 1.0,
            epochs: 2,
            accumulate: 1,
            seed: 1,
            save_every: 50,
            check_every: 0,
            compute: Compute::Cpu,
            threads: None,
        }
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(Kind::Usage, message));
        if !(1..=256).contains(&self.rank) {
            return wrong("the rank is a number from 1 to 256");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("the dropout is a number from 0 up to, but not including, 1");
        }
        if self.modules.is_empty() {
            return wrong("no part of the model is to be changed");
        }
        let positive = [self.rate, self.alpha];
        let not_negative = [self.warm_up, self.decay, self.clip];
        if !positive.iter().all(|x| *x > 0.0 && x.is_finite())
            || !not_negative.iter().all(|x| *x >= 0.0 && x.is_finite())
        {
            return wrong(
                "learning rate and alpha are above 0; warm-up, decay and clipping are not below",
            );
        }
        if self.epochs == 0 || self.accumulate == 0 {
            return wrong("each text is read at least once, and each step reads at least one text");
        }
        Ok(())
    }

    /// What must be the same for a training to go on from a checkpoint.
    fn told(&self, texts: &[Text], size: u64) -> String {
        let tokens: usize = texts.iter().map(|text| text.tokens.len()).sum();
        let mut modules = self.modules.clone();
        modules.sort();
        let modules: Vec<_> = modules.iter().map(|module| module.name()).collect();
        format!(
            "model of {size} bytes, {} texts of {tokens} tokens, rank {}, alpha {}, dropout {}, modules {}, rate {}, \
             warm-up {}, decay {}, clip {}, epochs {}, accumulate {}, seed {}",
            texts.len(),
            self.rank,
            self.alpha,
            self.dropout,
            modules.join(" "),
            self.rate,
            self.warm_up,
            self.decay,
            self.clip,
            self.epochs,
            self.accumulate,
            self.seed,
        )
    }

    /// The learning rate of a step, counted from 0.
    fn rate_at(&self, step: usize, steps: usize) -> f32 {
        let warm = self.warm_up * steps as f32;
        let step = step as f32;
        if step < warm {
            return self.rate * (step + 1.0) / (warm + 1.0);
        }
        let share = (step - warm) / (steps as f32 - warm).max(1.0);
        self.rate * 0.5 * (1.0 + (std::f32::consts::PI * share).cos())
    }
}

/// How far a training has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum News<'a> {
    /// The model's weights are being read: bytes done, bytes in all.
    Loading(u64, u64),
    /// What computes, the numbers that are learned, and the steps in all and done before.
    Started(&'a str, usize, usize, usize),
    /// A step was made: its number from 1, its loss, the tokens read in it.
    Step(usize, f32, usize),
    /// The loss on the held-out texts after so many steps.
    HeldOut(usize, f32),
    /// A checkpoint was written after so many steps.
    Saved(usize),
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The adapter for llama.cpp.
    pub adapter: PathBuf,
    /// The loss of each step, in nats per token.
    pub losses: Vec<f32>,
    /// Steps done and mean loss per token of the held-out texts, first before any step.
    pub held_out: Vec<(usize, f32)>,
    /// How long it took, without what an earlier run had done.
    pub took: Duration,
}

/// The checkpoint in the folder of a training.
const CHECKPOINT: &str = "checkpoint.gguf";
/// The adapter for llama.cpp.
const ADAPTER: &str = "adapter.gguf";

/// Trains an adapter on `texts`, or goes on with a training that was stopped. Looks at `held_out` now and then, without
/// learning from it. `watch` is told of the progress and answers whether to go on; when it does not, a checkpoint is written
/// and `None` returned.
///
/// Leaves in the folder: `adapter.gguf` for llama.cpp, `adapter_model.safetensors` and `adapter_config.json` for PEFT,
/// `loss.csv`, `loss.svg`, and `checkpoint.gguf`, with which a finished training is not made again.
///
/// # Errors
///
/// [`Kind::Usage`] for options out of range or texts longer than the model's context; [`Kind::Model`] for a model that
/// cannot be trained or a checkpoint of another training; [`Kind::File`] when something cannot be read or written.
pub fn train(
    options: &Options,
    texts: &[Text],
    held_out: &[Text],
    watch: &mut dyn FnMut(News<'_>) -> bool,
) -> Result<Option<Outcome>> {
    options.check()?;
    match options.compute {
        Compute::Cpu => train_on(&Cpu::new(options.threads)?, options, texts, held_out, watch),
        #[cfg(feature = "train-cuda")]
        Compute::Cuda => train_on(&cuda::Cuda::new()?, options, texts, held_out, watch),
    }
}

/// Refuses texts that the model cannot read.
fn fit(shape: &Shape, texts: &[Text]) -> Result<()> {
    for (index, text) in texts.iter().enumerate() {
        let number = index + 1;
        if text.tokens.len() > shape.context {
            let message = format!(
                "sample {number} has {} tokens, and the model was made for {}",
                text.tokens.len(),
                shape.context
            );
            let hint = format!(
                "make the samples with `prompt dataset --limit {}`",
                shape.context
            );
            return Err(Error::new(Kind::Usage, message).hint(hint));
        }
        if text
            .tokens
            .iter()
            .any(|&token| token as usize >= shape.vocabulary)
        {
            let message = format!("sample {number} has tokens that the model does not know");
            return Err(Error::new(Kind::Usage, message)
                .hint("make the samples with `prompt dataset --ids --model` and this model"));
        }
    }
    Ok(())
}

/// The mean loss per learned token.
fn mean<D: Device>(
    device: &D,
    model: &Model<D>,
    places: &Places,
    values: &D::Buffer,
    scale: f32,
    texts: &[Text],
) -> Result<f32> {
    let pass = Pass {
        device,
        model,
        adapter: Adapter {
            places,
            values,
            scale,
            dropout: None,
        },
    };
    let (mut sum, mut count) = (0.0, 0);
    for text in texts {
        let losses = pass.losses(&text.tokens, &text.targets, None)?;
        sum += losses.iter().map(|&loss| f64::from(loss)).sum::<f64>();
        count += losses.len();
    }
    Ok((sum / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX))) as f32)
}

fn train_on<D: Device>(
    device: &D,
    options: &Options,
    texts: &[Text],
    held_out: &[Text],
    watch: &mut dyn FnMut(News<'_>) -> bool,
) -> Result<Option<Outcome>> {
    let folder = &options.folder;
    std::fs::create_dir_all(folder).map_err(|e| Error::file("make the folder", folder, e))?;
    let head = Gguf::open(&options.model)?;
    let place = |error: Error| error.at(options.model.display().to_string());
    let shape = Shape::of(&head).map_err(place)?;
    fit(&shape, texts)?;
    fit(&shape, held_out)?;
    let size = head.tensors.iter().map(|tensor| tensor.size).sum();
    let places = Places::new(&shape, options.rank, &options.modules);
    let steps_per_epoch = texts.len().div_ceil(options.accumulate);
    let steps = steps_per_epoch * options.epochs;
    let told = options.told(texts, size);
    let mut state = State::begin(options, &shape, &places, told)?;
    let mut go_on = true;
    let model = Model::load(device, &options.model, &head, &mut |done, total| {
        go_on &= watch(News::Loading(done, total));
    })
    .map_err(place)?;
    let started = Instant::now();
    let scale = options.alpha / options.rank as f32;
    let mut values = device.upload(&state.arrays[0])?;
    let mut first = device.upload(&state.arrays[1])?;
    let mut second = device.upload(&state.arrays[2])?;
    let mut gradients = device.zeros(places.length)?;
    go_on &= watch(News::Started(
        &device.name(),
        places.length,
        steps,
        state.steps,
    ));
    if !held_out.is_empty() && state.held_out.is_empty() {
        let loss = mean(device, &model, &places, &values, scale, held_out)?;
        state.held_out.push((0, loss));
        go_on &= watch(News::HeldOut(0, loss));
    }
    while go_on && state.steps < steps {
        let (epoch, within) = (state.steps / steps_per_epoch, state.steps % steps_per_epoch);
        let order = order(texts.len(), options.seed, epoch);
        let start = within * options.accumulate;
        let batch = &order[start..(start + options.accumulate).min(texts.len())];
        device.clear(&mut gradients)?;
        let (mut loss, mut read) = (0.0, 0);
        for (index, &text) in batch.iter().enumerate() {
            let text = &texts[text];
            let key =
                (options.seed as u32) ^ (((state.steps * options.accumulate + index) as u32) << 8);
            let pass = Pass {
                device,
                model: &model,
                adapter: Adapter {
                    places: &places,
                    values: &values,
                    scale,
                    dropout: (options.dropout > 0.0).then_some(Dropout {
                        rate: options.dropout,
                        key,
                    }),
                },
            };
            let share = 1.0 / batch.len() as f32;
            let losses = pass.losses(&text.tokens, &text.targets, Some((&mut gradients, share)))?;
            loss += losses.iter().sum::<f32>() / losses.len().max(1) as f32 * share;
            read += text.tokens.len();
        }
        if !loss.is_finite() {
            let message = format!("the loss is {loss} at step {}", state.steps + 1);
            return Err(Error::new(Kind::Engine, message).hint("train with a lower `--rate`"));
        }
        let norm = if options.clip > 0.0 {
            device.sum_of_squares(&gradients)?.sqrt() as f32
        } else {
            0.0
        };
        let step = Step {
            rate: options.rate_at(state.steps, steps),
            decay: options.decay,
            number: i32::try_from(state.steps + 1).unwrap_or(i32::MAX),
            scale: if norm > options.clip {
                options.clip / norm
            } else {
                1.0
            },
        };
        device.adam(step, &mut values, &gradients, &mut first, &mut second)?;
        state.steps += 1;
        state.losses.push(loss);
        go_on &= watch(News::Step(state.steps, loss, read));
        let is_last = state.steps == steps;
        let is_due = match options.check_every {
            0 => state.steps % steps_per_epoch == 0,
            every => state.steps % every == 0 || is_last,
        };
        if is_due && !held_out.is_empty() {
            let loss = mean(device, &model, &places, &values, scale, held_out)?;
            state.held_out.push((state.steps, loss));
            go_on &= watch(News::HeldOut(state.steps, loss));
        }
        if is_last || !go_on || state.steps.is_multiple_of(options.save_every.max(1)) {
            let buffers = [&values, &first, &second];
            for (array, buffer) in state.arrays.iter_mut().zip(buffers) {
                *array = device.download(buffer)?;
            }
            state.write(&folder.join(CHECKPOINT))?;
            go_on &= watch(News::Saved(state.steps));
        }
    }
    if state.steps < steps {
        return Ok(None);
    }
    let base = Summary::of(&head).name.unwrap_or_else(|| "unknown".into());
    let learned = Learned {
        shape: &shape,
        places: &places,
        values: &state.arrays[0],
        alpha: options.alpha,
        base: &base,
        name: &options.name,
    };
    learned.write_gguf(&folder.join(ADAPTER))?;
    learned.write_peft(folder)?;
    write_curve(folder, options, &state)?;
    Ok(Some(Outcome {
        adapter: folder.join(ADAPTER),
        losses: state.losses,
        held_out: state.held_out,
        took: started.elapsed(),
    }))
}

/// Where a training stands.
type State = Checkpoint;

impl State {
    /// The checkpoint of the folder, or the beginning.
    fn begin(options: &Options, shape: &Shape, places: &Places, told: String) -> Result<Self> {
        let path = options.folder.join(CHECKPOINT);
        if !path.exists() {
            let zeros = vec![0.0; places.length];
            return Ok(Self {
                told,
                steps: 0,
                losses: Vec::new(),
                held_out: Vec::new(),
                arrays: [places.begin(shape, options.seed), zeros.clone(), zeros],
            });
        }
        let state = Self::read(&path)?;
        if state.told != told
            || state
                .arrays
                .iter()
                .any(|array| array.len() != places.length)
        {
            let message = format!("this is the checkpoint of another training: {}", state.told);
            return Err(Error::new(Kind::Usage, message)
                .at(path.display().to_string())
                .hint("train into another folder, or remove the checkpoint"));
        }
        Ok(state)
    }
}

/// The order in which an epoch reads the texts.
fn order(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003) ^ epoch as u64);
    order.shuffle(&mut random);
    order
}

fn write_curve(folder: &Path, options: &Options, state: &State) -> Result<()> {
    let mut table = String::from("step,loss,held_out\n");
    for step in 0..=state.steps {
        let loss = step
            .checked_sub(1)
            .and_then(|index| state.losses.get(index));
        let held_out = state.held_out.iter().find(|(at, _)| *at == step);
        let number =
            |loss: Option<&f32>| loss.map_or_else(String::new, |loss| format!("{loss:.5}"));
        if loss.is_some() || held_out.is_some() {
            let (loss, held_out) = (number(loss), number(held_out.map(|(_, loss)| loss)));
            table.push_str(&format!("{step},{loss},{held_out}\n"));
        }
    }
    file::write(&folder.join("loss.csv"), table.as_bytes())?;
    let title = format!("{}: loss per token, in nats", options.name);
    let picture = plot::draw(&title, &state.losses, &state.held_out);
    file::write(&folder.join("loss.svg"), picture.as_bytes())
}

#[cfg(test)]
mod tests;
