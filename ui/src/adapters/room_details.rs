//! What a room is: name, topic, members, encryption, notifications; leaving it.

use std::rc::Rc;

use hardline_app::{
    ids::UserId,
    view::room_details::{
        MemberRow, Permissions, Role, RoomDetailsAction as Action, RoomDetailsEffect as Effect,
        RoomDetailsState, RoomNotify,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Global, ModelRc, SharedString};

use super::{Port, Screen, Tasks, avatar_data, pending_data, shared::clamp};
use crate::{
    images::{Images, Listening},
    models::{Keyed, Listing, RowModel, follow},
};

type Globals<'a> = views::RoomDetailsAdapter<'a>;

impl Keyed for MemberRow {
    fn key(&self) -> &str {
        self.user_id.as_str()
    }
}

/// Sets the callbacks that are plain actions; choosing a picture, verifying and writing to a member are
/// [`crate::window`]'s.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_set_name(port.with(|name: SharedString| Action::SetName(name.trim().into())));
    global.on_set_topic(port.with(|topic: SharedString| Action::SetTopic(topic.trim().into())));
    global.on_invite(port.with(|user: SharedString| Action::Invite {
        user: user.trim().into(),
    }));
    global.on_kick(port.maybe2(|user: SharedString, reason: SharedString| {
        Some(Action::Kick {
            user_id: UserId::parse(user.as_str()).ok()?,
            reason: reason.into(),
        })
    }));
    global.on_ban(port.maybe2(|user: SharedString, reason: SharedString| {
        Some(Action::Ban {
            user_id: UserId::parse(user.as_str()).ok()?,
            reason: reason.into(),
        })
    }));
    global.on_ignore(port.maybe2(|user: SharedString, on| {
        Some(Action::Ignore {
            user_id: UserId::parse(user.as_str()).ok()?,
            on,
        })
    }));
    global.on_set_notify(port.with(|notify| {
        Action::SetNotify(match notify {
            views::RoomNotify::Default => RoomNotify::Default,
            views::RoomNotify::All => RoomNotify::All,
            views::RoomNotify::Mentions => RoomNotify::Mentions,
            views::RoomNotify::Mute => RoomNotify::Mute,
        })
    }));
    global.on_enable_encryption(port.always(Action::EnableEncryption));
    global.on_search_members(port.with(|text: SharedString| Action::SearchMembers(text.into())));
    global.on_leave(port.always(Action::Leave));
}

/// A bound view model.
pub struct RoomDetails {
    _tasks: Tasks,
    _listening: Listening,
}

/// Shows a view model until what it returns is dropped; effects are handed on.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    own_id: &str,
    screen: Screen<RoomDetailsState, Action, Effect>,
    members: Listing<MemberRow>,
    effect: impl Fn(Effect) + 'static,
) -> RoomDetails {
    port.bind(screen.send);
    let model = RowModel::new({
        let (images, own_id) = (images.clone(), own_id.to_owned());
        move |row| member_data(row, &own_id, &images)
    });
    model.replace(members.rows);
    ui.global::<Globals<'_>>()
        .set_members(ModelRc::from(model.clone()));

    let state = screen.state.clone();
    let show = Rc::new({
        let (ui, images) = (ui.as_weak(), images.clone());
        move |state: &RoomDetailsState| {
            if let Some(ui) = ui.upgrade() {
                show(&Globals::get(&ui), state, &images);
            }
        }
    });
    let listening = images.listen({
        let (rows, show) = (Rc::downgrade(&model), show.clone());
        move |key| {
            let is_key = |mxc: &str| mxc == key;
            if let Some(rows) = rows.upgrade() {
                rows.refresh(|row| {
                    row.avatar
                        .mxc
                        .as_ref()
                        .is_some_and(|mxc| is_key(mxc.as_str()))
                });
            }
            let now = state.borrow().clone();
            if now
                .avatar
                .mxc
                .as_ref()
                .is_some_and(|mxc| is_key(mxc.as_str()))
            {
                show(&now);
            }
        }
    });
    let mut tasks = Tasks::default();
    tasks.spawn(follow(model, members.diffs, |_| ()));
    tasks.effects(screen.effects, effect);
    tasks.watch(screen.state, move |state| show(state));
    RoomDetails {
        _tasks: tasks,
        _listening: listening,
    }
}

fn show(global: &Globals<'_>, state: &RoomDetailsState, images: &Images) {
    global.set_room_id(state.room_id.as_str().into());
    global.set_name(state.name.as_str().into());
    global.set_topic(state.topic.as_str().into());
    global.set_avatar(avatar_data(&state.avatar, images));
    global.set_address(state.alias.as_deref().unwrap_or_default().into());
    global.set_encrypted(state.encrypted);
    global.set_direct(state.direct);
    global.set_public_room(state.public);
    global.set_member_count(clamp(state.member_count));
    global.set_members_loading(state.members_loading);
    global.set_can(permissions(state.can));
    global.set_notify(match state.notify {
        RoomNotify::Default => views::RoomNotify::Default,
        RoomNotify::All => views::RoomNotify::All,
        RoomNotify::Mentions => views::RoomNotify::Mentions,
        RoomNotify::Mute => views::RoomNotify::Mute,
    });
    global.set_pending(pending_data(&state.pending));
}

fn permissions(can: Permissions) -> views::RoomPermissions {
    views::RoomPermissions {
        send: can.send,
        invite: can.invite,
        kick: can.kick,
        ban: can.ban,
        redact_others: can.redact_others,
        change_name: can.change_name,
        encrypt: can.encrypt,
    }
}

fn member_data(row: &MemberRow, own_id: &str, images: &Images) -> views::MemberData {
    views::MemberData {
        user_id: row.user_id.as_str().into(),
        name: row.name.as_str().into(),
        avatar: avatar_data(&row.avatar, images),
        role: match row.role {
            Role::Creator => views::MemberRole::Creator,
            Role::Admin => views::MemberRole::Admin,
            Role::Moderator => views::MemberRole::Moderator,
            Role::Member => views::MemberRole::Member,
        },
        invited: row.invited,
        verified: row.verified,
        ignored: row.ignored,
        own: row.user_id == own_id,
    }
}
