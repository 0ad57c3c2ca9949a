//! `show`: a card as a person reads it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::tokens::Count;
use super::{bytes_of, for_output, number, read, tell};
use crate::card::{Card, Lorebook, Reading, Version};
use crate::cli::{Answer, output};
use crate::{Result, Severity};

/// The width of text where the terminal does not say.
const WIDTH: usize = 80;
/// The most that is shown of a line.
const MAX_WIDTH: usize = 100;

/// Show cards.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The cards; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the card as complete V3 JSON
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// Print the card's JSON exactly as it is stored
    #[arg(long)]
    raw: bool,
    /// The model whose tokens are counted: a GGUF file, or the name of one that was pulled [default: the default model,
    /// where it is there]
    #[arg(short, long, env = "CARDWRIGHT_MODEL", value_name = "PATH|NAME", conflicts_with_all = ["json", "raw"])]
    model: Option<String>,
    /// How to show the portrait; only ever on a terminal
    #[cfg(feature = "pictures")]
    #[arg(long, value_enum, default_value_t = Picture::Auto, value_name = "HOW")]
    picture: Picture,
}

/// How to show the portrait.
#[cfg(feature = "pictures")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Picture {
    /// As the terminal can
    Auto,
    /// Not at all
    None,
    /// As half blocks of two colours each
    Blocks,
    /// With the graphics protocol of kitty
    Kitty,
    /// With the inline images of iTerm2
    Iterm,
    /// As sixels
    Sixel,
}

/// Runs `show`. A card that cannot be read does not keep the others from being shown.
pub(in crate::cli) fn show(arguments: &ShowArgs) -> Result<Answer> {
    let mut failure = None;
    let mut count = None;
    for (index, path) in arguments.files.iter().enumerate() {
        let read = bytes_of(path).and_then(|bytes| Ok((read(path, &bytes)?, bytes)));
        let (reading, bytes) = match read {
            Ok(read) => read,
            Err(error) => {
                if let Some(earlier) = failure.replace(error) {
                    output::error(&earlier);
                }
                continue;
            }
        };
        if arguments.raw {
            output::print_raw(&reading.payload)?;
            continue;
        }
        tell(path, &reading.findings, Severity::Warning);
        if arguments.json {
            let card = reading.card.to_version(Version::V3)?.0;
            let value = card.get(&crate::card::Path::root()).unwrap_or_default();
            output::print(&for_output(&format!("{value:#}\n")))?;
        } else {
            let gap = if index > 0 { "\n" } else { "" };
            let width = width();
            let file = path.display().to_string();
            // Reading a vocabulary takes longer than all else; once is enough.
            let count = match &mut count {
                Some(count) => count,
                none => none.insert(Count::by(arguments.model.as_deref())?),
            };
            let text = summary(&reading, &file, width, count);
            let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
            output::print(&format!("{gap}{head}\n"))?;
            picture(arguments, &bytes, width)?;
            output::print(rest)?;
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Answer::Yes),
    }
}

/// Shows the portrait, on a terminal. A card without one, or with one that cannot be decoded, is shown without.
#[cfg(feature = "pictures")]
fn picture(arguments: &ShowArgs, bytes: &[u8], width: usize) -> Result<()> {
    use std::io::IsTerminal as _;

    use crate::cli::picture::{Protocol, draw, protocol};

    if !std::io::stdout().is_terminal() {
        return Ok(());
    }
    let protocol = match arguments.picture {
        Picture::Auto => protocol(&|name| std::env::var(name).ok()),
        Picture::None => None,
        Picture::Blocks => Some(Protocol::Blocks),
        Picture::Kitty => Some(Protocol::Kitty),
        Picture::Iterm => Some(Protocol::Iterm),
        Picture::Sixel => Some(Protocol::Sixel),
    };
    match protocol.map(|protocol| draw(bytes, protocol, width)) {
        Some(Ok(drawn)) => output::print_raw(&drawn),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "pictures"))]
#[allow(clippy::unnecessary_wraps)]
fn picture(_: &ShowArgs, _: &[u8], _: usize) -> Result<()> {
    Ok(())
}

/// The columns that text is wrapped at.
pub(super) fn width() -> usize {
    terminal_size::terminal_size()
        .map_or(WIDTH, |(width, _)| usize::from(width.0))
        .clamp(30, MAX_WIDTH)
}

