//! Backups of room keys.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-side-key-backups>

use std::collections::BTreeMap;

use ruma::{
    OwnedRoomId,
    api::client::backup::{
        BackupAlgorithm, RoomKeyBackup, add_backup_keys::v3 as add_keys,
        add_backup_keys_for_room::v3 as add_room, add_backup_keys_for_session::v3 as add_session,
        create_backup_version::v3 as create, delete_backup_keys::v3 as delete_keys,
        delete_backup_keys_for_room::v3 as delete_room,
        delete_backup_keys_for_session::v3 as delete_session, delete_backup_version::v3 as delete,
        get_backup_info::v3 as get_info, get_backup_keys::v3 as get_keys,
        get_backup_keys_for_room::v3 as get_room, get_backup_keys_for_session::v3 as get_session,
        get_latest_backup_info::v3 as get_latest, update_backup_version::v3 as update,
    },
    serde::Raw,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{
        Services,
        backup::{self, Backup, Progress, Scope},
        json::to_raw,
        sessions::Session,
    },
};

/// The largest upload: clients send some hundred keys at a time, of about a kilobyte each.
const MAX_BODY: usize = 16 << 20;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(create_route)
        .ruma(get_latest_route)
        .ruma(get_info_route)
        .ruma(update_route)
        .ruma(delete_route)
        .ruma_with_max_body(MAX_BODY, add_keys_route)
        .ruma_with_max_body(MAX_BODY, add_room_route)
        .ruma(add_session_route)
        .ruma(get_keys_route)
        .ruma(get_room_route)
        .ruma(get_session_route)
        .ruma(delete_keys_route)
        .ruma(delete_room_route)
        .ruma(delete_session_route)
        .merge(old_routes())
}

/// What ruma lacks of the paths before version 1.1 of the specification.
fn old_routes() -> Router {
    const VERSION: &str = "/_matrix/client/r0/room_keys/version/{version}";
    Router::new()
        .ruma_also(
            crate::api::MAX_BODY,
            &["/_matrix/client/r0/room_keys/version"],
            create_route,
        )
        .ruma_also(crate::api::MAX_BODY, &[VERSION], get_info_route)
        .ruma_also(crate::api::MAX_BODY, &[VERSION], update_route)
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/r0/room_keys/keys"],
            add_keys_route,
        )
}

/// A backup's description in its two parts.
#[derive(Deserialize)]
struct Description {
    algorithm: String,
    auth_data: Box<RawValue>,
}

impl Description {
    /// Checks it as ruma does, but keeps what it does not know.
    fn read(raw: &Raw<BackupAlgorithm>) -> Result<Self> {
        raw.deserialize()?;
        Ok(raw.deserialize_as_unchecked()?)
    }
}

async fn create_route(
    services: Services,
    request: Authed<create::Request>,
) -> Result<create::Response> {
    let description = Description::read(&request.algorithm)?;
    let user_id = request.session.user_id;
    let version = services
        .store
        .write(move |tx| {
            Ok(backup::create(
                tx,
                &user_id,
                &description.algorithm,
                &description.auth_data,
            )?)
        })
        .await?;
    Ok(create::Response::new(version.to_string()))
}

async fn get_latest_route(
    services: Services,
    request: Authed<get_latest::Request>,
) -> Result<get_latest::Response> {
    let user_id = request.session.user_id;
    let found = services
        .store
        .read(move |c| backup::latest(c, &user_id))
        .await?;
    let (algorithm, count, etag, version) = describe(&found)?;
    Ok(get_latest::Response::new(algorithm, count, etag, version))
}

async fn get_info_route(
    services: Services,
    request: Authed<get_info::Request>,
) -> Result<get_info::Response> {
    let (user_id, version) = (request.session.user_id, request.body.version);
    let found = services
        .store
        .read(move |c| backup::get(c, &user_id, &version))
        .await?;
    let (algorithm, count, etag, version) = describe(&found)?;
    Ok(get_info::Response::new(algorithm, count, etag, version))
}

fn describe(found: &Backup) -> Result<(Raw<BackupAlgorithm>, ruma::UInt, String, String)> {
    let algorithm = to_raw(&serde_json::json!({
        "algorithm": found.algorithm,
        "auth_data": found.auth_data,
    }))?;
    let version = found.version.to_string();
    Ok((
        Raw::from_json(algorithm),
        found.count.into(),
        found.etag.to_string(),
        version,
    ))
}

async fn update_route(
    services: Services,
    request: Authed<update::Request>,
) -> Result<update::Response> {
    check_version_in_body(&request.raw, &request.version)?;
    let description = Description::read(&request.algorithm)?;
    let (user_id, version) = (request.session.user_id, request.body.version);
    services
        .store
        .write(move |tx| {
            let Description {
                algorithm,
                auth_data,
            } = description;
            backup::update(tx, &user_id, &version, &algorithm, &auth_data)
        })
        .await?;
    Ok(update::Response::new())
}

