//! The end of a reply that cannot be shown yet: bytes of an unfinished character, text that may become a stop string, and
//! tokens that may become a banned string.

use std::collections::VecDeque;

/// Turns bytes of tokens into text, holding back what might still change.
#[derive(Debug)]
pub(super) struct Tail {
    stops: Vec<String>,
    /// In lower case.
    bans: Vec<Vec<char>>,
    /// The first bytes of a character.
    partial: Vec<u8>,
    /// Text that is the beginning of a stop string or of a banned one.
    held: String,
    /// Where the tokens of the held text begin; empty as long as nothing is banned.
    starts: VecDeque<Start>,
}

/// Where the text of a token begins.
#[derive(Debug)]
struct Start {
    token: usize,
    /// In `held`.
    at: usize,
    /// The bytes before it of the character that it goes on with.
    partial: Vec<u8>,
}

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Text to show, possibly empty.
    Text(String),
    /// The last text to show, and the stop string that came after it.
    Stop(String, String),
    /// A banned string is complete. It began in this token; the tail has gone back to before it.
    Banned(usize),
}

impl Tail {
    pub(super) fn new(
        stops: impl IntoIterator<Item = String>,
        bans: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(),
            bans: bans
                .into_iter()
                .filter(|ban| !ban.is_empty())
                .map(|ban| ban.chars().flat_map(char::to_lowercase).collect())
                .collect(),
            partial: Vec::new(),
            held: String::new(),
            starts: VecDeque::new(),
        }
    }

    /// Whether text can be banned.
    pub(super) fn bans(&self) -> bool {
        !self.bans.is_empty()
    }

    /// Lets banned strings pass from now on.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn stop_banning(&mut self) {
        self.bans.clear();
        self.starts.clear();
    }

    /// The first token whose text is not all shown; `None` when it is not kept.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn first_held(&self) -> Option<usize> {
        self.starts.front().map(|start| start.token)
    }

    /// The bytes that were pushed and not shown.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn pending(&self) -> usize {
        self.held.len() + self.partial.len()
    }

    /// Adds the bytes of token number `token` and returns what can be shown.
    pub(super) fn push(&mut self, token: usize, bytes: &[u8]) -> Flow {
        if self.bans() {
            self.starts.push_back(Start {
                token,
                at: self.held.len(),
                partial: self.partial.clone(),
            });
        }
        self.partial.extend_from_slice(bytes);
        self.decode();
        let stop = self
            .stops
            .iter()
            .filter_map(|stop| Some((self.held.find(stop.as_str())?, stop)))
            .min_by_key(|(at, _)| *at);
        let ban = self.bans.iter().filter_map(|ban| find(&self.held, ban));
        if let Some(ban) = ban.min()
            && stop.is_none_or(|(at, _)| ban < at)
            && let Some(start) = self.start_of(ban)
        {
            return self.rewind(start);
        }
        if let Some((at, stop)) = stop {
            let stop = stop.clone();
            let after = self.held.split_off(at);
            let text = std::mem::replace(&mut self.held, after);
            return Flow::Stop(text, stop);
        }
        let keep = self.keep();
        let kept = self.held.split_off(self.held.len() - keep);
        let shown = std::mem::replace(&mut self.held, kept);
        for start in &mut self.starts {
            start.at = start.at.saturating_sub(shown.len());
        }
        Flow::Text(shown)
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.held);
        rest.push_str(&String::from_utf8_lossy(&self.partial));
        self.partial.clear();
        self.starts.clear();
        rest
    }

    /// The number of bytes to hold back, and forgets where tokens begin that are shown.
    ///
    /// A token is taken back whole, so it is held back whole. What is left then must not end with the beginning of a
    /// banned string either, for other words may come after it: so the text that is shown never ends with one.
    fn keep(&mut self) -> usize {
        let end = self.held.len();
        let stops = self.stops.iter().map(|stop| overlap(&self.held, stop));
        let stops = stops.max().unwrap_or(0);
        if !self.bans() {
            return stops;
        }
        let mut cut = end - stops;
        if !self.partial.is_empty() {
            // The unfinished character may begin anything.
            let begun = self.starts.iter().rfind(|start| start.partial.is_empty());
            cut = cut.min(begun.map_or(0, |start| start.at));
        }
        let mut seen = end;
        loop {
            let beginnings = self.bans.iter();
            let beginnings = beginnings.map(|ban| beginning(&self.held[..seen], ban));
            let beginning = beginnings.max().unwrap_or(0);
            if beginning > 0 {
                let start = self.start_of(seen - beginning);
                cut = cut.min(start.map_or(0, |start| self.starts[start].at));
            }
            if seen == cut {
                break;
            }
            seen = cut;
        }
        if cut == end && self.partial.is_empty() {
            self.starts.clear();
        }
        while self.starts.front().is_some_and(|start| start.at < cut) {
            self.starts.pop_front();
        }
        end - cut
    }

    /// The place in `starts` of the token that the character at `at` begins in.
    fn start_of(&self, at: usize) -> Option<usize> {
        self.starts.iter().rposition(|start| {
            // A token that goes on with a character does not begin the one that becomes whole with it.
            start.at < at || (start.at == at && start.partial.is_empty())
        })
    }

    /// Goes back to before a token.
    fn rewind(&mut self, start: usize) -> Flow {
        let gone = self.starts.drain(start..).next();
        let Some(start) = gone else {
            return Flow::Text(String::new());
        };
        self.held.truncate(start.at);
        self.partial = start.partial;
        Flow::Banned(start.token)
    }

    /// Moves whole characters from `partial` to `held`.
    fn decode(&mut self) {
        let bytes = std::mem::take(&mut self.partial);
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.held.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && is_unfinished(invalid) {
                self.partial.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                self.held.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

/// Whether more bytes could make these a character.
fn is_unfinished(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// The length of the longest end of `text` with which `stop` begins.
fn overlap(text: &str, stop: &str) -> usize {
    stop.char_indices()
        .map(|(at, _)| at)
        .rev()
        .find(|&at| text.ends_with(&stop[..at]))
        .unwrap_or(0)
}

/// Where `ban`, which is in lower case, stands in `text` in any case.
fn find(text: &str, ban: &[char]) -> Option<usize> {
    let places = text.char_indices().map(|(at, _)| at);
    places
        .into_iter()
        .find(|&at| agreement(&text[at..], ban) == ban.len())
}

/// The length in bytes of the longest end of `text` with which `ban` begins, in any case.
fn beginning(text: &str, ban: &[char]) -> usize {
    let places = text.char_indices().map(|(at, _)| at);
    places
        .into_iter()
        .find(|&at| {
            agreement(&text[at..], ban) == text[at..].chars().flat_map(char::to_lowercase).count()
        })
        .map_or(0, |at| text.len() - at)
}

/// How many characters of `ban` the lower-case `text` begins with.
fn agreement(text: &str, ban: &[char]) -> usize {
    text.chars()
        .flat_map(char::to_lowercase)
        .zip(ban)
        .take_while(|(a, b)| a == *b)
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tail(stops: &[&str]) -> Tail {
        Tail::new(stops.iter().map(|&stop| stop.to_owned()), [])
    }

    fn text(text: &str) -> Flow {
        Flow::Text(text.into())
    }

    #[test]
    fn a_character_is_shown_when_its_last_byte_has_come() {
        let mut tail = tail(&[]);
        assert_eq!(tail.push(0, &[b'a', 0xF0, 0x9F]), text("a"));
        assert_eq!(tail.push(0, &[0x90]), text(""));
        assert_eq!(tail.push(0, &[0xB1, b'!']), text("\u{1F431}!"));
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced() {
        let mut tail = tail(&[]);
        assert_eq!(tail.push(0, &[0xFF, b'a']), text("\u{FFFD}a"));
        assert_eq!(tail.push(0, &[0xE2, b'b']), text("\u{FFFD}b"));
        assert_eq!(tail.push(0, &[0xE2, 0x82]), text(""));
        assert_eq!(tail.finish(), "\u{FFFD}");
    }

    #[test]
    fn what_may_become_a_stop_string_is_held_back() {
        let mut tail = tail(&["<<HUMAN>>", "\n<<"]);
        assert_eq!(tail.push(0, b"Hi.\n"), text("Hi."));
        assert_eq!(tail.push(0, b"<"), text(""));
        assert_eq!(tail.push(0, b"3 <<HU"), text("\n<3 "));
        assert_eq!(tail.push(0, b"MAN> ok"), text("<<HUMAN> ok"));
        let stop = Flow::Stop(" So".into(), "<<HUMAN>>".into());
        assert_eq!(tail.push(0, b" So<<HUMAN>> and more"), stop);
    }

    #[test]
    fn the_earliest_stop_string_ends_the_reply() {
        let mut tail = tail(&["zwei", "eins"]);
        let stop = Flow::Stop("a ".into(), "eins".into());
        assert_eq!(tail.push(0, b"a eins zwei"), stop);
    }

    #[test]
    fn what_was_held_back_is_shown_at_the_end() {
        let mut tail = tail(&["stop"]);
        assert_eq!(tail.push(0, b"almost sto"), text("almost "));
        assert_eq!(tail.finish(), "sto");
        assert_eq!(tail.finish(), "");
    }

    #[test]
    fn an_empty_stop_string_is_none() {
        assert_eq!(tail(&[""]).push(0, b"text"), text("text"));
    }

    fn banning(bans: &[&str]) -> Tail {
        Tail::new([], bans.iter().map(|&ban| ban.to_owned()))
    }

    #[test]
    fn tokens_that_may_become_a_banned_string_are_held_back_whole() {
        let mut tail = banning(&["shivers"]);
        assert_eq!(tail.push(0, b"A cold"), text("A cold"));
        assert_eq!(tail.push(1, b" wind sh"), text(""));
        assert_eq!(tail.first_held(), Some(1));
        assert_eq!(tail.push(2, b"owed"), text(" wind showed"));
        assert_eq!(tail.first_held(), None);
        assert_eq!(tail.push(3, b", S"), text(""));
        assert_eq!(tail.push(4, b"HIV"), text(""));
        assert_eq!(tail.push(5, b"ers!"), Flow::Banned(3));
        assert_eq!(tail.pending(), 0);
        assert_eq!(tail.push(3, b", shin"), text(", shin"));
    }

    #[test]
    fn a_banned_string_is_found_where_it_begins_inside_a_token_and_ends_inside_another() {
        let mut tail = banning(&["ab cd", "d e"]);
        assert_eq!(tail.push(0, b"x a"), text(""));
        assert_eq!(tail.push(1, b"b c"), text(""));
        assert_eq!(tail.push(2, b"df"), Flow::Banned(0));
        assert_eq!(tail.push(0, b"x a"), text(""));
        assert_eq!(tail.push(1, b"b d"), text(""));
        assert_eq!(tail.push(2, b" end"), Flow::Banned(1));
        assert_eq!(tail.push(1, b"n"), text("x an"));
        assert_eq!(tail.finish(), "");
    }

    #[test]
    fn a_banned_string_of_one_token_is_found_at_once() {
        let mut tail = banning(&["orbs"]);
        assert_eq!(tail.push(7, b" Orbs"), Flow::Banned(7));
        assert_eq!(tail.push(7, b" eyes"), text(" eyes"));
    }

    #[test]
    fn characters_of_several_tokens_are_banned_from_the_token_of_their_first_byte() {
        let mut tail = banning(&["\u{1F431}"]);
        assert_eq!(tail.push(0, b"a"), text("a"));
        assert_eq!(tail.push(1, &[b'b', 0xF0, 0x9F]), text(""));
        assert_eq!(tail.push(2, &[0x90]), text(""));
        assert_eq!(tail.push(3, &[0xB1]), Flow::Banned(1));
        assert_eq!(tail.push(1, b"c"), text("c"));
        // Bytes of a character before a token that is taken back stay.
        let mut tail = banning(&["xy"]);
        assert_eq!(tail.push(0, &[0xC3]), text(""));
        assert_eq!(tail.push(1, &[0xA9, b'x']), text(""));
        assert_eq!(tail.push(2, b"y"), Flow::Banned(1));
        assert_eq!(tail.push(1, &[0xA8]), text("\u{E8}"));
    }

    #[test]
    fn what_is_shown_never_ends_with_the_beginning_of_a_banned_string() {
        let mut tail = banning(&["ab"]);
        assert_eq!(tail.push(0, b"a"), text(""));
        assert_eq!(tail.push(1, b"a"), text(""));
        assert_eq!(tail.push(2, b"b"), Flow::Banned(1));
        // The first letter is the end again, and this goes on with it.
        assert_eq!(tail.push(1, b"b"), Flow::Banned(0));
    }

    #[test]
    fn what_comes_first_counts() {
        let both = || Tail::new(["stop".to_owned()], ["ban".to_owned()]);
        let flow = both().push(0, b"a stop a ban");
        assert_eq!(flow, Flow::Stop("a ".into(), "stop".into()));
        assert_eq!(both().push(0, b"a ban a stop"), Flow::Banned(0));
        let mut tail = both();
        tail.stop_banning();
        assert_eq!(tail.push(0, b"a ban"), text("a ban"));
    }

    #[test]
    fn what_is_banned_in_small_letters_is_banned_in_capitals_of_any_length() {
        // The capital dotted I becomes two characters in lower case.
        let mut tail = banning(&["\u{130}x", "\u{DF}"]);
        assert_eq!(tail.push(0, "\u{130}".as_bytes()), text(""));
        assert_eq!(tail.push(1, b"X"), Flow::Banned(0));
        assert_eq!(tail.push(0, "\u{1E9E}".as_bytes()), Flow::Banned(0));
    }

    proptest! {
        #[test]
        fn nothing_banned_is_ever_shown_and_nothing_else_is_lost(
            pieces in prop::collection::vec("[abAB\u{E9}]{0,4}", 0..40),
            bans in prop::collection::vec("[ab\u{E9}]{1,4}", 0..4),
        ) {
            let mut tail = Tail::new([], bans.clone());
            let mut tokens: Vec<&str> = Vec::new();
            let mut shown = String::new();
            for piece in &pieces {
                match tail.push(tokens.len(), piece.as_bytes()) {
                    Flow::Text(text) => {
                        tokens.push(piece);
                        shown.push_str(&text);
                    }
                    Flow::Banned(from) => tokens.truncate(from),
                    Flow::Stop(..) => unreachable!("there is no stop string"),
                }
                prop_assert!(tokens.concat().starts_with(&shown));
                prop_assert_eq!(tokens.concat().len() - shown.len(), tail.pending());
            }
            shown.push_str(&tail.finish());
            prop_assert_eq!(&shown, &tokens.concat());
            for ban in bans {
                prop_assert!(!shown.to_lowercase().contains(&ban), "{ban} in {shown}");
            }
        }
    }
}
