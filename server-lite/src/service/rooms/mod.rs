//! Rooms: the event graph, state, membership.

use ruma::RoomVersionId;

/// The room versions this server makes and understands.
pub const SUPPORTED_VERSIONS: [RoomVersionId; 7] = [
    RoomVersionId::V6,
    RoomVersionId::V7,
    RoomVersionId::V8,
    RoomVersionId::V9,
    RoomVersionId::V10,
    RoomVersionId::V11,
    RoomVersionId::V12,
];
