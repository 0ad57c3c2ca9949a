//! What the maker of a card may not have meant to publish: in the JSON, and in the image around it.

use serde_json::Value;

use super::{Hit, Rule, Subject, Topic, about, excerpt, hit, page, row};
use crate::card::{archive, png};
use crate::{Finding, Place, Severity};
use Severity::{Error, Info, Warning};

const PICTURE_EXIF: &str = "privacy-exif";
const PICTURE_PLACE: &str = "privacy-gps";
const PICTURE_PROMPT: &str = "privacy-image-prompt";
const PICTURE_TEXT: &str = "foreign-chunk";
const PICTURE_TIME: &str = "privacy-image-time";
const PICTURE_ARCHIVE: &str = "security-trailing-archive";

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &about(Topic::Privacy, [
    page(PICTURE_EXIF, Warning, "the picture has no camera data",
        "EXIF may hold the place and time of a photo and the camera's serial number. `scrub` takes it out.",
        "an eXIf chunk"),
    page(PICTURE_PLACE, Error, "the picture does not tell where it was taken",
        "The camera data holds a position on the map, often that of a home. `scrub` takes it out.",
        "an eXIf chunk with GPSLatitude"),
    page(PICTURE_PROMPT, Warning, "the picture does not tell how it was generated",
        "Image generators write the prompt, the model and sometimes paths of the machine into the file. `scrub` takes it out.",
        "a tEXt chunk `parameters` or `workflow`"),
    page(PICTURE_TEXT, Info, "the picture holds no other text",
        "Author, title, software and the like; kept unless `scrub` is asked for.",
        "a tEXt chunk `Software`"),
    page(PICTURE_TIME, Info, "the picture does not tell when it was changed",
        "A `tIME` chunk says to the second when the file was last edited.",
        "a tIME chunk"),
    page(PICTURE_ARCHIVE, Warning, "no archive hides behind the picture",
        "Bytes after the end of the image are a zip file. Nothing that shows the picture will tell.",
        "a PNG followed by `PK`"),
    row("privacy-local-path", Warning, "no text holds a path of somebody's machine",
        "A path such as `C:\\Users\\Anna\\` or `/home/anna/` tells a name.",
        "C:\\Users\\Anna\\Pictures", local_path, None),
    row("privacy-email", Warning, "no text holds an e-mail address",
        "Addresses in cards are collected. In the creator's notes it may be meant.",
        "anna@example.com", |s| s.each(|text| email(&text.text)), None),
    row("privacy-secret", Warning, "no text holds a key or token",
        "Something that looks like the key of a service stands in the card.",
        "sk-... or hf_...", |s| s.each(|text| secret(&text.text)), None),
    row("privacy-chat-name", Info, "the name of a chat is not in the card",
        "SillyTavern notes which chat was open; the name holds the time. `scrub` takes it out.",
        "\"chat\": \"Carina - 2024-5-12 @21h 32m\"", |s| root(s, &["chat", "last_mes", "date_last_chat", "date_added"], "of its owner's use"), None),
    row("privacy-create-date", Info, "the date of an import is not in the card",
        "`create_date` says when its owner imported it. `scrub` takes it out.",
        "\"create_date\": \"2024-5-12 @21h 32m 29s 228ms\"", |s| root(s, &["create_date", "create_date_local", "add_date_local"], "a date of import"), None),
    row("privacy-user-name", Warning, "the name of a user is not in the card",
        "TavernAI keeps the name of whoever published the card.",
        "\"user_name\": \"anna\"", |s| root(s, &["user_name", "user_name_view"], "the name of a user"), None),
    row("privacy-world", Info, "the name of a linked lorebook is not in the card",
        "`extensions.world` names a file on its owner's machine, which others do not have. `scrub` takes it out.",
        "\"extensions\": {\"world\": \"my lore\"}", world, None),
    row("privacy-favourite", Info, "the card does not tell that it is a favourite",
        "`fav` is its owner's mark. `scrub` takes it out.",
        "\"fav\": true", favourite, None),
]);

