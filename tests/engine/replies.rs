//! What a reply may not say, must say, and tells of itself.

use super::*;

fn chosen(engine: &Llama, request: Request) -> (String, Vec<cardwright::engine::Chosen>) {
    let mut completion = engine.start(request).unwrap();
    let text = completion.by_ref().map(|piece| piece.unwrap()).collect();
    let told = completion.take_chosen();
    (text, told)
}

#[test]
fn a_banned_string_never_comes_and_what_comes_instead_is_what_a_fresh_start_says() {
    let tiny = Tiny::new();
    let engine = tiny.load(1);
    let (plain, told) = chosen(
        &engine,
        Request {
            logprobs: Some(2),
            ..greedy(PROMPTS[0], 24)
        },
    );
    // Two tokens in the middle, of which the first is then the second best choice.
    let piece = |at: usize| String::from_utf8_lossy(&told[at].choice.bytes).into_owned();
    let at = (6..20)
        .find(|&at| {
            let pair = format!("{}{}", piece(at), piece(at + 1));
            pair.is_ascii() && plain.matches(&pair).count() == 1
        })
        .unwrap();
    let ban = format!("{}{}", piece(at), piece(at + 1));
    let mut request = Request {
        logprobs: Some(0),
        ..greedy(PROMPTS[0], 24)
    };
    request.settings.banned_strings = vec![ban.to_uppercase()];
    let (text, retold) = chosen(&engine, request);
    assert!(!text.to_lowercase().contains(&ban.to_lowercase()), "{text}");
    let tokens = |told: &[cardwright::engine::Chosen]| -> Vec<i32> {
        told.iter().map(|chosen| chosen.choice.token).collect()
    };
    assert_eq!(tokens(&retold)[..at], tokens(&told)[..at]);
    assert_eq!(tokens(&retold)[at], told[at].alternatives[1].token);
    assert_eq!(retold.len(), 24);
}

#[test]
fn a_banned_string_is_reported_as_taken_back() {
    let engine = Tiny::new().load(2);
    let plain = say(&engine, greedy("the", 20));
    let mut request = greedy("the", 20);
    request.settings.banned_strings = plain
        .split_whitespace()
        .map(str::to_owned)
        .take(3)
        .collect();
    let bans = request.settings.banned_strings.clone();
    assert!(!bans.is_empty());
    let (text, end) = engine.start(request).unwrap().finish().unwrap();
    assert!(end.rewinds > 0);
    for ban in bans {
        assert!(
            !text.to_lowercase().contains(&ban.to_lowercase()),
            "{ban}: {text}"
        );
    }
}

#[test]
fn probabilities_are_the_models_own_and_add_up() {
    let engine = Tiny::new().load(1);
    let vocabulary = engine.model().vocabulary;
    let request = Request {
        logprobs: Some(vocabulary),
        ..seeded(PROMPTS[1], 5, 3)
    };
    let (text, told) = chosen(&engine, request);
    assert_eq!(told.len(), 5);
    let bytes: Vec<u8> = told.iter().flat_map(|t| t.choice.bytes.clone()).collect();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
    for chosen in told {
        let sum: f32 = chosen.alternatives.iter().map(|a| a.logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        let sorted = chosen.alternatives.windows(2);
        assert!(
            sorted
                .into_iter()
                .all(|pair| pair[0].logprob >= pair[1].logprob)
        );
        let same = chosen
            .alternatives
            .iter()
            .find(|a| a.token == chosen.choice.token);
        assert_eq!(same.unwrap().logprob, chosen.choice.logprob);
    }
}

#[test]
fn a_json_schema_holds_whatever_the_model_says() {
    let engine = Tiny::new().load(1);
    let schema = r#"{"type": "object", "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 18, "maximum": 99},
        "tags": {"type": "array", "items": {"enum": ["calm", "loud"]}, "minItems": 1, "maxItems": 2}},
        "required": ["name", "age", "tags"], "additionalProperties": false}"#;
    // Bytes that are no characters by themselves, of which a model of random weights makes broken ones: each counts as a
    // character in the grammar and as several in the text.
    const BYTES: std::ops::Range<i32> = 3 + 0x80..3 + 0x100;
    for seed in 0..3 {
        let mut request = Request {
            json_schema: Some(schema.into()),
            ..seeded("the", 200, seed)
        };
        request.settings.banned_tokens = BYTES.collect();
        let (text, end) = engine.start(request).unwrap().finish().unwrap();
        assert_eq!(end.reason, Reason::Grammar, "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let age = value["age"].as_u64().unwrap();
        assert!((18..=99).contains(&age), "{text}");
        assert!(value["name"].as_str().unwrap().chars().count() <= 8);
        assert!((1..=2).contains(&value["tags"].as_array().unwrap().len()));
    }
}

