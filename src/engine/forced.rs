//! Text that a grammar forces: where only one character can come, nothing is left to choose.
//!
//! llama.cpp's grammar says which tokens may come next, and finding out takes a pass over the vocabulary. What is wanted
//! here is another thing and far cheaper: the characters that must come whatever the model says, such as the keys of a JSON
//! schema or the names between the messages of a dialogue. So the grammar is read a second time, into the stacks of a
//! pushdown automaton, as llama.cpp does it. What this reading does not know (tokens as terminals, left recursion, sizes
//! beyond its limits) it leaves alone: then nothing is forced and everything is sampled.

use std::collections::{BTreeSet, HashMap};

/// The most elements of all rules: repetitions are written out.
const MOST_ELEMENTS: usize = 50_000;
/// The most ways in which a text can be read at one time.
const MOST_STACKS: usize = 256;
/// The deepest nesting.
const MOST_DEPTH: usize = 128;
/// The most characters that are forced at a time.
const MOST_TEXT: usize = 512;

/// A part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    /// Any of these ranges, or any but these.
    Char(Vec<(u32, u32)>, bool),
    Rule(usize),
}

/// The alternatives of a rule, each a sequence.
type Rule = Vec<Vec<Element>>;

/// Where in a rule: rule, alternative, element.
type Place = (usize, usize, usize);

/// A grammar, and how far a text has come in it.
#[derive(Debug, Clone)]
pub(super) struct Forced {
    rules: std::sync::Arc<Vec<Rule>>,
    /// What is left to read, innermost last; the last place is always a character.
    stacks: BTreeSet<Vec<Place>>,
    /// Whether the text can end here.
    complete: bool,
    /// Bytes of an unfinished character.
    partial: Vec<u8>,
}

impl Forced {
    /// The reading of a grammar with the root rule `root`; `None` where it is not understood.
    pub(super) fn new(source: &str) -> Option<Self> {
        let rules = Parser::new(source).parse()?;
        let root = 0;
        let mut forced = Self {
            rules: std::sync::Arc::new(rules),
            stacks: BTreeSet::new(),
            complete: false,
            partial: Vec::new(),
        };
        let rules = std::sync::Arc::clone(&forced.rules);
        for alternative in 0..rules[root].len() {
            forced.expand(vec![(root, alternative, 0)], 0)?;
        }
        Some(forced)
    }

    /// Adds a stack, with rules replaced by their alternatives until a character is on top. `None` when that does not end.
    fn expand(&mut self, mut stack: Vec<Place>, depth: usize) -> Option<()> {
        if depth > MOST_DEPTH || stack.len() > MOST_DEPTH || self.stacks.len() > MOST_STACKS {
            return None;
        }
        let Some((rule, alternative, at)) = stack.pop() else {
            self.complete = true;
            return Some(());
        };
        let rules = std::sync::Arc::clone(&self.rules);
        match rules[rule][alternative].get(at) {
            None => self.expand(stack, depth + 1),
            Some(Element::Char(..)) => {
                stack.push((rule, alternative, at));
                self.stacks.insert(stack);
                Some(())
            }
            Some(Element::Rule(inner)) => {
                // Nothing is left of a sequence after its last element, so that repetitions do not pile up.
                if at + 1 < rules[rule][alternative].len() {
                    stack.push((rule, alternative, at + 1));
                }
                for choice in 0..rules[*inner].len() {
                    let mut stack = stack.clone();
                    stack.push((*inner, choice, 0));
                    self.expand(stack, depth + 1)?;
                }
                Some(())
            }
        }
    }

