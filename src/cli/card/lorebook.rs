//! `lorebook`: a lorebook in another program's format, with a word about what that one cannot hold.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{bytes_of, keep_existing};
use crate::card::{Book, Format, LOREBOOK_FORMATS};
use crate::cli::{Answer, output};
use crate::{Error, Kind, Place, Result, Severity, file};

/// Convert lorebooks between programs.
#[derive(Debug, Args)]
#[command(after_help = formats())]
pub(in crate::cli) struct LorebookArgs {
    /// A lorebook, or a card that has one; `-` is standard input
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write, `-` for standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The format to write; without it NovelAI's for `.lorebook`, SillyTavern's for any other name
    #[arg(long, value_name = "FORMAT")]
    to: Option<String>,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
}

fn formats() -> String {
    let mut text = String::from("Formats:\n");
    for format in LOREBOOK_FORMATS {
        text.push_str(&format!(
            "  {:<8} {} ({})\n",
            format.key, format.name, format.about
        ));
    }
    text.push_str(
        "\nWhat a format cannot hold is listed on standard error; nothing is listed that it can.",
    );
    text
}

/// Runs `lorebook`.
pub(in crate::cli) fn lorebook(arguments: &LorebookArgs) -> Result<Answer> {
    let format = match &arguments.to {
        Some(key) => Format::by_key(key).ok_or_else(|| {
            let known: Vec<_> = LOREBOOK_FORMATS
                .iter()
                .map(|format| format!("`{}`", format.key))
                .collect();
            Error::new(Kind::Usage, format!("`{key}` is no lorebook format"))
                .hint(format!("the formats are {}", known.join(", ")))
        })?,
        None => {
            let is_novelai = arguments
                .output
                .extension()
                .is_some_and(|extension| extension == "lorebook");
            let key = if is_novelai { "novelai" } else { "world" };
            Format::by_key(key).unwrap_or(&LOREBOOK_FORMATS[0])
        }
    };
    let to_stdout = arguments.output == Path::new("-");
    if !to_stdout {
        keep_existing(&arguments.output, arguments.force)?;
    }
    let name = arguments.input.display().to_string();
    let book = Book::from_bytes(&bytes_of(&arguments.input)?).map_err(|error| error.at(&name))?;
    let (text, lost) = book.write(format);
    for finding in &lost {
        let (style, word) = match finding.severity {
            Severity::Info => (output::CYAN, "kept"),
            _ => (output::YELLOW, "lost"),
        };
        let Place::Path(path) = &finding.place else {
            continue;
        };
        output::say(&format!(
            "{style}{word}{style:#} {}: {}",
            output::escape(path),
            output::escape(&finding.message)
        ));
    }
    if to_stdout {
        output::print_raw(text.as_bytes())?;
    } else {
        file::write(&arguments.output, text.as_bytes())?;
    }
    let gone = lost
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .count();
    output::say(&format!(
        "{} ({}) -> {} ({}): {}, {}",
        output::escape(&name),
        book.origin,
        output::escape(&arguments.output.display().to_string()),
        format.name,
        count(book.len(), "entry", "entries"),
        if gone == 0 {
            "nothing lost".to_owned()
        } else {
            format!("{} lost", count(gone, "value", "values"))
        },
    ));
    Ok(Answer::Yes)
}

fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}
