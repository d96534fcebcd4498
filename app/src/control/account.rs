//! Commands about the account: signing in and out, and how the program stands.

use std::time::Duration;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Failure, Link, Secret, perform};
use crate::{
    core::Core,
    own_server::OwnServerError,
    session::{self, Session, SessionState},
    view::shell::{Banner, Connection, Phase},
};

/// How long a new device may take to become one that others can encrypt for.
const PREPARED_LIMIT: Duration = Duration::from_secs(60);
/// How long the program's state may take to settle after a start, for a look at it.
const STATUS_LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn log_in(
    core: &Core,
    server: Option<&str>,
    user: &str,
    password: &Secret,
    link: &Link,
) -> Result<Value, Failure> {
    let password = Zeroizing::new(password.expose().to_owned());
    let waiting = link.waiting();
    match perform::settled(core).await {
        SessionState::SignInAgain { user_id } => {
            if user != user_id.as_str() && user != user_id.localpart() {
                return Err(session::SessionError::SignedIn(user_id).into());
            }
            core.sessions().sign_in_again(password, &waiting).await?;
        }
        SessionState::Unprotected { .. } => {
            core.sessions().abandon().await;
            sign_in(core, server, user, password, &waiting).await?;
        }
        _ => sign_in(core, server, user, password, &waiting).await?,
    }
    begun(core).await
}

async fn sign_in(
    core: &Core,
    server: Option<&str>,
    user: &str,
    password: Zeroizing<String>,
    waiting: &crate::rate_limit::Waiting,
) -> Result<(), Failure> {
    let found = session::find_server(server.unwrap_or(user)).await?;
    let signed_in = core
        .sessions()
        .sign_in(&found.offer.base_url, user, password, waiting)
        .await;
    protected(core, signed_in).await
}

pub(super) async fn register(
    core: &Core,
    server: &str,
    user: &str,
    password: &Secret,
    token: Option<&Secret>,
    link: &Link,
) -> Result<Value, Failure> {
    perform::settled(core).await;
    let found = session::find_server(server).await?;
    let password = Zeroizing::new(password.expose().to_owned());
    let waiting = link.waiting();
    let token = token.map(Secret::expose);
    let base_url = &found.offer.base_url;
    let registered = core
        .sessions()
        .register(base_url, user, password, token, &waiting)
        .await;
    protected(core, registered).await?;
    begun(core).await
}

/// A session no keyring took is given up again: a command line cannot hold it until somebody types a passphrase.
async fn protected(core: &Core, outcome: Result<(), session::SessionError>) -> Result<(), Failure> {
    if let Err(error) = outcome {
        core.sessions().abandon().await;
        return Err(error.into());
    }
    Ok(())
}

/// The session has begun when others can encrypt for it: first sync done, keys uploaded and signed.
async fn begun(core: &Core) -> Result<Value, Failure> {
    let session = core.session().ok_or_else(Failure::not_signed_in)?;
    perform::caught_up(&session).await;
    let _ = tokio::time::timeout(PREPARED_LIMIT, session.prepared()).await;
    Ok(whoami(&session))
}

pub(super) async fn log_out(core: &Core, forget: bool) -> Result<Value, Failure> {
    let state = perform::settled(core).await;
    if matches!(state, SessionState::SignedOut { .. }) {
        return Err(Failure::not_signed_in());
    }
    if forget {
        core.sessions().forget().await?;
    } else {
        perform::session(core).await?;
        core.sessions().log_out().await?;
    }
    Ok(Value::Null)
}

pub(super) fn whoami(session: &Session) -> Value {
    json!({
        "user_id": session.user_id(),
        "device_id": session.device_id(),
        "homeserver": session.client().homeserver().as_str().trim_end_matches('/'),
    })
}

pub(super) async fn status(core: &Core) -> Value {
    let state = perform::settled(core).await;
    if let Some(session) = core.session() {
        // A program that has just begun knows nothing yet.
        perform::caught_up_within(&session, STATUS_LIMIT).await;
    }
    let shell = core.shell().state().borrow().clone();
    let mut notices = Vec::new();
    let mut banners = Vec::new();
    for banner in &shell.banners {
        match banner {
            Banner::Notice(notice) => notices.push(json!(notice)),
            Banner::VerifyThisDevice => banners.push("verify_this_device"),
            Banner::SetUpRecovery => banners.push("set_up_recovery"),
            Banner::EnterRecoveryKey => banners.push("enter_recovery_key"),
        }
    }
    if let Phase::StoreTrouble(notice) = &shell.phase {
        notices.push(json!(notice));
    }
    let session = core.session();
    let sync = session
        .as_ref()
        .map(|session| *session.sync().state().borrow());
    json!({
        "session": name_of(&state),
        "user_id": session.as_ref().map(|session| session.user_id().to_owned()),
        "connection": sync.map(|sync| match sync.connection {
            Connection::Connecting => "connecting",
            Connection::Online => "online",
            Connection::Offline => "offline",
        }),
        "sync": sync.map(|sync| sync.backend),
        "unread": shell.unread,
        "to_do": banners,
        "notices": notices,
    })
}

fn name_of(state: &SessionState) -> &'static str {
    match state {
        SessionState::Starting => "starting",
        SessionState::SignedOut { .. } => "signed_out",
        SessionState::Unprotected { .. } => "unprotected",
        SessionState::Locked { .. } => "locked",
        SessionState::SignInAgain { .. } => "sign_in_again",
        SessionState::StoreTrouble(_) => "store_trouble",
        SessionState::Ready(_) => "ready",
    }
}

pub(super) async fn own_server(core: &Core, share: Option<bool>) -> Result<Value, Failure> {
    let server = core.own_server();
    let told = |error: OwnServerError| Failure::from(error.notice());
    server.start().await.map_err(told)?;
    if let Some(share) = share {
        server.share(share).await.map_err(told)?;
    }
    let details = server.details();
    let details = details.ok_or_else(|| told(OwnServerError::NotSetUp))?;
    Ok(json!({
        "server_name": details.server_name,
        "base_url": details.base_url,
        "registration_token": details.registration_token,
        "shared": details.is_shared,
        "network_url": details.network_url,
    }))
}
