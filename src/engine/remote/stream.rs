//! Server-sent events, as far as completions use them: lines of `data:` with JSON.

use std::io::{self, BufRead};

use serde_json::Value;

/// The longest line: a piece of a reply takes a few hundred bytes, an error a few thousand.
const MOST_LINE: usize = 1 << 20;

/// What came.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Data(Value),
    /// The server says that this was all.
    Done,
    /// The connection ended.
    End,
}

/// A stream of events.
pub(super) struct Stream<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Stream<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
        }
    }

    /// The next datum.
    pub(super) fn next_line(&mut self) -> io::Result<Line> {
        loop {
            if !self.read()? {
                return Ok(Line::End);
            }
            let line = self.line.trim_ascii();
            // llama-server has named the line of an error after it.
            let data = line
                .strip_prefix(b"data:")
                .or_else(|| line.strip_prefix(b"error:"));
            match data.map(<[u8]>::trim_ascii) {
                Some(b"[DONE]") => return Ok(Line::Done),
                Some(data) if !data.is_empty() => {
                    let value: Value = serde_json::from_slice(data)?;
                    let is_bare = line.starts_with(b"error:") && value.get("error").is_none();
                    return Ok(Line::Data(if is_bare {
                        serde_json::json!({ "error": value })
                    } else {
                        value
                    }));
                }
                // Comments keep a connection alive; names of events say nothing here.
                _ => {}
            }
        }
    }

    /// Reads a line; false at the end. A line that the end cuts off counts as the end.
    fn read(&mut self) -> io::Result<bool> {
        self.line.clear();
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(false);
            }
            let (used, is_whole) = match available.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (available.len(), false),
            };
            self.line.extend_from_slice(&available[..used]);
            self.reader.consume(used);
            if is_whole {
                return Ok(true);
            }
            if self.line.len() > MOST_LINE {
                return Err(io::Error::other("a line is too long"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_read_between_comments_names_and_empty_lines() {
        let text = b": hello\r\nevent: x\ndata: {\"a\":1}\r\n\r\ndata:{\"b\":2}\nerror: {\"message\":\"no\"}\ndata: [DONE]\n\
            data: {\"cut\"";
        let mut stream = Stream::new(&text[..]);
        let mut next = || stream.next_line().unwrap();
        assert_eq!(next(), Line::Data(serde_json::json!({"a": 1})));
        assert_eq!(next(), Line::Data(serde_json::json!({"b": 2})));
        assert_eq!(
            next(),
            Line::Data(serde_json::json!({"error": {"message": "no"}}))
        );
        assert_eq!(next(), Line::Done);
        assert_eq!(next(), Line::End);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(Stream::new(&b"data: {\n"[..]).next_line().is_err());
        let long = vec![b'a'; MOST_LINE + 2];
        assert!(Stream::new(&long[..]).next_line().is_err());
    }
}
