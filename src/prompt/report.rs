//! Findings being gathered, each with the edit that mends it.

use std::ops::Range;

use serde::Serialize;

use super::rules::rule;
use crate::{Finding, Place, Severity};

/// A change of the text that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The bytes to replace.
    pub span: Range<usize>,
    /// What to put there.
    pub replacement: String,
}

/// What is found in one text.
#[derive(Debug)]
pub(super) struct Report<'t> {
    pub(super) text: &'t str,
    findings: Vec<Finding>,
    edits: Vec<Edit>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            findings: Vec::new(),
            edits: Vec::new(),
        }
    }

    /// Adds a finding of rule `code` at `span`.
    pub(super) fn add(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Added<'_> {
        // An excerpt needs whole characters.
        let mut end = span.end.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let span = super::document::floor(self.text, span.start)..end;
        self.findings.push(Finding {
            code,
            severity: rule(code).map_or(Severity::Error, |rule| rule.severity),
            place: Place::Bytes(span),
            message: message.into(),
            fix: None,
        });
        let finding = self.findings.len() - 1;
        Added {
            finding: &mut self.findings[finding],
            edits: &mut self.edits,
        }
    }

    /// Adds a change that belongs to a finding already made.
    pub(super) fn edit(&mut self, span: Range<usize>, replacement: impl Into<String>) {
        self.edits.push(Edit {
            span,
            replacement: replacement.into(),
        });
    }

    /// The findings and the edits, in the order of the text.
    pub(super) fn finish(mut self) -> (Vec<Finding>, Vec<Edit>) {
        self.findings.sort_by_key(|finding| match &finding.place {
            Place::Bytes(span) => span.start,
            _ => 0,
        });
        self.edits
            .sort_by_key(|edit| (edit.span.start, edit.span.end));
        (self.findings, self.edits)
    }
}

/// A finding that was just added.
pub(super) struct Added<'r> {
    finding: &'r mut Finding,
    edits: &'r mut Vec<Edit>,
}

impl Added<'_> {
    /// Says what to do.
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        self.finding.fix = Some(fix.into());
        self
    }

    /// Gives the change that does it.
    pub(super) fn edit(self, span: Range<usize>, replacement: impl Into<String>) -> Self {
        self.edits.push(Edit {
            span,
            replacement: replacement.into(),
        });
        self
    }
}

/// `text` with `edits` applied; of two that overlap the earlier one wins.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        if edit.span.start < at || edit.span.end > text.len() {
            continue;
        }
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.replacement);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}
