//! Tokens to macros: a parser that goes on after mistakes, as SillyTavern's does.
//!
//! Macros are written by hand, so half of the interesting inputs are malformed. SillyTavern's parser drops one token where
//! that helps and otherwise skips to the next token that some enclosing rule could go on with; what is
//! evaluated and what stays text follows from exactly that, so each rule here has the set of tokens that may come
//! after it at the place it was called from.

use std::ops::Range;

use super::lexer::{Kind, Kinds, Token, TooDeep, tokens};

/// A macro in a text. Ranges are bytes of that text.
#[derive(Debug, Default)]
pub(super) struct Macro {
    pub(super) range: Range<usize>,
    /// Whether it has its `}}`. What is not closed is text, though macros inside it count.
    pub(super) closed: bool,
    /// The characters between `{{` and the name.
    pub(super) flags: Vec<u8>,
    /// Its name; empty where there is none, or a variable.
    pub(super) name: Range<usize>,
    pub(super) arguments: Vec<Argument>,
    pub(super) variable: Option<Variable>,
    /// The macros inside the arguments or the value.
    pub(super) nested: Vec<Macro>,
}

/// An argument, without the white space around it.
#[derive(Debug, Default)]
pub(super) struct Argument {
    pub(super) range: Range<usize>,
    /// Where its first token that is not a macro begins.
    pub(super) plain: Option<usize>,
}

/// `{{.name}}` or `{{$name += value}}`.
#[derive(Debug, Default)]
pub(super) struct Variable {
    pub(super) global: bool,
    pub(super) name: Range<usize>,
    pub(super) operator: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The macros of `text` that are not inside others.
pub(super) fn parse(text: &str) -> Result<Vec<Macro>, TooDeep> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        at: 0,
        end: 0,
        follows: Kinds::of(&[Kind::Nothing]),
    };
    let mut macros = Vec::new();
    while parser.kind(0) != Kind::Nothing {
        if parser.kind(0) == Kind::Start && OPENERS.has(parser.kind(1)) {
            let mut node = Macro::default();
            // An error that no rule could recover from leaves nothing to parse.
            let ended = parser
                .macro_in(&mut node, Kinds::of(&[Kind::Text, Kind::Start]))
                .is_err();
            macros.push(node);
            if ended {
                break;
            }
        } else {
            parser.at += 1;
        }
    }
    Ok(macros)
}

/// What may come after `{{`.
const OPENERS: Kinds = Kinds::of(&[Kind::Flag, Kind::Scope, Kind::Slashes, Kind::Name]);
/// What a value is made of.
const VALUE: Kinds = Kinds::of(&[Kind::Start, Kind::Word, Kind::Other]);
/// What arguments are made of.
const ARGUMENTS: Kinds = VALUE.or(Kinds::of(&[Kind::DoubleColon]));
const NONE: Kinds = Kinds::of(&[]);
const END: Kinds = Kinds::of(&[Kind::End]);

/// A token stands where no rule has a use for it.
struct Lost;

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    /// The end of the last token that was used.
    end: usize,
    /// What may come after the rules that are running, each in the rule that called it.
    follows: Kinds,
}

