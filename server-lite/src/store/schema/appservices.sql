-- How far each application service has been looked after: events by number, all else by position in the stream.
CREATE TABLE appservice_progress (
    appservice TEXT PRIMARY KEY,
    event      INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    last_txn   INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- What application services are still to be told, in transactions. Rows go once their transaction is acknowledged.
-- `event` is the number of a room event, or the position of a to-device message that goes with the row.
CREATE TABLE appservice_outbox (
    appservice TEXT NOT NULL,
    txn        INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    event      INTEGER,
    data       TEXT,
    PRIMARY KEY (appservice, txn, seq)
) WITHOUT ROWID;

-- Rooms that application services show in the directories of their networks.
CREATE TABLE appservice_directory (
    appservice TEXT NOT NULL,
    network    TEXT NOT NULL,
    room       INTEGER NOT NULL,
    PRIMARY KEY (appservice, network, room)
) WITHOUT ROWID;

-- The rooms in which people speak with a bridge's bot because the configuration says so.
CREATE TABLE appservice_consoles (
    appservice TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    room       INTEGER NOT NULL,
    PRIMARY KEY (appservice, user_id)
) WITHOUT ROWID;

-- Receipts of all rooms since a position.
CREATE INDEX receipts_by_position ON receipts (position);
