//! Dates as the `moment` package prints, reads and compares them, in English.
//!
//! Cards hold its format strings (`{{datetimeformat dddd, D. MMMM}}`), so they are honoured token by token.

mod read;
mod words;

pub(super) use read::read;
pub(super) use words::humanize;

use super::Clock;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The calendar's view of a [`Clock`], in its own time zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    clock: Clock,
    /// Days since the start of 1970.
    days: i64,
    year: i64,
    /// From 0.
    month: i64,
    /// From 1.
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Date {
    pub(super) fn new(clock: Clock) -> Self {
        let local = clock
            .milliseconds
            .saturating_add(i64::from(clock.offset) * 60_000);
        let (days, rest) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
        let (year, month, day) = calendar(days);
        Self {
            clock,
            days,
            year,
            month,
            day,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1000 % 60,
            millisecond: rest % 1000,
        }
    }

    fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    fn day_of_year(&self) -> i64 {
        self.days - days_since_1970(self.year, 0, 1) + 1
    }

    /// The week-year and week: weeks begin on weekday `first` (0 is Sunday), and the week that holds January `holds` is
    /// the year's first.
    fn week(&self, first: i64, holds: i64) -> (i64, i64) {
        let starts = |year| {
            let day = days_since_1970(year, 0, holds);
            day - (day + 4 - first).rem_euclid(7)
        };
        let mut year = self.year + 1;
        while self.days < starts(year) {
            year -= 1;
        }
        (year, (self.days - starts(year)) / 7 + 1)
    }

    /// The date in moment's format language: `YYYY-MM-DD`, `dddd`, `h:mm A`, `LL`, `[literal]`.
    pub(super) fn format(&self, format: &str) -> String {
        let format = if format.is_empty() {
            "YYYY-MM-DDTHH:mm:ssZ"
        } else {
            format
        };
        let mut output = String::new();
        let mut rest = format;
        while let Some(first) = rest.chars().next() {
            if let Some(literal) = literal(rest) {
                output.push_str(&literal[1..literal.len() - 1]);
                rest = &rest[literal.len()..];
                continue;
            }
            if let Some(escaped) = rest.strip_prefix('\\') {
                // A backslash keeps a token, or one character, from meaning anything.
                let length = token(escaped).map_or_else(
                    || escaped.chars().next().map_or(0, char::len_utf8),
                    str::len,
                );
                output.push_str(&escaped[..length]);
                rest = &escaped[length..];
                continue;
            }
            let length = match token(rest) {
                Some(token) => {
                    match long(token) {
                        Some(long) => output.push_str(&self.format(long)),
                        None => output.push_str(&self.part(token)),
                    }
                    token.len()
                }
                // What is no token stands for itself.
                None => {
                    output.push(first);
                    first.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        output
    }

    fn part(&self, token: &str) -> String {
        let width = token.len();
        let padded = |number: i64| format!("{number:0width$}");
        let twelve = match self.hour % 12 {
            0 => 12,
            hour => hour,
        };
        match token {
            "M" => (self.month + 1).to_string(),
            "Mo" => ordinal(self.month + 1),
            "MM" => padded(self.month + 1),
            "MMM" => MONTHS[self.month as usize % 12][..3].to_owned(),
            "MMMM" => MONTHS[self.month as usize % 12].to_owned(),
            "Q" => (self.month / 3 + 1).to_string(),
            "Qo" => ordinal(self.month / 3 + 1),
            "D" => self.day.to_string(),
            "Do" => ordinal(self.day),
            "DD" => padded(self.day),
            "DDD" => self.day_of_year().to_string(),
            "DDDo" => ordinal(self.day_of_year()),
            "DDDD" => format!("{:03}", self.day_of_year()),
            "d" | "e" => self.weekday().to_string(),
            "do" => ordinal(self.weekday()),
            "dd" => self.weekday_name()[..2].to_owned(),
            "ddd" => self.weekday_name()[..3].to_owned(),
            "dddd" => self.weekday_name().to_owned(),
            "E" => (1 + (self.weekday() + 6) % 7).to_string(),
            "w" => self.week(0, 1).1.to_string(),
            "wo" => ordinal(self.week(0, 1).1),
            "ww" => padded(self.week(0, 1).1),
            "W" => self.week(1, 4).1.to_string(),
            "Wo" => ordinal(self.week(1, 4).1),
            "WW" => padded(self.week(1, 4).1),
            "Y" if self.year <= 9999 => format!("{:04}", self.year),
            "Y" => format!("+{}", self.year),
            "YY" => format!("{:02}", self.year.rem_euclid(100)),
            "YYYY" | "YYYYY" => padded(self.year),
            "YYYYYY" => format!("{:+07}", self.year),
            "y" | "yy" | "yyy" | "yyyy" => padded(self.era_year()),
            "yo" => ordinal(self.era_year()),
            "N" | "NN" | "NNN" if self.year > 0 => "AD".to_owned(),
            "N" | "NN" | "NNN" => "BC".to_owned(),
            "NNNN" if self.year > 0 => "Anno Domini".to_owned(),
            "NNNN" => "Before Christ".to_owned(),
            "NNNNN" if self.year > 0 => "AD".to_owned(),
            "NNNNN" => "BC".to_owned(),
            "gg" => format!("{:02}", self.week(0, 1).0.rem_euclid(100)),
            "gggg" | "ggggg" => padded(self.week(0, 1).0),
            "GG" => format!("{:02}", self.week(1, 4).0.rem_euclid(100)),
            "GGGG" | "GGGGG" => padded(self.week(1, 4).0),
            "A" if self.hour < 12 => "AM".to_owned(),
            "A" => "PM".to_owned(),
            "a" if self.hour < 12 => "am".to_owned(),
            "a" => "pm".to_owned(),
            "H" | "HH" => padded(self.hour),
            "h" | "hh" => padded(twelve),
            "k" | "kk" if self.hour == 0 => "24".to_owned(),
            "k" | "kk" => padded(self.hour),
            "m" | "mm" => padded(self.minute),
            "s" | "ss" => padded(self.second),
            "Hmm" => format!("{}{:02}", self.hour, self.minute),
            "Hmmss" => format!("{}{:02}{:02}", self.hour, self.minute, self.second),
            "hmm" => format!("{twelve}{:02}", self.minute),
            "hmmss" => format!("{twelve}{:02}{:02}", self.minute, self.second),
            "x" => self.clock.milliseconds.to_string(),
            "X" => self.clock.milliseconds.div_euclid(1000).to_string(),
            "Z" => self.zone(":"),
            "ZZ" => self.zone(""),
            // Names of time zones are known to the browser only for UTC.
            "z" | "zz" => String::new(),
            _ if token.starts_with('S') => {
                format!("{:03}000000", self.millisecond)[..width].to_owned()
            }
            _ => token.to_owned(),
        }
    }

    fn weekday_name(&self) -> &'static str {
        WEEKDAYS[self.weekday() as usize % 7]
    }

    /// The year counted within its era: 1 BC is year 0.
    fn era_year(&self) -> i64 {
        if self.year > 0 {
            self.year
        } else {
            1 - self.year
        }
    }

    fn zone(&self, between: &str) -> String {
        let offset = self.clock.offset;
        let sign = if offset < 0 { '-' } else { '+' };
        let offset = offset.unsigned_abs();
        format!("{sign}{:02}{between}{:02}", offset / 60, offset % 60)
    }
}

/// What a format's shorthands stand for.
fn long(token: &str) -> Option<&'static str> {
    Some(match token {
        "LT" => "h:mm A",
        "LTS" => "h:mm:ss A",
        "L" => "MM/DD/YYYY",
        "LL" => "MMMM D, YYYY",
        "LLL" => "MMMM D, YYYY h:mm A",
        "LLLL" => "dddd, MMMM D, YYYY h:mm A",
        "l" => "M/D/YYYY",
        "ll" => "MMM D, YYYY",
        "lll" => "MMM D, YYYY h:mm A",
        "llll" => "ddd, MMM D, YYYY h:mm A",
        _ => return None,
    })
}

/// The `[literal]` at the start of `text`: to the last `]` before another `[`.
fn literal(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let inner = &inner[..inner.find('[').unwrap_or(inner.len())];
    Some(&text[..inner.rfind(']')? + 2])
}

/// Every token of the format language; a longer one stands before its prefixes.
const TOKENS: &[&str] = &[
    "Hmmss",
    "hmmss",
    "Hmm",
    "hmm",
    "Mo",
    "MMMM",
    "MMM",
    "MM",
    "M",
    "DDDo",
    "Do",
    "DDDD",
    "DDD",
    "DD",
    "D",
    "dddd",
    "ddd",
    "do",
    "dd",
    "d",
    "wo",
    "ww",
    "w",
    "Wo",
    "WW",
    "W",
    "Qo",
    "Q",
    "NNNNN",
    "NNNN",
    "NNN",
    "NN",
    "N",
    "YYYYYY",
    "YYYYY",
    "YYYY",
    "YY",
    "Y",
    "yyyy",
    "yyy",
    "yy",
    "yo",
    "y",
    "ggggg",
    "gggg",
    "gg",
    "GGGGG",
    "GGGG",
    "GG",
    "e",
    "E",
    "a",
    "A",
    "hh",
    "h",
    "HH",
    "H",
    "kk",
    "k",
    "mm",
    "m",
    "ss",
    "s",
    "SSSSSSSSS",
    "SSSSSSSS",
    "SSSSSSS",
    "SSSSSS",
    "SSSSS",
    "SSSS",
    "SSS",
    "SS",
    "S",
    "x",
    "X",
    "zz",
    "z",
    "ZZ",
    "Z",
    "LTS",
    "LT",
    "LLLL",
    "LLL",
    "LL",
    "L",
    "llll",
    "lll",
    "ll",
    "l",
];

fn token(text: &str) -> Option<&'static str> {
    TOKENS
        .iter()
        .find(|token| text.starts_with(**token))
        .copied()
}

fn ordinal(number: i64) -> String {
    let suffix = match (number % 100 / 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// Days from the start of 1970 to a day; `month` counts from 0, `day` from 1.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is the last.
    let year = year + (month - 2).div_euclid(12);
    let month = (month - 2).rem_euclid(12);
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * month + 2) / 5 + day - 719_469
}

/// The year, month (from 0) and day (from 1) of a day since the start of 1970.
fn calendar(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let month = (march + 2) % 12;
    let year = era * 400 + year + i64::from(month < 2);
    (year, month, of_year - (153 * march + 2) / 5 + 1)
}
