//! The end of a reply that cannot be shown yet: bytes of an unfinished character, and text that may become a stop string.

/// Turns bytes of tokens into text, holding back what might still change.
#[derive(Debug)]
pub(super) struct Tail {
    stops: Vec<String>,
    /// The first bytes of a character.
    partial: Vec<u8>,
    /// Text that is the beginning of a stop string.
    held: String,
}

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Text to show, possibly empty.
    Text(String),
    /// The last text to show, and the stop string that came after it.
    Stop(String, String),
}

impl Tail {
    pub(super) fn new(stops: impl IntoIterator<Item = String>) -> Self {
        Self {
            stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(),
            partial: Vec::new(),
            held: String::new(),
        }
    }

    /// Adds bytes and returns what can be shown.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Flow {
        self.partial.extend_from_slice(bytes);
        self.decode();
        let first = self
            .stops
            .iter()
            .filter_map(|stop| Some((self.held.find(stop.as_str())?, stop)))
            .min_by_key(|(at, _)| *at);
        if let Some((at, stop)) = first {
            let stop = stop.clone();
            self.held.truncate(at);
            return Flow::Stop(std::mem::take(&mut self.held), stop);
        }
        let keep = self
            .stops
            .iter()
            .map(|stop| overlap(&self.held, stop))
            .max()
            .unwrap_or(0);
        let kept = self.held.split_off(self.held.len() - keep);
        Flow::Text(std::mem::replace(&mut self.held, kept))
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.held);
        rest.push_str(&String::from_utf8_lossy(&self.partial));
        self.partial.clear();
        rest
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(stops: &[&str]) -> Tail {
        Tail::new(stops.iter().map(|&stop| stop.to_owned()))
    }

    fn text(text: &str) -> Flow {
        Flow::Text(text.into())
    }

    #[test]
    fn a_character_is_shown_when_its_last_byte_has_come() {
        let mut tail = tail(&[]);
        assert_eq!(tail.push(&[b'a', 0xF0, 0x9F]), text("a"));
        assert_eq!(tail.push(&[0x90]), text(""));
        assert_eq!(tail.push(&[0xB1, b'!']), text("\u{1F431}!"));
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced() {
        let mut tail = tail(&[]);
        assert_eq!(tail.push(&[0xFF, b'a']), text("\u{FFFD}a"));
        assert_eq!(tail.push(&[0xE2, b'b']), text("\u{FFFD}b"));
        assert_eq!(tail.push(&[0xE2, 0x82]), text(""));
        assert_eq!(tail.finish(), "\u{FFFD}");
    }

    #[test]
    fn what_may_become_a_stop_string_is_held_back() {
        let mut tail = tail(&["<<HUMAN>>", "\n<<"]);
        assert_eq!(tail.push(b"Hi.\n"), text("Hi."));
        assert_eq!(tail.push(b"<"), text(""));
        assert_eq!(tail.push(b"3 <<HU"), text("\n<3 "));
        assert_eq!(tail.push(b"MAN> ok"), text("<<HUMAN> ok"));
        let stop = Flow::Stop(" So".into(), "<<HUMAN>>".into());
        assert_eq!(tail.push(b" So<<HUMAN>> and more"), stop);
    }

    #[test]
    fn the_earliest_stop_string_ends_the_reply() {
        let mut tail = tail(&["zwei", "eins"]);
        let stop = Flow::Stop("a ".into(), "eins".into());
        assert_eq!(tail.push(b"a eins zwei"), stop);
    }

    #[test]
    fn what_was_held_back_is_shown_at_the_end() {
        let mut tail = tail(&["stop"]);
        assert_eq!(tail.push(b"almost sto"), text("almost "));
        assert_eq!(tail.finish(), "sto");
        assert_eq!(tail.finish(), "");
    }

    #[test]
    fn an_empty_stop_string_is_none() {
        assert_eq!(tail(&[""]).push(b"text"), text("text"));
    }
}
