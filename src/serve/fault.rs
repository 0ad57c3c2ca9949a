//! What a client is told when something goes wrong: the reason, never a path of this machine.

use std::any::Any;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{Error, Kind};

/// An answer that is no.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    /// OpenAI's word for the sort of error.
    kind: &'static str,
    message: String,
    /// Whether it is worded as KoboldAI's servers do.
    kobold: bool,
    /// What only the log may see.
    pub(super) private: Option<String>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
            kobold: false,
            private: None,
        }
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("the body is longer than {} MiB or broke off", most >> 20);
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            message,
        )
    }

    pub(super) fn slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "invalid_request_error",
            "the body took too long to arrive",
        )
    }

    /// The same in the words of KoboldAI's servers.
    pub(super) fn kobold(mut self) -> Self {
        self.kobold = true;
        self
    }

    /// The body, which is also what a stream that fails ends with.
    pub(super) fn body(&self) -> Value {
        if self.kobold {
            let kind = match self.status {
                StatusCode::SERVICE_UNAVAILABLE => "service_unavailable",
                _ => self.kind,
            };
            json!({ "detail": { "msg": self.message, "type": kind } })
        } else {
            json!({ "error": {
                "code": self.status.as_u16(),
                "message": self.message,
                "type": self.kind,
                "param": null,
            } })
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (status, kind) = match error.kind() {
            Kind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "unavailable_error"),
            Kind::Setting | Kind::Usage | Kind::Limit | Kind::Prompt | Kind::Card => {
                (StatusCode::BAD_REQUEST, "invalid_request_error")
            }
            _ => {
                // What went wrong inside may name files.
                let mut fault = Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "server_error",
                    "the server could not do it; its log says why",
                );
                fault.private = Some(error.to_string());
                return fault;
            }
        };
        // Not the place: that may be a path.
        Self::new(status, kind, error.message())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("2");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        if let Some(private) = self.private {
            response.extensions_mut().insert(Private(private));
        }
        response
    }
}

/// What only the log may see, on its way there.
#[derive(Debug, Clone)]
pub(super) struct Private(pub(super) String);

pub(super) async fn not_found(uri: Uri) -> Fault {
    nothing(uri.path())
}

/// There is nothing at `path`.
pub(super) fn nothing(path: &str) -> Fault {
    let path: String = path.chars().take(200).collect();
    Fault::missing(format!("there is no `{path}` here"))
}

pub(super) async fn wrong_method(method: Method) -> Fault {
    Fault::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request_error",
        format!("this cannot be asked for with {method}"),
    )
}

pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let reason = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    Fault::from(Error::new(Kind::Engine, format!("a panic: {reason}"))).into_response()
}
