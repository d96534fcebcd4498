-- What users reported: an event (with its room), a room, or a user.
CREATE TABLE reports (
    id         INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    reporter   TEXT NOT NULL,
    room_id    TEXT,
    event_id   TEXT,
    user_id    TEXT,
    reason     TEXT NOT NULL
);
