-- What push gateways are still to be told. Rows go once they are delivered, read or too old.
CREATE TABLE push_outbox (
    user_id    TEXT NOT NULL,
    app_id     TEXT NOT NULL,
    pushkey    TEXT NOT NULL,
    event      INTEGER NOT NULL,
    tweaks     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, app_id, pushkey, event),
    FOREIGN KEY (user_id, app_id, pushkey) REFERENCES pushers (user_id, app_id, pushkey) ON DELETE CASCADE
) WITHOUT ROWID;
-- Events up to this number have been looked at.
CREATE TABLE push_progress (event INTEGER NOT NULL);
