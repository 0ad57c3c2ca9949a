//! Names for characters: our own lists over many cultures, periods and genres, drawn by a seed.
//!
//! A given name and a family name always come from the same list, so that a person sounds like one. The lists are text
//! files beside this one; a new culture is a line in each.
//!
//! ```
//! use cardwright::generate::names::Names;
//!
//! let eight: Vec<String> = Names::new(1).take(8).collect();
//! assert_eq!(eight, Names::new(1).take(8).collect::<Vec<_>>());
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rand::{Rng, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How somebody of a name usually presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// As a woman.
    Feminine,
    /// As a man.
    Masculine,
    /// As neither, or either.
    Neutral,
}

/// The given and family names of one culture, period or genre.
#[derive(Default)]
struct Culture {
    given: Vec<&'static str>,
    family: Vec<&'static str>,
}

struct Lists {
    cultures: Vec<Culture>,
    designations: Vec<&'static str>,
    presence: HashMap<String, Presence>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut order: HashMap<&str, usize> = HashMap::new();
    let mut cultures: Vec<Culture> = Vec::new();
    let mut presence: HashMap<String, Presence> = HashMap::new();
    for (culture, who, names) in lines(include_str!("names/given.txt")).filter_map(|line| {
        let mut fields = line.split('|').map(str::trim);
        Some((fields.next()?, fields.next()?, fields.next()?))
    }) {
        let at = *order.entry(culture).or_insert_with(|| {
            cultures.push(Culture::default());
            cultures.len() - 1
        });
        let who = match who {
            "feminine" => Presence::Feminine,
            "masculine" => Presence::Masculine,
            _ => Presence::Neutral,
        };
        for name in names.split(',').map(str::trim) {
            cultures[at].given.push(name);
            presence
                .entry(name.to_lowercase())
                // A name that two lists disagree on says nothing.
                .and_modify(|known| {
                    if *known != who {
                        *known = Presence::Neutral;
                    }
                })
                .or_insert(who);
        }
    }
    for line in lines(include_str!("names/family.txt")) {
        if let Some((culture, names)) = line.split_once('|')
            && let Some(&at) = order.get(culture.trim())
        {
            cultures[at].family.extend(names.split(',').map(str::trim));
        }
    }
    Lists {
        cultures,
        designations: lines(include_str!("names/designation.txt")).collect(),
        presence,
    }
});

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A whole number below `count`, spelt out because the ranges of `rand` may change between versions.
fn below(rng: &mut impl Rng, count: usize) -> usize {
    ((u128::from(rng.next_u64()) * count as u128) >> 64) as usize
}

/// Draws a name: a given name, mostly with a family name, now and then a machine's designation.
///
/// ```
/// use cardwright::generate::names;
/// use rand::SeedableRng as _;
///
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
/// assert!(!names::draw(&mut rng).is_empty());
/// ```
pub fn draw(rng: &mut impl Rng) -> String {
    let lists = &*LISTS;
    let kind = below(rng, 100);
    if kind < 6 {
        let name = lists.designations[below(rng, lists.designations.len())];
        return match below(rng, 3) {
            0 => format!("{name}-{}", 2 + below(rng, 98)),
            1 => {
                let letter = char::from(b'A' + below(rng, 26) as u8);
                format!("{name} {letter}{}", 1 + below(rng, 9))
            }
            _ => name.to_owned(),
        };
    }
    let culture = &lists.cultures[below(rng, lists.cultures.len())];
    let given = culture.given[below(rng, culture.given.len())];
    if kind < 38 || culture.family.is_empty() {
        return given.to_owned();
    }
    let family = culture.family[below(rng, culture.family.len())];
    format!("{given} {family}")
}

/// A sequence of names that never repeats one.
#[derive(Debug, Clone)]
pub struct Names {
    rng: ChaCha8Rng,
    seen: HashSet<String>,
}

impl Names {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            seen: HashSet::new(),
        }
    }
}

impl Iterator for Names {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        // There are about ten thousand names; who wants more gets generations of them.
        for generation in 1_usize.. {
            for _ in 0..64 {
                let mut name = draw(&mut self.rng);
                if generation > 1 {
                    name = format!("{name} the {}", ordinal(generation));
                }
                if self.seen.insert(name.clone()) {
                    return Some(name);
                }
            }
        }
        None
    }
}

fn ordinal(number: usize) -> String {
    match number {
        2 => "Second".to_owned(),
        3 => "Third".to_owned(),
        4 => "Fourth".to_owned(),
        _ => format!("{number}th"),
    }
}

/// How somebody called `name` usually presents, as far as our lists know the given name.
#[must_use]
pub fn presence(name: &str) -> Option<Presence> {
    let lower = name.to_lowercase();
    let known = &LISTS.presence;
    known.get(&lower).copied().or_else(|| {
        lower
            .split_whitespace()
            .find_map(|part| known.get(part).copied())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_name() -> impl Iterator<Item = &'static str> {
        LISTS
            .cultures
            .iter()
            .flat_map(|culture| culture.given.iter().chain(&culture.family))
            .chain(&LISTS.designations)
            .copied()
    }

    #[test]
    fn lists_are_large_and_complete() {
        assert!(LISTS.cultures.len() > 40);
        for culture in &LISTS.cultures {
            assert!(culture.given.len() >= 12, "{:?}", culture.given);
            assert!(culture.family.len() >= 6, "{:?}", culture.given);
        }
        assert!(every_name().count() > 1000);
    }

    #[test]
    fn names_are_clean() {
        for name in every_name() {
            assert!((2..=24).contains(&name.chars().count()), "{name}");
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_alphabetic() || matches!(c, ' ' | '-' | '\'')),
                "{name}"
            );
            assert_eq!(name.trim(), name);
        }
        for culture in &LISTS.cultures {
            let distinct: HashSet<_> = culture.given.iter().collect();
            assert_eq!(distinct.len(), culture.given.len(), "{:?}", culture.given);
        }
    }

    #[test]
    fn a_sequence_repeats_itself_by_seed_and_never_a_name() {
        let names: Vec<String> = Names::new(3).take(3000).collect();
        assert_eq!(names, Names::new(3).take(3000).collect::<Vec<_>>());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 3000);
        assert_ne!(names[..5], Names::new(4).take(5).collect::<Vec<_>>());
    }

    #[test]
    fn a_given_name_tells_how_somebody_presents() {
        assert_eq!(presence("Astrid Solberg"), Some(Presence::Feminine));
        assert_eq!(presence("lorenzo"), Some(Presence::Masculine));
        assert_eq!(presence("Darcy"), Some(Presence::Neutral));
        assert_eq!(presence("Xqwz"), None);
    }
}
