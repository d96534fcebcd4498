-- Who is there, and since when.
CREATE TABLE presence (
    user_id        TEXT PRIMARY KEY,
    state          TEXT NOT NULL,
    status_msg     TEXT,
    last_active_at INTEGER NOT NULL,
    position       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX presence_position ON presence (position);
