//! Which model answers and how it chooses words: the arguments that every command with a model has.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::Result;
use crate::engine::{Adapter, CacheType, Engine, Options, Remote, RemoteOptions};
use crate::sampling::{Range, SAMPLERS, Sampler, Settings, Step, Token};
use crate::weights::store;

/// The headings under which `--help` lists these arguments.
const MODEL: &str = "Model";
const SAMPLING: &str = "Sampling";

/// Which model, with what adapters, on what part of the machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = MODEL)]
pub(super) struct WeightsArgs {
    /// A GGUF file, or the name of a model that was pulled
    #[arg(short, long, env = "CARDWRIGHT_MODEL", default_value = store::DEFAULT, value_name = "PATH|NAME")]
    model: String,
    /// A LoRA adapter on top of the model; may be repeated
    #[arg(long, value_name = "FILE[:SCALE]")]
    lora: Vec<String>,
    /// CPU threads [default: one per physical core]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Layers to keep on the GPU [default: all, where there is one]
    #[arg(long, value_name = "COUNT")]
    gpu_layers: Option<u32>,
    /// How keys and values are stored: q8_0 takes half the memory of f16
    #[arg(
        long,
        value_name = "f16|q8_0",
        default_value = "f16",
        hide_default_value = true
    )]
    cache_type: CacheType,
}

impl WeightsArgs {
    /// The threads that were asked for.
    pub(super) fn threads(&self) -> Option<usize> {
        self.threads.map(usize::from)
    }

    /// What to load.
    pub(super) fn options(&self) -> Result<Options> {
        let adapters: Result<Vec<Adapter>> = self.lora.iter().map(|text| text.parse()).collect();
        Ok(Options {
            adapters: adapters?,
            threads: self.threads(),
            gpu_layers: self.gpu_layers,
            cache_type: self.cache_type,
            ..Options::new(store::resolve(&self.model)?)
        })
    }
}

/// Which model, and how much room it gives to how many conversations.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = MODEL)]
pub(super) struct ModelArgs {
    #[command(flatten)]
    weights: WeightsArgs,
    /// Use the default model without the adapter that comes with it
    #[arg(long)]
    no_adapter: bool,
    /// Tokens that one conversation can hold, up to the model's limit [default: 4096 or the limit]
    #[arg(long, visible_alias = "context", value_name = "TOKENS")]
    ctx: Option<usize>,
    /// Ask servers instead of loading a model: addresses of llama-server, vLLM, SGLang or any other that speaks OpenAI's
    /// completions, such as `http://127.0.0.1:8080`. `--model` then names the model to ask for
    #[arg(long, value_name = "URL,...", value_delimiter = ',', env = "CARDWRIGHT_ENGINE", conflicts_with_all = ["lora", "no_adapter", "threads", "gpu_layers", "ctx"])]
    engine: Vec<String>,
    /// The key that the servers of `--engine` ask for
    #[arg(
        long,
        value_name = "KEY",
        env = "CARDWRIGHT_ENGINE_KEY",
        hide_env_values = true
    )]
    engine_key: Option<String>,
    /// Conversations that run at the same time; with `--engine`, at each server
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=256))]
    parallel: Option<u16>,
    /// Memory for conversations that have lost their slot, in MiB [default: an eighth of what is free, up to 2048; 64 for
    /// characters, which keep their slot until they are done]
    #[arg(long, value_name = "MIB")]
    prompt_cache: Option<u32>,
}

/// What a model is loaded for, where the command line does not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Conversations at the same time.
    pub(super) conversations: usize,
    /// Tokens that each of them can do with.
    pub(super) least_context: Option<usize>,
    /// Bytes for those that have lost their slot.
    pub(super) prompt_cache: Option<u64>,
}

impl Load {
    /// For so many conversations.
    pub(super) fn of(conversations: usize) -> Self {
        Self {
            conversations,
            least_context: None,
            prompt_cache: None,
        }
    }
}

impl ModelArgs {
    /// The model as it was named.
    pub(super) fn name(&self) -> &str {
        &self.weights.model
    }

    /// Whether servers are asked instead of a model that is here.
    pub(super) fn is_remote(&self) -> bool {
        !self.engine.is_empty()
    }

    /// Loads the model for one conversation at a time, or as many as `--parallel` says.
    pub(super) fn load(&self) -> Result<Box<dyn Engine>> {
        self.load_for(Load::of(1))
    }