    fn read(&mut self, c: char) -> Option<()> {
        let stacks = std::mem::take(&mut self.stacks);
        self.complete = false;
        let rules = std::sync::Arc::clone(&self.rules);
        for mut stack in stacks {
            let Some((rule, alternative, at)) = stack.pop() else {
                continue;
            };
            if let Element::Char(ranges, negated) = &rules[rule][alternative][at] {
                let code = u32::from(c);
                let is_in = ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&code));
                if is_in != *negated {
                    stack.push((rule, alternative, at + 1));
                    self.expand(stack, 0)?;
                }
            }
        }
        // Where nothing can follow, the text is not one of this grammar.
        (self.complete || !self.stacks.is_empty()).then_some(())
    }

    /// Goes on by the bytes of a token. `None` when the text is not understood any more.
    pub(super) fn accept(&mut self, bytes: &[u8]) -> Option<()> {
        self.partial.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.partial);
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                let (whole, rest) = bytes.split_at(error.valid_up_to());
                self.partial = rest.to_vec();
                std::str::from_utf8(whole).ok()?
            }
            Err(_) => return None,
        };
        text.chars().try_for_each(|c| self.read(c).ok_or(())).ok()
    }

    /// What must come next; empty where there is a choice. Blanks at the end are left out: they belong to the word that
    /// follows, which is not known.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.partial.is_empty() {
            return text;
        }
        let mut ahead = self.clone();
        while text.len() < MOST_TEXT {
            let Some(c) = ahead.only() else { break };
            text.push(c);
            if ahead.read(c).is_none() {
                return String::new();
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    /// The one character that can come.
    fn only(&self) -> Option<char> {
        if self.complete {
            return None;
        }
        let mut only = None;
        for stack in &self.stacks {
            let (rule, alternative, at) = *stack.last()?;
            match &self.rules[rule][alternative][at] {
                Element::Char(ranges, false) => match ranges[..] {
                    [(low, high)] if low == high && only.is_none_or(|other| other == low) => {
                        only = Some(low);
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
        only.and_then(char::from_u32)
    }
}

/// Reads GBNF.
struct Parser<'s> {
    rest: &'s str,
    rules: Vec<Rule>,
    names: HashMap<String, usize>,
    defined: Vec<bool>,
    elements: usize,
}

impl<'s> Parser<'s> {
    fn new(source: &'s str) -> Self {
        Self {
            rest: source,
            rules: vec![Rule::new()],
            names: HashMap::from([("root".to_owned(), 0)]),
            defined: vec![false],
            elements: 0,
        }
    }

    fn parse(mut self) -> Option<Vec<Rule>> {
        self.skip(true);
        while !self.rest.is_empty() {
            let name = self.name()?.to_owned();
            self.skip(false);
            self.rest = self.rest.strip_prefix("::=")?;
            self.skip(true);
            let rule = self.alternatives(0, false)?;
            let number = self.number(&name);
            self.rules[number] = rule;
            self.defined[number] = true;
            self.skip(true);
        }
        self.defined
            .iter()
            .all(|defined| *defined)
            .then_some(self.rules)
    }

    /// Skips blanks and comments, and line breaks too where a rule goes on over them.
    fn skip(&mut self, newlines: bool) {
        loop {
            let is_blank =
                |c: char| c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'));
            self.rest = self.rest.trim_start_matches(is_blank);
            match self.rest.strip_prefix('#') {
                Some(comment) => {
                    let end = comment.find('\n').unwrap_or(comment.len());
                    self.rest = &comment[end..];
                    if !newlines {
                        return;
                    }
                }
                None => return,
            }
        }
    }

    fn name(&mut self) -> Option<&'s str> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        self.rules.push(Rule::new());
        self.defined.push(false);
        self.names.insert(name.to_owned(), self.rules.len() - 1);
        self.rules.len() - 1
    }

    /// A rule without a name.
    fn helper(&mut self, rule: Rule) -> Option<usize> {
        self.elements += rule
            .iter()
            .map(|sequence| sequence.len() + 1)
            .sum::<usize>();
        self.rules.push(rule);
        self.defined.push(true);
        (self.elements <= MOST_ELEMENTS).then_some(self.rules.len() - 1)
    }

    fn alternatives(&mut self, depth: usize, nested: bool) -> Option<Rule> {
        if depth > MOST_DEPTH {
            return None;
        }
        let mut rule = vec![self.sequence(depth, nested)?];
        while let Some(rest) = self.rest.strip_prefix('|') {
            self.rest = rest;
            self.skip(true);
            rule.push(self.sequence(depth, nested)?);
        }
        Some(rule)
    }

    fn sequence(&mut self, depth: usize, nested: bool) -> Option<Vec<Element>> {
        let mut sequence: Vec<Element> = Vec::new();
        // Where the last item begins, which a repetition repeats.
        let mut last = 0;
        while let Some(c) = self.rest.chars().next() {
            match c {
                '"' => {
                    last = sequence.len();
                    self.rest = &self.rest[1..];
                    loop {
                        if let Some(rest) = self.rest.strip_prefix('"') {
                            self.rest = rest;
                            break;
                        }
                        let code = self.character()?;
                        sequence.push(Element::Char(vec![(code, code)], false));
                    }
                }
                '[' => {
                    last = sequence.len();
                    self.rest = &self.rest[1..];
                    let class = self.class()?;
                    sequence.push(class);
                }
                '.' => {
                    last = sequence.len();
                    self.rest = &self.rest[1..];
                    sequence.push(Element::Char(Vec::new(), true));
                }
                '(' => {
                    last = sequence.len();
                    self.rest = &self.rest[1..];
                    self.skip(true);
                    let rule = self.alternatives(depth + 1, true)?;
                    self.rest = self.rest.strip_prefix(')')?;
                    let number = self.helper(rule)?;
                    sequence.push(Element::Rule(number));
                }
                '*' | '+' | '?' | '{' => {
                    self.rest = &self.rest[1..];
                    let (least, most) = match c {
                        '*' => (0, None),
                        '+' => (1, None),
                        '?' => (0, Some(1)),
                        _ => self.bounds()?,
                    };
                    let item = sequence.split_off(last.min(sequence.len()));
                    if item.is_empty() {
                        return None;
                    }
                    self.repeat(&mut sequence, &item, least, most)?;
                    last = sequence.len();
                }
                c if c.is_ascii_alphanumeric() => {
                    last = sequence.len();
                    // A name before `::=` begins the next rule, which only stands on a line of its own.
                    let name = self.name()?.to_owned();
                    let number = self.number(&name);
                    sequence.push(Element::Rule(number));
                }
                '|' | ')' | '\n' | '\r' => break,
                _ => return None,
            }
            self.skip(nested);
        }
        self.elements += sequence.len();
        (self.elements <= MOST_ELEMENTS).then_some(sequence)
    }

    fn bounds(&mut self) -> Option<(usize, Option<usize>)> {
        let (inside, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        match inside.split_once(',') {
            None => {
                let count = inside.trim().parse().ok()?;
                Some((count, Some(count)))
            }
            Some((least, most)) => {
                let least = match least.trim() {
                    "" => 0,
                    least => least.parse().ok()?,
                };
                let most = match most.trim() {
                    "" => None,
                    most => Some(most.parse().ok()?),
                };
                Some((least, most))
            }
        }
    }

    fn repeat(
        &mut self,
        sequence: &mut Vec<Element>,
        item: &[Element],
        least: usize,
        most: Option<usize>,
    ) -> Option<()> {
        let written = item.len().checked_mul(least.max(most.unwrap_or(0)))?;
        if written > MOST_ELEMENTS {
            return None;
        }
        for _ in 0..least {
            sequence.extend_from_slice(item);
        }
        match most {
            None => {
                // more ::= item more |
                let number = self.helper(vec![Vec::new()])?;
                let mut again = item.to_vec();
                again.push(Element::Rule(number));
                self.elements += again.len();
                self.rules[number] = vec![again, Vec::new()];
                sequence.push(Element::Rule(number));
            }
            Some(most) => {
                // Up to `count` more, from the inside out: more ::= item more |
                let mut inner = None;
                for _ in least..most {
                    let mut once = item.to_vec();
                    once.extend(inner.map(Element::Rule));
                    inner = Some(self.helper(vec![once, Vec::new()])?);
                }
                sequence.extend(inner.map(Element::Rule));
            }
        }
        Some(())
    }

    fn class(&mut self) -> Option<Element> {
        let negated = match self.rest.strip_prefix('^') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        };
        let mut ranges = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(']') {
                self.rest = rest;
                return Some(Element::Char(ranges, negated));
            }
            let low = self.character()?;
            let mut high = low;
            if let Some(rest) = self.rest.strip_prefix('-')
                && !rest.starts_with(']')
            {
                self.rest = rest;
                high = self.character()?;
            }
            ranges.push((low, high));
        }
    }

    /// A character of a literal or a class, escapes undone.
    fn character(&mut self) -> Option<u32> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c != '\\' {
            return Some(c.into());
        }
        let mut chars = self.rest.chars();
        let escaped = chars.next()?;
        self.rest = chars.as_str();
        let digits = match escaped {
            'n' => return Some('\n'.into()),
            'r' => return Some('\r'.into()),
            't' => return Some('\t'.into()),
            '"' | '\\' | '[' | ']' => return Some(escaped.into()),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let code = u32::from_str_radix(self.rest.get(..digits)?, 16).ok()?;
        self.rest = &self.rest[digits..];
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forced(grammar: &str) -> Forced {
        Forced::new(grammar).unwrap()
    }

    #[test]
    fn literals_are_forced_and_choices_are_not() {
        let mut json = forced(
            r#"root ::= "{\"name\":" ws "\"" [a-z]+ "\",\"age\":" [0-9]{1,2} "}"
            ws ::= " "?
        "#,
        );
        assert_eq!(json.text(), "{\"name\":");
        json.accept(b"{\"name\":").unwrap();
        assert_eq!(json.text(), "");
        json.accept(b" ").unwrap();
        assert_eq!(json.text(), "\"");
        json.accept(b"\"ann\"").unwrap();
        assert_eq!(json.text(), ",\"age\":");
        json.accept(b",\"age\":4").unwrap();
        assert_eq!(json.text(), "");
        json.accept(b"2").unwrap();
        assert_eq!(json.text(), "}");
        json.accept(b"}").unwrap();
        assert_eq!(json.text(), "");
        assert_eq!(json.accept(b"!"), None);
    }

    #[test]
    fn alternatives_that_begin_alike_are_forced_as_far_as_they_do() {
        assert_eq!(
            forced(r#"root ::= "yesterday" | "yes, " "x" # either"#).text(),
            "yes"
        );
        assert_eq!(forced("root ::= (\"ab\" | \"ab\" \"c\")\n").text(), "ab");
        assert_eq!(forced(r#"root ::= [^a] | "b""#).text(), "");
    }

    #[test]
    fn blanks_at_the_end_belong_to_the_next_word() {
        let mut dialogue = forced(r#"root ::= [a-z]+ "." "\n\nAnn: " [a-z]+"#);
        dialogue.accept(b"hi.").unwrap();
        assert_eq!(dialogue.text(), "\n\nAnn:");
    }

    #[test]
    fn a_character_may_come_byte_by_byte() {
        let mut word = forced("root ::= \"\\u00e9\" \"tude\"");
        assert_eq!(word.text(), "\u{e9}tude");
        word.accept(&[0xc3]).unwrap();
        assert_eq!(word.text(), "");
        word.accept(&[0xa9]).unwrap();
        assert_eq!(word.text(), "tude");
    }

    #[test]
    fn repetitions_are_counted() {
        let mut three = forced("root ::= (\"a\" [bc]){2,3} \"d\"");
        three.accept(b"abac").unwrap();
        assert_eq!(three.text(), "");
        three.accept(b"ab").unwrap();
        assert_eq!(three.text(), "d");
        let mut many = forced("root ::= \"a\"* \"b\"");
        many.accept(&[b'a'; 2000]).unwrap();
        assert_eq!(many.text(), "");
    }

    #[test]
    fn what_is_not_understood_forces_nothing() {
        for source in [
            "",
            "root ::= other",
            "root ::= root \"a\"",
            "root ::= <[5]>",
            "root ::= \"a",
            "root ::= [a",
            "root ::= * \"a\"",
            "root ::= \"a\"{1000000}",
            "root ::= (\"a\"",
        ] {
            assert!(Forced::new(source).is_none(), "{source}");
        }
    }
}
