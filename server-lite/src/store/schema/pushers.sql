-- A pusher as its client set it (JSON), unique by app and push key within a user.
CREATE TABLE pushers (
    user_id   TEXT NOT NULL,
    app_id    TEXT NOT NULL,
    pushkey   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    pusher    TEXT NOT NULL,
    PRIMARY KEY (user_id, app_id, pushkey)
) WITHOUT ROWID;
