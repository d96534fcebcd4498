-- One row a file on disk, however many addresses it has.
CREATE TABLE media_files (
    sha256       BLOB PRIMARY KEY,
    size         INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    last_read_at INTEGER NOT NULL    -- to the day; when it came, at first
) WITHOUT ROWID;
CREATE INDEX media_files_by_read ON media_files (last_read_at);
CREATE INDEX media_by_file ON media (sha256) WHERE sha256 IS NOT NULL;

-- How much is stored: by each user (a file counts for everybody who uploaded it), and on disk.
CREATE TABLE media_usage (
    user_id TEXT PRIMARY KEY,
    bytes   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE media_total (bytes INTEGER NOT NULL);
INSERT INTO media_total (bytes) VALUES (0);

CREATE TRIGGER media_usage_new AFTER INSERT ON media WHEN NEW.sha256 IS NOT NULL BEGIN
    INSERT INTO media_usage (user_id, bytes) VALUES (NEW.user_id, NEW.size)
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER media_usage_filled AFTER UPDATE OF sha256 ON media
    WHEN OLD.sha256 IS NULL AND NEW.sha256 IS NOT NULL BEGIN
    INSERT INTO media_usage (user_id, bytes) VALUES (NEW.user_id, NEW.size)
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER media_usage_gone AFTER DELETE ON media WHEN OLD.sha256 IS NOT NULL BEGIN
    UPDATE media_usage SET bytes = bytes - OLD.size WHERE user_id = OLD.user_id;
END;
CREATE TRIGGER media_total_new AFTER INSERT ON media_files BEGIN
    UPDATE media_total SET bytes = bytes + NEW.size;
END;
CREATE TRIGGER media_total_gone AFTER DELETE ON media_files BEGIN
    UPDATE media_total SET bytes = bytes - OLD.size;
END;

INSERT INTO media_usage (user_id, bytes)
    SELECT user_id, sum(size) FROM media WHERE sha256 IS NOT NULL GROUP BY user_id;
-- When they were last read is not known: their time begins now.
INSERT INTO media_files (sha256, size, created_at, last_read_at)
    SELECT sha256, max(size), min(created_at), unixepoch() * 1000 FROM media
    WHERE sha256 IS NOT NULL GROUP BY sha256;
