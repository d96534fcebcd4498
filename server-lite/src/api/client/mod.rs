//! The [Client-Server API](https://spec.matrix.org/v1.18/client-server-api/).

pub mod account;
pub mod account_data;
pub mod admin;
pub mod appservice;
pub mod auth;
pub mod backup;
pub mod dehydrated_device;
pub mod delayed_events;
pub mod device;
pub mod ephemeral;
pub mod filter;
pub mod keys;
pub mod media;
pub mod membership;
pub mod presence;
pub mod profile;
pub mod push;
pub mod register;
pub mod relations;
pub mod report;
pub mod room_events;
pub mod rooms;
pub mod ruma_gaps;
pub mod search;
pub mod send;
pub mod session;
pub mod shared_secret;
pub mod space;
pub mod sync;
pub mod thirdparty;
pub mod threepid;
pub mod to_device;
pub mod user_directory;
pub mod versions;
pub mod voip;

use ruma::UserId;

use super::{Authed, Router};
use crate::error::{Error, Result};

/// Every route of the Client-Server API. Each module adds its own; keep the list sorted.
pub fn routes() -> Router {
    Router::new()
        .merge(account::routes())
        .merge(account_data::routes())
        .merge(admin::routes())
        .merge(appservice::routes())
        .merge(backup::routes())
        .merge(dehydrated_device::routes())
        .merge(delayed_events::routes())
        .merge(device::routes())
        .merge(ephemeral::routes())
        .merge(filter::routes())
        .merge(keys::routes())
        .merge(media::routes())
        .merge(membership::routes())
        .merge(presence::routes())
        .merge(profile::routes())
        .merge(push::routes())
        .merge(register::routes())
        .merge(relations::routes())
        .merge(report::routes())
        .merge(room_events::routes())
        .merge(rooms::routes())
        .merge(search::routes())
        .merge(send::routes())
        .merge(session::routes())
        .merge(shared_secret::routes())
        .merge(space::routes())
        .merge(sync::routes())
        .merge(thirdparty::routes())
        .merge(threepid::routes())
        .merge(to_device::routes())
        .merge(user_directory::routes())
        .merge(versions::routes())
        .merge(voip::routes())
}

/// Refuses a request about another user's private things.
pub(crate) fn only_oneself<T>(request: &Authed<T>, user_id: &UserId) -> Result<()> {
    if request.user_id() == user_id {
        Ok(())
    } else {
        Err(Error::forbidden("This belongs to another user."))
    }
}
