//! `train`: an adapter from role-play threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::{Args, value_parser};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress::{self, Progress};
use super::{Answer, output};
use crate::prompt::Sample;
use crate::train::{self, Compute, Module, News, Options, Text};
use crate::weights::store;
use crate::{Error, Kind, Result};

/// Train a LoRA adapter on role-play threads
///
/// Takes what `prompt dataset` writes. A training that was stopped (with Ctrl-C, or by a power cut) goes on from its last
/// checkpoint when the same command is given again, to the same result.
#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// What to learn from: the output of `prompt dataset`
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// The folder for the adapter, the checkpoint and the loss curve
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Texts that are looked at but not learned from, to see what was learned
    #[arg(long, value_name = "DATA")]
    held_out: Option<PathBuf>,
    /// A GGUF file of the Llama architecture in any quantization, or the name of a model that was pulled
    #[arg(short, long, env = "CARDWRIGHT_MODEL", default_value = store::DEFAULT, value_name = "PATH|NAME")]
    model: String,
    /// The name of the adapter
    #[arg(long, default_value = "adapter")]
    name: String,
    /// The thin side of the learned matrices: more learns more, and makes a larger file
    #[arg(long, default_value_t = 8, value_name = "NUMBER")]
    rank: usize,
    /// The adapter's part is multiplied by this over the rank [default: twice the rank]
    #[arg(long, value_name = "NUMBER")]
    alpha: Option<f32>,
    /// The share of the adapter's input that is taken away at random
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    dropout: f32,
    /// The parts of each layer that are changed [default: all]
    #[arg(long, value_delimiter = ',', value_name = "q_proj,v_proj,...")]
    modules: Vec<Module>,
    /// The learning rate at its highest; small models want ten to a hundred times as much
    #[arg(long, default_value_t = 6e-5, value_name = "NUMBER")]
    rate: f32,
    /// The share of the steps over which the rate rises
    #[arg(long, default_value_t = 0.03, value_name = "SHARE")]
    warm_up: f32,
    /// Weight decay
    #[arg(long, default_value_t = 0.0, value_name = "NUMBER")]
    decay: f32,
    /// The longest gradient; 0 is no limit
    #[arg(long, default_value_t = 1.0, value_name = "NUMBER")]
    clip: f32,
    /// Times that each text is read
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    epochs: usize,
    /// Texts that are read for each step
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    accumulate: usize,
    /// Decides how the matrices begin and in which order the texts are read
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 50, value_name = "STEPS")]
    save_every: usize,
    /// Steps between looks at the held-out texts [default: after each epoch]
    #[arg(
        long,
        default_value_t = 0,
        value_name = "STEPS",
        hide_default_value = true
    )]
    check_every: usize,
    /// CPU threads [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Train on the first NVIDIA GPU
    #[cfg(feature = "train-cuda")]
    #[arg(long)]
    gpu: bool,
}

/// Runs `train`.
pub(super) fn train(arguments: &TrainArgs) -> Result<Answer> {
    let options = arguments.options()?;
    let mut tokenizer = None;
    let mut cut = |sample: &mut Sample| set_ids(sample, &options, &mut tokenizer);
    let texts = Text::read(&arguments.data, &mut cut)?;
    let held_out = match &arguments.held_out {
        Some(path) => Text::read(path, &mut cut)?,
        None => Vec::new(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))
        .map_err(|e| Error::new(Kind::Engine, format!("cannot watch for Ctrl-C: {e}")).source(e))?;
    let mut show = Show::new();
    let outcome = train::train(&options, &texts, &held_out, &mut |news| {
        show.news(news);
        !stop.load(Ordering::Relaxed)
    })?;
    drop(show);
    let Some(outcome) = outcome else {
        output::say("stopped; the same command goes on from the checkpoint");
        return Ok(Answer::No);
    };
    output::print(&format!("{}\n", outcome.adapter.display()))?;
    if let [(_, before), .., (_, after)] = outcome.held_out[..] {
        output::say(&format!(
            "held-out loss per token: {before:.3} before, {after:.3} after"
        ));
    }
    let size = std::fs::metadata(&outcome.adapter).map_or(0, |about| about.len());
    output::say(&format!(
        "{} steps, {}; the adapter has {}, the loss curve is {}",
        outcome.losses.len(),
        HumanDuration(outcome.took),
        progress::bytes(size),
        options.folder.join("loss.svg").display()
    ));
    Ok(Answer::Yes)
}

