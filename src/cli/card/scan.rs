//! `scan`: the cards of folders as a table, lines of JSON or CSV; those that are there more than once.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{for_output, number};
use crate::card::collection::{self, CardRow, Collection, Group, Likeness, Noted, Row, Scan};
use crate::cli::progress::Progress;
use crate::cli::{Answer, output};
use crate::{Error, Kind, Result};

/// List the cards of folders.
#[derive(Debug, Args)]
#[command(after_help = "\
Permanent are the characters that stand in every prompt; Lore is the number of lorebook entries.
What was read is kept in an index, so that a second scan reads what changed, a scan that was stopped goes on, and
`cardwright search` finds cards at once. The index is cardwright/cards.sqlite in the user's cache folder, or the file that
CARDWRIGHT_INDEX names; it may be deleted at any time.
Exit code: 0; with --check 1 when a card has errors; 2 when a folder could not be scanned.")]
pub(in crate::cli) struct ScanArgs {
    /// Folders of cards, with everything below them
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// How to print the cards
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Check every card against every rule
    #[arg(long)]
    check: bool,
    /// Print only cards that are there more than once: the same file, the same text, or nearly the same text
    #[arg(long)]
    duplicates: bool,
    /// With --duplicates: which part of their text cards must share to be nearly the same, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 70, value_parser = clap::value_parser!(u8).range(1..=100), requires = "duplicates")]
    alike: u8,
    /// Read every file, changed or not
    #[arg(long)]
    anew: bool,
    /// Leave the index alone and forget what was read
    #[arg(long)]
    no_index: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
    Csv,
}

/// Opens the user's index, or one for this run.
pub(super) fn index(temporary: bool) -> Result<Collection> {
    if temporary {
        return Collection::temporary();
    }
    Collection::open(&collection::location()?)
}

/// Runs `scan`.
pub(in crate::cli) fn scan(arguments: &ScanArgs) -> Result<Answer> {
    let mut cards = index(arguments.no_index)?;
    let begun = Instant::now();
    let mut all = collection::Scanned::default();
    for folder in &arguments.folders {
        if !folder.is_dir() && folder.exists() {
            return Err(Error::new(Kind::Usage, "this is a file, not a folder")
                .at(folder.display().to_string())
                .hint("`cardwright show` shows a card, `cardwright check` checks it"));
        }
        let one = refresh(&mut cards, folder, arguments.check, arguments.anew)?;
        all.cards += one.cards;
        all.unreadable += one.unreadable;
        all.read += one.read;
        all.gone += one.gone;
    }
    let mut has_errors = false;
    let mut differently = Listing::new(arguments);
    let folders = arguments.folders.iter().map(|folder| Typed::new(folder));
    let folders: Vec<Typed<'_>> = folders.collect();
    for folder in &folders {
        if arguments.duplicates {
            let least = f64::from(arguments.alike) / 100.0;
            for group in cards.duplicates(folder.typed, least)? {
                differently.group(folder, &group)?;
            }
            continue;
        }
        cards.rows(folder.typed, |row| {
            let findings = row.findings.as_deref().unwrap_or_default();
            has_errors |= findings.iter().any(|finding| finding.severity == "error");
            differently.row(folder, &row)
        })?;
    }
    if arguments.format == Format::Table && !arguments.duplicates {
        for folder in &folders {
            cards.rows(folder.typed, |row| differently.lost(folder, &row))?;
        }
    }
    let mut said = format!(
        "{}, {} unreadable; {} read in {:.1} s",
        number(all.cards, "card"),
        all.unreadable,
        number(all.read, "file"),
        begun.elapsed().as_secs_f64()
    );
    let unchanged = all.cards + all.unreadable - all.read;
    if unchanged > 0 {
        let _ = write!(said, ", {unchanged} had not changed");
    }
    if all.gone > 0 {
        let _ = write!(said, ", {} gone", all.gone);
    }
    output::say(&said);
    Ok(if arguments.check && has_errors {
        Answer::No
    } else {
        Answer::Yes
    })
}

/// Brings the index up to date with a folder, and shows how far that has come.
pub(super) fn refresh(
    cards: &mut Collection,
    folder: &Path,
    check: bool,
    anew: bool,
) -> Result<collection::Scanned> {
    let mut bar = Progress::new();
    cards.scan(folder, &Scan { check, anew }, &mut |progress| {
        bar.count("scanning", "files", progress.done, progress.found);
    })
}

/// How the rows are printed.
struct Listing {
    format: Format,
    check: bool,
    duplicates: bool,
    /// Columns of the terminal, where there is one.
    width: Option<usize>,
    begun: bool,
    lost: bool,
    groups: usize,
}

