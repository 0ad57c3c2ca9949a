//! `search`: cards in the folders that were scanned, by word, tag and creator.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{for_output, scan, show};
use crate::Result;
use crate::card::Card;
use crate::card::collection::{Hit, Search};
use crate::cli::{Answer, output};

/// Find cards.
#[derive(Debug, Args)]
#[command(after_help = "\
All words must be there. \"two words\" is a phrase, light* a beginning, a OR b means either, and name:word looks in one
field: name, creator, tags, description, personality, scenario, greetings, examples, instructions, notes, lorebook.
A word after a minus must not be there: cardwright search 'lighthouse -sea'.
The best come first: a word counts most in a name, then in tags and creator, then in the description. Where more than 4,000
cards have the words, those come first that have them in name, creator or tags, then others as they were scanned. Without
words the order is that of the names.
Exit code: 0 when something was found, 1 when nothing was, 2 when the index could not be used.")]
pub(in crate::cli) struct SearchArgs {
    /// Words to look for; without any, --tag and --creator list cards
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
    /// A tag the card must have; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Who must have made the card
    #[arg(long, value_name = "NAME")]
    creator: Option<String>,
    /// Only files below this folder
    #[arg(long = "in", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The most cards to print
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Scan every folder that was scanned before once more, then search
    #[arg(long)]
    refresh: bool,
    /// Print one line of JSON per card
    #[arg(long)]
    json: bool,
}

/// Runs `search`.
pub(in crate::cli) fn search(arguments: &SearchArgs) -> Result<Answer> {
    let mut cards = scan::index(false)?;
    if arguments.refresh {
        for folder in cards.folders()? {
            if folder.is_dir() {
                scan::refresh(&mut cards, &folder, false, false)?;
            } else {
                cards.forget(&folder)?;
                output::note(&format!("{} is gone", folder.display()));
            }
        }
    }
    if cards.is_empty()? {
        output::say(match cards.folders()?.len() {
            0 => "no cards are known yet; `cardwright scan DIR` reads a folder of them",
            _ => {
                "no cards are known any more; the same with `--refresh` reads the folders again that were scanned before"
            }
        });
        return Ok(Answer::No);
    }
    let wanted = Search {
        words: arguments.words.join(" "),
        tags: arguments.tag.clone(),
        creator: arguments.creator.clone(),
        folder: arguments.folder.clone(),
        limit: arguments.limit,
    };
    let hits = cards.search(&wanted)?;
    let width = show::width();
    for (index, hit) in hits.iter().enumerate() {
        if arguments.json {
            let line = json!({
                "name": hit.card.name, "creator": hit.card.creator, "tags": hit.card.tags,
                "files": hit.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
                "score": hit.score, "summary": hit.card.summary,
                "permanent_characters": hit.card.permanent, "temporary_characters": hit.card.temporary,
                "greetings": hit.card.greetings, "lorebook_entries": hit.card.entries,
            });
            output::print(&format!("{}\n", for_output(&line.to_string())))?;
        } else {
            let gap = if index > 0 { "\n" } else { "" };
            output::print(&format!("{gap}{}", print(&wanted, hit, width)))?;
        }
    }
    if hits.is_empty() {
        output::say("nothing found");
        return Ok(Answer::No);
    }
    if hits.len() == arguments.limit {
        output::note(&format!("the first {}; `--limit` prints more", hits.len()));
    }
    Ok(Answer::Yes)
}

fn print(wanted: &Search, hit: &Hit, width: usize) -> String {
    let (bold, dim, cyan) = (output::BOLD, output::DIM, output::CYAN);
    let name = match &*hit.card.name {
        "" => "(no name)",
        name => name,
    };
    let mut out = format!("{bold}{}{bold:#}", output::escape(name));
    if !hit.card.creator.is_empty() {
        let _ = write!(
            out,
            "  {dim}by {}{dim:#}",
            output::escape(&hit.card.creator)
        );
    }
    if !hit.card.tags.is_empty() {
        let _ = write!(
            out,
            "  {cyan}{}{cyan:#}",
            output::escape(&hit.card.tags.join(", "))
        );
    }
    out.push('\n');
    for file in &hit.files {
        let _ = writeln!(out, "  {}", output::escape(&file.display().to_string()));
    }
    // What was found stands in the file; the index only knows where.
    let card = hit.files.iter().find_map(|path| Card::open(path).ok());
    let (field, text) = card
        .and_then(|reading| wanted.place(&reading.card))
        .unwrap_or_else(|| ("", hit.card.summary.clone()));
    let text = if field.is_empty() {
        text
    } else {
        format!("{field}: {text}")
    };
    if !text.is_empty() {
        for line in show::wrap(&text, width.saturating_sub(4)) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}
