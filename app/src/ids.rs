//! Matrix identifiers, re-exported so that `ui` needs no ruma of its own.

pub use ruma::{
    DeviceId, EventId, MxcUri, OwnedDeviceId, OwnedEventId, OwnedMxcUri, OwnedRoomId,
    OwnedRoomOrAliasId, OwnedServerName, OwnedTransactionId, OwnedUserId, RoomId, RoomOrAliasId,
    UserId,
};
