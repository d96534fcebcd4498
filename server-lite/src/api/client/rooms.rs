//! Creating rooms, aliases, the directory.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#creation>

use ruma::{
    UInt,
    api::client::{
        alias::{create_alias, delete_alias, get_alias},
        directory::{
            get_public_rooms, get_public_rooms_filtered, get_room_visibility, set_room_visibility,
        },
        room::{Visibility, aliases as get_aliases, create_room, get_summary, upgrade_room},
    },
    directory::RoomTypeFilter,
    room::RoomType,
};

use crate::{
    Error,
    api::{Authed, MAX_BODY, Public, Router, Routes},
    error::Result,
    service::{
        Services,
        appservices::queries,
        rate_limit::Class,
        rooms::{
            self, aliases, create,
            directory::{self, Search},
            membership, power,
            upgrade::upgrade,
            visibility::{may_know, require_joined, state_horizon},
        },
    },
};

/// A page of the directory never holds more rooms than this.
const MAX_PAGE: usize = 100;

/// The routes of this module.
pub fn routes() -> Router {
    Router::new()
        .ruma(create_room_route)
        .ruma(get_alias_route)
        .ruma(create_alias_route)
        .ruma(delete_alias_route)
        .ruma(get_aliases_route)
        .ruma(get_public_rooms_route)
        .ruma(search_public_rooms_route)
        .ruma(get_room_visibility_route)
        .ruma(set_room_visibility_route)
        .ruma(get_summary_route)
        .ruma_also(
            MAX_BODY,
            &["/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}"],
            get_summary_route,
        )
        .ruma(upgrade_room_route)
}

async fn create_room_route(
    services: Services,
    request: Authed<create_room::v3::Request>,
) -> Result<create_room::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    refuse_suspended(&request)?;
    let asking = request.session.appservice.as_deref();
    if let Some(alias) = create::alias_of(&services, &request.body)? {
        services.appservices.ensure_alias_is_free(&alias, asking)?;
    }
    queries::ensure_users(&services, &request.invite).await?;
    let store = services.store.clone();
    let room = store
        .write(move |tx| create::create(tx, &services, request.user_id(), &request.body))
        .await?;
    Ok(create_room::v3::Response::new(room.id))
}

async fn upgrade_room_route(
    services: Services,
    request: Authed<upgrade_room::v3::Request>,
) -> Result<upgrade_room::v3::Response> {
    services
        .limiter
        .check(Class::Rooms, request.user_id().as_str())?;
    refuse_suspended(&request)?;
    create::require_supported(&request.new_version)?;
    let writer = services.clone();
    let room = services
        .store
        .write(move |tx| {
            let mut old = rooms::get(tx, &request.room_id)?;
            let (version, creators) = (&request.new_version, &request.additional_creators);
            upgrade(tx, &writer, &mut old, request.user_id(), version, creators)
        })
        .await?;
    Ok(upgrade_room::v3::Response::new(room.id))
}

/// Suspended users may read and leave, not act.
pub(super) fn refuse_suspended<T>(request: &Authed<T>) -> Result<()> {
    if request.session.suspended {
        return Err(Error::new(
            http::StatusCode::FORBIDDEN,
            ruma::api::error::ErrorKind::UserSuspended,
            "Your account is suspended: you can read and leave rooms.",
        ));
    }
    Ok(())
}

async fn get_alias_route(
    services: Services,
    request: Public<get_alias::v3::Request>,
) -> Result<get_alias::v3::Response> {
    queries::ensure_alias(&services, &request.room_alias).await?;
    let room = services
        .store
        .read(move |c| aliases::resolve(c, &request.room_alias))
        .await?;
    let servers = vec![services.config.server.name.clone()];
    Ok(get_alias::v3::Response::new(room, servers))
}

async fn create_alias_route(
    services: Services,
    request: Authed<create_alias::v3::Request>,
) -> Result<create_alias::v3::Response> {
    refuse_suspended(&request)?;
    if request.room_alias.server_name() != services.config.server.name {
        return Err(Error::invalid_param(
            "Addresses of other servers cannot be made here.",
        ));
    }
    let asking = request.session.appservice.as_deref();
    let (appservices, alias) = (&services.appservices, &request.room_alias);
    appservices.ensure_alias_is_free(alias, asking)?;
    services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &request.room_id)?;
            require_joined(tx, &room, request.user_id())?;
            aliases::insert(tx, &room, &request.room_alias, request.user_id())
        })
        .await?;
    Ok(create_alias::v3::Response::new())
}

async fn delete_alias_route(
    services: Services,
    request: Authed<delete_alias::v3::Request>,
) -> Result<delete_alias::v3::Response> {
    let asking = request.session.appservice.clone();
    services
        .store
        .write(move |tx| match asking {
            // It manages all addresses of its namespaces, whoever made them.
            Some(asking) if asking.has_alias(&request.room_alias) => {
                aliases::remove_any(tx, &request.room_alias)
            }
            _ => aliases::remove(tx, &request.room_alias, request.user_id()),
        })
        .await?;
    Ok(delete_alias::v3::Response::new())
}

