//! `check`: every rule a card breaks, for people, scripts and code scanners; repairs what has a safe repair.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{bytes_of, number, read, write};
use crate::card::lint::{self, Rule};
use crate::card::{CONTAINERS, Container};
use crate::cli::{Answer, output};
use crate::{Error, Finding, Kind, Place, Result, Severity, file};

/// The code of a file that could not be read.
const UNREADABLE: &str = "unreadable";
/// The code of a file that was not read on, to protect the machine.
const BOMB: &str = "security-bomb";

/// Check cards against every rule.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 without errors, 1 with, 2 when a file could not be read.")]
pub(in crate::cli) struct CheckArgs {
    /// Cards, and folders of them; `-` is standard input
    #[arg(required_unless_present_any = ["explain", "rules"], value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Repair what has a safe repair, in place
    #[arg(long)]
    fix: bool,
    /// How to print findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The least severity to print: warning as text, else info
    #[arg(long, value_enum)]
    level: Option<Level>,
    /// Let warnings count as errors for the exit code
    #[arg(long)]
    strict: bool,
    /// Tell all about a rule
    #[arg(long, value_name = "CODE", conflicts_with_all = ["files", "rules"])]
    explain: Option<String>,
    /// List every rule
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Error,
    Warning,
    Info,
}

/// The findings of one file.
struct Checked {
    file: String,
    findings: Vec<Finding>,
    mended: Vec<Finding>,
}

/// Runs `check`.
pub(in crate::cli) fn check(arguments: &CheckArgs) -> Result<Answer> {
    if let Some(code) = &arguments.explain {
        return explain(code);
    }
    if arguments.rules {
        return list_rules();
    }
    let mut all = Vec::new();
    let mut unreadable = false;
    for path in &arguments.files {
        if path.is_dir() {
            let mut inside = Vec::new();
            walk(path, &mut inside)?;
            inside.sort();
            for path in inside {
                all.push(one(&path, arguments.fix).unwrap_or_else(|error| failed(&path, &error)));
            }
        } else {
            all.push(one(path, arguments.fix).unwrap_or_else(|error| {
                unreadable = true;
                failed(path, &error)
            }));
        }
    }
    let worst = all
        .iter()
        .flat_map(|checked| &checked.findings)
        .map(|f| f.severity)
        .max();
    let least = match (arguments.level, arguments.format) {
        (Some(Level::Error), _) => Severity::Error,
        (Some(Level::Warning), _) | (None, Format::Text) => Severity::Warning,
        _ => Severity::Info,
    };
    match arguments.format {
        Format::Text => text(&all, least)?,
        Format::Json => output::print(&format!("{:#}\n", report(&all, least)))?,
        Format::Sarif => output::print(&format!("{:#}\n", sarif(&all, least)))?,
    }
    let limit = if arguments.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    if unreadable {
        return Err(Error::new(Kind::Card, "not every file could be read"));
    }
    Ok(if worst >= Some(limit) {
        Answer::No
    } else {
        Answer::Yes
    })
}

/// The files below a folder that look like cards. Links are not followed.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::file("read the folder", folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = match entry.path() {
            path if folder == Path::new(".") => PathBuf::from(path.file_name().unwrap_or_default()),
            path => path,
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        if kind.is_dir() {
            walk(&path, found)?;
        } else if kind.is_file() && extension.is_some_and(|e| Container::by_extension(e).is_some())
        {
            found.push(path);
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &Error) -> Checked {
    Checked {
        file: path.display().to_string(),
        findings: vec![Finding {
            code: match error.kind() {
                Kind::Limit => BOMB,
                _ => UNREADABLE,
            },
            severity: Severity::Error,
            place: Place::Whole,
            message: error.message().to_owned(),
            fix: error.next_step().map(str::to_owned),
        }],
        mended: Vec::new(),
    }
}

