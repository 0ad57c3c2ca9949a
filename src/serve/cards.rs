//! The cards of the folder that was named at the start: a list, and each by its file name.
//!
//! Nothing outside that folder is opened: a name is one plain component, and neither it nor what is listed may be a link.

use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};

use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::Fault;
use super::{App, Shared};
use crate::card::{Card, Container, Reading};
use crate::{Error, Kind, Result, file};

/// The largest card that is read for a request, 64 MiB: larger ones carry galleries of images.
const LARGEST: u64 = 64 << 20;
/// The most cards in one list.
const MOST: usize = 5000;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/cards", get(list))
        .route("/api/cards/{file}", get(card))
}

fn folder(app: &App) -> Result<PathBuf, Fault> {
    app.options.cards.clone().ok_or_else(|| {
        Fault::new(
            StatusCode::NOT_FOUND,
            "not_found_error",
            "this server was started without `--cards`",
        )
    })
}

async fn list(State(app): State<Shared>) -> Result<Json<Value>, Fault> {
    let folder = folder(&app)?;
    let listed = app.work(move |_| listing(&folder)).await?;
    Ok(Json(listed))
}

fn listing(folder: &Path) -> Result<Value> {
    let entries = fs::read_dir(folder).map_err(|e| Error::file("list", folder, e))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(is_of_a_card))
        .collect();
    names.sort_unstable();
    let complete = names.len() <= MOST;
    names.truncate(MOST);
    let (mut cards, mut unreadable) = (Vec::new(), Vec::new());
    for name in names {
        match read(folder, &name) {
            Ok(Some(reading)) => cards.push(summary(&name, &reading.card)),
            Ok(None) => {}
            // The place is a path, the message is not.
            Err(error) => unreadable.push(json!({ "file": name, "reason": error.message() })),
        }
    }
    Ok(json!({ "cards": cards, "unreadable": unreadable, "complete": complete }))
}

fn is_of_a_card(extension: &OsStr) -> bool {
    extension
        .to_str()
        .is_some_and(|extension| Container::by_extension(extension).is_some())
}

fn summary(name: &str, card: &Card) -> Value {
    json!({
        "file": name,
        "name": card.name(),
        "spec": card.version().spec(),
        "creator": card.creator(),
        "tags": card.tags(),
        "greetings": 1 + card.alternate_greetings().len(),
    })
}

async fn card(
    State(app): State<Shared>,
    extract::Path(name): extract::Path<String>,
) -> Result<Json<Value>, Fault> {
    let folder = folder(&app)?;
    let answer = app
        .work(move |_| {
            let Some(Reading { card, findings, .. }) = read(&folder, &name)? else {
                return Ok(None);
            };
            let mut answer = summary(&name, &card);
            answer["card"] = serde_json::from_str(card.json()).unwrap_or_default();
            answer["findings"] = json!(findings);
            Ok(Some(answer))
        })
        .await?;
    answer.map(Json).ok_or_else(|| {
        Fault::new(
            StatusCode::NOT_FOUND,
            "not_found_error",
            "there is no such card",
        )
    })
}

/// The card in the file of that name; `None` when there is no such file, or it is none that may be opened.
fn read(folder: &Path, name: &str) -> Result<Option<Reading>> {
    let mut components = Path::new(name).components();
    let plain = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(only)), None) if only == OsStr::new(name)
    );
    // A backslash separates elsewhere, a colon names a stream or a drive.
    if !plain || name.contains(['\\', ':', '\0']) {
        return Ok(None);
    }
    let path = folder.join(name);
    let Ok(metadata) = fs::symlink_metadata(&path) else {
        return Ok(None);
    };
    if !metadata.is_file() || !path.extension().is_some_and(is_of_a_card) {
        return Ok(None);
    }
    if metadata.len() > LARGEST {
        let message = format!("the card is larger than {} MiB", LARGEST >> 20);
        return Err(Error::new(Kind::Limit, message));
    }
    Card::from_bytes(&file::read(&path)?).map(Some)
}
