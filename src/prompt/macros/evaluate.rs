//! Macros to text: pairs of tags, arguments from the inside out, limits, and what is reported.
//!
//! A text is parsed, each macro is looked up in the table and replaced; an argument, or what stands between a pair of tags,
//! is a text of its own and goes the same way first. Only `{{if}}` gets its arguments unread, so that the branch not
//! taken has no effect.

use std::ops::Range;

use super::hash::{Random, cyrb53};
use super::lexer::{self, MAX_DEPTH};
use super::pair::{Content, MAX_PAIRING, Role, flatten, pair};
use super::parser::{Macro, parse};
use super::prepare::{Edits, dedent, finish, prepare};
use super::table::{self, Row};
use super::variables::Scope;
use super::{Context, Reason, Unresolved, Variables};

/// How many macros one text may evaluate. The largest cards have some hundreds.
const MAX_STEPS: u32 = 100_000;
/// How many bytes macros may produce for one text, values of variables included: far beyond any context, small enough for
/// a phone.
const MAX_BYTES: usize = 16 << 20;
/// Where a piece of text comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// It begins at this byte of the prepared text.
    At(usize),
    /// It was made by the macro in this range of the given text.
    Within(Range<usize>),
}

impl Origin {
    /// The origin of a part that begins `bytes` further on.
    pub(super) fn plus(&self, bytes: usize) -> Self {
        match self {
            Self::At(at) => Self::At(at + bytes),
            Self::Within(range) => Self::Within(range.clone()),
        }
    }
}

/// A call of a macro.
pub(super) struct Call<'a> {
    pub(super) arguments: Vec<String>,
    /// Where each argument begins.
    pub(super) origins: Vec<Origin>,
    /// Whether the last argument stood between a pair of tags.
    pub(super) scoped: bool,
    /// Whether the flag `#` keeps white space.
    pub(super) keeps_space: bool,
    pub(super) origin: Origin,
    /// How many bytes it takes there, content and closing tag included.
    pub(super) length: usize,
    /// Where the macro stands in the whole text, in UTF-16 units, as SillyTavern counts.
    pub(super) offset: usize,
    pub(super) text: &'a Text,
}

/// What is the same for all macros of one text.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// The hash of the text as it was given.
    pub(super) hash: u64,
    /// Whether this is a card field, in which card fields are empty.
    pub(super) field: bool,
}

/// A text and where it stands.
struct Document<'a> {
    text: &'a str,
    origin: Origin,
    offset: usize,
    about: &'a Text,
    /// A byte of the text and how many UTF-16 units stand before it.
    counted: (usize, usize),
}

impl Document<'_> {
    /// UTF-16 units before `byte`; the bytes asked for mostly grow.
    fn units(&mut self, byte: usize) -> usize {
        if byte < self.counted.0 {
            self.counted = (0, 0);
        }
        let (from, units) = self.counted;
        let more: usize = self.text[from..byte].chars().map(char::len_utf16).sum();
        self.counted = (byte, units + more);
        units + more
    }
}

pub(super) struct Evaluator<'c> {
    pub(super) context: &'c Context,
    pub(super) locals: Variables,
    pub(super) globals: Variables,
    pub(super) random: Random,
    pub(super) unresolved: Vec<Unresolved>,
    pub(super) original_given: bool,
    steps: u32,
    bytes: usize,
    pairing: u32,
    depth: usize,
    edits: Edits,
}