fn one(path: &Path, fix: bool) -> Result<Checked> {
    let mut bytes = bytes_of(path)?;
    let mut reading = read(path, &bytes)?;
    let mut mended = Vec::new();
    if fix && path != Path::new("-") && reading.container.write.is_some() {
        let before = lint::check_reading(&reading, &bytes);
        let mut card = reading.card.clone();
        lint::repair(&mut card)?;
        let source = Some((reading.container, bytes.as_slice()));
        // Data of another program may have no place for a repair; then it stays as it is.
        let written = match write(reading.container, &card, None, source) {
            Err(error) if error.kind() == Kind::Usage => bytes.clone(),
            written => written?,
        };
        if written != bytes {
            file::write(path, &written)?;
            bytes = written;
            reading = read(path, &bytes)?;
            let after = lint::check_reading(&reading, &bytes);
            let left = |finding: &Finding| after.iter().any(|other| is_same(other, finding));
            mended = before
                .into_iter()
                .filter(|finding| !left(finding))
                .collect();
        }
    }
    let mut findings = lint::check_reading(&reading, &bytes);
    findings.extend(misnamed(path, reading.container));
    Ok(Checked {
        file: path.display().to_string(),
        findings,
        mended,
    })
}

/// Whether two findings are about the same thing, before and after other bytes of the file have moved.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.code == other.code
        && match (&one.place, &other.place) {
            (Place::Path(one), Place::Path(other)) => one == other,
            _ => true,
        }
}

/// Whether the name of a file says another container than its bytes.
fn misnamed(path: &Path, container: &'static Container) -> Option<Finding> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let known = ["webp", "jpg", "jpeg", "gif"].contains(&extension.as_str())
        || CONTAINERS
            .iter()
            .any(|c| c.extensions.contains(&extension.as_str()));
    (known && !container.extensions.contains(&extension.as_str())).then(|| Finding {
        code: "ext-mismatch",
        severity: Severity::Info,
        place: Place::Whole,
        message: format!(
            "the file is {} and is called `.{extension}`",
            container.name
        ),
        fix: Some(format!("call it `.{}`", container.extensions[0])),
    })
}

fn text(all: &[Checked], least: Severity) -> Result<()> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    let mut mended = 0;
    let mut out = String::new();
    for checked in all {
        let shown: Vec<_> = checked
            .findings
            .iter()
            .filter(|f| f.severity >= least)
            .collect();
        for finding in &checked.findings {
            *counts.entry(finding.severity).or_default() += 1;
        }
        mended += checked.mended.len();
        if shown.is_empty() && checked.mended.is_empty() {
            continue;
        }
        let bold = output::BOLD;
        out.push_str(&format!(
            "{bold}{}{bold:#}\n",
            output::escape(&checked.file)
        ));
        for group in groups(&checked.mended.iter().collect::<Vec<_>>()) {
            line(&mut out, output::GREEN, "mended", group, false);
        }
        for group in groups(&shown) {
            let style = match group[0].severity {
                Severity::Error => output::RED,
                Severity::Warning => output::YELLOW,
                Severity::Info => output::CYAN,
            };
            line(&mut out, style, &group[0].severity.to_string(), group, true);
        }
    }
    output::print(&out)?;
    let count = |severity| counts.get(&severity).copied().unwrap_or(0);
    let mut summary = format!(
        "{}, {}, {} in {}",
        number(count(Severity::Error), "error"),
        number(count(Severity::Warning), "warning"),
        number(count(Severity::Info), "note"),
        number(all.len(), "file"),
    );
    if mended > 0 {
        summary.push_str(&format!("; {mended} mended"));
    }
    if least > Severity::Info && count(Severity::Info) > 0 {
        summary.push_str("; `--level info` shows the notes");
    }
    output::say(&summary);
    Ok(())
}

/// Findings of one rule that follow one another.
fn groups<'a, 'f>(findings: &'a [&'f Finding]) -> impl Iterator<Item = &'a [&'f Finding]> {
    findings.chunk_by(|one, other| one.code == other.code)
}

/// How many places of one rule are named.
const MAX_PLACES: usize = 4;

