CREATE TABLE to_device (
    position  INTEGER PRIMARY KEY,
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    event     TEXT NOT NULL
) STRICT;
CREATE INDEX to_device_by_device ON to_device (user_id, device_id, position);
CREATE TABLE to_device_transactions (
    user_id    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    txn_id     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, txn_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX to_device_transactions_by_age ON to_device_transactions (created_at);
