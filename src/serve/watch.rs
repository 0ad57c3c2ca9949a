//! Prompt watch: what is wrong with the prompts that a front-end sends.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::Shared;
use crate::prompt::Format;
use crate::{Finding, Place, Result};

/// The longest prompt that is looked at: beyond every context.
const LONGEST: usize = 1 << 20;
/// The most findings of one prompt that are told.
const MOST: usize = 20;

const FORMAT: HeaderName = HeaderName::from_static("cardwright-format");
const FINDINGS: HeaderName = HeaderName::from_static("cardwright-findings");

/// Looks at `prompt` where that is wanted, says in the log what is wrong with it, and in `headers` its format and the
/// codes of the findings (`none` for a good prompt).
pub(super) async fn watch(app: &Shared, prompt: &str, headers: &mut HeaderMap) -> Result<()> {
    if !app.options.watch || prompt.len() > LONGEST {
        return Ok(());
    }
    let text = prompt.to_owned();
    let (name, findings) = app
        .work(move |_| {
            let format = Format::detect(&text)?;
            Ok((format.name().to_owned(), format.parse(&text).findings))
        })
        .await?;
    let count = match findings.len() {
        0 => "no finding".to_owned(),
        1 => "1 finding".to_owned(),
        count => format!("{count} findings"),
    };
    app.log(&format!("prompt in `{name}`: {count}"));
    for finding in findings.iter().take(MOST) {
        app.log(&line(finding));
    }
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    codes.dedup();
    codes.truncate(MOST);
    let codes = if codes.is_empty() {
        "none".to_owned()
    } else {
        codes.join(", ")
    };
    for (header, value) in [(FORMAT, name), (FINDINGS, codes)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(header, value);
        }
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let at = match &finding.place {
        Place::Whole => String::new(),
        Place::Path(path) => format!(" at `{path}`"),
        Place::Bytes(span) => format!(" at byte {}", span.start),
    };
    let fix = finding
        .fix
        .as_ref()
        .map_or_else(String::new, |fix| format!(" ({fix})"));
    let Finding {
        severity,
        code,
        message,
        ..
    } = finding;
    format!("  {severity} {code}{at}: {message}{fix}")
}
