//! `prompt dataset`: role-play threads as training text.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{FormatChoice, read_text};
use crate::card::Card;
use crate::cli::progress::Progress;
use crate::cli::{Answer, card, output};
use crate::generate::names::{self, Names, Presence};
use crate::prompt::chat_file::ChatFile;
use crate::prompt::{Cast, Conversation, Counter, Dataset, Format, Sample, Target};
use crate::{Error, Kind, Result, file};

/// What is to be learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Learn {
    /// The system text and all messages
    Everything,
    /// Only what the character says
    Replies,
}

/// Make training text of role-play threads and chats
///
/// Reads threads in the YAML layout of the LimaRP data set and chats of SillyTavern (JSONL), and writes one JSON object a
/// line: `text`, `loss` (the bytes of the text to learn), and with `--limit` or `--ids` also `tokens` and token numbers.
#[derive(Debug, Args)]
pub(in crate::cli) struct DatasetArgs {
    /// Threads, or folders of threads
    #[arg(required = true, value_name = "IN")]
    files: Vec<PathBuf>,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    choice: FormatChoice,
    /// The card that the chats were held with: its persona and scenario go before them
    #[arg(long, value_name = "CARD")]
    card: Option<PathBuf>,
    /// The user's persona in the chats: a sentence or two in the third person
    #[arg(long, value_name = "TEXT")]
    user_persona: Option<String>,
    /// What is to be learned
    #[arg(long, value_enum, default_value_t = Learn::Everything)]
    learn: Learn,
    /// Write what comes before the first message this many times more, between people of other names; of these samples the
    /// names alone are learned. A small model learns to spell rare names so
    #[arg(
        long,
        default_value_t = 0,
        value_name = "COUNT",
        hide_default_value = true
    )]
    other_names: usize,
    /// The most tokens of a sample; longer threads become several samples
    #[arg(long, value_name = "TOKENS")]
    limit: Option<usize>,
    /// Write token numbers too, for a trainer without a tokenizer
    #[arg(long)]
    ids: bool,
    /// The model whose tokenizer counts: a GGUF file, or the name of a model that was pulled
    #[arg(short, long, env = "CARDWRIGHT_MODEL", default_value = crate::weights::store::DEFAULT, value_name = "PATH|NAME")]
    model: String,
}

/// What there is in the end.
#[derive(Default)]
struct Statistics {
    threads: usize,
    samples: usize,
    dropped: usize,
    words: usize,
    tokens: Option<usize>,
    lengths: BTreeMap<String, usize>,
}

impl DatasetArgs {
    pub(super) fn run(self) -> Result<Answer> {
        let format = match self.choice.chosen()? {
            Some(format) => format,
            None => self.choice.named("limarp-v1")?,
        };
        let threads = threads(&self.files)?;
        let card = self.card.as_deref().map(card::open).transpose()?;
        let tokenizer = (self.limit.is_some() || self.ids)
            .then(|| tokenizer(&self.model))
            .transpose()?;
        let dataset = Dataset {
            format: &format,
            target: match self.learn {
                Learn::Everything => Target::Everything,
                Learn::Replies => Target::Replies,
            },
            limit: match (&tokenizer, self.limit) {
                (Some(tokenizer), limit) => {
                    Some((limit.unwrap_or(usize::MAX), tokenizer as &dyn Counter))
                }
                _ => None,
            },
        };
        let mut statistics = Statistics::default();
        let mut strangers = Names::new(1);
        let mut progress = Progress::new();
        let mut make = |out: &mut dyn FnMut(&[u8]) -> Result<()>| {
            for (index, path) in threads.iter().enumerate() {
                progress.count("reading", "threads", index as u64, threads.len() as u64);
                let place = path.display().to_string();
                let conversation = self.read(path, card.as_ref())?;
                let mut made = dataset.samples(&conversation).map_err(|e| e.at(&*place))?;
                statistics.threads += 1;
                statistics.dropped += made.dropped;
                for _ in 0..self.other_names {
                    let char = like(&conversation.char, &mut strangers);
                    let user = like(&conversation.user, &mut strangers);
                    let other = conversation.renamed(&char, &user);
                    made.samples
                        .extend(dataset.names(&other).map_err(|e| e.at(&*place))?);
                }
                for sample in &mut made.samples {
                    if self.ids
                        && let Some(tokenizer) = &tokenizer
                    {
                        add_ids(sample, tokenizer);
                    }
                    statistics.add(sample);
                    let mut line = serde_json::to_vec(sample).map_err(|e| {
                        Error::new(Kind::Prompt, format!("cannot write a sample: {e}")).at(&*place)
                    })?;
                    line.push(b'\n');
                    out(&line)?;
                }
            }
            Ok(())
        };
        if self.output == Path::new("-") {
            make(&mut |line| output::print_raw(line))?;
        } else {
            file::write_with(&self.output, |file| {
                let mut out = std::io::BufWriter::new(file);
                let failed = |e| Error::file("write", &self.output, e);
                make(&mut |line| out.write_all(line).map_err(failed))?;
                out.flush().map_err(failed)
            })?;
        }
        drop(progress);
        statistics.say(&format);
        Ok(Answer::Yes)
    }
}