/// The body may name the version as well; then it must be the same.
fn check_version_in_body(body: &[u8], version: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Named {
        version: Option<String>,
    }
    match serde_json::from_slice::<Named>(body) {
        Ok(Named {
            version: Some(named),
        }) if named != version => Err(Error::invalid_param(
            "The versions in the path and in the body differ.",
        )),
        _ => Ok(()),
    }
}

async fn delete_route(
    services: Services,
    request: Authed<delete::Request>,
) -> Result<delete::Response> {
    let (user_id, version) = (request.session.user_id, request.body.version);
    services
        .store
        .write(move |tx| backup::delete(tx, &user_id, &version))
        .await?;
    Ok(delete::Response::new())
}

async fn add_keys_route(
    services: Services,
    request: Authed<add_keys::Request>,
) -> Result<add_keys::Response> {
    let add_keys::Request { version, rooms, .. } = request.body;
    let Progress { etag, count } = add(&services, request.session, version, rooms).await?;
    Ok(add_keys::Response::new(etag, count))
}

async fn add_room_route(
    services: Services,
    request: Authed<add_room::Request>,
) -> Result<add_room::Response> {
    let add_room::Request {
        version,
        room_id,
        sessions,
        ..
    } = request.body;
    let rooms = BTreeMap::from([(room_id, RoomKeyBackup::new(sessions))]);
    let Progress { etag, count } = add(&services, request.session, version, rooms).await?;
    Ok(add_room::Response::new(etag, count))
}

async fn add_session_route(
    services: Services,
    request: Authed<add_session::Request>,
) -> Result<add_session::Response> {
    let add_session::Request {
        version,
        room_id,
        session_id,
        session_data,
        ..
    } = request.body;
    let sessions = BTreeMap::from([(session_id, session_data)]);
    let rooms = BTreeMap::from([(room_id, RoomKeyBackup::new(sessions))]);
    let Progress { etag, count } = add(&services, request.session, version, rooms).await?;
    Ok(add_session::Response::new(etag, count))
}

async fn add(
    services: &Services,
    session: Session,
    version: String,
    rooms: BTreeMap<OwnedRoomId, RoomKeyBackup>,
) -> Result<Progress> {
    services
        .store
        .write(move |tx| backup::add_keys(tx, &session.user_id, &version, &rooms))
        .await
}

async fn get_keys_route(
    services: Services,
    request: Authed<get_keys::Request>,
) -> Result<get_keys::Response> {
    let (user_id, version) = (request.session.user_id, request.body.version);
    let rooms = services
        .store
        .read(move |c| backup::keys(c, &user_id, &version, Scope::All))
        .await?;
    Ok(get_keys::Response::new(rooms))
}

async fn get_room_route(
    services: Services,
    request: Authed<get_room::Request>,
) -> Result<get_room::Response> {
    let user_id = request.session.user_id;
    let get_room::Request {
        version, room_id, ..
    } = request.body;
    let mut rooms = services
        .store
        .read(move |c| backup::keys(c, &user_id, &version, Scope::Room(&room_id)))
        .await?;
    let sessions = rooms
        .pop_first()
        .map(|(_, room)| room.sessions)
        .unwrap_or_default();
    Ok(get_room::Response::new(sessions))
}

async fn get_session_route(
    services: Services,
    request: Authed<get_session::Request>,
) -> Result<get_session::Response> {
    let user_id = request.session.user_id;
    let get_session::Request {
        version,
        room_id,
        session_id,
        ..
    } = request.body;
    let mut rooms = services
        .store
        .read(move |c| backup::keys(c, &user_id, &version, Scope::Session(&room_id, &session_id)))
        .await?;
    let key = rooms
        .pop_first()
        .and_then(|(_, mut room)| room.sessions.pop_first());
    let (_, key) = key.ok_or_else(|| Error::not_found("There is no key of this session."))?;
    Ok(get_session::Response::new(key))
}

async fn delete_keys_route(
    services: Services,
    request: Authed<delete_keys::Request>,
) -> Result<delete_keys::Response> {
    let (user_id, version) = (request.session.user_id, request.body.version);
    let Progress { etag, count } = services
        .store
        .write(move |tx| backup::delete_keys(tx, &user_id, &version, Scope::All))
        .await?;
    Ok(delete_keys::Response::new(etag, count))
}

async fn delete_room_route(
    services: Services,
    request: Authed<delete_room::Request>,
) -> Result<delete_room::Response> {
    let user_id = request.session.user_id;
    let delete_room::Request {
        version, room_id, ..
    } = request.body;
    let Progress { etag, count } = services
        .store
        .write(move |tx| backup::delete_keys(tx, &user_id, &version, Scope::Room(&room_id)))
        .await?;
    Ok(delete_room::Response::new(etag, count))
}

async fn delete_session_route(
    services: Services,
    request: Authed<delete_session::Request>,
) -> Result<delete_session::Response> {
    let user_id = request.session.user_id;
    let delete_session::Request {
        version,
        room_id,
        session_id,
        ..
    } = request.body;
    let Progress { etag, count } = services
        .store
        .write(move |tx| {
            let scope = Scope::Session(&room_id, &session_id);
            backup::delete_keys(tx, &user_id, &version, scope)
        })
        .await?;
    Ok(delete_session::Response::new(etag, count))
}
