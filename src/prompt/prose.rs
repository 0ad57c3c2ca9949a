//! Notations of personas (W++, boostyle, lists) as plain sentences.
//!
//! LimaRP was trained on personas in natural language. Cards often list traits instead, in notations that were made for
//! other models. The rewriting is mechanical: nothing is added, nothing is left out, and the same text gives the same
//! sentences.

/// How a text lists things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// `Personality("kind" + "shy")`.
    WPlusPlus,
    /// `[ Mara's personality= kind, shy ]`.
    Boostyle,
    /// `Personality: kind, shy` and `- kind`, a line each.
    List,
}

impl Notation {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WPlusPlus => "W++",
            Self::Boostyle => "boostyle",
            Self::List => "a list",
        }
    }
}

/// A text as one paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prose {
    /// The paragraph.
    pub text: String,
    /// The notation it was in; `None` for sentences, which are only joined.
    pub notation: Option<Notation>,
    /// How many entries became sentences.
    pub entries: usize,
    /// How many lines held something.
    pub lines: usize,
    /// Each entry, and the sentence it became; empty for one that says nothing new, as a name or a heading.
    pub changes: Vec<(String, String)>,
}

/// Rewrites a persona of `name` as one paragraph of sentences.
///
/// ```
/// use cardwright::prompt::prose;
///
/// let prose = prose(r#"[Character("Mara") { Age("61") Likes("tea" + "storms" + "old maps") }]"#, "Mara");
/// assert_eq!(prose.text, "Mara's age is 61. Mara's likes are tea, storms and old maps.");
/// ```
#[must_use]
pub fn prose(text: &str, name: &str) -> Prose {
    let notation = notation(text);
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let entries = match notation {
        None => Vec::new(),
        Some(Notation::WPlusPlus) => w_plus_plus(text),
        Some(Notation::Boostyle) => boostyle(text),
        Some(Notation::List) => list(text),
    };
    if entries.is_empty() {
        return Prose {
            text: super::render::fold(text),
            notation: None,
            entries: 0,
            lines,
            changes: Vec::new(),
        };
    }
    let changes: Vec<(String, String)> = entries
        .iter()
        .map(|entry| (entry.told(), entry.sentence(name)))
        .collect();
    let sentences: Vec<&str> = changes
        .iter()
        .map(|(_, sentence)| sentence.as_str())
        .filter(|sentence| !sentence.is_empty())
        .collect();
    Prose {
        text: sentences.join(" "),
        notation,
        entries: entries.len(),
        lines,
        changes,
    }
}

fn notation(text: &str) -> Option<Notation> {
    let opens = text.matches("(\"").count();
    if opens > 0
        && text.matches("\")").count() > 0
        && (opens > 1 || text.contains("\" + \"") || text.contains('{'))
    {
        return Some(Notation::WPlusPlus);
    }
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let assigned = |line: &&&str| {
        line.split_once('=')
            .is_some_and(|(key, value)| is_key(key) && !value.trim().is_empty())
    };
    if text.trim_start().starts_with('[')
        && text.contains('=')
        && text.trim_end().ends_with(']')
        && lines.iter().any(|line| assigned(&line))
    {
        return Some(Notation::Boostyle);
    }
    let listed = lines
        .iter()
        .filter(|line| Entry::of_line(line).is_listed)
        .count();
    // A colon in one sentence makes no list.
    (lines.len() > 1 && listed * 2 > lines.len()).then_some(Notation::List)
}

/// A trait: a key and what belongs to it, or a sentence.
#[derive(Debug)]
struct Entry {
    key: Option<String>,
    values: Vec<String>,
    is_listed: bool,
    /// Whether the bullets that follow belong to it: a key with nothing after its colon.
    takes_bullets: bool,
}

impl Entry {
    fn of_line(line: &str) -> Self {
        let bare = line.trim().trim_matches(['[', ']', '{', '}']).trim();
        let bulleted = bare
            .strip_prefix(['-', '*', '•', '+'])
            .filter(|rest| rest.starts_with(' '));
        let body = bulleted.unwrap_or(bare).replace("**", "").replace("__", "");
        let body = body.trim_start_matches('#').trim();
        match body.split_once([':', '=']).filter(|(key, _)| is_key(key)) {
            Some((key, value)) => Self {
                key: Some(plain(key)),
                values: split_values(value),
                is_listed: true,
                takes_bullets: value.trim().is_empty(),
            },
            // A heading is no trait, and says nothing that its lines do not.
            None if bare.starts_with('#') => Self {
                key: None,
                values: Vec::new(),
                is_listed: true,
                takes_bullets: false,
            },
            None => Self {
                key: None,
                values: vec![plain(body)],
                takes_bullets: false,
                is_listed: bulleted.is_some(),
            },
        }
    }

