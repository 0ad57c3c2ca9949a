//! Macros of time, all from the clock of the context.

use super::evaluate::{Call, Evaluator};
use super::moment::{self, Date};
use super::table::Row;
use super::{Clock, Reason};

pub(super) const ROWS: &[Row] = &[
    Row::new(&["time"], 0..=1, time),
    Row::new(&["date"], 0..=0, |e, _| {
        Ok(Date::new(e.context.clock).format("LL"))
    }),
    Row::new(&["weekday"], 0..=0, |e, _| {
        Ok(Date::new(e.context.clock).format("dddd"))
    }),
    Row::new(&["isotime"], 0..=0, |e, _| {
        Ok(Date::new(e.context.clock).format("HH:mm"))
    }),
    Row::new(&["isodate"], 0..=0, |e, _| {
        Ok(Date::new(e.context.clock).format("YYYY-MM-DD"))
    }),
    Row::new(&["datetimeformat"], 1..=1, |e, call| {
        Ok(Date::new(e.context.clock).format(&call.arguments[0]))
    }),
    Row::new(&["timediff"], 2..=2, difference),
];

/// The time of day, in the zone `UTC+2` where that is asked for.
fn time(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let mut clock = evaluator.context.clock;
    let zone = call
        .arguments
        .first()
        .and_then(|zone| zone.strip_prefix("UTC"));
    let zone = zone.filter(|zone| {
        let digits = zone.strip_prefix(['+', '-']).unwrap_or("");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if let Some(offset) = zone.and_then(|zone| zone.parse::<i32>().ok()) {
        // A small number means hours, as everywhere in moment.
        clock.offset = if (-15..=15).contains(&offset) {
            offset * 60
        } else {
            offset
        };
    }
    Ok(Date::new(clock).format("LT"))
}

/// How far the first time is from the second: `in 3 hours`, `2 days ago`.
fn difference(evaluator: &mut Evaluator<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let Clock { offset, .. } = evaluator.context.clock;
    let read = |text: &str| moment::read(text, offset);
    Ok(match (read(&call.arguments[0]), read(&call.arguments[1])) {
        (Some(left), Some(right)) => moment::humanize(left - right),
        _ => "Invalid date".to_owned(),
    })
}
