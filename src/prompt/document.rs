//! A prompt taken apart: where each tag, name, message and section stands in the text.
//!
//! Taking apart is forgiving and says nothing; what is wrong with the parts and with the gaps between them is the
//! validator's to say.

use std::ops::Range;

use super::Role;
use super::format::Format;
use super::front::{Escape, TagPlace};
use super::pattern::{Hole, Part, Pattern};
use super::scan::{Mark, Opens, Scan, Stray};

/// A span of the text.
pub(super) type Span = Range<usize>;

/// A prompt taken apart.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Text before everything that the format knows.
    pub(super) outside: Option<Span>,
    /// Where the literal text that opens the prompt stands, when the format has one.
    pub(super) preamble: Option<Span>,
    /// Where the literal text that ends the prompt stands, when the format has one.
    pub(super) tail: Option<Span>,
    pub(super) system: Option<SystemBlock>,
    /// Tags of further system blocks.
    pub(super) extra_systems: Vec<Span>,
    pub(super) turns: Vec<Turn>,
    /// All tags, in order.
    pub(super) marks: Vec<Mark>,
    /// Lines that look like tags.
    pub(super) strays: Vec<Stray>,
}

/// The system text.
#[derive(Debug)]
pub(super) struct SystemBlock {
    /// Its tag, where the format has one.
    pub(super) tag: Option<Span>,
    pub(super) sections: Vec<Section>,
    /// Lines that belong to no section.
    pub(super) unknown: Vec<Span>,
    /// From the first section's first byte to the last one's last.
    pub(super) span: Span,
    /// Whether it comes before all turns.
    pub(super) first: bool,
}

/// A paragraph of the system text.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Which of the format's lines it is.
    pub(super) line: usize,
    pub(super) field: Option<Hole>,
    /// The name in its label.
    pub(super) name: Option<Span>,
    /// The label after the name, up to the text.
    pub(super) label: Span,
    /// The label as it should be.
    pub(super) expected_label: String,
    /// The text, without blanks around it.
    pub(super) value: Span,
    /// The whole.
    pub(super) span: Span,
}

/// A turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) role: Role,
    pub(super) tag: Span,
    /// The length modifier in the header.
    pub(super) length: Option<HeaderLength>,
    /// Whether text follows the tag on its line.
    pub(super) tag_shares_line: bool,
    pub(super) speaker: Option<Span>,
    /// After the speaker's colon.
    pub(super) after_speaker: Option<usize>,
    /// The message, without blanks around it.
    pub(super) text: Span,
    /// Whether the marker that ends the turn is there.
    pub(super) closed: bool,
    /// Where the turn's own bytes end: after its closing marker, or after the text.
    pub(super) end: usize,
    /// Whether this is the turn that the model goes on with.
    pub(super) open: bool,
}

/// A length modifier such as ` (length = medium)`.
#[derive(Debug, Clone)]
pub(super) struct HeaderLength {
    /// The whole modifier.
    pub(super) span: Span,
    /// The word in it.
    pub(super) word: Span,
}

impl Document {
    /// Takes `text` apart.
    pub(super) fn of(format: &Format, text: &str) -> Self {
        let Scan { marks, strays } = format.scan(text);
        let mut document = Self {
            strays,
            ..Self::default()
        };
        let mut end = text.len();
        let tail = format.layout.tail.trim();
        if !tail.is_empty() && !format.layout.flipped && text.trim_end().ends_with(tail) {
            end = text.trim_end().len() - tail.len();
            document.tail = Some(end..end + tail.len());
        }
        let after = |i: usize| {
            let Some(next) = marks.get(i + 1) else {
                return end;
            };
            // What a format writes before a tag is no part of the turn before.
            let before = match next.opens {
                Opens::Turn(role) => format.side(role).turn.before(Hole::Tag).trim(),
                Opens::System => "",
            };
            let head = &text[marks[i].span.end..next.span.start];
            marks[i].span.end + head.strip_suffix(before).unwrap_or(head).len()
        };
        document.read_front(
            format,
            text,
            marks.first().map_or(end, |mark| mark.span.start),
        );
        for (i, mark) in marks
            .iter()
            .enumerate()
            .filter(|(_, mark)| mark.opens == Opens::System)
        {
            if document.system.is_none() {
                let content = system_content(format, text, mark.span.end..after(i));
                let tag = Some(mark.span.clone());
                document.system = Some(SystemBlock::read(format, text, tag, content, i == 0));
            } else {
                document.extra_systems.push(mark.span.clone());
            }
        }
        // The names that the system text knows, so that a colon in a name does not end it.
        let names: Vec<&str> = document
            .system
            .iter()
            .flat_map(|system| system.names(format, text))
            .collect();
        for (i, mark) in marks.iter().enumerate() {
            if let Opens::Turn(role) = mark.opens {
                document.turns.push(Turn::read(
                    format,
                    text,
                    role,
                    mark.span.clone(),
                    after(i),
                    &names,
                ));
            }
        }
        let system_last = format.layout.flipped || document.tail.is_some();
        if let Some(turn) = document.turns.last_mut()
            && turn.text.is_empty()
            && !turn.closed
            && !system_last
        {
            turn.open = true;
        }
        document.marks = marks;
        document
    }

