-- The server-wide stream: every change that a sync must show takes the next position.
CREATE TABLE stream (position INTEGER NOT NULL);
INSERT INTO stream (position) VALUES (0);

-- Facts about this server that are chosen once: its name.
CREATE TABLE server (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    server_name TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);

-- Signing keys, the newest unexpired one in use.
CREATE TABLE signing_keys (
    key_id     TEXT PRIMARY KEY,
    document   BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expired_at INTEGER
) WITHOUT ROWID;
