//! Push rules and pushers.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#push-notifications>

use http::StatusCode;
use ruma::{
    api::{
        client::push::{
            PushRule, PusherKind, delete_pushrule::v3 as delete_rule,
            get_notifications::v3 as get_notifications, get_pushers::v3 as get_pushers,
            get_pushrule::v3 as get_rule, get_pushrule_actions::v3 as get_actions,
            get_pushrule_enabled::v3 as get_enabled, get_pushrules_all::v3 as get_all,
            get_pushrules_global_scope::v3 as get_global, set_pusher::v3 as set_pusher,
            set_pushrule::v3 as set_rule, set_pushrule_actions::v3 as set_actions,
            set_pushrule_enabled::v3 as set_enabled,
        },
        error::ErrorKind,
    },
    push::{InsertPushRuleError, RemovePushRuleError, Ruleset},
};

use crate::{
    api::{Authed, Router, Routes},
    error::{Error, Result},
    service::{
        Services, notifications, push_rules, pushers, rooms::client_event::Viewer,
        sessions::Session,
    },
};

/// The routes of this module. Clients ask for all rules without the slash at the end as well.
pub fn routes() -> Router {
    Router::new()
        .ruma(get_all_route)
        .ruma_at("/_matrix/client/r0/pushrules", &[], get_all_route)
        .ruma_at("/_matrix/client/v3/pushrules", &[], get_all_route)
        .ruma(get_global_route)
        .ruma_at("/_matrix/client/r0/pushrules/global", &[], get_global_route)
        .ruma_at("/_matrix/client/v3/pushrules/global", &[], get_global_route)
        .ruma(get_rule_route)
        .ruma(set_rule_route)
        .ruma(delete_rule_route)
        .ruma(get_enabled_route)
        .ruma(set_enabled_route)
        .ruma(get_actions_route)
        .ruma(set_actions_route)
        .ruma_json(get_notifications_route)
        .ruma(get_pushers_route)
        .ruma(set_pusher_route)
}

async fn get_all_route(
    services: Services,
    request: Authed<get_all::Request>,
) -> Result<get_all::Response> {
    Ok(get_all::Response::new(
        rules(&services, request.session).await?,
    ))
}

async fn get_global_route(
    services: Services,
    request: Authed<get_global::Request>,
) -> Result<get_global::Response> {
    Ok(get_global::Response::new(
        rules(&services, request.session).await?,
    ))
}

async fn get_rule_route(
    services: Services,
    request: Authed<get_rule::Request>,
) -> Result<get_rule::Response> {
    let get_rule::Request { kind, rule_id, .. } = request.body;
    let rules = rules(&services, request.session).await?;
    let rule = rules.get(kind, rule_id).ok_or_else(no_rule)?;
    Ok(get_rule::Response::new(PushRule::from(rule)))
}

async fn get_enabled_route(
    services: Services,
    request: Authed<get_enabled::Request>,
) -> Result<get_enabled::Response> {
    let get_enabled::Request { kind, rule_id, .. } = request.body;
    let rules = rules(&services, request.session).await?;
    let rule = rules.get(kind, rule_id).ok_or_else(no_rule)?;
    Ok(get_enabled::Response::new(rule.enabled()))
}

async fn get_actions_route(
    services: Services,
    request: Authed<get_actions::Request>,
) -> Result<get_actions::Response> {
    let get_actions::Request { kind, rule_id, .. } = request.body;
    let rules = rules(&services, request.session).await?;
    let rule = rules.get(kind, rule_id).ok_or_else(no_rule)?;
    Ok(get_actions::Response::new(rule.actions().to_vec()))
}

async fn set_rule_route(
    services: Services,
    request: Authed<set_rule::Request>,
) -> Result<set_rule::Response> {
    let set_rule::Request {
        rule,
        before,
        after,
        ..
    } = request.body;
    change(&services, request.session, move |rules| {
        rules
            .insert(rule, after.as_deref(), before.as_deref())
            .map_err(insert_error)
    })
    .await?;
    Ok(set_rule::Response::new())
}

async fn delete_rule_route(
    services: Services,
    request: Authed<delete_rule::Request>,
) -> Result<delete_rule::Response> {
    let delete_rule::Request { kind, rule_id, .. } = request.body;
    change(&services, request.session, move |rules| {
        rules.remove(kind, rule_id).map_err(|error| match error {
            RemovePushRuleError::ServerDefault => {
                Error::invalid_param("The rules of the server cannot be deleted; disable them.")
            }
            _ => no_rule(),
        })
    })
    .await?;
    Ok(delete_rule::Response::new())
}

