//! Characters invented by a model: persona, the user's persona, scenario and greeting, as a whole card.
//!
//! A model is [asked](asking) for one section after the other: the prompt always ends where the next section begins, the
//! layout between them is appended instead of sampled, and a [grammar] holds each section to its shape. So the result
//! is in format whatever the model. [`Method`] decides how a model is asked.
//!
//! What the model wrote is [reviewed](review): a section that rambles, repeats itself, speaks for the user or is nearly
//! what was written for somebody else is written again with another seed. A section that is too short is gone on with, one
//! that is too long ends with its last whole sentence.

mod asking;
mod batch;
mod character;
mod chart;
mod draft;
pub mod grammar;
pub mod idea;
mod inventor;
pub mod manifest;
mod method;
pub mod names;
mod number;
#[cfg(feature = "portrait")]
pub mod portrait;
mod record;
mod report;
pub mod review;
mod section;
mod shots;
pub mod similar;
mod wish;

pub use batch::{Event, invent_many};
pub use character::{Character, Lore};
pub use chart::svg;
pub use inventor::{Inventor, Options, Step};
pub use method::Method;
pub use record::{Noted, Record};
pub use report::{LengthReport, Report, SectionReport};
use review::Fault;
pub use section::Section;
pub use wish::{Known, Wish};
