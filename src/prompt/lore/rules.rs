//! How entries are looked for where they do not say: one row for each setting, which the command line, a chat and
//! SillyTavern's own names share.

use crate::nearest::nearest;
use crate::{Error, Kind, Result};

/// How entries are looked for where they do not say. The defaults are those of a new SillyTavern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// How many of the last messages are searched. Default: 2.
    pub scan_depth: usize,
    /// Whether the text of entries is searched too. Default: true.
    pub recursive: bool,
    /// How many rounds there may be; 0 is as many as it takes. Default: 0.
    pub max_rounds: usize,
    /// While fewer entries join, one message more is searched. Default: 0.
    pub min_activations: usize,
    /// How many messages are searched for that at the most; 0 is all there are. Default: 0.
    pub min_depth: usize,
    /// Whether keys match case. Default: false.
    pub case_sensitive: bool,
    /// Whether keys match whole words only. Default: true.
    pub whole_words: bool,
    /// Whether the names before the messages are searched too. Default: true.
    pub include_names: bool,
    /// Whether entries with fewer matching keys lose in their groups. Default: false.
    pub group_scoring: bool,
    /// Which entries are looked at first. Default: the character's.
    pub first: First,
    /// The percent of the context, less the reply, that all entries together stay below. Default: 25.
    pub percent: f64,
    /// The most tokens that this share may be; 0 is no limit. Default: 0.
    pub cap: usize,
    /// The tokens that all entries together stay below, in place of a share. Default: `None`.
    pub budget: Option<usize>,
    /// Whether the context is full: entries with `@@ignore_on_max_context` stay away then. Default: false.
    pub is_full: bool,
}

/// Which entries are looked at first, and so get the room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum First {
    /// Those with the highest order, whatever book they are in.
    HighestOrder,
    /// Those of the character's own book.
    #[default]
    Character,
    /// Those of other books.
    Others,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            scan_depth: 2,
            recursive: true,
            max_rounds: 0,
            min_activations: 0,
            min_depth: 0,
            case_sensitive: false,
            whole_words: true,
            include_names: true,
            group_scoring: false,
            first: First::default(),
            percent: 25.0,
            cap: 0,
            budget: None,
            is_full: false,
        }
    }
}

/// A setting of the [`Rules`].
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What SillyTavern calls it.
    pub tavern: &'static str,
    /// What it may be, and what it is by default.
    pub values: &'static str,
    /// What it does: lower case, no full stop.
    pub about: &'static str,
    set: fn(&mut Rules, &str) -> Option<()>,
}

/// Every setting. SillyTavern's names are those of `world_info_settings` in its `settings.json`.
pub const RULES: &[Rule] = &[
    Rule {
        name: "depth",
        tavern: "world_info_depth",
        values: "0 to 1000 [2]",
        about: "how many of the last messages are searched",
        set: |rules, text| {
            rules.scan_depth = whole(text)?;
            Some(())
        },
    },
    Rule {
        name: "names",
        tavern: "world_info_include_names",
        values: "yes or no [yes]",
        about: "search the names before the messages too",
        set: |rules, text| {
            rules.include_names = switch(text)?;
            Some(())
        },
    },
    Rule {
        name: "case",
        tavern: "world_info_case_sensitive",
        values: "yes or no [no]",
        about: "keys match case",
        set: |rules, text| {
            rules.case_sensitive = switch(text)?;
            Some(())
        },
    },
    Rule {
        name: "words",
        tavern: "world_info_match_whole_words",
        values: "yes or no [yes]",
        about: "keys match whole words only",
        set: |rules, text| {
            rules.whole_words = switch(text)?;
            Some(())
        },
    },
    Rule {
        name: "recursive",
        tavern: "world_info_recursive",
        values: "yes or no [yes]",
        about: "the text of entries brings in others",
        set: |rules, text| {
            rules.recursive = switch(text)?;
            Some(())
        },
    },
    Rule {
        name: "rounds",
        tavern: "world_info_max_recursion_steps",
        values: "a number, 0 is as many as it takes [0]",
        about: "how often entries are looked for",
        set: |rules, text| {
            rules.max_rounds = whole(text)?;
            Some(())
        },
    },
    Rule {
        name: "min",
        tavern: "world_info_min_activations",
        values: "a number [0]",
        about: "while fewer entries join, one message more is searched",
        set: |rules, text| {
            rules.min_activations = whole(text)?;
            Some(())
        },
    },
    Rule {
        name: "min-depth",
        tavern: "world_info_min_activations_depth_max",
        values: "a number, 0 is all there are [0]",
        about: "how many messages are searched for that at the most",
        set: |rules, text| {
            rules.min_depth = whole(text)?;
            Some(())
        },
    },
    Rule {
        name: "percent",
        tavern: "world_info_budget",
        values: "1 to 100 [25]",
        about: "percent of the context, less the reply, that entries may take together",
        set: |rules, text| {
            rules.percent = number(text).filter(|percent| (0.0..=100.0).contains(percent))?;
            Some(())
        },
    },
    Rule {
        name: "cap",
        tavern: "world_info_budget_cap",
        values: "tokens, 0 is no limit [0]",
        about: "the most that this share may be",
        set: |rules, text| {
            rules.cap = whole(text)?;
            Some(())
        },
    },
    Rule {
        name: "scoring",
        tavern: "world_info_use_group_scoring",
        values: "yes or no [no]",
        about: "entries with fewer keys mentioned lose in their groups",
        set: |rules, text| {
            rules.group_scoring = switch(text)?;
            Some(())
        },
    },
    Rule {
        name: "first",
        tavern: "world_info_character_strategy",
        values: "character, others or order [character]",
        about: "which entries get the room first: the character's, those of other books, or the highest orders",
        set: |rules, text| {
            rules.first = match text {
                "order" | "evenly" | "0" => First::HighestOrder,
                "character" | "1" => First::Character,
                "others" | "global" | "2" => First::Others,
                _ => return None,
            };
            Some(())
        },
    },
];

