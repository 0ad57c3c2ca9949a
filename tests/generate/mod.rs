//! Characters invented by a scripted engine: what is asked, what is kept, what is written again.

#[cfg(all(feature = "cli", feature = "serve"))]
mod cli;
mod many;
#[cfg(feature = "pull")]
mod remote;

use cardwright::card::Card;
use cardwright::engine::Script;
use cardwright::generate::review::Fault;
use cardwright::generate::{Character, Inventor, Known, Options, Section, Wish};
use cardwright::prompt::{Conversation, Format, Message, Role};

/// What the model writes of Carina's persona after her name.
const PERSONA: &str = " keeps the last lamp shop of the old harbour and knows every flame in it by its temper. She is tall, \
    soft-spoken and hard to hurry, wears a coat with too many pockets, and writes down the questions that customers ask. She wants \
    to see the lighthouse lit once more before she sells the shop.";
const USER_PERSONA: &str = " is a travelling inspector of harbours with wet boots and a kind heart. He dislikes forms and likes whoever helps him \
    avoid them.";
const SCENARIO: &str = " A storm has put out every light along the quay. Tomas comes to the shop of Carina after midnight because hers is the only \
    window that still glows.";
const GREETING: &str = " Carina set the lamp on the counter and turned the wick down until the glass stopped humming.\n\n\"The door \
    sticks,\" she said. \"Push it with the shoulder, and mind the cat. Whoever is out in this weather needs a towel first and \
    a light second.\"";

/// A persona as a character has it.
fn persona(text: &str) -> String {
    format!("Carina{text}")
}

fn wish() -> Wish {
    Wish {
        name: Some("Carina".into()),
        user: Some("Tomas".into()),
        seed: 1,
        ..Wish::default()
    }
}

fn bare() -> Options {
    Options {
        shots: Some(0),
        ..Options::default()
    }
}

fn invent(engine: &Script, format: &Format, options: Options, wish: &Wish) -> Character {
    let inventor = Inventor::new(engine, format, options).unwrap();
    inventor.invent(wish).unwrap()
}

