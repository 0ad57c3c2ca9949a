//! Dates as text: ISO 8601 as moment reads it, and the looser forms that browsers read (`November 23, 2026 4:05 PM`,
//! `11/23/2026`), which is what other macros print.

use super::{MONTHS, WEEKDAYS, days_since_1970};

/// Milliseconds since 1970, UTC. Without a zone, the date is in the zone that is `offset` minutes ahead of UTC.
pub(in super::super) fn read(text: &str, offset: i32) -> Option<i64> {
    let local = i64::from(offset) * 60_000;
    iso(text)
        .or_else(|| loose(text))
        .map(|(time, zone)| time - zone.unwrap_or(local))
}

/// A time, and how far its zone is ahead of UTC, both in milliseconds.
type Timed = (i64, Option<i64>);

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, one_of: &[char]) -> bool {
        let rest = self.rest.strip_prefix(one_of);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let number = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok());
        self.rest = rest;
        number.flatten()
    }

    fn digits_ahead(&self) -> usize {
        self.rest.bytes().take_while(u8::is_ascii_digit).count()
    }
}

/// ISO 8601: `2024-03-01`, `20240301`, `2024-W09-5`, `2024-061`, with a time after `T` or a space.
fn iso(text: &str) -> Option<Timed> {
    let mut reader = Reader { rest: text };
    let year = reader.digits(4)?;
    let extended = reader.take(&['-']);
    let start = days_since_1970(year, 0, 1);
    let days = if reader.take(&['W']) {
        let week = reader.digits(2)?;
        let day = if reader.rest.is_empty() || (extended && !reader.take(&['-'])) {
            1
        } else {
            reader.digits(1)?
        };
        if !(1..=53).contains(&week) || !(1..=7).contains(&day) {
            return None;
        }
        // The week of the fourth of January is the first.
        let monday = |fourth: i64| fourth - (fourth + 3).rem_euclid(7);
        let days = monday(start + 3) + (week - 1) * 7 + day - 1;
        let next = monday(days_since_1970(year + 1, 0, 4));
        (days < next).then_some(days)?
    } else if reader.digits_ahead() == 3 {
        let day = reader.digits(3)?;
        let length = days_since_1970(year + 1, 0, 1) - start;
        (1..=length).contains(&day).then_some(start + day - 1)?
    } else {
        let month = if reader.rest.is_empty() && !extended {
            1
        } else {
            reader.digits(2)?
        };
        let day = if reader.rest.is_empty() || (extended && !reader.take(&['-'])) {
            1
        } else {
            reader.digits(2)?
        };
        date(year, month, day)?
    };
    let mut time = 0;
    let mut zone = None;
    if !reader.rest.is_empty() {
        if !reader.take(&['T', ' ']) {
            return None;
        }
        for (unit, last) in [(3_600_000, 24), (60_000, 59), (1000, 59)] {
            let part = reader.digits(2).filter(|part| *part <= last)?;
            time += part * unit;
            if !reader.take(&[':']) && (extended || reader.digits_ahead() == 0) {
                break;
            }
        }
        if reader.take(&['.', ',']) {
            time += fraction(reader.run(|c| c.is_ascii_digit()))?;
        }
        if reader.take(&['Z']) {
            zone = Some(0);
        } else if let Some(sign) = [('-', -1), ('+', 1)]
            .iter()
            .find(|(sign, _)| reader.take(&[*sign]))
        {
            let hours = reader.digits(2)?;
            reader.take(&[':']);
            let minutes = if reader.rest.is_empty() {
                0
            } else {
                reader.digits(2)?
            };
            zone = Some(sign.1 * (hours * 60 + minutes) * 60_000);
        }
    }
    reader
        .rest
        .is_empty()
        .then_some((days * 86_400_000 + time, zone))
}

/// Milliseconds after a point.
fn fraction(digits: &str) -> Option<i64> {
    format!("{digits:0<3}")
        .get(..3)?
        .parse()
        .ok()
        .filter(|_| !digits.is_empty())
}

/// Days since 1970 of a day that exists.
fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    let start = days_since_1970(year, month - 1, 1);
    let length = days_since_1970(year, month, 1) - start;
    let exists = (1..=12).contains(&month) && (1..=length).contains(&day);
    exists.then_some(start + day - 1)
}

/// What browsers read besides: month names and numbers in any order that is clear, times with `am` and `pm`, `GMT+2`.
fn loose(text: &str) -> Option<Timed> {
    let mut reader = Reader { rest: text };
    let (mut numbers, mut month, mut time, mut zone) = (Vec::new(), None, None, None);
    let mut slashes = false;
    while let Some(first) = reader.rest.chars().next() {
        if first.is_ascii_digit() {
            let digits = reader.run(|c| c.is_ascii_digit());
            let number: i64 = digits.parse().ok().filter(|_| digits.len() <= 6)?;
            if reader.take(&[':']) {
                let minutes = reader
                    .digits(reader.digits_ahead().min(2))
                    .filter(|m| *m < 60)?;
                let seconds = if reader.take(&[':']) {
                    reader
                        .digits(reader.digits_ahead().min(2))
                        .filter(|s| *s < 60)?
                } else {
                    0
                };
                let parts = if reader.take(&['.']) {
                    fraction(reader.run(|c| c.is_ascii_digit()))?
                } else {
                    0
                };
                let hours = (number <= 24).then_some(number)?;
                time = Some(hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + parts);
            } else {
                numbers.push(number);
                slashes |= reader.take(&['/']);
            }
        } else if first.is_alphabetic() {
            let word = reader.run(char::is_alphabetic).to_lowercase();
            let names = |names: &[&str]| {
                let head = word.get(..3)?;
                names
                    .iter()
                    .position(|name| name.to_lowercase().starts_with(head))
            };
            match word.as_str() {
                "am" | "pm" => {
                    let (hours, rest) =
                        time.map(|time: i64| (time / 3_600_000, time % 3_600_000))?;
                    let afternoon = i64::from(word == "pm") * 12;
                    (1..=12).contains(&hours).then_some(())?;
                    time = Some((hours % 12 + afternoon) * 3_600_000 + rest);
                }
                "z" | "utc" | "gmt" => zone = Some(0),
                _ => match names(&MONTHS) {
                    Some(index) if month.is_none() => month = Some(index as i64 + 1),
                    _ => {
                        names(&WEEKDAYS)?;
                    }
                },
            }
        } else if matches!(first, '+' | '-') && time.is_some() {
            reader.take(&['+', '-']);
            let hours = reader.digits(2)?;
            reader.take(&[':']);
            let minutes = if reader.digits_ahead() > 0 {
                reader.digits(2)?
            } else {
                0
            };
            let sign = if first == '-' { -1 } else { 1 };
            zone = Some(sign * (hours * 60 + minutes) * 60_000);
        } else if matches!(first, ' ' | ',' | '-' | '.') {
            reader.rest = &reader.rest[1..];
        } else {
            return None;
        }
    }
    let (year, month, day) = match (month, numbers.as_slice()) {
        (Some(month), [day, year]) if *day <= 31 => (*year, month, *day),
        (Some(month), [year, day]) => (*year, month, *day),
        (None, [month, day, year]) if slashes && *month <= 12 => (*year, *month, *day),
        (None, [year, month, day]) if *year > 31 => (*year, *month, *day),
        _ => return None,
    };
    // Two digits are a year of this century or the last.
    let year = match year {
        0..50 => year + 2000,
        50..100 => year + 1900,
        _ => year,
    };
    Some((
        date(year, month, day)? * 86_400_000 + time.unwrap_or(0),
        zone,
    ))
}
