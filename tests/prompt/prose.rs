//! Personas in notations, as sentences.

use cardwright::prompt::{Notation, prose};

#[test]
fn notations_become_sentences() {
    let cases = [
        (
            "[Character(\"Mara\")\n{\nAge(\"61\")\nPersonality(\"patient\" + \"dry\" + \"stubborn\")\nOccupation(\"lighthouse keeper\")\n}]",
            Notation::WPlusPlus,
        ),
        (
            "[ Mara's personality= \"patient\", \"dry\" ]\n[ Mara's home= a lighthouse ]",
            Notation::Boostyle,
        ),
        (
            "**Name:** Mara\n**Age:** 61\n- collects storms in jars\n- never locks the door",
            Notation::List,
        ),
        (
            "# Appearance\nHair: grey\nLikes:\n- tea\n- old maps\nHistory: She came to the island as a girl. She stayed.",
            Notation::List,
        ),
    ];
    let mut shown = String::new();
    for (text, notation) in cases {
        let prose = prose(text, "Mara");
        assert_eq!(prose.notation, Some(notation), "{text}");
        assert!(!prose.text.contains('\n'));
        shown.push_str(&format!("{text}\n=> {}\n\n", prose.text));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn sentences_are_only_joined() {
    let text = "Mara keeps a lighthouse: the last one with a lamp.\nShe is \"patient\" (or so she says).\n\nShe likes tea.";
    let prose = prose(text, "Mara");
    assert_eq!(prose.notation, None);
    assert_eq!(prose.text, text.replace("\n\n", " ").replace('\n', " "));
}
