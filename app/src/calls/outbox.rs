//! Call events on their way out: directly, in their order for each call, and never after their deadline.
//!
//! The SDK's send queue would keep them for better times, when nobody waits for them any more.

use std::{collections::BTreeMap, time::Duration};

use hardline_rtc::voip::{CallKey, Delivery, Outgoing, SendId};
use matrix_sdk::config::RequestConfig;
use ruma::{TransactionId, api::error::ErrorKind};
use tokio::sync::{mpsc, watch};

use super::clock;
use crate::{failure::rate_limit, session::Session};

/// How long the homeserver may take for one attempt.
const ATTEMPT: Duration = Duration::from_secs(15);
/// The rest after the first attempt that failed; it doubles for each in a row.
const FIRST_REST: Duration = Duration::from_millis(250);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(4);

/// Sends the events of a session's calls.
#[derive(Debug)]
pub(super) struct Outbox {
    session: Session,
    calls: BTreeMap<CallKey, mpsc::UnboundedSender<Outgoing>>,
    delivered: mpsc::UnboundedSender<(SendId, Delivery)>,
    unsent: watch::Sender<usize>,
}

impl Outbox {
    /// What becomes of each event is told to `delivered`; `unsent` counts those under way.
    pub(super) fn new(
        session: Session,
        delivered: mpsc::UnboundedSender<(SendId, Delivery)>,
        unsent: watch::Sender<usize>,
    ) -> Self {
        Self {
            session,
            calls: BTreeMap::new(),
            delivered,
            unsent,
        }
    }

    /// Sends an event after those of the same call that came before.
    pub(super) fn send(&mut self, outgoing: Outgoing) {
        let call = CallKey::new(outgoing.room_id.clone(), outgoing.message.call_id.clone());
        self.unsent.send_modify(|n| *n += 1);
        if let Some(queue) = self.calls.get(&call)
            && queue.send(outgoing.clone()).is_ok()
        {
            return;
        }
        let queue = self.begin();
        let _ = queue.send(outgoing);
        self.calls.insert(call, queue);
    }

    fn begin(&self) -> mpsc::UnboundedSender<Outgoing> {
        let (queue, mut events) = mpsc::unbounded_channel::<Outgoing>();
        let (session, delivered) = (self.session.clone(), self.delivered.clone());
        let unsent = self.unsent.clone();
        let sending = async move {
            while let Some(outgoing) = events.recv().await {
                let delivery = deliver(&session, &outgoing).await;
                let _ = delivered.send((outgoing.id, delivery));
                unsent.send_modify(|n| *n -= 1);
            }
        };
        self.session.tasks().detach("call-events", sending);
        queue
    }

    /// A call is over: what it has to say is still sent.
    pub(super) fn forget(&mut self, call: &CallKey) {
        self.calls.remove(call);
    }
}

/// Tries until the homeserver has it, refuses it, or the time is over.
async fn deliver(session: &Session, outgoing: &Outgoing) -> Delivery {
    let Some(room) = session.client().get_room(&outgoing.room_id) else {
        return Delivery::Refused;
    };
    let event_type = outgoing.message.event_type();
    let (transaction, mut rest) = (TransactionId::new(), FIRST_REST);
    let mut given_up = Delivery::Unsent;
    loop {
        let left = clock::until(outgoing.deadline);
        if left.is_zero() {
            return given_up;
        }
        let config = RequestConfig::new().disable_retry().timeout(ATTEMPT);
        let sending = room
            .send_raw(event_type, outgoing.message.to_raw())
            .with_transaction_id(&transaction)
            .with_request_config(config);
        let error = match tokio::time::timeout(left, sending).await {
            Ok(Ok(_)) => return Delivery::Sent,
            Ok(Err(error)) => error,
            Err(_) => return Delivery::Unknown,
        };
        let room_id = &outgoing.room_id;
        if is_final(&error) {
            tracing::warn!(%room_id, event_type, %error, "a call event was refused");
            return Delivery::Refused;
        }
        tracing::info!(%room_id, event_type, %error, "a call event is tried again");
        if may_have_arrived(&error) {
            given_up = Delivery::Unknown;
        }
        let asked = match &error {
            matrix_sdk::Error::Http(http) => rate_limit(http),
            _ => None,
        };
        let pause = asked.unwrap_or(rest).min(clock::until(outgoing.deadline));
        tokio::time::sleep(pause).await;
        rest = (rest * 2).min(LONGEST_REST);
    }
}

/// Whether the homeserver may have it nevertheless.
fn may_have_arrived(error: &matrix_sdk::Error) -> bool {
    match error {
        matrix_sdk::Error::Http(error) => match &**error {
            matrix_sdk::HttpError::Reqwest(error) => !error.is_connect(),
            _ => true,
        },
        _ => true,
    }
}

/// Whether trying again cannot help.
fn is_final(error: &matrix_sdk::Error) -> bool {
    match error.client_api_error_kind() {
        Some(ErrorKind::LimitExceeded(_)) => false,
        Some(_) => error
            .as_client_api_error()
            .is_none_or(|error| error.status_code.is_client_error()),
        None => !matches!(error, matrix_sdk::Error::Http(_)),
    }
}
