//! The validator: what is wrong with a prompt that was taken apart, and how to mend it.
//!
//! Each file holds one theme. Structure is an error and spacing a warning, as the format's author has it: the layout must
//! be used, newlines and blanks preferably.

mod bytes;
mod leftovers;
mod sections;
mod spacing;
mod style;
mod tags;
mod turns;

use super::document::Document;
use super::format::Format;
use super::parse::Names;
use super::report::Report;

impl Format {
    /// Reports everything that is wrong with a prompt.
    pub(super) fn check(&self, document: &Document, names: &Names<'_>, report: &mut Report<'_>) {
        bytes::check(self, report);
        tags::check(self, document, report);
        sections::check(self, document, names, report);
        turns::check(self, document, names, report);
        spacing::check(self, document, report);
        if self.is_limarp() {
            leftovers::check(document, names, report);
            style::check(document, names, report);
        }
    }

    /// Whether the strict rules of the LimaRP family hold.
    pub(super) fn is_limarp(&self) -> bool {
        self.front.family.as_deref() == Some("limarp")
    }
}
