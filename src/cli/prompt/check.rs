//! `prompt check`: the validator's findings, the way a compiler shows them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{FormatChoice, read_text};
use crate::cli::diagnostic::{Source, pages};
use crate::cli::{Answer, output};
use crate::prompt::{Candidate, Format, Parsed, RULES, rule};
use crate::{Error, Kind, Place, Result, Severity, file};

/// Say what is wrong with a prompt or a transcript, and mend it
///
/// Several prompts in one input are separated by NUL characters, as `prompt render` separates them.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// Prompts; `-` is standard input
    #[arg(required_unless_present = "explain", value_name = "FILE|-")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    choice: FormatChoice,
    /// Mend what needs no decision: files in place, standard input to standard output
    #[arg(long)]
    fix: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Explain a rule, or `all` of them
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
}

/// One prompt that was checked.
struct Checked {
    name: String,
    format: String,
    text: String,
    parsed: Parsed,
    /// The other formats it might be in, where nobody said which.
    others: Vec<Candidate>,
}

impl Check {
    pub(super) fn run(self) -> Result<Answer> {
        if let Some(code) = &self.explain {
            output::print(&explain(code)?)?;
            return Ok(Answer::Yes);
        }
        let chosen = self.choice.chosen()?;
        if let Some(format) = chosen.as_ref().filter(|format| !format.reads_back()) {
            let message = format!(
                "format `{}` comes from SillyTavern presets: it writes prompts, and nothing reads them back",
                format.name()
            );
            return Err(Error::new(Kind::Usage, message)
                .hint("check against the format of ours that comes nearest"));
        }
        let mut all = Vec::new();
        for path in &self.files {
            let text = read_text(path)?;
            let checked = self.check(path, &text, chosen.as_ref())?;
            if self.fix {
                let mended: Vec<&str> = checked
                    .iter()
                    .map(|checked| checked.text.as_str())
                    .collect();
                let mended = mended.join("\0");
                if path == Path::new("-") {
                    output::print_raw(mended.as_bytes())?;
                } else if mended != text {
                    file::write(path, mended.as_bytes())?;
                }
            }
            all.extend(checked);
        }
        // With `--fix -` the text itself is the data, and what is said about it is talk.
        let talk = self.fix && self.files.iter().any(|path| path == Path::new("-"));
        let report = if self.json { json(&all) } else { report(&all) };
        if talk {
            output::say(report.trim_end());
        } else {
            output::print(&report)?;
        }
        let good = all.iter().all(|checked| checked.parsed.is_in_format());
        Ok(if good { Answer::Yes } else { Answer::No })
    }

    /// Checks, and mends if so asked, every prompt in `text`.
    fn check(&self, path: &Path, text: &str, chosen: Option<&Format>) -> Result<Vec<Checked>> {
        let name = path.display().to_string();
        if text.is_empty() {
            return Err(Error::new(Kind::Prompt, "there is nothing to check").at(name));
        }
        let prompts: Vec<&str> = text.split('\0').collect();
        let several = prompts.len() > 1;
        let checked = prompts.into_iter().enumerate().map(|(at, prompt)| {
            let name = if several {
                format!("{name}[{}]", at + 1)
            } else {
                name.clone()
            };
            let mut others = Vec::new();
            let format = match chosen {
                Some(format) => format.clone(),
                None => {
                    others = Format::candidates(prompt)?;
                    if others.is_empty() {
                        Format::named("limarp-v1")?
                    } else {
                        others.remove(0).format
                    }
                }
            };
            let (text, parsed) = if self.fix {
                let fixed = format.fix(prompt);
                (fixed.text, fixed.parsed)
            } else {
                (prompt.to_owned(), format.parse(prompt))
            };
            Ok(Checked {
                name,
                format: format.name().to_owned(),
                text,
                parsed,
                others,
            })
        });
        checked.collect()
    }
}

/// Findings with excerpts, and a line that sums up.
fn report(all: &[Checked]) -> String {
    let mut text = String::new();
    for checked in all {
        let source = Source::new(&checked.name, &checked.text);
        text.push_str(&pages(&source, &checked.parsed.findings));
        let count = |severity| {
            checked
                .parsed
                .findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let mut counts = Vec::new();
        for (severity, one, many) in [
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
            (Severity::Info, "note", "notes"),
        ] {
            match count(severity) {
                0 => {}
                1 => counts.push(format!("1 {one}")),
                n => counts.push(format!("{n} {many}")),
            }
        }
        if !checked.parsed.is_in_format()
            && let Some(near) = near_miss(&checked.format, &checked.others)
        {
            text.push_str(&near);
        }
        let verdict = if checked.parsed.is_in_format() {
            "in format"
        } else {
            "not in format"
        };
        let counts = if counts.is_empty() {
            String::new()
        } else {
            format!(": {}", counts.join(", "))
        };
        text.push_str(&format!(
            "{}: {verdict} `{}`{counts}\n",
            output::escape(&checked.name),
            checked.format
        ));
    }
    text
}

/// Which other format a prompt is nearly in, and what keeps it from it.
fn near_miss(format: &str, others: &[Candidate]) -> Option<String> {
    let near = others.iter().min_by_key(|other| other.errors)?;
    let worst = near.worst.as_ref()?;
    let errors = match near.errors {
        0 => "no error".to_owned(),
        1 => "1 error".to_owned(),
        n => format!("{n} errors"),
    };
    Some(output::escape(&format!(
        "taken for `{format}`; as `{}` it would have {errors}, beginning with: {}\n",
        near.format.name(),
        worst.message
    )))
}

fn json(all: &[Checked]) -> String {
    let files = all.iter().map(|checked| {
        let source = Source::new(&checked.name, &checked.text);
        let findings = checked.parsed.findings.iter().map(|finding| {
            let bytes = match &finding.place {
                Place::Bytes(span) => span.clone(),
                _ => 0..0,
            };
            let (line, column) = source.line_column(bytes.start);
            json!({
                "code": finding.code,
                "severity": finding.severity,
                "message": finding.message,
                "fix": finding.fix,
                "line": line,
                "column": column,
                "bytes": [bytes.start, bytes.end],
            })
        });
        json!({
            "file": checked.name,
            "format": checked.format,
            "in_format": checked.parsed.is_in_format(),
            "findings": findings.collect::<Vec<_>>(),
            "other_formats": checked.others.iter().map(|other| json!({
                "format": other.format.name(),
                "exact": other.exact,
                "errors": other.errors,
                "warnings": other.warnings,
                "worst": other.worst.as_ref().map(|finding| &finding.message),
            })).collect::<Vec<_>>(),
        })
    });
    format!("{:#}\n", serde_json::Value::from(files.collect::<Vec<_>>()))
}

fn explain(code: &str) -> Result<String> {
    let rules: Vec<_> = if code == "all" {
        RULES.iter().collect()
    } else {
        let known = rule(code).ok_or_else(|| {
            Error::new(Kind::Usage, format!("no rule is called `{code}`"))
                .hint("`prompt check --explain all` lists them")
        })?;
        vec![known]
    };
    let pages = rules.iter().map(|rule| {
        format!(
            "{} ({}): {}\n{}\n",
            rule.code, rule.severity, rule.summary, rule.explanation
        )
    });
    Ok(pages.collect::<Vec<_>>().join("\n"))
}
