-- Events that will be sent later unless their sender says otherwise (MSC4140).
CREATE TABLE delayed_events (
    delay_id   TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    txn_id     TEXT,
    room_id    TEXT NOT NULL,
    type       TEXT NOT NULL,
    state_key  TEXT,
    content    TEXT NOT NULL,
    delay_ms   INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX delayed_events_due ON delayed_events (due_at);
CREATE INDEX delayed_events_user ON delayed_events (user_id);
