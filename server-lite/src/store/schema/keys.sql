CREATE TABLE device_keys (
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    keys      TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id)
) STRICT;
CREATE TABLE one_time_keys (
    seq       INTEGER PRIMARY KEY,
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    key       TEXT NOT NULL,
    UNIQUE (user_id, device_id, algorithm, key_id)
) STRICT;
CREATE TABLE fallback_keys (
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    key       TEXT NOT NULL,
    used      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, device_id, algorithm)
) STRICT;
CREATE TABLE cross_signing_keys (
    user_id    TEXT NOT NULL,
    usage      TEXT NOT NULL,
    public_key TEXT NOT NULL,
    keys       TEXT NOT NULL,
    PRIMARY KEY (user_id, usage)
) STRICT;
CREATE TABLE key_signatures (
    user_id       TEXT NOT NULL,
    key_name      TEXT NOT NULL,
    signer        TEXT NOT NULL,
    signer_key_id TEXT NOT NULL,
    signature     TEXT NOT NULL,
    PRIMARY KEY (user_id, key_name, signer, signer_key_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE device_list_positions (
    user_id  TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_list_by_position ON device_list_positions (position);
CREATE TABLE signature_positions (
    signer   TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (signer, user_id)
) STRICT, WITHOUT ROWID;