    /// What stands before the first tag: the preamble, the system text of formats without a system tag, or something that
    /// does not belong there.
    fn read_front(&mut self, format: &Format, text: &str, end: usize) {
        let mut front = trim(text, 0..end);
        let preamble = format.layout.preamble.trim();
        if !preamble.is_empty() && text[front.clone()].starts_with(preamble) {
            self.preamble = Some(front.start..front.start + preamble.len());
            front = trim(text, front.start + preamble.len()..end);
        }
        if front.is_empty() {
            return;
        }
        if format.front.system.tags.is_empty() && !format.layout.lines.is_empty() {
            self.system = Some(SystemBlock::read(format, text, None, front, true));
        } else {
            self.outside = Some(front);
        }
    }
}

/// The system text without the marker that closes it.
fn system_content(format: &Format, text: &str, span: Span) -> Span {
    let close = format.layout.close.trim();
    let content = trim(text, span);
    if !close.is_empty() && text[content.clone()].ends_with(close) {
        return trim(text, content.start..content.end - close.len());
    }
    content
}

impl SystemBlock {
    fn read(format: &Format, text: &str, tag: Option<Span>, content: Span, first: bool) -> Self {
        let mut block = Self {
            tag,
            sections: Vec::new(),
            unknown: Vec::new(),
            span: content.clone(),
            first,
        };
        let lines: Vec<Span> = lines(text, content).collect();
        let instruction = format
            .layout
            .lines
            .iter()
            .position(|line| line.parts == [Part::Hole(Hole::Instruction)]);
        for (at, line) in lines.iter().enumerate() {
            let last = at + 1 == lines.len();
            if let Some(section) = block.labelled(format, text, line) {
                block.sections.push(section);
                continue;
            }
            let alone = at == 0 || text[lines[at - 1].end..line.start].matches('\n').count() > 1;
            let field = match instruction {
                Some(index) if last && (alone || is_instruction(&text[line.clone()])) => {
                    Some((index, Hole::Instruction))
                }
                _ => block.bare(format),
            };
            if let Some((index, hole)) = field {
                block.sections.push(Section {
                    line: index,
                    field: Some(hole),
                    name: None,
                    label: line.start..line.start,
                    expected_label: String::new(),
                    value: line.clone(),
                    span: line.clone(),
                });
            } else if let Some(section) = block.sections.last_mut() {
                section.value.end = line.end;
                section.span.end = line.end;
                if section.value.is_empty() || section.value.start < section.label.end {
                    section.value.start = line.start;
                }
            } else {
                block.unknown.push(line.clone());
            }
        }
        block
    }

    /// The section that `line` begins, by its label.
    fn labelled(&self, format: &Format, text: &str, line: &Span) -> Option<Section> {
        let whole = &text[line.clone()];
        let mut best: Option<Section> = None;
        for (index, pattern) in format.layout.lines.iter().enumerate() {
            let section = match &pattern.parts[..] {
                [Part::Literal(literal)] => (whole == literal.trim()).then(|| Section {
                    line: index,
                    field: None,
                    name: None,
                    label: line.clone(),
                    expected_label: literal.trim().to_owned(),
                    value: line.end..line.end,
                    span: line.clone(),
                }),
                [Part::Literal(label), Part::Hole(hole)] => {
                    let end = label_end(whole, label).filter(|(start, _)| *start == 0);
                    end.map(|(_, end)| section(text, line, index, *hole, None, 0..end, label))
                }
                [
                    Part::Hole(Hole::Char | Hole::User),
                    Part::Literal(label),
                    Part::Hole(hole),
                ] => label_end(whole, label)
                    // Blanks after the name are a slip in the label.
                    .map(|(start, end)| (whole[..start].trim_end().len(), end))
                    .filter(|(start, _)| (1..=MAX_NAME).contains(start))
                    .map(|(start, end)| {
                        section(text, line, index, *hole, Some(0..start), start..end, label)
                    }),
                _ => None,
            };
            // Two sections may have the same label; then the one that is still missing is meant.
            if let Some(section) = section {
                if !self.sections.iter().any(|other| other.line == index) {
                    return Some(section);
                }
                best.get_or_insert(section);
            }
        }
        best
    }

