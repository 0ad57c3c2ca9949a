//! What can be wrong with a section, and how bad that is.

/// Why a section is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It has fewer words than it should.
    Short {
        /// How many it has.
        words: usize,
    },
    /// It was cut off before its end.
    Cut,
    /// The same run of words comes back.
    Repeats(String),
    /// It does not name the one it is about.
    Nameless(String),
    /// It names somebody of the examples.
    Echo(String),
    /// It shares too many words in a row with an example.
    Copied(String),
    /// Somebody in it is not an adult.
    Age(String),
    /// It speaks or decides for the user.
    SpeaksForUser(String),
    /// It gives somebody another name.
    Renamed(String),
    /// It gives the one it is about two ages.
    Ages(u32, u32),
    /// It takes somebody for a man and for a woman by turns.
    Pronouns,
    /// The narration says "I" or "you", where LimaRP narrates in the third person.
    Person(String),
    /// A line break where one paragraph belongs.
    Newline,
    /// A tag, a macro or a mark of some other layout.
    Markup(String),
    /// A quotation mark that is opened and not closed.
    Quotes,
    /// The past where the present belongs, or the other way round.
    Tense(&'static str),
    /// Nearly the same was written for somebody else.
    Duplicate(String),
    /// The whole is not in the layout of the format.
    Format(String),
}

/// Faults from this cost on are never kept.
pub(in crate::generate) const UNACCEPTABLE: usize = 100;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { words } => write!(f, "too short ({words} words)"),
            Self::Cut => f.write_str("cut off"),
            Self::Repeats(words) => write!(f, "repeats `{words}`"),
            Self::Nameless(name) => write!(f, "never says `{name}`"),
            Self::Echo(name) => write!(f, "takes `{name}` from an example"),
            Self::Copied(words) => write!(f, "copies `{words}` from an example"),
            Self::Age(words) => write!(f, "`{words}`: somebody is not an adult"),
            Self::SpeaksForUser(words) => write!(f, "speaks for the user: `{words}`"),
            Self::Renamed(words) => write!(f, "gives another name: `{words}`"),
            Self::Ages(one, other) => write!(f, "gives two ages: {one} and {other}"),
            Self::Pronouns => f.write_str("says both `he` and `she`"),
            Self::Person(word) => write!(f, "narrates with `{word}` instead of the third person"),
            Self::Newline => f.write_str("has a line break in its paragraph"),
            Self::Markup(mark) => write!(f, "has the mark `{mark}` left in it"),
            Self::Quotes => f.write_str("opens a quotation mark that it never closes"),
            Self::Tense(wanted) => write!(f, "narrates in another tense than the {wanted}"),
            Self::Duplicate(name) => write!(f, "is nearly the same as that of `{name}`"),
            Self::Format(message) => write!(f, "is not in the format: {message}"),
        }
    }
}

impl Fault {
    /// The fault without its particulars, for counting.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Short { .. } => "short",
            Self::Cut => "cut",
            Self::Repeats(_) => "repeats",
            Self::Nameless(_) => "nameless",
            Self::Echo(_) => "echo",
            Self::Copied(_) => "copied",
            Self::Age(_) => "age",
            Self::SpeaksForUser(_) => "speaks-for-user",
            Self::Renamed(_) => "renamed",
            Self::Ages(..) => "ages",
            Self::Pronouns => "pronouns",
            Self::Person(_) => "person",
            Self::Newline => "newline",
            Self::Markup(_) => "markup",
            Self::Quotes => "quotes",
            Self::Tense(_) => "tense",
            Self::Duplicate(_) => "duplicate",
            Self::Format(_) => "format",
        }
    }

    /// Whether a text with it is out of the layout, and not only a poor one.
    #[must_use]
    pub fn is_of_layout(kind: &str) -> bool {
        matches!(kind, "newline" | "markup" | "format")
    }

    /// How bad it is.
    pub(in crate::generate) fn cost(&self) -> usize {
        match self {
            Self::Age(_)
            | Self::Format(_)
            | Self::Newline
            | Self::Markup(_)
            | Self::Duplicate(_) => UNACCEPTABLE,
            Self::Tense(_) => 1,
            Self::Repeats(_) | Self::Pronouns => 2,
            Self::Cut | Self::Quotes => 3,
            Self::Short { .. } => 4,
            Self::Person(_) | Self::Copied(_) | Self::Renamed(_) | Self::Ages(..) => 5,
            Self::Echo(_) | Self::Nameless(_) | Self::SpeaksForUser(_) => 6,
        }
    }
}