    /// The entry as it was, without the marks of its notation.
    fn told(&self) -> String {
        let values = self.values.join(", ");
        match &self.key {
            Some(key) => format!("{key}: {values}"),
            None => values,
        }
    }

    fn sentence(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .values
            .iter()
            .map(String::as_str)
            .filter(|value| !value.is_empty())
            .collect();
        let (Some(last), Some(key)) = (values.last(), &self.key) else {
            return ended(&capital(&values.join(", ")));
        };
        let lower = key.to_lowercase();
        if matches!(lower.as_str(), "name" | "character" | "char") {
            return if values == [name] {
                String::new()
            } else {
                ended(&format!("{name}'s full name is {}", values.join(" ")))
            };
        }
        // A sentence under a heading needs no verb of ours.
        if values.len() == 1
            && (last.contains(". ") || last.ends_with('.') && last.split(' ').count() > 3)
        {
            return ended(last);
        }
        let lower = lower
            .strip_prefix(&format!("{}'s ", name.to_lowercase()))
            .unwrap_or(&lower)
            .to_owned();
        let plural = lower.ends_with('s') && !lower.ends_with("ss");
        let verb = if plural { "are" } else { "is" };
        ended(&format!("{name}'s {lower} {verb} {}", enumerate(&values)))
    }
}

/// Whether `text` reads as the name of a trait.
fn is_key(text: &str) -> bool {
    let text = text.trim().trim_matches(['[', '{', '"', '*']).trim();
    let words = text.split_whitespace().count();
    (1..=4).contains(&words) && text.len() <= 40 && !text.contains(['.', '!', '?', ','])
}

fn w_plus_plus(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("(\"") {
        let key = rest[..at]
            .rsplit(['[', ']', '{', '}', ')', ',', '\n'])
            .next()
            .unwrap_or_default();
        let inside = &rest[at + 1..];
        let end = inside.find("\")").map_or(inside.len(), |end| end + 1);
        let values = inside[..end]
            .split("\" + \"")
            .flat_map(|value| value.split("\"+\""))
            .map(plain)
            .collect();
        entries.push(Entry {
            key: Some(plain(key)).filter(|key| !key.is_empty()),
            values,
            is_listed: true,
            takes_bullets: false,
        });
        rest = &inside[end..];
    }
    entries
}

fn boostyle(text: &str) -> Vec<Entry> {
    let pieces = text.split(['[', ']', ';', '\n']).map(str::trim);
    pieces
        .filter(|piece| !piece.is_empty())
        .map(Entry::of_line)
        .collect()
}

fn list(text: &str) -> Vec<Entry> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut entries: Vec<Entry> = Vec::new();
    for line in lines {
        let entry = Entry::of_line(line);
        // Bullets under a key without a value belong to the key.
        match entries.last_mut() {
            Some(last) if entry.key.is_none() && entry.is_listed && last.takes_bullets => {
                last.values.extend(entry.values);
            }
            _ => entries.push(entry),
        }
    }
    entries
}

fn split_values(value: &str) -> Vec<String> {
    // Commas separate traits, but belong to sentences.
    if value.trim_end().ends_with('.') {
        return vec![plain(value)];
    }
    value
        .split([',', ';', '+'])
        .map(plain)
        .filter(|value| !value.is_empty())
        .collect()
}

/// Text without the marks of a notation around it.
fn plain(text: &str) -> String {
    text.trim()
        .trim_matches(['"', '“', '”', '[', ']', '{', '}', '*'])
        .trim()
        .to_owned()
}

/// `a`, `a and b`, `a, b and c`.
fn enumerate(values: &[&str]) -> String {
    match values {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `text` with a capital first letter.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A sentence with its full stop.
fn ended(sentence: &str) -> String {
    let sentence = sentence.trim();
    if sentence.is_empty() || sentence.ends_with(['.', '!', '?', '"', '…']) {
        sentence.to_owned()
    } else {
        format!("{sentence}.")
    }
}
