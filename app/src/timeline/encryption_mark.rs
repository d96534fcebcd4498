//! What encryption has to say about a message: why it cannot be read, or what to warn about.

use matrix_sdk_base::crypto::types::events::UtdCause;
use matrix_sdk_ui::timeline::{
    EncryptedMessage, EventTimelineItem, TimelineEventShieldState, TimelineEventShieldStateCode,
};

use crate::view::room::{EncryptionMark, UndecryptableReason};

/// Why a message cannot be read.
pub(super) fn reason(message: &EncryptedMessage) -> UndecryptableReason {
    let EncryptedMessage::MegolmV1AesSha2 { cause, .. } = message else {
        return UndecryptableReason::Unknown;
    };
    match cause {
        UtdCause::SentBeforeWeJoined => UndecryptableReason::BeforeJoin,
        UtdCause::HistoricalMessageAndBackupIsDisabled
        | UtdCause::HistoricalMessageAndDeviceIsUnverified => UndecryptableReason::BeforeSignIn,
        UtdCause::WithheldForUnverifiedOrInsecureDevice | UtdCause::WithheldBySender => {
            UndecryptableReason::Withheld
        }
        UtdCause::Unknown
        | UtdCause::VerificationViolation
        | UtdCause::UnsignedDevice
        | UtdCause::UnknownDevice => UndecryptableReason::Waiting,
    }
}

/// The Megolm session a message waits for.
pub(crate) fn session_id(message: &EncryptedMessage) -> Option<&str> {
    match message {
        EncryptedMessage::MegolmV1AesSha2 { session_id, .. } => Some(session_id),
        EncryptedMessage::OlmV1Curve25519AesSha2 { .. } | EncryptedMessage::Unknown => None,
    }
}

/// What to warn about.
pub(super) fn mark(event: &EventTimelineItem) -> EncryptionMark {
    let (TimelineEventShieldState::Red { code } | TimelineEventShieldState::Grey { code }) =
        event.get_shield(false)
    else {
        return EncryptionMark::None;
    };
    match code {
        TimelineEventShieldStateCode::SentInClear => EncryptionMark::SentInClear,
        TimelineEventShieldStateCode::UnknownDevice
        | TimelineEventShieldStateCode::UnsignedDevice => EncryptionMark::UnverifiedDevice,
        TimelineEventShieldStateCode::VerificationViolation => EncryptionMark::IdentityChanged,
        TimelineEventShieldStateCode::AuthenticityNotGuaranteed => EncryptionMark::Unauthenticated,
        TimelineEventShieldStateCode::MismatchedSender => EncryptionMark::Mismatched,
        // Most people never compare emoji: no mark for each of their messages.
        TimelineEventShieldStateCode::UnverifiedIdentity => EncryptionMark::None,
    }
}
