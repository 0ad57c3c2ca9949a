//! What to write, and where: a wish and a file for each character.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::super::{card, input, output};
use super::{GenerateArgs, To};
use crate::card::Card;
use crate::generate::{Known, Wish, names::Names, review};
use crate::prompt::chat_file::ChatFile;
use crate::prompt::{Message, Role};
use crate::{Error, Kind, Result, file};

/// The longest name: longer ones are no names, and file systems have their limits.
const MAX_NAME: usize = 80;
/// The longest idea, in bytes: it is a line.
const MAX_IDEA: usize = 400;
/// Words of a chat that are shown: the beginning says who the two are, and the model needs room.
const MAX_CHAT_WORDS: usize = 900;

/// A wish for each character. A run that goes on has `begun` of them unless more are asked for.
pub(super) fn wishes(
    arguments: &GenerateArgs,
    seed: u64,
    begun: Option<usize>,
) -> Result<Vec<Wish>> {
    if let Some(user) = &arguments.user {
        check_name(user)?;
    }
    if let Some(idea) = &arguments.idea {
        check_idea(idea)?;
    }
    let mut wishes = if let Some(path) = &arguments.chat {
        vec![of_chat(arguments, path, seed)?]
    } else if arguments.from.is_empty() {
        of_names(arguments, seed, begun)?
    } else {
        (arguments.from.iter().zip(seed..))
            .map(|(path, seed)| of_card(arguments, path, seed))
            .collect::<Result<_>>()?
    };
    let mut lengths = arguments.length.iter().cycle();
    for wish in &mut wishes {
        wish.sections = arguments.sections();
        wish.length = lengths.next().cloned();
    }
    Ok(wishes)
}

/// The given names first, drawn ones for the rest, no name twice.
fn of_names(arguments: &GenerateArgs, seed: u64, begun: Option<usize>) -> Result<Vec<Wish>> {
    let given = match &arguments.names_file {
        Some(path) => read_names(path)?,
        None => arguments.names.clone(),
    };
    given.iter().try_for_each(|name| check_name(name))?;
    let asked = arguments.count.map(|count| count as usize).or(begun);
    let count = match (asked, &arguments.names_file) {
        // Names on the command line are all meant; those of a file are as many as there are.
        (Some(count), None) => count.max(given.len()),
        (Some(count), Some(_)) => count,
        (None, _) => given.len().max(1),
    };
    let taken: HashSet<&String> = given.iter().chain(&arguments.user).collect();
    let drawn = Names::new(seed).filter(|name| !taken.contains(name));
    let names = given.iter().cloned().chain(drawn);
    Ok((names.take(count).zip(seed..))
        .map(|(name, seed)| Wish {
            name: Some(name),
            user: arguments.user.clone(),
            seed,
            idea: arguments.idea.clone(),
            ..Wish::default()
        })
        .collect())
}

/// The names in a file, one on each line; what follows a `#` is for people.
fn read_names(path: &Path) -> Result<Vec<String>> {
    let place = || path.display().to_string();
    let text = String::from_utf8(input::bytes(path)?)
        .map_err(|_| Error::new(Kind::Usage, "this file is no UTF-8 text").at(place()))?;
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() || !seen.insert(name.to_owned()) {
            continue;
        }
        check_name(name).map_err(|error| error.at(format!("{}: line {}", place(), number + 1)))?;
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(Error::new(Kind::Usage, "there is no name in this file").at(place()));
    }
    Ok(names)
}

/// Refuses what would break the layout of every format.
fn check_name(name: &str) -> Result<()> {
    let wrong = |why: &str| {
        Err(Error::new(
            Kind::Usage,
            format!("`{name}` is no name: {why}"),
        ))
    };
    if !name.chars().any(char::is_alphanumeric) {
        return wrong("it has no letter");
    }
    if name.chars().count() > MAX_NAME {
        return wrong("it is too long");
    }
    if name.contains(|c: char| c.is_control() || "<>{}[]|*#:\"`".contains(c)) {
        return wrong("it has a character that means something in prompts");
    }
    Ok(())
}

/// Refuses an idea that would be refused in every text about it.
fn check_idea(idea: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::new(Kind::Usage, format!("the idea {why}")));
    if idea.trim().is_empty() || idea.len() > MAX_IDEA {
        return wrong(format!("is a line of up to {MAX_IDEA} characters"));
    }
    if let Some(fault) = review::adults(idea) {
        return wrong(format!("is about somebody who is no adult ({fault})"));
    }
    match review::newline(idea).or_else(|| review::markup(idea)) {
        Some(fault) => wrong(fault.to_string()),
        None => Ok(()),
    }
}

