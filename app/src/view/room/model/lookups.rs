//! Jobs beside the loop, and what comes of them.

use std::collections::HashSet;

use matrix_sdk_ui::timeline::{TimelineItem, TimelineItemContent};

use super::{
    super::RoomEffect, completion::Candidate, driver::Model, keys::Asked, transfer::Arrived,
};
use crate::{
    ids::{OwnedEventId, OwnedUserId},
    media::{Attachment, MediaError},
    notice::Notice,
    timeline::Person,
};

/// People asked of the server in one go; the rest are shown by their id.
const REMOTE: usize = 30;

/// What a job came to.
pub(super) enum Outcome {
    /// Names and pictures.
    People(Vec<(OwnedUserId, Person)>),
    /// Older rows were fetched, or not.
    Paginated(Result<bool, Notice>),
    /// The emptied timeline holds rows again.
    Refilled {
        /// There is nothing older.
        at_start: bool,
    },
    /// An event that was looked for is in the timeline now.
    Found(OwnedEventId),
    /// It is nowhere to be found.
    NotFound,
    /// Members to complete names from.
    Members(Vec<Candidate>),
    /// A file was read, to be attached.
    Attached(String, Box<Result<Attachment, MediaError>>),
    /// A file arrived.
    Arrived(Arrived),
    /// Keys were asked for.
    KeysAsked(Asked),
    /// A link to be copied.
    Link(String),
    /// Tell something.
    Toast(Notice),
    /// The person left.
    Left,
}

impl Model {
    pub(super) async fn take_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::People(people) => self.learn(people),
            Outcome::Paginated(result) => self.paginated(result),
            Outcome::Refilled { at_start } => {
                self.screen.update(|state| state.at_start = at_start);
                self.release();
            }
            Outcome::Found(event_id) => {
                if let Some(row) = self.row_of_event(&event_id) {
                    self.effect(RoomEffect::ScrollTo { row });
                    self.effect(RoomEffect::Focus(event_id));
                }
            }
            Outcome::NotFound => {}
            Outcome::Members(members) => self.learn_members(members),
            Outcome::Attached(name, result) => self.attached(&name, *result),
            Outcome::Arrived(arrived) => self.arrived(arrived),
            Outcome::KeysAsked(asked) => self.keys_asked(asked),
            Outcome::Link(link) => self.effect(RoomEffect::Copy(link)),
            Outcome::Toast(notice) => self.effect(RoomEffect::Toast(notice)),
            Outcome::Left => self.effect(RoomEffect::Left),
        }
    }

    /// Finds out names and pictures: from the store first, from the server for those it does not have.
    pub(super) fn look_up(&self, people: Vec<OwnedUserId>) {
        let (room, client, outcomes) = (
            self.room.clone(),
            self.client.clone(),
            self.outcomes.clone(),
        );
        self.tasks.detach("names", async move {
            let mut found = Vec::new();
            let mut unknown = Vec::new();
            for user_id in people {
                match room.get_member_no_sync(&user_id).await {
                    Ok(Some(member)) => found.push((user_id, Person::from(&member))),
                    _ => unknown.push(user_id),
                }
            }
            if !found.is_empty() {
                let _ = outcomes.send(Outcome::People(found));
            }
            let mut remote = Vec::new();
            for (at, user_id) in unknown.into_iter().enumerate() {
                let person = if at < REMOTE {
                    profile(&client, &user_id).await
                } else {
                    Person::default()
                };
                remote.push((user_id, person));
            }
            if !remote.is_empty() {
                let _ = outcomes.send(Outcome::People(remote));
            }
        });
    }

    fn learn(&mut self, people: Vec<(OwnedUserId, Person)>) {
        let who: HashSet<OwnedUserId> = people.iter().map(|(user_id, _)| user_id.clone()).collect();
        for (user_id, person) in people {
            self.context.names.learn(user_id, person);
        }
        self.list
            .refresh(|item| speaks_of(item, &who), &self.context);
        self.after_rows();
        self.show_typing();
    }
}

async fn profile(client: &matrix_sdk::Client, user_id: &OwnedUserId) -> Person {
    use ruma::api::client::profile::{AvatarUrl, DisplayName};
    match client.account().fetch_user_profile_of(user_id).await {
        Ok(profile) => Person {
            display_name: profile.get_static::<DisplayName>().ok().flatten(),
            ambiguous: false,
            avatar: profile.get_static::<AvatarUrl>().ok().flatten(),
        },
        Err(error) => {
            tracing::debug!(%user_id, %error, "no profile");
            Person::default()
        }
    }
}

/// Whether a row of this item names one of these people.
fn speaks_of(item: &TimelineItem, who: &HashSet<OwnedUserId>) -> bool {
    let Some(event) = item.as_event() else {
        return false;
    };
    if who.contains(event.sender()) || event.read_receipts().keys().any(|user| who.contains(user)) {
        return true;
    }
    let content = match event.content() {
        TimelineItemContent::MsgLike(content) => content,
        TimelineItemContent::MembershipChange(change) => return who.contains(change.user_id()),
        _ => return false,
    };
    let reacted = content
        .reactions
        .values()
        .any(|by| by.keys().any(|user| who.contains(user)));
    reacted
        || content
            .in_reply_to
            .as_ref()
            .is_some_and(|reply| match &reply.event {
                matrix_sdk_ui::timeline::TimelineDetails::Ready(event) => {
                    who.contains(&event.sender)
                }
                _ => false,
            })
}
