//! Starting something: a person, a room, an address.

use std::rc::Rc;

use hardline_app::{
    ids::{OwnedRoomId, UserId},
    view::new_conversation::{
        NewConversationAction as Action, NewConversationEffect as Effect, NewConversationState,
        PersonRow,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Global, SharedString};

use super::{Port, Screen, Tasks, avatar_data, pending_data, shared::show_list};
use crate::images::{Images, Listening};

type Globals<'a> = views::NewConversationAdapter<'a>;

/// Sets the callbacks of the screen.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_search(port.with(|text: SharedString| Action::Search(text.into())));
    global.on_toggle(
        port.maybe(|user: SharedString| Some(Action::Toggle(UserId::parse(user.as_str()).ok()?))),
    );
    global.on_start_direct(
        port.maybe(|user: SharedString| {
            Some(Action::StartDirect(UserId::parse(user.as_str()).ok()?))
        }),
    );
    global.on_create_room({
        let port = port.clone();
        move |name, topic, encrypted, public, alias| {
            let alias = Some(alias.trim().to_owned()).filter(|alias| !alias.is_empty());
            let (name, topic) = (name.trim().into(), topic.trim().into());
            port.send(Action::CreateRoom {
                name,
                topic,
                encrypted,
                public,
                alias,
            });
        }
    });
    global.on_join(port.with(|address: SharedString| Action::Join {
        address: address.trim().into(),
    }));
    global.on_reset(port.always(Action::Reset));
}

/// A bound view model.
pub struct NewConversation {
    _tasks: Tasks,
    _listening: Listening,
}

/// Shows a view model until what it returns is dropped; `open` goes to a room.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    screen: Screen<NewConversationState, Action, Effect>,
    open: impl Fn(OwnedRoomId) + 'static,
) -> NewConversation {
    port.bind(screen.send);
    let mut tasks = Tasks::default();
    let state = screen.state.clone();
    let show = Rc::new({
        let (ui, images) = (ui.as_weak(), images.clone());
        move |state: &NewConversationState| {
            if let Some(ui) = ui.upgrade() {
                show(&Globals::get(&ui), state, &images);
            }
        }
    });
    let listening = images.listen({
        let show = show.clone();
        move |key| {
            let now = state.borrow().clone();
            if now
                .people
                .iter()
                .chain(&now.chosen)
                .any(|person| is_picture(person, key))
            {
                show(&now);
            }
        }
    });
    tasks.watch(screen.state, move |state| show(state));
    tasks.effects(screen.effects, move |effect| match effect {
        Effect::Open(room_id) => open(room_id),
    });
    NewConversation {
        _tasks: tasks,
        _listening: listening,
    }
}

fn is_picture(person: &PersonRow, key: &str) -> bool {
    person
        .avatar
        .mxc
        .as_ref()
        .is_some_and(|mxc| mxc.as_str() == key)
}

fn show(global: &Globals<'_>, state: &NewConversationState, images: &Images) {
    let person_data = |person: &PersonRow| views::PersonData {
        user_id: person.user_id.as_str().into(),
        name: person.name.as_str().into(),
        avatar: avatar_data(&person.avatar, images),
        chosen: state
            .chosen
            .iter()
            .any(|chosen| chosen.user_id == person.user_id),
    };
    show_list(
        &global.get_people(),
        state.people.iter().map(person_data),
        |people| {
            global.set_people(people);
        },
    );
    show_list(
        &global.get_chosen(),
        state.chosen.iter().map(person_data),
        |chosen| {
            global.set_chosen(chosen);
        },
    );
    global.set_searching(pending_data(&state.searching));
    global.set_submit(pending_data(&state.submit));
}
