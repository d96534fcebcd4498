//! Keeping people safe from each other: what is looked at before an event of somebody here is taken.
//!
//! [`admit`] is asked by everything that makes an event. It refuses invitations that are not wanted
//! ([`super::invites`]), what the operator's rules do not want said ([`rules`]), and what bothers many ([`spam`]).

pub mod rules;
mod spam;
mod texts;

use parking_lot::Mutex;
use ruma::{
    CanonicalJsonValue, EventId, OwnedRoomId, OwnedUserId, UserId, events::TimelineEventType,
};
use tokio::sync::Notify;

use self::{
    rules::{Action, Cache, Hit, Place},
    spam::Spam,
};
use super::{
    Services, accounts, guests, invites, now_ms,
    reports::{self, Filtered},
    rooms::{Room, append::NewEvent, membership},
    server_notices,
};
use crate::{Error, error::Result, store::WriteTx};

/// What was refused and is not yet written down: no more than this is kept.
const MAX_REFUSALS: usize = 1000;

/// What is kept in memory for all this.
#[derive(Default)]
pub struct Safety {
    rules: Cache,
    spam: Spam,
    refusals: Mutex<Vec<Refusal>>,
    refused: Notify,
}

/// Something that a rule was about, outside of an event that is stored.
struct Refusal {
    hit: Hit,
    user: OwnedUserId,
    room: Option<OwnedRoomId>,
}

/// What becomes of an event that may be sent.
#[derive(Debug, Default)]
pub struct Fate {
    /// Only its sender shall see it.
    pub hidden: bool,
    hits: Vec<Hit>,
}

/// Looks at an event before it is taken.
///
/// # Errors
/// `M_FORBIDDEN` with the category of the rule, `M_INVITE_BLOCKED`, `M_LIMIT_EXCEEDED`.
pub fn admit(tx: &WriteTx<'_>, services: &Services, room: &Room, new: &NewEvent) -> Result<Fate> {
    if server_notices::is_sender(&services.config, new.sender.as_str()) {
        return Ok(Fate::default());
    }
    if let (TimelineEventType::RoomMember, Some(target)) = (&new.kind, &new.state_key) {
        admit_member(tx, services, room, new, target)?;
    }
    if new.kind == TimelineEventType::RoomMessage && new.state_key.is_none() {
        admit_message(tx, services, room, new)?;
    }
    admit_words(tx, services, room, new)
}

fn admit_member(
    tx: &WriteTx<'_>,
    services: &Services,
    room: &Room,
    new: &NewEvent,
    target: &str,
) -> Result<()> {
    let Ok(target) = <&UserId>::try_from(target) else {
        return Ok(());
    };
    let membership = new
        .content
        .get("membership")
        .and_then(CanonicalJsonValue::as_str);
    match membership {
        Some("invite") => {
            invites::check(tx, services, room, &new.sender, target)?;
            let is_stranger = !membership::share_room(tx, &new.sender, target)?;
            if is_stranger && limits_apply(tx, services, &new.sender)? {
                services
                    .safety
                    .spam
                    .invite(&services.config.safety, &new.sender, target)?;
            }
            Ok(())
        }
        Some("join" | "knock") if *target == *new.sender => guests::check_entry(tx, room, target),
        _ => Ok(()),
    }
}

fn admit_message(tx: &WriteTx<'_>, services: &Services, room: &Room, new: &NewEvent) -> Result<()> {
    let body = new.content.get("body").and_then(CanonicalJsonValue::as_str);
    match body {
        Some(body) if limits_apply(tx, services, &new.sender)? => {
            let limits = &services.config.safety;
            services
                .safety
                .spam
                .message(limits, &new.sender, room.nid, body)
        }
        _ => Ok(()),
    }
}

fn limits_apply(tx: &WriteTx<'_>, services: &Services, user: &UserId) -> Result<bool> {
    Ok(services.config.rate_limits.enabled && !accounts::is_admin(tx, user)?)
}

fn admit_words(tx: &WriteTx<'_>, services: &Services, room: &Room, new: &NewEvent) -> Result<Fate> {
    let rules = services.safety.rules.get(tx)?;
    let mut fate = Fate::default();
    for (place, words) in texts::of(new) {
        if rules.look_at(place) {
            fate.hits.extend(rules.hits(place, &words));
        }
    }
    if let Some(hit) = fate.hits.iter().find(|hit| hit.action == Action::Reject) {
        let error = refusal(hit, place_of(new));
        services
            .safety
            .note_refusal(hit.clone(), &new.sender, Some(&room.id));
        return Err(error);
    }
    fate.hidden = fate.hits.iter().any(|hit| hit.action == Action::Hide);
    Ok(fate)
}

