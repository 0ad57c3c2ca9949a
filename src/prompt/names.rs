//! The two names of a conversation where a text says them.

use std::cmp::Reverse;
use std::ops::Range;

/// Where `text` says one of two names as a whole word, and which. Of two that begin at the same place the longer one counts.
pub(super) fn said(text: &str, names: [&str; 2]) -> Vec<(Range<usize>, usize)> {
    let mut all: Vec<_> = (names.into_iter().enumerate())
        .filter(|(_, name)| !name.is_empty())
        .flat_map(|(which, name)| {
            text.match_indices(name)
                .map(move |(at, name)| (at..at + name.len(), which))
        })
        .filter(|(span, _)| {
            !text[..span.start].ends_with(char::is_alphanumeric)
                && !text[span.end..].starts_with(char::is_alphanumeric)
        })
        .collect();
    all.sort_by_key(|(span, _)| (span.start, Reverse(span.end)));
    let mut end = 0;
    all.retain(|(span, _)| {
        let is_apart = span.start >= end;
        if is_apart {
            end = span.end;
        }
        is_apart
    });
    all
}

/// `text` with something else in place of each of two names.
pub(crate) fn replaced(text: &str, names: [&str; 2], with: [&str; 2]) -> String {
    let mut new = String::with_capacity(text.len());
    let mut done = 0;
    for (span, which) in said(text, names) {
        new.push_str(&text[done..span.start]);
        new.push_str(with[which]);
        done = span.end;
    }
    new + &text[done..]
}
