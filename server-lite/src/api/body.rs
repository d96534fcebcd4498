//! Reading bodies, within bounds.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::LengthLimitError;
use ruma::api::error::ErrorKind;

use crate::error::{Error, Result};

/// All of a body.
///
/// # Errors
/// `M_TOO_LARGE` beyond `max` bytes; 408 if it does not come whole and in time.
pub async fn read(body: Body, max: usize) -> Result<Bytes> {
    axum::body::to_bytes(body, max).await.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            Error::too_large(format!("The body is larger than {max} bytes."))
        } else {
            let text = "The body did not arrive whole and in time.";
            Error::new(StatusCode::REQUEST_TIMEOUT, ErrorKind::Unknown, text)
        }
    })
}
