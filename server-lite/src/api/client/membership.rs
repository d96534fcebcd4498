//! Joining, inviting, leaving, removing, banning, knocking, forgetting; lists of members.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#room-membership>

use ruma::{
    OwnedRoomId, OwnedUserId, RoomOrAliasId, UserId,
    api::{
        client::{
            knock::knock_room,
            membership::{
                ban_user, forget_room, get_member_events, invite_user, join_room_by_id,
                join_room_by_id_or_alias, joined_members, joined_rooms, kick_user, leave_room,
                unban_user,
            },
        },
        error::ErrorKind,
    },
    serde::Raw,
};
use rusqlite::Connection;

use super::rooms::refuse_suspended;
use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services, accounts,
        rate_limit::Class,
        rooms::{
            self, Room, aliases,
            client_event::{EventRow, Format, Viewer},
            membership::{self, Change},
            state,
            timeline::Token,
            visibility::{Horizon, require_joined, state_horizon},
        },
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(join_room_by_id_route)
        .ruma(join_room_by_id_or_alias_route)
        .ruma(knock_room_route)
        .ruma(invite_user_route)
        .ruma(leave_room_route)
        .ruma(forget_room_route)
        .ruma(kick_user_route)
        .ruma(ban_user_route)
        .ruma(unban_user_route)
        .ruma(joined_rooms_route)
        .ruma(joined_members_route)
        .ruma(get_member_events_route)
}

async fn join_room_by_id_route(
    services: Services,
    request: Authed<join_room_by_id::v3::Request>,
) -> Result<join_room_by_id::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    refuse_suspended(&request)?;
    let name = <&RoomOrAliasId>::from(&*request.body.room_id).to_owned();
    let room_id = join(
        &services,
        &request.session.user_id,
        name,
        request.body.reason,
    )
    .await?;
    Ok(join_room_by_id::v3::Response::new(room_id))
}

async fn join_room_by_id_or_alias_route(
    services: Services,
    request: Authed<join_room_by_id_or_alias::v3::Request>,
) -> Result<join_room_by_id_or_alias::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    refuse_suspended(&request)?;
    let name = request.body.room_id_or_alias;
    let room_id = join(
        &services,
        &request.session.user_id,
        name,
        request.body.reason,
    )
    .await?;
    Ok(join_room_by_id_or_alias::v3::Response::new(room_id))
}

async fn join(
    services: &Services,
    user: &UserId,
    name: ruma::OwnedRoomOrAliasId,
    reason: Option<String>,
) -> Result<OwnedRoomId> {
    let (writer, user) = (services.clone(), user.to_owned());
    services
        .store
        .write(move |tx| {
            let mut room = rooms::get(tx, &aliases::resolve_any(tx, &name)?)?;
            membership::join(tx, &writer, &mut room, &user, reason)?;
            Ok(room.id)
        })
        .await
}

async fn knock_room_route(
    services: Services,
    request: Authed<knock_room::v3::Request>,
) -> Result<knock_room::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    refuse_suspended(&request)?;
    let writer = services.clone();
    let room_id = services
        .store
        .write(move |tx| {
            let user = request.user_id();
            let mut room = rooms::get(tx, &aliases::resolve_any(tx, &request.room_id_or_alias)?)?;
            let change = Change::new(user, user, "knock").because(request.body.reason.clone());
            membership::change(tx, &writer, &mut room, change)?;
            Ok(room.id)
        })
        .await?;
    Ok(knock_room::v3::Response::new(room_id))
}

/// Changes somebody else's membership, after a look at what it is now.
async fn change_other(
    services: &Services,
    sender: OwnedUserId,
    room_id: OwnedRoomId,
    target: OwnedUserId,
    membership: &'static str,
    reason: Option<String>,
    check: impl FnOnce(&Connection, &Room, &UserId) -> Result<()> + Send + 'static,
) -> Result<()> {
    services.limiter.check(Class::Rooms, sender.as_str())?;
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            let mut room = rooms::get(tx, &room_id)?;
            require_joined(tx, &room, &sender)?;
            check(tx, &room, &target)?;
            let change = Change::new(&sender, &target, membership).because(reason);
            membership::change(tx, &writer, &mut room, change).map(drop)
        })
        .await
}

async fn invite_user_route(
    services: Services,
    request: Authed<invite_user::v3::Request>,
) -> Result<invite_user::v3::Response> {
    refuse_suspended(&request)?;
    let Authed { body, session, .. } = request;
    let invite_user::v3::InvitationRecipient::UserId(recipient) = body.recipient else {
        let message = "This server cannot invite by e-mail or telephone number.";
        return Err(Error::bad_request(ErrorKind::ThreepidDenied, message));
    };
    let (user, reason) = (recipient.user_id, recipient.reason);
    let own = services.config.server.name.clone();
    let check = move |c: &Connection, room: &Room, target: &UserId| {
        if target.server_name() == own && !accounts::exists(c, target)? {
            return Err(Error::not_found(format!("There is no account {target}.")));
        }
        match membership::find(c, room.nid, target)? {
            Some(member) if member.membership == "join" => Err(Error::forbidden(format!(
                "{target} is in the room already."
            ))),
            _ => Ok(()),
        }
    };
    change_other(
        &services,
        session.user_id,
        body.room_id,
        user,
        "invite",
        reason,
        check,
    )
    .await?;
    Ok(invite_user::v3::Response::new())
}

async fn leave_room_route(
    services: Services,
    request: Authed<leave_room::v3::Request>,
) -> Result<leave_room::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            let mut room = rooms::get(tx, &request.room_id)?;
            let reason = request.body.reason.clone();
            membership::leave(tx, &writer, &mut room, request.user_id(), reason)
        })
        .await?;
    Ok(leave_room::v3::Response::new())
}