impl Parser<'_> {
    fn token(&self, ahead: usize) -> Token {
        self.tokens.get(self.at + ahead).copied().unwrap_or(Token {
            kind: Kind::Nothing,
            start: self.text.len(),
            end: self.text.len(),
        })
    }

    fn kind(&self, ahead: usize) -> Kind {
        self.token(ahead).kind
    }

    fn take(&mut self) -> Token {
        let token = self.token(0);
        self.at += 1;
        self.end = token.end;
        token
    }

    /// Takes a token of this kind, dropping one other token before it.
    fn expect(&mut self, kind: Kind) -> Result<Token, Lost> {
        if self.kind(0) != kind {
            if self.kind(1) != kind {
                return Err(Lost);
            }
            self.at += 1;
        }
        Ok(self.take())
    }

    /// Runs a rule after which `own` may come. When the rule is lost, skips to the first token that some enclosing rule
    /// can go on with, and is found again if that is the rule's caller.
    fn rule(
        &mut self,
        own: Kinds,
        run: impl FnOnce(&mut Self) -> Result<(), Lost>,
    ) -> Result<(), Lost> {
        let outer = self.follows;
        let all = own.or(outer);
        self.follows = all;
        let result = run(self).or_else(|Lost| {
            let ahead = (0..).find(|ahead| all.has(self.kind(*ahead))).unwrap_or(0);
            if !own.has(self.kind(ahead)) {
                return Err(Lost);
            }
            self.at += ahead;
            Ok(())
        });
        self.follows = outer;
        result
    }

    fn macro_in(&mut self, node: &mut Macro, own: Kinds) -> Result<(), Lost> {
        node.range.start = self.token(0).start;
        let result = self.rule(own, |parser| parser.macro_body(node));
        node.range.end = self.end;
        result
    }

    fn macro_body(&mut self, node: &mut Macro) -> Result<(), Lost> {
        self.take();
        while self.kind(0) == Kind::Flag {
            let flag = self.take();
            node.flags.push(self.text.as_bytes()[flag.start]);
        }
        match self.kind(0) {
            Kind::Scope => self.rule(END, |parser| parser.variable(node))?,
            Kind::Name | Kind::Slashes => self.rule(END, |parser| {
                let name = parser.take();
                node.name = name.start..name.end;
                if ARGUMENTS.has(parser.kind(0)) {
                    parser.rule(NONE, |parser| parser.arguments(node))?;
                }
                Ok(())
            })?,
            _ => return Err(Lost),
        }
        self.expect(Kind::End)?;
        node.closed = true;
        Ok(())
    }

    fn arguments(&mut self, node: &mut Macro) -> Result<(), Lost> {
        if self.kind(0) == Kind::DoubleColon {
            while self.kind(0) == Kind::DoubleColon {
                self.take();
                self.argument(node, VALUE, Kinds::of(&[Kind::DoubleColon]))?;
            }
            return Ok(());
        }
        // A single colon may open the argument, which then reaches to the end.
        let colon = self.token(0);
        if colon.kind == Kind::Other && self.text[colon.start..].starts_with(':') {
            self.take();
        }
        if !ARGUMENTS.has(self.kind(0)) {
            node.arguments.push(Argument::default());
            return Err(Lost);
        }
        self.argument(node, ARGUMENTS, NONE)
    }

    fn argument(&mut self, node: &mut Macro, kinds: Kinds, own: Kinds) -> Result<(), Lost> {
        let mut argument = Argument::default();
        let first = self.token(0);
        let before = self.at;
        let result = self.rule(own, |parser| {
            while kinds.has(parser.kind(0)) {
                if parser.kind(0) == Kind::Start {
                    parser.nested(node, kinds)?;
                } else {
                    let token = parser.take();
                    argument.plain.get_or_insert(token.start);
                }
            }
            Ok(())
        });
        if self.at > before {
            argument.range = first.start..self.end.max(first.start);
        }
        node.arguments.push(argument);
        result
    }

    fn nested(&mut self, node: &mut Macro, own: Kinds) -> Result<(), Lost> {
        let mut inner = Macro::default();
        let result = self.macro_in(&mut inner, own);
        node.nested.push(inner);
        result
    }

    fn variable(&mut self, node: &mut Macro) -> Result<(), Lost> {
        let scope = self.take();
        let variable = Variable {
            global: self.text[scope.start..].starts_with('$'),
            ..Variable::default()
        };
        let variable = node.variable.insert(variable);
        let name = self.expect(Kind::Variable)?;
        variable.name = name.start..name.end;
        if !matches!(self.kind(0), Kind::Step | Kind::Operator) {
            return Ok(());
        }
        self.rule(NONE, |parser| {
            let operator = parser.take();
            variable.operator = operator.start..operator.end;
            if operator.kind == Kind::Step {
                return Ok(());
            }
            let first = parser.token(0).start;
            let before = parser.at;
            let result = parser.rule(NONE, |parser| {
                while VALUE.has(parser.kind(0)) {
                    if parser.kind(0) == Kind::Start {
                        let mut inner = Macro::default();
                        let result = parser.macro_in(&mut inner, VALUE);
                        node.nested.push(inner);
                        result?;
                    } else {
                        parser.take();
                    }
                }
                Ok(())
            });
            if parser.at > before {
                variable.value = first..parser.end.max(first);
            }
            result
        })
    }
}
