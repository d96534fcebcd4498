-- Rooms. Counts and recency are kept here so that a room list needs no scan of events.
CREATE TABLE rooms (
    nid           INTEGER PRIMARY KEY,
    room_id       TEXT NOT NULL UNIQUE,
    version       TEXT NOT NULL,
    state_group   INTEGER,                        -- of the current state
    created_at    INTEGER NOT NULL,
    published     INTEGER NOT NULL DEFAULT 0,
    last_position INTEGER NOT NULL DEFAULT 0,     -- of the newest event
    bump_position INTEGER NOT NULL DEFAULT 0,     -- of the newest event people care for
    n_joined      INTEGER NOT NULL DEFAULT 0,
    n_invited     INTEGER NOT NULL DEFAULT 0,
    room_type     TEXT,
    encrypted     INTEGER NOT NULL DEFAULT 0
);

-- The event graph. `json` is the event as signed, or what redaction left of it.
-- `position` is the place in the server-wide stream; absent for events kept only as references.
CREATE TABLE events (
    nid         INTEGER PRIMARY KEY,
    event_id    TEXT NOT NULL UNIQUE,
    room        INTEGER NOT NULL REFERENCES rooms (nid),
    position    INTEGER,
    depth       INTEGER NOT NULL,
    ts          INTEGER NOT NULL,
    type        TEXT NOT NULL,
    state_key   TEXT,
    sender      TEXT NOT NULL,
    state_group INTEGER,                          -- of the state before the event
    replaces    INTEGER,                          -- the state event before it
    redacted_by INTEGER,
    rejected    INTEGER NOT NULL DEFAULT 0,
    soft_failed INTEGER NOT NULL DEFAULT 0,
    device_id   TEXT,
    txn_id      TEXT,
    json        TEXT NOT NULL
);
CREATE UNIQUE INDEX events_position ON events (room, position) WHERE position IS NOT NULL;
CREATE INDEX events_state ON events (room, type, state_key, position) WHERE state_key IS NOT NULL;

CREATE INDEX events_members ON events (position) WHERE type = 'm.room.member';

-- prev_events and auth_events as edges between events that are here.
CREATE TABLE event_edges (
    event INTEGER NOT NULL,
    prev  INTEGER NOT NULL,
    PRIMARY KEY (event, prev)
) WITHOUT ROWID;
CREATE TABLE event_auth (
    event INTEGER NOT NULL,
    auth  INTEGER NOT NULL,
    PRIMARY KEY (event, auth)
) WITHOUT ROWID;

-- The ends of the graph that the next event will cite.
CREATE TABLE extremities (
    room  INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (room, event)
) WITHOUT ROWID;

-- State after each state event, as differences to an earlier group; a group without `prev` is whole.
CREATE TABLE state_groups (
    nid    INTEGER PRIMARY KEY,
    room   INTEGER NOT NULL,
    prev   INTEGER,
    n_hops INTEGER NOT NULL
);
CREATE TABLE state_group_entries (
    state_group INTEGER NOT NULL,
    type        TEXT NOT NULL,
    state_key   TEXT NOT NULL,
    event       INTEGER NOT NULL,
    PRIMARY KEY (state_group, type, state_key)
) WITHOUT ROWID;

CREATE TABLE current_state (
    room      INTEGER NOT NULL,
    type      TEXT NOT NULL,
    state_key TEXT NOT NULL,
    event     INTEGER NOT NULL,
    PRIMARY KEY (room, type, state_key)
) WITHOUT ROWID;

-- The current membership of each user, with what lists of members show.
CREATE TABLE memberships (
    room         INTEGER NOT NULL,
    user_id      TEXT NOT NULL,
    membership   TEXT NOT NULL,
    event        INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    sender       TEXT NOT NULL,
    display_name TEXT,
    avatar_url   TEXT,
    forgotten    INTEGER NOT NULL DEFAULT 0,
    was_joined   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_id, membership, room);
CREATE INDEX memberships_room ON memberships (room, membership, user_id);

-- m.relates_to, except plain replies.
CREATE TABLE relations (
    room     INTEGER NOT NULL,
    parent   TEXT NOT NULL,
    event    INTEGER NOT NULL,
    rel_type TEXT NOT NULL,
    PRIMARY KEY (room, parent, event)
) WITHOUT ROWID;
CREATE INDEX relations_event ON relations (event);

-- Transaction ids seen, so that a retried request is not carried out twice.
CREATE TABLE transactions (
    user_id    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    endpoint   TEXT NOT NULL,
    txn_id     TEXT NOT NULL,
    event_id   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, endpoint, txn_id)
) WITHOUT ROWID;
CREATE INDEX transactions_age ON transactions (created_at);

CREATE TABLE aliases (
    alias   TEXT PRIMARY KEY,
    room    INTEGER NOT NULL,
    creator TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX aliases_room ON aliases (room);

-- `thread` is '' for an unthreaded receipt, 'main', or the thread's root.
CREATE TABLE receipts (
    room           INTEGER NOT NULL,
    user_id        TEXT NOT NULL,
    type           TEXT NOT NULL,
    thread         TEXT NOT NULL,
    event_id       TEXT NOT NULL,
    event_position INTEGER NOT NULL,
    ts             INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    PRIMARY KEY (room, user_id, type, thread)
) WITHOUT ROWID;
CREATE INDEX receipts_position ON receipts (room, position);

-- Unread counters by room and thread ('' is the main timeline); no row per event.
CREATE TABLE unread_counts (
    user_id     TEXT NOT NULL,
    room        INTEGER NOT NULL,
    thread      TEXT NOT NULL,
    n_notify    INTEGER NOT NULL,
    n_highlight INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    PRIMARY KEY (user_id, room, thread)
) WITHOUT ROWID;
