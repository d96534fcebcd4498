-- Rooms the administrator has closed: nobody of this server gets into them (again).
CREATE TABLE blocked_rooms (
    room_id    TEXT PRIMARY KEY,
    blocked_at INTEGER NOT NULL
) WITHOUT ROWID;