    /// The next section without a label, if the format has one.
    fn bare(&self, format: &Format) -> Option<(usize, Hole)> {
        let bare = |(index, pattern): (usize, &Pattern)| match pattern.parts[..] {
            [Part::Hole(hole)] if hole != Hole::Instruction => Some((index, hole)),
            _ => None,
        };
        let mut fields = format.layout.lines.iter().enumerate().filter_map(bare);
        fields.find(|(index, _)| !self.sections.iter().any(|section| section.line >= *index))
    }

    /// The names in the labels and in the instruction, where that is the format's own.
    pub(super) fn names<'t>(&self, format: &Format, text: &'t str) -> Vec<&'t str> {
        let labels = self
            .sections
            .iter()
            .filter_map(|section| section.name.clone());
        let mut names: Vec<&str> = labels.map(|name| &text[name]).collect();
        if let Some(section) = self.section(Hole::Instruction) {
            let stated = format.read_instruction(&text[section.value.clone()], &names);
            names.extend([stated.char, stated.user].into_iter().flatten());
        }
        names
    }

    /// The section that holds `field`.
    pub(super) fn section(&self, field: Hole) -> Option<&Section> {
        self.sections
            .iter()
            .find(|section| section.field == Some(field))
    }
}

/// The longest name that stands before a label or a colon; longer ones are sentences.
const MAX_NAME: usize = 100;

fn section(
    text: &str,
    line: &Span,
    index: usize,
    hole: Hole,
    name: Option<Span>,
    label: Span,
    expected: &str,
) -> Section {
    let shift = |span: Span| line.start + span.start..line.start + span.end;
    let label = shift(label);
    Section {
        line: index,
        field: Some(hole),
        name: name.map(shift),
        expected_label: expected.to_owned(),
        value: trim(text, label.end..line.end),
        label,
        span: line.clone(),
    }
}

/// Where `label` stands in `line`, with the blanks after it, also when its case, apostrophe or blanks are off.
fn label_end(line: &str, label: &str) -> Option<(usize, usize)> {
    let blanks =
        |at: usize| at + (line[at..].len() - line[at..].trim_start_matches([' ', '\t']).len());
    if let Some(at) = line.find(label.trim_end()) {
        return Some((at, blanks(at + label.trim_end().len())));
    }
    let core = label.trim().trim_end_matches(':');
    let plain = |c: char| {
        if matches!(c, '’' | '‘' | '`' | '´') {
            '\''
        } else {
            c.to_ascii_lowercase()
        }
    };
    let wanted: Vec<char> = core.chars().map(plain).collect();
    let head = &line[..floor(line, MAX_NAME + 2 * core.len())];
    let found: Vec<(usize, char)> = head.char_indices().map(|(at, c)| (at, plain(c))).collect();
    let mut windows = found.windows(wanted.len().max(1));
    let hit = windows.find(|window| window.iter().map(|(_, c)| c).eq(&wanted))?;
    let (start, last) = (hit[0].0, hit[hit.len() - 1].0);
    let end = last + head[last..].chars().next().map_or(0, char::len_utf8);
    let colon = blanks(end);
    line[colon..]
        .starts_with(':')
        .then(|| (start, blanks(colon + 1)))
}

/// Whether a line of system text reads as the instruction.
fn is_instruction(line: &str) -> bool {
    let lower = line.to_lowercase();
    super::instruction::speaks_of_roleplay(&lower)
}

