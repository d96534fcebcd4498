//! Where our own messages stand.

use matrix_sdk_ui::timeline::{EventSendState, EventTimelineItem};

use crate::{
    failure::{self, Doing},
    notice::Notice,
    view::room::DeliveryState,
};

/// Where a message stands; being seen is known only in the list.
pub(super) fn delivery(event: &EventTimelineItem) -> DeliveryState {
    match event.send_state() {
        None if event.is_own() => DeliveryState::Sent,
        None => DeliveryState::NotOurs,
        Some(EventSendState::NotSentYet { .. }) => DeliveryState::Sending,
        Some(EventSendState::Sent { .. }) => DeliveryState::Sent,
        Some(EventSendState::SendingFailed {
            error,
            is_recoverable,
        }) => {
            let recoverable = *is_recoverable;
            match failure::of_sdk(error, Doing::InRoom) {
                // The queue goes on by itself when the server answers again.
                Notice::Offline | Notice::RateLimited { .. } if recoverable => {
                    DeliveryState::Sending
                }
                Notice::Unexpected { .. } => DeliveryState::Failed {
                    notice: Notice::SendFailed { recoverable },
                    recoverable,
                },
                notice => DeliveryState::Failed {
                    notice,
                    recoverable,
                },
            }
        }
    }
}

/// Percent of an upload that is done.
pub(super) fn progress(event: &EventTimelineItem) -> Option<u8> {
    let Some(EventSendState::NotSentYet {
        progress: Some(upload),
    }) = event.send_state()
    else {
        return None;
    };
    let total = upload.progress.total.max(1);
    u8::try_from(upload.progress.current.min(total) * 100 / total).ok()
}
