//! What stands in a request's address, refused in the same words as everything else when it makes no sense; and what a
//! file may be called there.

use std::path::{Component, Path as FilePath};

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::fields::wrong;

/// A part of the path.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(value) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| wrong("the address names nothing that could be here".into()))?;
        Ok(Self(value))
    }
}

/// What stands after the question mark.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| wrong("what stands after `?` in the address makes no sense".into()))?;
        Ok(Self(value))
    }
}

/// Whether a name is that of something in a folder: one component, so that it leads nowhere else.
pub(super) fn is_plain(name: &str) -> bool {
    let mut components = FilePath::new(name).components();
    matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(only)), None) if only == name
    )
}
