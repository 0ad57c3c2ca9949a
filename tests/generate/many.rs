//! Many characters side by side, and what is known of them afterwards.

use cardwright::Result;
use cardwright::engine::{Completion, Engine, ModelInfo, Request, Script};
use cardwright::generate::{Event, Inventor, Record, Section, Wish, invent_many};
use cardwright::prompt::Format;

use super::{GREETING, PERSONA, SCENARIO, USER_PERSONA, bare};

/// An engine that answers by what it is asked, in any order.
pub(super) struct Answers(pub(super) ModelInfo);

impl Answers {
    pub(super) fn new() -> Self {
        Self(Script::new([""]).model().clone())
    }

    /// The answer to a prompt of the bare layout: the texts of Carina, with other words for other names.
    pub(super) fn answer(prompt: &str) -> String {
        let name = prompt.split_once('\n').unwrap().1;
        let name = name.split_once("'s Persona:").unwrap().0;
        let text = if prompt.ends_with("Scenario:") {
            SCENARIO
        } else if prompt.ends_with(&format!("{name}'s Persona: {name}")) {
            PERSONA
        } else if prompt.ends_with("Tomas's Persona: Tomas") {
            USER_PERSONA
        } else {
            GREETING
        };
        if name == "Carina" {
            return text.to_owned();
        }
        // Every word but the names differs from name to name, so that nobody is like another.
        let mark = |word: &str| match word.trim_matches(|c: char| !c.is_alphanumeric()) {
            "Carina" => word.replace("Carina", name),
            "Tomas" => word.to_owned(),
            bare if bare.len() > 3 && bare.chars().all(|c| c.is_ascii_lowercase()) => {
                word.replace(bare, &format!("{bare}{}", name.to_lowercase()))
            }
            _ => word.to_owned(),
        };
        text.split(' ').map(mark).collect::<Vec<_>>().join(" ")
    }
}

impl Engine for Answers {
    fn model(&self) -> &ModelInfo {
        &self.0
    }

    fn count(&self, text: &str) -> Result<usize> {
        Ok(text.len())
    }

    fn start(&self, request: Request) -> Result<Completion> {
        Script::new([Self::answer(&request.prompt)]).start(request)
    }
}

pub(super) fn wishes(count: u64) -> Vec<Wish> {
    (0..count)
        .map(|seed| Wish {
            name: Some(format!(
                "Name{}",
                (b'a' + u8::try_from(seed).unwrap()) as char
            )),
            user: Some("Tomas".into()),
            seed,
            ..Wish::default()
        })
        .collect()
}

#[test]
fn every_wish_is_fulfilled_once_however_many_are_in_work() {
    let engine = Answers::new();
    let format = Format::named("limarp-v1").unwrap();
    let alone: Vec<_> = {
        let inventor = Inventor::new(&engine, &format, bare()).unwrap();
        wishes(9)
            .iter()
            .map(|wish| inventor.invent(wish).unwrap())
            .collect()
    };
    for parallel in [1, 4, 50] {
        let inventor = Inventor::new(&engine, &format, bare()).unwrap();
        let mut finished = vec![None; 9];
        let (mut started, mut answered) = (0, 0);
        invent_many(&inventor, &wishes(9), parallel, |event| {
            match event {
                Event::Started { .. } => started += 1,
                Event::Answered { rejected, .. } => {
                    assert_eq!(rejected, None);
                    answered += 1;
                }
                Event::Finished { index, character } => {
                    assert!(finished[index].replace(*character.unwrap()).is_none());
                }
                Event::Lost { .. } => panic!("nobody is lost"),
            }
            Ok(())
        })
        .unwrap();
        let finished: Vec<_> = finished.into_iter().map(Option::unwrap).collect();
        assert_eq!((started, answered), (9, 36));
        assert_eq!(finished, alone);
    }
}

#[test]
fn nearly_the_same_persona_is_written_only_once() {
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING], [PERSONA]]);
    let format = Format::named("limarp-v1").unwrap();
    let inventor = Inventor::new(&engine, &format, bare()).unwrap();
    inventor.invent(&super::wish()).unwrap();
    let other = Wish {
        name: Some("Okka".into()),
        seed: 2,
        ..super::wish()
    };
    let mut rejected = Vec::new();
    let error = inventor.invent_with(&other, |step| {
        if let cardwright::generate::Step::Rejected { section, fault } = step {
            rejected.push((section, fault.to_string()));
        }
        Ok(())
    });
    assert!(error.is_err(), "the script ends");
    assert_eq!(
        rejected,
        [(
            Section::Persona,
            "is nearly the same as that of `Carina`".to_owned()
        )]
    );
}

#[test]
fn a_record_brings_a_character_back() {
    let engine = Answers::new();
    let format = Format::named("limarp-v1").unwrap();
    let inventor = Inventor::new(&engine, &format, bare()).unwrap();
    let character = inventor.invent(&wishes(1)[0]).unwrap();
    let record = Record::of(3, &character, Some("a.png".into()));
    let line = serde_json::to_string(&record).unwrap();
    let again: Record = serde_json::from_str(&line).unwrap();
    assert_eq!(again, record);
    assert_eq!(again.character(), character);
    assert_eq!(again.character().card().unwrap(), character.card().unwrap());
}
