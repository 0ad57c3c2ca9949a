//! The JSON shapes a character may come in, and which one a document has.
//!
//! A shape other than a card's own is turned into a card by its row; a new one is one file and one row here.

use super::document::Document;
use super::{Card, foreign, lorebook, spec, tolerant};
use crate::{Error, Finding, Kind, Result};

/// A shape of JSON that holds a character.
pub(super) struct Shape {
    /// Its name, for messages.
    pub(super) name: &'static str,
    /// Whether a document has this shape. Earlier rows are asked first.
    pub(super) recognise: fn(&Document) -> bool,
    /// The document as a card, with what could not be carried over.
    pub(super) read: fn(Document) -> Result<(Card, Vec<Finding>)>,
}

/// Every shape, the more particular ones first.
pub(super) static SHAPES: &[Shape] = &[
    foreign::SHAPE,
    Shape {
        name: "V1, V2, V3",
        recognise: |document| spec::version(document).is_some(),
        read: spec::read,
    },
];

/// The card in a document.
pub(super) fn read(mut document: Document) -> Result<(Card, Vec<Finding>)> {
    let mut findings = tolerant::trim_keys(&mut document);
    if let Some(shape) = SHAPES.iter().find(|shape| (shape.recognise)(&document)) {
        let (card, more) = (shape.read)(document)?;
        findings.extend(more);
        findings.extend(tolerant::findings(&card));
        return Ok((card, findings));
    }
    if let Some(kind) = lorebook::kind(&document) {
        return Err(Error::new(
            Kind::Card,
            format!("this is a lorebook ({kind}), not a character card"),
        )
        .hint("`cardwright lorebook` converts it"));
    }
    if let Some(name) = elsewhere(&document) {
        return Err(Error::new(
            Kind::Card,
            format!("this is {name}, not a character card"),
        ));
    }
    let known: Vec<_> = SHAPES.iter().rev().map(|shape| shape.name).collect();
    Err(Error::new(
        Kind::Card,
        format!("JSON is none of: {}", known.join(", ")),
    ))
}

/// What JSON of something else that people take for a card is.
fn elsewhere(document: &Document) -> Option<&'static str> {
    let has = |key: &str| document.member(document.root(), key).is_some();
    if has("gamestarted") && (has("actions") || has("memory")) {
        return Some("a story of KoboldAI");
    }
    if has("chat") && has("chat_metadata") || has("histories") {
        return Some("a chat");
    }
    (has("prompt_order") || has("input_sequence")).then_some("a preset of SillyTavern")
}