fn place_of(new: &NewEvent) -> Place {
    match (&new.kind, &new.state_key) {
        (TimelineEventType::RoomName, Some(_)) => Place::Name,
        (TimelineEventType::RoomTopic, Some(_)) => Place::Topic,
        (TimelineEventType::RoomMember, Some(_)) => Place::DisplayName,
        _ => Place::Message,
    }
}

fn refusal(hit: &Hit, place: Place) -> Error {
    let what = match place {
        Place::Message => "message",
        Place::Name => "room name",
        Place::Topic => "topic",
        Place::DisplayName => "name",
        Place::MediaType => "kind of file",
    };
    Error::forbidden(format!(
        "This server does not allow this {what}: {}.",
        hit.category
    ))
}

/// Writes down which rules were about an event that is now stored.
pub fn write_down(
    tx: &WriteTx<'_>,
    room: &Room,
    event_id: &EventId,
    sender: &UserId,
    fate: &Fate,
) -> Result<()> {
    for hit in &fate.hits {
        write_hit(
            tx,
            hit,
            sender,
            Some(room.id.as_str()),
            Some(event_id.as_str()),
        )?;
    }
    Ok(())
}

fn write_hit(
    tx: &WriteTx<'_>,
    hit: &Hit,
    user: &UserId,
    room: Option<&str>,
    event: Option<&str>,
) -> Result<()> {
    let now = now_ms();
    rules::count_hit(tx, hit.rule, now)?;
    let what = match hit.action {
        Action::Reject => "rejected",
        Action::Hide => "hidden",
        Action::Report => "reported",
    };
    let reason = format!("{what}: {}", hit.category);
    reports::add_filtered(
        tx,
        &Filtered {
            rule: hit.rule,
            user,
            room,
            event,
            reason: &reason,
        },
    )
}

/// Refuses a name that somebody wants to show everywhere.
///
/// # Errors
/// `M_FORBIDDEN` with the category of the rule.
pub fn admit_display_name(
    tx: &WriteTx<'_>,
    services: &Services,
    user: &UserId,
    name: &str,
) -> Result<()> {
    let hits = services
        .safety
        .rules
        .get(tx)?
        .hits(Place::DisplayName, &[name]);
    services.safety.judge(hits, user, Place::DisplayName)
}

/// Looks at an upload before it is taken: its kind, and how many there were.
///
/// # Errors
/// `M_FORBIDDEN` with the category of the rule, `M_LIMIT_EXCEEDED`.
pub async fn admit_upload(
    services: &Services,
    user: &UserId,
    content_type: Option<&str>,
) -> Result<()> {
    let (looker, kind) = (services.clone(), content_type.map(str::to_owned));
    let user_id = user.to_owned();
    let (hits, limited) = services
        .store
        .read(move |c| {
            let rules = looker.safety.rules.get(c)?;
            let hits = kind.map(|kind| rules.hits(Place::MediaType, &[&kind]));
            let limited = looker.config.rate_limits.enabled && !accounts::is_admin(c, &user_id)?;
            Ok((hits.unwrap_or_default(), limited))
        })
        .await?;
    services.safety.judge(hits, user, Place::MediaType)?;
    if limited {
        services.safety.spam.upload(&services.config.safety, user)?;
    }
    Ok(())
}

impl Safety {
    /// What is not an event is rejected, or taken and written down.
    fn judge(&self, hits: Vec<Hit>, user: &UserId, place: Place) -> Result<()> {
        let rejecting = hits
            .iter()
            .find(|hit| hit.action == Action::Reject)
            .cloned();
        if let Some(hit) = rejecting {
            let error = refusal(&hit, place);
            self.note_refusal(hit, user, None);
            return Err(error);
        }
        for hit in hits {
            self.note_refusal(hit, user, None);
        }
        Ok(())
    }

    /// Whatever is written while an event is refused is undone with it, so [`run`] writes this a moment later.
    fn note_refusal(&self, hit: Hit, user: &UserId, room: Option<&OwnedRoomId>) {
        let mut refusals = self.refusals.lock();
        if refusals.len() < MAX_REFUSALS {
            refusals.push(Refusal {
                hit,
                user: user.to_owned(),
                room: room.cloned(),
            });
        }
        drop(refusals);
        self.refused.notify_one();
    }
}

/// Writes down what was refused, until the server stops.
pub async fn run(services: Services) {
    loop {
        tokio::select! {
            () = services.safety.refused.notified() => {}
            () = services.shutdown.cancelled() => return,
        }
        let refusals = std::mem::take(&mut *services.safety.refusals.lock());
        let written = services.store.write(move |tx| {
            for refusal in &refusals {
                let room = refusal.room.as_ref().map(|room| room.as_str());
                write_hit(tx, &refusal.hit, &refusal.user, room, None)?;
            }
            Ok(())
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "cannot write down what a filter rule refused");
        }
    }
}
