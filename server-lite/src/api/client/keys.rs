//! Encryption keys.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#end-to-end-encryption>

use std::collections::BTreeMap;

use ruma::{
    OwnedUserId,
    api::client::keys::{
        claim_keys::v3 as claim, get_key_changes::v3 as changes, get_keys::v3 as query,
        upload_keys::v3 as upload, upload_signatures::v3 as signatures,
        upload_signing_keys::v3 as signing_keys,
    },
};
use serde_json::{Map, Value, json};

use super::auth;
use crate::{
    api::{Authed, MAX_BODY, Router, Routes},
    error::{Error, Result},
    service::{
        Services,
        appservices::identity::require_device,
        keys::{self, CrossSigningUpload, SignatureFailure},
        rooms::timeline::Token,
        sync::device_lists,
    },
    store::WriteTx,
};

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(upload_keys_route)
        .ruma(query_keys_route)
        .ruma(claim_keys_route)
        .ruma(key_changes_route)
        .ruma(upload_signing_keys_route)
        .ruma(upload_signatures_route)
        .merge(old_routes())
}

/// Paths of the time when keys were a proposal; clients of that time also name their device when they upload.
fn old_routes() -> Router {
    const UPLOAD: [&str; 2] = [
        "/_matrix/client/unstable/keys/upload",
        "/_matrix/client/r0/keys/upload/{device_id}",
    ];
    Router::new()
        .ruma_also(MAX_BODY, &UPLOAD, upload_keys_route)
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/unstable/keys/query"],
            query_keys_route,
        )
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/unstable/keys/claim"],
            claim_keys_route,
        )
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/unstable/keys/changes"],
            key_changes_route,
        )
}

async fn upload_keys_route(
    services: Services,
    request: Authed<upload::Request>,
) -> Result<upload::Response> {
    let (session, body) = (request.session, request.body);
    require_device(&session.device_id)?;
    let counts = services
        .store
        .write(move |tx| {
            let (user_id, device_id) = (&*session.user_id, &*session.device_id);
            if let Some(device_keys) = &body.device_keys
                && keys::upload_device_keys(tx, user_id, device_id, device_keys)?
            {
                keys::mark_changed(tx, user_id)?;
            }
            keys::upload_one_time(tx, user_id, device_id, &body.one_time_keys)?;
            keys::upload_fallback(tx, user_id, device_id, &body.fallback_keys)?;
            Ok(keys::counts(tx, user_id, device_id)?)
        })
        .await?;
    Ok(upload::Response::new(counts))
}

async fn query_keys_route(
    services: Services,
    request: Authed<query::Request>,
) -> Result<query::Response> {
    let viewer = request.session.user_id;
    let (asked, remote): (BTreeMap<_, _>, BTreeMap<_, _>) = request
        .body
        .device_keys
        .into_iter()
        .partition(|(user_id, _)| is_local(&services, user_id));
    let found = services
        .store
        .read(move |c| Ok(keys::query(c, &viewer, &asked)?))
        .await?;
    let mut response = query::Response::new();
    response.failures = unreachable_servers(remote.keys());
    response.device_keys = found.device_keys;
    response.master_keys = found.master_keys;
    response.self_signing_keys = found.self_signing_keys;
    response.user_signing_keys = found.user_signing_keys;
    Ok(response)
}

async fn claim_keys_route(
    services: Services,
    request: Authed<claim::Request>,
) -> Result<claim::Response> {
    let (asked, remote): (BTreeMap<_, _>, BTreeMap<_, _>) = request
        .body
        .one_time_keys
        .into_iter()
        .partition(|(user_id, _)| is_local(&services, user_id));
    let claimed = services
        .store
        .write(move |tx| {
            let mut claimed: BTreeMap<_, claim::OneTimeKeys> = BTreeMap::new();
            for (user_id, devices) in asked {
                for (device_id, algorithm) in devices {
                    if let Some(found) = keys::claim(tx, &user_id, &device_id, &algorithm)? {
                        let of_user = claimed.entry(user_id.clone()).or_default();
                        of_user
                            .entry(device_id)
                            .or_default()
                            .insert(found.id, found.key);
                    }
                }
            }
            Ok(claimed)
        })
        .await?;
    let mut response = claim::Response::new(claimed);
    response.failures = unreachable_servers(remote.keys());
    Ok(response)
}

