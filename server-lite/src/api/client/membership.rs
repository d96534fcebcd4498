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
        appservices::queries,
        rate_limit::Class,
        rooms::{
            self, aliases,
            client_event::{EventRow, Format, Viewer},
            membership::{self, Change},
            state,
            timeline::Token,
            visibility::{Horizon, require_joined, state_horizon},
        },
        server_notices,
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
    queries::ensure_room(services, &name).await?;
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
    queries::ensure_room(&services, &request.room_id_or_alias).await?;
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

/// A membership that one user wants for another.
struct Wanted {
    room_id: OwnedRoomId,
    target: OwnedUserId,
    membership: &'static str,
    reason: Option<String>,
}

/// Changes somebody else's membership, after a look at what it is now (`leave` for strangers).
async fn change_other<T>(
    services: &Services,
    request: &Authed<T>,
    wanted: Wanted,
    check: impl FnOnce(&Connection, &UserId, &str) -> Result<()> + Send + 'static,
) -> Result<()> {
    refuse_suspended(request)?;
    let sender = request.user_id().to_owned();
    services.limiter.check(Class::Rooms, sender.as_str())?;
    let writer = services.clone();
    services
        .store
        .write(move |tx| {
            let mut room = rooms::get(tx, &wanted.room_id)?;
            require_joined(tx, &room, &sender)?;
            let current = membership::find(tx, room.nid, &wanted.target)?;
            let current = current.map_or_else(|| "leave".to_owned(), |member| member.membership);
            check(tx, &wanted.target, &current)?;
            let change =
                Change::new(&sender, &wanted.target, wanted.membership).because(wanted.reason);
            membership::change(tx, &writer, &mut room, change).map(drop)
        })
        .await
}

async fn invite_user_route(
    services: Services,
    request: Authed<invite_user::v3::Request>,
) -> Result<invite_user::v3::Response> {
    let invite_user::v3::InvitationRecipient::UserId(recipient) = &request.recipient else {
        let message = "This server cannot invite by e-mail or telephone number.";
        return Err(Error::bad_request(ErrorKind::ThreepidDenied, message));
    };
    let wanted = Wanted {
        room_id: request.room_id.clone(),
        target: recipient.user_id.clone(),
        membership: "invite",
        reason: recipient.reason.clone(),
    };
    queries::ensure_user(&services, &recipient.user_id).await?;
    let own = services.config.server.name.clone();
    let check = move |c: &Connection, target: &UserId, current: &str| {
        if target.server_name() == own && !accounts::exists(c, target)? {
            return Err(Error::not_found(format!("There is no account {target}.")));
        }
        if current == "join" {
            // Bridges look for these words.
            let message = format!("{target} is already in the room.");
            return Err(Error::forbidden(message));
        }
        Ok(())
    };
    change_other(&services, &request, wanted, check).await?;
    Ok(invite_user::v3::Response::new())
}

async fn kick_user_route(
    services: Services,
    request: Authed<kick_user::v3::Request>,
) -> Result<kick_user::v3::Response> {
    let wanted = Wanted {
        room_id: request.room_id.clone(),
        target: request.body.user_id.clone(),
        membership: "leave",
        reason: request.reason.clone(),
    };
    let check = |_: &Connection, target: &UserId, current: &str| match current {
        "join" | "invite" | "knock" => Ok(()),
        _ => Err(Error::forbidden(format!("{target} is not in the room."))),
    };
    change_other(&services, &request, wanted, check).await?;
    Ok(kick_user::v3::Response::new())
}

async fn ban_user_route(
    services: Services,
    request: Authed<ban_user::v3::Request>,
) -> Result<ban_user::v3::Response> {
    let wanted = Wanted {
        room_id: request.room_id.clone(),
        target: request.body.user_id.clone(),
        membership: "ban",
        reason: request.reason.clone(),
    };
    change_other(&services, &request, wanted, |_, _, _| Ok(())).await?;
    Ok(ban_user::v3::Response::new())
}

async fn unban_user_route(
    services: Services,
    request: Authed<unban_user::v3::Request>,
) -> Result<unban_user::v3::Response> {
    let wanted = Wanted {
        room_id: request.room_id.clone(),
        target: request.body.user_id.clone(),
        membership: "leave",
        reason: request.reason.clone(),
    };
    let check = |_: &Connection, target: &UserId, current: &str| match current {
        "ban" => Ok(()),
        _ => Err(Error::bad_request(
            ErrorKind::BadState,
            format!("{target} is not banned."),
        )),
    };
    change_other(&services, &request, wanted, check).await?;
    Ok(unban_user::v3::Response::new())
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
            server_notices::check_leave(tx, &room, request.user_id())?;
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