impl Turn {
    fn read(
        format: &Format,
        text: &str,
        role: Role,
        tag: Span,
        next: usize,
        names: &[&str],
    ) -> Self {
        let side = format.side(role);
        let mut body = tag.end..next;
        let mut turn = Self {
            role,
            length: None,
            tag_shares_line: false,
            speaker: None,
            after_speaker: None,
            text: next..next,
            closed: false,
            end: next,
            open: false,
            tag,
        };
        if format.front.tags == TagPlace::Line && header_is_a_line(&side.turn) {
            let line_end = text[body.clone()]
                .find('\n')
                .map_or(body.end, |at| body.start + at);
            let rest = trim(text, body.start..line_end);
            if let Some(length) = header_length(text, &rest) {
                turn.length = Some(HeaderLength {
                    span: turn.tag.end..length.span.end,
                    ..length
                });
                body.start = rest.end;
            } else {
                turn.tag_shares_line = !rest.is_empty();
            }
        }
        let mut content = trim(text, body);
        let close = side.turn.after(Hole::Text).trim();
        let lead = side.turn.before(Hole::Text).trim();
        if !side.turn.has(Hole::Speaker) && text[content.clone()].starts_with(lead) {
            content = trim(text, content.start + lead.len()..content.end);
        }
        turn.end = content.end;
        if !close.is_empty()
            && let Some(at) = closing(format, &text[content.clone()], close)
        {
            turn.closed = true;
            turn.end = content.start + at + close.len();
            content = trim(text, content.start..content.start + at);
        }
        if side.turn.has(Hole::Speaker)
            && let Some((name, colon)) = speaker(&text[content.clone()], names)
        {
            turn.speaker = Some(content.start..content.start + name);
            turn.after_speaker = Some(content.start + colon);
            content = trim(text, content.start + colon..content.end);
        }
        turn.text = content;
        turn
    }
}

/// Where the marker that closes a turn stands in it.
fn closing(format: &Format, content: &str, close: &str) -> Option<usize> {
    if format.front.escape == Escape::None {
        return content.find(close);
    }
    let mut from = 0;
    loop {
        let at = from + content[from..].find(['\\', '"'])?;
        if content[at..].starts_with('"') {
            return Some(at);
        }
        // A backslash and the character that it escapes.
        from = at + 1 + content[at + 1..].chars().next()?.len_utf8();
    }
}

/// Whether the tag's line ends before the turn's text begins.
fn header_is_a_line(turn: &Pattern) -> bool {
    let after_tag = turn
        .parts
        .iter()
        .skip_while(|part| **part != Part::Hole(Hole::Tag))
        .skip(1);
    let mut header =
        after_tag.take_while(|part| !matches!(part, Part::Hole(Hole::Speaker | Hole::Text)));
    header.any(|part| matches!(part, Part::Literal(text) if text.contains('\n')))
}

/// A `(length = word)` that is all of `span`.
fn header_length(text: &str, span: &Span) -> Option<HeaderLength> {
    let inside = text[span.clone()]
        .strip_prefix('(')?
        .trim_end_matches(':')
        .strip_suffix(')')?;
    let trimmed = inside.trim();
    let word = trimmed
        .get(..6)
        .filter(|start| start.eq_ignore_ascii_case("length"))
        .and_then(|_| trimmed[6..].trim_start().strip_prefix(['=', ':']))?
        .trim_start();
    let end = span.start + 1 + inside.trim_end().len();
    Some(HeaderLength {
        span: span.clone(),
        word: end - word.len()..end,
    })
}

/// The length of the name that `body` begins with, and where its colon and the blanks after it end.
fn speaker(body: &str, names: &[&str]) -> Option<(usize, usize)> {
    let line = body.lines().next()?;
    if let Some(name) = names.iter().find(|name| {
        line.strip_prefix(**name)
            .is_some_and(|rest| rest.starts_with(':'))
    }) {
        return Some((name.len(), name.len() + 1));
    }
    let head = &line[..floor(line, MAX_NAME)];
    let colon = head.find(": ").or_else(|| head.find(':'))?;
    let name = head[..colon].trim_end();
    let sentence = name.contains(['"', '*', '!', '?', ';', '“', '”'])
        || name.contains(". ") && name.len() > 30;
    (!name.is_empty() && !sentence).then_some((name.len(), colon + 1))
}

/// `span` without the blanks and line breaks at its ends.
pub(super) fn trim(text: &str, span: Span) -> Span {
    let inside = &text[span.clone()];
    let start = span.start + (inside.len() - inside.trim_start().len());
    let trimmed = inside.trim();
    start..start + trimmed.len()
}

/// The lines in `span` that hold something, without the blanks around them.
pub(super) fn lines(text: &str, span: Span) -> impl Iterator<Item = Span> {
    let start = span.start;
    text[span]
        .split('\n')
        .scan(start, move |at, line| {
            let line_start = *at;
            *at += line.len() + 1;
            Some(trim(text, line_start..line_start + line.len()))
        })
        .filter(|line| !line.is_empty())
}

/// The greatest character boundary of `text` that is at most `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
