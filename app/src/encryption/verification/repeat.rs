//! Asking again. A program that does not know the asking device yet drops the request without a word: it learns of a
//! device that just signed in, or that signed in while it slept, only after the request. A request it does know it
//! takes only once, so it is repeated until somebody answers.
//!
//! Spec: <https://spec.matrix.org/v1.16/client-server-api/#key-verification-framework>

use std::time::Duration;

use matrix_sdk::{Client, encryption::verification::VerificationRequest};
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedTransactionId, TransactionId,
    api::client::to_device::send_event_to_device::v3,
    events::{
        AnyToDeviceEventContent,
        key::verification::{
            VerificationMethod, request::ToDeviceKeyVerificationRequestEventContent,
        },
    },
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};
use tokio::time::Instant;

/// Pauses between one request and the next, seconds; a request is valid for ten minutes.
const PAUSES: [u64; 6] = [3, 6, 12, 30, 60, 120];

/// When to ask whom again.
#[derive(Clone)]
pub(super) struct Repeat {
    to: DeviceIdOrAllDevices,
    n_asked: usize,
    /// When it is due.
    pub at: Instant,
}

impl Repeat {
    /// Begins after the first request.
    pub(super) fn new(to: DeviceIdOrAllDevices) -> Self {
        Self {
            to,
            n_asked: 0,
            at: Instant::now() + Duration::from_secs(PAUSES[0]),
        }
    }

    /// The next one; none after the last.
    pub(super) fn next(self) -> Option<Self> {
        let n_asked = self.n_asked + 1;
        let pause = PAUSES.get(n_asked)?;
        Some(Self {
            n_asked,
            at: Instant::now() + Duration::from_secs(*pause),
            ..self
        })
    }

    /// The request under the same name once more.
    pub(super) async fn send(
        &self,
        client: &Client,
        request: &VerificationRequest,
        methods: Vec<VerificationMethod>,
    ) -> matrix_sdk::Result<()> {
        let Some(own_device) = client.device_id() else {
            return Ok(());
        };
        let content = ToDeviceKeyVerificationRequestEventContent::new(
            own_device.to_owned(),
            OwnedTransactionId::from(request.flow_id()),
            methods,
            MilliSecondsSinceUnixEpoch::now(),
        );
        let content = Raw::new(&content)
            .map_err(matrix_sdk::Error::from)?
            .cast_unchecked::<AnyToDeviceEventContent>();
        let to = [(self.to.clone(), content)].into();
        let messages = [(request.other_user_id().to_owned(), to)].into();
        let kind = "m.key.verification.request".into();
        let message = v3::Request::new_raw(kind, TransactionId::new(), messages);
        client.send(message).await?;
        Ok(())
    }
}
