//! SillyTavern character cards, exact LimaRP prompts and a local model that invents characters.
//!
//! The library is five rooms, each of which knows only the ones before it:
//!
//! - [`card`]: character cards in every container, read tolerantly and written losslessly;
//! - [`prompt`]: conversations, the prompt formats that carry them, and a validator that reads them back;
//! - [`sampling`] and [`weights`]: the numbers of token sampling and the files models come in;
//! - [`engine`]: a model behind one small trait, [`engine::Engine`];
//! - [`generate`] and [`chat`]: what is done with a model, a character invented or a conversation held.
//!
//! The `cardwright` command is a thin layer over these.

pub mod card;
pub mod chat;
pub mod engine;
mod error;
pub mod file;
mod finding;
pub mod folders;
pub mod generate;
mod hex;
mod nearest;
pub mod prompt;
pub mod sampling;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "train")]
pub mod train;
mod unfinished;
pub mod weights;

#[cfg(feature = "cli")]
pub mod cli;

pub use error::{Error, Kind, Result};
pub use finding::{Finding, Place, Severity};
