-- The account that sends what the server has to say, and the room in which it says it to each user.
CREATE TABLE server_notices_sender (user_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE server_notices_rooms (
    user_id TEXT PRIMARY KEY,
    room    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX server_notices_by_room ON server_notices_rooms (room);
