//! Any text at all: the validator neither panics nor points outside it, and mending comes to rest.

use cardwright::Place;
use cardwright::prompt::Format;
use proptest::prelude::*;

/// Pieces that prompts are made of, whole and broken.
const PIECES: &[&str] = &[
    "<<SYSTEM>>",
    "<<HUMAN>>",
    "<<USER>>",
    "<<AIBOT>>",
    "<<Human>>",
    "<</HUMAN>>",
    "<< AIBOT",
    "<<NARRATOR>>",
    "### Instruction:",
    "### Input",
    "### Response: (length = medium)",
    "### Response (length=long):",
    "<|im_start|>",
    "<|im_start|>user",
    "<|im_end|>",
    "[INST]",
    "[/INST]",
    "</s>",
    "<s>",
    "<<SYS>>",
    "<</SYS>>",
    "- name: '<FIRST>'",
    "  text: \"",
    "Ann's Persona: ",
    "’s persona:",
    "Scenario: ",
    "Play the role of Ann. ",
    "messages of long length.",
    "Ann:",
    "Bob: ",
    "鈴木: ",
    ":",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "  ",
    "\t",
    "\u{feff}",
    "\u{a0}",
    "\u{200b}",
    "“",
    "'",
    "\"",
    "*",
    "((",
    "{{char}}",
    "{{",
    "<START>",
    "<FIRST>",
    "\\",
    "a",
    "é",
    "🦊",
    "...",
    " !",
    "---",
    "(length",
    "[",
    "<start_of_turn>model",
    "USER:",
    "ASSISTANT:",
    "<|eot_id|>",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn no_text_makes_the_validator_stumble() {
    for format in Format::all().unwrap() {
        let config = ProptestConfig {
            cases: 100,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let outcome = proptest::test_runner::TestRunner::new(config).run(&soup(), |text| {
            let parsed = format.parse(&text);
            for finding in &parsed.findings {
                let Place::Bytes(span) = &finding.place else {
                    return Err(TestCaseError::fail("a finding without a place"));
                };
                prop_assert!(
                    text.get(span.clone()).is_some(),
                    "{:?} in {:?}",
                    finding,
                    text
                );
            }
            for edit in &parsed.edits {
                prop_assert!(
                    text.get(edit.span.clone()).is_some(),
                    "{:?} in {:?}",
                    edit,
                    text
                );
            }
            let fixed = format.fix(&text);
            prop_assert_eq!(&format.fix(&fixed.text).text, &fixed.text, "{:?}", text);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", format.name());
        }
    }
}

#[test]
fn a_character_beyond_ascii_beside_a_mistake_is_not_cut_in_two() {
    let format = Format::named("limarp-v1").unwrap();
    for text in [
        "<</AIBOT>>\u{a0}\n",
        "<<SYSTEM>>\nAnn's Persona: A.\n\nAnn should give replies of \u{201c}gigantic length.\n",
    ] {
        let fixed = format.fix(text);
        assert!(!format.parse(text).findings.is_empty());
        assert_eq!(format.fix(&fixed.text).text, fixed.text);
    }
}
