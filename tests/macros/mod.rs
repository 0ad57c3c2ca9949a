//! Macros: replaced as SillyTavern 1.19 replaces them, whatever the text says.

use cardwright::prompt::macros::{Context, Reason, expand};

fn context() -> Context {
    Context {
        char: "Carina".into(),
        user: "Anna".into(),
        description: "A clockmaker.".into(),
        ..Context::default()
    }
}

#[test]
fn names_are_replaced_in_braces_and_in_legacy_markers() {
    let text = "{{char}}, {{ USER }}, <BOT>, <Char>, <user>, {{Description}}";
    let expansion = expand(text, &context());
    assert_eq!(
        expansion.text,
        "Carina, Anna, Carina, Carina, Anna, A clockmaker."
    );
    assert_eq!(expansion.unresolved, []);
}

#[test]
fn an_unknown_macro_stays_and_is_reported_with_its_place() {
    let expansion = expand("Hello {{stranger}}.", &context());
    assert_eq!(expansion.text, "Hello {{stranger}}.");
    let unresolved = &expansion.unresolved[0];
    assert_eq!(
        (unresolved.range.clone(), unresolved.reason),
        (6..18, Reason::Unknown)
    );
}

#[test]
fn text_without_macros_comes_back_as_it_was() {
    for text in ["", "plain", "a < b", "{ one } {", "<<AIBOT>>\nCarina: hi"] {
        assert_eq!(expand(text, &context()).text, text);
    }
}
