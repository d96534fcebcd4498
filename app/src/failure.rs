//! From the SDK's errors to a [`Notice`]: what happened, in terms a person can act on.

use std::{error::Error, time::Duration};

use matrix_sdk::{ClientBuildError, HttpError, RumaApiError};
use ruma::api::error::{ErrorBody, ErrorKind, FromHttpResponseError, RetryAfter};

use crate::notice::Notice;

/// What was being tried; the same error code means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing<'a> {
    /// Talking to a server for the first time, by this name.
    Finding(&'a str),
    /// Signing in.
    SigningIn(&'a str),
    /// Creating an account.
    Registering(&'a str),
    /// Something with a room: joining, inviting, sending.
    InRoom,
    /// Asking about this person.
    WithUser(&'a str),
    /// Anything else while signed in.
    Other,
}

/// The wait a rate limit asks for when it names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// The notice for a failed request.
pub fn of_http(error: &HttpError, doing: Doing<'_>) -> Notice {
    match error {
        HttpError::Cached(inner) => of_http(inner, doing),
        HttpError::RefreshToken(_) => Notice::SignedOutByServer { soft: true },
        HttpError::Reqwest(_) => of_transport(error, doing),
        HttpError::Api(api) => of_api(api, doing),
        HttpError::IntoHttp(inner) => Notice::Unexpected {
            detail: inner.to_string(),
        },
    }
}

/// The notice for any SDK error.
pub fn of_sdk(error: &matrix_sdk::Error, doing: Doing<'_>) -> Notice {
    match error {
        matrix_sdk::Error::Http(http) => of_http(http, doing),
        other => of_any(other),
    }
}

/// The notice for a client that could not be built.
pub fn of_build(error: &ClientBuildError, doing: Doing<'_>) -> Notice {
    match error {
        ClientBuildError::Http(http) => of_http(http, doing),
        ClientBuildError::SqliteStore(store) => of_store(store),
        ClientBuildError::Url(_) | ClientBuildError::InvalidServerName => Notice::NotAnAddress {
            text: server_of(doing).to_owned(),
        },
        other => of_any(other),
    }
}

/// The notice for an error of the SDK's stores.
pub fn of_store(error: &(dyn Error + 'static)) -> Notice {
    let text = chain(error);
    if is_disk_full(&text) {
        Notice::DiskFull
    } else if is_damage(&text) {
        Notice::StoreDamaged { kept_as: None }
    } else {
        Notice::Unexpected { detail: text }
    }
}

/// The notice for an error nothing more is known about.
pub fn of_any(error: &(dyn Error + 'static)) -> Notice {
    let text = chain(error);
    if is_disk_full(&text) {
        Notice::DiskFull
    } else {
        Notice::Unexpected { detail: text }
    }
}

/// How long a rate limit asks to wait, if that is what the error says.
pub fn rate_limit(error: &HttpError) -> Option<Duration> {
    match error.client_api_error_kind()? {
        ErrorKind::LimitExceeded(data) => Some(match &data.retry_after {
            Some(RetryAfter::Delay(delay)) => *delay,
            Some(RetryAfter::DateTime(_)) | None => DEFAULT_WAIT,
        }),
        _ => None,
    }
}

/// Whether a store's error means that its files cannot be read.
pub(crate) fn is_damage(text: &str) -> bool {
    [
        "malformed",
        "not a database",
        "file is encrypted",
        "disk image",
        "Failed to decrypt",
        "decryption failed",
        "decrypting a value",
        "deserializing or serializing a value",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

fn is_disk_full(text: &str) -> bool {
    // SQLite on a full disk may fail first at its shared index of the log.
    [
        "disk is full",
        "No space left",
        "os error 28",
        "DiskFull",
        "resize an existing shared-memory segment",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let line = inner.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = inner.source();
    }
    text
}

fn server_of(doing: Doing<'_>) -> &str {
    match doing {
        Doing::Finding(server) | Doing::SigningIn(server) | Doing::Registering(server) => server,
        Doing::InRoom | Doing::WithUser(_) | Doing::Other => "",
    }
}

fn of_transport(error: &HttpError, doing: Doing<'_>) -> Notice {
    let text = chain(error);
    let server = server_of(doing).to_owned();
    if text.contains("certificate")
        || text.contains("UnknownIssuer")
        || text.contains("CertExpired")
    {
        Notice::BadCertificate { server }
    } else if server.is_empty() {
        Notice::Offline
    } else {
        Notice::ServerUnreachable { server }
    }
}

fn of_api(error: &FromHttpResponseError<RumaApiError>, doing: Doing<'_>) -> Notice {
    let FromHttpResponseError::Server(RumaApiError::MatrixError(error)) = error else {
        return not_matrix(doing, error);
    };
    match error.error_kind() {
        Some(kind) => of_kind(kind, doing, error),
        None if matches!(error.body, ErrorBody::Json(_)) => Notice::Unexpected {
            detail: error.to_string(),
        },
        None if error.status_code.as_u16() == 429 => Notice::RateLimited {
            retry_after: DEFAULT_WAIT,
        },
        None => not_matrix(doing, error),
    }
}

/// An answer that is no Matrix answer; while signed in that is a proxy in the way, so: offline.
fn not_matrix(doing: Doing<'_>, error: &(dyn Error + 'static)) -> Notice {
    match doing {
        Doing::Finding(server) | Doing::SigningIn(server) | Doing::Registering(server) => {
            Notice::NotMatrix {
                server: server.to_owned(),
            }
        }
        Doing::InRoom | Doing::WithUser(_) | Doing::Other => Notice::Unexpected {
            detail: chain(error),
        },
    }
}

fn of_kind(kind: &ErrorKind, doing: Doing<'_>, error: &ruma::api::error::Error) -> Notice {
    match (kind, doing) {
        (ErrorKind::LimitExceeded(data), _) => Notice::RateLimited {
            retry_after: match &data.retry_after {
                Some(RetryAfter::Delay(delay)) => *delay,
                Some(RetryAfter::DateTime(_)) | None => DEFAULT_WAIT,
            },
        },
        (ErrorKind::UnknownToken(data), _) => Notice::SignedOutByServer {
            soft: data.soft_logout,
        },
        (ErrorKind::UserDeactivated | ErrorKind::UserLocked | ErrorKind::UserSuspended, _) => {
            Notice::AccountDisabled
        }
        (ErrorKind::Forbidden | ErrorKind::Unauthorized, Doing::SigningIn(_)) => {
            Notice::WrongPassword
        }
        (ErrorKind::Forbidden, Doing::Registering(_)) => Notice::RegistrationClosed,
        (ErrorKind::UserInUse, _) => Notice::UserNameTaken,
        (ErrorKind::InvalidUsername | ErrorKind::Exclusive, _) => Notice::UserNameInvalid,
        (ErrorKind::WeakPassword, _) => Notice::PasswordTooWeak,
        (ErrorKind::Unauthorized, Doing::Registering(_)) => Notice::RegistrationTokenRefused,
        (ErrorKind::NotFound, Doing::WithUser(user)) => Notice::UserNotFound {
            user: user.to_owned(),
        },
        (ErrorKind::NotFound, Doing::InRoom) => Notice::RoomNotFound,
        (ErrorKind::Forbidden | ErrorKind::Unauthorized, Doing::InRoom | Doing::WithUser(_)) => {
            Notice::NotAllowed
        }
        (ErrorKind::NotFound | ErrorKind::Unrecognized, Doing::Finding(server)) => {
            Notice::NotMatrix {
                server: server.to_owned(),
            }
        }
        _ => Notice::Unexpected {
            detail: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_and_a_full_disk_are_told_apart() {
        assert!(is_damage("database disk image is malformed"));
        assert!(is_damage("file is not a database"));
        assert!(!is_damage("database or disk is full"));
        assert!(is_disk_full("database or disk is full"));
        assert!(is_disk_full("No space left on device (os error 28)"));
    }
}
