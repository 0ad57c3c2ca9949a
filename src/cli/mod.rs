//! The command line: every argument, and which function answers it. The only place that prints.

mod bench;
mod card;
mod chat;
mod complete;
mod config;
mod counting;
mod diagnostic;
mod engine;
mod generate;
mod input;
mod interrupt;
mod man;
mod model;
mod output;
#[cfg(feature = "pictures")]
mod picture;
#[cfg(feature = "portrait")]
mod portrait;
mod progress;
mod prompt;
#[cfg(feature = "serve")]
mod serve;
mod settings;
mod stream;
#[cfg(feature = "train")]
mod train;
mod wrap;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::Result;
use crate::weights::store;

/// The answer of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Done, or "yes": exit code 0.
    Yes,
    /// "No": findings, a difference, a prompt that is not in format. Exit code 1.
    No,
}

/// Character cards, exact LimaRP prompts and a local model that invents characters.
#[derive(Debug, Parser)]
#[command(
    name = "cardwright",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show cards: a readable summary, or their JSON
    Show(card::ShowArgs),
    /// Put cards into another container or version
    Convert(card::ConvertArgs),
    /// Change fields of a card where they stand, and nothing else
    Edit(card::EditArgs),
    /// Check cards against every rule, and repair them
    Check(card::CheckArgs),
    /// Compare two cards field by field
    Diff(card::DiffArgs),
    /// Take private fields and metadata out of a card
    Scrub(card::ScrubArgs),
    /// List the cards of folders, and those that are there more than once
    #[cfg(feature = "index")]
    Scan(card::ScanArgs),
    /// Find cards in the folders that were scanned
    #[cfg(feature = "index")]
    Search(card::SearchArgs),
    /// Take the assets, the lorebook and the payload out of a card
    Extract(card::ExtractArgs),
    /// Convert a lorebook between SillyTavern, V3, Agnai, RisuAI and NovelAI
    Lorebook(card::LorebookArgs),
    /// Invent characters: persona, scenario, greeting and portrait, as cards
    Generate(Box<generate::GenerateArgs>),
    /// Talk to a character
    Chat(Box<chat::ChatArgs>),
    /// Measure how fast a model runs here
    Bench(Box<bench::BenchArgs>),
    /// Go on from a text: a raw completion
    Complete(Box<complete::CompleteArgs>),
    /// Draw the portrait of a card anew, or one for a name
    #[cfg(feature = "portrait")]
    Portrait(portrait::PortraitArgs),
    /// Prompts of cards, and whether a prompt is in its format
    #[command(subcommand)]
    Prompt(prompt::PromptCommand),
    /// Check that this build computes right
    #[command(hide = true)]
    SelfTest,
    /// Get, look at and convert models and adapters
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Answer SillyTavern and other front-ends over HTTP
    #[cfg(feature = "serve")]
    Serve(Box<serve::ServeArgs>),
    /// Train a LoRA adapter on role-play threads
    #[cfg(feature = "train")]
    Train(Box<train::TrainArgs>),
    #[command(subcommand)]
    Config(settings::ConfigCommand),
    Man(man::ManArgs),
    /// Print the completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command with `arguments` (the first is the program's name) and returns its exit code: 0 for yes, 1 for no, 2
/// when it could not be done.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match parse(&arguments.into_iter().collect::<Vec<_>>()) {
        Ok(Ok(arguments)) => arguments,
        Ok(Err(error)) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
        Err(error) => {
            output::error(&error);
            return ExitCode::from(2);
        }
    };
    match dispatch(arguments.command) {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        // Whoever read our output has seen enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments, over the environment, over the settings file. The file is looked at only where a setting matters,
/// so that a mistake in it does not stop the other commands.
fn parse(arguments: &[OsString]) -> Result<Result<Arguments, clap::Error>> {
    let command = config::with_environment(Arguments::command());
    let mut matches = match command.clone().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return Ok(Err(error)),
    };
    let mut path = String::new();
    let mut inner = matches.subcommand();
    while let Some((name, matches)) = inner {
        path = format!("{path} {name}");
        inner = matches.subcommand();
    }
    if config::matters_to(path.trim_start()) {
        let config = config::Config::load()?;
        if let Some(folder) = config.models() {
            store::keep_in(folder);
        }
        matches = match config.under(command).try_get_matches_from(arguments) {
            Ok(matches) => matches,
            Err(error) => return Ok(Err(error)),
        };
    }
    Ok(Arguments::from_arg_matches_mut(&mut matches)
        .map_err(|error| error.format(&mut Arguments::command())))
}

fn dispatch(command: Command) -> Result<Answer> {
    match command {
        Command::Show(arguments) => card::show(&arguments),
        Command::Convert(arguments) => card::convert(&arguments),
        Command::Edit(arguments) => card::edit(&arguments),
        Command::Check(arguments) => card::check(&arguments),
        Command::Diff(arguments) => card::diff(&arguments),
        Command::Scrub(arguments) => card::scrub(&arguments),
        #[cfg(feature = "index")]
        Command::Scan(arguments) => card::scan(&arguments),
        #[cfg(feature = "index")]
        Command::Search(arguments) => card::search(&arguments),
        Command::Extract(arguments) => card::extract(&arguments),
        Command::Lorebook(arguments) => card::lorebook(&arguments),
        Command::Generate(arguments) => generate::generate(&arguments),
        Command::Chat(arguments) => chat::chat(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::SelfTest => bench::self_test(),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Complete(arguments) => complete::complete(&arguments),
        #[cfg(feature = "portrait")]
        Command::Portrait(arguments) => portrait::portrait(&arguments),
        Command::Prompt(command) => prompt::run(command),
        Command::Model(command) => model::model(command),
        #[cfg(feature = "train")]
        Command::Train(arguments) => train::train(&arguments),
        Command::Config(command) => settings::run(&command),
        Command::Man(arguments) => {
            man::man(&arguments, config::with_environment(Arguments::command()))
        }
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Answer> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cardwright", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Answer::Yes)
}
