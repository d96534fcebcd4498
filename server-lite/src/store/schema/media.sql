-- One row an mxc address of this server. Without a hash the address is reserved until `expires_at` and nothing was uploaded yet.
-- Files are named by their hash, so the same file is stored once.
CREATE TABLE media (
    media_id     TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL,
    sha256       BLOB,
    size         INTEGER,
    content_type TEXT,
    filename     TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER
) WITHOUT ROWID;
CREATE INDEX media_reserved ON media (user_id, expires_at) WHERE sha256 IS NULL;
