//! `bench`: how fast a model runs here; and `self-test`: whether it runs right.

use clap::Args;

use super::engine::{WeightsArgs, load};
use super::{Answer, generate};
use crate::Result;
use crate::engine::{Engine, Options, Remote, RemoteOptions};

/// How fast the model runs on this machine.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Tokens of the prompt; 0 leaves the test out
    #[arg(short, long, default_value_t = 512, value_name = "TOKENS")]
    prompt: usize,
    /// Tokens to write; 0 leaves the test out
    #[arg(short, long, default_value_t = 128, value_name = "TOKENS")]
    generate: usize,
    /// How often each test is repeated
    #[arg(short, long, default_value_t = 5, value_name = "COUNT")]
    repetitions: usize,
    /// Also let so many sequences write at the same time, such as `1,8,32`
    #[arg(long, value_delimiter = ',', value_name = "COUNT,...", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: Vec<u16>,
    /// Also measure how long it takes to choose a token
    #[arg(long)]
    sampling: bool,
    /// Also measure how soon a conversation of so many tokens goes on: cold, warm, and from a file
    #[arg(long, value_name = "TOKENS", num_args = 0..=1, default_missing_value = "2000")]
    conversation: Option<usize>,
    /// Instead compare the types of weights on a small model of random numbers, and tell the fastest
    #[arg(long)]
    types: bool,
    /// Instead invent so many characters, 32 or `--parallel` at a time, and tell how many an hour makes
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    characters: Option<u16>,
    /// Ask these servers for the characters instead of loading a model
    #[arg(
        long,
        value_name = "URL,...",
        value_delimiter = ',',
        requires = "characters"
    )]
    engine: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    weights: WeightsArgs,
}

/// Characters that are written at the same time where `--parallel` does not say.
const AT_ONCE: u16 = 32;

/// Runs `bench --characters`.
fn characters(arguments: &BenchArgs, count: u16) -> Result<Answer> {
    let slots = arguments.parallel.first().copied().unwrap_or(AT_ONCE);
    let slots = usize::from(slots.min(count));
    let engine: Box<dyn Engine> = if arguments.engine.is_empty() {
        load(&Options {
            slots,
            least_context: Some(generate::LEAST_CONTEXT),
            prompt_cache: Some(generate::PROMPT_CACHE),
            ..arguments.weights.options()?
        })?
    } else {
        Box::new(Remote::connect(&RemoteOptions {
            parallel: Some(slots.div_ceil(arguments.engine.len())),
            ..RemoteOptions::new(&arguments.engine)
        })?)
    };
    generate::characters(engine.as_ref(), count.into(), slots, arguments.json)
}

/// Runs `bench`.
#[cfg(feature = "llama")]
pub(super) fn bench(arguments: &BenchArgs) -> Result<Answer> {
    match arguments.characters {
        Some(count) => characters(arguments, count),
        None => with_llama::bench(arguments),
    }
}

/// Runs `self-test`.
#[cfg(feature = "llama")]
pub(super) fn self_test() -> Result<Answer> {
    crate::engine::self_test()?;
    Ok(Answer::Yes)
}

/// Runs `bench`.
#[cfg(not(feature = "llama"))]
pub(super) fn bench(arguments: &BenchArgs) -> Result<Answer> {
    match arguments.characters {
        Some(count) => characters(arguments, count),
        None => Err(super::engine::without_llama()),
    }
}

/// Runs `self-test`.
#[cfg(not(feature = "llama"))]
pub(super) fn self_test() -> Result<Answer> {
    Err(super::engine::without_llama())
}

#[cfg(feature = "llama")]
mod with_llama {
    use serde_json::{Value, json};

    use super::super::{Answer, output};
    use super::BenchArgs;
    use crate::Result;
    use crate::engine::{Bench, Conversation, Parallel, Sampling, Speed, TypeSpeed, compare_types};

