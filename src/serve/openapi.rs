//! The document that describes every endpoint, for tools and for the test that compares it with the running server.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Shared;
use super::fault::Fault;
use crate::sampling::{Range, SAMPLERS, Sampler};
use crate::{Error, Kind, Result};

/// The document without what the sampler table says.
const SOURCE: &str = include_str!("openapi.yaml");

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/openapi.json", get(openapi))
}

async fn openapi() -> Result<Json<Value>, Fault> {
    Ok(Json(document()?))
}

/// The whole document.
fn document() -> Result<Value> {
    let mut document: Value = serde_saphyr::from_str(SOURCE)
        .map_err(|e| Error::new(Kind::Format, format!("the description is no YAML: {e}")))?;
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    if let Some(paths) = document["paths"].as_object_mut() {
        let endpoints = paths.values_mut().filter_map(Value::as_object_mut);
        let operations = endpoints.flatten().filter(|(key, _)| *key != "parameters");
        for (_, operation) in operations {
            operation["responses"]["default"] = json!({ "$ref": "#/components/responses/Fault" });
        }
    }
    let properties = &mut document["components"]["schemas"]["Sampling"]["properties"];
    for row in SAMPLERS {
        for name in row.all_names() {
            properties[name] = schema(row, name);
        }
    }
    Ok(document)
}

/// A field of the table. A name that is not the row's own says whose it is an alias of.
fn schema(row: &Sampler, name: &str) -> Value {
    let doc = if name == row.name {
        format!("{} (neutral: {})", row.doc, row.neutral)
    } else {
        format!("the same as `{}`", row.name)
    };
    match row.range {
        Range::Real(low, high) => json!({
            "description": doc, "type": ["number", "null"], "minimum": low, "maximum": high,
        }),
        Range::Whole(low, high) => json!({
            "description": doc, "type": ["integer", "null"], "minimum": low, "maximum": high,
        }),
        Range::Switch => json!({ "description": doc, "type": ["boolean", "null"] }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_of_the_code_is_in_the_document_and_no_other() {
        let document = document().unwrap();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let mut routed = BTreeSet::new();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve");
        let mut folders = vec![std::path::PathBuf::from(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let source = std::fs::read_to_string(&path).unwrap();
                    let is_kobold = path.ends_with("kobold.rs");
                    let extra = source.find("let extra").unwrap_or(usize::MAX);
                    for (at, _) in source.match_indices(".route(") {
                        let Some(route) = source[at..].split('"').nth(1) else {
                            continue;
                        };
                        let route = match (is_kobold, at > extra) {
                            (false, _) => route.to_owned(),
                            (true, false) => format!("/api/v1{route}"),
                            (true, true) => format!("/api/extra{route}"),
                        };
                        routed.insert(route.replace("{*", "{"));
                    }
                }
            }
        }
        // This test's own text.
        routed.remove(")");
        routed.retain(|route| route.starts_with('/'));
        assert_eq!(described, routed);
    }

    #[test]
    fn every_sampler_setting_is_described_under_all_its_names() {
        let document = document().unwrap();
        let properties = &document["components"]["schemas"]["Sampling"]["properties"];
        assert_eq!(properties["tfs"]["maximum"], json!(1.0));
        assert_eq!(
            properties["repetition_penalty"]["type"],
            json!(["number", "null"])
        );
        assert!(SAMPLERS.iter().all(|row| !properties[row.name].is_null()));
    }
}