    /// Loads the model.
    pub(super) fn load_for(&self, purpose: Load) -> Result<Box<dyn Engine>> {
        if !self.engine.is_empty() {
            return self.connect();
        }
        load(
            &self.with_default_adapter(Options {
                context: self.ctx,
                least_context: purpose.least_context,
                slots: self.parallel.map_or(purpose.conversations, usize::from),
                prompt_cache: self
                    .prompt_cache
                    .map(|mebibytes| u64::from(mebibytes) << 20)
                    .or(purpose.prompt_cache),
                ..self.weights.options()?
            })?,
        )
    }

    /// Adds the adapter that comes with the program, where the model is the default one and no other was named.
    #[cfg(feature = "llama")]
    fn with_default_adapter(&self, mut options: Options) -> Result<Options> {
        if options.adapters.is_empty()
            && !self.no_adapter
            && let Some(path) = store::default_adapter(&options.model)?
        {
            options.adapters.push(Adapter { path, scale: 1.0 });
        }
        Ok(options)
    }

    #[cfg(not(feature = "llama"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn with_default_adapter(&self, options: Options) -> Result<Options> {
        Ok(options)
    }

    /// The servers of `--engine`.
    fn connect(&self) -> Result<Box<dyn Engine>> {
        let model = &self.weights.model;
        let options = RemoteOptions {
            model: (model != store::DEFAULT).then(|| model.clone()),
            key: self.engine_key.clone(),
            parallel: self.parallel.map(usize::from),
            ..RemoteOptions::new(&self.engine)
        };
        Ok(Box::new(Remote::connect(&options)?))
    }
}

#[cfg(feature = "llama")]
pub(super) fn load(options: &Options) -> Result<Box<dyn Engine>> {
    Ok(Box::new(crate::engine::Llama::load(options)?))
}

#[cfg(not(feature = "llama"))]
pub(super) fn load(_: &Options) -> Result<Box<dyn Engine>> {
    Err(without_llama())
}

/// What to say where llama.cpp would be needed.
#[cfg(not(feature = "llama"))]
pub(super) fn without_llama() -> crate::Error {
    crate::Error::new(
        crate::Kind::Engine,
        "this program was built without the feature `llama`, so it runs no models",
    )
    .hint("build it with `cargo build --release --features llama`")
}

/// How words are chosen: a flag for each row of the table of settings, and `--seed`.
#[derive(Debug, Clone, Default)]
pub(super) struct SamplerArgs {
    given: Vec<(&'static str, f64)>,
    seed: Option<u64>,
    order: Option<Vec<Step>>,
    spared_words: Vec<String>,
    banned_strings: Vec<String>,
    banned_tokens: Vec<Token>,
    biases: Vec<(Token, f32)>,
}

impl SamplerArgs {
    /// The LimaRP settings with what was given on the command line.
    pub(super) fn settings(&self) -> Result<Settings> {
        self.over(Settings::default())
    }

    /// `settings` with what was given on the command line.
    pub(super) fn over(&self, mut settings: Settings) -> Result<Settings> {
        for &(name, value) in &self.given {
            settings.set(name, value)?;
        }
        settings.seed = self.seed.or(settings.seed);
        if let Some(order) = &self.order {
            settings.order.clone_from(order);
        }
        settings
            .spared_words
            .extend(self.spared_words.iter().cloned());
        let strings = self.banned_strings.iter();
        settings
            .banned_strings
            .extend(strings.map(|text| text.replace("\\n", "\n")));
        settings.banned_tokens.extend(&self.banned_tokens);
        settings.logit_bias.extend(self.biases.iter().copied());
        Ok(settings)
    }
}

/// Reads a switch.
pub(super) fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "yes" | "true" | "1" => Ok(true),
        "no" | "false" | "0" => Ok(false),
        _ => Err("it is yes or no"),
    }
}

