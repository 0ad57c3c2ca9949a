//! Findings in a text, shown with the lines they are about.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::output;
use crate::{Finding, Place, Severity};

/// How many findings are shown in full; more help nobody.
const MOST: usize = 100;

/// The longest excerpt of a line, in bytes on either side of what it is about.
const AROUND: usize = 2_000;

/// A text that findings are about.
#[derive(Debug, Clone)]
pub(super) struct Source<'t> {
    /// Its file name.
    pub(super) name: &'t str,
    /// The text.
    pub(super) text: &'t str,
    /// Where each line begins, so that many findings in a long text cost no more than the text.
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(super) fn new(name: &'t str, text: &'t str) -> Self {
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self {
            name,
            text,
            starts: [0].into_iter().chain(breaks).collect(),
        }
    }

    /// The line and the column (in characters) of the byte `at`, both counted from 1.
    pub(super) fn line_column(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

/// Every finding with its excerpt, each followed by an empty line.
pub(super) fn pages(source: &Source<'_>, findings: &[Finding]) -> String {
    let renderer = Renderer::styled().term_width(terminal_width());
    let mut text = String::new();
    for finding in findings.iter().take(MOST) {
        text.push_str(&page(&renderer, source, finding));
        text.push_str("\n\n");
    }
    if findings.len() > MOST {
        text.push_str(&format!(
            "... and {} more findings\n\n",
            findings.len() - MOST
        ));
    }
    text
}

fn page(renderer: &Renderer, source: &Source<'_>, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::NOTE,
    };
    let message = output::escape(&finding.message);
    let fix = finding.fix.as_deref().map(output::escape);
    let title = level.primary_title(message.as_str()).id(finding.code);
    let name = output::escape(source.name);
    let group = match &finding.place {
        Place::Bytes(span) => {
            let text = source.text;
            let start = text[..span.start.min(text.len())]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let end = text[span.start.min(text.len())..]
                .find('\n')
                .map_or(text.len(), |at| span.start + at);
            let end = floor(text, end.min(span.end.max(span.start) + AROUND)).max(span.start);
            let inside =
                span.start - start..span.end.clamp(span.start, end.max(span.start)) - start;
            let line = source.line_column(span.start).0;
            let snippet = Snippet::source(&text[start..end])
                .path(name.as_str())
                .line_start(line)
                .annotation(AnnotationKind::Primary.span(inside));
            title.element(snippet)
        }
        _ => title.element(annotate_snippets::Origin::path(name.as_str())),
    };
    let group = match &fix {
        Some(fix) => group.element(Level::HELP.message(fix.as_str())),
        None => group,
    };
    renderer.render(&[group])
}

fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0))
}

/// The greatest character boundary that is at most `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