/// The card as sections of wrapped text.
fn summary(reading: &Reading, file: &str, width: usize, count: &Count) -> String {
    let card = &reading.card;
    let mut text = String::new();
    let bold = output::BOLD;
    let name = match &*card.name() {
        "" => "(no name)".to_owned(),
        name => output::escape(&name.replace('\n', " ")),
    };
    let _ = writeln!(
        text,
        "{bold}{name}{bold:#}  {} in {}, {}",
        card.version(),
        reading.container.name,
        output::escape(file)
    );
    let facts = [
        (
            "Nickname",
            card.get(&crate::card::Path::default().key("nickname"))
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default(),
        ),
        ("Creator", card.creator().into_owned()),
        ("Version", card.character_version().into_owned()),
        ("Tags", card.tags().join(", ")),
    ];
    for (title, fact) in facts {
        if !fact.trim().is_empty() {
            let label = format!("{title:<9} ");
            let lines = wrap(&fact, width.saturating_sub(label.len()));
            for (index, line) in lines.iter().enumerate() {
                let label = if index == 0 { &label } else { "          " };
                let _ = writeln!(text, "{label}{line}");
            }
        }
    }
    let tokens = count.summary(card);
    let _ = writeln!(text, "{:<9} {tokens}", "Tokens");
    for (title, body) in [
        ("Description", card.description()),
        ("Personality", card.personality()),
        ("Scenario", card.scenario()),
        ("Greeting", card.first_message()),
    ] {
        section(&mut text, title, &body, width, &count.length(card, &body));
    }
    greetings(
        &mut text,
        "Alternate greeting",
        &card.alternate_greetings(),
        width,
        (count, card),
    );
    greetings(
        &mut text,
        "Group greeting",
        &card.group_only_greetings(),
        width,
        (count, card),
    );
    for (title, body) in [
        ("Example messages", card.example_messages()),
        ("System prompt", card.system_prompt()),
        (
            "Post-history instructions",
            card.post_history_instructions(),
        ),
        ("Creator's notes", card.creator_notes()),
    ] {
        section(&mut text, title, &body, width, &count.length(card, &body));
    }
    if let Some(book) = card.lorebook() {
        lorebook(&mut text, &book, width, (count, card));
    }
    let extensions = card.get(&crate::card::Path::default().key("extensions"));
    let names: Vec<_> = extensions
        .iter()
        .filter_map(|value| value.as_object())
        .flat_map(|map| map.keys().cloned())
        .collect();
    if !names.is_empty() {
        let length = number(names.len(), "program");
        section(&mut text, "Extensions", &names.join(", "), width, &length);
    }
    text
}

fn section(text: &mut String, title: &str, body: &str, width: usize, length: &str) {
    if body.trim().is_empty() {
        return;
    }
    let bold = output::BOLD;
    let dim = output::DIM;
    let _ = writeln!(text, "\n{bold}{title}{bold:#}  {dim}{length}{dim:#}");
    for line in wrap(body, width - 2) {
        let _ = writeln!(text, "{}", format!("  {line}").trim_end());
    }
}

fn greetings(
    text: &mut String,
    title: &str,
    greetings: &[String],
    width: usize,
    (count, card): (&Count, &Card),
) {
    for (index, greeting) in greetings.iter().enumerate() {
        let title = format!("{title} {} of {}", index + 1, greetings.len());
        section(text, &title, greeting, width, &count.length(card, greeting));
    }
}

fn lorebook(text: &mut String, book: &Lorebook, width: usize, (count, card): (&Count, &Card)) {
    let (bold, dim) = (output::BOLD, output::DIM);
    let name = match &*book.name {
        "" => String::new(),
        name => format!(" {}", output::escape(name)),
    };
    let _ = writeln!(
        text,
        "\n{bold}Lorebook{bold:#}{name}  {dim}{} entries{dim:#}",
        book.entries.len()
    );
    for entry in &book.entries {
        let mut label = if entry.keys.is_empty() {
            entry.title.clone()
        } else {
            entry.keys.join(", ")
        };
        if entry.constant {
            label.push_str(" (always)");
        }
        if !entry.enabled {
            label.push_str(" (off)");
        }
        let length = count.length(card, &entry.content);
        let mut lines = wrap(&label, width - 2);
        if let Some(last) = lines.last_mut() {
            let _ = write!(last, "  {dim}{length}{dim:#}");
        }
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
        for line in wrap(&entry.content, width - 6) {
            let _ = writeln!(text, "{}", format!("      {line}").trim_end());
        }
    }
}

/// `text`, escaped, in lines of at most `width` columns; a word that is longer is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};
    let width = width.max(10);
    let mut lines = Vec::new();
    for paragraph in output::escape(text.trim_end())
        .replace('\t', "    ")
        .split('\n')
    {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split_inclusive(' ') {
            let wide = word.trim_end().width();
            if used > 0 && used + wide > width {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0;
            }
            for c in word.chars() {
                let columns = c.width().unwrap_or(0);
                if used + columns > width && c != ' ' {
                    lines.push(std::mem::take(&mut line).trim_end().to_owned());
                    used = 0;
                }
                line.push(c);
                used += columns;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_are_cut() {
        assert_eq!(
            wrap("one two three\n\nabcdefghijklmn x", 10),
            ["one two", "three", "", "abcdefghij", "klmn x"]
        );
        assert_eq!(wrap("日本語日本語日本語", 10), ["日本語日本", "語日本語"]);
    }
}