/// The flag of a setting.
fn flag(row: &Sampler) -> Arg {
    let default = row.get(&Settings::default());
    let value_name = match row.range {
        Range::Whole(..) => "COUNT",
        _ => "NUMBER",
    };
    let arg = Arg::new(row.name)
        .long(row.name.replace('_', "-"))
        .help_heading(SAMPLING)
        .help(row.doc)
        .allow_negative_numbers(true);
    match row.range {
        Range::Switch => arg
            .value_name("yes|no")
            .value_parser(|text: &str| yes_or_no(text).map(f64::from))
            .help(format!(
                "{} [default: {}]",
                row.doc,
                if default == 0.0 { "no" } else { "yes" }
            )),
        _ => arg
            .value_name(value_name)
            .value_parser(|text: &str| {
                let value: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
                Ok::<_, String>(value)
            })
            // The shortest text of a single precision number: 0.7, not 0.699999988079071.
            .help(format!("{} [default: {}]", row.doc, default as f32)),
    }
}

/// A name of a sampling step.
fn step_name(text: &str) -> Result<String, String> {
    if Step::is_name(text) {
        return Ok(text.to_owned());
    }
    Err("there is no such step; llama.cpp's names are penalties, dry, top_n_sigma, top_k, typ_p, top_p, min_p, xtc and temperature, and there are tfs_z and top_a".into())
}

/// A token and what is added to its logit.
fn bias(text: &str) -> Result<(Token, f32), String> {
    let wrong = || "it is TOKEN:NUMBER".to_owned();
    let (token, bias) = text.split_once(':').ok_or_else(wrong)?;
    let bias: f32 = bias.parse().map_err(|_| wrong())?;
    if bias.is_nan() {
        return Err(wrong());
    }
    Ok((token.parse().map_err(|_| wrong())?, bias))
}

impl Args for SamplerArgs {
    fn augment_args(command: Command) -> Command {
        let command = SAMPLERS.iter().fold(command, |command, row| {
            command.arg(flag(row).action(ArgAction::Set))
        });
        let list =
            |id: &'static str, long: &'static str, name: &'static str, help: &'static str| {
                Arg::new(id)
                    .long(long)
                    .help_heading(SAMPLING)
                    .value_name(name)
                    .help(help)
            };
        let command = command
            .arg(
                list(
                    "samplers",
                    "samplers",
                    "NAME,...",
                    "The steps between logits and draw in their order, by llama.cpp's names",
                )
                .value_delimiter(',')
                .value_parser(step_name),
            )
            .arg(
                list(
                    "spare",
                    "spare",
                    "WORD",
                    "Spare this word, such as a name, from the three penalties; may be repeated",
                )
                .action(ArgAction::Append),
            )
            .arg(
                list(
                    "ban",
                    "ban",
                    "TEXT",
                    "Never write this text, in capitals or not; may be repeated. `\\n` is a newline",
                )
                .action(ArgAction::Append),
            )
            .arg(
                list("ban_token", "ban-token", "TOKEN,...", "Never choose these tokens")
                    .value_delimiter(',')
                    .action(ArgAction::Append)
                    .value_parser(value_parser!(Token)),
            )
            .arg(
                list(
                    "logit_bias",
                    "logit-bias",
                    "TOKEN:NUMBER,...",
                    "Added to the logits of these tokens",
                )
                .value_delimiter(',')
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .value_parser(bias),
            );
        command.arg(
            Arg::new("seed")
                .short('s')
                .long("seed")
                .help_heading(SAMPLING)
                .help("The seed of the random numbers; the same seed gives the same text [default: drawn]")
                .value_parser(value_parser!(u64)),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SamplerArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in SAMPLERS {
            if let Some(&value) = matches.get_one::<f64>(row.name) {
                row.check(value).map_err(|error| {
                    clap::Error::raw(
                        clap::error::ErrorKind::ValueValidation,
                        format!("{}\n", error.message()),
                    )
                })?;
                self.given.push((row.name, value));
            }
        }
        self.seed = matches.get_one("seed").copied().or(self.seed);
        if let Some(names) = matches.get_many::<String>("samplers") {
            self.order = Some(Step::by_names(names.map(String::as_str)));
        }
        let words = matches.get_many::<String>("spare").into_iter().flatten();
        self.spared_words.extend(words.cloned());
        let strings = matches.get_many::<String>("ban").into_iter().flatten();
        self.banned_strings.extend(strings.cloned());
        let tokens = matches.get_many::<Token>("ban_token").into_iter().flatten();
        self.banned_tokens.extend(tokens);
        let biases = matches.get_many::<(Token, f32)>("logit_bias");
        self.biases.extend(biases.into_iter().flatten());
        Ok(())
    }
}