impl Listing {
    fn new(arguments: &ScanArgs) -> Self {
        Self {
            format: arguments.format,
            check: arguments.check,
            duplicates: arguments.duplicates,
            width: terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
            begun: false,
            lost: false,
            groups: 0,
        }
    }

    /// The line above the rows.
    fn head(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        match (self.format, self.duplicates) {
            (Format::Jsonl, _) | (Format::Table, true) => Ok(()),
            (Format::Csv, true) => output::print("group,alike,percent,name,file\n"),
            (Format::Csv, false) => output::print(
                "file,size,container,version,name,creator,tags,permanent_characters,temporary_characters,greetings,lorebook_entries,errors,warnings,error\n",
            ),
            (Format::Table, false) => {
                let bold = output::BOLD;
                let checked = if self.check { "Errors Warnings  " } else { "" };
                output::print(&format!(
                    "{bold}{:<24}  {:<3}  {:>9}  {:>4}  {checked}{:<24}  File{bold:#}\n",
                    "Name", "Ver", "Permanent", "Lore", "Tags"
                ))
            }
        }
    }

    fn row(&mut self, folder: &Typed<'_>, row: &Row) -> Result<()> {
        self.head()?;
        let file = folder.shown(&row.path);
        match self.format {
            Format::Jsonl => line_of_json(&of_row(&file, row)),
            Format::Csv => output::print(&for_output(&csv(&values(&file, row)))),
            Format::Table => match &row.card {
                Ok(card) => self.line(&file, row, card),
                // Those come after the cards.
                Err(_) => Ok(()),
            },
        }
    }

    fn line(&self, file: &str, row: &Row, card: &CardRow) -> Result<()> {
        let name = if card.name.is_empty() {
            "(no name)"
        } else {
            &card.name
        };
        let mut line = format!(
            "{}  {:<3}  {:>9}  {:>4}  ",
            fit(name, 24),
            row.version,
            card.permanent,
            card.entries
        );
        if self.check {
            let (errors, warnings) = counts(row.findings.as_deref().unwrap_or_default());
            let (red, yellow) = (output::RED, output::YELLOW);
            let _ = match errors {
                0 => write!(line, "{errors:>6} "),
                _ => write!(line, "{red}{errors:>6}{red:#} "),
            };
            let _ = match warnings {
                0 => write!(line, "{warnings:>8}  "),
                _ => write!(line, "{yellow}{warnings:>8}{yellow:#}  "),
            };
        }
        let _ = write!(line, "{}  ", fit(&card.tags.join(", "), 24));
        let before = 24 + 2 + 3 + 2 + 9 + 2 + 4 + 2 + 24 + 2 + if self.check { 17 } else { 0 };
        let file = output::escape(file);
        // On a narrow terminal the end of a path says more than its beginning.
        match self.width {
            Some(width) if width > before + 16 && file.width() > width - before => {
                line.push_str(&end_of(&file, width - before));
            }
            _ => line.push_str(&file),
        }
        line.push('\n');
        output::print(&line)
    }

    /// A file that is no card, after all that are.
    fn lost(&mut self, folder: &Typed<'_>, row: &Row) -> Result<()> {
        let Err(error) = &row.card else { return Ok(()) };
        let mut line = String::new();
        if !std::mem::replace(&mut self.lost, true) {
            let bold = output::BOLD;
            let gap = if self.begun { "\n" } else { "" };
            let _ = writeln!(line, "{gap}{bold}Unreadable{bold:#}");
        }
        let red = output::RED;
        let _ = writeln!(
            line,
            "{red}x{red:#} {}: {}",
            output::escape(&folder.shown(&row.path)),
            output::escape(error)
        );
        output::print(&line)
    }

    fn group(&mut self, folder: &Typed<'_>, group: &Group) -> Result<()> {
        self.head()?;
        self.groups += 1;
        let (alike, percent) = match group.likeness {
            Likeness::File => ("file", 100.0),
            Likeness::Text => ("text", 100.0),
            Likeness::Near(part) => ("near", (part * 100.0).round()),
        };
        let files: Vec<_> = group.files.iter().map(|path| folder.shown(path)).collect();
        match self.format {
            Format::Jsonl => line_of_json(&json!({
                "alike": alike, "percent": percent, "name": group.name, "files": files,
            })),
            Format::Csv => {
                let mut out = String::new();
                for file in files {
                    let number = self.groups.to_string();
                    let percent = percent.to_string();
                    let values: [&str; 5] = [&number, alike, &percent, &group.name, &file];
                    out.push_str(&csv(&values.map(str::to_owned)));
                }
                output::print(&for_output(&out))
            }
            Format::Table => {
                let (bold, dim) = (output::BOLD, output::DIM);
                let gap = if self.groups > 1 { "\n" } else { "" };
                let what = match group.likeness {
                    Likeness::File => "the same file".to_owned(),
                    Likeness::Text => "the same text".to_owned(),
                    Likeness::Near(_) => format!("{percent} % of the text"),
                };
                let mut out = format!(
                    "{gap}{bold}{}{bold:#}  {dim}{what}{dim:#}\n",
                    output::escape(&group.name)
                );
                for file in files {
                    let _ = writeln!(out, "  {}", output::escape(&file));
                }
                output::print(&out)
            }
        }
    }
}

