//! The view model of starting a conversation.

use std::time::Duration;

use super::{NewConversationAction, NewConversationEffect, NewConversationState, PersonRow};
use crate::{
    core::Shared,
    failure::{self, Doing},
    ids::{OwnedRoomId, OwnedUserId, UserId},
    rooms::actions::{self, NewRoom, RoomError},
    runtime::TaskHandle,
    session::Session,
    view::{
        Avatar, Pending,
        handle::{self, Driver, Handle, update},
    },
};

/// Starting a conversation. Cheap to clone.
pub type NewConversationViewModel =
    Handle<NewConversationState, NewConversationAction, NewConversationEffect>;

/// A search begins when typing pauses this long.
const TYPING_PAUSE: Duration = Duration::from_millis(250);
/// People found at most.
const MOST_PEOPLE: u64 = 30;

pub(crate) fn start(shared: &Shared) -> NewConversationViewModel {
    let (handle, driver) = handle::pair(NewConversationState::default());
    let model = Model {
        shared: shared.clone(),
        driver,
        search: None,
        submit: None,
    };
    shared.tasks.detach("new-conversation", model.run());
    handle
}

struct Model {
    shared: Shared,
    driver: Driver<NewConversationState, NewConversationAction, NewConversationEffect>,
    search: Option<TaskHandle>,
    submit: Option<TaskHandle>,
}

impl Model {
    async fn run(mut self) {
        while let Some(action) = self.driver.actions.recv().await {
            let Some(session) = self.shared.sessions.current() else {
                continue;
            };
            self.act(session, action);
        }
    }

    fn act(&mut self, session: Session, action: NewConversationAction) {
        match action {
            NewConversationAction::Search(text) => self.search(session, text),
            NewConversationAction::Toggle(user_id) => self.toggle(&user_id),
            NewConversationAction::StartDirect(user_id) => {
                let waiting = self.waiting();
                self.submit(
                    async move { actions::direct_room(&session, &user_id, &waiting).await },
                );
            }
            NewConversationAction::CreateRoom {
                name,
                topic,
                encrypted,
                public,
                alias,
            } => {
                let invite = self
                    .driver
                    .state
                    .borrow()
                    .chosen
                    .iter()
                    .map(|row| row.user_id.clone())
                    .collect();
                let new = NewRoom {
                    name,
                    topic,
                    encrypted,
                    public,
                    alias,
                    invite,
                    direct: false,
                };
                let waiting = self.waiting();
                self.submit(async move { actions::create(&session, &new, &waiting).await });
            }
            NewConversationAction::Join { address } => {
                let waiting = self.waiting();
                self.submit(async move { actions::join(&session, &address, &waiting).await });
            }
            NewConversationAction::Reset => {
                self.search = None;
                self.driver
                    .update(|state| *state = NewConversationState::default());
            }
        }
    }

    fn search(&mut self, session: Session, text: String) {
        let state = self.driver.state.clone();
        if text.trim().is_empty() {
            self.search = None;
            update(&state, |state| {
                state.people.clear();
                state.searching = Pending::Idle;
            });
            return;
        }
        update(&state, |state| state.searching = Pending::Busy);
        self.search = Some(self.shared.tasks.spawn("search-people", async move {
            tokio::time::sleep(TYPING_PAUSE).await;
            let found = people(&session, text.trim()).await;
            update(&state, |state| match found {
                Ok(people) => {
                    state.people = people;
                    state.searching = Pending::Idle;
                }
                Err(error) => state.searching = Pending::Failed(error.notice()),
            });
        }));
    }

    fn toggle(&self, user_id: &UserId) {
        self.driver.update(|state| {
            if let Some(index) = state.chosen.iter().position(|row| row.user_id == user_id) {
                state.chosen.remove(index);
            } else if let Some(row) = state.people.iter().find(|row| row.user_id == user_id) {
                state.chosen.push(row.clone());
            } else {
                state.chosen.push(person(user_id.to_owned(), None, None));
            }
        });
    }

    fn waiting(&self) -> impl Fn(Option<u32>) + Send + Sync + 'static {
        let state = self.driver.state.clone();
        move |left| update(&state, |state| state.submit = Pending::waiting(left))
    }

    fn submit(
        &mut self,
        future: impl Future<Output = Result<OwnedRoomId, RoomError>> + Send + 'static,
    ) {
        let (state, effects) = (self.driver.state.clone(), self.driver.effects.clone());
        update(&state, |state| state.submit = Pending::Busy);
        self.submit = Some(self.shared.tasks.spawn("start-conversation", async move {
            let ended = future.await;
            update(&state, |state| {
                state.submit = match &ended {
                    Ok(_) => Pending::Idle,
                    Err(error) => Pending::Failed(error.notice()),
                };
            });
            if let Ok(room_id) = ended {
                let _ = effects.send(NewConversationEffect::Open(room_id));
            }
        }));
    }
}

/// People by name or id. A whole id is offered even if the directory does not list it.
async fn people(session: &Session, text: &str) -> Result<Vec<PersonRow>, RoomError> {
    let client = session.client();
    let exact = UserId::parse(text)
        .ok()
        .filter(|user_id| user_id != session.user_id());
    let found = match client.search_users(text, MOST_PEOPLE).await {
        Ok(answer) => answer.results,
        Err(error) if exact.is_none() => {
            return Err(failure::of_http(&error, Doing::Other).into());
        }
        Err(_) => Vec::new(),
    };
    let mut rows: Vec<PersonRow> = found
        .into_iter()
        .filter(|user| user.user_id != session.user_id())
        .map(|user| person(user.user_id, user.display_name, user.avatar_url))
        .collect();
    if let Some(user_id) = exact
        && !rows.iter().any(|row| row.user_id == user_id)
    {
        rows.insert(0, profile(session, user_id).await);
    }
    Ok(rows)
}

async fn profile(session: &Session, user_id: OwnedUserId) -> PersonRow {
    use ruma::api::client::profile::{AvatarUrl, DisplayName};
    let profile = session
        .client()
        .account()
        .fetch_user_profile_of(&user_id)
        .await
        .ok();
    let name = profile
        .as_ref()
        .and_then(|profile| profile.get_static::<DisplayName>().ok().flatten());
    let mxc = profile
        .as_ref()
        .and_then(|profile| profile.get_static::<AvatarUrl>().ok().flatten());
    person(user_id, name, mxc)
}

fn person(
    user_id: OwnedUserId,
    name: Option<String>,
    mxc: Option<crate::ids::OwnedMxcUri>,
) -> PersonRow {
    let name = name
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| user_id.localpart().to_owned());
    let avatar = Avatar::new(user_id.as_str(), &name, mxc);
    PersonRow {
        user_id,
        name,
        avatar,
    }
}