impl Statistics {
    fn add(&mut self, sample: &Sample) {
        self.samples += 1;
        self.words += sample.text.split_whitespace().count();
        if let Some(tokens) = sample.tokens {
            *self.tokens.get_or_insert(0) += tokens;
        }
        if let Some(length) = &sample.length {
            *self.lengths.entry(length.clone()).or_default() += 1;
        }
    }

    fn say(&self, format: &Format) {
        let tokens = self
            .tokens
            .map_or_else(String::new, |tokens| format!(", {tokens} tokens"));
        output::say(&format!(
            "{} threads, {} samples in format `{}`, {} words{tokens}",
            self.threads,
            self.samples,
            format.name(),
            self.words,
        ));
        let lengths: Vec<_> = format
            .lengths()
            .iter()
            .filter_map(|word| Some(format!("{word} {}", self.lengths.get(word)?)))
            .collect();
        if !lengths.is_empty() {
            output::say(&format!("reply lengths: {}", lengths.join(", ")));
        }
        if self.dropped > 0 {
            output::note(&format!(
                "{} messages are in no sample: a sample starts and ends with a message of the character, and fits the limit",
                self.dropped
            ));
        }
    }
}

impl DatasetArgs {
    fn read(&self, path: &Path, card: Option<&Card>) -> Result<Conversation> {
        let place = |error: Error| error.at(path.display().to_string());
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            return Conversation::from_thread(&read_text(path)?).map_err(place);
        }
        let chat = ChatFile::read(path)?;
        let cast = Cast {
            user: chat.user_name().map(str::to_owned),
            user_persona: self.user_persona.clone(),
            ..Cast::default()
        };
        let conversation = card.map_or_else(
            || Conversation {
                user_persona: self.user_persona.clone().unwrap_or_default(),
                ..Conversation::default()
            },
            |card| Conversation::from_card(card, &cast).0,
        );
        Ok(Conversation::from_chat(&chat, conversation))
    }
}

/// One of `names` that suits who is called `name` now.
fn like(name: &str, names: &mut Names) -> String {
    let wanted = names::presence(name).filter(|presence| *presence != Presence::Neutral);
    let suits = |name: &String| wanted.is_none() || names::presence(name) == wanted;
    names.find(suits).unwrap_or_else(|| name.to_owned())
}

/// The files named, and those in the folders named, in order.
fn threads(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let failed = |e| Error::file("read", path, e);
        let mut within = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            let known = entry.extension().is_some_and(|ending| {
                ["yaml", "yml", "jsonl"]
                    .iter()
                    .any(|known| ending == *known)
            });
            if known {
                within.push(entry);
            }
        }
        within.sort();
        if within.is_empty() {
            return Err(Error::new(Kind::Usage, "holds no thread")
                .at(path.display().to_string())
                .hint("threads are `.yaml` files, chats `.jsonl` files"));
        }
        all.append(&mut within);
    }
    Ok(all)
}

#[cfg(feature = "llama")]
type Tokenizer = crate::engine::Tokenizer;

#[cfg(feature = "llama")]
fn tokenizer(model: &str) -> Result<Tokenizer> {
    Tokenizer::open(&crate::weights::store::resolve(model)?)
}

#[cfg(feature = "llama")]
fn add_ids(sample: &mut Sample, tokenizer: &Tokenizer) {
    sample.set_ids(tokenizer.spans(&sample.text));
}

#[cfg(not(feature = "llama"))]
type Tokenizer = fn(&str) -> Result<usize>;

#[cfg(not(feature = "llama"))]
fn tokenizer(_: &str) -> Result<Tokenizer> {
    Err(crate::cli::engine::without_llama())
}

#[cfg(not(feature = "llama"))]
fn add_ids(_: &mut Sample, _: &Tokenizer) {}