/// Changes after `to` are told as well: whoever asks learns of them a little early.
async fn key_changes_route(
    services: Services,
    request: Authed<changes::Request>,
) -> Result<changes::Response> {
    let (from, to) = (Token::parse(&request.from)?, Token::parse(&request.to)?);
    if from.position > to.position {
        return Err(Error::invalid_param("from lies after to."));
    }
    let viewer = request.session.user_id;
    let lists = services
        .store
        .read(move |c| device_lists::since(c, &viewer, from.position))
        .await?;
    let list = |users: std::collections::BTreeSet<_>| users.into_iter().collect();
    Ok(changes::Response::new(
        list(lists.changed),
        list(lists.left),
    ))
}

async fn upload_signing_keys_route(
    services: Services,
    request: Authed<signing_keys::Request>,
) -> Result<signing_keys::Response> {
    let (session, body) = (request.session, request.body);
    let upload = CrossSigningUpload {
        master: body.master_key,
        self_signing: body.self_signing_key,
        user_signing: body.user_signing_key,
    };
    let (user_id, asked) = (session.user_id.clone(), upload.clone());
    let is_new = services
        .store
        .read(move |c| Ok(keys::is_new_identity(c, &user_id, &asked)?))
        .await?;
    if is_new {
        let action = "cross-signing".to_owned();
        auth::confirm_user_or_appservice(&services, &session, action, body.auth.as_ref()).await?;
    }
    services
        .store
        .write(move |tx| {
            let user_id = &session.user_id;
            // Another device may have uploaded an identity since we looked.
            if !is_new && keys::is_new_identity(tx, user_id, &upload)? {
                return Err(Error::forbidden(
                    "Another device has just uploaded other keys.",
                ));
            }
            if keys::store_cross_signing(tx, user_id, &upload)? {
                keys::mark_changed(tx, user_id)?;
            }
            Ok(())
        })
        .await?;
    Ok(signing_keys::Response::new())
}

async fn upload_signatures_route(
    services: Services,
    request: Authed<signatures::Request>,
) -> Result<signatures::Response> {
    // The map's values can only be read in ruma's two forms; here they are read as they came.
    let signed: BTreeMap<OwnedUserId, BTreeMap<String, Map<String, Value>>> =
        serde_json::from_slice(&request.raw)?;
    let signer = request.session.user_id;
    let failures = services
        .store
        .write(move |tx| add_signatures(tx, &signer, &signed))
        .await?;
    let mut response = signatures::Response::new();
    response.failures = serde_json::from_value(failures).map_err(Error::internal)?;
    Ok(response)
}

fn add_signatures(
    tx: &WriteTx<'_>,
    signer: &OwnedUserId,
    signed: &BTreeMap<OwnedUserId, BTreeMap<String, Map<String, Value>>>,
) -> Result<Value> {
    let mut failures: BTreeMap<&OwnedUserId, BTreeMap<&str, Value>> = BTreeMap::new();
    for (user_id, of_user) in signed {
        let mut added = false;
        for (key_name, key) in of_user {
            match keys::add_signatures(tx, signer, user_id, key_name, key) {
                Ok(new) => added |= new,
                Err(SignatureFailure::Database(error)) => return Err(error.into()),
                Err(failure) => {
                    let error =
                        json!({ "errcode": failure.errcode(), "error": failure.to_string() });
                    failures.entry(user_id).or_default().insert(key_name, error);
                }
            }
        }
        if added && signer == user_id {
            keys::mark_changed(tx, user_id)?;
        } else if added {
            keys::mark_signed(tx, signer, user_id)?;
        }
    }
    serde_json::to_value(failures).map_err(Error::internal)
}

fn is_local(services: &Services, user_id: &OwnedUserId) -> bool {
    user_id.server_name() == services.config.server.name
}

/// Servers of users that are not ours: their keys cannot be asked for.
fn unreachable_servers<'a>(
    users: impl Iterator<Item = &'a OwnedUserId>,
) -> BTreeMap<String, Value> {
    users
        .map(|user_id| (user_id.server_name().to_string(), json!({})))
        .collect()
}
