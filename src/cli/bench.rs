//! `bench`: how fast a model runs here; and `self-test`: whether it runs right.

use clap::Args;

use super::Answer;
use super::engine::WeightsArgs;
use crate::Result;

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
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    weights: WeightsArgs,
}

/// Runs `bench`.
#[cfg(feature = "llama")]
pub(super) fn bench(arguments: &BenchArgs) -> Result<Answer> {
    with_llama::bench(arguments)
}

/// Runs `self-test`.
#[cfg(feature = "llama")]
pub(super) fn self_test() -> Result<Answer> {
    crate::engine::self_test()?;
    Ok(Answer::Yes)
}

/// Runs `bench`.
#[cfg(not(feature = "llama"))]
pub(super) fn bench(_: &BenchArgs) -> Result<Answer> {
    Err(super::engine::without_llama())
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
    use crate::engine::{Bench, Parallel, Speed};

    /// The prompt that sequences share, and what each of them writes.
    const SHARED_PROMPT: usize = 128;
    const EACH: usize = 128;

    pub(super) fn bench(arguments: &BenchArgs) -> Result<Answer> {
        let mut bench = Bench::load(&arguments.weights.options()?)?;
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
        report.end()
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

        fn end(self) -> Result<Answer> {
            if self.json {
                let rows = Value::Array(self.rows);
                output::print(&format!("{rows:#}\n"))?;
            }
            Ok(Answer::Yes)
        }
    }
}
