//! Text that arrives in pieces, wrapped into lines and coloured by who speaks in it: pieces in, terminal text out.
//!
//! A word is held back until it is whole, since only then is it known on which line it stands. Widths are those of
//! grapheme clusters: an accent takes no column, a Chinese character or an emoji two, and neither is ever torn apart.

use anstyle::Style;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use super::output;

/// How what is said and what is told look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub(super) dialogue: Style,
    pub(super) narration: Style,
    /// Between asterisks.
    pub(super) emphasis: Style,
}

/// Closes a line that it does not begin: ends of quotations and sentences of scripts without spaces.
const CLOSING: &str = "、。，．！？：；）」』】》〉〕ー…‥・”’";
/// Begins a line that it does not end.
const OPENING: &str = "（「『【《〈〔“‘";

/// Wraps a message as it comes.
#[derive(Debug)]
pub(super) struct Wrap {
    /// The columns of a line; `None` does not wrap.
    width: Option<usize>,
    colours: Option<Colours>,
    column: usize,
    /// The word that is not complete yet.
    word: String,
    /// White space that is printed when something follows.
    space: String,
    has_begun: bool,
    voice: Voice,
}

/// What part of a message a character belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Narration,
    /// Up to this character.
    Dialogue(char),
    Emphasis,
}

impl Wrap {
    /// A message that begins at `column`, on lines of `width` columns.
    pub(super) fn new(width: Option<usize>, column: usize, colours: Option<Colours>) -> Self {
        Self {
            width,
            colours,
            column,
            word: String::new(),
            space: String::new(),
            has_begun: false,
            voice: Voice::Narration,
        }
    }

    /// Adds a piece and gives what can be printed now. White space at the beginning of a message is left out.
    pub(super) fn push(&mut self, piece: &str) -> String {
        let mut out = String::new();
        for c in piece.chars() {
            if c.is_whitespace() {
                self.flush(&mut out);
                if self.has_begun {
                    self.space.push(c);
                }
            } else {
                self.word.push(c);
                self.has_begun = true;
            }
        }
        if self.width.is_none() {
            self.flush(&mut out);
        } else {
            self.flush_units(&mut out);
        }
        out
    }

    /// What is left to be printed. White space at the end of a message is left out.
    pub(super) fn finish(mut self) -> String {
        let mut out = String::new();
        self.flush(&mut out);
        out
    }

    fn flush(&mut self, out: &mut String) {
        let word = std::mem::take(&mut self.word);
        for unit in units(&word) {
            self.place(&unit, out);
        }
    }

    /// Prints what of a word without spaces can stand on a line by itself.
    fn flush_units(&mut self, out: &mut String) {
        let mut units = units(&self.word);
        if units.len() < 2 {
            return;
        }
        self.word = units.pop().unwrap_or_default();
        for unit in units {
            self.place(&unit, out);
        }
    }

    /// Prints a piece that is not to be torn apart, on the next line when this one has no room for it.
    fn place(&mut self, unit: &str, out: &mut String) {
        let unit = output::escape(unit);
        let space = std::mem::take(&mut self.space);
        if space.contains('\n') {
            // A quotation or emphasis that was never closed ends with its paragraph.
            self.voice = Voice::Narration;
        }
        let Some(width) = self.width else {
            out.push_str(&space);
            self.paint(&unit, out);
            return;
        };
        if let Some(at) = space.rfind('\n') {
            let room = width.saturating_sub(unit.width());
            let indent = space[at + 1..].width().min(width / 2).min(room);
            out.push_str(&"\n".repeat(space.matches('\n').count().min(2)));
            out.push_str(&" ".repeat(indent));
            self.column = indent;
        } else {
            let gap = usize::from(!space.is_empty() && self.column > 0);
            if self.column > 0 && self.column + gap + unit.width() > width {
                out.push('\n');
                self.column = 0;
            } else if gap > 0 {
                out.push(' ');
                self.column += 1;
            }
        }
        if unit.width() <= width {
            self.column += unit.width();
            self.paint(&unit, out);
            return;
        }
        // A word longer than a line is cut where the line ends.
        let mut line = String::new();
        for cluster in unit.graphemes(true) {
            if self.column + cluster.width() > width && self.column > 0 {
                self.paint(&line, out);
                line.clear();
                out.push('\n');
                self.column = 0;
            }
            self.column += cluster.width();
            line.push_str(cluster);
        }
        self.paint(&line, out);
    }

