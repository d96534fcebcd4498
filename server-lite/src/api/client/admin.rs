//! What administrators do from a client: look at sessions, lock and suspend accounts.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#server-administration>

use ruma::{
    OwnedUserId, UserId,
    api::client::admin::{
        get_user_info::v3 as whois, is_user_locked::v1 as is_locked,
        is_user_suspended::v1 as is_suspended, lock_user::v1 as lock, suspend_user::v1 as suspend,
    },
};
use rusqlite::Connection;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{
        Services,
        accounts::{self, Restraint},
        devices,
    },
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(whois_route)
        .ruma(is_locked_route)
        .ruma(lock_route)
        .ruma(is_suspended_route)
        .ruma(suspend_route)
}

/// Anybody may look at their own sessions, administrators at everybody's.
async fn whois_route(
    services: Services,
    request: Authed<whois::Request>,
) -> Result<whois::Response> {
    let target = request.body.user_id.clone();
    let devices = services
        .store
        .read(move |c| {
            let own = request.user_id() == request.body.user_id;
            if !own && !accounts::is_admin(c, request.user_id())? {
                return Err(Error::forbidden(
                    "Only administrators see others' sessions.",
                ));
            }
            require_account(c, &request.body.user_id)?;
            Ok(devices::list(c, &request.body.user_id)?)
        })
        .await?;
    let mut response = whois::Response::new();
    response.user_id = Some(target);
    for device in devices {
        let mut connection = whois::ConnectionInfo::new();
        connection.ip = device.last_seen_ip;
        connection.last_seen = device.last_seen_ts;
        let mut session = whois::SessionInfo::new();
        session.connections = vec![connection];
        let mut info = whois::DeviceInfo::new();
        info.sessions = vec![session];
        response.devices.insert(device.device_id.to_string(), info);
    }
    Ok(response)
}

fn require_account(connection: &Connection, user: &UserId) -> Result<()> {
    if accounts::exists(connection, user)? {
        Ok(())
    } else {
        Err(Error::not_found("There is no such account here."))
    }
}

async fn get<T>(
    services: &Services,
    request: Authed<T>,
    target: OwnedUserId,
    restraint: Restraint,
) -> Result<bool>
where
    T: Send + 'static,
{
    let by = request.session.user_id;
    services
        .store
        .read(move |c| {
            require_power_over(c, &by, &target)?;
            Ok(accounts::is_restrained(c, &target, restraint)?)
        })
        .await
}

async fn set<T>(
    services: &Services,
    request: Authed<T>,
    target: OwnedUserId,
    restraint: Restraint,
    on: bool,
) -> Result<bool>
where
    T: Send + 'static,
{
    let by = request.session.user_id;
    tracing::info!(user_id = %target, by = %by, ?restraint, on, "restraining an account");
    services
        .store
        .write(move |tx| {
            require_power_over(tx, &by, &target)?;
            accounts::restrain(tx, &target, restraint, on)
        })
        .await?;
    Ok(on)
}

/// Administrators have power over all accounts but those of administrators.
fn require_power_over(connection: &Connection, by: &UserId, target: &UserId) -> Result<()> {
    if !accounts::is_admin(connection, by)? {
        return Err(Error::forbidden("Only administrators may do this."));
    }
    require_account(connection, target)?;
    if accounts::is_admin(connection, target)? {
        return Err(Error::forbidden("This is an administrator's account."));
    }
    Ok(())
}

async fn is_locked_route(
    services: Services,
    request: Authed<is_locked::Request>,
) -> Result<is_locked::Response> {
    let target = request.body.user_id.clone();
    let locked = get(&services, request, target, Restraint::Locked).await?;
    Ok(is_locked::Response::new(locked))
}

async fn lock_route(services: Services, request: Authed<lock::Request>) -> Result<lock::Response> {
    let (target, on) = (request.body.user_id.clone(), request.body.locked);
    let locked = set(&services, request, target, Restraint::Locked, on).await?;
    Ok(lock::Response::new(locked))
}

async fn is_suspended_route(
    services: Services,
    request: Authed<is_suspended::Request>,
) -> Result<is_suspended::Response> {
    let target = request.body.user_id.clone();
    let suspended = get(&services, request, target, Restraint::Suspended).await?;
    Ok(is_suspended::Response::new(suspended))
}

async fn suspend_route(
    services: Services,
    request: Authed<suspend::Request>,
) -> Result<suspend::Response> {
    let (target, on) = (request.body.user_id.clone(), request.body.suspended);
    let suspended = set(&services, request, target, Restraint::Suspended, on).await?;
    Ok(suspend::Response::new(suspended))
}
