//! The table of commands: what they are called, what they take and what they do.

use crate::nearest::nearest;

/// What a command takes, for completing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or text that cannot be guessed.
    Text,
    /// The name of a file.
    File,
    /// A length word of the format.
    Length,
    /// The number of a greeting.
    Greeting,
    /// The name of a command.
    Command,
    /// One of these.
    One(&'static [&'static str]),
}

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its name, without the slash.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What it takes, as it is shown to people; empty when it takes nothing.
    pub usage: &'static str,
    /// What it takes, for completing it.
    pub takes: Takes,
    /// What it does: one line, no full stop.
    pub about: &'static str,
}

impl Command {
    const fn new(
        name: &'static str,
        usage: &'static str,
        takes: Takes,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            usage,
            takes,
            about,
        }
    }

    const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// Every command, in the order in which `/help` lists them.
pub const COMMANDS: &[Command] = &[
    Command::new(
        "regen",
        "",
        Takes::Text,
        "write the last reply again; the old one stays an alternative",
    )
    .also(&["regenerate", "retry"]),
    Command::new(
        "swipe",
        "[next|back|list|N]",
        Takes::One(&["next", "back", "list"]),
        "step through the alternatives of the last message; past the last, write another",
    ),
    Command::new("continue", "", Takes::Text, "let the last reply go on").also(&["more"]),
    Command::new(
        "impersonate",
        "",
        Takes::Text,
        "let the model draft your message",
    )
    .also(&["me"]),
    Command::new(
        "edit",
        "[N] [TEXT]",
        Takes::Text,
        "change message N, or the last one",
    ),
    Command::new(
        "undo",
        "",
        Takes::Text,
        "take back your last message and what followed",
    ),
    Command::new(
        "show",
        "[COUNT]",
        Takes::Text,
        "show the last messages with their numbers",
    )
    .also(&["history"]),
    Command::new(
        "length",
        "[WORD|default]",
        Takes::Length,
        "set the length of the replies",
    ),
    Command::new(
        "greeting",
        "[N]",
        Takes::Greeting,
        "begin with another greeting; without N, list them",
    ),
    Command::new(
        "persona",
        "[TEXT|default]",
        Takes::One(&["default"]),
        "say who you are",
    ),
    Command::new(
        "note",
        "[TEXT|none|depth N]",
        Takes::One(&["none", "depth"]),
        "remind the model of something, a few messages from the end",
    ),
    Command::new(
        "lore",
        "",
        Takes::Text,
        "show which lorebook entries join the prompt, and why",
    ),
    Command::new(
        "prompt",
        "[FILE]",
        Takes::File,
        "show the exact prompt as it stands, or write it to a file",
    ),
    Command::new(
        "check",
        "",
        Takes::Text,
        "check that prompt against its format",
    ),
    Command::new(
        "tokens",
        "",
        Takes::Text,
        "show what takes how much of the context",
    ),
    Command::new(
        "save",
        "[FILE]",
        Takes::File,
        "save the chat, from now on to FILE (SillyTavern JSONL)",
    ),
    Command::new("load", "FILE", Takes::File, "go on from another chat file").also(&["open"]),
    Command::new(
        "export",
        "FILE",
        Takes::File,
        "write the conversation as .txt, .md, .json or .jsonl",
    ),
    Command::new("help", "[COMMAND]", Takes::Command, "this list").also(&["?", "commands"]),
    Command::new("quit", "", Takes::Text, "leave (Ctrl-D does too)").also(&["exit", "bye", "q"]),
];

/// The command of that name.
#[must_use]
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.name == name || command.aliases.contains(&name))
}

/// What to say to a name that no command has.
#[must_use]
pub fn unknown(name: &str) -> String {
    let names = COMMANDS
        .iter()
        .flat_map(|command| std::iter::once(command.name).chain(command.aliases.iter().copied()));
    match nearest(name, names) {
        Some(near) => format!("there is no command `/{name}`; did you mean `/{near}`?"),
        None => {
            format!("there is no command `/{name}`; `/help` lists them, and `//{name}` says it")
        }
    }
}