/// A folder as it was typed.
struct Typed<'a> {
    typed: &'a Path,
    /// Its one name in the index, asked of the disk once for all the paths below it.
    whole: Option<PathBuf>,
}

impl<'a> Typed<'a> {
    fn new(typed: &'a Path) -> Self {
        Self {
            typed,
            whole: std::fs::canonicalize(typed).ok(),
        }
    }

    /// A path as the user would type it: the folder as it was typed, and what is below.
    fn shown(&self, path: &Path) -> String {
        let whole = self.whole.as_ref();
        match whole.and_then(|whole| path.strip_prefix(whole).ok()) {
            Some(rest) if self.typed == Path::new(".") => rest.display().to_string(),
            Some(rest) => self.typed.join(rest).display().to_string(),
            None => path.display().to_string(),
        }
    }
}

fn counts(findings: &[Noted]) -> (usize, usize) {
    let count = |severity: &str| findings.iter().filter(|f| f.severity == severity).count();
    (count("error"), count("warning"))
}

fn line_of_json(value: &Value) -> Result<()> {
    output::print(&format!("{}\n", for_output(&value.to_string())))
}

fn of_row(file: &str, row: &Row) -> Value {
    let mut value = json!({"file": file, "size": row.size});
    match &row.card {
        Ok(card) => {
            value["container"] = row.container.clone().into();
            value["version"] = row.version.clone().into();
            value["name"] = card.name.clone().into();
            value["creator"] = card.creator.clone().into();
            value["tags"] = card.tags.clone().into();
            value["permanent_characters"] = card.permanent.into();
            value["temporary_characters"] = card.temporary.into();
            value["greetings"] = card.greetings.into();
            value["lorebook_entries"] = card.entries.into();
            value["summary"] = card.summary.clone().into();
        }
        Err(error) => value["error"] = error.clone().into(),
    }
    if let Some(findings) = &row.findings {
        value["findings"] = json!(findings);
    }
    value
}

fn values(file: &str, row: &Row) -> Vec<String> {
    let mut values = vec![
        file.to_owned(),
        row.size.to_string(),
        row.container.clone(),
        row.version.clone(),
    ];
    match &row.card {
        Ok(card) => {
            values.extend([
                card.name.clone(),
                card.creator.clone(),
                card.tags.join(", "),
            ]);
            values.extend(
                [card.permanent, card.temporary, card.greetings, card.entries]
                    .map(|n| n.to_string()),
            );
        }
        Err(_) => values.extend(std::iter::repeat_n(String::new(), 7)),
    }
    match &row.findings {
        Some(findings) => {
            let (errors, warnings) = counts(findings);
            values.extend([errors.to_string(), warnings.to_string()]);
        }
        None => values.extend([String::new(), String::new()]),
    }
    values.push(row.card.as_ref().err().cloned().unwrap_or_default());
    values
}

/// A line of comma-separated values (RFC 4180).
fn csv(values: &[String]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .map(|value| {
            if value.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", value.replace('"', "\"\""))
            } else {
                value.clone()
            }
        })
        .collect();
    format!("{}\r\n", quoted.join(","))
}

/// `text`, escaped, in exactly `width` columns: filled up, or cut.
fn fit(text: &str, width: usize) -> String {
    let text = output::escape(&text.replace(['\n', '\t'], " "));
    let wide = text.width();
    if wide <= width {
        return format!("{text}{}", " ".repeat(width - wide));
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > width - 3 {
            break;
        }
        cut.push(c);
        used += columns;
    }
    format!("{cut}...{}", " ".repeat(width - 3 - used))
}

/// The end of `text` in at most `width` columns.
fn end_of(text: &str, width: usize) -> String {
    let mut used = 3;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        start = at;
    }
    format!("...{}", &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_width() {
        for text in [
            "",
            "Carina",
            "A very long name of somebody",
            "日本語日本語日本語日本語日本語",
        ] {
            assert_eq!(fit(text, 24).width(), 24, "{text}");
        }
        assert_eq!(end_of("folder/of/cards/carina.png", 13), "...carina.png");
    }

    #[test]
    fn values_with_commas_are_quoted() {
        assert_eq!(
            csv(&["a,b".into(), "c\"d".into(), "e".into()]),
            "\"a,b\",\"c\"\"d\",e\r\n"
        );
    }
}