async fn set_enabled_route(
    services: Services,
    request: Authed<set_enabled::Request>,
) -> Result<set_enabled::Response> {
    let set_enabled::Request {
        kind,
        rule_id,
        enabled,
        ..
    } = request.body;
    change(&services, request.session, move |rules| {
        rules
            .set_enabled(kind, rule_id, enabled)
            .map_err(|_| no_rule())
    })
    .await?;
    Ok(set_enabled::Response::new())
}

async fn set_actions_route(
    services: Services,
    request: Authed<set_actions::Request>,
) -> Result<set_actions::Response> {
    let set_actions::Request {
        kind,
        rule_id,
        actions,
        ..
    } = request.body;
    change(&services, request.session, move |rules| {
        rules
            .set_actions(kind, rule_id, actions)
            .map_err(|_| no_rule())
    })
    .await?;
    Ok(set_actions::Response::new())
}

/// What the user was notified of, the newest first.
async fn get_notifications_route(
    services: Services,
    request: Authed<get_notifications::Request>,
) -> Result<serde_json::Value> {
    const MAX_PAGE: usize = 100;
    let unknown = |_| Error::invalid_param("Unknown page.");
    let before = request.from.as_deref().map(str::parse).transpose();
    let limit = request.limit.and_then(|limit| usize::try_from(limit).ok());
    let query = notifications::Query {
        before: before.map_err(unknown)?,
        limit: limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE),
        highlights_only: request.only.as_deref() == Some("highlight"),
    };
    let (found, next) = services
        .store
        .read(move |c| {
            let viewer = Viewer {
                user_id: request.user_id(),
                device_id: request.device_id(),
            };
            notifications::list(c, viewer, &query)
        })
        .await?;
    let mut body = serde_json::json!({ "notifications": found });
    if let Some(next) = next {
        body["next_token"] = next.to_string().into();
    }
    Ok(body)
}

async fn get_pushers_route(
    services: Services,
    request: Authed<get_pushers::Request>,
) -> Result<get_pushers::Response> {
    let user_id = request.session.user_id;
    let pushers = services
        .store
        .read(move |c| pushers::list(c, &user_id))
        .await?;
    Ok(get_pushers::Response::new(pushers))
}

async fn set_pusher_route(
    services: Services,
    request: Authed<set_pusher::Request>,
) -> Result<set_pusher::Response> {
    let (session, action) = (request.session, request.body.action);
    if let set_pusher::PusherAction::Post(data) = &action {
        check_pusher(&data.pusher.kind)?;
    }
    services
        .store
        .write(move |tx| match &action {
            set_pusher::PusherAction::Post(data) => pushers::set(
                tx,
                &session.user_id,
                &session.device_id,
                &data.pusher,
                data.append,
            ),
            set_pusher::PusherAction::Delete(ids) => {
                pushers::delete(tx, &session.user_id, &ids.app_id, &ids.pushkey)
            }
            _ => Err(Error::invalid_param("Unknown action.")),
        })
        .await?;
    Ok(set_pusher::Response::new())
}

/// The address of an HTTP pusher ends in the path the specification fixes.
fn check_pusher(kind: &PusherKind) -> Result<()> {
    let PusherKind::Http(data) = kind else {
        return Err(Error::invalid_param(
            "This server knows pushers of the kind http only.",
        ));
    };
    match url::Url::parse(&data.url) {
        Ok(url) if url.path() == "/_matrix/push/v1/notify" => Ok(()),
        _ => Err(Error::invalid_param(
            "data.url ends in /_matrix/push/v1/notify.",
        )),
    }
}

async fn rules(services: &Services, session: Session) -> Result<Ruleset> {
    services
        .store
        .read(move |c| Ok(push_rules::ruleset(c, &session.user_id)?))
        .await
}

/// Changes the rules of a user in one transaction.
async fn change(
    services: &Services,
    session: Session,
    change: impl FnOnce(&mut Ruleset) -> Result<()> + Send + 'static,
) -> Result<()> {
    let cache = services.push_rules.clone();
    let (user_id, written) = (session.user_id.clone(), cache.clone());
    let result = services
        .store
        .write(move |tx| {
            let mut rules = push_rules::ruleset(tx, &session.user_id)?;
            change(&mut rules)?;
            push_rules::store(tx, &written, &session.user_id, rules).map(drop)
        })
        .await;
    if result.is_err() {
        // Whatever was read inside the transaction that did not happen is forgotten.
        cache.note_changed(&user_id);
    }
    result
}

fn insert_error(error: InsertPushRuleError) -> Error {
    let kind = match error {
        InsertPushRuleError::UnknownRuleId => ErrorKind::NotFound,
        _ => ErrorKind::InvalidParam,
    };
    let status = match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    };
    Error::new(status, kind, error.to_string())
}

fn no_rule() -> Error {
    Error::not_found("There is no such push rule.")
}