/// The list that `/help` shows, or the line of one command.
#[must_use]
pub fn help(of: Option<&Command>) -> String {
    let line = |command: &Command| {
        let call = format!("/{} {}", command.name, command.usage);
        format!("{:28} {}\n", call.trim_end(), command.about)
    };
    if let Some(command) = of {
        let mut text = line(command);
        if !command.aliases.is_empty() {
            let aliases: Vec<_> = command
                .aliases
                .iter()
                .map(|name| format!("/{name}"))
                .collect();
            text.push_str(&format!("{:28} also {}\n", "", aliases.join(", ")));
        }
        return text;
    }
    let mut text: String = COMMANDS.iter().map(line).collect();
    text.push_str(
        "\nA line that ends with \\ goes on; everything between two \"\"\" is one message. // at the beginning says one slash.\n\
         Ctrl-C stops a reply and keeps what is there. Tab completes commands.\n",
    );
    text
}

/// What can stand where `line` ends: the place where the word begins that is being typed, and what it may become. `None`
/// when that is the name of a file, which is not for this module to know.
#[must_use]
pub fn complete(line: &str, lengths: &[String], greetings: usize) -> Option<(usize, Vec<String>)> {
    let Some(rest) = line.strip_prefix('/') else {
        return Some((line.len(), Vec::new()));
    };
    let Some((name, argument)) = rest.split_once(' ') else {
        let mut names: Vec<String> = COMMANDS
            .iter()
            .filter(|command| command.name.starts_with(rest))
            .map(|command| {
                let space = if command.usage.is_empty() { "" } else { " " };
                format!("/{}{space}", command.name)
            })
            .collect();
        names.sort();
        return Some((0, names));
    };
    let start = line.len() - argument.len();
    let values: Vec<String> = match command(name).map(|command| command.takes) {
        Some(Takes::File) => return None,
        Some(Takes::Length) => {
            let words = lengths.iter().cloned();
            words.chain(["default".to_owned()]).collect()
        }
        Some(Takes::Greeting) => (0..greetings).map(|number| number.to_string()).collect(),
        Some(Takes::Command) => COMMANDS
            .iter()
            .map(|command| command.name.to_owned())
            .collect(),
        Some(Takes::One(values)) => values.iter().map(|value| (*value).to_owned()).collect(),
        Some(Takes::Text) | None => Vec::new(),
    };
    let fits = values
        .into_iter()
        .filter(|value| value.starts_with(argument));
    Some((start, fits.collect()))
}

/// What a command still takes, to be shown behind the cursor.
#[must_use]
pub fn hint(line: &str) -> Option<String> {
    let rest = line.strip_prefix('/')?;
    if let Some(name) = rest.strip_suffix(' ') {
        return Some(command(name)?.usage.to_owned()).filter(|usage| !usage.is_empty());
    }
    let command = command(rest)?;
    (!command.usage.is_empty()).then(|| format!(" {}", command.usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_all_different() {
        let mut names: Vec<&str> = COMMANDS
            .iter()
            .flat_map(|command| {
                std::iter::once(command.name).chain(command.aliases.iter().copied())
            })
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn commands_and_their_values_are_completed() {
        let lengths = ["short".to_owned(), "long".to_owned()];
        let at = |line: &str| complete(line, &lengths, 3);
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(at("/le"), Some((0, words(&["/length "]))));
        assert_eq!(at("/length l"), Some((8, words(&["long"]))));
        assert_eq!(at("/greeting "), Some((10, words(&["0", "1", "2"]))));
        assert_eq!(at("/swipe b"), Some((7, words(&["back"]))));
        assert_eq!(at("/help tok"), Some((6, words(&["tokens"]))));
        assert_eq!(at("/save a"), None, "files are completed elsewhere");
        assert_eq!(at("Hello /le"), Some((9, vec![])));
        assert_eq!(hint("/length").as_deref(), Some(" [WORD|default]"));
        assert_eq!(hint("/length ").as_deref(), Some("[WORD|default]"));
        assert_eq!(hint("/undo"), None);
    }

    #[test]
    fn a_misspelt_command_names_the_one_that_was_meant() {
        assert_eq!(
            unknown("sipwe"),
            "there is no command `/sipwe`; did you mean `/swipe`?"
        );
        assert!(unknown("teleport").contains("`//teleport` says it"));
    }
}
