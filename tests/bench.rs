//! `cargo bench`: how fast prompts are written, read and checked, and portraits drawn.

#![allow(clippy::unwrap_used)]

use cardwright::prompt::{Conversation, Format, Message, Role};
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// A long chat: about a megabyte of narration and dialogue.
fn chat() -> Conversation {
    let paragraph = "Mara set the lamp down and looked at the sea, which had been grey since the morning and showed no \
                     sign of changing its mind. \"You came a long way for a leaking boat,\" she said, and poured the tea.";
    let messages = (0..2_000_usize).map(|at| Message {
        role: if at.is_multiple_of(2) {
            Role::Char
        } else {
            Role::User
        },
        text: format!("{paragraph}\n\n{paragraph}"),
    });
    Conversation {
        char: "Mara".into(),
        user: "Finn".into(),
        char_persona: "Mara keeps a lighthouse and collects storms in jars.".into(),
        user_persona: "Finn is a sailor with a leaking boat.".into(),
        scenario: "Finn knocks at the lighthouse door on a wet night.".into(),
        messages: messages.collect(),
        open: Some(Role::Char),
        ..Conversation::default()
    }
}

const FORMATS: &[&str] = &["limarp-v1", "limarp-v3", "chatml"];

#[divan::bench(args = FORMATS)]
fn render(bencher: Bencher<'_, '_>, name: &str) {
    let (format, chat) = (Format::named(name).unwrap(), chat());
    let bytes = format.render(&chat).unwrap().len();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| format.render(&chat).unwrap());
}

/// Reading gives the conversation and all findings at once.
#[divan::bench(args = FORMATS)]
fn check(bencher: Bencher<'_, '_>, name: &str) {
    let (format, chat) = (Format::named(name).unwrap(), chat());
    let text = format.render(&chat).unwrap();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| format.parse(&text));
}

/// Text with something wrong in every turn.
#[divan::bench(args = FORMATS)]
fn check_bad(bencher: Bencher<'_, '_>, name: &str) {
    let (format, chat) = (Format::named(name).unwrap(), chat());
    let text = format
        .render(&chat)
        .unwrap()
        .replace("mind. \"You", "mind. \u{201c}You *all*  ")
        .replace("tea.\"\n\n", "tea. \n\n\n");
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| format.parse(&text));
}

/// A face, and one of the kinds that take the most drawing.
#[cfg(feature = "portrait")]
#[divan::bench(args = ["", "A red-haired vampire with a beard, in a snowy forest at night.", "A cheerful robot in a workshop."])]
fn draw_portrait(bencher: Bencher<'_, '_>, text: &str) {
    use cardwright::generate::portrait::{Size, Subject, draw};

    let seeds = std::sync::atomic::AtomicU64::new(0);
    bencher.bench(|| {
        let seed = seeds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = "Carina";
        draw(&Subject { name, text }, seed, Size::Portrait).unwrap()
    });
}
