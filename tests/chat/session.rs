//! Every command, driven by a scripted engine, and the file that is written.

use std::path::PathBuf;

use cardwright::chat::{Ask, Outcome, Session};
use cardwright::engine::Script;
use cardwright::prompt::Format;
use cardwright::prompt::chat_file::ChatFile;

use super::{chat, said, seeded};

/// Does what is typed and, where the model is asked, takes its reply.
fn obey(session: &mut Session<'_>, typed: &str) -> Outcome {
    let outcome = session.obey(typed).unwrap();
    if let Outcome::Ask(ask) = outcome {
        let reply = session.ask(ask).unwrap().text().unwrap();
        let taken = session.take(ask, &reply).unwrap();
        if ask == Ask::Impersonate {
            return Outcome::Text(taken.unwrap());
        }
    }
    outcome
}

fn refused(session: &mut Session<'_>, typed: &str) -> String {
    let error = session.obey(typed).unwrap_err();
    format!("{error} ({})", error.next_step().unwrap_or("no hint"))
}

fn session(engine: &Script) -> Session<'_> {
    Session::new(
        chat(),
        engine,
        Format::named("limarp-v1").unwrap(),
        seeded(),
    )
}

fn text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Text(text) | Outcome::Note(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn last(session: &Session<'_>) -> String {
    session.chat().last().unwrap().text().to_owned()
}

#[test]
fn alternatives_are_stepped_through_and_written_past_the_last() {
    let engine = Script::replies([["One."], ["Two."], ["Three."]]);
    let mut session = session(&engine);
    obey(&mut session, "Hello.");
    obey(&mut session, "/regen");
    obey(&mut session, "/swipe back");
    assert_eq!(last(&session), "One.");
    assert!(refused(&mut session, "/swipe back").contains("first of the alternatives"));
    let outcome = obey(&mut session, "/swipe");
    assert_eq!(
        outcome,
        Outcome::Show {
            count: 1,
            numbered: false,
            note: Some("2 of 2".into())
        }
    );
    assert_eq!(last(&session), "Two.");
    obey(&mut session, "/swipe next");
    assert_eq!(last(&session), "Three.");
    obey(&mut session, "/swipe 2");
    assert_eq!(
        text(obey(&mut session, "/swipe list")),
        "   1  One.\n*  2  Two.\n   3  Three.\n"
    );
    assert!(refused(&mut session, "/swipe 4").contains("there are 3"));
    assert!(refused(&mut session, "/swipe x").contains("`x` is no number"));
}

#[test]
fn the_greeting_s_alternatives_go_round_and_the_model_is_not_asked() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    obey(&mut session, "/swipe");
    assert_eq!(last(&session), "Okka waved at Perrin.");
    obey(&mut session, "/swipe");
    assert_eq!(last(&session), "Okka put the vase down.");
    assert!(engine.requests().is_empty());
    assert!(refused(&mut session, "/regen").contains("the greeting is the card's"));
    assert_eq!(
        text(obey(&mut session, "/greeting")),
        "   0  Okka put the vase down.\n   1  Okka waved at Perrin.\n"
    );
    obey(&mut session, "/greeting 1");
    assert_eq!(last(&session), "Okka waved at Perrin.");
    assert!(refused(&mut session, "/greeting 7").contains("there is no greeting 7"));
}

#[test]
fn messages_are_changed_taken_back_gone_on_with_and_drafted() {
    let engine = Script::replies([["She smiled"], [" again."], ["May I see it?"]]);
    let mut session = session(&engine);
    obey(&mut session, "Hello.");
    obey(&mut session, "/continue");
    assert_eq!(last(&session), "She smiled again.");
    assert_eq!(
        text(obey(&mut session, "/edit 2 Good evening.")),
        "changed message 2"
    );
    assert_eq!(said(session.chat())[1], "Good evening.");
    obey(&mut session, "/edit She bowed.");
    assert_eq!(last(&session), "She bowed.");
    assert_eq!(
        session.obey("/edit").unwrap(),
        Outcome::Edit {
            number: 3,
            text: "She bowed.".into()
        }
    );
    assert!(refused(&mut session, "/edit 9 x").contains("no message 9"));
    assert_eq!(text(obey(&mut session, "/impersonate")), "May I see it?");
    assert_eq!(said(session.chat()).len(), 3, "a draft is not said");
    assert_eq!(text(obey(&mut session, "/undo")), "took back 2 messages");
    assert!(refused(&mut session, "/undo").contains("nothing yet"));
}