fn of_card(arguments: &GenerateArgs, path: &Path, seed: u64) -> Result<Wish> {
    let card = Card::open(path)?.card;
    let (mut known, conversation) = Known::of_card(&card, arguments.user.as_deref());
    let has_user = arguments.user.is_some()
        || card
            .extension("cardwright")
            .is_some_and(|extension| extension.get("user_name").is_some());
    for section in arguments.sections() {
        if arguments.rewrite {
            known.forget(section);
        } else if known.has(section) && !arguments.only.is_empty() {
            output::note(&format!(
                "{}: the {section} is there already; `--rewrite` writes it anew",
                path.display()
            ));
        }
    }
    Ok(Wish {
        name: Some(conversation.char),
        // A card speaks of `{{user}}`; without a name for the role, one is drawn.
        user: has_user.then_some(conversation.user),
        seed,
        known,
        ..Wish::default()
    })
}

fn of_chat(arguments: &GenerateArgs, path: &Path, seed: u64) -> Result<Wish> {
    let chat = ChatFile::read(path)?;
    let place = path.display().to_string();
    let spoken = |is_user: bool| {
        let message = chat.messages().iter().find(|message| {
            message.is_user() == is_user && !message.is_narration() && !message.is_hidden()
        });
        message
            .map(|message| message.name().to_owned())
            .filter(|name| !name.is_empty())
    };
    let name = chat
        .character_name()
        .map(str::to_owned)
        .or_else(|| spoken(false));
    let user = (arguments.user.clone())
        .or_else(|| chat.user_name().map(str::to_owned))
        .or_else(|| spoken(true));
    let mut messages = Vec::new();
    let mut words = 0;
    for message in chat.messages() {
        if message.is_hidden() || message.is_narration() || message.text().trim().is_empty() {
            continue;
        }
        words += message.text().split_whitespace().count();
        if words > MAX_CHAT_WORDS && !messages.is_empty() {
            break;
        }
        messages.push(Message {
            role: if message.is_user() {
                Role::User
            } else {
                Role::Char
            },
            text: message.text().trim().to_owned(),
        });
    }
    if messages.is_empty() {
        return Err(Error::new(Kind::Usage, "nobody says anything in this chat").at(place));
    }
    let greeting = messages
        .first()
        .filter(|message| message.role == Role::Char)
        .map(|message| message.text.clone());
    Ok(Wish {
        name,
        user,
        seed,
        known: Known {
            greeting,
            chat: messages,
            ..Known::default()
        },
        ..Wish::default()
    })
}

/// A file for each wish, no two the same, and none of them there already unless it was written by this run.
pub(super) fn targets(
    arguments: &GenerateArgs,
    wishes: &[Wish],
    folder: Option<&Path>,
) -> Result<Vec<Option<PathBuf>>> {
    let extension = match arguments.to() {
        To::Png => "png",
        To::Json => "json",
        To::Charx => "charx",
        To::Jsonl | To::Text => return Ok(vec![None; wishes.len()]),
    };
    let Some(folder) = folder else {
        return Ok(vec![None; wishes.len()]);
    };
    let mut seen = HashSet::new();
    wishes
        .iter()
        .enumerate()
        .map(|(index, wish)| {
            if let Some(source) = arguments.from.get(index) {
                return completed(arguments, source, folder, &mut seen).map(Some);
            }
            let name = wish.name.as_deref().unwrap_or_default();
            let mut path = folder.join(file::file_name(name, extension));
            let mut number = 2;
            while !seen.insert(path.clone()) {
                path = folder.join(file::file_name(&format!("{name}-{number}"), extension));
                number += 1;
            }
            // A run that goes on writes a card again whose line the kill prevented.
            if !arguments.resume {
                card::keep_existing(&path, arguments.force)?;
            }
            Ok(Some(path))
        })
        .collect()
}

/// Where a completed card goes: a file of the same name in the folder, or the card itself.
fn completed(
    arguments: &GenerateArgs,
    source: &Path,
    folder: &Path,
    seen: &mut HashSet<PathBuf>,
) -> Result<PathBuf> {
    let name = source.file_name().unwrap_or_default();
    let mut path = match arguments.output {
        Some(_) => folder.join(name),
        None => source.to_owned(),
    };
    if let Some(To::Json | To::Charx) = arguments.to {
        path.set_extension(if arguments.to == Some(To::Json) {
            "json"
        } else {
            "charx"
        });
    }
    if !seen.insert(path.clone()) {
        return Err(
            Error::new(Kind::Usage, "two cards would be written to this file")
                .at(path.display().to_string()),
        );
    }
    // Without `-o` a card is completed in place: nothing of it is lost.
    if arguments.output.is_some() || path != source {
        card::keep_existing(&path, arguments.force)?;
    }
    Ok(path)
}