    /// The prompt that sequences share, and what each of them writes.
    const SHARED_PROMPT: usize = 128;
    const EACH: usize = 128;
    /// Tokens that are chosen to measure how long that takes.
    const SAMPLED: usize = 256;

    pub(super) fn bench(arguments: &BenchArgs) -> Result<Answer> {
        if arguments.types {
            return types(arguments);
        }
        let options = arguments.weights.options()?;
        let mut bench = Bench::load(&options)?;
        let mut report = Report::new(&bench, arguments.json);
        report.head()?;
        if arguments.prompt > 0 {
            let speed = bench.prompt(arguments.prompt, arguments.repetitions)?;
            report.speed(("pp", arguments.prompt), (arguments.prompt, 0), &speed)?;
        }
        if arguments.generate > 0 {
            let speed = bench.generate(arguments.generate, arguments.repetitions)?;
            report.speed(("tg", arguments.generate), (0, arguments.generate), &speed)?;
        }
        for (at, &sequences) in arguments.parallel.iter().enumerate() {
            let row = bench.parallel(SHARED_PROMPT, EACH, sequences.into())?;
            report.parallel(at == 0, &row)?;
        }
        if arguments.sampling {
            report.sampling(&bench.sampling(SAMPLED)?)?;
        }
        if let Some(tokens) = arguments.conversation {
            report.conversation(&Conversation::measure(&options, tokens)?)?;
        }
        report.end()
    }

    /// Compares types of weights.
    fn types(arguments: &BenchArgs) -> Result<Answer> {
        let rows = compare_types(arguments.weights.threads())?;
        if arguments.json {
            let rows: Value = rows
                .iter()
                .map(|row| {
                    json!({
                        "type": row.name, "model_size": row.size, "pp": row.prompt,
                        "tg": row.single, "tg8": row.eight,
                    })
                })
                .collect();
            output::print(&format!("{rows:#}\n"))?;
            return Ok(Answer::Yes);
        }
        output::print("| type   |       size | prompt t/s | reply t/s | 8 replies t/s |\n")?;
        output::print("| ------ | ---------: | ---------: | --------: | ------------: |\n")?;
        for row in &rows {
            let size = row.size as f64 / f64::from(1 << 20);
            output::print(&format!(
                "| {:<6} | {:>6.1} MiB | {:>10.1} | {:>9.1} | {:>13.1} |\n",
                row.name, size, row.prompt, row.single, row.eight
            ))?;
        }
        let fastest = |speed: fn(&TypeSpeed) -> f64| {
            let best = rows.iter().max_by(|a, b| speed(a).total_cmp(&speed(b)));
            best.map_or("none", |row| row.name)
        };
        output::print(&format!(
            "\nfastest here: {} for prompts, {} for one reply, {} for eight at a time\n",
            fastest(|row| row.prompt),
            fastest(|row| row.single),
            fastest(|row| row.eight)
        ))?;
        Ok(Answer::Yes)
    }

    /// Prints rows as they come, or collects them for JSON.
    struct Report {
        json: bool,
        rows: Vec<Value>,
        model: String,
        size: u64,
        parameters: u64,
        threads: usize,
    }

    impl Report {
        fn new(bench: &Bench, json: bool) -> Self {
            Self {
                json,
                rows: Vec::new(),
                model: bench.description(),
                size: bench.size(),
                parameters: bench.parameters(),
                threads: bench.threads(),
            }
        }

        fn line(&self, line: &str) -> Result<()> {
            if self.json {
                return Ok(());
            }
            output::print(&format!("{line}\n"))
        }

        fn head(&self) -> Result<()> {
            self.line("| model                          |       size |     params | threads |            test |                  t/s |")?;
            self.line("| ------------------------------ | ---------: | ---------: | ------: | --------------: | -------------------: |")
        }

