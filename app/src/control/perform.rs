//! Carries commands out.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Command, Failure, Link, account, calls, messages, room, security, watch};
use crate::{
    core::Core,
    session::{Session, SessionState},
    view::shell::{Connection, ShellEffect},
};

/// How long the keyring and the stores may take before a command gives up on the session.
const SESSION_LIMIT: Duration = Duration::from_secs(30);
/// How long the first answer of the server is waited for; then the command works on what is stored.
const SYNC_LIMIT: Duration = Duration::from_secs(30);

/// Carries a command out on a core.
pub async fn perform(core: &Core, command: Command, link: &mut Link) -> Result<Value, Failure> {
    let needs_sync = command.needs_sync();
    match command {
        Command::Raise => {
            core.shell_effect(ShellEffect::Raise);
            Ok(Value::Null)
        }
        Command::MakeWay => Ok(Value::Null),
        Command::Quit => {
            core.shell_effect(ShellEffect::Quit);
            Ok(Value::Null)
        }
        Command::Status => Ok(account::status(core).await),
        Command::Login {
            server,
            user,
            password,
        } => account::log_in(core, server.as_deref(), &user, &password, link).await,
        Command::Register {
            server,
            user,
            password,
            token,
        } => account::register(core, &server, &user, &password, token.as_ref(), link).await,
        Command::Logout { forget } => account::log_out(core, forget).await,
        Command::OwnServer { share } => account::own_server(core, share).await,
        other => {
            let session = session(core).await?;
            if needs_sync {
                caught_up(&session).await;
            }
            with_session(core, &session, other, link).await
        }
    }
}

async fn with_session(
    core: &Core,
    session: &Session,
    command: Command,
    link: &mut Link,
) -> Result<Value, Failure> {
    match command {
        Command::Whoami => Ok(account::whoami(session)),
        Command::Rooms => Ok(room::list(session).await),
        Command::Join { address } => room::join(session, &address, link).await,
        Command::Create { .. } => room::create(session, command, link).await,
        Command::Invite { room, user } => room::invite(session, &room, &user).await,
        Command::Accept { room } => room::accept(session, &room).await,
        Command::Decline { room, ignore } => room::decline(session, &room, ignore).await,
        Command::Leave { room } => room::leave(session, &room).await,
        Command::Ignore { user, off } => room::ignore(session, user.as_deref(), off).await,
        Command::Send {
            room,
            text,
            file,
            reply_to,
            wait,
        } => {
            let draft = messages::Draft {
                text,
                file,
                reply_to,
                wait,
            };
            messages::send(session, &room, draft).await
        }
        Command::React { room, event, key } => messages::react(session, &room, &event, &key).await,
        Command::Edit { room, event, text } => messages::edit(session, &room, &event, &text).await,
        Command::Redact {
            room,
            event,
            reason,
        } => messages::redact(session, &room, &event, reason.as_deref()).await,
        Command::Timeline { room, limit } => messages::timeline(core, session, &room, limit).await,
        Command::Save { room, event, path } => {
            messages::save(core, session, &room, &event, &path).await
        }
        Command::Watch { room } => watch::watch(session, room.as_deref(), link).await,
        Command::Call {
            whom,
            options,
            limit,
        } => calls::call(core, session, &whom, options, limit, link).await,
        Command::Calls { limit } => calls::log(core, limit),
        Command::Answer {
            once,
            reject,
            options,
            limit,
        } => {
            let answering = calls::Answering {
                once,
                reject,
                options,
                limit,
            };
            calls::answer(core, answering, link).await
        }
        Command::Verify { target } => security::verify(core, session, target, link).await,
        Command::Recovery { action } => security::recovery(core, session, action).await,
        Command::Raise
        | Command::MakeWay
        | Command::Quit
        | Command::Status
        | Command::Login { .. }
        | Command::Register { .. }
        | Command::Logout { .. }
        | Command::OwnServer { .. } => Ok(json!(null)),
    }
}

/// The session, once it is restored.
pub(super) async fn session(core: &Core) -> Result<Session, Failure> {
    let state = settled(core).await;
    if let SessionState::Locked { .. } = state
        && core.config().may_prompt
    {
        core.sessions().retry_keyring().await?;
    }
    core.session()
        .ok_or_else(|| Failure::of_state(&core.sessions().state().borrow()))
}

/// Where the session stands once the start is over.
pub(super) async fn settled(core: &Core) -> SessionState {
    let mut state = core.sessions().state();
    let started = state.wait_for(|state| !matches!(state, SessionState::Starting));
    let _ = tokio::time::timeout(SESSION_LIMIT, started).await;
    core.sessions().state().borrow().clone()
}

/// Waits for the server's first answer, or until it is clear that there is none for now.
pub(super) async fn caught_up(session: &Session) {
    caught_up_within(session, SYNC_LIMIT).await;
}

/// The same, for a time of one's own.
pub(super) async fn caught_up_within(session: &Session, limit: Duration) {
    let mut state = session.sync().state();
    let answered = state.wait_for(|state| {
        state.caught_up || state.connection == Connection::Offline || state.stopped
    });
    let _ = tokio::time::timeout(limit, answered).await;
    let mut rooms = session.rooms().rooms();
    let listed = async {
        let _ = rooms.wait_for(|rooms| rooms.complete).await;
        // Rooms of the answer just taken in have no rows yet.
        session.rooms().settle().await;
    };
    let _ = tokio::time::timeout(limit, listed).await;
}