async fn forget_room_route(
    services: Services,
    request: Authed<forget_room::v3::Request>,
) -> Result<forget_room::v3::Response> {
    services
        .store
        .write(move |tx| {
            membership::forget(tx, &rooms::get(tx, &request.room_id)?, request.user_id())
        })
        .await?;
    Ok(forget_room::v3::Response::new())
}

/// The current membership of somebody, or `leave`.
fn current(connection: &Connection, room: &Room, target: &UserId) -> Result<String> {
    let member = membership::find(connection, room.nid, target)?;
    Ok(member.map_or_else(|| "leave".to_owned(), |member| member.membership))
}

async fn kick_user_route(
    services: Services,
    request: Authed<kick_user::v3::Request>,
) -> Result<kick_user::v3::Response> {
    refuse_suspended(&request)?;
    let Authed { body, session, .. } = request;
    let check = |c: &Connection, room: &Room, target: &UserId| match &*current(c, room, target)? {
        "join" | "invite" | "knock" => Ok(()),
        _ => Err(Error::forbidden(format!("{target} is not in the room."))),
    };
    let (room, target) = (body.room_id, body.user_id);
    change_other(
        &services,
        session.user_id,
        room,
        target,
        "leave",
        body.reason,
        check,
    )
    .await?;
    Ok(kick_user::v3::Response::new())
}

async fn ban_user_route(
    services: Services,
    request: Authed<ban_user::v3::Request>,
) -> Result<ban_user::v3::Response> {
    refuse_suspended(&request)?;
    let Authed { body, session, .. } = request;
    let (room, target) = (body.room_id, body.user_id);
    let check = |_: &Connection, _: &Room, _: &UserId| Ok(());
    change_other(
        &services,
        session.user_id,
        room,
        target,
        "ban",
        body.reason,
        check,
    )
    .await?;
    Ok(ban_user::v3::Response::new())
}

async fn unban_user_route(
    services: Services,
    request: Authed<unban_user::v3::Request>,
) -> Result<unban_user::v3::Response> {
    refuse_suspended(&request)?;
    let Authed { body, session, .. } = request;
    let check = |c: &Connection, room: &Room, target: &UserId| {
        if current(c, room, target)? == "ban" {
            return Ok(());
        }
        Err(Error::bad_request(
            ErrorKind::BadState,
            format!("{target} is not banned."),
        ))
    };
    let (room, target) = (body.room_id, body.user_id);
    change_other(
        &services,
        session.user_id,
        room,
        target,
        "leave",
        body.reason,
        check,
    )
    .await?;
    Ok(unban_user::v3::Response::new())
}

async fn joined_rooms_route(
    services: Services,
    request: Authed<joined_rooms::v3::Request>,
) -> Result<joined_rooms::v3::Response> {
    let rooms = services
        .store
        .read(move |c| membership::rooms_of(c, request.user_id(), "join"))
        .await?;
    Ok(joined_rooms::v3::Response::new(rooms))
}

async fn joined_members_route(
    services: Services,
    request: Authed<joined_members::v3::Request>,
) -> Result<joined_members::v3::Response> {
    use joined_members::v3::{Response, RoomMember};
    let members = services
        .store
        .read(move |c| {
            let room = rooms::get(c, &request.room_id)?;
            require_joined(c, &room, request.user_id())?;
            membership::with_membership(c, room.nid, "join", usize::MAX >> 1)
        })
        .await?;
    let joined = members.into_iter().map(|member| {
        let mut shown = RoomMember::new();
        shown.display_name = member.display_name;
        shown.avatar_url = member.avatar_url.map(Into::into);
        (member.user_id, shown)
    });
    Ok(Response::new(joined.collect()))
}

async fn get_member_events_route(
    services: Services,
    request: Authed<get_member_events::v3::Request>,
) -> Result<get_member_events::v3::Response> {
    let chunk = services
        .store
        .read(move |c| {
            let room = rooms::get(c, &request.room_id)?;
            let horizon = state_horizon(c, &room, request.user_id())?;
            let nids = match (&request.at, horizon) {
                (Some(at), Horizon::Now) => {
                    let at = Token::parse(at)?.position as i64;
                    of_type(state::at_position(c, &room, at)?)
                }
                (_, Horizon::Now) => state::current_of_type(c, room.nid, "m.room.member")?,
                (_, Horizon::At(event)) => of_type(state::after_event(c, &room, event)?),
            };
            let viewer = Viewer {
                user_id: request.user_id(),
                device_id: request.device_id(),
            };
            let mut chunk = Vec::new();
            for row in EventRow::by_nids(c, &nids)? {
                if wanted(&request.body, &row)? {
                    let json = row.to_client(c, &room, viewer, Format::Full, None, false)?;
                    chunk.push(Raw::from_json(json));
                }
            }
            Ok(chunk)
        })
        .await?;
    Ok(get_member_events::v3::Response::new(chunk))
}

fn of_type(state: state::StateMap) -> Vec<i64> {
    let members = state
        .into_iter()
        .filter(|((kind, _), _)| kind == "m.room.member");
    members.map(|(_, nid)| nid).collect()
}

fn wanted(request: &get_member_events::v3::Request, row: &EventRow) -> Result<bool> {
    let content: serde_json::Map<String, serde_json::Value> = row.content_as();
    let membership = content.get("membership").and_then(|value| value.as_str());
    let membership = membership.unwrap_or("leave");
    let is = |wanted: &ruma::events::room::member::MembershipState| wanted.as_str() == membership;
    Ok(request.membership.as_ref().is_none_or(is)
        && !request.not_membership.as_ref().is_some_and(is))
}
