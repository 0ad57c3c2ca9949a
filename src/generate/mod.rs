//! Characters invented by a model: persona, scenario, greeting, whole cards.

pub mod names;
#[cfg(feature = "portrait")]
pub mod portrait;