#[test]
fn a_character_is_asked_for_section_by_section_in_the_layout_of_the_format() {
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = invent(&engine, &format, bare(), &wish());
    assert_eq!(character.persona, persona(PERSONA));
    assert_eq!(character.greeting, GREETING.trim());
    assert_eq!((character.rejected, character.kept), (vec![], vec![]));

    let prompts: Vec<_> = engine.requests().into_iter().map(|r| r.prompt).collect();
    assert_eq!(prompts[0], "<<SYSTEM>>\nCarina's Persona: Carina");
    assert_eq!(
        prompts[1],
        format!("<<SYSTEM>>\nCarina's Persona: Carina{PERSONA}\n\nTomas's Persona: Tomas")
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
    let character = invent(&engine, &format, bare(), &wish());
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
    assert_eq!(conversation.user_persona, format!("Tomas{USER_PERSONA}"));
    let parsed = format.parse(&format.render(&conversation).unwrap());
    assert_eq!(parsed.findings, vec![]);
}

#[test]
fn a_faulty_version_is_written_again_with_another_seed() {
    let minor = format!("{PERSONA} She is sixteen years old.");
    let open = format!("{PERSONA} She says \"no.");
    let engine = Script::replies([
        [open.as_str()],
        [minor.as_str()],
        [PERSONA],
        [USER_PERSONA],
        [SCENARIO],
        [GREETING],
    ]);
    let format = Format::named("limarp-v1").unwrap();
    let character = invent(&engine, &format, bare(), &wish());
    assert_eq!(character.persona, persona(PERSONA));
    assert_eq!(
        character.rejected,
        vec![
            (Section::Persona, Fault::Quotes),
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
    let spoken = format!("{PERSONA} I like her.");
    let open = format!("{PERSONA} She says \"no.");
    let engine = Script::replies([
        [spoken.as_str()],
        [open.as_str()],
        [USER_PERSONA],
        [SCENARIO],
        [GREETING],
    ]);
    let character = invent(&engine, &format, options.clone(), &wish());
    assert_eq!(character.persona, persona(&open));
    assert_eq!(character.kept, vec![(Section::Persona, Fault::Quotes)]);
    assert_eq!(
        character.rejected,
        vec![(Section::Persona, Fault::Person("i".into()))]
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
    invent(&engine, &format, options.clone(), &wish());
    let prompt = engine.requests()[0].prompt.clone();
    assert_eq!(prompt.matches("<<SYSTEM>>\n").count(), 3);
    assert_eq!(prompt.matches("<<AIBOT>>\n").count(), 2);
    assert!(prompt.ends_with("\n\n<<SYSTEM>>\nCarina's Persona: Carina"));

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
    let character = invent(&engine, &format, options, &wish());
    assert_eq!(
        character.rejected,
        vec![(Section::Persona, Fault::Echo(example.char))]
    );
}

#[test]
fn a_section_that_is_too_short_is_gone_on_with() {
    let (first, rest) = PERSONA.split_at(PERSONA.find(" She is tall").unwrap());
    let engine = Script::replies([[first], [rest], [USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = invent(&engine, &format, bare(), &wish());
    assert_eq!(character.persona, persona(PERSONA));
    assert_eq!((character.rejected, character.extended), (vec![], 1));
    let requests = engine.requests();
    assert_eq!(
        requests[1].prompt,
        format!("<<SYSTEM>>\nCarina's Persona: Carina{first}")
    );
    assert_ne!(requests[0].settings.seed, requests[1].settings.seed);
    assert!(requests[1].settings.ban_end_of_text);
}

#[test]
fn a_greeting_has_as_many_words_as_its_length_says() {
    let format = Format::named("limarp-v3").unwrap();
    let long = format!("{GREETING} {GREETING}");
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [long.as_str()]]);
    let options = Options {
        length: Some("short".into()),
        ..bare()
    };
    let character = invent(&engine, &format, options, &wish());
    let words = character.greeting.split_whitespace().count();
    assert!(
        format.words_of("short").unwrap().contains(&words),
        "{}",
        character.greeting
    );
    assert!(GREETING.trim().starts_with(&character.greeting));
    let request = &engine.requests()[3];
    assert!(
        request
            .prompt
            .ends_with("### Response: (length = short)\nCarina:")
    );
    assert!(request.max_tokens < 80);
}

#[test]
fn what_a_card_has_is_kept_and_only_what_is_missing_is_written() {
    let mut card = Card::from_json(
        r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Carina",
        "description":"{{char}} keeps a lamp shop.","x":1e3,"extensions":{"cardwright":{"user_name":"Tomas"}}}}"#,
    )
    .unwrap();
    let before = card.json().to_owned();
    let (known, conversation) = Known::of_card(&card, None);
    let wish = Wish {
        name: Some(conversation.char),
        user: Some(conversation.user),
        known,
        ..Wish::default()
    };
    let engine = Script::replies([[USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = invent(&engine, &format, bare(), &wish);
    assert_eq!(character.written, Section::CARD[1..]);
    assert!(
        engine.requests()[0]
            .prompt
            .ends_with("Carina's Persona: Carina keeps a lamp shop.\n\nTomas's Persona: Tomas")
    );
    character.fill(&mut card, &character.written).unwrap();
    assert!(before.contains("{{char}} keeps a lamp shop.") && card.json().contains("\"x\":1e3"));
    assert_eq!(card.description(), "{{char}} keeps a lamp shop.");
    assert!(card.scenario().starts_with("A storm has put out"));
    assert!(card.first_message().starts_with("{{char}} set the lamp"));
}

#[test]
fn examples_and_a_lorebook_are_written_for_a_card_that_has_the_rest() {
    let known = Known {
        persona: Some(persona(PERSONA)),
        user_persona: Some(format!("Tomas{USER_PERSONA}")),
        scenario: Some(SCENARIO.trim().into()),
        greeting: Some(GREETING.trim().into()),
        ..Known::default()
    };
    let wish = Wish {
        sections: vec![Section::Examples, Section::Lorebook],
        known,
        ..wish()
    };
    let dialogue = " \"Is this the way to the pier?\" Tomas asked, and shook the rain from his coat.\n\n<<AIBOT>>\nCarina: \"It \
        is when the tide is out,\" she said.\n\n<<HUMAN>>\nTomas: \"And now?\"\n\n<<AIBOT>>\nCarina: \"Now it is the sea.\"";
    let entry = " is held once a year on the quay. People hang out every lamp they own and stay up until the last is out.";
    let engine = Script::replies([[dialogue], [entry], [entry], [entry]]);
    let format = Format::named("limarp-v1").unwrap();
    let character = invent(&engine, &format, bare(), &wish);
    let said: Vec<_> = character
        .examples
        .iter()
        .map(|m| (m.role, m.text.as_str()))
        .collect();
    assert_eq!(said.len(), 4);
    assert_eq!(
        said[1],
        (Role::Char, "\"It is when the tide is out,\" she said.")
    );
    assert_eq!(said[3], (Role::Char, "\"Now it is the sea.\""));
    let requests = engine.requests();
    assert!(requests[0].prompt.ends_with("\n\n<<HUMAN>>\nTomas:"));
    let grammar = requests[0].grammar.as_ref().unwrap();
    assert!(grammar.contains("\\n\\n<<AIBOT>>\\nCarina:"), "{grammar}");
    assert!(
        requests[1]
            .prompt
            .contains("window that still glows.\n\nThe ")
    );

    let card = character.card().unwrap();
    assert!(
        card.example_messages()
            .starts_with("<START>\n{{user}}: \"Is this the way")
    );
    let book = card.lorebook().unwrap();
    assert_eq!(book.entries.len(), 3);
    assert!(book.entries[0].content.starts_with("The "));
    let name = &book.entries[0].keys[0];
    assert!(book.entries[0].content.contains(name.as_str()), "{name}");
}

#[test]
fn the_plain_way_asks_with_the_name_alone_and_takes_only_what_is_in_the_layout() {
    let label = "'s Persona:";
    let until_user = format!(" Carina{PERSONA}\n\nTomas{label}");
    let rest = format!(
        " Tomas{USER_PERSONA}\n\nScenario:{SCENARIO}\n\nPlay the role of Carina. You must \
        engage in a roleplaying chat with Tomas below this line. Do not write dialogues and narration for Tomas. Carina should \
        respond with messages of medium length."
    );
    let no_scenario = rest.replace("Scenario:", "Place:");
    let engine = Script::replies([
        [", a keeper of lamps, walked along the quay."],
        [label],
        [until_user.as_str()],
        [no_scenario.as_str()],
        [label],
        [until_user.as_str()],
        [rest.as_str()],
        [GREETING],
    ]);
    let format = Format::named("limarp-v1").unwrap();
    let options = Options {
        raw: true,
        ..Options::default()
    };
    let wish = Wish {
        user: None,
        ..wish()
    };
    let character = invent(&engine, &format, options, &wish);
    assert_eq!(character.persona, persona(PERSONA));
    assert_eq!(
        (character.user.as_str(), character.scenario.as_str()),
        ("Tomas", SCENARIO.trim())
    );
    assert_eq!(character.greeting, GREETING.trim());
    assert_eq!(character.written, Section::CARD);
    let kinds: Vec<_> = character
        .rejected
        .iter()
        .map(|(_, fault)| fault.kind())
        .collect();
    assert_eq!(kinds, ["format", "format"]);
    let requests = engine.requests();
    let begun = |end: &str| format!("<<SYSTEM>>\nCarina{end}");
    let alone = begun("");
    let (named, both) = (begun(label), begun(&format!("{label}{until_user}")));
    let prompts: Vec<_> = requests.iter().map(|request| &*request.prompt).collect();
    assert_eq!(
        prompts[..7],
        [&*alone, &alone, &named, &both, &alone, &named, &both]
    );
    assert!(requests.iter().all(|request| request.grammar.is_none()));
    assert!(prompts[7].ends_with("\n\n<<AIBOT>>\nCarina:"));
    // Names are spared once they are known.
    let spared = |at: usize| requests[at].settings.spared_words.join(", ");
    assert_eq!(
        [4, 5, 6, 7].map(spared),
        ["Carina", "Carina", "Carina, Tomas", "Carina, Tomas"]
    );
}

#[test]
fn the_two_are_inferred_from_a_chat() {
    let message = |role, text: &str| Message {
        role,
        text: text.into(),
    };
    let chat = vec![
        message(Role::Char, "\"You are late,\" Carina said."),
        message(Role::User, "Tomas shrugged. \"The tide was.\""),
    ];
    let wish = Wish {
        known: Known {
            greeting: Some(chat[0].text.clone()),
            chat,
            ..Known::default()
        },
        ..wish()
    };
    for (name, begin, end) in [
        (
            "limarp-flipped",
            "### Response:\nCarina: \"You are late,\" Carina said.\n\n### Input:\nTomas: Tomas shrugged.",
            "inferred as follows.\n\nCarina's Persona: Carina",
        ),
        (
            "limarp-perscengen",
            "### Input:\n",
            "### Response:\nCarina's Persona: Carina",
        ),
    ] {
        let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO]]);
        let format = Format::named(name).unwrap();
        let character = invent(&engine, &format, bare(), &wish);
        assert_eq!(character.scenario, SCENARIO.trim());
        assert_eq!(character.greeting, "\"You are late,\" Carina said.");
        let requests = engine.requests();
        let prompt = &requests[0].prompt;
        assert!(
            prompt.starts_with(begin) && prompt.ends_with(end),
            "{prompt}"
        );
        assert_eq!(requests.len(), 3);
        let last = &requests[2].prompt;
        assert!(
            last.ends_with(&format!(
                "Carina's Persona: Carina{PERSONA}\n\nTomas's Persona: Tomas{USER_PERSONA}\n\nScenario:"
            )),
            "{last}"
        );
    }
}

#[test]
fn an_idea_begins_the_persona() {
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]]);
    let format = Format::named("limarp-v1").unwrap();
    let wish = Wish {
        idea: Some("A keeper of lamps.".into()),
        ..wish()
    };
    let character = invent(&engine, &format, bare(), &wish);
    assert!(
        character
            .persona
            .starts_with("Carina is a keeper of lamps keeps")
    );
    assert_eq!(
        engine.requests()[0].prompt,
        "<<SYSTEM>>\nCarina's Persona: Carina is a keeper of lamps"
    );
    let idea = character.card().unwrap().extension("cardwright").unwrap()["idea"].clone();
    assert_eq!(idea, "A keeper of lamps.");
}

/// An adapter or a name would have it asked in the layout; the chat template can be asked for all the same.
#[test]
fn a_model_is_asked_in_its_own_chat_template_where_that_is_asked_for() {
    let instructions = Options {
        instructions: true,
        ..Options::default()
    };
    let format = Format::named("limarp-v1").unwrap();
    let engine = Script::replies([[PERSONA], [USER_PERSONA], [SCENARIO], [GREETING]])
        .with_chat_template(crate::prompt::CHATML);
    let inventor = Inventor::new(&engine, &format, instructions.clone()).unwrap();
    assert_eq!(inventor.method().name(), "instructions");
    let character = inventor.invent(&wish()).unwrap();
    assert!(character.persona.contains("lamp shop"));
    let requests = engine.requests();
    assert!(requests.iter().all(|request| request.special_tokens));
    assert!(requests[0].prompt.starts_with("<|im_start|>system\n"));
    let without = Script::new([PERSONA]);
    let error = Inventor::new(&without, &format, instructions)
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("has no chat template"),
        "{error}"
    );
    assert!(error.next_step().is_some());
}
