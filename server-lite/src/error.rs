//! What went wrong, as a client sees it: the [standard error response][spec].
//!
//! [spec]: https://spec.matrix.org/v1.18/client-server-api/#standard-error-response

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use ruma::{
    api::{
        client::uiaa::UiaaInfo,
        error::{
            ErrorKind, FromHttpRequestError, IntoHttpError, LimitExceededErrorData,
            ResourceLimitExceededErrorData, RetryAfter, StandardErrorBody, UnknownTokenErrorData,
        },
    },
    canonical_json::CanonicalJsonError,
};

use crate::store::StoreError;

/// The result of everything a handler or a service does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure on its way to a client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client asked for something it cannot have; the text is for people.
    #[error("{kind:?}: {message}")]
    Matrix {
        /// HTTP status.
        status: StatusCode,
        /// `errcode` with its data.
        kind: Box<ErrorKind>,
        /// `error`.
        message: String,
    },
    /// User-interactive authentication has to go on.
    #[error("user-interactive authentication required")]
    Uiaa(Box<UiaaInfo>),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of ours. The text goes to the log and not to the client.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// A Matrix error of `kind` with an HTTP `status`.
    pub fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Matrix {
            status,
            kind: Box::new(kind),
            message: message.into(),
        }
    }

    /// An error with an `errcode` that ruma has no name for.
    pub fn with_code(status: StatusCode, errcode: &str, message: impl Into<String>) -> Self {
        let kind = serde_json::from_value(serde_json::json!({ "errcode": errcode }));
        Self::new(status, kind.unwrap_or(ErrorKind::Unknown), message)
    }

    /// 403 `M_FORBIDDEN`.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorKind::Forbidden, message)
    }

    /// 404 `M_NOT_FOUND`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorKind::NotFound, message)
    }

    /// 400 with a `kind` of the caller's choice.
    pub fn bad_request(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// 400 `M_INVALID_PARAM`.
    pub fn invalid_param(message: impl Into<String>) -> Self {
        Self::bad_request(ErrorKind::InvalidParam, message)
    }

    /// 400 `M_BAD_JSON`.
    pub fn bad_json(message: impl Into<String>) -> Self {
        Self::bad_request(ErrorKind::BadJson, message)
    }

    /// 401 `M_UNKNOWN_TOKEN`; `soft_logout` keeps the client's keys.
    pub fn unknown_token(soft_logout: bool) -> Self {
        let mut data = UnknownTokenErrorData::new();
        data.soft_logout = soft_logout;
        let message = if soft_logout {
            "The session has expired."
        } else {
            "Unknown access token."
        };
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorKind::UnknownToken(data),
            message,
        )
    }

    /// 429 `M_LIMIT_EXCEEDED`.
    pub fn limit_exceeded(retry_after: Duration) -> Self {
        Self::wait(retry_after, "Too many requests; wait a little.")
    }

    /// 429 `M_LIMIT_EXCEEDED` with a sentence of the caller's choice.
    pub fn wait(retry_after: Duration, message: impl Into<String>) -> Self {
        let mut data = LimitExceededErrorData::new();
        data.retry_after = Some(RetryAfter::Delay(retry_after));
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::LimitExceeded(data),
            message,
        )
    }

    /// 413 `M_TOO_LARGE`.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, message)
    }

    /// 500 with the reason in the log only.
    pub fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }

    /// The kind, where this is a Matrix error.
    pub fn kind(&self) -> Option<&ErrorKind> {
        match self {
            Self::Matrix { kind, .. } => Some(kind),
            _ => None,
        }
    }

    fn parts(&self) -> (StatusCode, ErrorKind, String) {
        match self {
            Self::Matrix {
                status,
                kind,
                message,
            } => (*status, (**kind).clone(), message.clone()),
            Self::Store(error) if error.is_full() => (
                StatusCode::INSUFFICIENT_STORAGE,
                ErrorKind::ResourceLimitExceeded(
                    ResourceLimitExceededErrorData::new(String::new()),
                ),
                "The server's disk is full; nothing was stored. Free some space and try again."
                    .to_owned(),
            ),
            Self::Uiaa(_) | Self::Store(_) | Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorKind::Unknown,
                "The server failed to do this; its log says why.".to_owned(),
            ),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Uiaa(info) = &self {
            return json_response(StatusCode::UNAUTHORIZED, info);
        }
        let (status, kind, message) = self.parts();
        // What other servers do wrong is no fault of ours.
        let is_theirs = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
        );
        if status.is_server_error() && !is_theirs {
            tracing::error!(error = %self, "request failed");
        }
        let retry_after = match &kind {
            ErrorKind::LimitExceeded(data) => data.retry_after,
            _ => None,
        };
        let mut response = json_response(status, &StandardErrorBody::new(kind, message));
        if matches!(
            status,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
        ) {
            // The rest of the body has not been read: this connection cannot be used again.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if let Some(RetryAfter::Delay(delay)) = retry_after {
            let seconds = delay.as_millis().div_ceil(1000) as u64;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON response of `status`.
pub fn json_response(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec());
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<FromHttpRequestError> for Error {
    fn from(error: FromHttpRequestError) -> Self {
        use ruma::api::error::DeserializationError as D;
        let kind = match &error {
            FromHttpRequestError::Deserialization(D::Json(json)) if !json.is_data() => {
                ErrorKind::NotJson
            }
            FromHttpRequestError::Deserialization(D::Utf8(_)) => ErrorKind::NotJson,
            FromHttpRequestError::Deserialization(D::Json(_)) => ErrorKind::BadJson,
            FromHttpRequestError::Deserialization(_) => ErrorKind::InvalidParam,
            _ => ErrorKind::Unrecognized,
        };
        Self::bad_request(kind, error.to_string())
    }
}

impl From<IntoHttpError> for Error {
    fn from(error: IntoHttpError) -> Self {
        Self::internal(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::bad_json(error.to_string()),
            serde_json::error::Category::Io => Self::internal(error),
            // Also what is nested too deep.
            _ => Self::bad_request(ErrorKind::NotJson, error.to_string()),
        }
    }
}

impl From<CanonicalJsonError> for Error {
    fn from(error: CanonicalJsonError) -> Self {
        Self::bad_json(error.to_string())
    }
}
