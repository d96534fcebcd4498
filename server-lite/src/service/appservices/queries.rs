//! Asking application services for users and rooms that are not there (yet).
//!
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#querying>

use ruma::{OwnedUserId, RoomAliasId, RoomOrAliasId, UserId};

use crate::{
    error::Result,
    service::{Services, accounts, rooms::aliases},
};

/// Lets application services make a user of theirs before it is said that there is none.
pub async fn ensure_user(services: &Services, user: &UserId) -> Result<()> {
    let asked = services
        .appservices
        .listening(|appservice| appservice.has_user(user.as_str()));
    if asked.is_empty() {
        return Ok(());
    }
    let wanted = user.to_owned();
    let exists = services
        .store
        .read(move |c| Ok(accounts::exists(c, &wanted)?))
        .await?;
    if exists {
        return Ok(());
    }
    for appservice in &asked {
        let client = &services.appservices.client;
        if client.query(appservice, "users", user.as_str()).await {
            break;
        }
    }
    Ok(())
}

/// The same for several.
pub async fn ensure_users(services: &Services, users: &[OwnedUserId]) -> Result<()> {
    for user in users {
        ensure_user(services, user).await?;
    }
    Ok(())
}

/// Lets application services make a room of theirs before it is said that there is none.
pub async fn ensure_alias(services: &Services, alias: &RoomAliasId) -> Result<()> {
    let asked = services
        .appservices
        .listening(|appservice| appservice.has_alias(alias));
    if asked.is_empty() || alias.server_name() != services.config.server.name {
        return Ok(());
    }
    let wanted = alias.to_owned();
    let known = services
        .store
        .read(move |c| aliases::room_of(c, &wanted))
        .await?;
    if known.is_some() {
        return Ok(());
    }
    for appservice in &asked {
        let client = &services.appservices.client;
        if client.query(appservice, "rooms", alias.as_str()).await {
            break;
        }
    }
    Ok(())
}

/// The same where a room is named one way or the other.
pub async fn ensure_room(services: &Services, name: &RoomOrAliasId) -> Result<()> {
    match <&RoomAliasId>::try_from(name.as_str()) {
        Ok(alias) => ensure_alias(services, alias).await,
        Err(_) => Ok(()),
    }
}
