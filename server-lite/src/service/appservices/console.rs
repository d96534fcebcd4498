//! A bridge's console: a direct room with its bot that is there without anybody having set it up.

use std::sync::Arc;

use ruma::{
    OwnedUserId, UserId,
    api::client::room::create_room::v3::{Request, RoomPreset},
};
use rusqlite::OptionalExtension;
use tokio::sync::Notify;

use super::Appservice;
use crate::{
    error::{Error, Result},
    service::{
        Services, accounts,
        rooms::{
            self, Room, create,
            membership::{self, Change},
        },
    },
    store::WriteTx,
};

/// Wakes the task that makes consoles.
#[derive(Default)]
pub(super) struct Consoles {
    account_made: Notify,
}

/// Somebody has an account now, who may be waiting for a console.
pub fn account_made(services: &Services, user: &UserId) {
    let consoles = &services.config.appservices.console;
    if consoles
        .iter()
        .any(|console| console.users.iter().any(|wanted| wanted == user))
    {
        services.appservices.console.account_made.notify_one();
    }
}

/// Makes the consoles of the configuration, now and when people get their accounts, until the server stops.
pub(super) async fn run(services: Services) {
    loop {
        for console in &services.config.appservices.console {
            let Some(appservice) = services.appservices.by_id(&console.appservice) else {
                continue;
            };
            for user in &console.users {
                if let Err(error) = ensure(&services, appservice, user).await {
                    tracing::warn!(appservice = appservice.id(), user_id = %user, %error,
                        "cannot make a room with a bridge's bot");
                }
            }
        }
        tokio::select! {
            () = services.appservices.console.account_made.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
    }
}

async fn ensure(
    services: &Services,
    appservice: &Arc<Appservice>,
    user: &OwnedUserId,
) -> Result<()> {
    if user.server_name() != services.config.server.name {
        return Err(Error::internal("this is no user of this server"));
    }
    let (writer, appservice, user) = (services.clone(), appservice.clone(), user.clone());
    let is_there = {
        let (appservice, user) = (appservice.clone(), user.clone());
        services
            .store
            .read(move |c| {
                let waits = !accounts::is_active(c, &user)?;
                Ok(waits || is_complete(c, &appservice, &user)?)
            })
            .await?
    };
    if is_there {
        return Ok(());
    }
    services
        .store
        .write(move |tx| match find(tx, &appservice, &user)? {
            Some(room) => invite(tx, &writer, room, &appservice, &user),
            None => make(tx, &writer, &appservice, &user),
        })
        .await
}

/// The room, as long as the bot is in it.
fn find(
    connection: &rusqlite::Connection,
    appservice: &Appservice,
    user: &UserId,
) -> Result<Option<Room>> {
    let room: Option<i64> = connection
        .prepare_cached(
            "SELECT room FROM appservice_consoles WHERE appservice = ?1 AND user_id = ?2",
        )?
        .query_row((appservice.id(), user.as_str()), |row| row.get(0))
        .optional()?;
    match room {
        Some(room) if membership::is_joined(connection, room, &appservice.registration.sender)? => {
            rooms::by_nid(connection, room).map(Some)
        }
        _ => Ok(None),
    }
}

fn is_complete(
    connection: &rusqlite::Connection,
    appservice: &Appservice,
    user: &UserId,
) -> Result<bool> {
    let Some(room) = find(connection, appservice, user)? else {
        return Ok(false);
    };
    let member = membership::find(connection, room.nid, user)?;
    // Whoever the bot has banned is not let in again.
    Ok(member.is_some_and(|member| matches!(&*member.membership, "join" | "invite" | "ban")))
}

fn invite(
    tx: &WriteTx<'_>,
    services: &Services,
    mut room: Room,
    appservice: &Appservice,
    user: &UserId,
) -> Result<()> {
    let mut change = Change::new(&appservice.registration.sender, user, "invite");
    change.extra.insert("is_direct".to_owned(), true.into());
    membership::change(tx, services, &mut room, change).map(drop)
}

fn make(
    tx: &WriteTx<'_>,
    services: &Services,
    appservice: &Appservice,
    user: &UserId,
) -> Result<()> {
    let mut request = Request::new();
    request.is_direct = true;
    request.preset = Some(RoomPreset::TrustedPrivateChat);
    request.invite = vec![user.to_owned()];
    let room = create::create(tx, services, &appservice.registration.sender, &request)?;
    tx.execute(
        "INSERT OR REPLACE INTO appservice_consoles (appservice, user_id, room) VALUES (?1, ?2, ?3)",
        (appservice.id(), user.as_str(), room.nid),
    )?;
    tracing::info!(appservice = appservice.id(), user_id = %user, room_id = %room.id,
        "made a room with a bridge's bot");
    Ok(())
}
