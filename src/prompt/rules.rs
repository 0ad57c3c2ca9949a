//! The rules of `prompt check`: one row each, with its weight and its explanation.

use crate::Severity::{self, Error, Info, Warning};

/// One rule that a prompt can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The name that findings carry and `--explain` takes.
    pub code: &'static str,
    /// How much breaking it matters.
    pub severity: Severity,
    /// The rule in a line.
    pub summary: &'static str,
    /// Why it is a rule, and what to write instead.
    pub explanation: &'static str,
}

/// The rule called `code`.
#[must_use]
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

const fn row(
    code: &'static str,
    severity: Severity,
    summary: &'static str,
    explanation: &'static str,
) -> Rule {
    Rule {
        code,
        severity,
        summary,
        explanation,
    }
}

/// Every rule, by theme: bytes, tags, spacing, sections, instruction, turns, leftovers, style.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    row("byte-order-mark", Error, "no byte order mark at the start",
        "A byte order mark is an invisible character before the first tag. The tokenizer turns it into tokens that the \
         model never saw there. Save the file as plain UTF-8."),
    row("carriage-return", Warning, "lines end in a line feed alone",
        "The training text ended its lines with LF. A CR before it becomes a token of its own after every line. Save the \
         file with Unix line ends."),
    row("trailing-space", Warning, "no blanks at the end of a line",
        "A blank before a line break is tokenized apart from the break, so the break is no longer the token that was \
         trained. Delete it."),
    row("control-character", Warning, "no tabs and control characters",
        "The training text had none, and terminals act on some of them. Replace a tab by spaces and delete the others."),
    row("special-token", Error, "no special tokens written out",
        "`<s>`, `</s>`, `<|im_end|>` and the like are added by the tokenizer, not written. Written out they are either \
         plain text that the model copies, or a second begin-of-text token. Delete them."),

    row("system-missing", Error, "the prompt has a system block",
        "The block holds the personas, the scenario and the instruction. Without it the model knows neither of the two."),
    row("system-first", Error, "the system block comes first",
        "Models of this family saw one system block, before all turns. Move it to the top."),
    row("system-repeated", Error, "there is one system block",
        "A second system block was never in the training text. Merge the two."),
    row("text-outside", Error, "no text before the first tag",
        "Text that stands before the first tag belongs to nobody. Move it into the system block."),
    row("tag-case", Error, "tags are in the right case",
        "Tags are matched byte by byte, and other letters are other tokens. Write the tag exactly as the format has it."),
    row("tag-misspelt", Error, "tags are spelt right",
        "A tag with other letters or brackets is not the tag that was trained, and front-ends do not stop at it."),
    row("tag-unknown", Error, "there are no other tags",
        "The format has no such tag. A third speaker, a narrator or a note has no tag: write it as narration inside a turn."),
    row("tag-closing", Error, "tags are not closed",
        "A turn ends where the next tag begins. Closing tags were never in the training text. Delete them."),
    row("tag-foreign", Error, "no tags of other formats",
        "The line is a tag of another prompt format. Mixed tags come from two presets used at once; keep one."),
    row("tag-alone", Error, "a tag is alone on its line",
        "The name and the message start on the line below the tag. Break the line after the tag."),
    row("tag-space", Warning, "no blanks around a tag",
        "A tag starts its line and ends it. A blank beside it changes the tokens."),
    row("tag-alias", Warning, "the human tag is always the same",
        "Both spellings of the tag are in use, but one prompt sticks to one. Choose one for the whole prompt."),

    row("blank-line-missing", Warning, "one blank line between blocks and paragraphs",
        "Paragraphs of the system block and turns are separated by exactly one blank line."),
    row("blank-line-extra", Warning, "no more than one blank line between blocks",
        "Exactly one blank line separates blocks; none follows a tag, none stands before the first tag."),
    row("indentation", Warning, "lines are not indented",
        "Labels, names and tags start in the first column."),
    row("marker-missing", Error, "turns are closed the way the format closes them",
        "The format ends every turn with a marker, which the model waits for. Put it back."),
    row("end-newline", Info, "a finished transcript ends in one line feed",
        "Where the last turn is finished the text ends with one line feed; where a turn is open it ends right after the \
         colon."),

    row("section-missing", Error, "the system block has all of its sections",
        "LimaRP's system block has the character's persona, the user's persona, the scenario and the instruction. A missing \
         one leaves the model to make it up; give `--user-persona` or write a sentence."),
    row("section-order", Error, "the sections are in order",
        "The character's persona comes first, then the user's, then the scenario, then the instruction."),
    row("section-repeated", Error, "each section occurs once",
        "The section is there twice; readers keep only one of them. Merge the two."),
    row("section-newline", Error, "a section is one paragraph",
        "Personas and the scenario have no line breaks inside: in the training text a line break begins the next section. \
         Join the lines."),
    row("section-empty", Error, "no section is empty",
        "The label stands there without text. Write the section or delete the label."),
    row("section-label", Warning, "labels are spelt as in the format",
        "The labels are `Name's Persona:` and `Scenario:`, with straight apostrophe, capital and colon."),
    row("section-unknown", Warning, "no other text in the system block",
        "The system block holds the sections and the instruction, nothing else."),
    row("name-inconsistent", Error, "names are the same everywhere",
        "The same two names stand in the personas, the instruction and the turns. Another name is another person to the \
         model."),

    row("instruction-missing", Error, "the system block ends with the instruction",
        "The last line says that the two engage in roleplay and how long the replies are."),
    row("instruction-names", Error, "the instruction names both",
        "The instruction says who is played and with whom, by their real names."),
    row("instruction-roleplay", Error, "the instruction speaks of roleplay",
        "The wording is free, but the author asks that it says that the two engage in a roleplay."),
    row("instruction-length", Error, "the instruction gives the length of the replies",
        "The wording is free, but the author asks that it gives the length of the character's messages: short, average, \
         long, huge or humongous."),
    row("length-unknown", Warning, "the length is a word that was trained",
        "Other words than those of the format have no effect that is known."),
    row("length-misplaced", Error, "the length stands where the format has it",
        "In this format only one place holds the length: the instruction (v1, v2) or the header of the open reply (v3)."),
    row("length-spelling", Warning, "the length modifier is spelt as it was trained",
        "The modifier is ` (length = medium)`: one space before the bracket, spaces around the equals sign."),
    row("length-missing", Info, "the open reply has a length",
        "Without the modifier the model chooses the length itself."),

    row("turn-first", Warning, "the right side speaks first",
        "The author's template starts with a message of the character (v1) or of the user (v2, v3)."),
    row("turn-repeated", Warning, "the two take turns",
        "The same side speaks twice in a row. Join the two messages: double line breaks are allowed inside one."),
    row("turn-empty", Error, "no turn is empty",
        "A turn without text teaches the model to say nothing. Write the message or delete the turn."),
    row("turns-missing", Warning, "there is a turn",
        "The prompt ends with the system block: the model would go on writing instructions. Add the open turn."),
    row("speaker-missing", Error, "a turn starts with its speaker's name",
        "The line below the tag is `Name: message`. The name tells the model whom it plays."),
    row("speaker-space", Warning, "one space follows the speaker's colon",
        "The form is `Name: message`: no space before the colon, one after it."),
    row("speaker-swapped", Error, "the speaker belongs to the tag",
        "The character speaks under the character's tag, the user under the user's."),
    row("open-turn-space", Error, "nothing follows the colon of the open turn",
        "A prompt ends right after the colon. The model writes the space itself, as part of its first word; with a space \
         already there it has to start with a token that it rarely saw."),
    row("open-turn-name", Error, "the open turn ends with the speaker's name",
        "The prompt ends `Name:`, so that the model goes on as the right person."),

    row("open-turn-text", Info, "an open turn is empty",
        "The text ends inside a message of the character's, without a line feed. That is right when the model is to go on \
         with that message; to have it begin one, end right after the colon."),

    row("macro-left", Error, "no macros are left",
        "`{{char}}`, `{{user}}` and the like are for the front-end to replace. The model copies them."),
    row("placeholder-left", Error, "no placeholders are left",
        "`<FIRST>` and `<SECOND>` stand for the names in LimaRP's source files, `<USER>` and `<BOT>` in old cards. In a prompt \
         the real names stand."),
    row("start-left", Error, "no `<START>` is left",
        "`<START>` separates the example chats of a card. It has no meaning in a prompt."),
    row("name-stand-in", Warning, "names are real names",
        "`Character` and `User` mark the places of the names in the author's description of the format. The real names go \
         there."),

    row("user-in-char-turn", Error, "the character's turn holds no line of the user's",
        "A line that starts with the user's name and a colon inside the character's turn teaches the model to speak for \
         the user. Make it a turn of its own."),
    row("char-in-user-turn", Warning, "the user's turn holds no line of the character's",
        "A line that starts with the character's name and a colon inside the user's turn is better a turn of its own."),

    row("curly-quote", Warning, "quotation marks are straight",
        "The data set has straight quotation marks and apostrophes only. Curly ones are other tokens, and make the replies \
         drift."),
    row("invisible-character", Warning, "no invisible characters",
        "No-break and zero-width spaces come with text that was copied from web pages. They look like nothing and cost tokens."),
    row("punctuation", Info, "punctuation as in the data set",
        "The data set was cleaned: single spaces, none before `!` and `?`, `...` as three dots, the dash as one character."),
    row("asterisk", Warning, "no actions between asterisks",
        "LimaRP is novel style: narration without marks, dialogue in double quotes. Markdown role-play was not in the \
         training text, so the model mixes the styles."),
    row("script", Warning, "a turn is no script",
        "Lines under the speaker's name inside one turn are chat style. Narrate instead: the tag and the first name say who \
         writes."),
    row("first-person", Info, "narration is in the third person",
        "The training text narrates in the third person, simple past. First person works, but was not tested by the author."),
    row("out-of-character", Warning, "no words outside the story",
        "Notes such as `(OOC: ...)` or `((...))` were removed from the training text."),
    row("persona-list", Warning, "personas are sentences",
        "Personas are natural language in simple present. Lists, W++ and other notations were not in the training text."),
    row("persona-person", Warning, "personas are in the third person",
        "A persona speaks about the person by name: `Ann is a clockmaker`, not `You are a clockmaker`."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_one_name_and_an_explanation() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(
                RULES[..at].iter().all(|other| other.code != rule.code),
                "{}",
                rule.code
            );
            assert!(rule.explanation.len() > rule.summary.len(), "{}", rule.code);
            assert!(!rule.summary.ends_with('.'), "{}", rule.code);
        }
    }
}
