//! `diff`: what differs between two cards, field by field.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{bytes_of, for_output, read};
use crate::Result;
use crate::card::{Difference, diff as compare, same_picture};
use crate::cli::{Answer, output};

/// Compare two cards.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when they say the same, 1 when they differ, 2 when one could not be read."
)]
pub(in crate::cli) struct DiffArgs {
    /// The first card; `-` is standard input
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The second card
    #[arg(value_name = "B")]
    after: PathBuf,
    /// Print the differences as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `diff`.
pub(in crate::cli) fn diff(arguments: &DiffArgs) -> Result<Answer> {
    let (old, new) = (bytes_of(&arguments.before)?, bytes_of(&arguments.after)?);
    let before = read(&arguments.before, &old)?.card;
    let after = read(&arguments.after, &new)?.card;
    let differences = compare(&before, &after);
    let same_picture = same_picture(&old, &new);
    if arguments.json {
        let report = json!({"differences": differences, "same_picture": same_picture});
        output::print(&for_output(&format!("{report:#}\n")))?;
    } else {
        let mut out = String::new();
        for difference in &differences {
            print(&mut out, difference);
        }
        if same_picture == Some(false) {
            let bold = output::BOLD;
            let _ = writeln!(out, "{bold}picture{bold:#}  the pixels differ");
        }
        output::print(&out)?;
    }
    let same = differences.is_empty() && same_picture != Some(false);
    Ok(if same { Answer::Yes } else { Answer::No })
}

fn print(out: &mut String, difference: &Difference) {
    let bold = output::BOLD;
    let path = output::escape(&difference.path);
    let _ = writeln!(out, "{bold}{path}{bold:#}");
    let (old, new) = (
        lines(difference.before.as_ref()),
        lines(difference.after.as_ref()),
    );
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    for line in &old[head..old.len() - tail] {
        let red = output::RED;
        let _ = writeln!(out, "  {red}-{red:#} {line}");
    }
    for line in &new[head..new.len() - tail] {
        let green = output::GREEN;
        let _ = writeln!(out, "  {green}+{green:#} {line}");
    }
}

/// A value as lines: texts as they are, anything else as JSON.
fn lines(value: Option<&Value>) -> Vec<String> {
    let text = match value {
        None => return Vec::new(),
        Some(Value::String(text)) if text.contains('\n') => text.clone(),
        Some(value @ (Value::Object(_) | Value::Array(_))) => format!("{value:#}"),
        Some(value) => value.to_string(),
    };
    output::escape(&text)
        .split('\n')
        .map(str::to_owned)
        .collect()
}