impl TrainArgs {
    fn options(&self) -> Result<Options> {
        let defaults = Options::new(store::resolve(&self.model)?, &self.output);
        Ok(Options {
            name: self.name.clone(),
            rank: self.rank,
            alpha: self.alpha.unwrap_or(2.0 * self.rank as f32),
            dropout: self.dropout,
            modules: if self.modules.is_empty() {
                defaults.modules
            } else {
                self.modules.clone()
            },
            rate: self.rate,
            warm_up: self.warm_up,
            decay: self.decay,
            clip: self.clip,
            epochs: self.epochs,
            accumulate: self.accumulate,
            seed: self.seed,
            save_every: self.save_every,
            check_every: self.check_every,
            compute: self.compute(),
            threads: self.threads.map(usize::from),
            ..defaults
        })
    }

    #[cfg(feature = "train-cuda")]
    fn compute(&self) -> Compute {
        if self.gpu {
            Compute::Cuda
        } else {
            Compute::Cpu
        }
    }

    #[cfg(not(feature = "train-cuda"))]
    #[allow(clippy::unused_self)]
    fn compute(&self) -> Compute {
        Compute::Cpu
    }
}

#[cfg(feature = "llama")]
type Tokenizer = crate::engine::Tokenizer;

#[cfg(not(feature = "llama"))]
type Tokenizer = ();

/// Cuts a sample's text into tokens with the vocabulary of the model, which is read when it is first needed.
#[cfg(feature = "llama")]
fn set_ids(
    sample: &mut Sample,
    options: &Options,
    tokenizer: &mut Option<Tokenizer>,
) -> Result<()> {
    let tokenizer = match tokenizer {
        Some(tokenizer) => tokenizer,
        None => tokenizer.insert(Tokenizer::open(&options.model)?),
    };
    sample.set_ids(tokenizer.spans(&sample.text));
    Ok(())
}

#[cfg(not(feature = "llama"))]
fn set_ids(_: &mut Sample, _: &Options, _: &mut Option<Tokenizer>) -> Result<()> {
    // What is missing then is said where the sample is read.
    Ok(())
}

/// Shows how a training goes on.
struct Show {
    loading: Option<Progress>,
    bar: ProgressBar,
    begun: Instant,
    before: usize,
    steps: usize,
    tokens: usize,
    loss: f32,
    said: Instant,
}

/// Seconds between lines where there is no terminal.
const EVERY: u64 = 10;

impl Show {
    fn new() -> Self {
        Self {
            loading: Some(Progress::new()),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            begun: Instant::now(),
            before: 0,
            steps: 0,
            tokens: 0,
            loss: 0.0,
            said: Instant::now(),
        }
    }

    fn news(&mut self, news: News<'_>) {
        match news {
            News::Loading(done, total) => {
                if let Some(progress) = &mut self.loading {
                    progress.show("reading the model", done, Some(total));
                }
            }
            News::Started(device, numbers, steps, done) => {
                self.loading = None;
                (self.before, self.steps, self.begun) = (done, steps, Instant::now());
                let going_on = match done {
                    0 => String::new(),
                    done => format!(", going on after step {done}"),
                };
                self.say(&format!(
                    "{steps} steps for {numbers} numbers on {device}{going_on}"
                ));
                if let Ok(style) =
                    ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg} {eta} left")
                {
                    self.bar.set_style(style);
                }
                self.bar.set_length(steps as u64);
                self.bar.set_position(done as u64);
                self.bar.reset_eta();
            }
            News::Step(step, loss, tokens) => {
                self.tokens += tokens;
                // What one text costs says little; a mean over the last twenty or so does.
                let weight = if step == self.before + 1 { 1.0 } else { 0.05 };
                self.loss += (loss - self.loss) * weight;
                self.bar.set_position(step as u64);
                let line = format!("loss {:.3} {:.0} tokens/s", self.loss, self.speed());
                if self.bar.is_hidden()
                    && (self.said.elapsed().as_secs() >= EVERY || step == self.steps)
                {
                    self.said = Instant::now();
                    output::say(&format!("step {step} of {}: {line}", self.steps));
                }
                self.bar.set_message(line);
            }
            News::HeldOut(step, loss) => {
                self.say(&format!("held-out loss after {step} steps: {loss:.4}"));
            }
            News::Saved(_) => {}
        }
    }

    fn speed(&self) -> f64 {
        self.tokens as f64 / self.begun.elapsed().as_secs_f64().max(1e-3)
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| output::say(line));
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
