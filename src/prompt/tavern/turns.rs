//! Turns, examples, the reply line and stop strings, in the sequences of an instruct preset.

use super::{Cast, Instruct, Names, Tavern};
use crate::prompt::{Role, Voice};

/// Whether a message is the first of the chat, or the user's last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::prompt) enum Place {
    #[default]
    Between,
    First,
    LastOfUser,
}

/// The first of the two that is not empty.
fn or<'t>(special: &'t str, plain: &'t str) -> &'t str {
    if special.is_empty() { plain } else { special }
}

/// `text` with `{{name}}` replaced, in any case of its letters.
pub(super) fn with_name(text: &str, name: &str) -> String {
    const MACRO: &str = "{{name}}";
    // Upper case changes no byte's place here: only ASCII letters are changed.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find(MACRO) {
        out.push_str(&text[at..at + found]);
        out.push_str(name);
        at += found + MACRO.len();
    }
    out.push_str(&text[at..]);
    out
}

impl Instruct {
    /// Sequence and text, with a line break between them where sequences stand on lines of their own.
    fn joined(&self, sequence: &str, text: &str) -> String {
        let separator = if self.wrap && !sequence.is_empty() && !text.is_empty() {
            "\n"
        } else {
            ""
        };
        format!("{sequence}{separator}{text}")
    }

    fn replaced(&self, text: &str, name: &str, cast: Cast<'_>) -> String {
        if self.macros {
            with_name(&(cast.expand)(text), or(name, "System"))
        } else {
            text.to_owned()
        }
    }

    /// The suffix, which is a line break where there is none and sequences stand on lines of their own.
    fn suffix(&self, suffix: String) -> String {
        if suffix.is_empty() && self.wrap {
            "\n".to_owned()
        } else {
            suffix
        }
    }
}

impl Tavern {
    /// A message: `name` is empty for nobody in particular.
    pub(in crate::prompt) fn turn(
        &self,
        voice: Voice,
        name: &str,
        text: &str,
        place: Place,
        cast: Cast<'_>,
    ) -> String {
        let set = &self.instruct;
        let sequence = match (voice, place) {
            (Voice::System, _) if set.system_same_as_user => &set.input_sequence,
            (Voice::System, _) => &set.system_sequence,
            (Voice::User, Place::First) => or(&set.first_input_sequence, &set.input_sequence),
            (Voice::User, Place::LastOfUser) => or(&set.last_input_sequence, &set.input_sequence),
            (Voice::User, Place::Between) => &set.input_sequence,
            (Voice::Char, Place::First) => or(&set.first_output_sequence, &set.output_sequence),
            (Voice::Char, Place::LastOfUser) => or(&set.last_output_sequence, &set.output_sequence),
            (Voice::Char, Place::Between) => &set.output_sequence,
        };
        let suffix = match voice {
            Voice::System if set.system_same_as_user => &set.input_suffix,
            Voice::System => &set.system_suffix,
            Voice::User => &set.input_suffix,
            Voice::Char => &set.output_suffix,
        };
        let sequence = set.replaced(sequence, name, cast);
        let suffix = set.suffix(set.replaced(suffix, name, cast));
        let named = set.names == Names::Always && voice != Voice::System && !name.is_empty();
        let label = if named {
            format!("{name}: ")
        } else {
            String::new()
        };
        set.joined(&sequence, &format!("{label}{text}{suffix}"))
    }

    /// What the user is made to say where the chat would begin with somebody else; empty for nothing.
    pub(in crate::prompt) fn alignment(&self, cast: Cast<'_>) -> String {
        let text = &self.instruct.user_alignment_message;
        if text.is_empty() {
            return String::new();
        }
        let text = (cast.expand)(text);
        self.turn(Voice::User, cast.user, &text, Place::First, cast)
    }

    /// The line above the chat; empty for none.
    pub(in crate::prompt) fn chat_start(&self, cast: Cast<'_>) -> String {
        if self.context.chat_start.is_empty() {
            String::new()
        } else {
            (cast.expand)(&format!("{}\n", self.context.chat_start))
        }
    }

    /// The line that opens the turn of `role`.
    pub(in crate::prompt) fn reply(&self, role: Role, cast: Cast<'_>) -> String {
        let set = &self.instruct;
        let (name, plain, last) = match role {
            Role::Char => (cast.char, &set.output_sequence, &set.last_output_sequence),
            Role::User => (cast.user, &set.input_sequence, &set.last_input_sequence),
        };
        let named = !name.is_empty() && set.names == Names::Always;
        let is_space = |c: char| c.is_whitespace() || c == '\u{feff}';
        // Where the sequence of other turns ends in a blank and that of the last does not, the name gets the blank.
        let filler = if role == Role::Char
            && named
            && !last.is_empty()
            && plain.ends_with(is_space)
            && !last.ends_with(is_space)
        {
            plain.chars().next_back().map(String::from)
        } else {
            None
        };
        let sequence = set.replaced(or(last, plain), name, cast);
        let separator = if set.wrap { "\n" } else { "" };
        let mut text = format!("{separator}{sequence}");
        if named {
            text.push_str(separator);
            text.push_str(&filler.unwrap_or_default());
            text.push_str(name);
            text.push(':');
        }
        if set.wrap {
            text.truncate(text.trim_end_matches(is_space).len());
        }
        if !named {
            text.push_str(separator);
        }
        text
    }

