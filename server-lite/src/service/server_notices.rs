//! What the server has to say to its users: one room each, from an account of the server's own.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-notices>

use http::StatusCode;
use ruma::{
    OwnedUserId, UserId,
    api::{client::room::create_room::v3::Request, error::ErrorKind},
    serde::Raw,
};
use rusqlite::{Connection, OptionalExtension};
use serde_json::json;

use super::{
    Services, account_data, accounts, now_ms, profiles,
    rooms::{
        self, Room,
        append::{NewEvent, append, content_of},
        create, membership,
    },
};
use crate::{
    config::Config,
    error::{Error, Result},
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "server_notices",
    steps: &[Step::Sql(include_str!(
        "../store/schema/server_notices.sql"
    ))],
};

/// The tag by which clients know the room.
pub const TAG: &str = "m.server_notice";
/// What kind of notice this is; the specification knows only one, about limits.
const KIND: &str = "im.hardline.server_notice.announcement";
/// The longest notice, in bytes.
const MAX_TEXT: usize = 32 * 1024;

/// Whether `user` is the account that sends notices.
pub fn is_sender(config: &Config, user: &str) -> bool {
    let rest = user
        .strip_prefix('@')
        .and_then(|rest| rest.strip_prefix(&*config.server_notices.localpart));
    let server = rest.and_then(|rest| rest.strip_prefix(':'));
    server == Some(config.server.name.as_str())
}

/// Says `text` to a user, in a room that is made or entered into again if need be. Returns the room.
///
/// # Errors
/// `M_NOT_FOUND` without such an account; `M_INVALID_PARAM` for an empty or very long text; `M_USER_IN_USE` if somebody
/// else has the sender's name.
pub fn send(tx: &WriteTx<'_>, services: &Services, user: &UserId, text: &str) -> Result<Room> {
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        let message = format!("A notice has a text of at most {MAX_TEXT} bytes.");
        return Err(Error::invalid_param(message));
    }
    if is_sender(&services.config, user.as_str()) || !accounts::is_active(tx, user)? {
        return Err(Error::not_found(format!("There is no account {user}.")));
    }
    let sender = prepare_sender(tx, services)?;
    let mut room = match room_of(tx, user)? {
        Some(room) => room,
        None => make_room(tx, services, &sender, user)?,
    };
    let member = membership::find(tx, room.nid, user)?;
    if !member.is_some_and(|member| matches!(&*member.membership, "join" | "invite")) {
        let change = membership::Change::new(&sender, user, "invite");
        membership::change(tx, services, &mut room, change)?;
    }
    account_data::change_tag(tx, user, &room.id, TAG, Some(json!({})))?;
    let content = content_of(&json!({
        "msgtype": "m.server_notice", "server_notice_type": KIND, "body": text,
    }))?;
    append(
        tx,
        services,
        &mut room,
        NewEvent::message(sender, "m.room.message", content),
    )?;
    Ok(room)
}

/// All who can be told something.
pub fn everybody(connection: &Connection, config: &Config) -> Result<Vec<OwnedUserId>> {
    let accounts = accounts::list(connection)?;
    let wanted = accounts
        .into_iter()
        .filter(|account| !account.deactivated && !is_sender(config, account.user_id.as_str()));
    Ok(wanted.map(|account| account.user_id).collect())
}

/// Refuses to leave the invitation to a room of notices: it can be left once it was entered.
///
/// # Errors
/// `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM`.
pub fn check_leave(connection: &Connection, room: &Room, user: &UserId) -> Result<()> {
    let is_notices = connection
        .prepare_cached("SELECT 1 FROM server_notices_rooms WHERE user_id = ?1 AND room = ?2")?
        .exists((user.as_str(), room.nid))?;
    if !is_notices {
        return Ok(());
    }
    let member = membership::find(connection, room.nid, user)?;
    if member.is_some_and(|member| member.membership == "invite") {
        return Err(Error::new(
            StatusCode::FORBIDDEN,
            ErrorKind::CannotLeaveServerNoticeRoom,
            "This is how the server reaches you: the invitation cannot be refused.",
        ));
    }
    Ok(())
}

fn room_of(connection: &Connection, user: &UserId) -> Result<Option<Room>> {
    let nid: Option<i64> = connection
        .prepare_cached("SELECT room FROM server_notices_rooms WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))
        .optional()?;
    nid.map(|nid| rooms::by_nid(connection, nid)).transpose()
}

/// The account that sends, made the first time. One that somebody else made is not taken over.
fn prepare_sender(tx: &WriteTx<'_>, services: &Services) -> Result<OwnedUserId> {
    let notices = &services.config.server_notices;
    let sender = accounts::user_id_for(&notices.localpart, &services.config.server.name)?;
    let is_ours = tx
        .prepare_cached("SELECT 1 FROM server_notices_sender WHERE user_id = ?1")?
        .exists([sender.as_str()])?;
    if !is_ours {
        if accounts::exists(tx, &sender)? {
            let text =
                format!("{sender} is somebody's account; choose another server_notices.localpart.");
            return Err(Error::bad_request(ErrorKind::UserInUse, text));
        }
        accounts::create(tx, &sender, None, false, now_ms())?;
        tx.execute(
            "INSERT INTO server_notices_sender (user_id) VALUES (?1)",
            [sender.as_str()],
        )?;
    }
    let name = json!(notices.display_name);
    if profiles::set(tx, &sender, profiles::DISPLAY_NAME, Some(&name))? && is_ours {
        membership::update_profile(tx, services, &sender)?;
    }
    Ok(sender)
}

/// A room in which only the server speaks.
fn make_room(
    tx: &WriteTx<'_>,
    services: &Services,
    sender: &UserId,
    user: &UserId,
) -> Result<Room> {
    let mut request = Request::new();
    request.name = Some(services.config.server_notices.room_name.clone());
    let levels = json!({ "events_default": 50, "invite": 50, "state_default": 50 });
    request.power_level_content_override = Some(Raw::new(&levels)?.cast_unchecked());
    request.initial_state = [json!({
        "type": "m.room.guest_access", "state_key": "", "content": { "guest_access": "forbidden" },
    })]
    .iter()
    .map(|event| Ok(Raw::new(event)?.cast_unchecked()))
    .collect::<Result<_>>()?;
    let room = create::create(tx, services, sender, &request)?;
    tx.execute(
        "INSERT INTO server_notices_rooms (user_id, room) VALUES (?1, ?2)",
        (user.as_str(), room.nid),
    )?;
    Ok(room)
}