impl Rules {
    /// Sets the setting `name`, ours or SillyTavern's, to what `text` says.
    ///
    /// ```
    /// use cardwright::prompt::lore::Rules;
    ///
    /// let mut rules = Rules::default();
    /// rules.set("min", "3")?;
    /// rules.set("world_info_case_sensitive", "true")?;
    /// assert!(rules.min_activations == 3 && rules.case_sensitive);
    /// assert!(rules.set("depth", "deep").is_err());
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when there is no such setting, or it cannot be that.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let name = name.trim();
        let rule = RULES
            .iter()
            .find(|rule| rule.name == name || rule.tavern == name)
            .ok_or_else(|| unknown(name))?;
        (rule.set)(self, text.trim()).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                format!("the lorebook setting `{}` cannot be `{text}`", rule.name),
            )
            .hint(format!("it is {}: {}", rule.values, rule.about))
        })
    }

    /// The tokens that all entries together stay below where the prompt has `room`: the context less the reply.
    #[must_use]
    pub fn tokens_in(&self, room: Option<usize>) -> Option<usize> {
        let cap = Some(self.cap).filter(|cap| *cap > 0);
        let share = room.map(|room| ((self.percent * room as f64 / 100.0).round() as usize).max(1));
        self.budget.or(match (share, cap) {
            (Some(share), Some(cap)) => Some(share.min(cap)),
            (share, cap) => share.or(cap),
        })
    }
}

fn unknown(name: &str) -> Error {
    let names = RULES.iter().map(|rule| rule.name);
    let error = Error::new(
        Kind::Usage,
        format!("there is no lorebook setting `{name}`"),
    );
    match nearest(name, names.clone()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!(
            "there are: {}",
            names.collect::<Vec<_>>().join(", ")
        )),
    }
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn whole(text: &str) -> Option<usize> {
    text.parse().ok()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_context_is_rounded_and_capped_as_in_sillytavern() {
        let mut rules = Rules::default();
        assert_eq!(rules.tokens_in(None), None);
        assert_eq!(rules.tokens_in(Some(4094)), Some(1024));
        assert_eq!(rules.tokens_in(Some(1)), Some(1));
        rules.set("cap", "100").unwrap();
        assert_eq!(rules.tokens_in(Some(4094)), Some(100));
        assert_eq!(rules.tokens_in(None), Some(100));
        rules.budget = Some(7);
        assert_eq!(rules.tokens_in(Some(4094)), Some(7));
    }

    #[test]
    fn every_setting_has_one_name_and_says_what_it_may_be() {
        for (at, rule) in RULES.iter().enumerate() {
            let before = &RULES[..at];
            assert!(before.iter().all(|other| other.name != rule.name));
            let error = Rules::default().set(rule.name, "nonsense").unwrap_err();
            assert!(error.next_step().unwrap().contains(rule.values));
            Rules::default().set(rule.tavern, "1").unwrap();
        }
        let error = Rules::default().set("dept", "1").unwrap_err();
        assert_eq!(error.next_step(), Some("did you mean `depth`?"));
    }
}
