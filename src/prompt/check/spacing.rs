//! The gaps between tags, names, sections and messages: each has exact bytes, and whatever else stands there is reported
//! and can be mended.

use crate::prompt::Role;
use crate::prompt::document::{Document, SystemBlock, Turn};
use crate::prompt::format::Format;
use crate::prompt::pattern::{Hole, Part, Pattern};
use crate::prompt::report::Report;

pub(super) fn check(format: &Format, document: &Document, report: &mut Report<'_>) {
    let mut gaps = Gaps {
        report,
        at: 0,
        expected: String::new(),
        known: true,
        unfinished: format.is_limarp()
            && document
                .turns
                .last()
                .is_some_and(|turn| turn.role == Role::Char),
    };
    if gaps.report.text.starts_with('\u{feff}') {
        gaps.at = 3;
    }
    if let Some(span) = &document.preamble {
        gaps.reach(span.start);
        gaps.leave(span.end, ws_end(&format.layout.preamble));
    } else if format.layout.preamble.trim().is_empty() {
        gaps.expected.push_str(&format.layout.preamble);
    }
    if document.outside.is_some() {
        gaps.known = false;
    }
    let system = document
        .system
        .as_ref()
        .filter(|system| system.first && !format.layout.flipped);
    if let Some(system) = system {
        gaps.system(format, system);
    }
    for (at, turn) in document.turns.iter().enumerate() {
        gaps.turn(
            format,
            turn,
            at == 0 && system.is_some() && format.side(turn.role).first.is_some(),
        );
        if at + 1 < document.turns.len() && !turn.open {
            gaps.expected.push_str(&format.front.between);
        } else if !turn.open && document.tail.is_none() && !format.layout.flipped {
            gaps.expected.push_str(&format.front.end);
        }
    }
    if let Some(tail) = &document.tail {
        gaps.expected.push_str(
            &format.layout.tail[..format.layout.tail.len() - format.layout.tail.trim_start().len()],
        );
        gaps.reach(tail.start);
        gaps.leave(tail.end, "");
    }
    if let Some(system) = document.system.as_ref().filter(|_| format.layout.flipped) {
        gaps.expected.push_str(&format.layout.tail);
        gaps.system(format, system);
    }
    gaps.end(
        document.turns.last().is_some_and(|turn| turn.open),
        document.turns.is_empty(),
    );
}

struct Gaps<'r, 't> {
    report: &'r mut Report<'t>,
    /// Where the gap begins.
    at: usize,
    /// What should stand in it.
    expected: String,
    /// Whether everything in the gap is understood; if not, it is left alone.
    known: bool,
    /// Whether the last message may be meant to go on.
    unfinished: bool,
}

impl Gaps<'_, '_> {
    /// The gap ends at `at`.
    fn reach(&mut self, at: usize) {
        if self.known && self.at <= at {
            self.compare(at);
        }
        self.known = true;
    }

    /// The next gap begins at `at` and should hold `expected`.
    fn leave(&mut self, at: usize, expected: &str) {
        self.at = at;
        self.expected.clear();
        self.expected.push_str(expected);
    }

    fn system(&mut self, format: &Format, system: &SystemBlock) {
        if let Some(tag) = &system.tag {
            self.reach(tag.start);
            self.leave(tag.end, &format.layout.open);
        }
        self.known &= system.unknown.is_empty();
        let mut sections = system.sections.iter().peekable();
        while let Some(section) = sections.next() {
            self.reach(section.span.start);
            if let Some(name) = &section.name {
                self.leave(name.end, "");
            }
            let last = sections.peek().is_none();
            self.leave(
                section.span.end,
                if last {
                    &format.layout.close
                } else {
                    &format.layout.line_break
                },
            );
        }
        if system.sections.is_empty() {
            self.known = false;
        }
    }

    fn turn(&mut self, format: &Format, turn: &Turn, first: bool) {
        let side = format.side(turn.role);
        let pattern = if turn.open && !first {
            &side.open
        } else {
            side.turn(first).0
        };
        let before = pattern.before(Hole::Tag).to_owned();
        self.expected.push_str(&before);
        self.reach(turn.tag.start);
        let body = turn
            .speaker
            .as_ref()
            .map_or(turn.text.start, |speaker| speaker.start);
        let (header, placed) = header(format, turn, pattern, self.report.text);
        let start = match &turn.length {
            Some(length) if !placed => length.span.end,
            _ => turn.tag.end,
        };
        self.leave(start, &header);
        // A tag that shares its line has its own rule, and an open turn ends the text.
        let nameless = turn.open && turn.speaker.is_none();
        self.known = !turn.tag_shares_line && !nameless;
        self.reach(body);
        if turn.open {
            self.leave(turn.after_speaker.unwrap_or(turn.text.start), "");
            return;
        }
        self.leave(
            turn.end,
            if turn.closed {
                ws_end(pattern.after(Hole::Text))
            } else {
                pattern.after(Hole::Text)
            },
        );
        // An empty turn's gap runs into the next one; the empty turn is what is wrong.
        self.known = !turn.text.is_empty();
    }

