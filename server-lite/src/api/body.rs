//! Reading bodies, within bounds: of each, and of all that are read at the same time.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ruma::api::error::ErrorKind;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{Error, Result};

/// Nobody without a token has more to say than this, in bytes.
pub const MAX_OF_STRANGERS: usize = 64 << 10;

/// What a body has beyond this counts towards what all large bodies share.
const SMALL: usize = 64 << 10;
/// So much of all large bodies is in memory while they arrive. Otherwise many clients that stop in the middle would fill it.
const MAX_SHARED: usize = 64 << 20;
/// The share is given out in parts of so many bytes.
const PART: usize = 4 << 10;
/// When there may be room again.
const RETRY: std::time::Duration = std::time::Duration::from_secs(2);

/// Memory belongs to the process, and so does what is left of it.
static SHARED: Semaphore = Semaphore::const_new(MAX_SHARED / PART);

/// All of a body.
///
/// # Errors
/// `M_TOO_LARGE` beyond `max` bytes; 408 if it does not come whole and in time; `M_LIMIT_EXCEEDED` if it is large and too
/// many large ones arrive already.
pub async fn read(body: Body, max: usize) -> Result<Bytes> {
    read_sharing(body, max, &SHARED).await
}

async fn read_sharing(body: Body, max: usize, shared: &Semaphore) -> Result<Bytes> {
    let mut body = Limited::new(body, max);
    let (mut read, mut share) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| refusal(&*error, max))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        grow(shared, &mut share, read.len() + data.len())?;
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

/// Takes as many parts of what is shared as a body of `len` bytes needs.
fn grow<'a>(
    shared: &'a Semaphore,
    share: &mut Option<SemaphorePermit<'a>>,
    len: usize,
) -> Result<()> {
    let wanted = len.saturating_sub(SMALL).div_ceil(PART);
    let held = share.as_ref().map_or(0, SemaphorePermit::num_permits);
    let more = u32::try_from(wanted.saturating_sub(held)).unwrap_or(u32::MAX);
    if more == 0 {
        return Ok(());
    }
    let text = "Too much is being sent to this server at the moment; wait a little.";
    let taken = shared
        .try_acquire_many(more)
        .map_err(|_| Error::wait(RETRY, text))?;
    match share {
        Some(share) => share.merge(taken),
        None => *share = Some(taken),
    }
    Ok(())
}

fn refusal(error: &(dyn std::error::Error + Send + Sync + 'static), max: usize) -> Error {
    if error.is::<LengthLimitError>() {
        Error::too_large(format!("The body is larger than {max} bytes."))
    } else {
        let text = "The body did not arrive whole and in time.";
        Error::new(StatusCode::REQUEST_TIMEOUT, ErrorKind::Unknown, text)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use bytes::Bytes;
    use http::StatusCode;
    use tokio::sync::Semaphore;

    use super::{PART, SMALL, read_sharing};
    use crate::error::Error;

    fn body(n_bytes: usize) -> Body {
        let parts = vec![0_u8; n_bytes];
        let parts: Vec<Result<Bytes, std::io::Error>> = parts
            .chunks(1000)
            .map(|part| Ok(Bytes::copy_from_slice(part)))
            .collect();
        Body::from_stream(futures_util::stream::iter(parts))
    }

    fn status(error: &Error) -> Option<StatusCode> {
        match error {
            Error::Matrix { status, .. } => Some(*status),
            _ => None,
        }
    }

    #[tokio::test]
    async fn large_bodies_share_what_there_is_and_small_ones_do_not_need_it() {
        let (shared, max) = (Semaphore::new(3), 1 << 20);
        let large = SMALL + 3 * PART;
        let read = read_sharing(body(large), max, &shared).await.unwrap();
        assert_eq!((read.len(), shared.available_permits()), (large, 3));
        let error = read_sharing(body(large + 1), max, &shared).await;
        assert_eq!(
            status(&error.unwrap_err()),
            Some(StatusCode::TOO_MANY_REQUESTS)
        );
        assert_eq!(shared.available_permits(), 3);
        let held = shared.acquire_many(3).await.unwrap();
        read_sharing(body(SMALL), max, &shared).await.unwrap();
        assert!(read_sharing(body(SMALL + 1), max, &shared).await.is_err());
        drop(held);
        let error = read_sharing(body(100), 99, &shared).await.unwrap_err();
        assert_eq!(status(&error), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