#[test]
fn lengths_personas_and_notes_reach_the_prompt() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    obey(&mut session, "/length long");
    obey(&mut session, "/persona Perrin is a thief.");
    obey(&mut session, "/note [It is dark.]");
    obey(&mut session, "/note depth 0");
    let prompt = text(obey(&mut session, "/prompt"));
    assert!(prompt.contains("messages of long length"));
    assert!(prompt.contains("Perrin's Persona: Perrin is a thief."));
    assert!(
        prompt.contains("down.\n\n[It is dark.]\n\n<<HUMAN>>"),
        "{prompt}"
    );
    assert_eq!(
        text(obey(&mut session, "/note")),
        "[It is dark.]\n(0 messages from the end)\n"
    );
    assert_eq!(text(obey(&mut session, "/persona")), "Perrin is a thief.\n");
    obey(&mut session, "/persona default");
    obey(&mut session, "/note none");
    obey(&mut session, "/length default");
    let prompt = text(obey(&mut session, "/prompt"));
    assert!(!prompt.contains("thief") && !prompt.contains("dark") && prompt.contains("medium"));
    assert!(refused(&mut session, "/length giant").contains("the lengths are: short"));
    assert_eq!(
        text(obey(&mut session, "/length")),
        "the length is medium; there are short, average, long, huge, humongous"
    );
    assert!(matches!(session.obey("/check").unwrap(), Outcome::Check(_)));
}

#[test]
fn the_tables_of_tokens_and_lore_tell_what_is_in_the_prompt() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    let tokens = text(obey(&mut session, "/tokens"));
    for line in [
        "system",
        "turn 1",
        "in all, of fewer than 3796; 300 are kept free for the reply",
    ] {
        assert!(tokens.contains(line), "{line} in:\n{tokens}");
    }
    let lore = text(obey(&mut session, "/lore"));
    for line in [
        "joins: key `vase`",
        "left out: no key is mentioned",
        "1 of 2 entries join",
    ] {
        assert!(lore.contains(line), "{line} in:\n{lore}");
    }
    let prompt = text(obey(&mut session, "/prompt"));
    assert!(prompt.contains("The vase hums"));
    assert!(!prompt.contains("The guard sleeps"));
}

#[test]
fn an_unknown_command_never_reaches_the_model() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    assert_eq!(
        refused(&mut session, "/regne"),
        "there is no command `/regne`; did you mean `/regen`? (no hint)"
    );
    assert!(refused(&mut session, "/teleport home").contains("`//teleport` says it"));
    assert!(engine.requests().is_empty());
    obey(&mut session, "//shrug");
    assert!(engine.requests()[0].prompt.contains("Perrin: /shrug"));
    assert_eq!(session.obey("/quit").unwrap(), Outcome::Leave);
}

#[test]
fn the_help_lists_every_command_and_explains_one() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    insta::assert_snapshot!(text(obey(&mut session, "/help")));
    insta::assert_snapshot!(text(obey(&mut session, "/help /retry")));
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chats/okka/a.jsonl");
    (folder, path)
}

