//! Adapters and slots, which llama.cpp's clients set and save by hand.

use std::path::PathBuf;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::fields::{Fields, receive, wrong};
use super::parts::{Asked, Named, is_plain};
use super::{App, Shared, limits};
use crate::Result as Read;
use crate::engine::Engine;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/lora-adapters", get(adapters).post(set_adapters))
        .route("/slots", get(slots))
        .route("/slots/{id}", post(slot))
}

async fn adapters(State(app): State<Shared>) -> Json<Value> {
    let list = app.engine.adapters().into_iter().enumerate();
    let tell = list.map(|(id, adapter)| {
        // Where the file is, is nobody's business.
        let name = adapter.path.file_name().unwrap_or_default();
        json!({ "id": id, "path": name.to_string_lossy(), "scale": adapter.scale })
    });
    Json(tell.collect())
}

/// Sets them from a list of `{"id": ..., "scale": ...}`; those left out are off.
async fn set_adapters(State(app): State<Shared>, request: Request) -> Result<Json<Value>, Fault> {
    let body = receive(request, limits::BODY).await?;
    let list: Value = serde_json::from_slice(&body).map_err(|_| must("the body"))?;
    let scales = scales(&*app.engine, &list, "the body")?;
    app.work(move |engine| engine.set_adapters(&scales)).await?;
    Ok(adapters(State(app)).await)
}

/// How strongly the adapters work on a request that says so in `lora`.
pub(super) fn of_request(app: &App, fields: &mut Fields) -> Read<Option<Vec<f32>>> {
    let list = fields.take(&["lora"]);
    list.map(|list| scales(&*app.engine, &list, "`lora`"))
        .transpose()
}

fn must(what: &str) -> crate::Error {
    wrong(format!(
        "{what} must be a list of `{{\"id\": ..., \"scale\": ...}}`"
    ))
}

fn scales(engine: &dyn Engine, list: &Value, what: &str) -> Read<Vec<f32>> {
    let known = engine.adapters().len();
    let mut scales = vec![0.0; known];
    for entry in list.as_array().ok_or_else(|| must(what))? {
        let id = entry["id"].as_u64().ok_or_else(|| must(what))?;
        let scale = entry["scale"].as_f64().ok_or_else(|| must(what))?;
        let place = usize::try_from(id).ok().and_then(|id| scales.get_mut(id));
        let place = place
            .ok_or_else(|| wrong(format!("there is no adapter {id}; the server has {known}")))?;
        *place = scale as f32;
    }
    Ok(scales)
}

/// What the slots hold. Of an engine that does not tell, the busy ones come first.
async fn slots(State(app): State<Shared>) -> Json<Value> {
    let context = app.model().context;
    let told = app.work(move |engine| engine.slots()).await;
    let slots: Vec<Value> = match told {
        Ok(slots) => slots
            .iter()
            .enumerate()
            .map(|(id, slot)| {
                json!({ "id": id, "n_ctx": context, "is_processing": slot.is_busy, "n_past": slot.tokens })
            })
            .collect(),
        Err(_) => {
            let busy = app.running.count();
            let slot = |id| json!({ "id": id, "n_ctx": context, "is_processing": id < busy });
            (0..app.model().slots).map(slot).collect()
        }
    };
    Json(slots.into())
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    action: String,
}

/// `save` and `restore` a file of the folder for slots, or `erase`.
async fn slot(
    State(app): State<Shared>,
    Named(id): Named<usize>,
    Asked(Wanted { action }): Asked<Wanted>,
    mut fields: Fields,
) -> Result<Json<Value>, Fault> {
    let name = fields.text(&["filename"])?.unwrap_or_default();
    let begun = Instant::now();
    let milliseconds = |begun: Instant| begun.elapsed().as_secs_f64() * 1e3;
    match action.as_str() {
        "erase" => {
            let erased = app.work(move |engine| engine.erase_slot(id)).await?;
            Ok(Json(json!({ "id_slot": id, "n_erased": erased })))
        }
        "save" => {
            let path = place(&app, &name)?;
            let saved = app.work(move |engine| engine.save_slot(id, &path)).await?;
            Ok(Json(json!({
                "id_slot": id, "filename": name, "n_saved": saved.tokens, "n_written": saved.bytes,
                "timings": { "save_ms": milliseconds(begun) },
            })))
        }
        "restore" => {
            let path = place(&app, &name)?;
            let read = app.work(move |engine| engine.load_slot(id, &path)).await?;
            Ok(Json(json!({
                "id_slot": id, "filename": name, "n_restored": read.tokens, "n_read": read.bytes,
                "timings": { "restore_ms": milliseconds(begun) },
            })))
        }
        _ => Err(wrong("`action` must be `save`, `restore` or `erase`".into()).into()),
    }
}

/// Where a slot's file of this name is.
fn place(app: &App, name: &str) -> Result<PathBuf, Fault> {
    let folder = app.options.slots.as_ref().ok_or_else(|| {
        Fault::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_supported_error",
            "this server was started without `--slot-save-path`",
        )
    })?;
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '(' | ')');
    if !is_plain(name) || name.len() > 200 || name.starts_with('.') || !name.chars().all(allowed) {
        let says = "`filename` must be a plain name of letters, digits, blanks, `-`, `_`, `.`";
        return Err(wrong(says.into()).into());
    }
    let path = folder.join(name);
    // What leads elsewhere is not followed.
    match std::fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.is_file() => Err(wrong("`filename` is no file".into()).into()),
        _ => Ok(path),
    }
}
