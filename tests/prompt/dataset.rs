//! Threads as training text.

use cardwright::prompt::chat_file::ChatFile;
use cardwright::prompt::{Conversation, Counter, Dataset, Format, Role, Target};

/// Words for tokens.
fn words() -> impl Counter {
    |text: &str| Ok(text.split_whitespace().count())
}

fn thread() -> Conversation {
    let yaml = std::fs::read_to_string("training/threads/050.yaml").unwrap();
    Conversation::from_thread(&yaml).unwrap()
}

#[test]
fn every_thread_becomes_samples_that_are_in_format_and_lose_nothing() {
    let format = Format::named("limarp-v1").unwrap();
    let counter = words();
    let dataset = Dataset {
        format: &format,
        target: Target::Everything,
        limit: Some((400, &counter)),
    };
    let mut paths: Vec<_> = std::fs::read_dir("training/threads")
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 220);
    for path in paths {
        let yaml = std::fs::read_to_string(&path).unwrap();
        let conversation = Conversation::from_thread(&yaml).unwrap();
        let made = dataset.samples(&conversation).unwrap();
        let mut kept = 0;
        for sample in &made.samples {
            let parsed = format.parse(&sample.text);
            assert!(
                parsed.findings.is_empty(),
                "{}: {:?}",
                path.display(),
                parsed.findings
            );
            let read = parsed.conversation.unwrap();
            assert_eq!(read.messages.last().unwrap().role, Role::Char);
            assert_eq!(read.scenario, conversation.scenario);
            assert_eq!(
                format.length_of(conversation.words_per_reply()),
                sample.length.as_deref()
            );
            assert!(sample.tokens.unwrap() <= 400);
            kept += read.messages.len();
        }
        assert_eq!(
            kept + made.dropped,
            conversation.messages.len(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_is_learned_of_replies_is_the_replies_and_what_ends_them() {
    let format = Format::named("limarp-v1").unwrap();
    let dataset = Dataset {
        format: &format,
        target: Target::Replies,
        limit: None,
    };
    let sample = dataset.samples(&thread()).unwrap().samples.remove(0);
    let learned: Vec<&str> = sample
        .loss
        .iter()
        .map(|span| &sample.text[span.clone()])
        .collect();
    assert_eq!(learned.len(), 5);
    assert!(learned[0].starts_with(" \"That one is only the flood alarm,\" said Sefu."));
    assert!(learned[0].ends_with("What do you do first?\"\n\n<<HUMAN>>"));
    assert!(learned[4].ends_with("on a first day.\"\n"));
}

#[test]
fn tokens_are_learned_where_their_bytes_are() {
    let format = Format::named("limarp-v1").unwrap();
    let dataset = Dataset {
        format: &format,
        target: Target::Replies,
        limit: None,
    };
    let mut sample = dataset.samples(&thread()).unwrap().samples.remove(0);
    let tokens = (0..sample.text.len()).map(|at| (7, at..at + 1)).collect();
    sample.set_ids(tokens);
    assert_eq!(sample.loss_ids.as_ref(), Some(&sample.loss));
    assert_eq!(sample.ids.unwrap().len(), sample.text.len());
}

#[test]
fn of_people_with_other_names_the_names_alone_are_learned_once_they_are_known() {
    let conversation = Conversation {
        char: "Ann".into(),
        user: "Ann Lee".into(),
        char_persona: "Ann, whom Annie calls Ann, waits for Ann Lee.".into(),
        user_persona: "Ann Lee is late.".into(),
        ..thread()
    };
    let mut other = conversation.renamed("Bo", "Cy D\u{e1}");
    assert_eq!(
        other.char_persona,
        "Bo, whom Annie calls Bo, waits for Cy D\u{e1}."
    );
    assert_eq!(other.user_persona, "Cy D\u{e1} is late.");

    let counter = words();
    for name in ["limarp-v1", "alpaca", "chatml"] {
        let format = Format::named(name).unwrap();
        other.length = format.lengths().first().cloned();
        let mut dataset = Dataset {
            format: &format,
            target: Target::Everything,
            limit: Some((400, &counter)),
        };
        let sample = dataset.names(&other).unwrap().unwrap();
        let whole = dataset.samples(&other).unwrap().samples.remove(0);
        assert!(
            whole.text.starts_with(&sample.text),
            "{name}: {}",
            sample.text
        );
        assert!(
            !sample.text.contains("only the flood alarm"),
            "{name}: {}",
            sample.text
        );
        let learned: Vec<_> = (sample.loss.iter())
            .map(|span| &sample.text[span.clone()])
            .collect();
        let said = sample.text.matches("Bo").count() + sample.text.matches("Cy D\u{e1}").count();
        assert_eq!(learned.len(), said - 2, "{name}");
        let is_name = |text: &&str| {
            let name = ["Bo", "Cy D\u{e1}"]
                .into_iter()
                .find(|name| text.starts_with(name));
            name.is_some_and(|name| text[name.len()..].chars().count() == 1)
        };
        assert!(learned.iter().all(is_name), "{learned:?}");
        dataset.limit = Some((20, &counter));
        assert_eq!(dataset.names(&other).unwrap(), None);
    }
}

#[test]
fn what_is_no_thread_is_refused_with_the_reason() {
    for (yaml, reason) in [
        ("- 1\n- 2\n", "no LimaRP thread"),
        (
            "names: {'<FIRST>': A}\nconversation: []\n",
            "`names` has no `<SECOND>`",
        ),
    ] {
        let error = Conversation::from_thread(yaml).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_chat_becomes_training_text_with_the_card_it_was_held_with() {
    let chat = ChatFile::parse(concat!(
        r#"{"user_name":"Finn","character_name":"Mara","create_date":"2026-01-01"}"#,
        "\n",
        r#"{"name":"Mara","is_user":false,"mes":"\"Come in, Finn.\""}"#,
        "\n",
        r#"{"name":"System","is_user":false,"is_system":true,"mes":"hidden"}"#,
        "\n",
        r#"{"name":"Finn","is_user":true,"mes":"Finn came in."}"#,
        "\n",
        r#"{"name":"Finn","is_user":true,"mes":"He was wet."}"#,
        "\n",
        r#"{"name":"Mara","is_user":false,"mes":"She found a towel."}"#,
        "\n",
    ))
    .unwrap();
    let cast = Conversation {
        char: "Mara".into(),
        char_persona: "Mara keeps a lighthouse.".into(),
        ..Conversation::default()
    };
    let conversation = Conversation::from_chat(&chat, cast);
    let format = Format::named("limarp-v1").unwrap();
    let dataset = Dataset {
        format: &format,
        target: Target::Everything,
        limit: None,
    };
    let made = dataset.samples(&conversation).unwrap();
    let expected = "<<SYSTEM>>\nMara's Persona: Mara keeps a lighthouse.\n\n\
        Play the role of Mara. You must engage in a roleplaying chat with Finn below this line. \
        Do not write dialogues and narration for Finn. Mara should respond with messages of short length.\n\n\
        <<AIBOT>>\nMara: \"Come in, Finn.\"\n\n<<HUMAN>>\nFinn: Finn came in.\n\nHe was wet.\n\n\
        <<AIBOT>>\nMara: She found a towel.\n";
    assert_eq!(made.samples[0].text, expected);
    assert_eq!((made.samples.len(), made.dropped), (1, 0));
}