impl<'c> Evaluator<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        Self {
            context,
            locals: context.locals.clone(),
            globals: context.globals.clone(),
            random: Random::new(&context.seed.to_string()),
            unresolved: Vec::new(),
            original_given: false,
            steps: MAX_STEPS,
            bytes: MAX_BYTES,
            pairing: MAX_PAIRING,
            depth: 0,
            edits: Edits::default(),
        }
    }

    /// Expands the whole text.
    pub(super) fn run(&mut self, text: &str) -> String {
        let about = Text {
            hash: cyrb53(text),
            field: false,
        };
        let (prepared, edits) = prepare(text);
        self.edits = edits;
        let output = self.evaluate(&prepared, Origin::At(0), 0, &about);
        self.unresolved.sort_by_key(|macro_| macro_.range.start);
        output
    }

    /// Expands a card field.
    pub(super) fn field(&mut self, text: &str, call: &Call<'_>) -> String {
        let text = lexer::trim(text);
        let about = Text {
            hash: cyrb53(text),
            field: true,
        };
        let origin = Origin::Within(self.given(&call.origin, call.length));
        let (prepared, _) = prepare(text);
        self.evaluate(&prepared, origin, 0, &about)
            .replace('\r', "")
    }

    /// Expands a prepared text as a text of its own: escapes are undone and `{{trim}}` takes effect at its end.
    pub(super) fn evaluate(
        &mut self,
        text: &str,
        origin: Origin,
        offset: usize,
        about: &Text,
    ) -> String {
        finish(self.document(text, origin, offset, about))
    }

    /// Expands a part of a text.
    fn document(&mut self, text: &str, origin: Origin, offset: usize, about: &Text) -> String {
        if !text.contains("{{") {
            return text.to_owned();
        }
        self.depth += 1;
        let macros = if self.depth > MAX_DEPTH {
            None
        } else {
            parse(text).ok()
        };
        let output = if let Some(macros) = macros {
            let mut document = Document {
                text,
                origin,
                offset,
                about,
                counted: (0, 0),
            };
            self.items(&mut document, macros)
        } else {
            let range = self.given(&origin, text.len());
            self.report(range, "", Reason::Limit);
            text.to_owned()
        };
        self.depth -= 1;
        output
    }

    fn items(&mut self, document: &mut Document<'_>, macros: Vec<Macro>) -> String {
        let mut items = Vec::with_capacity(macros.len());
        flatten(macros, &mut items);
        let paired = pair(document.text, &items, &mut self.pairing);
        let mut output = String::with_capacity(document.text.len());
        let mut at = 0;
        for (item, role) in items.iter().zip(paired) {
            if item.range.start < at {
                continue;
            }
            output.push_str(&document.text[at..item.range.start]);
            at = item.range.end;
            match role {
                Role::Text => {
                    output.push_str(&document.text[item.range.clone()]);
                    let origin = document.origin.plus(item.range.start);
                    let range = self.given(&origin, item.range.len());
                    self.report(range, &document.text[item.name.clone()], Reason::Unpaired);
                }
                Role::Alone => output.push_str(&self.evaluate_macro(document, item, None)),
                Role::Around(content) => {
                    at = content.end;
                    output.push_str(&self.evaluate_macro(document, item, Some(content)));
                }
            }
        }
        output.push_str(&document.text[at..]);
        output
    }

    fn evaluate_macro(
        &mut self,
        document: &mut Document<'_>,
        node: &Macro,
        content: Option<Content>,
    ) -> String {
        let text = document.text;
        if node.variable.is_some() {
            return self.evaluate_variable(document, node);
        }
        let name = &text[node.name.clone()];
        if name.is_empty() {
            return text[node.range.clone()].to_owned();
        }
        let row = table::find(name);
        let delayed = row.is_some_and(|row| row.delayed);
        let keeps_space = node.flags.contains(&b'#');
        let mut ranges: Vec<Range<usize>> = node
            .arguments
            .iter()
            .map(|argument| argument.range.clone())
            .collect();
        ranges.extend(content.iter().map(|content| content.range.clone()));
        // Before the arguments, so that the places asked for grow.
        let offset = document.offset + document.units(node.range.start);
        let mut arguments = Vec::with_capacity(ranges.len());
        for (index, range) in ranges.iter().enumerate() {
            let raw = &text[range.clone()];
            let value = if delayed {
                raw.to_owned()
            } else {
                // An empty argument may stand nowhere.
                let before = if raw.is_empty() {
                    0
                } else {
                    document.units(range.start)
                };
                let offset = document.offset + before;
                let origin = document.origin.plus(range.start);
                let value = self.document(raw, origin, offset, document.about);
                if index >= node.arguments.len() && !keeps_space {
                    dedent(&value)
                } else {
                    value
                }
            };
            arguments.push(value);
        }
        let end = content
            .as_ref()
            .map_or(node.range.end, |content| content.end);
        let call = Call {
            origins: ranges
                .iter()
                .map(|range| document.origin.plus(range.start))
                .collect(),
            arguments,
            scoped: content.is_some(),
            keeps_space,
            origin: document.origin.plus(node.range.start),
            length: end - node.range.start,
            offset,
            text: document.about,
        };
        match self.call(name, row, &call) {
            Ok(value) => value,
            Err(reason) => {
                let range = self.given(&call.origin, call.length);
                self.report(range, name, reason);
                // What was between the parts stays, the arguments are the expanded ones.
                let mut raw = String::new();
                let mut at = node.range.start;
                for (range, value) in ranges.iter().zip(&call.arguments) {
                    raw.push_str(&text[at..range.start.max(at)]);
                    raw.push_str(value);
                    at = range.end.max(at);
                }
                raw.push_str(&text[at..end]);
                raw
            }
        }
    }

    fn call(
        &mut self,
        name: &str,
        row: Option<&'static Row>,
        call: &Call<'_>,
    ) -> Result<String, Reason> {
        self.spend(1, 0)?;
        let context = self.context;
        // Inside a card field, only what stands for a chat window's answer counts.
        let counts = !call.text.field || row.is_some_and(|row| row.window);
        let given = context
            .values
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = match (given.filter(|_| counts), row) {
            (Some((_, value)), _) if call.arguments.is_empty() => value.clone(),
            (Some(_), _) => return Err(Reason::Arguments),
            (None, None) => return Err(Reason::Unknown),
            (None, Some(row)) => {
                row.check(&call.arguments)?;
                (row.evaluate)(self, call)?
            }
        };
        self.spend(0, value.len())?;
        Ok(value)
    }

    fn evaluate_variable(&mut self, document: &mut Document<'_>, node: &Macro) -> String {
        let Some(variable) = &node.variable else {
            return String::new();
        };
        let text = document.text;
        let name = &text[variable.name.clone()];
        let scope = if variable.global {
            Scope::Global
        } else {
            Scope::Local
        };
        let operator = &text[variable.operator.clone()];
        let value = |evaluator: &mut Self| -> String {
            let range = variable.value.clone();
            let mut output = String::new();
            let mut at = range.start;
            for inner in &node.nested {
                output.push_str(&text[at..inner.range.start.max(at)]);
                // One that is not closed is replaced here as well, as if it were.
                output.push_str(&evaluator.evaluate_macro(document, inner, None));
                if !inner.closed && inner.variable.is_none() {
                    output.push_str("}}");
                }
                at = inner.range.end;
            }
            output.push_str(&text[at..range.end.max(at)]);
            lexer::trim(&output).to_owned()
        };
        let result = self
            .spend(1, 0)
            .and_then(|()| super::variables::operate(self, scope, name, operator, value));
        result.unwrap_or_else(|reason| {
            let origin = document.origin.plus(node.range.start);
            let range = self.given(&origin, node.range.len());
            self.report(range, name, reason);
            text[node.range.clone()].to_owned()
        })
    }

    /// Accounts for macros and for bytes they made.
    pub(super) fn spend(&mut self, steps: u32, bytes: usize) -> Result<(), Reason> {
        match (self.steps.checked_sub(steps), self.bytes.checked_sub(bytes)) {
            (Some(steps), Some(bytes)) => {
                (self.steps, self.bytes) = (steps, bytes);
                Ok(())
            }
            _ => {
                // Once a limit is reached, nothing more is evaluated.
                (self.steps, self.bytes) = (0, 0);
                Err(Reason::Limit)
            }
        }
    }

    fn report(&mut self, range: Range<usize>, name: &str, reason: Reason) {
        self.unresolved.push(Unresolved {
            range,
            name: name.to_owned(),
            reason,
        });
    }

    /// The range of the given text that `length` bytes of prepared text at `origin` come from.
    fn given(&self, origin: &Origin, length: usize) -> Range<usize> {
        let at = match origin {
            Origin::Within(range) => return range.clone(),
            Origin::At(at) => *at,
        };
        self.edits.given(at..at + length)
    }
}