    /// Prints text in the colours of its voices.
    fn paint(&mut self, text: &str, out: &mut String) {
        let Some(colours) = self.colours else {
            out.push_str(text);
            return;
        };
        let mut begin = 0;
        let mut style = self.style(&colours);
        let print = |from: usize, to: usize, style: Style, out: &mut String| {
            if from < to {
                out.push_str(&format!("{style}{}{style:#}", &text[from..to]));
            }
        };
        for (at, c) in text.char_indices() {
            let after = at + c.len_utf8();
            match (self.voice, c) {
                (Voice::Dialogue(close), c) if c == close => {
                    print(begin, after, style, out);
                    begin = after;
                    self.voice = Voice::Narration;
                }
                (Voice::Emphasis, '*') => {
                    print(begin, after, style, out);
                    begin = after;
                    self.voice = Voice::Narration;
                }
                (Voice::Narration, _) => {
                    let voice = match c {
                        '"' => Voice::Dialogue('"'),
                        '“' => Voice::Dialogue('”'),
                        '«' => Voice::Dialogue('»'),
                        '「' => Voice::Dialogue('」'),
                        '*' => Voice::Emphasis,
                        _ => continue,
                    };
                    print(begin, at, style, out);
                    begin = at;
                    self.voice = voice;
                }
                _ => continue,
            }
            style = self.style(&colours);
        }
        print(begin, text.len(), style, out);
    }

    fn style(&self, colours: &Colours) -> Style {
        match self.voice {
            Voice::Narration => colours.narration,
            Voice::Dialogue(_) => colours.dialogue,
            Voice::Emphasis => colours.emphasis,
        }
    }
}

/// The pieces of a word between which a line may end: around characters of scripts that have no spaces.
fn units(word: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    let mut may_break = false;
    for cluster in word.graphemes(true) {
        let first = cluster.chars().next().unwrap_or(' ');
        let closes = CLOSING.contains(first);
        let is_wide = cluster.width() == 2;
        match units.last_mut() {
            Some(unit) if closes || !(may_break || is_wide) => unit.push_str(cluster),
            Some(unit) if unit.chars().all(|c| OPENING.contains(c)) => unit.push_str(cluster),
            _ => units.push(cluster.to_owned()),
        }
        may_break = is_wide && !OPENING.contains(first);
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text in pieces of so many characters, wrapped.
    fn wrapped(text: &str, width: usize, pieces: usize) -> String {
        let mut wrap = Wrap::new(Some(width), 0, None);
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::new();
        for piece in chars.chunks(pieces) {
            out.push_str(&wrap.push(&piece.iter().collect::<String>()));
        }
        out + &wrap.finish()
    }

    #[test]
    fn lines_are_wrapped_alike_however_the_text_arrives() {
        let text = " The keeper of the lamp, who had seen worse,  shrugged.\n\n\"Storms\u{301} pass,\" she said. 灯台の光は、海を渡る。 A👩\u{200d}🚀B and Donaudampfschifffahrtsgesellschaft. ";
        let whole = wrapped(text, 20, 1000);
        for pieces in [1, 2, 3, 7] {
            assert_eq!(wrapped(text, 20, pieces), whole, "{pieces}");
        }
        for line in whole.lines() {
            assert!(line.width() <= 20, "{line:?}");
        }
        insta::assert_snapshot!(whole, @r#"
The keeper of the
lamp, who had seen
worse, shrugged.

"Stormś pass," she
said. 灯台の光は、海
を渡る。 A👩‍🚀B and
Donaudampfschifffahr
tsgesellschaft.
"#);
    }

    #[test]
    fn a_line_neither_begins_with_a_closing_mark_nor_ends_with_an_opening_one() {
        assert_eq!(wrapped("海を渡る。", 8, 1), "海を渡\nる。");
        assert_eq!(wrapped("海を渡「る」", 8, 1), "海を渡\n「る」");
    }

    #[test]
    fn without_a_width_the_text_is_as_it_was_but_for_its_ends() {
        let mut wrap = Wrap::new(None, 0, None);
        let out = wrap.push(" One  two\n") + &wrap.push("\tthree \u{1b}[2J\n") + &wrap.finish();
        assert_eq!(out, "One  two\n\tthree \\u{1b}[2J");
    }

    #[test]
    fn what_is_said_is_coloured_from_quote_to_quote_and_never_past_its_paragraph() {
        let colours = Colours {
            dialogue: Style::new().bold(),
            narration: Style::new(),
            emphasis: Style::new().italic(),
        };
        let paint = |text: &str| {
            let mut wrap = Wrap::new(None, 0, Some(colours));
            let out = wrap.push(text) + &wrap.finish();
            out.replace("\u{1b}[1m", "<b>")
                .replace("\u{1b}[3m", "<i>")
                .replace("\u{1b}[0m", "</>")
        };
        assert_eq!(
            paint("She said: \"Do come.\" *nods*, he"),
            "She said: <b>\"Do</> <b>come.\"</> <i>*nods*</>, he"
        );
        assert_eq!(paint("“One” two"), "<b>“One”</> two");
        assert_eq!(paint("\"One\n\ntwo"), "<b>\"One</>\n\ntwo");
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_than_asked_and_no_letter_is_lost(text in "[ a-zé\u{4e00}-\u{4e20}、\n\"*]{0,200}", width in 4usize..40, pieces in 1usize..9) {
            let out = wrapped(&text, width, pieces);
            for line in out.lines() {
                proptest::prop_assert!(line.width() <= width, "{:?}", line);
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(letters(&out), letters(&text));
        }
    }
}