#[test]
fn the_file_is_written_after_every_message_and_in_the_middle_of_long_ones() {
    let (_folder, path) = scratch();
    let engine = Script::replies([["One."], ["Two."]]);
    let mut session = session(&engine);
    session.keep_in(path.clone());
    assert!(
        !path.exists(),
        "a chat in which nothing was said leaves no file"
    );
    let read = || {
        let file = ChatFile::read(&path).unwrap();
        let texts = file.messages().iter().map(|m| m.text().to_owned());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(session.obey("Hello.").unwrap(), Outcome::Ask(Ask::Reply));
    assert_eq!(
        read(),
        ["Okka put the vase down.", "Hello."],
        "before the reply begins"
    );
    session.keep_begun(Ask::Reply, "On").unwrap();
    assert_eq!(read()[2], "On");
    assert_eq!(
        session.chat().turns().len(),
        2,
        "what is begun is only in the file"
    );
    session.take(Ask::Reply, "One.").unwrap();
    assert_eq!(read()[2], "One.");
    obey(&mut session, "/swipe");
    let file = ChatFile::read(&path).unwrap();
    assert_eq!(file.messages()[2].swipes(), ["One.", "One."]);
    obey(&mut session, "/undo");
    assert_eq!(read().len(), 1);
}

#[test]
fn a_file_that_somebody_else_changed_is_not_written_over() {
    let (_folder, path) = scratch();
    let engine = Script::replies([["One."], ["Two."]]);
    let mut session = session(&engine);
    session.keep_in(path.clone());
    obey(&mut session, "Hello.");
    let theirs = format!(
        "{}{}",
        std::fs::read_to_string(&path).unwrap(),
        "{\"name\":\"Okka\",\"mes\":\"Theirs.\"}\n"
    );
    std::fs::write(&path, &theirs).unwrap();
    let error = session.obey("Again.").unwrap_err();
    assert!(
        error.to_string().contains("somebody else has changed"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), theirs);
    obey(&mut session, &format!("/load {}", path.display()));
    assert_eq!(last(&session), "Theirs.");
    obey(&mut session, "Now.");
    assert!(std::fs::read_to_string(&path).unwrap().contains("Theirs."));
}

#[test]
fn chats_are_saved_loaded_and_exported_and_nothing_is_written_over() {
    let (folder, path) = scratch();
    let engine = Script::replies([["One."], ["Two."]]);
    let mut session = session(&engine);
    obey(&mut session, "Hello.");
    assert!(refused(&mut session, "/load x.jsonl").contains("would be lost"));
    assert!(refused(&mut session, "/save").contains("/save FILE"));
    obey(&mut session, &format!("/save {}", path.display()));
    assert_eq!(session.path(), Some(path.as_path()));
    let other = folder.path().join("b.jsonl");
    obey(&mut session, &format!("/save {}", other.display()));
    assert!(refused(&mut session, &format!("/save {}", path.display())).contains("there already"));
    for name in ["a.txt", "a.md", "a.json", "a.jsonl"] {
        let path = folder.path().join(name);
        obey(&mut session, &format!("/export {}", path.display()));
    }
    let export = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        export("a.txt"),
        "Okka: Okka put the vase down.\n\nPerrin: Hello.\n\nOkka: One.\n"
    );
    assert!(export("a.md").starts_with("# Okka and Perrin\n\n**Okka:** Okka put"));
    let json: serde_json::Value = serde_json::from_str(&export("a.json")).unwrap();
    assert_eq!(json["messages"][1]["text"], "Hello.");
    assert_eq!(export("a.jsonl"), session.chat().to_jsonl());
    assert!(refused(&mut session, "/export a.doc").contains("`.txt`"));
    let prompt = folder.path().join("prompt.txt");
    obey(&mut session, &format!("/prompt {}", prompt.display()));
    assert!(export("prompt.txt").ends_with("<<HUMAN>>\nPerrin:"));
    obey(&mut session, &format!("/load {}", path.display()));
    assert_eq!(said(session.chat()).len(), 3);
    let broken = folder.path().join("broken.jsonl");
    std::fs::write(&broken, "{oops\n").unwrap();
    assert!(
        refused(&mut session, &format!("/load {}", broken.display()))
            .contains("line 1: this line is not JSON")
    );
    assert_eq!(said(session.chat()).len(), 3, "the chat is as it was");
}

#[test]
fn a_context_too_small_for_the_card_is_an_error_with_a_way_out() {
    let engine = Script::new([""]);
    let mut session = session(&engine);
    let long = "word ".repeat(5000);
    session.obey(&format!("/persona {long}")).unwrap();
    let error = session.obey("/prompt").unwrap_err();
    assert!(
        error.next_step().unwrap().contains("shorten the persona"),
        "{error}"
    );
}
