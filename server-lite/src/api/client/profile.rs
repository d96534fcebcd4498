//! Profiles.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#profiles>

use ruma::{
    OwnedUserId,
    api::{
        client::profile::{
            delete_profile_field::v3 as delete_field, get_profile::v3 as get_profile,
            get_profile_field::v3 as get_field, set_avatar_url::v3 as set_avatar_url,
            set_display_name::v3 as set_display_name, set_profile_field::v3 as set_field,
        },
        error::ErrorKind,
    },
    profile::ProfileFieldValue,
};
use serde_json::Value;

use super::ruma_gaps::SetFieldRequest;
use crate::{
    api::{Authed, Public, Router, Routes},
    error::{Error, Result},
    service::{Services, accounts, profiles, rooms::membership, safety, sessions::Session},
};

/// The routes of this module. The two fields of old have endpoints of their own, in which the value may be missing.
pub fn routes() -> Router {
    let mut router = Router::new()
        .ruma(get_profile_route)
        .ruma(get_field_route)
        .ruma(set_field_route)
        .ruma(delete_field_route)
        .ruma(set_display_name_route)
        .ruma(set_avatar_url_route);
    for version in ["r0", "v3"] {
        let path = |field| format!("/_matrix/client/{version}/profile/{{user_id}}/{field}");
        router = router
            .ruma_at(
                &path(profiles::DISPLAY_NAME),
                &[profiles::DISPLAY_NAME],
                get_field_route,
            )
            .ruma_at(
                &path(profiles::DISPLAY_NAME),
                &[profiles::DISPLAY_NAME],
                delete_field_route,
            )
            .ruma_at(
                &path(profiles::AVATAR_URL),
                &[profiles::AVATAR_URL],
                get_field_route,
            )
            .ruma_at(
                &path(profiles::AVATAR_URL),
                &[profiles::AVATAR_URL],
                delete_field_route,
            );
    }
    router
}

async fn get_profile_route(
    services: Services,
    request: Public<get_profile::Request>,
) -> Result<get_profile::Response> {
    let user_id = request.body.user_id;
    let fields = services
        .store
        .read(move |c| {
            if accounts::exists(c, &user_id)? {
                profiles::all(c, &user_id)
            } else {
                Err(no_user())
            }
        })
        .await?;
    Ok(fields.into_iter().collect())
}

async fn get_field_route(
    services: Services,
    request: Public<get_field::Request>,
) -> Result<get_field::Response> {
    let get_field::Request { user_id, field, .. } = request.body;
    let name = field.as_str().to_owned();
    let value = services
        .store
        .read(move |c| profiles::field(c, &user_id, &name))
        .await?;
    let value = value.ok_or_else(|| Error::not_found("This profile has no such field."))?;
    let value = ProfileFieldValue::new(field.as_str(), value).map_err(Error::internal)?;
    Ok(get_field::Response::new(value))
}

async fn set_field_route(
    services: Services,
    request: Authed<SetFieldRequest>,
) -> Result<set_field::Response> {
    let SetFieldRequest {
        user_id,
        field,
        value,
    } = request.body;
    let missing = || Error::bad_request(ErrorKind::MissingParam, format!("{field} is missing."));
    let value = value.ok_or_else(missing)?;
    set(&services, request.session, user_id, &field, Some(value)).await?;
    Ok(set_field::Response::new())
}

async fn delete_field_route(
    services: Services,
    request: Authed<delete_field::Request>,
) -> Result<delete_field::Response> {
    let delete_field::Request { user_id, field, .. } = request.body;
    set(&services, request.session, user_id, field.as_str(), None).await?;
    Ok(delete_field::Response::new())
}

async fn set_display_name_route(
    services: Services,
    request: Authed<set_display_name::Request>,
) -> Result<set_display_name::Response> {
    let set_display_name::Request {
        user_id,
        displayname,
        ..
    } = request.body;
    let value = displayname
        .filter(|name| !name.is_empty())
        .map(Value::String);
    set(
        &services,
        request.session,
        user_id,
        profiles::DISPLAY_NAME,
        value,
    )
    .await?;
    Ok(set_display_name::Response::new())
}

async fn set_avatar_url_route(
    services: Services,
    request: Authed<set_avatar_url::Request>,
) -> Result<set_avatar_url::Response> {
    let set_avatar_url::Request {
        user_id,
        avatar_url,
        ..
    } = request.body;
    let value = avatar_url
        .map(|url| Value::String(url.to_string()))
        .filter(|url| url != "");
    set(
        &services,
        request.session,
        user_id,
        profiles::AVATAR_URL,
        value,
    )
    .await?;
    Ok(set_avatar_url::Response::new())
}

async fn set(
    services: &Services,
    session: Session,
    user_id: OwnedUserId,
    field: &str,
    value: Option<Value>,
) -> Result<()> {
    if session.user_id != user_id {
        return Err(Error::forbidden("This is somebody else's profile."));
    }
    let (field, all) = (field.to_owned(), services.clone());
    services
        .store
        .write(move |tx| {
            if let (profiles::DISPLAY_NAME, Some(Value::String(name))) = (&*field, &value) {
                safety::admit_display_name(tx, &all, &user_id, name)?;
            }
            let changed = profiles::set(tx, &user_id, &field, value.as_ref())?;
            let shown_in_rooms = field == profiles::DISPLAY_NAME || field == profiles::AVATAR_URL;
            if changed && shown_in_rooms {
                membership::update_profile(tx, &all, &user_id)?;
            }
            Ok(())
        })
        .await
}

fn no_user() -> Error {
    Error::not_found("There is no such user.")
}