async fn get_aliases_route(
    services: Services,
    request: Authed<get_aliases::v3::Request>,
) -> Result<get_aliases::v3::Response> {
    let aliases = services
        .store
        .read(move |c| {
            let room = rooms::get(c, &request.room_id)?;
            state_horizon(c, &room, request.user_id())?;
            aliases::of_room(c, room.nid)
        })
        .await?;
    Ok(get_aliases::v3::Response::new(aliases))
}

async fn get_public_rooms_route(
    services: Services,
    request: Public<get_public_rooms::v3::Request>,
) -> Result<get_public_rooms::v3::Response> {
    let search = page(request.limit, request.since.as_deref())?;
    let (chunk, next, total) = find(&services, search).await?;
    let mut response = get_public_rooms::v3::Response::new(chunk);
    response.next_batch = next;
    response.total_room_count_estimate = UInt::try_from(total).ok();
    Ok(response)
}

async fn search_public_rooms_route(
    services: Services,
    request: Authed<get_public_rooms_filtered::v3::Request>,
) -> Result<get_public_rooms_filtered::v3::Response> {
    let mut search = page(request.limit, request.since.as_deref())?;
    search.term = request
        .filter
        .generic_search_term
        .clone()
        .filter(|term| !term.is_empty());
    let types = request.filter.room_types.iter();
    search.room_types = types.map(room_type).collect();
    search.network = request.room_network.clone();
    let (chunk, next, total) = find(&services, search).await?;
    let mut response = get_public_rooms_filtered::v3::Response::new();
    (response.chunk, response.next_batch) = (chunk, next);
    response.total_room_count_estimate = UInt::try_from(total).ok();
    Ok(response)
}

fn room_type(filter: &RoomTypeFilter) -> Option<RoomType> {
    match filter {
        RoomTypeFilter::Default => None,
        RoomTypeFilter::Space => Some(RoomType::Space),
        other => other.as_str().map(RoomType::from),
    }
}

fn page(limit: Option<UInt>, since: Option<&str>) -> Result<Search> {
    let wrong = |_| Error::invalid_param("Unknown page.");
    let offset = since.map_or(Ok(0), |since| since.parse().map_err(wrong))?;
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MAX_PAGE);
    Ok(Search {
        offset,
        limit: limit.min(MAX_PAGE),
        ..Search::default()
    })
}

type Chunk = Vec<ruma::directory::PublicRoomsChunk>;

async fn find(services: &Services, search: Search) -> Result<(Chunk, Option<String>, usize)> {
    let end = search.offset + search.limit;
    let found = services
        .store
        .read(move |c| directory::search(c, &search))
        .await?;
    let next = (end < found.total).then(|| end.to_string());
    Ok((found.chunk, next, found.total))
}

async fn get_room_visibility_route(
    services: Services,
    request: Public<get_room_visibility::v3::Request>,
) -> Result<get_room_visibility::v3::Response> {
    let published = services
        .store
        .read(move |c| directory::is_published(c, &rooms::get(c, &request.room_id)?))
        .await?;
    let visibility = if published {
        Visibility::Public
    } else {
        Visibility::Private
    };
    Ok(get_room_visibility::v3::Response::new(visibility))
}

async fn set_room_visibility_route(
    services: Services,
    request: Authed<set_room_visibility::v3::Request>,
) -> Result<set_room_visibility::v3::Response> {
    refuse_suspended(&request)?;
    services
        .store
        .write(move |tx| {
            let room = rooms::get(tx, &request.room_id)?;
            require_joined(tx, &room, request.user_id())?;
            power::require_state_level(tx, &room, request.user_id(), "m.room.canonical_alias")?;
            directory::publish(tx, &room, request.visibility == Visibility::Public)
        })
        .await?;
    Ok(set_room_visibility::v3::Response::new())
}

/// What somebody may know of a room before joining it.
async fn get_summary_route(
    services: Services,
    request: Public<get_summary::v1::Request>,
) -> Result<get_summary::v1::Response> {
    queries::ensure_room(&services, &request.room_id_or_alias).await?;
    services
        .store
        .read(move |c| {
            let unknown = || Error::not_found("There is no such room, or you may not see it.");
            let id = aliases::resolve_any(c, &request.room_id_or_alias)?;
            let room = rooms::find(c, &id)?.ok_or_else(unknown)?;
            let member = match &request.session {
                Some(session) => membership::find(c, room.nid, &session.user_id)?,
                None => None,
            };
            let user = request.session.as_ref().map(|session| &*session.user_id);
            if !may_know(c, &room, user)? {
                return Err(unknown());
            }
            let membership = member.map(|member| member.membership);
            let summary = directory::summary(c, &room)?;
            let mut response = get_summary::v1::Response::new(summary);
            response.membership = membership.map(Into::into);
            Ok(response)
        })
        .await
}