    /// The example dialogues, block by block: each is the text after a `<START>`.
    pub(in crate::prompt) fn examples(
        &self,
        blocks: &[String],
        cast: Cast<'_>,
    ) -> Vec<Vec<String>> {
        let set = &self.instruct;
        let separator = &self.context.example_separator;
        let heading = if separator.is_empty() {
            String::new()
        } else {
            format!("{}\n", (cast.expand)(separator))
        };
        let raw = || {
            let block = |block: &String| vec![format!("{heading}{block}\n")];
            blocks.iter().map(block).collect::<Vec<_>>()
        };
        if set.skip_examples {
            return raw();
        }
        let side = |role: Role| {
            let (name, sequence, suffix) = match role {
                Role::User => (cast.user, &set.input_sequence, &set.input_suffix),
                Role::Char => (cast.char, &set.output_sequence, &set.output_suffix),
            };
            let replaced = |text: &str| {
                if set.macros {
                    with_name(&(cast.expand)(text), name)
                } else {
                    text.to_owned()
                }
            };
            // SillyTavern ends turns by themselves with a line break only where macros are on.
            let suffix = replaced(suffix);
            let suffix = if set.macros {
                set.suffix(suffix)
            } else {
                suffix
            };
            (name, replaced(sequence), suffix)
        };
        let (user, char) = (side(Role::User), side(Role::Char));
        let mut all = Vec::new();
        for block in blocks {
            let turns = individual(block, cast.user, cast.char);
            if turns.is_empty() {
                continue;
            }
            let mut lines = Vec::new();
            if !heading.is_empty() {
                lines.push(heading.clone());
            }
            for (role, text) in turns {
                let (name, sequence, suffix) = if role == Role::User { &user } else { &char };
                let named =
                    set.names == Names::Always || set.names == Names::Force && role == Role::User;
                let label = if named {
                    format!("{name}: ")
                } else {
                    String::new()
                };
                lines.push(set.joined(sequence, &format!("{label}{text}{suffix}")));
            }
            all.push(lines);
        }
        if all.is_empty() { raw() } else { all }
    }

    /// Strings that end a reply.
    pub(in crate::prompt) fn stops(&self, cast: Cast<'_>) -> Vec<String> {
        let set = &self.instruct;
        let mut stops = Vec::new();
        if self.context.names_as_stop_strings {
            stops.push(format!("\n{}:", cast.user));
        }
        let mut sequences = vec![set.stop_sequence.clone()];
        if set.sequences_as_stop_strings {
            sequences.extend([
                with_name(&set.input_sequence, cast.user),
                with_name(&set.output_sequence, cast.char),
                with_name(&set.first_output_sequence, cast.char),
                with_name(&set.last_output_sequence, cast.char),
                with_name(&set.system_sequence, "System"),
                with_name(&set.last_system_sequence, "System"),
            ]);
        }
        let sequences = sequences.join("\n");
        let mut seen: Vec<&str> = Vec::new();
        for line in sequences.split('\n') {
            if line.trim().is_empty() || seen.contains(&line) {
                continue;
            }
            seen.push(line);
            let stop = format!("{}{line}", if set.wrap { "\n" } else { "" });
            stops.push(if set.macros {
                (cast.expand)(&stop)
            } else {
                stop
            });
        }
        if self.context.use_stop_strings {
            for text in [&self.context.chat_start, &self.context.example_separator] {
                if !text.is_empty() {
                    stops.push(format!("\n{}", (cast.expand)(text)));
                }
            }
        }
        if self.context.single_line {
            stops.insert(0, "\n".to_owned());
        }
        stops
    }
}

/// The turns of an example block: a line that begins with a name and a colon opens one.
pub(in crate::prompt) fn individual(block: &str, user: &str, char: &str) -> Vec<(Role, String)> {
    let opens = |line: &str, name: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':'))
    };
    let mut turns: Vec<(Role, String)> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let mut speaker = None;
    let mut close = |lines: &mut Vec<&str>, role: Role| {
        let name = if role == Role::User { user } else { char };
        let text = lines.join("\n").replacen(&format!("{name}:"), "", 1);
        turns.push((role, text.trim().to_owned()));
        lines.clear();
    };
    for line in block.split('\n') {
        let next = if opens(line, user) {
            Some(Role::User)
        } else if opens(line, char) {
            Some(Role::Char)
        } else {
            None
        };
        if let Some(role) = next {
            // Two messages of one side in a row are one, as SillyTavern has it.
            if let Some(before) = speaker.filter(|before| *before != role) {
                close(&mut lines, before);
            }
            speaker = Some(role);
        }
        lines.push(line);
    }
    if let Some(role) = speaker {
        close(&mut lines, role);
    }
    turns
}
