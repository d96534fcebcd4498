-- Words of messages, names and topics that are not encrypted. The row number is the event's; the text itself is not kept.
CREATE VIRTUAL TABLE event_words USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO event_words (rowid, text)
    SELECT nid, json ->> '$.content.body' FROM events
    WHERE type = 'm.room.message' AND redacted_by IS NULL AND (json ->> '$.content.body') <> ''
    UNION ALL
    SELECT nid, json ->> '$.content.name' FROM events
    WHERE type = 'm.room.name' AND redacted_by IS NULL AND (json ->> '$.content.name') <> ''
    UNION ALL
    SELECT nid, json ->> '$.content.topic' FROM events
    WHERE type = 'm.room.topic' AND redacted_by IS NULL AND (json ->> '$.content.topic') <> '';
