//! The decorators at the top of an entry's content: `@@depth 4`, and `@@@name` for who does not know the line above.

use super::{Lore, Position};
use crate::prompt::Voice;

/// Takes the decorators out of the content of `lore` and lets them have their way.
pub(super) fn apply(lore: &mut Lore) {
    if !lore.content.trim_start().starts_with("@@") {
        return;
    }
    let content = std::mem::take(&mut lore.content);
    let mut lines = content.trim_start().split('\n');
    let mut rest: Vec<&str> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let mut place = Place::default();
    // Whether the line above, or the one that stands in for it, was not understood.
    let mut falls_back = false;
    for line in lines.by_ref() {
        let Some(decorator) = line.trim_end().strip_prefix("@@") else {
            rest.push(line);
            break;
        };
        let (is_fallback, decorator) = match decorator.strip_prefix('@') {
            Some(fallback) => (true, fallback),
            None => (false, decorator),
        };
        if is_fallback && !falls_back {
            continue;
        }
        let (name, value) = decorator
            .split_once(char::is_whitespace)
            .map_or((decorator, ""), |(name, value)| (name, value.trim()));
        // Of two with one name the first counts; lists of further keys add up.
        if seen.contains(&name) && name != "additional_keys" {
            falls_back = false;
            continue;
        }
        falls_back = one(lore, &mut place, name, value).is_none();
        if !falls_back {
            seen.push(name);
        }
    }
    rest.extend(lines);
    lore.content = rest.join("\n").trim_start_matches(['\n', '\r']).to_owned();
    place.settle(&mut lore.position);
}

/// Where the decorators want the entry.
#[derive(Debug, Default)]
struct Place {
    depth: Option<usize>,
    reverse_depth: Option<usize>,
    voice: Option<Voice>,
    position: Option<Position>,
}

impl Place {
    /// A named position wins over a depth, a depth over one counted from the beginning; the voice changes any depth.
    fn settle(self, position: &mut Position) {
        let old = match position {
            Position::Depth(_, voice) | Position::ReverseDepth(_, voice) => *voice,
            _ => Voice::System,
        };
        let voice = self.voice.unwrap_or(old);
        *position = match (self.position, self.depth, self.reverse_depth) {
            (Some(named), _, _) => named,
            (None, Some(depth), _) => Position::Depth(depth, voice),
            (None, None, Some(depth)) => Position::ReverseDepth(depth, voice),
            (None, None, None) => match &*position {
                Position::Depth(depth, _) => Position::Depth(*depth, voice),
                Position::ReverseDepth(depth, _) => Position::ReverseDepth(*depth, voice),
                other => other.clone(),
            },
        };
    }
}

/// Reads one decorator; `None` when it is unknown here or its value is wrong.
fn one(lore: &mut Lore, place: &mut Place, name: &str, value: &str) -> Option<()> {
    let decorators = &mut lore.decorators;
    let number = || {
        value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
    };
    let list = || {
        let items: Vec<String> = value
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect();
        (!items.is_empty()).then_some(items)
    };
    // A depth below 1 is the end of the chat.
    let depth = || number().map(|number| number.max(0.0) as usize);
    match name {
        "activate" => decorators.activate = true,
        "dont_activate" => decorators.dont_activate = true,
        "activate_only_after" => decorators.only_after = Some(number()?),
        "activate_only_every" => decorators.only_every = Some(number().filter(|n| *n > 0.0)?),
        "keep_activate_after_match" => decorators.keep_after_match = true,
        "dont_activate_after_match" => decorators.not_after_match = true,
        "is_greeting" => decorators.is_greeting = Some(number()?),
        "additional_keys" => decorators.additional_keys.push(list()?),
        "exclude_keys" => decorators.exclude_keys = list()?,
        "ignore_on_max_context" => decorators.ignore_on_max_context = true,
        "disable_ui_prompt" => {
            let known = ["system_prompt", "post_history_instructions"];
            let prompt = known.iter().find(|known| **known == value)?;
            decorators.disable_prompts.push((*prompt).to_owned());
        }
        "scan_depth" => lore.scan_depth = Some(value.parse().ok()?),
        "depth" => place.depth = Some(depth()?),
        "reverse_depth" => place.reverse_depth = Some(depth()?),
        "role" => {
            place.voice = Some(match value {
                "system" => Voice::System,
                "user" => Voice::User,
                "assistant" => Voice::Char,
                _ => return None,
            });
        }
        "position" => {
            place.position = Some(match value {
                "before_desc" => Position::Before,
                "after_desc" => Position::After,
                "personality" => Position::Personality,
                "scenario" => Position::Scenario,
                _ => return None,
            });
        }
        _ => return None,
    }
    Some(())
}
