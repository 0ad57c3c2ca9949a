//! Repairs: what a rule says is wrong and can be mended without guessing.

use serde_json::{Value, json};

use super::{check, rule};
use crate::card::{Card, Path, tolerant};
use crate::{Finding, Place, Result};

/// How often the rules are asked again after a round of repairs: one repair may show another thing.
const MAX_ROUNDS: usize = 8;

/// Mends everything in a card that has a safe repair, and says what was mended.
///
/// Fields of wrong types become right ones, required ones that are missing are added empty, and every rule that has a
/// repair of its own is followed. What is left needs a person.
///
/// # Errors
///
/// [`Kind::Usage`](crate::Kind::Usage) when a repair does not fit the card; the card may be half repaired then.
pub fn repair(card: &mut Card) -> Result<Vec<Finding>> {
    let mut mended = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let before = card.clone();
        for finding in tolerant::findings(card) {
            if mend(card, &finding)? {
                mended.push(finding);
            }
        }
        let (complete, findings) = card.to_version(card.version())?;
        *card = complete;
        mended.extend(findings);
        // From the last to the first, so that places stay right while list items go.
        for finding in check(card).into_iter().rev() {
            let Some(fix) = rule(finding.code).and_then(|rule| rule.fix) else {
                continue;
            };
            let (Place::Path(path), old) = (&finding.place, card.clone()) else {
                continue;
            };
            fix(card, &absolute(path)?)?;
            if *card != old {
                mended.push(finding);
            }
        }
        if *card == before {
            break;
        }
    }
    Ok(mended)
}

/// The path of a finding, from the root.
fn absolute(path: &str) -> Result<Path> {
    if path.is_empty() {
        return Ok(Path::root());
    }
    let mut path: Path = path.parse()?;
    path.absolute = true;
    Ok(path)
}

/// Mends what reading forgave and [`Card::to_version`] does not. Says whether the card changed.
fn mend(card: &mut Card, finding: &Finding) -> Result<bool> {
    let Place::Path(path) = &finding.place else {
        return Ok(false);
    };
    let path = absolute(path)?;
    let old = card.get(&path);
    let changed = match finding.code {
        "nested-json-data" | "entry-position" | "book-null" => card.unset(&path)?,
        "field-junk" => set(card, &path, json!(""))?,
        "json-dup-key" => match old {
            Some(value) => {
                // In one edit: with all of them gone there may be no card left.
                let mut document = card.document.clone();
                document.unset(&path.steps);
                document.set(&path.steps, &value)?;
                card.become_edited(document, &path)?;
                true
            }
            None => false,
        },
        "root-differs" => {
            let field = match path.to_string().trim_start_matches("$.") {
                "creatorcomment" => "creator_notes".to_owned(),
                key => key.to_owned(),
            };
            match card.get(&field.parse()?) {
                Some(value) => set(card, &path, value)?,
                None => false,
            }
        }
        "txt-mojibake" => match old
            .as_ref()
            .and_then(Value::as_str)
            .and_then(tolerant::unmojibake)
        {
            Some(text) => set(card, &path, text.into())?,
            None => false,
        },
        "date-format" => match old.as_ref().and_then(seconds) {
            Some(seconds) => set(card, &path, seconds.into())?,
            None => false,
        },
        "field-type" => match &old {
            Some(Value::String(text)) if path.to_string().contains("extensions.") => {
                match serde_json::from_str::<Value>(text.trim()) {
                    Ok(number @ Value::Number(_)) => set(card, &path, number)?,
                    _ if text.trim().is_empty() => card.unset(&path)?,
                    _ => false,
                }
            }
            _ => false,
        },
        _ => false,
    };
    Ok(changed)
}

fn set(card: &mut Card, path: &Path, value: Value) -> Result<bool> {
    card.set(path, &value)?;
    Ok(true)
}

/// A date as seconds since 1970: milliseconds are divided, ISO dates are read.
fn seconds(date: &Value) -> Option<i64> {
    if let Some(number) = date.as_f64() {
        return (number >= 1e11).then_some((number / 1000.0) as i64);
    }
    let text = date.as_str()?.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(if number >= 100_000_000_000 {
            number / 1000
        } else {
            number
        });
    }
    let numbers: Vec<i64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map_while(|part| part.parse().ok())
        .collect();
    let [year, month, day, clock @ ..] = numbers.as_slice() else {
        return None;
    };
    if !(1970..=9999).contains(year) || !(1..=12).contains(month) || !(1..=31).contains(day) {
        return None;
    }
    let part =
        |index: usize, most: i64| clock.get(index).copied().filter(|n| *n < most).unwrap_or(0);
    // Days since 1970 in the proleptic Gregorian calendar, counted in years that begin in March.
    let (y, m) = if *month <= 2 {
        (year - 1, month + 9)
    } else {
        (*year, month - 3)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + part(0, 24) * 3600 + part(1, 60) * 60 + part(2, 61))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_spelling_become_seconds() {
        for (date, expected) in [
            (json!(1_683_927_149_228_i64), Some(1_683_927_149)),
            (json!("1683927149"), Some(1_683_927_149)),
            (json!("2023-05-12T21:32:29.228Z"), Some(1_683_927_149)),
            (json!("2023-5-12 @21h 32m 29s 228ms"), Some(1_683_927_149)),
            (json!("1970-01-01"), Some(0)),
            (json!("2000-02-29 23:59:59"), Some(951_868_799)),
            (json!("yesterday"), None),
            (json!("2023-13-01"), None),
        ] {
            assert_eq!(seconds(&date), expected, "{date}");
        }
    }
}
