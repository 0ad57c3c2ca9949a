//! Mending a prompt: the edits of its findings, applied until there are none left.

use super::format::Format;
use super::parse::Parsed;
use super::report::apply;

/// How often a text is mended at most. An edit can uncover another (a blank line behind a closing tag), but never many.
const MAX_ROUNDS: usize = 12;

/// A text after mending.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The mended text.
    pub text: String,
    /// What remains, read from the mended text.
    pub parsed: Parsed,
    /// How many edits were made.
    pub edits: usize,
}

impl Format {
    /// Mends what can be mended in `text` without a decision. Mending twice changes nothing more.
    ///
    /// ```
    /// use cardwright::prompt::Format;
    ///
    /// let fixed = Format::named("limarp-v1")?.fix("<<AIBOT>>\nAnn: Hello. \n\n\n<<Human>>\nBob:");
    /// assert_eq!(fixed.text, "<<AIBOT>>\nAnn: Hello.\n\n<<HUMAN>>\nBob:");
    /// # Ok::<(), cardwright::Error>(())
    /// ```
    #[must_use]
    pub fn fix(&self, text: &str) -> Fixed {
        let mut fixed = Fixed {
            text: text.to_owned(),
            parsed: self.parse(text),
            edits: 0,
        };
        for _ in 0..MAX_ROUNDS {
            let mended = apply(&fixed.text, &fixed.parsed.edits);
            if mended == fixed.text {
                break;
            }
            fixed.edits += fixed.parsed.edits.len();
            fixed.parsed = self.parse(&mended);
            fixed.text = mended;
        }
        fixed
    }
}
