-- Without a hash nobody can log in with a password.
ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN deactivated_at INTEGER;
ALTER TABLE users ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;

-- A refresh token stays usable until its successor (or the access token that came with it) has been used,
-- so that a lost answer locks nobody out. Tokens are kept as SHA-256 only.
CREATE TABLE refresh_tokens (
    token_hash BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    successor  BLOB,
    created_at INTEGER NOT NULL,
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_device ON refresh_tokens (user_id, device_id);
-- The refresh token an access token was issued with.
ALTER TABLE access_tokens ADD COLUMN refresh_hash BLOB;

-- Tokens with which somebody else can ask who a user is.
CREATE TABLE openid_tokens (
    token_hash BLOB PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
