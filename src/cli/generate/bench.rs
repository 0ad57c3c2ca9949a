//! `bench --characters`: how many characters an hour makes, with a model here or with servers.

use std::time::Instant;

use serde_json::json;

use super::super::{Answer, output};
use crate::engine::Engine;
use crate::generate::{Event, Inventor, Options, Record, Report, Wish, invent_many, names::Names};
use crate::prompt::Format;
use crate::{Kind, Result};

/// The seed of every bench, so that two engines are asked the same.
const SEED: u64 = 1;

/// Has `count` characters written, `slots` at a time, and prints how fast that went and what came of it.
pub(in crate::cli) fn characters(
    engine: &dyn Engine,
    count: usize,
    slots: usize,
    as_json: bool,
) -> Result<Answer> {
    let format = Format::named("limarp-v1")?;
    let inventor = Inventor::new(engine, &format, Options::default())?;
    let wishes: Vec<Wish> = (Names::new(SEED).take(count).zip(SEED..))
        .map(|(name, seed)| Wish {
            name: Some(name),
            seed,
            ..Wish::default()
        })
        .collect();
    let mut records = Vec::new();
    let (mut tokens, mut failed) = (0, 0);
    let begun = Instant::now();
    invent_many(&inventor, &wishes, slots, |event| {
        match event {
            Event::Finished { index, character } => match character {
                Ok(character) => records.push(Record::of(index, &character, None)),
                // A model may be unable to write one of them; an engine that is gone fails them all.
                Err(error) if error.kind() == Kind::Engine => failed += 1,
                Err(error) => return Err(error),
            },
            Event::Answered { tokens: more, .. } => tokens += more,
            Event::Started { .. } | Event::Lost { .. } => {}
        }
        Ok(())
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    records.sort_by_key(|record| record.index);
    let report = Report::of(&records, failed, &format)?;
    let per_hour = records.len() as f64 / seconds * 3600.0;
    let speed = tokens as f64 / seconds;
    let model = &engine.model().name;
    if as_json {
        let row = json!({
            "model": model, "method": inventor.method().name(), "slots": slots,
            "characters": records.len(), "failed": failed, "seconds": seconds,
            "characters_per_hour": per_hour, "tokens": tokens, "tokens_per_second": speed,
            "report": report,
        });
        output::print(&format!("{row:#}\n"))?;
    } else {
        output::print(&format!(
            "| model | slots | characters | seconds | characters/h | tokens | t/s | in format | first try | versions |\n\
             | ----- | ----: | ---------: | ------: | -----------: | -----: | --: | --------: | --------: | -------: |\n\
             | {model} | {slots} | {} | {seconds:.1} | {per_hour:.0} | {tokens} | {speed:.0} | {:.1} % | {:.1} % | {:.2} |\n",
            records.len(),
            report.in_format.unwrap_or_default() * 100.0,
            report.accepted_at_first * 100.0,
            report.versions_per_section,
        ))?;
    }
    Ok(Answer::Yes)
}
