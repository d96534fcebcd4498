-- Counters of one room side by side: a message touches one or two pages and not one a member.
CREATE TABLE unread_counts_by_room (
    room        INTEGER NOT NULL,
    user_id     TEXT NOT NULL,
    thread      TEXT NOT NULL,
    n_notify    INTEGER NOT NULL,
    n_highlight INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    PRIMARY KEY (room, user_id, thread)
) WITHOUT ROWID;
INSERT INTO unread_counts_by_room
    SELECT room, user_id, thread, n_notify, n_highlight, position FROM unread_counts;
DROP TABLE unread_counts;
ALTER TABLE unread_counts_by_room RENAME TO unread_counts;