/// What the file holds beside the card.
pub(super) fn container(bytes: &[u8]) -> Vec<Finding> {
    let finding = |code, span, message: String| {
        let severity = super::rule(code).map_or(Info, |rule| rule.severity);
        Finding {
            code,
            severity,
            place: Place::Bytes(span),
            message,
            fix: Some("`scrub` takes it out".into()),
        }
    };
    let metadata = archive::picture_metadata(bytes)
        .into_iter()
        .map(|(name, span)| {
            finding(
                PICTURE_PROMPT,
                span,
                format!("`{name}` may tell how a picture was generated"),
            )
        });
    png::inspect(bytes)
        .into_iter()
        .map(|extra| match extra.kind {
            png::Extra::Exif if has_place(&bytes[extra.span.clone()]) => finding(
                PICTURE_PLACE,
                extra.span,
                "the picture's EXIF data tells where it was taken".into(),
            ),
            png::Extra::Exif => {
                finding(PICTURE_EXIF, extra.span, "the picture has EXIF data".into())
            }
            png::Extra::Prompt(name) => finding(
                PICTURE_PROMPT,
                extra.span,
                format!("`{name}` tells how the picture was generated"),
            ),
            png::Extra::Text(name) => finding(
                PICTURE_TEXT,
                extra.span,
                format!("the picture has a text `{name}`"),
            ),
            png::Extra::Time => finding(
                PICTURE_TIME,
                extra.span,
                "the picture tells when it was changed".into(),
            ),
            png::Extra::Archive => finding(
                PICTURE_ARCHIVE,
                extra.span,
                "a zip archive stands behind the picture".into(),
            ),
        })
        .chain(metadata)
        .collect()
}

/// Whether the EXIF data in a chunk (length, letters, data, checksum) holds a position.
fn has_place(chunk: &[u8]) -> bool {
    let data = chunk
        .get(8..chunk.len().saturating_sub(4))
        .unwrap_or_default();
    crate::card::exif::fields(data).is_some_and(|exif| {
        exif.fields()
            .any(|field| field.tag.context() == exif::Context::Gps)
    })
}

fn root(subject: &Subject<'_>, keys: &[&str], what: &str) -> Vec<Hit> {
    let card = subject.card;
    keys.iter()
        .filter(|key| {
            card.document
                .member(card.document.root(), key)
                .is_some_and(|member| {
                    !crate::card::spec::is_empty(&card.document.value(&member.value))
                })
        })
        .map(|key| hit(*key, format!("`{key}` is {what}")))
        .collect()
}

fn world(subject: &Subject<'_>) -> Vec<Hit> {
    let world = subject.card.extension("world");
    world
        .as_ref()
        .and_then(Value::as_str)
        .filter(|world| !world.is_empty())
        .map(|_| {
            hit(
                subject.path("extensions.world"),
                "a lorebook of the owner is linked",
            )
        })
        .into_iter()
        .collect()
}

fn favourite(subject: &Subject<'_>) -> Vec<Hit> {
    let is_true = |value: Option<Value>| {
        value.is_some_and(|value| value == Value::Bool(true) || value.as_str() == Some("true"))
    };
    is_true(subject.card.extension("fav"))
        .then(|| hit(subject.path("extensions.fav"), "the owner's favourite"))
        .into_iter()
        .collect()
}

fn local_path(subject: &Subject<'_>) -> Vec<Hit> {
    let text = subject.card.json();
    // In JSON a backslash stands twice.
    let found = [
        "C:\\\\Users\\\\",
        "C:/Users/",
        "/home/",
        "/Users/",
        "file:///",
    ]
    .into_iter()
    .find_map(|wanted| {
        let at = text.find(wanted)?;
        let rest = &text[at + wanted.len()..];
        let is_name = rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
        is_name.then(|| excerpt(text, at))
    });
    found
        .map(|found| hit("", format!("a path of a machine: {found}")))
        .into_iter()
        .collect()
}

fn email(text: &str) -> Option<String> {
    text.match_indices('@').find_map(|(at, _)| {
        let before = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let host: String = text[at + 1..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
            .collect();
        let (name, top) = host.trim_end_matches('.').rsplit_once('.')?;
        let is_host =
            !name.is_empty() && top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
        (before && is_host).then(|| "an e-mail address".into())
    })
}

fn secret(text: &str) -> Option<String> {
    ["sk-", "hf_", "ghp_", "AKIA", "xoxb-"]
        .into_iter()
        .find_map(|head| {
            text.match_indices(head).find_map(|(at, _)| {
                let tail = text[at + head.len()..]
                    .bytes()
                    .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                    .count();
                let is_start = !text[..at].ends_with(|c: char| c.is_alphanumeric());
                (is_start && tail >= 16)
                    .then(|| format!("something like a key that begins with `{head}`"))
            })
        })
}