fn line(out: &mut String, style: anstyle::Style, word: &str, group: &[&Finding], placed: bool) {
    let dim = output::DIM;
    let message = output::escape(&group[0].message);
    let more = match group.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let mut places: Vec<_> = group
        .iter()
        .map(|finding| finding.place.to_string())
        .collect();
    places.dedup();
    let rest = if places.len() > MAX_PLACES {
        ", ..."
    } else {
        ""
    };
    places.truncate(MAX_PLACES);
    let places = output::escape(&places.join(", "));
    let places = if placed && !places.is_empty() {
        format!("  {dim}at {places}{rest}{dim:#}")
    } else {
        String::new()
    };
    let code = group[0].code;
    out.push_str(&format!(
        "  {style}{word:<8}{style:#} {code}  {message}{more}{places}\n"
    ));
}

fn shown(checked: &Checked, least: Severity) -> impl Iterator<Item = &Finding> {
    checked
        .findings
        .iter()
        .filter(move |finding| finding.severity >= least)
}

fn report(all: &[Checked], least: Severity) -> Value {
    all.iter()
        .map(|checked| {
            json!({
                "file": checked.file,
                "findings": shown(checked, least).collect::<Vec<_>>(),
                "mended": checked.mended,
            })
        })
        .collect()
}

/// The static analysis results interchange format, version 2.1.0, which code hosts show beside the files.
fn sarif(all: &[Checked], least: Severity) -> Value {
    let level = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let rules: Vec<&Rule> = lint::rules().collect();
    let described: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.explanation},
                "help": {"text": format!("{}\nFor example: {}", rule.explanation, rule.example)},
                "defaultConfiguration": {"level": level(rule.severity)},
                "properties": {"tags": [rule.topic.to_string()]},
            })
        })
        .collect();
    let results: Vec<Value> = all
        .iter()
        .flat_map(|checked| shown(checked, least).map(move |finding| (checked, finding)))
        .map(|(checked, finding)| {
            let mut location = json!({
                "physicalLocation": {"artifactLocation": {"uri": checked.file.replace('\\', "/")}}
            });
            match &finding.place {
                Place::Whole => {}
                Place::Path(path) => {
                    location["logicalLocations"] = json!([{"fullyQualifiedName": path}]);
                }
                Place::Bytes(span) => {
                    location["physicalLocation"]["region"] =
                        json!({"byteOffset": span.start, "byteLength": span.len()});
                }
            }
            let mut result = json!({
                "ruleId": finding.code,
                "level": level(finding.severity),
                "message": {"text": finding.message},
                "locations": [location],
            });
            if let Some(index) = rules.iter().position(|rule| rule.code == finding.code) {
                result["ruleIndex"] = index.into();
            }
            result
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "cardwright",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
            }},
            "results": results,
        }],
    })
}

fn explain(code: &str) -> Result<Answer> {
    let Some(rule) = lint::rule(code) else {
        let near = lint::rules().find(|rule| rule.code.contains(code) || code.contains(rule.code));
        let hint = near.map_or_else(
            || "`check --rules` lists them".to_owned(),
            |rule| format!("did you mean `{}`?", rule.code),
        );
        return Err(Error::new(Kind::Usage, format!("there is no rule `{code}`")).hint(hint));
    };
    let bold = output::BOLD;
    let mended = if rule.is_fixable() {
        "yes, by `check --fix`"
    } else {
        "no"
    };
    output::print(&format!(
        "{bold}{}{bold:#}: {}\n{}, {}; mended: {mended}\n\n{}\n\nFor example:\n    {}\n",
        rule.code,
        rule.summary,
        rule.topic,
        rule.severity,
        super::show::wrap(rule.explanation, 80).join("\n"),
        rule.example,
    ))?;
    Ok(Answer::Yes)
}

fn list_rules() -> Result<Answer> {
    let mut out = String::new();
    for rule in lint::rules() {
        out.push_str(&format!(
            "{:<26} {:<9} {:<9} {:<4} {}\n",
            rule.code,
            rule.topic,
            rule.severity,
            if rule.is_fixable() { "fix" } else { "" },
            rule.summary
        ));
    }
    output::print(&out)?;
    Ok(Answer::Yes)
}
