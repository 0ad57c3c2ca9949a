//! Characters invented by a model: persona, the user's persona, scenario and greeting, as a whole card.
//!
//! A model is [asked](asking) for one section after the other: the prompt always ends where the next section begins, the
//! layout between them is appended instead of sampled, and a [grammar] holds each section to its shape. So the result
//! is in format whatever the model.
//!
//! What the model wrote is [reviewed](review): a section that rambles, repeats itself or speaks for the user is written
//! again with another seed.

mod asking;
mod batch;
mod character;
pub mod grammar;
pub mod idea;
mod inventor;
pub mod names;
#[cfg(feature = "portrait")]
pub mod portrait;
pub mod review;
mod section;
mod shots;

pub use batch::{Event, invent_many};
pub use character::Character;
pub use inventor::{Inventor, Options, Step, Wish};
pub use section::Section;