#[test]
fn schemas_and_grammars_that_would_end_the_process_are_refused() {
    let engine = Tiny::new().load(1);
    let deep = format!(
        "{}{}",
        r#"{"items":"#.repeat(5000),
        "{}".to_owned() + &"}".repeat(5000)
    );
    let schemas = [
        deep.as_str(),
        r##"{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/a"}}}"##,
        r#"{"type":"fish"}"#,
        r#"{"$ref":"https://example.org/fish.json"}"#,
        "no json",
    ];
    for schema in schemas {
        let request = Request {
            json_schema: Some(schema.into()),
            ..greedy("the", 5)
        };
        let error = engine.start(request).map(|_| ()).expect_err(schema);
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
    let mut chain = String::from("root ::= a0\n");
    for i in 0..100_000 {
        chain.push_str(&format!("a{i} ::= a{}\n", i + 1));
    }
    let grammars = [
        format!(
            "root ::= {}\"a\"{}",
            "(".repeat(100_000),
            ")".repeat(100_000)
        ),
        chain,
    ];
    for grammar in grammars {
        let beginning = grammar[..30].to_owned();
        let request = Request {
            grammar: Some(grammar),
            ..greedy("the", 5)
        };
        let error = engine.start(request).map(|_| ()).expect_err(&beginning);
        assert_eq!(error.kind(), Kind::Usage, "{error}");
    }
    // The engine is as it was.
    assert!(!say(&engine, greedy("the", 5)).is_empty());
}

#[test]
fn the_oldest_turns_are_left_out_of_a_conversation_that_does_not_fit() {
    let tiny = Tiny::new();
    let engine = Llama::load(&Options {
        context: Some(256),
        ..tiny.options(1)
    })
    .unwrap();
    let head = "Persona: she smiled.\n";
    let turns: Vec<String> = (0..40).map(|i| format!("HUMAN: the door {i}\n")).collect();
    let mut prompt = head.to_owned();
    let mut places = Vec::new();
    for turn in &turns {
        places.push(prompt.len());
        prompt.push_str(turn);
    }
    let request = Request {
        turns: places,
        ..greedy(&prompt, 30)
    };
    let (text, end) = engine.start(request).unwrap().finish().unwrap();
    assert!(
        end.dropped_turns > 0 && end.prompt_tokens + 30 <= 256,
        "{end:?}"
    );
    let fitted = format!("{head}{}", turns[end.dropped_turns..].concat());
    let same = say(&tiny.load(1), greedy(&fitted, 30));
    assert_eq!(text, same);
}

#[test]
fn repetitions_are_penalised_up_to_a_breaker() {
    let engine = Tiny::new().load(1);
    let night = *engine.tokenize("night", false).unwrap().last().unwrap();
    let first = |breakers: &[&str]| {
        let mut request = Request {
            logprobs: Some(0),
            ..greedy("said the night and said the night and said the", 1)
        };
        let settings = &mut request.settings;
        settings.logit_bias = [(night, 50.0)].into();
        settings.dry_multiplier = 5.0;
        settings.dry_base = 4.0;
        settings.dry_breakers = breakers.iter().map(|&text| text.to_owned()).collect();
        chosen(&engine, request).1[0].choice.token
    };
    assert_ne!(first(&[]), night);
    assert_ne!(first(&["you"]), night);
    assert_eq!(first(&["the"]), night);
}

#[test]
fn words_that_are_spared_are_not_penalised() {
    let engine = Tiny::new().load(1);
    let token = |word: &str| *engine.tokenize(word, false).unwrap().last().unwrap();
    let (night, you) = (token("night"), token("you"));
    let first = |spared: &[&str]| {
        let mut request = Request {
            logprobs: Some(0),
            ..greedy("said the night and said the", 1)
        };
        let settings = &mut request.settings;
        settings.logit_bias = [(night, 50.0), (you, 25.0)].into();
        settings.repetition_penalty = 3.0;
        settings.repetition_range = -1;
        settings.spared_words = spared.iter().map(|&word| word.to_owned()).collect();
        chosen(&engine, request).1[0].choice.token
    };
    assert_eq!(first(&[]), you);
    assert_eq!(first(&["you", " "]), you);
    assert_eq!(first(&["night"]), night);
}

/// Text of each group of settings with a fixed seed, so that a change of any sampler is seen.
#[test]
fn fixed_seeds_say_what_they_always_said() {
    let engine = Tiny::new().load(1);
    let neutral = || Settings {
        seed: Some(11),
        ban_end_of_text: true,
        ..Settings::neutral()
    };
    type Change = fn(&mut Settings);
    let cases: [(&str, Change); 20] = [
        ("limarp", |s| {
            *s = Settings {
                seed: Some(11),
                ..Settings::default()
            }
        }),
        ("greedy", |s| s.temperature = 0.0),
        ("plain", |_| {}),
        ("cold", |s| s.temperature = 0.3),
        ("dynamic temperature", |s| s.dynamic_temperature_range = 0.5),
        ("smoothing", |s| s.smoothing_factor = 1.5),
        ("top-k", |s| s.top_k = 5),
        ("top-p", |s| s.top_p = 0.5),
        ("min-p", |s| s.min_p = 0.2),
        ("typical", |s| s.typical_p = 0.4),
        ("tail-free", |s| s.tail_free = 0.5),
        ("tail-free, centred", |s| {
            s.tail_free = 0.5;
            s.tail_free_centred = true;
        }),
        ("top-a", |s| s.top_a = 0.5),
        ("top-n-sigma", |s| s.top_n_sigma = 1.0),
        ("xtc", |s| {
            s.xtc_probability = 1.0;
            s.xtc_threshold = 0.01;
        }),
        ("penalties", |s| {
            s.repetition_penalty = 1.5;
            s.repetition_range = -1;
            s.frequency_penalty = 0.2;
            s.presence_penalty = 0.2;
        }),
        ("dry", |s| {
            s.dry_multiplier = 3.0;
            s.dry_allowed_length = 1;
        }),
        ("mirostat 1", |s| s.mirostat = 1),
        ("mirostat 2", |s| s.mirostat = 2),
        ("bias", |s| {
            s.logit_bias = [(270, 4.0), (271, -100.0)].into();
        }),
    ];
    let mut said = String::new();
    for (name, change) in cases {
        let mut settings = neutral();
        change(&mut settings);
        let request = request("She looked at the door", 16, settings);
        let text = say(&engine, request);
        said.push_str(&format!("{name}: {text:?}\n"));
    }
    insta::assert_snapshot!(said);
}
