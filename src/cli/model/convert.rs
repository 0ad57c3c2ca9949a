//! `model convert`: GGUF of old models and of adapters.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::super::progress::Progress;
use super::super::{Answer, interrupt};
use super::{expect_free, written};
use crate::Result;
use crate::weights::{TensorType, ggml, lora, store};

#[derive(Debug, Args)]
#[command(after_help = "What can be converted:
  LLaMA models of before August 2023 (GGML, GGMF, GGJT; `.bin` files called ggmlv3), not quantized or GGJT version 3
  LoRA adapters of PEFT: their folder, `adapter_model.safetensors` or `adapter_model.bin`
  LoRA adapters of llama.cpp of 2023 (`ggml-adapter-model.bin`)")]
pub(in crate::cli) struct ConvertArgs {
    /// The old model, or the adapter: a file or PEFT's folder
    #[arg(value_hint = ValueHint::AnyPath)]
    input: PathBuf,
    /// The GGUF file to write
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Replace the output file
    #[arg(long)]
    force: bool,
    /// Adapters: the model it is for, a GGUF file or the name of one, or a `config.json`
    #[arg(long, value_name = "MODEL")]
    base: Option<String>,
    /// Adapters: the type of the numbers: F32, F16 or BF16
    #[arg(long = "type", value_name = "TYPE", default_value = "F32")]
    kind: TensorType,
    /// Adapters of 2023: leave queries and keys in the wrong order that they were used in then
    #[arg(long)]
    no_permute: bool,
    /// Old models: the tokens of context; Llama 1 had 2048
    #[arg(long, value_name = "TOKENS", default_value_t = ggml::Options::default().context)]
    context: u32,
    /// Old models: the epsilon of the norms; Llama 1 had 1e-6
    #[arg(long, value_name = "NUMBER", default_value_t = ggml::Options::default().epsilon)]
    epsilon: f32,
    /// Old models: the name to write into the file
    #[arg(long)]
    name: Option<String>,
}

pub(super) fn convert(arguments: &ConvertArgs) -> Result<Answer> {
    let (input, output) = (&arguments.input, &arguments.output);
    expect_free(output, arguments.force)?;
    interrupt::abandons("nothing was written");
    let mut progress = Progress::new();
    let mut watch = |done, total| progress.show("converting", done, Some(total));
    if lora::is_adapter(input) {
        let base = match &arguments.base {
            Some(base) if Path::new(base).is_dir() || base.ends_with(".json") => {
                Some(lora::Base::open(Path::new(base))?)
            }
            Some(base) => Some(lora::Base::open(&store::resolve(base)?)?),
            None => None,
        };
        let options = lora::Options {
            base,
            kind: arguments.kind,
            permute: !arguments.no_permute,
        };
        lora::convert(input, output, &options, &mut watch)?;
    } else {
        let options = ggml::Options {
            context: arguments.context,
            epsilon: arguments.epsilon,
            name: arguments.name.clone(),
        };
        ggml::convert(input, output, &options, &mut watch)?;
    }
    drop(progress);
    written(output)
}
