//! The members of a room: read from the store first, ordered, filtered, told as small changes.

use std::sync::{Arc, Mutex, PoisonError};

use eyeball_im::{ObservableVector, Vector, VectorDiff, VectorSubscriberBatchedStream};
use matrix_sdk::{Client, Room, RoomMemberships, room::RoomMember};
use ruma::events::room::{member::MembershipState, power_levels::UserPowerLevel};

use super::{MemberRow, Role};
use crate::timeline::{Person, minimize};

/// Members whose verification is looked up; in larger rooms nobody reads that mark.
const LOOKED_UP: usize = 300;

/// The rows, shared with screens.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberRows(Arc<Mutex<ObservableVector<MemberRow>>>);

impl MemberRows {
    pub(super) fn subscribe(
        &self,
    ) -> (Vector<MemberRow>, VectorSubscriberBatchedStream<MemberRow>) {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.subscribe().into_values_and_batched_stream()
    }

    /// Brings the rows shown to these.
    pub(super) fn show(&self, wanted: &[MemberRow]) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<MemberRow> = rows.iter().cloned().collect();
        let diffs = minimize(&before, wanted, 0, before.len());
        // A list that is mostly new is quicker taken as a whole.
        if diffs.len() > 100 {
            let mut batch = rows.transaction();
            batch.clear();
            batch.append(wanted.iter().cloned().collect());
            return batch.commit();
        }
        let mut batch = rows.transaction();
        for diff in diffs {
            match diff {
                VectorDiff::Append { values } => batch.append(values),
                VectorDiff::Clear => batch.clear(),
                VectorDiff::Insert { index, value } => batch.insert(index, value),
                VectorDiff::Set { index, value } => drop(batch.set(index, value)),
                VectorDiff::Remove { index } => drop(batch.remove(index)),
                VectorDiff::Reset { values } => {
                    batch.clear();
                    batch.append(values);
                }
                // The minimizer makes no others.
                _ => {}
            }
        }
        batch.commit();
    }
}

/// All members, the mightiest first; `sync` asks the server for those the store lacks.
pub(super) async fn load(
    client: &Client,
    room: &Room,
    sync: bool,
) -> Result<Vec<MemberRow>, matrix_sdk::Error> {
    let wanted = RoomMemberships::JOIN | RoomMemberships::INVITE;
    let members = if sync {
        room.members(wanted).await?
    } else {
        room.members_no_sync(wanted).await?
    };
    let look_up = room.encryption_state().is_encrypted() && members.len() <= LOOKED_UP;
    let mut rows = Vec::with_capacity(members.len());
    for member in &members {
        let verified = look_up && is_verified(client, member).await;
        rows.push(row(member, verified));
    }
    rows.sort_by_cached_key(|row| {
        (
            row.invited,
            row.role,
            row.name.to_lowercase(),
            row.user_id.clone(),
        )
    });
    Ok(rows)
}

async fn is_verified(client: &Client, member: &RoomMember) -> bool {
    let identity = client
        .encryption()
        .get_user_identity(member.user_id())
        .await;
    matches!(identity, Ok(Some(identity)) if identity.is_verified())
}

fn row(member: &RoomMember, verified: bool) -> MemberRow {
    let person = Person::from(member);
    MemberRow {
        user_id: member.user_id().to_owned(),
        name: person.name(member.user_id()),
        avatar: person.avatar(member.user_id()),
        role: role(member.power_level()),
        invited: *member.membership() == MembershipState::Invite,
        verified,
        ignored: member.is_ignored(),
    }
}

fn role(level: UserPowerLevel) -> Role {
    match level {
        UserPowerLevel::Infinite => Role::Creator,
        UserPowerLevel::Int(level) if i64::from(level) >= 100 => Role::Admin,
        UserPowerLevel::Int(level) if i64::from(level) >= 50 => Role::Moderator,
        _ => Role::Member,
    }
}

/// Members whose name or id contains what was typed.
pub(super) fn filter(rows: &[MemberRow], typed: &str) -> Vec<MemberRow> {
    let typed = typed.trim().to_lowercase();
    rows.iter()
        .filter(|row| {
            typed.is_empty()
                || row.name.to_lowercase().contains(&typed)
                || row.user_id.as_str().contains(&typed)
        })
        .cloned()
        .collect()
}