    /// The gap ends with the text.
    fn end(&mut self, open: bool, no_turns: bool) {
        let text = self.report.text;
        if open || no_turns || !self.known {
            return;
        }
        let found = text[self.at..].replace('\r', "");
        let found = found.trim_end_matches([' ', '\t']);
        if found == self.expected {
            return;
        }
        if found.trim().is_empty() && self.expected.trim().is_empty() {
            // A message of the character's without an end may be meant to go on.
            if found.is_empty() && self.unfinished {
                return;
            }
            let what = if found.is_empty() {
                "the transcript does not end in a line feed"
            } else {
                "more than one line feed ends the transcript"
            };
            let expected = self.expected.clone();
            self.report
                .add("end-newline", self.at..text.len(), what)
                .fix("end it with one line feed")
                .edit(self.at..text.len(), expected);
        } else {
            self.compare(text.len());
        }
    }

    fn compare(&mut self, end: usize) {
        let text = self.report.text;
        let span = self.at..end;
        let found = &text[span.clone()];
        if found == self.expected || strip_blanks(found) == self.expected {
            return;
        }
        let expected = self.expected.clone();
        let next = end..end + text[end..].chars().next().map_or(0, char::len_utf8);
        let (breaks, wanted) = (found.matches('\n').count(), expected.matches('\n').count());
        let missing = expected.trim();
        let (code, place, message) = if !found.trim().is_empty() || !missing.is_empty() {
            let message = if missing.is_empty() {
                format!("`{}` does not belong here", found.trim())
            } else {
                format!("`{missing}` is missing here")
            };
            ("marker-missing", next, message)
        } else if breaks < wanted {
            let what = if breaks == 0 || wanted == 1 {
                "a line break is missing before this"
            } else {
                "a blank line is missing before this"
            };
            ("blank-line-missing", next, what.to_owned())
        } else if breaks > wanted {
            let what = match breaks - wanted {
                1 => "a blank line too many before this".to_owned(),
                extra => format!("{extra} blank lines too many before this"),
            };
            ("blank-line-extra", next, what)
        } else {
            ("indentation", next, "a blank stands before this".to_owned())
        };
        let fix = format!("put `{}` there", expected.escape_debug());
        let fix = if expected.is_empty() {
            "delete it".to_owned()
        } else {
            fix
        };
        self.report
            .add(code, place, message)
            .fix(fix)
            .edit(span, expected);
    }
}

/// What should stand between a turn's tag and its first word, and whether that has a place for the length.
fn header(format: &Format, turn: &Turn, pattern: &Pattern, text: &str) -> (String, bool) {
    let after_tag = pattern
        .parts
        .iter()
        .skip_while(|part| **part != Part::Hole(Hole::Tag))
        .skip(1);
    let word = turn
        .length
        .as_ref()
        .map(|length| &text[length.word.clone()]);
    let mut header = String::new();
    let mut placed = false;
    for part in after_tag {
        match (part, word) {
            // A modifier that is always there: any word will do.
            (Part::Literal(literal), Some(word)) if literal.contains("(length = ") => {
                placed = true;
                let (before, rest) = literal.split_once("(length = ").unwrap_or((literal, ""));
                let (_, after) = rest.split_once(')').unwrap_or(("", rest));
                header.push_str(&format!("{before}(length = {word}){after}"));
            }
            (Part::Literal(literal), _) => header.push_str(literal),
            (Part::Hole(Hole::Length), word) => {
                placed = true;
                if let (Some(length), Some(word)) = (&format.length_text, word) {
                    length.fill(&mut header, |_| word);
                }
            }
            (Part::Hole(_), _) => break,
        }
    }
    (header, placed)
}

/// Blanks and carriage returns before line breaks have their own rules.
fn strip_blanks(gap: &str) -> String {
    let mut out = String::with_capacity(gap.len());
    for (at, line) in gap.split('\n').enumerate() {
        if at > 0 {
            let kept = out.trim_end_matches([' ', '\t', '\r']).len();
            out.truncate(kept);
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

/// The blanks and line breaks at the end of `text`.
fn ws_end(text: &str) -> &str {
    &text[text.trim_end().len()..]
}
