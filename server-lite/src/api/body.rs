//! Reading bodies, within bounds.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::LengthLimitError;
use ruma::api::error::ErrorKind;

use crate::error::{Error, Result};

/// How deep objects and lists may be nested in a body. Readers of JSON give up at 128; what is sent into a room comes
/// back some levels deeper, inside a sync and as part of other events.
const MAX_NESTING: usize = 100;

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

/// Refuses JSON that is nested too deep for whoever reads it later.
///
/// # Errors
/// `M_BAD_JSON`.
pub fn check_nesting(json: &[u8]) -> Result<()> {
    if nesting(json) <= MAX_NESTING {
        return Ok(());
    }
    Err(Error::bad_json(format!(
        "The JSON is nested deeper than {MAX_NESTING} levels."
    )))
}

/// The deepest nesting of objects and lists; of what is no JSON, some number.
fn nesting(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::nesting;

    #[test]
    fn only_what_is_outside_of_texts_counts() {
        let cases: [(&[u8], usize); 7] = [
            (b"7", 0),
            (b"{}", 1),
            (br#"{"a":[{}],"b":{}}"#, 3),
            (br#"{"a":"[[[["}"#, 1),
            (br#"{"a":"\"[[[["}"#, 1),
            (br#"{"a":"\\","b":[[]]}"#, 3),
            (b"}}}[", 1),
        ];
        for (json, wanted) in cases {
            assert_eq!(nesting(json), wanted, "{}", String::from_utf8_lossy(json));
        }
    }
}
