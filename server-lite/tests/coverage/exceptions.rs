//! Rows for which one of the proofs cannot be, and why.

/// What a row has no proof of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    Success,
    Refusal,
    Effect,
}

use Lacks::{Effect, Refusal, Success};

const PUBLIC: &str = "anybody may ask";
const NOT_OFFERED: &str = "not offered, and said so as the specification wants";
const SWITCHED_ON: &str =
    "anybody may read where the operator switched it on; nobody otherwise (account::media)";

/// Row, what it lacks, why.
pub const EXCEPTIONS: &[(&str, &[Lacks], &str)] = &[
    ("GET versions", &[Refusal], PUBLIC),
    ("GET login", &[Refusal], PUBLIC),
    ("GET register/available", &[Refusal], PUBLIC),
    (
        "GET v1/register/m.login.registration_token/validity",
        &[Refusal],
        PUBLIC,
    ),
    ("GET profile/{userId}", &[Refusal], PUBLIC),
    ("GET profile/{userId}/{keyName}", &[Refusal], PUBLIC),
    ("GET directory/room/{roomAlias}", &[Refusal], PUBLIC),
    ("GET directory/list/room/{roomId}", &[Refusal], PUBLIC),
    ("GET publicRooms", &[Refusal], PUBLIC),
    ("GET /.well-known/matrix/client", &[Refusal], PUBLIC),
    ("GET /.well-known/matrix/support", &[Refusal], PUBLIC),
    (
        "GET /.well-known/matrix/policy_server",
        &[Success, Effect],
        "this server is no policy server",
    ),
    (
        "GET /_matrix/media/v3/download/{serverName}/{mediaId}",
        &[Refusal],
        SWITCHED_ON,
    ),
    (
        "GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
        &[Refusal],
        SWITCHED_ON,
    ),
    (
        "GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}",
        &[Refusal],
        SWITCHED_ON,
    ),
    ("GET v1/auth_metadata", &[Success, Effect], NOT_OFFERED),
    ("GET login/sso/redirect", &[Success, Effect], NOT_OFFERED),
    (
        "GET login/sso/redirect/{idpId}",
        &[Success, Effect],
        NOT_OFFERED,
    ),
];
