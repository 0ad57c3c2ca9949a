//! Characters invented by a scripted engine: what is asked, what is kept, what is written again.

use cardwright::card::Card;
use cardwright::engine::Script;
use cardwright::generate::review::Fault;
use cardwright::generate::{Inventor, Options, Section, Wish};
use cardwright::prompt::{Conversation, Format};

const PERSONA: &str = " Carina keeps the last lamp shop of the old harbour and knows every flame in it by its temper. She is tall, \
    soft-spoken and hard to hurry, wears a coat with too many pockets, and writes down the questions that customers ask. She wants \
    to see the lighthouse lit once more before she sells the shop.";
const USER_PERSONA: &str = " Tomas is a travelling inspector of harbours with wet boots and a kind heart. He dislikes forms and likes whoever helps him \
    avoid them.";
const SCENARIO: &str = " A storm has put out every light along the quay. Tomas comes to the shop of Carina after midnight because hers is the only \
    window that still glows.";
const GREETING: &str = " Carina set the lamp on the counter and turned the wick down until the glass stopped humming.\n\n\"The door \
    sticks,\" she said. \"Push it with the shoulder, and mind the cat. Whoever is out in this weather needs a towel first and \
    a light second.\"";

fn wish() -> Wish {
    Wish {
        name: Some("Carina".into()),
        user: Some("Tomas".into()),
        seed: 1,
    }
}

fn bare() -> Options {
    Options {
        shots: Some(0),
        ..Options::default()
    }
}

#[test]
fn a_character_is_asked_for_section_by_section_in_the_layout_of_the_format() {
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = Inventor::new(&engine, &format, bare())
        .unwrap()
        .invent(&wish())
        .unwrap();
    assert_eq!(character.persona, PERSONA.trim());
    assert_eq!(character.greeting, GREETING.trim());
    assert_eq!((character.rejected, character.kept), (vec![], vec![]));

    let prompts: Vec<_> = engine.requests().into_iter().map(|r| r.prompt).collect();
    assert_eq!(prompts[0], "<<SYSTEM>>\nCarina's Persona:");
    assert_eq!(
        prompts[1],
        format!("<<SYSTEM>>\nCarina's Persona:{PERSONA}\n\nTomas's Persona:")
    );
    assert!(prompts[2].ends_with(&format!("{USER_PERSONA}\n\nScenario:")));
    assert!(prompts[3].ends_with("length.\n\n<<AIBOT>>\nCarina:"));
    for (prompt, earlier) in prompts[1..].iter().zip(&prompts) {
        assert!(
            prompt.starts_with(earlier),
            "each prompt goes on from the last"
        );
    }
}

#[test]
fn the_card_speaks_of_the_two_in_macros_and_renders_a_prompt_in_format() {
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = Inventor::new(&engine, &format, bare())
        .unwrap()
        .invent(&wish())
        .unwrap();
    let card = character.card().unwrap();
    assert!(
        card.description()
            .starts_with("{{char}} keeps the last lamp shop")
    );
    assert!(
        card.scenario()
            .contains("{{user}} comes to the shop of {{char}}")
    );

    let again = Card::from_bytes(card.json().as_bytes()).unwrap();
    assert_eq!(again.findings, vec![]);
    let (conversation, findings) = Conversation::from_card(&again.card, &Default::default());
    assert_eq!(findings, vec![]);
    assert_eq!(conversation.user, "Tomas");
    assert_eq!(conversation.user_persona, USER_PERSONA.trim());
    let parsed = format.parse(&format.render(&conversation).unwrap());
    assert_eq!(parsed.findings, vec![]);
}

#[test]
fn a_faulty_version_is_written_again_with_another_seed() {
    let minor = format!("{PERSONA} She is sixteen years old.");
    let engine = Script::replies([
        [" Too short."],
        [minor.as_str()],
        [PERSONA],
        [USER_PERSONA],
        [SCENARIO],
        [GREETING],
    ]);
    let format = Format::named("limarp-v1").unwrap();
    let character = Inventor::new(&engine, &format, bare())
        .unwrap()
        .invent(&wish())
        .unwrap();
    assert_eq!(character.persona, PERSONA.trim());
    assert_eq!(
        character.rejected,
        vec![
            (Section::Persona, Fault::Short { words: 2 }),
            (Section::Persona, Fault::Age("sixteen years old".into())),
        ]
    );
    let seeds: Vec<_> = engine.requests().iter().map(|r| r.settings.seed).collect();
    assert_ne!(seeds[0], seeds[1]);
}

#[test]
fn the_best_version_is_kept_when_none_is_good_but_never_one_about_a_minor() {
    let format = Format::named("limarp-v1").unwrap();
    let options = Options {
        attempts: 2,
        ..bare()
    };
    let nameless = PERSONA.replace("Carina", "Somebody");
    let engine = Script::replies([
        [nameless.as_str()],
        [" Carina is short."],
        [USER_PERSONA],
        [SCENARIO],
        [GREETING],
    ]);
    let character = Inventor::new(&engine, &format, options.clone())
        .unwrap()
        .invent(&wish())
        .unwrap();
    assert_eq!(character.persona, "Carina is short.");
    assert_eq!(
        character.kept,
        vec![(Section::Persona, Fault::Short { words: 3 })]
    );
    assert_eq!(
        character.rejected,
        vec![(Section::Persona, Fault::Nameless("Carina".into()))]
    );

    let minor = format!("{PERSONA} She is a teenager.");
    let engine = Script::replies(vec![[minor.as_str()]; 6]);
    let error = Inventor::new(&engine, &format, options)
        .unwrap()
        .invent(&wish())
        .unwrap_err();
    assert!(error.to_string().contains("`teenager`"), "{error}");
    assert_eq!(engine.requests().len(), 6);
}

#[test]
fn examples_stand_before_the_new_character_and_are_not_copied() {
    let format = Format::named("limarp-v1").unwrap();
    let options = Options {
        shots: Some(2),
        ..Options::default()
    };
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]]);
    Inventor::new(&engine, &format, options.clone())
        .unwrap()
        .invent(&wish())
        .unwrap();
    let prompt = engine.requests()[0].prompt.clone();
    assert_eq!(prompt.matches("<<SYSTEM>>\n").count(), 3);
    assert_eq!(prompt.matches("<<AIBOT>>\n").count(), 2);
    assert!(prompt.ends_with("\n\n<<SYSTEM>>\nCarina's Persona:"));

    let parsed = format.parse(prompt.split("\n\n<<SYSTEM>>\n").next().unwrap());
    let example = parsed.conversation.unwrap();
    let echo = format!("{PERSONA} She misses {}.", example.char);
    let engine = Script::replies([
        [echo.as_str()],
        [PERSONA],
        [USER_PERSONA],
        [SCENARIO],
        [GREETING],
    ]);
    let character = Inventor::new(&engine, &format, options)
        .unwrap()
        .invent(&wish())
        .unwrap();
    assert_eq!(
        character.rejected,
        vec![(Section::Persona, Fault::Echo(example.char))]
    );
}
