CREATE TABLE filters (
    user_id   TEXT NOT NULL,
    filter_id INTEGER NOT NULL,
    content   TEXT NOT NULL,
    PRIMARY KEY (user_id, filter_id),
    UNIQUE (user_id, content)
) STRICT;