        fn speed(
            &mut self,
            test: (&str, usize),
            sizes: (usize, usize),
            speed: &Speed,
        ) -> Result<()> {
            let (mean, deviation) = (speed.mean(), speed.deviation());
            let size = self.size as f64 / f64::from(1 << 20);
            let parameters = self.parameters as f64 / 1e6;
            self.rows.push(json!({
                "model_type": self.model,
                "model_size": self.size,
                "model_n_params": self.parameters,
                "n_threads": self.threads,
                "n_prompt": sizes.0,
                "n_gen": sizes.1,
                "avg_ts": mean,
                "stddev_ts": deviation,
                "samples_ts": speed.samples,
            }));
            self.line(&format!(
                "| {:<30} | {:>10} | {:>10} | {:>7} | {:>15} | {:>20} |",
                self.model,
                format!("{size:.2} MiB"),
                format!("{parameters:.2} M"),
                self.threads,
                format!("{}{}", test.0, test.1),
                format!("{mean:.2} ± {deviation:.2}"),
            ))
        }

        fn parallel(&mut self, first: bool, row: &Parallel) -> Result<()> {
            if first {
                self.line("")?;
                self.line("|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |")?;
                self.line("|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|")?;
            }
            let &Parallel {
                prompt,
                generated,
                sequences,
                ..
            } = row;
            let (t_pp, t_tg) = (
                row.prompt_time.as_secs_f64(),
                row.generation_time.as_secs_f64(),
            );
            let total = t_pp + t_tg;
            let cells = prompt + sequences * generated;
            let speeds = (
                prompt as f64 / t_pp,
                (sequences * generated) as f64 / t_tg,
                cells as f64 / total,
            );
            self.rows.push(json!({
                "pp": prompt, "tg": generated, "pl": sequences, "n_kv": cells,
                "t_pp": t_pp, "speed_pp": speeds.0, "t_tg": t_tg, "speed_tg": speeds.1,
                "t": total, "speed": speeds.2,
            }));
            self.line(&format!(
                "| {prompt:>5} | {generated:>6} | {sequences:>4} | {cells:>6} | {t_pp:>8.3} | {:>8.2} | {t_tg:>8.3} | {:>8.2} | {total:>8.3} | {:>8.2} |",
                speeds.0, speeds.1, speeds.2
            ))
        }

        fn sampling(&mut self, row: &Sampling) -> Result<()> {
            let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6;
            let (decode, greedy, limarp) =
                (micros(row.decode), micros(row.greedy), micros(row.limarp));
            let share = (limarp - greedy) / decode;
            self.rows.push(json!({
                "decode_us": decode, "greedy_us": greedy, "limarp_us": limarp, "share": share,
            }));
            self.line(&format!(
                "\nchoosing a token: {limarp:.0} us by the LimaRP settings, {greedy:.0} us greedily; a decode takes {decode:.0} us, so the settings cost {:.1} % of it",
                share * 100.0
            ))
        }

        fn conversation(&mut self, row: &Conversation) -> Result<()> {
            let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
            self.rows.push(json!({
                "tokens": row.tokens, "cold_ms": millis(row.cold), "warm_ms": millis(row.warm),
                "step_ms": millis(row.step), "save_ms": millis(row.save), "file_bytes": row.bytes,
                "resumed_ms": millis(row.resumed),
            }));
            self.line(&format!(
                "\nfirst token of a conversation of {} tokens: {:.0} ms cold, {:.1} ms warm (a decode takes {:.1}), {:.0} ms from a file of {:.1} MiB, {:.0} times faster than cold; saved in {:.0} ms",
                row.tokens,
                millis(row.cold),
                millis(row.warm),
                millis(row.step),
                millis(row.resumed),
                row.bytes as f64 / f64::from(1 << 20),
                row.cold.as_secs_f64() / row.resumed.as_secs_f64(),
                millis(row.save),
            ))
        }

        fn end(self) -> Result<Answer> {
            if self.json {
                let rows = Value::Array(self.rows);
                output::print(&format!("{rows:#}\n"))?;
            }
            Ok(Answer::Yes)
        }
    }
}
