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

[storage]
# The folder of the database and of uploaded files. Relative paths count from this file's folder.
path = "{storage}"
# The largest size of the database in MiB. Without it the disk is the limit.
# max_database_mib = 4096

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

[log]
# What is logged: error, warn, info, debug or trace, also by module ("info,hardline_server=debug").
# Logs never hold messages, keys or tokens.
# filter = "info"
# "text" for people, "json" for machines.
# format = "text"

[testing]
# Let users name addresses in the local network, such as a push gateway there. The server can then be made to speak to
# whatever it reaches; it says so at each start.
# private_addresses = false
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
