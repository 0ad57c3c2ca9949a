//! Macros: replaced as SillyTavern 1.19 replaces them, whatever the text says.

mod agreement;

use cardwright::prompt::macros::{Context, Reason, expand};
use proptest::prelude::*;

fn context() -> Context {
    Context {
        char: "Carina".into(),
        user: "Anna".into(),
        description: "{{char}} makes clocks. {{stranger}}".into(),
        ..Context::default()
    }
}

fn reasons(text: &str) -> Vec<(String, Reason)> {
    let unresolved = expand(text, &context()).unresolved;
    unresolved
        .into_iter()
        .map(|macro_| (text[macro_.range].to_owned(), macro_.reason))
        .collect()
}

#[test]
fn what_is_left_is_reported_with_its_place_and_the_reason() {
    let text = "<USER> {{stranger}} {{input}} {{reverse}} {{/if}} <CHAR>{{time_UTC+2}}{{nobody::{{char}}}}";
    let left = [
        ("{{stranger}}", Reason::Unknown),
        ("{{input}}", Reason::NeedsFrontEnd),
        ("{{reverse}}", Reason::Arguments),
        ("{{/if}}", Reason::Unpaired),
        ("{{nobody::{{char}}}}", Reason::Unknown),
    ];
    assert_eq!(
        reasons(text),
        left.map(|(text, reason)| (text.to_owned(), reason))
    );
}

#[test]
fn what_is_left_inside_a_branch_or_a_pair_has_its_own_place() {
    let text = "<BOT> {{if char}}a {{b}} {{else}}{{c}}{{/if}} {{reverse}}x {{d}}{{/reverse}}";
    let left = ["{{b}}", "{{d}}"].map(|text| (text.to_owned(), Reason::Unknown));
    assert_eq!(reasons(text), left);
}

#[test]
fn what_is_left_inside_a_card_field_has_the_place_of_the_field() {
    let left = [("{{description}}".to_owned(), Reason::Unknown)];
    assert_eq!(reasons("<USER>: {{description}}"), left);
}

#[test]
fn the_same_seed_gives_the_same_text() {
    let text = "{{random::a::b::c::d}}{{roll::3d20}}".repeat(20);
    let seeded = |seed| expand(&text, &Context { seed, ..context() }).text;
    assert_eq!(seeded(7), seeded(7));
    assert_ne!(seeded(7), seeded(8));
}

#[test]
fn text_without_macros_comes_back_as_it_was() {
    for text in [
        "",
        "plain",
        "a < b",
        "{ one } {",
        "<<AIBOT>>\nCarina: hi",
        "{{",
        "}}",
    ] {
        let expansion = expand(text, &context());
        assert_eq!(
            (expansion.text.as_str(), expansion.unresolved),
            (text, vec![])
        );
    }
}

#[test]
fn a_hostile_text_ends_soon_and_stays_small() {
    let doubling = format!("{{{{.x = ab}}}}{}", "{{.x = {{.x}}{{.x}}}}".repeat(60));
    let texts = [
        "{{space::999999999999}}".to_owned(),
        "{{roll::999999999d6}}".to_owned(),
        doubling + "{{.x}}",
        "{{reverse::".repeat(50_000),
        "{{".repeat(50_000),
        "{{! ".repeat(50_000),
        "{{if char}}".repeat(20_000),
        format!("{}{}", "{{if char}}".repeat(1_000), "{{/if}}".repeat(1_000)),
        format!("{}{}", "{{reverse::".repeat(5_000), "}}".repeat(5_000)),
        "{{user}} {{/user}}".repeat(20_000),
        "{{newline::100}}".repeat(20_000),
        "日{{pick::a::b}}".repeat(20_000),
    ];
    for text in texts {
        let length = expand(&text, &context()).text.len();
        assert!(length < 64 << 20, "{length} bytes from {}", &text[..20]);
    }
}

#[test]
fn a_limit_is_reported() {
    let deep = format!("{}x{}", "{{reverse::".repeat(150), "}}".repeat(150));
    for text in ["{{space::999999999999}}", &deep] {
        let expansion = expand(text, &context());
        assert_eq!(expansion.text, text);
        assert_eq!(expansion.unresolved[0].reason, Reason::Limit);
    }
}

/// Pieces that mean something to the lexer, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{{",
            "}}",
            "{",
            "}",
            "::",
            ":",
            "//",
            "/",
            "#",
            "!",
            ".",
            "$",
            " ",
            "\n",
            "=",
            "++",
            "--",
            "??=",
            "||",
            ">",
            "<",
            "if",
            "else",
            "{{else}}",
            "{{/if}}",
            "{{if char}}",
            "char",
            "reverse",
            "{{reverse::",
            "{{reverse}}",
            "{{/reverse}}",
            "{{trim}}",
            "<USER>",
            "<BOT>",
            "x",
            "5",
            "-",
            "\\",
            "é",
            "🦀",
            "{{setvar::x::",
            "{{.x",
            "{{pick::a::b}}",
            "{{description}}",
            "{{time_UTC+2}}",
            "setvarkey::x::2::v",
            "space::3",
            "datetimeformat ",
            "timeDiff::",
            "roll 2d6",
            ",",
            "\"",
        ])
        .prop_map(str::to_owned),
        "[ -~]{1,4}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_expands_and_every_report_has_a_place(text in pieces()) {
        let expansion = expand(&text, &context());
        for macro_ in &expansion.unresolved {
            prop_assert!(text.get(macro_.range.clone()).is_some(), "{macro_:?}");
        }
    }

    #[test]
    fn expanding_twice_the_same_way_gives_the_same(text in pieces()) {
        prop_assert_eq!(expand(&text, &context()), expand(&text, &context()));
    }

    #[test]
    fn text_without_signs_of_macros_is_kept(text in "[^{}<\\\\]{0,200}") {
        prop_assert_eq!(expand(&text, &context()).text, text);
    }
}

#[test]
fn a_time_zone_beyond_reason_does_no_harm() {
    for zone in ["-2147483648", "+2147483647", "-15", "+15"] {
        let text = format!("{{{{time_UTC{zone}}}}}");
        assert!(expand(&text, &context()).text.ends_with('M'), "{zone}");
    }
}
