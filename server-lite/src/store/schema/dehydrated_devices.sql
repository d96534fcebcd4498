-- A user's device that is asleep on the server and collects keys (MSC3814). The device itself is among the others.
CREATE TABLE dehydrated_devices (
    user_id   TEXT PRIMARY KEY,
    device_id TEXT NOT NULL,
    data      TEXT NOT NULL,
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
) WITHOUT ROWID;
