//! Text to tokens: where a macro begins, what its parts are and where it ends.
//!
//! SillyTavern's lexer is a stack of modes: what a character means depends on whether it stands in plain text, right after
//! `{{`, right after a name, among arguments, or in the value of a variable. The modes below are those modes, because
//! what happens to malformed text (`{{user!}}`, `{{ }}`, `{{a {{ }} b}}`) follows from them.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Text outside of macros.
    Text,
    /// `{{`
    Start,
    /// `}}`
    End,
    /// `!`, `?`, `~`, `#`, `/` or `>` before the name.
    Flag,
    /// `//` in the place of a name.
    Slashes,
    /// The name of a macro.
    Name,
    /// `::`
    DoubleColon,
    /// A word among arguments or in a value.
    Word,
    /// Any other character among arguments or in a value.
    Other,
    /// `.` or `$`, which begins a variable.
    Scope,
    /// The name of a variable.
    Variable,
    /// `++` or `--`
    Step,
    /// An operator that takes a value.
    Operator,
    /// The end of the text.
    Nothing,
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kinds(u32);

impl Kinds {
    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let mut set = 0;
        let mut index = 0;
        while index < kinds.len() {
            set |= 1 << kinds[index] as u32;
            index += 1;
        }
        Self(set)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// How deep macros may stand in each other.
pub(super) const MAX_DEPTH: usize = 100;

/// Macros stand in each other deeper than [`MAX_DEPTH`].
#[derive(Debug)]
pub(super) struct TooDeep;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Head,
    AfterName,
    Arguments,
    VariableName,
    AfterVariable,
    Value,
}

/// Longer operators stand before their prefixes.
const OPERATORS: [&str; 13] = [
    "??=", "??", "||=", "||", "-=", "==", "!=", ">=", ">", "<=", "<", "+=", "=",
];

/// The tokens of `text`. White space inside macros, and what cannot follow a name, gives no token.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, TooDeep> {
    let mut tokens = Vec::new();
    let mut modes = vec![Mode::Text];
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let mode = modes.last().copied().unwrap_or(Mode::Text);
        // The kind and length of the next token, if there is one, and how the modes change with it.
        let (kind, length) = match mode {
            Mode::Text => {
                let open = rest.find("{{").unwrap_or(rest.len());
                // Of a longer run of braces, the last two open the macro.
                let braces = rest[open..]
                    .bytes()
                    .take_while(|byte| *byte == b'{')
                    .count();
                let plain = open + braces.saturating_sub(2);
                if plain > 0 {
                    (Some(Kind::Text), plain)
                } else {
                    modes.push(Mode::Head);
                    (Some(Kind::Start), 2)
                }
            }
            Mode::Head => head(rest, &mut modes),
            Mode::AfterName => {
                if rest.starts_with("}}") {
                    modes.pop();
                    (None, 0)
                } else if let (length @ 1.., _) | (length, Some(':' | '|' | '}')) =
                    (spaces(rest), rest.chars().next())
                {
                    modes.pop();
                    modes.push(Mode::Arguments);
                    (None, length)
                } else {
                    let skip = rest.find(|c| is_space(c) || matches!(c, ':' | '|' | '}'));
                    (None, skip.unwrap_or(rest.len()))
                }
            }
            Mode::VariableName => match (spaces(rest), variable_length(rest)) {
                (0, 0) => {
                    modes.pop();
                    (None, 0)
                }
                (0, length) => {
                    modes.pop();
                    modes.push(Mode::AfterVariable);
                    (Some(Kind::Variable), length)
                }
                (length, _) => (None, length),
            },
            Mode::AfterVariable => after_variable(rest, &mut modes),
            Mode::Arguments | Mode::Value => inside(rest, mode, &mut modes),
        };
        if modes.len() > 2 * MAX_DEPTH {
            return Err(TooDeep);
        }
        if let Some(kind) = kind {
            let token = Token {
                kind,
                start: at,
                end: at + length,
            };
            tokens.push(token);
            // Four bytes are two units of UTF-16, which SillyTavern takes one by one.
            if kind == Kind::Other && length == 4 {
                tokens.push(token);
            }
        }
        at += length;
    }
    Ok(tokens)
}

/// After `{{`: flags, then a name or a variable.
fn head(rest: &str, modes: &mut Vec<Mode>) -> (Option<Kind>, usize) {
    if rest.starts_with("}}") {
        modes.pop();
        return (Some(Kind::End), 2);
    }
    if rest.starts_with("//") {
        modes.push(Mode::Arguments);
        return (Some(Kind::Slashes), 2);
    }
    match rest.as_bytes()[0] {
        b'.' | b'$' => {
            modes.push(Mode::VariableName);
            (Some(Kind::Scope), 1)
        }
        b'!' | b'?' | b'~' | b'#' | b'/' | b'>' => (Some(Kind::Flag), 1),
        _ => match (spaces(rest), word_length(rest)) {
            (0, 0) => {
                modes.pop();
                (None, 0)
            }
            (0, length) => {
                modes.push(Mode::AfterName);
                (Some(Kind::Name), length)
            }
            (length, _) => (None, length),
        },
    }
}

/// After the name of a variable: operators.
fn after_variable(rest: &str, modes: &mut Vec<Mode>) -> (Option<Kind>, usize) {
    match spaces(rest) {
        0 => {}
        length => return (None, length),
    }
    if rest.starts_with("++") || rest.starts_with("--") {
        return (Some(Kind::Step), 2);
    }
    modes.pop();
    match OPERATORS
        .iter()
        .find(|operator| rest.starts_with(**operator))
    {
        Some(operator) => {
            modes.push(Mode::Value);
            (Some(Kind::Operator), operator.len())
        }
        None => (None, 0),
    }
}

/// Among arguments, or in the value of a variable, where colons have no meaning.
fn inside(rest: &str, mode: Mode, modes: &mut Vec<Mode>) -> (Option<Kind>, usize) {
    if rest.starts_with("{{") {
        modes.push(Mode::Head);
        return (Some(Kind::Start), 2);
    }
    if rest.starts_with("}}") {
        modes.pop();
        return (None, 0);
    }
    if mode == Mode::Arguments && rest.starts_with("::") {
        return (Some(Kind::DoubleColon), 2);
    }
    match (spaces(rest), word_length(rest)) {
        (0, 0) => {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            (Some(Kind::Other), length)
        }
        (0, length) => (Some(Kind::Word), length),
        (length, _) => (None, length),
    }
}

/// White space as JavaScript has it.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}')
}

/// `text` without JavaScript's white space at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn spaces(text: &str) -> usize {
    text.find(|c| !is_space(c)).unwrap_or(text.len())
}

/// The length of the name `text` begins with: a letter, then letters, digits, `_` and `-`.
fn word_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        .unwrap_or(text.len())
}

/// The length of the variable name `text` begins with: a name that does not end in `-`, which is for operators.
pub(super) fn variable_length(text: &str) -> usize {
    text[..word_length(text)].trim_end_matches('-').len()
}
