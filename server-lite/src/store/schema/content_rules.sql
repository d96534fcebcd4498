-- What the operator does not want said here. Numbers are never used twice: reports name them.
CREATE TABLE content_rules (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    place       TEXT NOT NULL,       -- message, name, topic, display_name, media_type
    action      TEXT NOT NULL,       -- reject, hide, report
    is_regex    INTEGER NOT NULL,    -- otherwise a pattern with * and ?
    pattern     TEXT NOT NULL,
    category    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    n_hits      INTEGER NOT NULL DEFAULT 0,
    last_hit_at INTEGER
);
-- Grows with each change, so that a running server notices what the command line did.
CREATE TABLE content_rules_version (version INTEGER NOT NULL);
INSERT INTO content_rules_version (version) VALUES (0);
