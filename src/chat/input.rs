//! What a person types: a message of one line or many, or a command.
//!
//! A backslash at the end of a line goes on with the next, and everything between two `"""` is one message, whatever it
//! says. A line that begins with one slash is a command and never reaches the model; two slashes say one.

/// The mark that opens and closes a message of many lines.
const FENCE: &str = "\"\"\"";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A message.
    Say(String),
    /// A command: its name without the slash, and what follows it.
    Command(String, String),
}

impl Input {
    /// Reads what was typed.
    ///
    /// ```
    /// use cardwright::chat::Input;
    ///
    /// assert_eq!(Input::read("/length long"), Input::Command("length".into(), "long".into()));
    /// assert_eq!(Input::read("//shrug"), Input::Say("/shrug".into()));
    /// assert_eq!(Input::read("One,\\\ntwo."), Input::Say("One,\ntwo.".into()));
    /// assert_eq!(Input::read("\"\"\"\n/one\ntwo\n\"\"\""), Input::Say("/one\ntwo".into()));
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix(FENCE) {
            let inside = rest.strip_suffix(FENCE).unwrap_or(rest).trim();
            return match inside {
                "" => Self::Nothing,
                inside => Self::Say(inside.to_owned()),
            };
        }
        let text = joined(text);
        match text.strip_prefix('/') {
            None if text.is_empty() => Self::Nothing,
            None => Self::Say(text),
            Some(rest) if rest.starts_with('/') => Self::Say(rest.to_owned()),
            Some(rest) => {
                let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                Self::Command(name.to_owned(), argument.trim().to_owned())
            }
        }
    }
}

/// Whether nothing more is to come: no `"""` is open and the last line does not end with a backslash.
///
/// ```
/// use cardwright::chat::is_complete;
///
/// assert!(is_complete("Hello."));
/// assert!(!is_complete("Hello,\\"));
/// assert!(!is_complete("\"\"\"\nHello,"));
/// ```
#[must_use]
pub fn is_complete(text: &str) -> bool {
    let text = text.trim_start();
    match text.strip_prefix(FENCE) {
        Some(rest) => rest.trim_end().ends_with(FENCE),
        None => !goes_on(text),
    }
}

/// Whether a line ends with a backslash that is no escaped one.
fn goes_on(line: &str) -> bool {
    let backslashes = line.chars().rev().take_while(|c| *c == '\\').count();
    backslashes % 2 == 1
}

/// The lines of a message, joined where a backslash says so.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        out.push_str(if goes_on(line) {
            &line[..line.len() - 1]
        } else {
            line
        });
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_say_one() {
        let command = |name: &str, argument: &str| Input::Command(name.into(), argument.into());
        assert_eq!(Input::read("  hello "), Input::Say("hello".into()));
        assert_eq!(
            Input::read("/save  a b.jsonl"),
            command("save", "a b.jsonl")
        );
        assert_eq!(Input::read("/"), command("", ""));
        assert_eq!(
            Input::read("/edit 2 one\ntwo"),
            command("edit", "2 one\ntwo")
        );
        assert_eq!(Input::read("//shrug"), Input::Say("/shrug".into()));
        assert_eq!(Input::read(" \n"), Input::Nothing);
    }

    #[test]
    fn lines_go_on_after_a_backslash_and_between_fences() {
        assert_eq!(Input::read("a\\\nb\\\n c"), Input::Say("a\nb\n c".into()));
        // An even number of backslashes is text.
        assert!(is_complete("C:\\\\"));
        assert_eq!(Input::read("C:\\\\"), Input::Say("C:\\\\".into()));
        assert!(!is_complete("\"\"\""));
        assert!(!is_complete("\"\"\"\"\""));
        assert!(is_complete("\"\"\"a\"\"\""));
        assert_eq!(Input::read("\"\"\"a\"\"\""), Input::Say("a".into()));
        // What is left open at the end of the input is said all the same.
        assert_eq!(Input::read("\"\"\"\na\nb"), Input::Say("a\nb".into()));
        assert_eq!(Input::read("a\\"), Input::Say("a".into()));
        assert_eq!(Input::read("\"\"\"\"\"\""), Input::Nothing);
    }
}
