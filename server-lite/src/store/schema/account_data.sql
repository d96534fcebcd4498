CREATE TABLE account_data (
    user_id  TEXT NOT NULL,
    room_id  TEXT NOT NULL,
    type     TEXT NOT NULL,
    content  TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (user_id, room_id, type)
) STRICT;
CREATE INDEX account_data_by_position ON account_data (user_id, position);
