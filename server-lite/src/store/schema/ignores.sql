-- Who ignores whom: what m.ignored_user_list says, the other way round, for a look at each message.
CREATE TABLE ignores (
    ignored TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (ignored, user_id)
) WITHOUT ROWID;
CREATE INDEX ignores_by_user ON ignores (user_id);
INSERT OR IGNORE INTO ignores (ignored, user_id)
    SELECT j.key, a.user_id
    FROM (SELECT user_id, content FROM account_data
          WHERE room_id = '' AND type = 'm.ignored_user_list' AND json_valid(content)
            AND json_type(content, '$.ignored_users') = 'object') a,
         json_each(a.content, '$.ignored_users') j
    WHERE j.key <> a.user_id;
