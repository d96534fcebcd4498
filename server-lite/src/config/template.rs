//! The commented file `hardline-server init` writes.

/// The file with every key, its default and what it means. `{name}`, `{storage}`, `{port}` and
/// `{registration_token}` are filled in by [`render`].
pub const TEMPLATE: &str = r#"# Configuration of hardline-server. A line that begins with # is a comment; defaults are shown that way.

[server]
# The name of this server, the part after the colon in @you:name. It is for life: it is written into
# every user id, room and signature. Changing it later means a new, empty server.
name = "{name}"
# Where clients reach this server, if that is another address than https://name.
# public_url = "https://matrix.example.org"

[listen]
# The address and port for clients. Keep 127.0.0.1 unless other machines shall connect.
# Port 0 takes a free one; the program prints it.
address = "127.0.0.1"
port = {port}
# Believe the X-Forwarded-For header. Only behind a reverse proxy that sets it.
# behind_proxy = false

# Instead of address and port above: any number of these, plain or with TLS. Files of certificates and keys are PEM and are
# read again when they change. What is served: "client", "metrics".
#     [[listeners]]
#     address = "0.0.0.0"
#     port = 8448
#     certificate = "/etc/letsencrypt/live/ada.example.org/fullchain.pem"
#     key = "/etc/letsencrypt/live/ada.example.org/privkey.pem"
#     serves = ["client"]

[tls]
# Further certificate authorities (PEM files) that this server trusts when it makes requests, such as to push gateways.
# extra_ca_files = []

[metrics]
# Where figures are shown: for Prometheus at /metrics, for people at /. They name no user and no room, but keep them off
# the internet all the same.
# address = "127.0.0.1:9108"

[storage]
# The folder of the database and of uploaded files. Relative paths count from this file's folder.
path = "{storage}"
# The largest size of the database in MiB. Without it the disk is the limit.
# max_database_mib = 4096
# With less free space than this on the disk no files are taken any more, so that messages still are. Without it: a
# twentieth of the disk, but 256 MiB at most.
# reserve_mib = 256
# How often the disk is looked at, to see it fill up in time.
# watch_seconds = 10

[registration]
# Whether anybody who reaches the server may make an account.
# open = false
# Whoever knows this word may make an account. Remove the line to allow none.
token = "{registration_token}"
# Whether guests (accounts without a password) are let in.
# guests = false
# With this secret, tools for administrators make accounts (/_synapse/admin/v1/register, as for Synapse).
# shared_secret = "a long random word"

[rooms]
# The version of new rooms: "6" to "12".
# default_version = "12"
# Whether only administrators may list rooms in the public directory.
# publishing_by_admins_only = false

[sync]
# Whether simplified sliding sync (MSC4186) is offered besides /sync.
# sliding_sync = true

[media]
# The largest file that can be uploaded, in MiB.
# max_upload_mib = 100
# Whether whoever knows a file's address can read it without an account, as clients of before 2024 expect.
# Encrypted files cannot be read that way in any case.
# unauthenticated_downloads = false
# Whether the server fetches web pages that users link to, to show their titles. It never looks into the local network,
# but tells those pages its address.
# url_previews = false
# How much one user may store, and how much all files together may take, in MiB. Without them the disk is the limit.
# quota_mib_per_user = 2048
# max_total_mib = 20480
# After how many days a file that nobody has looked at is deleted. Pictures of people and rooms, emoji and stickers in
# packs stay, as does everything without this line.
# retention_days = 180

[presence]
# Whether people see who of those they share a room with is online.
# enabled = true

[turn]
# A coturn relay that lets calls through where no direct way is found, and the secret shared with it.
# uris = ["turn:turn.example.org?transport=udp", "turn:turn.example.org?transport=tcp"]
# secret = "static-auth-secret of coturn"
# How long credentials live, in seconds.
# lifetime_seconds = 86400

[rtc]
# LiveKit services (lk-jwt-service) for calls of many people.
# livekit_service_urls = ["https://rtc.example.org/"]

[support]
# Whom to ask for help; published at /.well-known/matrix/support.
# page = "https://example.org/help"
# email = "admin@example.org"
# matrix_id = "@admin:example.org"

[appservices]
# Bridges and bots: the registration files they write. `hardline-server appservice new` makes one for those that do not.
# files = ["telegram-registration.yaml"]
# Gives these users a direct room with the bot of a bridge, so that its commands are at hand. The name is the `id` in
# the registration.
# console = [{ appservice = "telegram", users = ["@ada:{name}"] }]

[rate_limits]
# How much one user (for login and registration: one address) may do. A bucket of `burst` requests
# refills by `per_second`; beyond that the answer is "wait", with a time.
# enabled = true
# messages = { per_second = 10.0, burst = 100 }
# rooms = { per_second = 2.0, burst = 50 }
# login = { per_second = 0.2, burst = 20 }
# registration = { per_second = 0.2, burst = 20 }
# other = { per_second = 20.0, burst = 200 }

[safety]
# Who may invite whom: "everyone"; "shared_room": only those who share a room already; "nobody_new": only people who were
# in the room before. In all cases administrators may, and whoever knocks can be let in.
# invites = "everyone"
# Who neither invites anybody here nor is invited from here; * and ? stand for any characters.
# blocked_users = ["@spam*:*"]
# blocked_servers = ["*.spam.example"]
# How many strangers one user may invite in an hour, in how many rooms one may say the same (of 16 characters or more)
# within ten minutes, and how many files one may upload in an hour. 0 sets no limit. Administrators have none, and
# nobody has one with rate_limits.enabled = false. Words and files that are not wanted at all: `hardline-server filter`.
# strangers_per_hour = 60
# same_message_rooms = 10
# uploads_per_hour = 600

[server_notices]
# Who sends what `hardline-server notice` says, and how its rooms are called. Nobody can register that name.
# localpart = "server-notices"
# display_name = "Server notices"
# room_name = "Server notices"

[limits]
# How many connections one address may hold open, on all listeners together; 0 sets no limit. Not counted behind a
# proxy.
# connections_per_address = 2048
# How long a client may take to say what it wants, or stay silent between two requests; and how long it may stop in the
# middle of sending or receiving. A body must come with 512 bytes a second after that time. In seconds.
# header_seconds = 60
# stall_seconds = 60

[log]
# What is logged: error, warn, info, debug or trace, also by module ("info,hardline_server=debug").
# Logs never hold messages, keys or tokens.
# filter = "info"
# "text" for people, "json" for machines.
# format = "text"
# Requests and commits to the database that take longer than this, in milliseconds, are logged as warnings.
# slow_request_ms = 1000
# slow_commit_ms = 500

[testing]
# Let users name addresses in the local network, such as a push gateway there. The server can then be made to speak to
# whatever it reaches; it says so at each start.
# private_addresses = false
# Hash new passwords so cheaply that tests need not wait. Whoever gets hold of the database can then guess them.
# fast_password_hash = false
"#;

/// The template with its blanks filled in.
pub fn render(name: &str, storage: &str, port: u16, registration_token: &str) -> String {
    TEMPLATE
        .replace("{name}", name)
        .replace(
            "{storage}",
            &storage.replace('\\', "\\\\").replace('"', "\\\""),
        )
        .replace("{port}", &port.to_string())
        .replace("{registration_token}", registration_token)
}
